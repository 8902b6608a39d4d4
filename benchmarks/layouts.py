"""Measures the layouts that the director chooses for videos of mixed layouts, against ground truth.

    python -m benchmarks.layouts [--seeds 21,22] [--kinds inset,gallery4]   # composes the videos first
    python -m benchmarks.layouts VIDEO.mp4 ...     # videos of `benchmarks.layout_videos`, the truth beside them

Prints one row for each video, for 9:16: the part of the time with a right layout, the part of the speech with the
speaker's whole face in a crop, the share of the text area that is shown and its scale (canvas pixels for one source
pixel), and the shots a minute.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.direction import detect_scene
from benchmarks.harness import RECORDINGS, create_parser, print_line
from benchmarks.layout_videos import KINDS, compose_layout_video
from benchmarks.talk_videos import read_ground_truth
from carmic_assets.direction.canvas import place_shot
from carmic_assets.direction.crop_metrics import contains_face
from carmic_assets.direction.crop_sampling import find_shot, sample_crops
from carmic_assets.direction.director import direct
from carmic_assets.model.direction import CANVAS_SIZES, FULL_FRAME, Box, LayoutShot

ASPECT = "9:16"
STEP_S = 0.04


class LayoutMeasures(msgspec.Struct, frozen=True):
    """The measures of one video; shares of time or of the text area, 0..1."""

    layout_right: float
    speaker_visible: float
    text_shown: float | None  # None where no text is shown
    text_scale: float | None
    changes_per_minute: float


def measure_layouts(shots: Sequence[LayoutShot], truth: dict[str, Any]) -> LayoutMeasures:
    """Measure directed shots against the ground truth."""
    width, height = truth["size"]
    times = np.arange(STEP_S / 2, truth["duration"], STEP_S)
    right = [find_shot(shots, t).layout in _find_segment(truth, t)["layouts"] for t in times]
    spoken = visible = 0
    for person, rows in truth["faces"].items():
        turns = [turn for turn in truth["speaking"] if turn["person"] == person]
        for row in rows:
            if any(turn["start"] <= row["t"] < turn["end"] for turn in turns):
                x, y, w, h = row["box"]
                face = _clip_to_camera(
                    _find_segment(truth, row["t"])["cameras"].get(person), (x, y, w, h), truth["size"]
                )
                crops = sample_crops(shots, row["t"]) or (FULL_FRAME,)
                spoken += 1
                visible += any(contains_face(crop, face, 0.01) for crop in crops)
    text_shares: list[float] = []
    scales: list[float] = []
    for t in times[:: round(0.4 / STEP_S)]:
        for x, y, w, h in _find_segment(truth, t)["text"]:
            text = Box(x / width, y / height, w / width, h / height)
            share, scale = _measure_text(find_shot(shots, t), t, text, (width, height))
            text_shares.append(share)
            scales.append(scale)
    return LayoutMeasures(
        layout_right=float(np.mean(right)),
        speaker_visible=visible / spoken if spoken else 1.0,
        text_shown=float(np.mean(text_shares)) if text_shares else None,
        text_scale=float(np.mean(scales)) if scales else None,
        changes_per_minute=60 * (len(shots) - 1) / truth["duration"],
    )


def _find_segment(truth: dict[str, Any], t: float) -> dict[str, Any]:
    segment: dict[str, Any] = next(s for s in reversed(truth["segments"]) if s["start"] <= t)
    return segment


def _clip_to_camera(camera: list[int] | None, face: tuple[float, ...], size: tuple[int, int]) -> Box:
    """Return the part of a face that its camera shows, without the outermost 3 % of the camera's picture."""
    x, y, w, h = face
    if camera is not None:
        dx, dy = 0.03 * camera[2], 0.03 * camera[3]
        right = min(x + w, camera[0] + camera[2] - dx)
        bottom = min(y + h, camera[1] + camera[3] - dy)
        x, y = max(x, camera[0] + dx), max(y, camera[1] + dy)
        w, h = right - x, bottom - y
    return Box(x / size[0], y / size[1], w / size[0], h / size[1])


def _measure_text(shot: LayoutShot, t: float, text: Box, size: tuple[int, int]) -> tuple[float, float]:
    """Return the largest share of a text that one region shows, and its scale there."""
    canvas_width, canvas_height = CANVAS_SIZES[ASPECT]
    if shot.layout == "fit":
        return 1.0, min(canvas_width / size[0], canvas_height / size[1])
    rects = place_shot(shot, ASPECT, 0, *size)
    results = []
    for crop, rect in zip(sample_crops([shot], t), rects, strict=True):
        w = min(crop.x + crop.w, text.x + text.w) - max(crop.x, text.x)
        h = min(crop.y + crop.h, text.y + text.h) - max(crop.y, text.y)
        results.append((max(0.0, w) * max(0.0, h) / (text.w * text.h), rect.w / (crop.w * size[0])))
    return max(results)


def main(arguments: list[str]) -> None:
    """Measure the given videos, or those of the given seeds."""
    parser = create_parser("layouts", __doc__)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--seeds", default="21,22", help="comma-separated")
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated")
    options = parser.parse_args(arguments)
    if not options.videos and not RECORDINGS.is_dir():
        print_line("Skipped: ../shared, which has the people for the videos, does not exist.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        videos = options.videos or [
            compose_layout_video(Path(scratch), kind, int(seed))
            for seed in options.seeds.split(",")
            for kind in options.kinds.split(",")
        ]
        all_measures = []
        for video in videos:
            folder = Path(scratch) / f"{video.stem}.analysis"
            folder.mkdir()
            shots = direct(detect_scene(video, folder), ASPECT)
            measures = measure_layouts(shots, read_ground_truth(video))
            all_measures.append(measures)
            print_line(f"{video.stem:16} {_format(measures)} | {' '.join(shot.layout for shot in shots)}")
        for name in LayoutMeasures.__struct_fields__:
            values = [v for m in all_measures if (v := getattr(m, name)) is not None]
            print_line(f"mean {name}: {np.mean(values):.4f}, lowest {min(values):.4f}")


def _format(measures: LayoutMeasures) -> str:
    return " ".join(
        f"{name}={'-' if (v := getattr(measures, name)) is None else format(v, '.3f')}"
        for name in LayoutMeasures.__struct_fields__
    )


if __name__ == "__main__":
    main(sys.argv[1:])
