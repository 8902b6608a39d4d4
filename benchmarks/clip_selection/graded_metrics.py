"""Metrics of the selected clips against sentence grades: what a viewer of the clips would see.

The gain of a clip is the mean grade of its speech, by duration. What a better placed clip has shown counts as 0. A clip
that shows a highlight loses `HOOK_COST` times the share of the hook that it lacks, and `PAYOFF_COST` times that of the
payoff. Outside the limits of length a positive gain is halved.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import msgspec
import numpy as np

from benchmarks.clip_selection.graded_talks import TRAP, GradedTalk
from benchmarks.clip_selection.metrics import TOP, Interval, is_boundary_clean, mean
from carmic_assets.scoring.arrays import Floats

HOOK_COST, PAYOFF_COST = 0.5, 1.0
MIN_LENGTH_S, MAX_LENGTH_S = 15.0, 60.0
LENGTH_TOLERANCE_S = 0.6  # the lead and the tail of a clip lie outside its speech
MIN_SHOWN = 0.7  # share of a highlight that a clip must show to find it
MAX_LENGTH_RATIO = 2.0  # a clip longer than this many times the highlight does not find it
MIN_TRAP_RATIO = 0.25  # share of a clip's speech from which it is a trap
_DISCOUNTS = tuple(1 / log2(rank + 2) for rank in range(TOP))


class GradedMetrics(msgspec.Struct, frozen=True):
    """The metrics of one talk. All but `ndcg5`, which is negative if traps prevail, are 0..1."""

    ndcg5: float
    recall5: float
    boundary_clean: float
    standalone: float
    traps5: float


def evaluate_graded(talk: GradedTalk, clips: Sequence[Interval]) -> GradedMetrics:
    """Evaluate clips, best first, on the source clock."""
    top = list(clips[:TOP])
    return GradedMetrics(
        ndcg5=ndcg(talk, top),
        recall5=recall(talk, top),
        boundary_clean=mean([is_boundary_clean(talk.sentences, clip) for clip in clips]),
        standalone=mean([is_standalone(talk, clip) for clip in clips]),
        traps5=mean([is_trap(talk, clip) for clip in top]),
    )


def ndcg(talk: GradedTalk, clips: Sequence[Interval]) -> float:
    """Return the discounted gain of the clips divided by that of the best five; 1 if nothing has a gain."""
    gains = measure_gains(talk, clips)
    ideal = find_ideal_gain(talk)
    return sum(gain * discount for gain, discount in zip(gains, _DISCOUNTS, strict=False)) / ideal if ideal else 1.0


def measure_gains(talk: GradedTalk, clips: Sequence[Interval]) -> list[float]:
    """Return the gain of each clip, best clip first; a later clip gains nothing from speech that was shown before."""
    shown_s = measure_shown_s(talk, clips)
    length_s = _measure_length_s(talk)
    shown_before_s = np.minimum(np.cumsum(shown_s, axis=0) - shown_s, length_s)
    gains = _mean_grades(talk, shown_s, np.minimum(shown_s, length_s - shown_before_s)) - _missing_costs(talk, shown_s)
    is_outside = [not MIN_LENGTH_S <= end_s - start_s <= MAX_LENGTH_S + LENGTH_TOLERANCE_S for start_s, end_s in clips]
    return [float(x) for x in np.where(np.array(is_outside, bool) & (gains > 0), gains / 2, gains)]


def find_ideal_gain(talk: GradedTalk) -> float:
    """Return the highest discounted gain of up to five clips of whole sentences, without overlap, within the limits.

    Dynamic programming over the gaps between sentences and the set of ranks that are taken: each clip on the way is
    given one of the free ranks, so the maximum gives the best clip the first rank.
    """
    spans = _list_spans(talk)
    if not spans:
        return 0.0
    first, stop = np.array(spans, int).T
    shown_s = measure_shown_s(talk, [(talk.sentences[a][0], talk.sentences[b - 1][1]) for a, b in spans])
    gain = _mean_grades(talk, shown_s, shown_s) - _missing_costs(talk, shown_s)
    best = np.zeros((len(talk.sentences) + 1, 1 << TOP))  # [gap, ranks that may be taken before it]
    ranks = np.arange(1 << TOP)
    for gap in range(1, len(best)):
        best[gap] = best[gap - 1]
        rows = np.flatnonzero(stop == gap)
        for rank, discount in enumerate(_DISCOUNTS) if len(rows) else ():
            with_rank = ranks[(ranks >> rank) & 1 == 1]
            sums = best[first[rows]][:, with_rank ^ (1 << rank)] + discount * gain[rows, None]
            best[gap, with_rank] = np.maximum(best[gap, with_rank], sums.max(0))
    return float(best[-1, -1])


def _list_spans(talk: GradedTalk) -> list[tuple[int, int]]:
    """Return first sentence and one past the last sentence of every clip within the limits."""
    sentences = talk.sentences
    return [
        (first, stop)
        for first in range(len(sentences))
        for stop in range(first + 1, len(sentences) + 1)
        if MIN_LENGTH_S <= sentences[stop - 1][1] - sentences[first][0] <= MAX_LENGTH_S
    ]


def measure_shown_s(talk: GradedTalk, clips: Sequence[Interval]) -> Floats:
    """Return the seconds of each sentence that each clip shows, shape (clips, sentences)."""
    sentences, bounds = np.array(talk.sentences), np.array(clips, float).reshape(-1, 2)
    end_s = np.minimum(bounds[:, 1, None], sentences[:, 1])
    shown_s: Floats = np.clip(end_s - np.maximum(bounds[:, 0, None], sentences[:, 0]), 0, None)
    return shown_s


def _measure_length_s(talk: GradedTalk) -> Floats:
    length_s: Floats = np.diff(np.array(talk.sentences)).ravel()
    return length_s


def _mean_grades(talk: GradedTalk, shown_s: Floats, fresh_s: Floats) -> Floats:
    mean_grades: Floats = fresh_s @ np.array(talk.grades, float) / np.maximum(shown_s.sum(1), 1e-9)
    return mean_grades


def _missing_costs(talk: GradedTalk, shown_s: Floats) -> Floats:
    """Return what each clip loses for the missing hook and payoff of the highlight that it shows most of."""
    length_s = _measure_length_s(talk)
    most_s, costs = np.zeros(len(shown_s)), np.zeros(len(shown_s))
    for highlight in talk.highlights:
        highlight_s = shown_s[:, highlight.sentences].sum(1)
        cost = np.zeros(len(shown_s))
        for sentences, full_cost in ((highlight.hook, HOOK_COST), (highlight.payoff, PAYOFF_COST)):
            if sentences:
                cost += full_cost * (1 - shown_s[:, sentences].sum(1) / length_s[list(sentences)].sum())
        costs = np.where(highlight_s > most_s, cost, costs)
        most_s = np.maximum(most_s, highlight_s)
    return costs


def recall(talk: GradedTalk, clips: Sequence[Interval]) -> float:
    """Return the share of highlights that a clip shows to 70 %, of those that five clips could show.

    The clip may be at most twice as long as the highlight, or as the shortest allowed clip if that is longer.
    """
    if not talk.highlights:
        return 1.0
    shown_s, length_s = measure_shown_s(talk, clips), _measure_length_s(talk)
    clip_s = np.array([end_s - start_s for start_s, end_s in clips])
    hits = 0
    for highlight in talk.highlights:
        span_s = talk.sentences[highlight.sentences[-1]][1] - talk.sentences[highlight.sentences[0]][0]
        shows = shown_s[:, highlight.sentences].sum(1) >= MIN_SHOWN * length_s[list(highlight.sentences)].sum()
        hits += bool((shows & (clip_s <= max(MAX_LENGTH_RATIO * span_s, MIN_LENGTH_S))).any())
    return hits / min(TOP, len(talk.highlights))


def is_standalone(talk: GradedTalk, clip: Interval) -> bool:
    """Return whether the clip opens on a whole sentence that needs nothing before it."""
    for sentence, (start_s, end_s) in enumerate(talk.sentences):
        if end_s > clip[0] + 0.01:
            return start_s >= clip[0] - 0.01 and sentence not in talk.leaning
    return False


def is_trap(talk: GradedTalk, clip: Interval) -> bool:
    """Return whether a quarter of the clip's speech is a trap."""
    shown_s = measure_shown_s(talk, [clip])[0]
    is_trap_sentence = np.array(talk.grades) == TRAP
    return bool(shown_s[is_trap_sentence].sum() > MIN_TRAP_RATIO * shown_s.sum())
