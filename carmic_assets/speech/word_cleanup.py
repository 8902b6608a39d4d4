"""What Whisper heard, made fit to show: invented words dropped, times kept inside the speech that the detector heard.

Works on words and spans only; hears nothing itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from carmic_assets.model.speech import Word
from carmic_assets.speech.voice_activity import Spans

_SHORTEST_S = 0.04
_LONGEST_S = 1.6  # a drawn-out word; what is longer has swallowed a pause
_FASTEST = 6.0  # words a second, over a phrase said five times
_BEFORE_S = 0.08  # a word may begin so much before the detector hears it; it may end `_FAR_S` after
_FAR_S = 0.3  # a word further than this from any speech was never said


def clean(said: Iterable[Word], speech: Spans) -> tuple[Word, ...]:
    """Words in order, not overlapping, none of them where nobody speaks, none without length."""
    inside = [kept for word in said if (kept := _inside(word, speech))]
    return _in_order(_without_loops(inside))


def _inside(word: Word, speech: Spans) -> Word | None:
    """The word, cut to the span of speech that it overlaps most; None where it is far from all speech."""
    best = max(_near(word, speech), key=lambda span: _overlap(word, span), default=None)
    if best is None:
        return None
    if _overlap(word, best) <= 0:
        away = max(best[0] - word.end_s, word.start_s - best[1])
        return word if away <= _FAR_S else None
    start = max(word.start_s, best[0] - _BEFORE_S)
    end = min(word.end_s, best[1] + _FAR_S)
    if end - start > _LONGEST_S:
        start = end - _LONGEST_S
    return Word(word.text, start, end, word.confidence)


def _near(word: Word, speech: Spans) -> Sequence[tuple[float, float]]:
    at = bisect_right(speech, (word.start_s, float("inf")))
    stop = bisect_right(speech, (word.end_s, float("inf")))
    return speech[max(at - 1, 0) : stop + 1]


def _overlap(word: Word, span: tuple[float, float]) -> float:
    return min(word.end_s, span[1]) - max(word.start_s, span[0])


def _without_loops(words: list[Word]) -> list[Word]:
    """A phrase of 1 to 8 words again and again, faster than anybody speaks, is the model's stutter: one is kept."""
    kept: list[Word] = []
    at = 0
    bare = [word.text.casefold().strip(".,!?;:") for word in words]
    while at < len(words):
        for size in range(1, 9):
            phrase = bare[at : at + size]
            times = 1
            while bare[at + times * size : at + (times + 1) * size] == phrase:
                times += 1
            end = at + times * size
            if times > 4 and len(phrase) == size and end - at > _FASTEST * (words[end - 1].end_s - words[at].start_s):
                kept += words[at : at + size]
                at = end
                break
        else:
            kept.append(words[at])
            at += 1
    return kept


def _in_order(words: list[Word]) -> tuple[Word, ...]:
    """Each word ends before the next begins and lasts at least `_SHORTEST_S`; times in milliseconds."""
    placed: list[Word] = []
    free_s = 0.0
    for index, word in enumerate(words):
        start = max(word.start_s, free_s)
        end = max(word.end_s, start + _SHORTEST_S)
        if index + 1 < len(words):
            end = max(min(end, words[index + 1].start_s), start + _SHORTEST_S)
        placed.append(Word(word.text, round(start, 3), round(end, 3), word.confidence))
        free_s = end
    return tuple(placed)
