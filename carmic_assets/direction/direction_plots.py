"""Draws the shots of the director as PNG: the crop over time, and a contact sheet with boxes and crops.

The functions take decoded frames and open no media. The same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from carmic_assets.direction.crop_metrics import group_boxes_by_time
from carmic_assets.direction.crop_sampling import find_shot, sample_crops
from carmic_assets.model.direction import Box, LayoutShot
from carmic_assets.model.scene import Scene

SPEAKER_COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#9d755d")
UNKNOWN_COLOUR = "#999999"
CROP_COLOUR = "#ffffff"
LAYOUT_COLOURS = {
    "face-track": "#2a9d8f", "split": "#8a5cf6", "fit": "#bbbbbb",
    "screen": "#e9c46a", "three": "#e76f51", "four": "#264653",
}  # fmt: skip
# Only the first ten minutes of a longer video are plotted, because more is not legible at this width
MAX_PLOT_S = 600.0
TILE_INCHES = 2.6  # width of one frame on the contact sheet


def draw_crop_path(shots: Sequence[LayoutShot], scene: Scene, offset_s: float = 0.0) -> bytes:
    """Draw horizontal crop position, tracked faces, turns and layout over time, as PNG.

    The clock of `shots` plus `offset_s` is the source clock.
    """
    start_s, end_s = shots[0].start_time, min(shots[-1].end_time, shots[0].start_time + MAX_PLOT_S)
    figure = _create_figure(12, 4.2)
    path_axes, turn_axes = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    colours = _SpeakerColours(scene)
    for shot in shots:
        if shot.start_time < end_s:
            _draw_shot(path_axes, shot)
    for track in scene.tracks:
        points = [
            (t - offset_s, x + w / 2)
            for t, x, w in zip(track.t, track.x, track.w, strict=True)
            if start_s <= t - offset_s <= end_s
        ]
        path_axes.plot(
            [t for t, _ in points], [x for _, x in points], ".", markersize=2.5, color=colours.of_track(track.id)
        )
    speakers = colours.speakers
    for turn in scene.turns:
        a, b = max(turn.start_s - offset_s, start_s), min(turn.end_s - offset_s, end_s)
        if b > a:
            row = speakers.index(turn.speaker) if turn.speaker in speakers else len(speakers)
            turn_axes.barh(row, b - a, left=a, height=0.8, color=colours.of_speaker(turn.speaker))
    turn_axes.set_yticks(range(len(speakers)), speakers)
    turn_axes.set_xlabel("seconds")
    turn_axes.set_xlim(start_s, max(end_s, start_s + 0.1))
    path_axes.set_ylim(0, 1)
    path_axes.set_ylabel("left … right of the frame")
    path_axes.set_title("band: the crop (green: one, violet: split; grey: full frame), dots: faces", fontsize=9, pad=10)
    for axes in (path_axes, turn_axes):
        axes.spines[["top", "right"]].set_visible(False)
    return _encode_png(figure)


def _draw_shot(axes: Axes, shot: LayoutShot) -> None:
    """Draw a vertical line at the start of a shot, its layout as a bar on top, and a band for each crop."""
    colour = LAYOUT_COLOURS[shot.layout]
    axes.axvline(shot.start_time, color="#dddddd", linewidth=0.6, zorder=0)
    axes.plot(
        [shot.start_time, shot.end_time],
        [1.03, 1.03],
        color=colour,
        linewidth=6,
        solid_capstyle="butt",
        clip_on=False,
    )
    for number, region in enumerate(shot.regions):
        inner = [k.t for k in region.keyframes if shot.start_time < k.t < shot.end_time]
        times = [shot.start_time, *inner, shot.end_time]
        boxes = [sample_crops([shot], t)[number] for t in times]
        left, right = [b.x for b in boxes], [b.x + b.w for b in boxes]
        axes.fill_between(times, left, right, color=colour, alpha=0.25, linewidth=0)
        axes.plot(times, left, times, right, color=colour, linewidth=0.9)


def draw_crop_sheet(
    pictures: Sequence[tuple[float, np.ndarray]],
    shots: Sequence[LayoutShot],
    scene: Scene,
    offset_s: float = 0.0,
    columns: int = 5,
) -> bytes:
    """Draw a contact sheet of `pictures` with detected boxes and crops, as PNG.

    `pictures` are frames: pairs of a time (source clock) and an upright RGB array (height, width, 3).
    """
    columns = max(1, min(columns, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    ratio = pictures[0][1].shape[0] / pictures[0][1].shape[1] if pictures else 9 / 16
    figure = _create_figure(TILE_INCHES * columns, (TILE_INCHES * ratio + 0.28) * rows)
    colours = _SpeakerColours(scene)
    for number, (t, picture) in enumerate(pictures, 1):
        axes = figure.add_subplot(rows, columns, number)
        height, width = picture.shape[:2]
        axes.imshow(picture)
        nearby = group_boxes_by_time(scene, t - 0.6 / scene.fps, t + 0.6 / scene.fps)
        boxes = min(nearby, key=lambda row: abs(row[0] - t))[1] if nearby else {}
        for track, box in boxes.items():
            _draw_box(axes, box, picture, colours.of_track(track), 1.2)
        for crop in sample_crops(shots, t - offset_s):
            _draw_box(axes, crop, picture, CROP_COLOUR, 2.0)
        shot = find_shot(shots, t - offset_s)
        axes.set_title(f"{t - offset_s:.1f} s  {shot.layout}  {shot.speaker or '–'}", fontsize=7, pad=2)
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    return _encode_png(figure)


def _draw_box(axes: Axes, box: Box, picture: np.ndarray, colour: str, line_width: float) -> None:
    height, width = picture.shape[:2]
    axes.add_patch(
        Rectangle(
            (box.x * width, box.y * height),
            box.w * width,
            box.h * height,
            fill=False,
            edgecolor=colour,
            linewidth=line_width,
        )
    )


class _SpeakerColours:
    """Assigns a colour to each speaker of a scene."""

    def __init__(self, scene: Scene) -> None:
        self.speakers = sorted(scene.people)
        self._speaker_by_track = {track: speaker for speaker, tracks in scene.people.items() for track in tracks}

    def of_speaker(self, speaker: str | None) -> str:
        if speaker not in self.speakers:
            return UNKNOWN_COLOUR
        return SPEAKER_COLOURS[self.speakers.index(speaker) % len(SPEAKER_COLOURS)]

    def of_track(self, track: int) -> str:
        return self.of_speaker(self._speaker_by_track.get(track))


def _create_figure(width_inches: float, height_inches: float) -> Figure:
    figure = Figure(figsize=(width_inches, height_inches), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _encode_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
