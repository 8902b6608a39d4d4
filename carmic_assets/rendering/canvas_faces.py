"""Where faces are on the canvas, so that emoji reactions can stand beside them and never over one.

Carries the scene's boxes through the crops of the edit; detects nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from carmic_assets.direction.canvas import region_rects
from carmic_assets.direction.crop_sampling import region_at, shot_at
from carmic_assets.model.direction import Box
from carmic_assets.model.edit import Edit, FaceBox
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.rendering.crop_plan import WHOLE, fitted

HEADS = ("face", "head")
HEAD_OF_BODY = 0.22  # of a person's height: the head is at the top


def faces_on_canvas(edit: Edit, scene: Scene, around: tuple[float, float] | None = None) -> tuple[FaceBox, ...]:
    """Faces in canvas pixels for stretches of the clip clock, one for each detection that is seen.

    `around` limits them to a stretch of the clip clock; without it the times of all reactions are taken, since nothing
    else asks for faces.
    """
    stretches = (
        [around]
        if around is not None
        else [(e.start_time, e.start_time + e.duration) for e in edit.config.elements.emojis]
    )
    speakers = {track: speaker for speaker, tracks in scene.people.items() for track in tracks}
    step = 1 / max(scene.fps, 1.0)
    found: dict[tuple[int, int], FaceBox] = {}
    for a, b in stretches:
        for track in scene.tracks:
            first = bisect_left(track.t, edit.start_s + a - step)
            last = bisect_right(track.t, edit.start_s + b + step)
            for i in range(first, last):
                t = track.t[i] - edit.start_s
                for number, (x, y, w, h) in enumerate(_seen(edit, _head(track, i), t)):
                    face = FaceBox(t - step, t + step, x, y, w, h, speakers.get(track.id))
                    found[(track.id * 2 + number, i)] = face
    return tuple(found[key] for key in sorted(found))


def _head(track: SceneTrack, i: int) -> Box:
    h = track.h[i] if track.kind in HEADS else track.h[i] * HEAD_OF_BODY
    return Box(track.x[i], track.y[i], track.w[i], h)


def _seen(edit: Edit, face: Box, t: float) -> list[tuple[float, float, float, float]]:
    """The rectangles (x, y, w, h) in which `face` is seen at `t`: none, one, or one in each half of a split."""
    shot = shot_at(edit.shots, t)
    layout = edit.config.layout
    rects = region_rects(shot.layout, layout.aspect_ratio, layout.padding)
    if shot.layout == "fit":
        pairs = [(WHOLE, fitted(edit, rects[0]))]
    else:
        pairs = [(region_at(region, t), rect) for region, rect in zip(shot.regions, rects, strict=True)]
    seen = []
    for crop, rect in pairs:
        left = max(0.0, (face.x - crop.x) / crop.w)
        right = min(1.0, (face.x + face.w - crop.x) / crop.w)
        top = max(0.0, (face.y - crop.y) / crop.h)
        bottom = min(1.0, (face.y + face.h - crop.y) / crop.h)
        if right > left and bottom > top:
            seen.append(
                (rect.x + left * rect.w, rect.y + top * rect.h, (right - left) * rect.w, (bottom - top) * rect.h)
            )
    return seen
