"""Cleanup of recognised words: drops hallucinated words and loops, and keeps times inside the detected speech."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from carmic_assets.model.speech import Word
from carmic_assets.speech.voice_activity import Intervals

_MIN_WORD_S = 0.04
_MAX_WORD_S = 1.6  # a longer word has absorbed a pause
_MAX_LOOP_WORDS_PER_S = 6.0  # over a phrase that is repeated five times or more
_MAX_PHRASE_WORDS = 8
_MIN_REPETITIONS = 5
_MAX_LEAD_S = 0.08  # of a word before the detected speech
_MAX_LAG_S = 0.3  # of a word after the detected speech; a word further from all speech was never spoken


def clean_words(words: Iterable[Word], speech: Intervals) -> tuple[Word, ...]:
    """Return the words in order, without overlap, each with a length, none of them where nobody speaks."""
    spoken = [clamped for word in words if (clamped := _clamp_to_speech(word, speech))]
    return _separate(_remove_loops(spoken))


def _clamp_to_speech(word: Word, speech: Intervals) -> Word | None:
    """Return the word clamped to the interval of speech that it overlaps most; None where it is far from all speech."""
    interval = max(_neighbours(word, speech), key=lambda interval: _overlap_s(word, interval), default=None)
    if interval is None:
        return None
    if _overlap_s(word, interval) <= 0:
        distance_s = max(interval[0] - word.end_s, word.start_s - interval[1])
        return word if distance_s <= _MAX_LAG_S else None
    start_s = max(word.start_s, interval[0] - _MAX_LEAD_S)
    end_s = min(word.end_s, interval[1] + _MAX_LAG_S)
    if end_s - start_s > _MAX_WORD_S:
        start_s = end_s - _MAX_WORD_S
    return Word(word.text, start_s, end_s, word.confidence)


def _neighbours(word: Word, speech: Intervals) -> Sequence[tuple[float, float]]:
    first = bisect_right(speech, (word.start_s, float("inf")))
    stop = bisect_right(speech, (word.end_s, float("inf")))
    return speech[max(first - 1, 0) : stop + 1]


def _overlap_s(word: Word, interval: tuple[float, float]) -> float:
    return min(word.end_s, interval[1]) - max(word.start_s, interval[0])


def _remove_loops(words: list[Word]) -> list[Word]:
    """Keep one of each phrase of 1 to 8 words that is repeated faster than anyone speaks: a loop of the model."""
    kept: list[Word] = []
    texts = [word.text.casefold().strip(".,!?;:") for word in words]
    index = 0
    while index < len(words):
        for size in range(1, _MAX_PHRASE_WORDS + 1):
            repetitions = _count_repetitions(texts, index, size)
            end = index + repetitions * size
            duration_s = words[min(end, len(words)) - 1].end_s - words[index].start_s
            if repetitions >= _MIN_REPETITIONS and end - index > _MAX_LOOP_WORDS_PER_S * duration_s:
                kept += words[index : index + size]
                index = end
                break
        else:
            kept.append(words[index])
            index += 1
    return kept


def _count_repetitions(texts: Sequence[str], first: int, size: int) -> int:
    """Return how many times the phrase of `size` words at `first` occurs in a row."""
    phrase = texts[first : first + size]
    count = 1
    while texts[first + count * size : first + (count + 1) * size] == phrase:
        count += 1
    return count


def _separate(words: list[Word]) -> tuple[Word, ...]:
    """Let each word end before the next begins, and last at least `_MIN_WORD_S`; times are rounded to milliseconds."""
    separated: list[Word] = []
    previous_end_s = 0.0
    for index, word in enumerate(words):
        start_s = max(word.start_s, previous_end_s)
        end_s = max(word.end_s, start_s + _MIN_WORD_S)
        if index + 1 < len(words):
            end_s = max(min(end_s, words[index + 1].start_s), start_s + _MIN_WORD_S)
        separated.append(Word(word.text, round(start_s, 3), round(end_s, 3), word.confidence))
        previous_end_s = end_s
    return tuple(separated)
