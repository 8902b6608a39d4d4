"""Projects the faces of the scene onto the canvas, so that captions and emoji reactions do not cover them.

The faces are the vision package's detections. Each is mapped through the crops of the edit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from carmic_assets.direction.canvas import place_shot
from carmic_assets.direction.crop_sampling import find_shot, sample_region
from carmic_assets.model.direction import FULL_FRAME, Box
from carmic_assets.model.edit import Edit, FaceBox
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.rendering.crop_plan import fit_source, require_video

HEAD_KINDS = ("face", "head")
HEAD_HEIGHT_RATIO = 0.22  # of a person's height, from the top


def project_faces(edit: Edit, scene: Scene) -> tuple[FaceBox, ...]:
    """Return the clip's visible faces in canvas pixels: one `FaceBox` for each detection and each region showing it."""
    speakers = {track: speaker for speaker, tracks in scene.people.items() for track in tracks}
    detection_step_s = 1 / max(scene.fps, 1.0)
    faces: dict[tuple[int, int, int], FaceBox] = {}
    for track in scene.tracks:
        first = bisect_left(track.t, edit.start_s - detection_step_s)
        last = bisect_right(track.t, edit.start_s + edit.duration_s + detection_step_s)
        for i in range(first, last):
            t = track.t[i] - edit.start_s
            for region_index, (x, y, w, h) in enumerate(_project_box(edit, _estimate_head_box(track, i), t)):
                face = FaceBox(t - detection_step_s, t + detection_step_s, x, y, w, h, speakers.get(track.id))
                faces[(track.id, region_index, i)] = face
    return tuple(faces[key] for key in sorted(faces))


def project_text_bands(edit: Edit, scene: Scene) -> tuple[FaceBox, ...]:
    """Return where the clip shows burnt-in text, in canvas pixels: one box for each shot and region showing it."""
    boxes = []
    for band in scene.text_bands:
        for shot in edit.shots:
            start_s = max(shot.start_time, band.start_s - edit.start_s)
            end_s = min(shot.end_time, band.end_s - edit.start_s)
            if end_s > start_s:
                boxes += [FaceBox(start_s, end_s, *rect) for rect in _project_box(edit, band.box, start_s)]
    return tuple(boxes)


def _estimate_head_box(track: SceneTrack, i: int) -> Box:
    height = track.h[i] if track.kind in HEAD_KINDS else track.h[i] * HEAD_HEIGHT_RATIO
    return Box(track.x[i], track.y[i], track.w[i], height)


def _project_box(edit: Edit, face: Box, t: float) -> list[tuple[float, float, float, float]]:
    """Return the canvas rectangles (x, y, w, h) that show `face` at `t`, at most one for each region of the layout."""
    shot = find_shot(edit.shots, t)
    layout = edit.config.layout
    video = require_video(edit.source)
    rects = place_shot(shot, layout.aspect_ratio, layout.padding, video.width, video.height)
    if shot.layout == "fit":
        pairs = [(FULL_FRAME, fit_source(edit, rects[0]))]
    else:
        pairs = [(sample_region(region, t), rect) for region, rect in zip(shot.regions, rects, strict=True)]
    visible = []
    for crop, rect in pairs:
        left = max(0.0, (face.x - crop.x) / crop.w)
        right = min(1.0, (face.x + face.w - crop.x) / crop.w)
        top = max(0.0, (face.y - crop.y) / crop.h)
        bottom = min(1.0, (face.y + face.h - crop.y) / crop.h)
        if right > left and bottom > top:
            visible.append(
                (rect.x + left * rect.w, rect.y + top * rect.h, (right - left) * rect.w, (bottom - top) * rect.h)
            )
    return visible
