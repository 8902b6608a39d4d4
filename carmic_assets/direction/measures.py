"""What a viewer would notice of a reframe, as numbers. It judges shots against tracks; it changes nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from carmic_assets.direction.crop_sampling import crop_at, shot_at
from carmic_assets.model.direction import Box, CropMetrics, LayoutShot
from carmic_assets.model.scene import Scene

CALM_PX = 60.0  # of travel per second, on average over a video: more is a restless camera
STILL = 1e-4  # of the frame: smaller steps are no movement


def measure(shots: Sequence[LayoutShot], scene: Scene, offset_s: float = 0.0) -> CropMetrics:
    """Judge `shots` (their clock plus `offset_s` is the source clock) at every detection time of `scene`.

    - `subject_in_frame`: of the moments with a tracked person, those where one's middle is in a crop (`fit` shows all);
    - `active_speaker_in_frame`: of the spoken moments whose speaker is tracked, those with the whole face in a crop;
    - `reversals_per_s`: changes of direction of a moving crop, within shots;
    - `travel_px_per_s`: path length of the crops' middles, within shots, pixels of the upright source;
    - `wall_frames`: moments with a tracked person and none in a crop.
    """
    start_s, end_s = shots[0].start_time + offset_s, shots[-1].end_time + offset_s
    boxes = boxes_by_time(scene, start_s, end_s)
    seen = walls = spoken = caught = 0
    turn, turns = 0, scene.turns
    for t, found in boxes:
        crops = () if shot_at(shots, t - offset_s).layout == "fit" else crop_at(shots, t - offset_s)
        seen += 1
        walls += bool(crops) and not any(_holds_middle(c, box) for c in crops for box in found.values())
        while turn < len(turns) and turns[turn].end_s <= t:
            turn += 1
        if turn < len(turns) and turns[turn].start_s <= t:
            tracks = (turns[turn].track, *scene.people.get(turns[turn].speaker, ()))
            face = next((found[k] for k in tracks if k in found), None)
            if face is not None:
                spoken += 1
                caught += not crops or any(holds(c, face) for c in crops)
    turned, travel = _motion(shots, scene)
    seconds = max(end_s - start_s, 1e-6)
    return CropMetrics(
        subject_in_frame=1 - walls / seen if seen else 1.0,
        active_speaker_in_frame=caught / spoken if spoken else 1.0,
        reversals_per_s=turned / seconds,
        travel_px_per_s=travel / seconds,
        wall_frames=walls,
    )


def shortfalls(metrics: CropMetrics) -> dict[str, str]:
    """The measures that a viewer would complain about, by name, each with a sentence; empty where all is well."""
    subject, speaker = f"{metrics.subject_in_frame:.1%}", f"{metrics.active_speaker_in_frame:.1%}"
    turned, travel, walls = metrics.reversals_per_s, metrics.travel_px_per_s, metrics.wall_frames
    found = {
        "subject_in_frame": (metrics.subject_in_frame < 1.0, f"Somebody is in the crop in only {subject} of moments."),
        "active_speaker_in_frame": (
            metrics.active_speaker_in_frame < 0.98,
            f"The speaker's whole face is in the crop in only {speaker} of spoken moments.",
        ),
        "reversals_per_s": (turned > 0.1, f"The crop turns back {turned:.2f} times a second."),
        "travel_px_per_s": (travel > CALM_PX, f"The crop travels {travel:.0f} pixels a second."),
        "wall_frames": (walls > 0, f"{walls} moments show nobody although somebody is there."),
    }
    return {name: sentence for name, (short, sentence) in found.items() if short}


def boxes_by_time(scene: Scene, start_s: float, end_s: float) -> list[tuple[float, dict[int, Box]]]:
    """The boxes of every moment at which anybody was detected, by track, source clock."""
    moments: dict[float, dict[int, Box]] = {}
    for track in scene.tracks:
        i, j = bisect_left(track.t, start_s), bisect_left(track.t, end_s)
        for t, x, y, w, h in zip(track.t[i:j], track.x[i:j], track.y[i:j], track.w[i:j], track.h[i:j], strict=True):
            moments.setdefault(t, {})[track.id] = Box(x, y, w, h)
    return sorted(moments.items())


def holds(crop: Box, face: Box, slack: float = 0.002) -> bool:
    """Whether the part of the face that the source shows lies wholly in the crop."""
    return (
        max(face.x, 0) >= crop.x - slack
        and max(face.y, 0) >= crop.y - slack
        and min(face.x + face.w, 1) <= crop.x + crop.w + slack
        and min(face.y + face.h, 1) <= crop.y + crop.h + slack
    )


def _holds_middle(crop: Box, face: Box) -> bool:
    x, y = face.x + face.w / 2, face.y + face.h / 2
    return crop.x <= x <= crop.x + crop.w and crop.y <= y <= crop.y + crop.h


def _motion(shots: Sequence[LayoutShot], scene: Scene) -> tuple[int, float]:
    turned, travel = 0, 0.0
    for shot in shots:
        for region in shot.regions:
            frames = region.keyframes
            steps = [
                ((b.x + b.w / 2) - (a.x + a.w / 2), (b.y + b.h / 2) - (a.y + a.h / 2)) for a, b in pairwise(frames)
            ]
            travel += sum(((dx * scene.width) ** 2 + (dy * scene.height) ** 2) ** 0.5 for dx, dy in steps)
            for axis in zip(*steps, strict=True):
                moves = [step for step in axis if abs(step) > STILL]
                turned += sum(a * b < 0 for a, b in pairwise(moves))
    return turned, travel
