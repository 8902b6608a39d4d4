"""Cleans up recognised words: drops hallucinated words and loops, and keeps times inside the detected speech."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from carmic_assets.model.speech import Word
from carmic_assets.speech.voice_activity import Intervals

_MIN_WORD_S = 0.04  # shorter words are extended to this length
_MAX_WORD_S = 1.6  # a longer word has absorbed a pause and is shortened at its start
_MAX_LOOP_WORDS_PER_S = 6.0  # repetitions faster than this were not spoken: the model loops
_MAX_PHRASE_WORDS = 8  # longest phrase that is searched for in loops
_MIN_REPETITIONS = 5  # fewer repetitions in a row are kept as spoken
_MAX_LEAD_S = 0.08  # a word may begin this long before the detected speech
_MAX_LAG_S = 0.3  # a word may end this long after the detected speech; one further from all speech is hallucinated


def clean_words(words: Iterable[Word], speech: Intervals) -> tuple[Word, ...]:
    """Return the words in order, without overlap, each at least `_MIN_WORD_S` long, without those outside speech."""
    spoken = [clamped for word in words if (clamped := _clamp_to_speech(word, speech))]
    return _remove_overlaps(_remove_loops(spoken))


def _clamp_to_speech(word: Word, speech: Intervals) -> Word | None:
    """Return the word clamped to the interval of speech that it overlaps most; None where it is far from all speech."""
    interval = max(
        _find_neighbours(word, speech), key=lambda interval: _compute_overlap_s(word, interval), default=None
    )
    if interval is None:
        return None
    if _compute_overlap_s(word, interval) <= 0:
        distance_s = max(interval[0] - word.end_s, word.start_s - interval[1])
        return word if distance_s <= _MAX_LAG_S else None
    start_s = max(word.start_s, interval[0] - _MAX_LEAD_S)
    end_s = min(word.end_s, interval[1] + _MAX_LAG_S)
    if end_s - start_s > _MAX_WORD_S:
        start_s = end_s - _MAX_WORD_S
    return Word(word.text, start_s, end_s, word.confidence)


def _find_neighbours(word: Word, speech: Intervals) -> Sequence[tuple[float, float]]:
    first = bisect_right(speech, (word.start_s, float("inf")))
    stop = bisect_right(speech, (word.end_s, float("inf")))
    return speech[max(first - 1, 0) : stop + 1]


def _compute_overlap_s(word: Word, interval: tuple[float, float]) -> float:
    return min(word.end_s, interval[1]) - max(word.start_s, interval[0])


def _remove_loops(words: list[Word]) -> list[Word]:
    """Return the words with each loop reduced to one repetition.

    A loop is a phrase of at most `_MAX_PHRASE_WORDS` words that is repeated faster than people speak.
    """
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


def _remove_overlaps(words: list[Word]) -> tuple[Word, ...]:
    """Return the words without overlap, each at least `_MIN_WORD_S` long, with times rounded to milliseconds."""
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
