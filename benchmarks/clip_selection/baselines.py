"""What the scorer must beat: chance, even spacing, counting hot words, and topic segments by TextTiling."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise

from benchmarks.clip_selection.talks import Written
from carmic_assets.scoring.lexicon import tokens
from carmic_assets.scoring.talk import topic_shift
from carmic_assets.scoring.talk_features import ScoringFeatures, vectors_of

Span = tuple[float, float]
COUNT, LENGTH_S = 5, 30.0
HOT = frozenset(
    re.findall(
        r"\w+",
        "amazing insane crazy incredible unbelievable secret secrets million money huge best worst never always "
        "shocking hack viral wow love hate why how you free new epic massive literally absolutely",
    )
)


def by_chance(talk: Written, features: ScoringFeatures) -> list[Span]:
    """Whole sentences from random places, about half a minute each; the seed is the talk's name."""
    dice = random.Random(talk.name)
    spans = _windows(talk)
    dice.shuffle(spans)
    return _apart(spans)


def evenly(talk: Written, features: ScoringFeatures) -> list[Span]:
    """Five clips at equal distances, snapped to sentences."""
    spans = _windows(talk)
    end = talk.sentences[-1][1]
    return [min(spans, key=lambda s: abs(s[0] - end * (i + 0.5) / COUNT)) for i in range(COUNT)]


def by_hot_words(talk: Written, features: ScoringFeatures) -> list[Span]:
    """Most hot words a second."""

    def heat(span: Span) -> float:
        words = [w for w in talk.transcript.words if span[0] <= w.start_s < span[1]]
        return -sum(token in HOT for w in words for token in tokens(w.text)) / (span[1] - span[0])

    return _apart(sorted(_windows(talk), key=heat))


def by_texttiling(talk: Written, features: ScoringFeatures) -> list[Span]:
    """Segments between the deepest topic shifts (embeddings of sentences), 15 to 60 s, the deepest first."""
    depth = topic_shift(vectors_of(features))
    cuts = sorted(g for g in range(len(depth)) if depth[g] >= sorted(depth)[int(len(depth) * 0.75)])
    segments = []
    words, spans = talk.transcript.words, features.sentences
    for a, b in pairwise(cuts):
        start, end = words[spans[a][0]].start_s, words[spans[b - 1][1] - 1].end_s
        if 15 <= end - start <= 60:
            segments.append((-(depth[a] + depth[b]), start, end))
    return [(start, end) for _, start, end in sorted(segments)][:COUNT]


BASELINES: dict[str, Callable[[Written, ScoringFeatures], list[Span]]] = {
    "random": by_chance,
    "even spacing": evenly,
    "hot words": by_hot_words,
    "TextTiling": by_texttiling,
}


def _windows(talk: Written) -> list[Span]:
    spans = []
    for i, (start, _) in enumerate(talk.sentences):
        fit = [end for _, end in talk.sentences[i:] if end - start <= LENGTH_S]
        if fit and fit[-1] - start >= 15:
            spans.append((start, fit[-1]))
    return spans


def _apart(spans: list[Span]) -> list[Span]:
    chosen: list[Span] = []
    for span in spans:
        if all(span[1] <= other[0] or span[0] >= other[1] for other in chosen):
            chosen.append(span)
        if len(chosen) == COUNT:
            break
    return chosen
