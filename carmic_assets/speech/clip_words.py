"""Prepares transcribed words for display: assigns speakers, and maps times to the clock of a clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from carmic_assets.model.speech import Turn, Word


def assign_speakers(words: Iterable[Word], turns: Sequence[Turn]) -> tuple[Word, ...]:
    """Return the words, each with the speaker of the turn that it overlaps most, or else of the nearest turn.

    Words and turns are in time order. Without turns the words stay as they are.
    """
    assigned: list[Word] = []
    first = 0  # the first turn that ends after the word begins
    for word in words:
        while first < len(turns) and turns[first].end_s <= word.start_s:
            first += 1
        near = turns[max(first - 1, 0) : first + 3]
        if not near:
            assigned.append(word)
            continue
        turn = max(near, key=lambda turn: min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s))
        assigned.append(Word(word.text, word.start_s, word.end_s, word.confidence, turn.speaker))
    return tuple(assigned)


def map_words_to_clip_clock(words: Iterable[Word], start_s: float, end_s: float) -> list[Word]:
    """Return the words whose middle lies in `start_s`..`end_s` of the source.

    Their times count from `start_s` and are clamped to the clip.
    """
    duration_s = end_s - start_s
    return [
        msgspec.structs.replace(
            word, start_s=max(0.0, word.start_s - start_s), end_s=min(duration_s, word.end_s - start_s)
        )
        for word in words
        if start_s <= (word.start_s + word.end_s) / 2 < end_s
    ]


def map_spans_to_clip_clock(
    spans: Iterable[tuple[float, float]], start_s: float, end_s: float
) -> list[tuple[float, float]]:
    """Return the spans that overlap `start_s`..`end_s` of the source.

    Their times count from `start_s` and are clamped to the clip.
    """
    return [(max(a, start_s) - start_s, min(b, end_s) - start_s) for a, b in spans if a < end_s and b > start_s]
