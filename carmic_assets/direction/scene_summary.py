"""Builds the API's view of a scene: tracks and source shots of one clip, with the clip's start as time 0.

It is built from the `Scene` alone, so that the API process needs neither Polars nor the Parquet file of the spatial
matrix.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.model.scene import MatrixBox, MatrixTrack, Scene, SourceShot, SpatialMatrix


def build_clip_matrix(scene: Scene, start_s: float, end_s: float) -> SpatialMatrix:
    """Return the `advanced_spatial_matrix` of a clip: its tracks, with boxes rounded to four decimals."""
    speaker_by_track = {track: speaker for speaker, tracks in scene.people.items() for track in tracks}
    tracks = []
    for track in scene.tracks:
        i, j = bisect_left(track.t, start_s - 1e-6), bisect_left(track.t, end_s - 1e-6)
        if i == j:
            continue
        zeros = (0.0,) * len(track.t)
        columns = (track.x, track.y, track.w, track.h, track.score or zeros, track.speaking or zeros)
        boxes = tuple(
            MatrixBox(round(t - start_s, 3) + 0.0, *(round(value, 4) for value in row))
            for t, *row in zip(track.t[i:j], *(column[i:j] for column in columns), strict=True)
        )
        tracks.append(MatrixTrack(track.id, track.kind, speaker_by_track.get(track.id), boxes))
    return SpatialMatrix(scene.fps, scene.detector, tuple(tracks))


def build_clip_shots(scene: Scene, start_s: float, end_s: float) -> tuple[SourceShot, ...]:
    """Return the source shots of a clip: the intervals between hard cuts, contiguous from 0 to the clip's length."""
    cuts = FrameGrid(start_s, scene.rate).snap_inside(scene.cuts_s, start_s, end_s)
    edges = [round(t - start_s, 6) for t in (start_s, *cuts, end_s)]
    return tuple(SourceShot(a, b, "start" if k == 0 else "cut") for k, (a, b) in enumerate(pairwise(edges)))
