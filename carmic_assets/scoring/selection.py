"""Selects clips from the scored candidates: best first, without overlap and without repetition."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from carmic_assets.scoring.arrays import Floats, Floats32
from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.candidates import Candidates
from carmic_assets.scoring.talk import Talk

# Cosine similarities to the selected clips: at the first a clip starts to lose score, at the second it has lost all.
# Measured: two clips of one talk have 0.2 to 0.4; a passage that repeats another one has 0.9 or more.
NOVEL_SIMILARITY, REPEATED_SIMILARITY = 0.5, 0.9
QUALITY_THRESHOLD = 45  # score from which clips are selected beyond the minimum count
MAX_RUNNERS_UP = 12  # candidates that are listed with the reason for their rejection
_VARIANT_OVERLAP = 0.6  # a candidate that shares a larger fraction of sentences with a selected clip is its variant


class RunnerUp(msgspec.Struct, frozen=True):
    """A candidate that was not selected, with the reason in words for users."""

    row: int
    rejection_reason: str


@dataclass(frozen=True)
class _CountLimits:
    min_clips: int
    max_clips: int
    threshold: int  # clips below this score are selected only up to `min_clips`


def choose_min_clip_count(speech_s: float) -> int:
    """Return the minimum number of clips, whatever their score: one per 90 s of speech up to five, then one per 360 s.

    The slower growth begins at 600 s of speech. These counts and those of
    `choose_max_clip_count` have no published source.
    """
    early = min(5, int(speech_s // 90))
    return min(choose_max_clip_count(speech_s), max(1, early + max(0, int((speech_s - 600) // 360))))


def choose_max_clip_count(speech_s: float) -> int:
    """Return the default maximum number of clips: one per minute up to ten, then one per three minutes, up to 40."""
    return int(min(40, max(3, speech_s // 60 if speech_s < 600 else 10 + (speech_s - 600) // 180)))


def select_clips(talk: Talk, candidates: Candidates, scores: Floats, brief: Brief) -> tuple[list[int], list[RunnerUp]]:
    """Select rows greedily by maximal marginal relevance (Carbonell and Goldstein 1998).

    Candidates are ordered and compared with the threshold by their marginal score: the unrounded score times the
    novelty. A repetitive candidate is therefore selected only to reach the minimum count, the least repetitive first.

    Returns:
        The selected rows and up to `MAX_RUNNERS_UP` others, both with the best score first.
    """
    limits = _choose_count_limits(talk, brief)
    available = np.ones(len(candidates), bool)
    similarity = np.zeros(len(talk))  # of each sentence to the nearest selected one
    marginal_scores = scores
    selected: list[int] = []
    while available.any() and len(selected) < limits.max_clips:
        best = int(np.argmax(np.where(available, marginal_scores, -np.inf)))
        if marginal_scores[best] < limits.threshold and len(selected) >= limits.min_clips:
            break
        selected.append(best)
        available &= ~candidates.overlapping(best)
        similarity = np.maximum(similarity, (talk.topic_vectors @ _get_topic_vectors(talk, candidates, best).T).max(1))
        marginal_scores = scores * _measure_novelty(talk, candidates, similarity)
    selected.sort(key=lambda row: (-scores[row], candidates.first[row]))
    return selected, _list_runners_up(talk, candidates, scores, marginal_scores, selected, limits)


def _choose_count_limits(talk: Talk, brief: Brief) -> _CountLimits:
    speech_s = float((talk.end_s - talk.start_s).sum()) if len(talk) else 0.0
    max_clips = brief.max_clips if brief.max_clips is not None else choose_max_clip_count(speech_s)
    if brief.threshold is not None:
        return _CountLimits(1, max_clips, brief.threshold)
    return _CountLimits(min(max_clips, choose_min_clip_count(speech_s)), max_clips, QUALITY_THRESHOLD)


def _get_topic_vectors(talk: Talk, candidates: Candidates, row: int) -> Floats32:
    return talk.topic_vectors[candidates.first[row] : candidates.stop[row]]


def _measure_novelty(talk: Talk, candidates: Candidates, similarity: Floats) -> Floats:
    """Return the novelty of each candidate: 1 if it repeats no selected clip, 0 if it is a repetition.

    `similarity` is the cosine of each sentence with the nearest selected sentence. That of a candidate is the mean over
    its seconds.
    """
    seconds = talk.end_s - talk.start_s
    mean_similarity = candidates.sum_over(similarity * seconds) / np.maximum(candidates.sum_over(seconds), 0.1)
    return np.clip((REPEATED_SIMILARITY - mean_similarity) / (REPEATED_SIMILARITY - NOVEL_SIMILARITY), 0, 1)


def _list_runners_up(
    talk: Talk,
    candidates: Candidates,
    scores: Floats,
    marginal_scores: Floats,
    selected: list[int],
    limits: _CountLimits,
) -> list[RunnerUp]:
    available = np.ones(len(candidates), bool)
    available[selected] = False
    runners_up: list[RunnerUp] = []
    for row in (int(i) for i in np.lexsort((candidates.first, -scores))):
        if len(runners_up) >= MAX_RUNNERS_UP:
            break
        if not available[row]:
            continue
        overlap = candidates.overlapping(row)
        rivals = [other for other in selected if overlap[other]]
        if max((_compute_overlap_ratio(candidates, row, rival) for rival in rivals), default=0.0) > _VARIANT_OVERLAP:
            continue
        if rivals:
            best = max(rivals, key=lambda rival: scores[rival])
            reason = f"overlaps the clip at {_format_start(talk, candidates, best)}, which scores {scores[best]:.0f}"
        elif scores[row] < limits.threshold:
            reason = f"scores {scores[row]:.0f}, below the threshold of {limits.threshold}"
        elif marginal_scores[row] < limits.threshold:
            repeated = max(selected, key=lambda other: _compute_mean_similarity(talk, candidates, row, other))
            reason = f"repeats the clip at {_format_start(talk, candidates, repeated)}"
        else:
            reason = f"{limits.max_clips} clips with higher scores reach the maximum count"
        runners_up.append(RunnerUp(row, reason))
        available &= ~overlap
    return runners_up


def _compute_mean_similarity(talk: Talk, candidates: Candidates, row: int, other: int) -> float:
    """Return the mean cosine of the sentences of `row` with the nearest sentence of `other`."""
    similarity = _get_topic_vectors(talk, candidates, row) @ _get_topic_vectors(talk, candidates, other).T
    return float(similarity.max(1).mean())


def _compute_overlap_ratio(candidates: Candidates, a: int, b: int) -> float:
    """Return the number of shared sentences, divided by that of the shorter candidate."""
    first, stop = candidates.first, candidates.stop
    shared = min(stop[a], stop[b]) - max(first[a], first[b])
    return float(shared / max(1, min(stop[a] - first[a], stop[b] - first[b])))


def _format_start(talk: Talk, candidates: Candidates, row: int) -> str:
    return format_clock(talk.start_s[candidates.first[row]])


def format_clock(seconds: float) -> str:
    """Format a time as 1:02:03, or as 2:03 within the first hour."""
    total = round(float(seconds))
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
