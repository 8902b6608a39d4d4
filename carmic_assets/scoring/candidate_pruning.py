"""Reduces the candidates before they are scored: keeps one per passage, with the best bounds."""

from __future__ import annotations

import numpy as np

from carmic_assets.scoring.arrays import Floats, Ints
from carmic_assets.scoring.candidate_measures import measure_completeness, sum_substance
from carmic_assets.scoring.candidates import Candidates
from carmic_assets.scoring.highlight_model import predict_substance
from carmic_assets.scoring.talk import Talk

# Weights and costs are in units of substance, see `sum_substance`. They were tuned on the training talks of the
# benchmark by cross-validation.
COMPLETENESS_WEIGHT = 1.0  # value of a perfect beginning, and of a perfect end
CLIP_COST = 2.6  # cost of each clip in the partition; two short clips must outweigh one long clip by this
INSTRUCTION_WEIGHT = 4.0  # value of a full match with the user's instructions
ABSORB_THRESHOLD = -1.0  # log-odds of substance from which a sentence next to a clip may belong to it
ABSORB_TOLERANCE = 0.1  # most completeness that a clip may lose by absorbing a sentence
SUPPRESSION_IOU = 0.25  # candidates with a higher intersection over union are variants of one clip


def prune_candidates(talk: Talk, candidates: Candidates, instruction_match: Floats) -> Ints:
    """Return the rows to keep, sorted.

    The candidates of the best partition of the talk are kept first, so that two complete clips are preferred to one
    that contains half of its neighbour. Non-maximum suppression by quality then keeps one of the remaining variants of
    each clip. `instruction_match` is -1..1 for each candidate.
    """
    begin, end = measure_completeness(talk)
    completeness = begin[candidates.first] + end[candidates.stop]
    quality = sum_substance(talk, candidates) + COMPLETENESS_WEIGHT * completeness
    quality = quality + INSTRUCTION_WEIGHT * instruction_match
    start_s, end_s = talk.start_s[candidates.first], talk.end_s[candidates.stop - 1]
    partition = partition_talk(candidates, quality - CLIP_COST)
    available = np.ones(len(candidates), bool)
    kept_rows = []
    for row in [*absorb_neighbours(talk, candidates, partition), *np.argsort(-quality, kind="stable")]:
        if available[row]:
            kept_rows.append(int(row))
            intersection_s = np.minimum(end_s, end_s[row]) - np.maximum(start_s, start_s[row])
            union_s = np.maximum(end_s, end_s[row]) - np.minimum(start_s, start_s[row])
            available &= intersection_s <= SUPPRESSION_IOU * union_s
    return np.array(sorted(kept_rows), int)


def partition_talk(candidates: Candidates, worth: Floats) -> list[int]:
    """Return the rows of the set of candidates without overlap that has the highest sum of `worth`.

    The method is weighted interval scheduling, by dynamic programming over the gaps between sentences. Candidates whose
    worth is not positive are never chosen.
    """
    gaps = int(candidates.stop.max(initial=0)) + 1
    by_stop = np.argsort(candidates.stop, kind="stable")
    group_start = np.searchsorted(candidates.stop[by_stop], np.arange(gaps + 1))  # in `by_stop`, per gap
    best_sum, best_row = np.zeros(gaps), np.full(gaps, -1)
    for gap in range(1, gaps):
        best_sum[gap] = best_sum[gap - 1]
        rows = by_stop[group_start[gap] : group_start[gap + 1]]
        if len(rows):
            sums = best_sum[candidates.first[rows]] + worth[rows]
            best = int(np.argmax(sums))
            if sums[best] > best_sum[gap]:
                best_sum[gap], best_row[gap] = sums[best], rows[best]
    selected_rows, gap = [], gaps - 1
    while gap > 0:
        if best_row[gap] < 0:
            gap -= 1
        else:
            selected_rows.append(int(best_row[gap]))
            gap = int(candidates.first[best_row[gap]])
    return selected_rows


def absorb_neighbours(talk: Talk, candidates: Candidates, rows: list[int]) -> list[int]:
    """Return, for each of `rows`, the row of the same candidate extended by the sentence before and after it.

    `rows` do not overlap. A sentence is absorbed if it has substance and the clip stays complete. A viewer understands
    a clip with one sentence too many, but not a clip without its first or last sentence.
    """
    begin, end = measure_completeness(talk)
    free = predict_substance(talk) > ABSORB_THRESHOLD
    for row in rows:
        free[candidates.first[row] : candidates.stop[row]] = False
    extended = []
    for row in rows:
        first, stop = int(candidates.first[row]), int(candidates.stop[row])
        firsts, stops = [first], [stop]
        if first and free[first - 1] and begin[first - 1] >= begin[first] - ABSORB_TOLERANCE:
            firsts.insert(0, first - 1)
        if stop < len(talk) and free[stop] and end[stop + 1] >= end[stop] - ABSORB_TOLERANCE:
            stops.insert(0, stop + 1)
        matches = (np.flatnonzero((candidates.first == a) & (candidates.stop == b)) for a in firsts for b in stops)
        widest = int(next(match[0] for match in matches if len(match)))
        free[candidates.first[widest] : candidates.stop[widest]] = False
        extended.append(widest)
    return extended
