"""How good five clips are, against what is known about the talk. The measures are stated in the docstrings, once."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import msgspec

from benchmarks.clip_selection.talks import Passage, Written

Span = tuple[float, float]
LEANS = {"and", "but", "so", "because", "or", "he", "she", "they", "it", "him", "her", "them", "that's", "it's"}


class Figures(msgspec.Struct, frozen=True):
    """Of one talk, each 0..1. `clips` is how many there were to judge."""

    ndcg5: float
    recall5: float
    clean: float
    standalone: float
    distractors5: float
    clips: int


def judge(talk: Written, clips: Sequence[Span]) -> Figures:
    """Clips best first, source clock."""
    top = list(clips[:5])
    return Figures(
        ndcg(talk.highlights, top),
        recall(talk.highlights, top),
        mean([clean(talk.sentences, clip) for clip in clips]),
        mean([standalone(talk, clip) for clip in clips]),
        mean([distracted(talk.distractors, clip) for clip in top]),
        len(clips),
    )


def iou(a: Span, b: Span) -> float:
    """Intersection over union of two stretches of time."""
    both = min(a[1], b[1]) - max(a[0], b[0])
    return max(0.0, both) / (max(a[1], b[1]) - min(a[0], b[0]))


def hits(highlights: Sequence[Passage], clips: Sequence[Span]) -> list[int]:
    """The grade each clip earns: that of the highlight it shares half of the union with, each highlight only once."""
    free, grades = list(highlights), []
    for clip in clips:
        best = max(free, key=lambda h: iou(clip, (h.start_s, h.end_s)), default=None)
        if best is not None and iou(clip, (best.start_s, best.end_s)) >= 0.5:
            free.remove(best)
            grades.append(best.grade)
        else:
            grades.append(0)
    return grades


def ndcg(highlights: Sequence[Passage], clips: Sequence[Span]) -> float:
    """Discounted gain of the top five over that of the best five (Järvelin and Kekäläinen 2002), linear gains."""
    ideal = sorted((h.grade for h in highlights), reverse=True)[:5]
    best = sum(grade / log2(rank + 2) for rank, grade in enumerate(ideal))
    return sum(grade / log2(rank + 2) for rank, grade in enumerate(hits(highlights, clips))) / best if best else 1.0


def recall(highlights: Sequence[Passage], clips: Sequence[Span]) -> float:
    """Highlights found in the top five, of those that five could find."""
    return sum(grade > 0 for grade in hits(highlights, clips)) / min(5, len(highlights)) if highlights else 1.0


def clean(sentences: Sequence[Span], clip: Span) -> bool:
    """Starts at most 0.35 s before a sentence and ends at most 0.7 s after one (10 ms of grace for rounding)."""
    starts = any(-0.01 <= start - clip[0] <= 0.36 for start, _ in sentences)
    return starts and any(-0.01 <= clip[1] - end <= 0.71 for _, end in sentences)


def standalone(talk: Written, clip: Span) -> bool:
    """Understood without the rest: begins and ends in no highlight's middle, and opens on no word that leans back."""
    for h in talk.highlights:
        if h.start_s + 0.5 < clip[0] < h.end_s - 0.5 or h.start_s + 0.5 < clip[1] < h.end_s - 0.5:
            return False
    opening = next((word.text for word in talk.transcript.words if word.start_s >= clip[0] - 0.01), "")
    return opening.lower().strip(".,?!") not in LEANS


def distracted(distractors: Sequence[Passage], clip: Span) -> bool:
    """A quarter of the clip, or half of a distractor, is the distractor."""
    for d in distractors:
        both = min(clip[1], d.end_s) - max(clip[0], d.start_s)
        if both > 0.25 * (clip[1] - clip[0]) or both > 0.5 * (d.end_s - d.start_s):
            return True
    return False


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
