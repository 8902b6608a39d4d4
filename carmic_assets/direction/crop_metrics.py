"""Measures the quality of crop paths: who is in the crop, and how much the crop moves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from carmic_assets.direction.crop_sampling import find_shot, sample_crops
from carmic_assets.model.direction import Box, CropMetrics, LayoutShot
from carmic_assets.model.scene import Scene

# Targets of the metrics; docs/direction.md explains them.
MAX_TRAVEL_PX_PER_S = 60.0  # mean over a video
MAX_REVERSALS_PER_S = 0.1  # mean over a video
MIN_SPEAKER_IN_FRAME = 0.98  # fraction of the speech
MIN_STEP = 1e-4  # fraction of the frame; a smaller step between keyframes does not count as movement


def measure_crops(shots: Sequence[LayoutShot], scene: Scene, offset_s: float = 0.0) -> CropMetrics:
    """Measure `shots` at every detection time of `scene`. A shot's time plus `offset_s` is on the source clock.

    - `subject_in_frame`: fraction of the times with a tracked person at which the centre of one is in a crop; the
      layout `fit` shows everybody
    - `active_speaker_in_frame`: fraction of the speech by tracked speakers in which the whole face is in a crop
    - `reversals_per_s`: changes of direction of the crops within shots
    - `travel_px_per_s`: path length of the crops' centres within shots, in pixels of the upright source
    - `wall_frames`: number of times with a tracked person at which the centre of none is in a crop
    """
    start_s, end_s = shots[0].start_time + offset_s, shots[-1].end_time + offset_s
    tracked = empty_crops = spoken = spoken_in_frame = 0
    k, turns = 0, scene.turns
    for t, boxes in group_boxes_by_time(scene, start_s, end_s):
        crops = () if find_shot(shots, t - offset_s).layout == "fit" else sample_crops(shots, t - offset_s)
        tracked += 1
        empty_crops += bool(crops) and not any(_contains_centre(crop, box) for crop in crops for box in boxes.values())
        while k < len(turns) and turns[k].end_s <= t:
            k += 1
        if k < len(turns) and turns[k].start_s <= t:
            tracks = (turns[k].track, *scene.people.get(turns[k].speaker, ()))
            face = next((boxes[track] for track in tracks if track in boxes), None)
            if face is not None:
                spoken += 1
                spoken_in_frame += not crops or any(contains_face(crop, face) for crop in crops)
    reversals, travel_px = _measure_motion(shots, scene)
    duration_s = max(end_s - start_s, 1e-6)
    return CropMetrics(
        subject_in_frame=1 - empty_crops / tracked if tracked else 1.0,
        active_speaker_in_frame=spoken_in_frame / spoken if spoken else 1.0,
        reversals_per_s=reversals / duration_s,
        travel_px_per_s=travel_px / duration_s,
        wall_frames=empty_crops,
    )


def find_missed_targets(metrics: CropMetrics) -> dict[str, str]:
    """Return the metrics that miss their target, by name, each with a sentence that states the value."""
    checks = {
        "subject_in_frame": (
            metrics.subject_in_frame < 1.0,
            f"A person is in the crop in only {metrics.subject_in_frame:.1%} of the moments with a tracked person.",
        ),
        "active_speaker_in_frame": (
            metrics.active_speaker_in_frame < MIN_SPEAKER_IN_FRAME,
            f"The speaker's whole face is in the crop in only {metrics.active_speaker_in_frame:.1%} of the speech.",
        ),
        "reversals_per_s": (
            metrics.reversals_per_s > MAX_REVERSALS_PER_S,
            f"The crop changes direction {metrics.reversals_per_s:.2f} times per second.",
        ),
        "travel_px_per_s": (
            metrics.travel_px_per_s > MAX_TRAVEL_PX_PER_S,
            f"The crop travels {metrics.travel_px_per_s:.0f} pixels per second.",
        ),
        "wall_frames": (
            metrics.wall_frames > 0,
            f"At {metrics.wall_frames} moments the crop shows nobody although a person is in the frame.",
        ),
    }
    return {name: sentence for name, (is_missed, sentence) in checks.items() if is_missed}


def group_boxes_by_time(scene: Scene, start_s: float, end_s: float) -> list[tuple[float, dict[int, Box]]]:
    """Return (time, boxes by track id) for each detection time in `start_s`..`end_s` (source clock), ascending."""
    boxes_by_time: dict[float, dict[int, Box]] = {}
    for track in scene.tracks:
        i, j = bisect_left(track.t, start_s), bisect_left(track.t, end_s)
        for t, x, y, w, h in zip(track.t[i:j], track.x[i:j], track.y[i:j], track.w[i:j], track.h[i:j], strict=True):
            boxes_by_time.setdefault(t, {})[track.id] = Box(x, y, w, h)
    return sorted(boxes_by_time.items())


def contains_face(crop: Box, face: Box, tolerance: float = 0.002) -> bool:
    """Return whether the crop contains all of the face that lies inside the source frame."""
    return (
        max(face.x, 0) >= crop.x - tolerance
        and max(face.y, 0) >= crop.y - tolerance
        and min(face.x + face.w, 1) <= crop.x + crop.w + tolerance
        and min(face.y + face.h, 1) <= crop.y + crop.h + tolerance
    )


def _contains_centre(crop: Box, face: Box) -> bool:
    x, y = face.x + face.w / 2, face.y + face.h / 2
    return crop.x <= x <= crop.x + crop.w and crop.y <= y <= crop.y + crop.h


def _measure_motion(shots: Sequence[LayoutShot], scene: Scene) -> tuple[int, float]:
    """Return the changes of direction and the travel in pixels of all crops, within shots."""
    reversals, travel_px = 0, 0.0
    for shot in shots:
        for region in shot.regions:
            steps = [
                ((b.x + b.w / 2) - (a.x + a.w / 2), (b.y + b.h / 2) - (a.y + a.h / 2))
                for a, b in pairwise(region.keyframes)
            ]
            travel_px += sum(((dx * scene.width) ** 2 + (dy * scene.height) ** 2) ** 0.5 for dx, dy in steps)
            for axis in zip(*steps, strict=True):
                moves = [step for step in axis if abs(step) > MIN_STEP]
                reversals += sum(a * b < 0 for a, b in pairwise(moves))
    return reversals, travel_px
