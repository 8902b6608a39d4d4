"""Enumerates candidates: every sequence of whole sentences whose length is within the limits.

Candidates are rows of arrays, about 10,000 for an hour of talk. Each statistic is one pass over prefix sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from carmic_assets.scoring.arrays import Bools, Floats, Ints
from carmic_assets.scoring.talk import Talk

MAX_INNER_PAUSE_S = 6.0  # longest pause between two sentences of a clip; laughter and applause are shorter
_NEAR_LONGEST_RATIO = 0.9  # if no candidate is within the limits, those of at least this fraction of the longest count


@dataclass(frozen=True)
class Candidates:
    """Candidate i is the sentences `first[i]` up to but not including `stop[i]`. All arrays have shape (m,)."""

    first: Ints
    stop: Ints
    length_s: Floats
    measures: dict[str, Floats] = field(default_factory=dict)  # each 0..1

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: Ints | Bools) -> Candidates:
        """Return the candidates of the given rows, with their measures."""
        measures = {name: values[rows] for name, values in self.measures.items()}
        return Candidates(self.first[rows], self.stop[rows], self.length_s[rows], measures)

    def with_measures(self, measures: dict[str, Floats]) -> Candidates:
        """Return the same candidates with these measures added."""
        return replace(self, measures={**self.measures, **measures})

    def sum_over(self, values: Floats) -> Floats:
        """Return the sum of a per-sentence value over each candidate."""
        sums = np.concatenate([[0.0], np.cumsum(values)])
        total: Floats = sums[self.stop] - sums[self.first]
        return total

    def mean_over(self, values: Floats) -> Floats:
        """Return the mean of a per-sentence value over each candidate."""
        mean: Floats = self.sum_over(values) / np.maximum(self.stop - self.first, 1)
        return mean

    def max_over(self, values: Floats) -> Floats:
        """Return the highest per-sentence value of each candidate."""
        if not len(self):
            return np.zeros(0)
        edges = np.stack([self.first, self.stop], 1).ravel()
        return np.maximum.reduceat(np.append(values, -np.inf), edges)[::2]

    def overlapping(self, row: int) -> Bools:
        """Return which candidates share a sentence with this one, itself included."""
        overlap: Bools = (self.first < self.stop[row]) & (self.stop > self.first[row])
        return overlap


def enumerate_candidates(talk: Talk, min_s: float, max_s: float) -> Candidates:
    """Return all sequences of whole sentences with a length in `min_s`..`max_s` and no pause over `MAX_INNER_PAUSE_S`.

    If the talk has none, return the longest sequences below `max_s`. A single sentence longer than `max_s` is a
    candidate only if there is no other.
    """
    starts = np.arange(len(talk))
    ends_s = np.maximum.accumulate(talk.end_s)
    min_stop = np.maximum(np.searchsorted(ends_s, talk.start_s + min_s, "left") + 1, starts + 1)
    max_stop = np.searchsorted(ends_s, talk.start_s + max_s, "right")
    long_pauses = np.append(np.flatnonzero(talk.pause_s[1:-1] > MAX_INNER_PAUSE_S) + 1, len(talk))
    max_stop = np.minimum(max_stop, long_pauses[np.searchsorted(long_pauses, starts, "right")])
    counts = np.maximum(max_stop - min_stop + 1, 0)
    if counts.any():
        first = np.repeat(starts, counts)
        stop = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(min_stop, counts)
    else:
        first, stop = starts, np.maximum(max_stop, starts + 1)
        length_s = talk.end_s[stop - 1] - talk.start_s[first]
        near_longest = length_s >= _NEAR_LONGEST_RATIO * length_s.max(initial=0.0)
        first, stop = first[near_longest], stop[near_longest]
    return Candidates(first, stop, talk.end_s[stop - 1] - talk.start_s[first])
