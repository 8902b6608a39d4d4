"""Splits words into sentences: by punctuation in any script, else by pauses.

Candidate clips, the trim of a clip and topic boundaries all use these sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from carmic_assets.model.speech import Word

WordRanges = tuple[tuple[int, int], ...]  # (first word, one past the last word)

SENTENCE_PAUSE_S = 1.0  # ends a sentence regardless of punctuation
MAX_SENTENCE_WORDS = 60  # a longer sentence is split at a long pause or a comma
_MIN_PAUSE_S = 0.35  # the shortest pause that can end a sentence in a text without punctuation
_WORDS_PER_MARK = 80  # a text with fewer sentence marks than one per this many words counts as unpunctuated

_CLOSING_MARKS = "\"'”’»›)]}」』）】〉》"
_OPENING_MARKS = "\"'“‘«‹([{「『（¿¡"
_SENTENCE_MARKS = "?!。！？．؟۔।॥։።፧။។᠃…｡؛"  # end a sentence anywhere, unlike the full stop
_PAUSE_MARKS = ",;:،、，；：–—"
_INITIALS = re.compile(r"^(?:[^\W\d_]\.)+$")  # J. or U.S. or z.B.
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "mr mrs ms dr prof sr jr st vs etc e.g i.e vol fig approx inc ltd co corp dept gen col sgt capt rev hon jan "
        "feb apr jun jul aug nov dec nr bzw usw ca evtl ggf vgl inkl sog mme mlle sra srta ud uds dott resp mgr",
    )
)


def split_sentences(words: Sequence[Word]) -> WordRanges:
    """Return the word range of each sentence: contiguous, in order, covering all words.

    A sentence ends at a sentence mark, at a pause of `SENTENCE_PAUSE_S` and at a change of speaker. The full stop of an
    abbreviation, an initial or an unfinished number ends none. An unpunctuated text is split at its longer pauses.
    """
    if not words:
        return ()
    is_marked = [_ends_with_mark(words, i) for i in range(len(words) - 1)]
    is_unpunctuated = sum(is_marked) * _WORDS_PER_MARK < len(words)
    min_pause_s = _compute_long_pause_s(words) if is_unpunctuated else SENTENCE_PAUSE_S
    ends = [
        i + 1
        for i in range(len(words) - 1)
        if is_marked[i] or _pause_after(words, i) >= min_pause_s or words[i].speaker != words[i + 1].speaker
    ]
    bounds = [0, *ends, len(words)]
    return tuple(part for first, last in pairwise(bounds) for part in _split_long(words, first, last))


def _ends_with_mark(words: Sequence[Word], index: int) -> bool:
    """Return whether a word ends with a mark that ends a sentence; the next word may show that it does not."""
    text = words[index].text.rstrip(_CLOSING_MARKS)
    following = words[index + 1].text.lstrip(_OPENING_MARKS)
    if not text or (text[-1] not in _SENTENCE_MARKS and text[-1] != "."):
        return False
    has_pause = _pause_after(words, index) >= _MIN_PAUSE_S
    continues = following[:1].islower()
    if text[-1] in "…" or text.endswith("..."):
        return not continues or has_pause
    if text[-1] != ".":
        return not (continues and text[-1] in "?!")  # 'He asked why? and left'
    if continues:
        return False
    stem = text.rstrip(".").casefold()
    if stem in _ABBREVIATIONS or _INITIALS.match(text):
        return has_pause
    is_number = stem[-1:].isdigit() and following[:1].isdigit()
    return has_pause or not is_number


def _pause_after(words: Sequence[Word], index: int) -> float:
    """Return the seconds of silence after a word."""
    return words[index + 1].start_s - words[index].end_s


def _compute_long_pause_s(words: Sequence[Word]) -> float:
    """Return twice the median pause between the words, within `_MIN_PAUSE_S`..`SENTENCE_PAUSE_S`."""
    pauses = [pause for i in range(len(words) - 1) if (pause := _pause_after(words, i)) > 0.05]
    return min(max(2 * median(pauses), _MIN_PAUSE_S), SENTENCE_PAUSE_S) if pauses else SENTENCE_PAUSE_S


def _split_long(words: Sequence[Word], first: int, last: int) -> WordRanges:
    """Return ranges of at most `MAX_SENTENCE_WORDS`, split in their middle half at the longest pause.

    A comma counts as 0.3 s of pause. Of equal places the one nearest the middle is taken.
    """
    if last - first <= MAX_SENTENCE_WORDS:
        return ((first, last),)
    quarter = (last - first) // 4
    middle = (first + last) / 2

    def split_quality(i: int) -> tuple[float, float]:
        comma_bonus_s = 0.3 if words[i].text.rstrip(_CLOSING_MARKS)[-1:] in _PAUSE_MARKS else 0.0
        return _pause_after(words, i) + comma_bonus_s, -abs(i - middle)

    split = max(range(first + quarter, last - quarter), key=split_quality) + 1
    return _split_long(words, first, split) + _split_long(words, split, last)
