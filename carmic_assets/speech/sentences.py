"""Words to sentences: by punctuation in any script, else by pauses; used wherever a text may be cut.

Works on words and times only; never changes a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from carmic_assets.model.speech import Word

Spans = tuple[tuple[int, int], ...]

PAUSE_S = 1.0  # ends a sentence whatever the punctuation says
LONGEST_WORDS = 60  # a longer one is cut at its best place
_SHORT_PAUSE_S = 0.35  # the least that ends one where there is no punctuation
_UNPUNCTUATED = 80  # words to a mark, in a text that has none to speak of

_CLOSERS = "\"'”’»›)]}」』）】〉》"
_CERTAIN = "?!。！？．؟۔।॥։።፧။។᠃…｡؛"  # end a sentence wherever they stand
_PAUSE_MARKS = ",;:،、，；：–—"
_INITIALS = re.compile(r"^(?:[^\W\d_]\.)+$")  # J. or U.S. or z.B.
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "mr mrs ms dr prof sr jr st vs etc e.g i.e vol fig approx inc ltd co corp dept gen col sgt capt rev hon jan "
        "feb apr jun jul aug nov dec nr bzw usw ca evtl ggf vgl inkl sog mme mlle sra srta ud uds dott resp mgr",
    )
)


def sentences(words: Sequence[Word]) -> Spans:
    """(first word, one past the last word) of each sentence: contiguous, in order, covering all words.

    A sentence ends at a closing mark (not at that of an abbreviation, an initial or a number that goes on), at a pause
    of `PAUSE_S`, and at a change of speaker. A text without punctuation is cut at its longer pauses.
    """
    if not words:
        return ()
    marked = [_closes(words, i) for i in range(len(words) - 1)]
    bare = sum(marked) * _UNPUNCTUATED < len(words)
    pause_s = _long_pause(words) if bare else PAUSE_S
    ends = [
        i + 1
        for i in range(len(words) - 1)
        if marked[i] or _pause(words, i) >= pause_s or words[i].speaker != words[i + 1].speaker
    ]
    bounds = [0, *ends, len(words)]
    return tuple(part for first, last in pairwise(bounds) for part in _cut(words, first, last))


def _closes(words: Sequence[Word], index: int) -> bool:
    """Whether the word's last mark ends a sentence, the next word known."""
    text = words[index].text.rstrip(_CLOSERS)
    following = words[index + 1].text.lstrip("\"'“‘«‹([{「『（¿¡")
    if not text or (text[-1] not in _CERTAIN and text[-1] != "."):
        return False
    goes_on = following[:1].islower()
    if text[-1] in "…" or text.endswith("..."):
        return not goes_on or _pause(words, index) >= _SHORT_PAUSE_S
    if text[-1] != ".":
        return not goes_on or text[-1] not in "?!"  # 'He asked why? and left'
    if goes_on:
        return False
    bare = text.rstrip(".").casefold()
    if bare in _ABBREVIATIONS or _INITIALS.match(text):
        return _pause(words, index) >= _SHORT_PAUSE_S
    return not (bare[-1:].isdigit() and following[:1].isdigit() and _pause(words, index) < _SHORT_PAUSE_S)


def _pause(words: Sequence[Word], index: int) -> float:
    """Seconds of silence after a word."""
    return words[index + 1].start_s - words[index].end_s


def _long_pause(words: Sequence[Word]) -> float:
    """What counts as a long pause to this speaker: well above the usual one between words that are apart at all."""
    apart = [pause for i in range(len(words) - 1) if (pause := _pause(words, i)) > 0.05]
    return min(max(2 * median(apart), _SHORT_PAUSE_S), PAUSE_S) if apart else PAUSE_S


def _cut(words: Sequence[Word], first: int, last: int) -> Spans:
    """A run of at most `LONGEST_WORDS`, or its halves: cut at the longest pause near its middle, best after a comma."""
    if last - first <= LONGEST_WORDS:
        return ((first, last),)
    quarter = (last - first) // 4
    middle = (first + last) / 2

    def worth(i: int) -> tuple[float, float]:
        comma = 0.3 if words[i].text.rstrip(_CLOSERS)[-1:] in _PAUSE_MARKS else 0.0
        return _pause(words, i) + comma, -abs(i - middle)

    at = max(range(first + quarter, last - quarter), key=worth) + 1
    return _cut(words, first, at) + _cut(words, at, last)
