"""Draws the detections and the speaker turns as PNG: a contact sheet with boxes, and the speaker timeline."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers
from carmic_assets.vision.analysis_frames import choose_even_times, read_frames

TRACK_COLOURS = ("#e4572e", "#2e86ab", "#3bb273", "#f2c14e", "#9b5de5", "#00bbf9", "#f15bb5", "#8d99ae")
TILE_WIDTH_PX = 320
OFF_SCREEN_ALPHA = 0.35  # opacity of a turn whose speaker is off screen
MAX_DRAWN_CUTS = 400  # a video with more cuts is drawn without any, because they would cover the timeline
ROW_TOLERANCE_S = 0.11  # half the interval of the matrix rows (0.1 s) and a margin for rounding


def draw_contact_sheet(
    frames_path: str | Path,
    analysis: AnalysisFacts,
    matrix: pl.DataFrame,
    *,
    columns: int = 4,
    rows: int = 3,
) -> bytes:
    """Draw evenly spaced frames of the video, with boxes labelled by track, speaker and speaking score, as PNG."""
    times = choose_even_times(analysis, columns * rows)
    tile_height = max(2, round(TILE_WIDTH_PX * analysis.height / analysis.width))
    sheet = Image.new("RGB", (columns * TILE_WIDTH_PX, rows * tile_height), "black")
    for i, (t, picture) in enumerate(zip(times, read_frames(frames_path, analysis, times), strict=False)):
        tile = Image.fromarray(picture).resize((TILE_WIDTH_PX, tile_height))
        draw = ImageDraw.Draw(tile)
        for row in _find_rows(matrix, t):
            colour = TRACK_COLOURS[row["track"] % len(TRACK_COLOURS)]
            x, y = row["x"] * TILE_WIDTH_PX, row["y"] * tile_height
            corners = [x, y, x + row["w"] * TILE_WIDTH_PX, y + row["h"] * tile_height]
            draw.rectangle(corners, outline=colour, width=2)
            label = f"{row['track']} {row['speaker'] or ''} {row['speaking']:.2f}"
            draw.text((x, max(0, y - 11)), label, fill=colour)
        draw.text((4, 2), f"{t:.1f} s", fill="white")
        sheet.paste(tile, (i % columns * TILE_WIDTH_PX, i // columns * tile_height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def draw_speaker_timeline(speakers: Speakers, analysis: AnalysisFacts) -> bytes:
    """Draw the turns as PNG, one row for each speaker; a turn is pale if its speaker is off screen."""
    names = sorted({turn.speaker for turn in speakers.turns}) or ["-"]
    figure = Figure(figsize=(10, 0.6 + 0.4 * len(names)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for turn in speakers.turns:
        row = names.index(turn.speaker)
        colour = TRACK_COLOURS[row % len(TRACK_COLOURS)]
        axes.barh(
            row, turn.end_s - turn.start_s, left=turn.start_s, height=0.7, color=colour,
            alpha=OFF_SCREEN_ALPHA if turn.track is None else 1.0, linewidth=0,
        )  # fmt: skip
    for cut in analysis.cuts_s if len(analysis.cuts_s) < MAX_DRAWN_CUTS else ():
        axes.axvline(cut, color="#cccccc", linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(analysis.start_s, analysis.start_s + analysis.duration_s)
    axes.set_xlabel("seconds (pale: off screen)")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _find_rows(matrix: pl.DataFrame, t: float) -> list[dict[str, Any]]:
    """Return the matrix rows at the time nearest to `t`; none if it is further than `ROW_TOLERANCE_S`."""
    nearby = matrix.filter((pl.col("t") - t).abs() <= ROW_TOLERANCE_S)
    if nearby.is_empty():
        return []
    nearest = min(nearby["t"], key=lambda other: abs(other - t))
    return list(nearby.filter(pl.col("t") == nearest).iter_rows(named=True))
