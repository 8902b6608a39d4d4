"""The choice, for people: the score over the talk as a picture, the candidates as a table. Draws what was decided."""

from __future__ import annotations

import io
from collections.abc import Sequence

from carmic_assets.model.clips import ScoredClip, ScoredClips
from carmic_assets.scoring.selection import clock

_SHOWN = ("substance", "hook", "story", "number", "emotion", "question_answer", "energy", "laughter", "completeness")


def score_curve(scored: ScoredClips) -> bytes:
    """PNG, 1200 x 360 px: the best score at each moment, chosen clips as numbered bands, runners-up as thin lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    times = [t / 60 for t, _ in scored.curve]
    axes.step(times, [value for _, value in scored.curve], where="mid", color="#475569", linewidth=1.2)
    for rank, clip in enumerate(scored.clips, 1):
        axes.axvspan(clip.start_s / 60, clip.end_s / 60, color="#8b5cf6", alpha=0.3, linewidth=0)
        middle = (clip.start_s + clip.end_s) / 120
        axes.text(middle, 103, f"{rank}", ha="center", va="bottom", fontsize=9, color="#6d28d9", weight="bold")
    for clip in scored.runners_up:
        axes.plot([clip.start_s / 60, clip.end_s / 60], [clip.score] * 2, color="#f59e0b", linewidth=3, alpha=0.8)
    axes.set(ylim=(0, 112), xlabel="minutes", ylabel="score")
    axes.set_xlim(0, max([*times, 0.1]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    out = io.BytesIO()
    canvas.print_png(out, metadata={"Software": None})
    return out.getvalue()


def candidates_table(scored: ScoredClips) -> str:
    """Markdown: chosen clips with their rank, then the runners-up with the reason why each lost."""
    head = ["", "from", "s", "score", *[name.replace("_", " ") for name in _SHOWN], "title", "why not"]
    rows = [_row(f"**{rank}**", clip) for rank, clip in enumerate(scored.clips, 1)]
    rows += [_row("", clip) for clip in scored.runners_up]
    return "\n".join([_line(head), _line(["---"] * len(head)), *rows])


def _row(rank: str, clip: ScoredClip) -> str:
    values = [str(clip.breakdown.get(name, "")) for name in _SHOWN]
    length = f"{clip.end_s - clip.start_s:.0f}"
    return _line(
        [rank, clock(clip.start_s), length, str(clip.score), *values, _safe(clip.title), _safe(clip.lost_to or "")]
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _safe(text: str) -> str:
    """A cell that no title can break out of."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
