"""Pictures of a direction for people: the crop over time, and a contact sheet with boxes and crops drawn in.

It draws what it is given and opens no media: frames come as arrays.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from carmic_assets.direction.crop_sampling import crop_at, shot_at
from carmic_assets.direction.measures import boxes_by_time
from carmic_assets.model.direction import LayoutShot
from carmic_assets.model.scene import Scene

if TYPE_CHECKING:
    import numpy as np

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#9d755d")
LAYOUT_COLOURS = {"face-track": "#2a9d8f", "split": "#8a5cf6", "fit": "#bbbbbb"}
LONGEST_S = 600.0  # a longer talk shows its first ten minutes: more is a blur at this width


def crop_path(shots: Sequence[LayoutShot], scene: Scene, offset_s: float = 0.0) -> bytes:
    """PNG: across time, where the crop lies from left to right, the tracked faces, who speaks, and the layout.

    The clock of `shots` plus `offset_s` is the source clock. The drawing is the same for the same input.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    start, end = shots[0].start_time, min(shots[-1].end_time, shots[0].start_time + LONGEST_S)
    figure = Figure(figsize=(12, 4.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    path, voices = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    letters = {track: letter for letter, tracks in scene.people.items() for track in tracks}
    names = sorted(scene.people)
    for shot in shots:
        if shot.start_time >= end:
            break
        path.axvline(shot.start_time, color="#dddddd", linewidth=0.6, zorder=0)
        path.plot(
            [shot.start_time, shot.end_time],
            [1.03, 1.03],
            color=LAYOUT_COLOURS[shot.layout],
            linewidth=6,
            solid_capstyle="butt",
            clip_on=False,
        )
        for region in shot.regions:
            inner = [k for k in region.keyframes if shot.start_time < k.t < shot.end_time]
            times = [shot.start_time, *(k.t for k in inner), shot.end_time]
            number = shot.regions.index(region)
            boxes = [crop_at([shot], t)[number] for t in times]
            left, right = [b.x for b in boxes], [b.x + b.w for b in boxes]
            path.fill_between(times, left, right, color=LAYOUT_COLOURS[shot.layout], alpha=0.25, linewidth=0)
            path.plot(times, left, times, right, color=LAYOUT_COLOURS[shot.layout], linewidth=0.9)
    for track in scene.tracks:
        colour = _colour(letters.get(track.id), names)
        rows = [
            (t - offset_s, x + w / 2)
            for t, x, w in zip(track.t, track.x, track.w, strict=True)
            if start <= t - offset_s <= end
        ]
        path.plot([t for t, _ in rows], [x for _, x in rows], ".", markersize=2.5, color=colour)
    for turn in scene.turns:
        a, b = max(turn.start_s - offset_s, start), min(turn.end_s - offset_s, end)
        if b > a:
            row = names.index(turn.speaker) if turn.speaker in names else len(names)
            voices.barh(row, b - a, left=a, height=0.8, color=_colour(turn.speaker, names))
    voices.set_yticks(range(len(names)), names)
    voices.set_xlabel("seconds")
    voices.set_xlim(start, max(end, start + 0.1))
    path.set_ylim(0, 1)
    path.set_ylabel("left … right of the frame")
    path.set_title("band: the crop (green: one, violet: split; grey: whole picture), dots: faces", fontsize=9, pad=10)
    for axes in (path, voices):
        axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def contact_sheet(
    frames: Sequence[tuple[float, np.ndarray]],
    shots: Sequence[LayoutShot],
    scene: Scene,
    offset_s: float = 0.0,
    columns: int = 5,
) -> bytes:
    """PNG of `frames` (time on the source clock, upright RGB, height x width x 3) with boxes and crops drawn in."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    columns = max(1, min(columns, len(frames)))
    rows = max(1, -(-len(frames) // columns))
    ratio = frames[0][1].shape[0] / frames[0][1].shape[1] if frames else 9 / 16
    figure = Figure(figsize=(2.6 * columns, (2.6 * ratio + 0.28) * rows), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    names = sorted(scene.people)
    letters = {track: letter for letter, tracks in scene.people.items() for track in tracks}
    for number, (t, picture) in enumerate(frames):
        axes = figure.add_subplot(rows, columns, number + 1)
        height, width = picture.shape[:2]
        axes.imshow(picture)
        near = boxes_by_time(scene, t - 0.6 / scene.fps, t + 0.6 / scene.fps)
        found = min(near, key=lambda row: abs(row[0] - t))[1] if near else {}
        drawn = [(box, _colour(letters.get(track), names), 1.2) for track, box in found.items()]
        drawn += [(box, "#ffffff", 2.0) for box in crop_at(shots, t - offset_s)]
        for box, colour, line in drawn:
            axes.add_patch(
                Rectangle(
                    (box.x * width, box.y * height),
                    box.w * width,
                    box.h * height,
                    fill=False,
                    edgecolor=colour,
                    linewidth=line,
                )
            )
        shot = shot_at(shots, t - offset_s)
        axes.set_title(f"{t - offset_s:.1f} s  {shot.layout}  {shot.speaker or '–'}", fontsize=7, pad=2)
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    return _png(figure)


def _colour(letter: str | None, names: list[str]) -> str:
    return COLOURS[names.index(letter) % len(COLOURS)] if letter in names else "#999999"


def _png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})  # type: ignore[attr-defined]
    return buffer.getvalue()
