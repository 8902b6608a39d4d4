"""Baselines for the scorer: random clips, even spacing, clickbait words, and topic segments by TextTiling."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

from benchmarks.clip_selection.metrics import Interval
from benchmarks.clip_selection.talks import WrittenTalk
from carmic_assets.scoring.lexicon import tokenize
from carmic_assets.scoring.talk import measure_topic_shift
from carmic_assets.scoring.talk_features import ScoringFeatures, decode_embeddings

CLIP_COUNT, MIN_CLIP_S, TARGET_CLIP_S, MAX_CLIP_S = 5, 15.0, 30.0, 60.0
CLICKBAIT_WORDS = frozenset((
    "amazing", "insane", "crazy", "incredible", "unbelievable", "secret", "secrets", "million", "money", "huge", "best",
    "worst", "never", "always", "shocking", "hack", "viral", "wow", "love", "hate", "why", "how", "you", "free", "new",
    "epic", "massive", "literally", "absolutely",
))  # fmt: skip


def choose_randomly(talk: WrittenTalk, features: ScoringFeatures) -> list[Interval]:
    """Choose random sequences of whole sentences of about half a minute. The seed is the name of the talk."""
    intervals = _list_sentence_sequences(talk)
    random.Random(talk.name).shuffle(intervals)
    return _take_disjoint(intervals)


def choose_evenly(talk: WrittenTalk, features: ScoringFeatures) -> list[Interval]:
    """Choose five clips at equal intervals, snapped to sentences."""
    intervals = _list_sentence_sequences(talk)
    end_s = talk.sentences[-1][1]
    return [
        min(intervals, key=lambda interval: abs(interval[0] - end_s * (i + 0.5) / CLIP_COUNT))
        for i in range(CLIP_COUNT)
    ]


def choose_by_clickbait(talk: WrittenTalk, features: ScoringFeatures) -> list[Interval]:
    """Choose the sentence sequences with the most clickbait words per second."""

    def rate(interval: Interval) -> float:
        words = [word for word in talk.transcript.words if interval[0] <= word.start_s < interval[1]]
        count = sum(token in CLICKBAIT_WORDS for word in words for token in tokenize(word.text))
        return count / (interval[1] - interval[0])

    return _take_disjoint(sorted(_list_sentence_sequences(talk), key=lambda interval: -rate(interval)))


def choose_by_texttiling(talk: WrittenTalk, features: ScoringFeatures) -> list[Interval]:
    """Choose the segments between the largest topic shifts (depth score of sentence embeddings), largest first."""
    depths = measure_topic_shift(decode_embeddings(features))
    min_depth = sorted(depths)[int(len(depths) * 0.75)]
    boundaries = [gap for gap, depth in enumerate(depths) if depth >= min_depth]
    segments = []
    words, spans = talk.transcript.words, features.sentences
    for a, b in pairwise(boundaries):
        start_s, end_s = words[spans[a][0]].start_s, words[spans[b - 1][1] - 1].end_s
        if MIN_CLIP_S <= end_s - start_s <= MAX_CLIP_S:
            segments.append((-(depths[a] + depths[b]), start_s, end_s))
    return [(start_s, end_s) for _, start_s, end_s in sorted(segments)][:CLIP_COUNT]


BASELINES: dict[str, Callable[[WrittenTalk, ScoringFeatures], list[Interval]]] = {
    "random": choose_randomly,
    "even spacing": choose_evenly,
    "clickbait words": choose_by_clickbait,
    "TextTiling": choose_by_texttiling,
}


def _list_sentence_sequences(talk: WrittenTalk) -> list[Interval]:
    """Return the longest sequence of at most `TARGET_CLIP_S` that starts at each sentence."""
    sequences = []
    for i, (start_s, _) in enumerate(talk.sentences):
        ends_s = [end_s for _, end_s in talk.sentences[i:] if end_s - start_s <= TARGET_CLIP_S]
        if ends_s and ends_s[-1] - start_s >= MIN_CLIP_S:
            sequences.append((start_s, ends_s[-1]))
    return sequences


def _take_disjoint(intervals: list[Interval]) -> list[Interval]:
    """Return the first `CLIP_COUNT` intervals that do not overlap an earlier one."""
    disjoint: list[Interval] = []
    for interval in intervals:
        if all(interval[1] <= other[0] or interval[0] >= other[1] for other in disjoint):
            disjoint.append(interval)
        if len(disjoint) == CLIP_COUNT:
            break
    return disjoint
