"""Pictures of what was seen and heard, for people: a contact sheet with boxes, and the speaker timeline. PNG bytes.

Draws from the small copy and the matrix; decides and stores nothing.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from carmic_assets.media.containers import open_media
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.speech import Speakers

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

COLOURS = ("#e4572e", "#2e86ab", "#3bb273", "#f2c14e", "#9b5de5", "#00bbf9", "#f15bb5", "#8d99ae")
TILE = 320  # px wide


def contact_sheet(
    frames_path: str | Path,
    analysis: AnalysisFacts,
    matrix: pl.DataFrame,
    *,
    columns: int = 4,
    rows: int = 3,
) -> bytes:
    """Frames in even steps over the video, each with its boxes (track, speaker, speaking score). PNG."""
    from PIL import Image, ImageDraw

    times = even_times(analysis, columns * rows)
    tall = max(2, round(TILE * analysis.height / analysis.width))
    sheet = Image.new("RGB", (columns * TILE, rows * tall), "black")
    for i, (t, picture) in enumerate(zip(times, frames_at(frames_path, analysis, times), strict=False)):
        tile = Image.fromarray(picture).resize((TILE, tall))
        draw = ImageDraw.Draw(tile)
        for row in _rows_at(matrix, t):
            colour = COLOURS[row["track"] % len(COLOURS)]
            x, y = row["x"] * TILE, row["y"] * tall
            draw.rectangle([x, y, x + row["w"] * TILE, y + row["h"] * tall], outline=colour, width=2)
            label = f"{row['track']} {row['speaker'] or ''} {row['speaking']:.2f}"
            draw.text((x, max(0, y - 11)), label, fill=colour)
        draw.text((4, 2), f"{t:.1f} s", fill="white")
        sheet.paste(tile, (i % columns * TILE, i // columns * tall))
    return _png(sheet)


def even_times(analysis: AnalysisFacts, count: int) -> list[float]:
    """The middles of `count` equal parts of the video, source clock."""
    return [analysis.start_s + analysis.duration_s * (i + 0.5) / count for i in range(count)]


def frames_at(frames_path: str | Path, analysis: AnalysisFacts, times: list[float]) -> list[np.ndarray]:
    """RGB pictures of the small copy at ascending times (source clock), by seeking: cheap on long videos."""
    import av

    pictures = []
    with open_media(frames_path) as source:
        stream = source.streams.video[0]
        for t in times:
            wanted = max(0.0, t - analysis.start_s)
            source.seek(int(wanted * av.time_base), backward=True)
            picture = None
            for frame in source.decode(stream):
                picture = frame
                if frame.time is None or frame.time >= wanted - 0.5 / analysis.fps:
                    break
            if picture is not None:
                pictures.append(picture.to_ndarray(format="rgb24"))
    return pictures


def speaker_timeline(speakers: Speakers, analysis: AnalysisFacts) -> bytes:
    """Who speaks when: a row for each speaker, pale where the voice has no face. PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted({turn.speaker for turn in speakers.turns}) or ["-"]
    figure = Figure(figsize=(10, 0.6 + 0.4 * len(names)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for turn in speakers.turns:
        row = names.index(turn.speaker)
        colour = COLOURS[row % len(COLOURS)]
        axes.barh(
            row, turn.end_s - turn.start_s, left=turn.start_s, height=0.7, color=colour,
            alpha=0.35 if turn.track is None else 1.0, linewidth=0,
        )  # fmt: skip
    for cut in analysis.cuts_s if len(analysis.cuts_s) < 400 else ():
        axes.axvline(cut, color="#cccccc", linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(analysis.start_s, analysis.start_s + analysis.duration_s)
    axes.set_xlabel("seconds (pale: off screen)")
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out, metadata={"Software": None})
    return out.getvalue()


def _rows_at(matrix: pl.DataFrame, t: float) -> list[dict]:
    import polars as pl

    near = matrix.filter((pl.col("t") - t).abs() <= 0.11)
    if near.is_empty():
        return []
    nearest = min(near["t"], key=lambda other: abs(other - t))
    return list(near.filter(pl.col("t") == nearest).iter_rows(named=True))


def _png(image: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")  # type: ignore[attr-defined]
    return out.getvalue()
