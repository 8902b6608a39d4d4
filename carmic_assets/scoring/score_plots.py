"""Presents the selection in Dagster: plots the score over time, and formats the clips as a Markdown table."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from carmic_assets.scoring.selection import format_clock

_MEASURE_COLUMNS = (
    "substance", "hook", "story", "number", "emotion", "question_answer", "energy", "laughter", "completeness",
)  # fmt: skip


def plot_score_curve(scored_clips: ScoredClips) -> bytes:
    """Return a PNG of 1200 x 360 px: the score curve, clips as numbered bands, runners-up as thin lines."""
    figure = Figure(figsize=(12, 3.6), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    minutes = [time_s / 60 for time_s, _ in scored_clips.curve]
    axes.step(minutes, [score for _, score in scored_clips.curve], where="mid", color="#475569", linewidth=1.2)
    for rank, clip in enumerate(scored_clips.clips, 1):
        axes.axvspan(clip.start_s / 60, clip.end_s / 60, color="#8b5cf6", alpha=0.3, linewidth=0)
        middle = (clip.start_s + clip.end_s) / 120
        axes.text(middle, 103, f"{rank}", ha="center", va="bottom", fontsize=9, color="#6d28d9", weight="bold")
    for clip in scored_clips.runners_up:
        axes.plot([clip.start_s / 60, clip.end_s / 60], [clip.score] * 2, color="#f59e0b", linewidth=3, alpha=0.8)
    axes.set(ylim=(0, 112), xlabel="minutes", ylabel="score")
    axes.set_xlim(0, max([*minutes, 0.1]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    png = io.BytesIO()
    canvas.print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return png.getvalue()


def format_candidates(scored_clips: ScoredClips) -> str:
    """Return a Markdown table: the clips with their rank, then the runners-up with the reason for their rejection."""
    measures = [name.replace("_", " ") for name in _MEASURE_COLUMNS]
    header = ["rank", "start", "length (s)", "score", *measures, "title", "rejection reason"]
    rows = [_format_clip(f"**{rank}**", clip) for rank, clip in enumerate(scored_clips.clips, 1)]
    rows += [_format_clip("", clip) for clip in scored_clips.runners_up]
    return "\n".join([_format_row(header), _format_row(["---"] * len(header)), *rows])


def _format_clip(rank: str, clip: ScoredClip) -> str:
    measures = [str(clip.breakdown.get(name, "")) for name in _MEASURE_COLUMNS]
    length = f"{clip.end_s - clip.start_s:.0f}"
    title, reason = _escape(clip.title), _escape(clip.rejection_reason or "")
    return _format_row([rank, format_clock(clip.start_s), length, str(clip.score), *measures, title, reason])


def _format_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    """Escape the characters that would end a cell or start an HTML tag."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
