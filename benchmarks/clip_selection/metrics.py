"""Ranking metrics of the selected clips against the annotated highlights. Each docstring defines its metric."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import msgspec

from benchmarks.clip_selection.talks import Passage, WrittenTalk

Interval = tuple[float, float]
TOP = 5  # number of clips that the ranking metrics use
MIN_IOU = 0.5  # intersection over union from which a clip is a hit
DEPENDENT_OPENINGS = frozenset(
    ("and", "but", "so", "because", "or", "he", "she", "they", "it", "him", "her", "them", "that's", "it's")
)
_MAX_LEAD_S, _MAX_TAIL_S = 0.36, 0.71  # 0.35 s and 0.7 s, with 10 ms for rounding


class TalkMetrics(msgspec.Struct, frozen=True):
    """The metrics of one talk, each 0..1, and the number of its clips."""

    ndcg5: float
    recall5: float
    boundary_clean: float
    standalone: float
    distractors5: float
    clips: int


def evaluate_clips(talk: WrittenTalk, clips: Sequence[Interval]) -> TalkMetrics:
    """Evaluate clips, best first, on the source clock."""
    top = list(clips[:TOP])
    return TalkMetrics(
        ndcg5=ndcg(talk.highlights, top),
        recall5=recall(talk.highlights, top),
        boundary_clean=mean([is_boundary_clean(talk.sentences, clip) for clip in clips]),
        standalone=mean([is_standalone(talk, clip) for clip in clips]),
        distractors5=mean([is_distractor(talk.distractors, clip) for clip in top]),
        clips=len(clips),
    )


def iou(a: Interval, b: Interval) -> float:
    """Return the intersection over union of two intervals."""
    intersection = min(a[1], b[1]) - max(a[0], b[0])
    return max(0.0, intersection) / (max(a[1], b[1]) - min(a[0], b[0]))


def match_grades(highlights: Sequence[Passage], clips: Sequence[Interval]) -> list[int]:
    """Return the grade of the highlight that each clip hits, 0 for a miss. A highlight is hit only once."""
    unmatched, grades = list(highlights), []
    for clip in clips:
        best = max(unmatched, key=lambda h: iou(clip, (h.start_s, h.end_s)), default=None)
        if best is not None and iou(clip, (best.start_s, best.end_s)) >= MIN_IOU:
            unmatched.remove(best)
            grades.append(best.grade)
        else:
            grades.append(0)
    return grades


def ndcg(highlights: Sequence[Passage], clips: Sequence[Interval]) -> float:
    """Return the normalised discounted cumulative gain, linear gains (Järvelin and Kekäläinen 2002)."""
    ideal_grades = sorted((highlight.grade for highlight in highlights), reverse=True)[:TOP]
    ideal = _discounted_gain(ideal_grades)
    return _discounted_gain(match_grades(highlights, clips)) / ideal if ideal else 1.0


def _discounted_gain(grades: Sequence[int]) -> float:
    return sum(grade / log2(rank + 2) for rank, grade in enumerate(grades))


def recall(highlights: Sequence[Passage], clips: Sequence[Interval]) -> float:
    """Return the fraction of highlights that are hit, of those that five clips could hit."""
    hits = sum(grade > 0 for grade in match_grades(highlights, clips))
    return hits / min(TOP, len(highlights)) if highlights else 1.0


def is_boundary_clean(sentences: Sequence[Interval], clip: Interval) -> bool:
    """Return whether the clip starts at most 0.35 s before a sentence and ends at most 0.7 s after one."""
    starts_clean = any(-0.01 <= start - clip[0] <= _MAX_LEAD_S for start, _ in sentences)
    return starts_clean and any(-0.01 <= clip[1] - end <= _MAX_TAIL_S for _, end in sentences)


def is_standalone(talk: WrittenTalk, clip: Interval) -> bool:
    """Return whether the clip neither begins nor ends inside a highlight, and does not open with a dependent word."""
    for highlight in talk.highlights:
        inside_start, inside_end = highlight.start_s + 0.5, highlight.end_s - 0.5
        if inside_start < clip[0] < inside_end or inside_start < clip[1] < inside_end:
            return False
    opening = next((word.text for word in talk.transcript.words if word.start_s >= clip[0] - 0.01), "")
    return opening.lower().strip(".,?!") not in DEPENDENT_OPENINGS


def is_distractor(distractors: Sequence[Passage], clip: Interval) -> bool:
    """Return whether a distractor fills a quarter of the clip, or half of a distractor is in the clip."""
    for distractor in distractors:
        shared_s = min(clip[1], distractor.end_s) - max(clip[0], distractor.start_s)
        if shared_s > 0.25 * (clip[1] - clip[0]) or shared_s > 0.5 * (distractor.end_s - distractor.start_s):
            return True
    return False


def mean(values: Sequence[float]) -> float:
    """Return the mean; 0 for no values."""
    return sum(values) / len(values) if values else 0.0
