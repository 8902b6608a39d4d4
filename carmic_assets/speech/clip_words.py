"""Words as they are shown: with their speakers, on the clock of a clip. Hears and decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from carmic_assets.model.speech import Turn, Word


def assign(words: Iterable[Word], turns: Sequence[Turn]) -> tuple[Word, ...]:
    """The words with the speaker of the turn that each overlaps most, else of the nearest turn; both in time order."""
    named: list[Word] = []
    at = 0
    for word in words:
        while at < len(turns) and turns[at].end_s <= word.start_s:
            at += 1
        near = turns[max(at - 1, 0) : at + 3]
        if not near:
            named.append(word)
            continue
        best = max(near, key=lambda turn: min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s))
        named.append(Word(word.text, word.start_s, word.end_s, word.confidence, best.speaker))
    return tuple(named)


def on_clip(words: Iterable[Word], start_s: float, end_s: float) -> list[Word]:
    """The words whose middle lies between two times of the source, on the clip's clock, cut to its ends."""
    length = end_s - start_s
    return [
        msgspec.structs.replace(word, start_s=max(0.0, word.start_s - start_s), end_s=min(length, word.end_s - start_s))
        for word in words
        if start_s <= (word.start_s + word.end_s) / 2 < end_s
    ]


def spans_on_clip(spans: Iterable[tuple[float, float]], start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Spans of the source's clock between two times of it, on the clip's clock, cut to its ends."""
    return [(max(a, start_s) - start_s, min(b, end_s) - start_s) for a, b in spans if a < end_s and b > start_s]
