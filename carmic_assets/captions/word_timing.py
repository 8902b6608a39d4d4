"""Words on the output clock, cut into tokens: what was said, when the viewer hears it, and who said it.

Knows clocks and words; knows nothing of fonts, styles or pixels.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import msgspec

from carmic_assets.captions.tokens import clean, pieces
from carmic_assets.model.edit import Span
from carmic_assets.model.speech import Word


class Token(msgspec.Struct, frozen=True):
    """A piece of a word, output clock. `word` counts the words of the clip; pieces of one word share it."""

    text: str
    start_s: float
    end_s: float
    word: int
    emoji: bool = False
    glued: bool = False  # stays on the line of the token before it
    first: bool = True  # begins a word
    speaker: str | None = None


class OutputClock:
    """Clip clock to output clock: `keeps` closed up. The identity where there is one keep that begins at 0."""

    def __init__(self, keeps: Sequence[Span]):
        self._starts = [k.start_s for k in keeps]
        self._keeps = list(keeps)
        self._before = [0.0, *accumulate(k.end_s - k.start_s for k in keeps)]

    @property
    def duration_s(self) -> float:
        return self._before[-1]

    def at(self, t: float) -> float:
        """The output time of `t`; a removed moment is where the cut is."""
        i = bisect_right(self._starts, t) - 1
        if i < 0:
            return 0.0
        keep = self._keeps[i]
        return self._before[i] + min(t, keep.end_s) - keep.start_s

    def back(self, t: float) -> float:
        """The clip time of output time `t`."""
        i = min(max(bisect_right(self._before, t) - 1, 0), len(self._keeps) - 1)
        return self._keeps[i].start_s + t - self._before[i]

    def kept(self, t: float) -> bool:
        i = bisect_right(self._starts, t) - 1
        return i >= 0 and t < self._keeps[i].end_s


def hundredths(seconds: float) -> int:
    """A time as ASS can say it: rounded down, so that nothing begins a frame late."""
    return int(seconds * 100 + 1e-6)


def first_frame(seconds: float, rate: Fraction) -> int:
    """The first frame that shows what begins at `seconds`, and the first without what ends there: as libass draws
    texts, so that pictures come and go with them."""
    return math.ceil(hundredths(seconds) * rate / 100)


def spoken(words: Sequence[Word], keeps: Sequence[Span], duration_s: float) -> list[Token]:
    """The tokens of a clip in order of time, none overlapping; words whose middle was removed or lies outside the clip
    are gone.

    `words` and `keeps` are on the clip clock; no keeps means that all of `duration_s` is kept.
    """
    clock = OutputClock(keeps or (Span(0.0, duration_s),))
    tokens: list[Token] = []
    reached = 0.0
    ordered = sorted(words, key=lambda w: (w.start_s, w.end_s))
    for number, word in enumerate(ordered):
        text = clean(word.text)
        if not text or not clock.kept((word.start_s + word.end_s) / 2):
            continue
        start = max(reached, clock.at(word.start_s))
        end = max(start, clock.at(word.end_s))
        if number + 1 < len(ordered):
            following = clock.at(ordered[number + 1].start_s)
            end = max(start, min(end, following)) if following > start else end
        reached = end
        at = start
        for piece in pieces(text):
            until = min(end, at + piece.share * (end - start))
            tokens.append(Token(piece.text, at, until, number, piece.emoji, piece.glued, piece.space, word.speaker))
            at = until
    return tokens
