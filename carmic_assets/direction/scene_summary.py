"""What the API tells of a scene for one clip: the tracks and the shots of its source, on the clip clock. No decisions.

Made from the `Scene` alone, so that the API process needs neither polars nor the parquet of the spatial matrix.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.subjects import hard_cuts
from carmic_assets.model.scene import MatrixBox, MatrixTrack, Scene, SourceShot, SpatialMatrix


def clip_matrix(scene: Scene, start_s: float, end_s: float) -> SpatialMatrix:
    """`advanced_spatial_matrix` of a clip: the tracks seen in it, boxes with four decimals."""
    letters = {track: letter for letter, tracks in scene.people.items() for track in tracks}
    tracks = []
    for track in scene.tracks:
        i, j = bisect_left(track.t, start_s - 1e-6), bisect_left(track.t, end_s - 1e-6)
        if i == j:
            continue
        none = (0.0,) * len(track.t)
        columns = (track.x, track.y, track.w, track.h, track.score or none, track.speaking or none)
        boxes = tuple(
            MatrixBox(round(t - start_s, 3) + 0.0, *(round(value, 4) for value in row))
            for t, *row in zip(track.t[i:j], *(column[i:j] for column in columns), strict=True)
        )
        tracks.append(MatrixTrack(track.id, track.kind, letters.get(track.id), boxes))
    return SpatialMatrix(scene.fps, scene.detector, tuple(tracks))


def clip_shots(scene: Scene, start_s: float, end_s: float) -> tuple[SourceShot, ...]:
    """`shots` of a clip: the stretches between the hard cuts found in the source, contiguous from 0 to its length."""
    cuts = hard_cuts(scene, start_s, end_s, FrameGrid(start_s, scene.rate))
    edges = [round(t - start_s, 6) for t in (start_s, *cuts, end_s)]
    return tuple(SourceShot(a, b, "start" if k == 0 else "cut") for k, (a, b) in enumerate(pairwise(edges)))
