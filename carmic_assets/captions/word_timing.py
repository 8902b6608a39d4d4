"""Maps words to the output clock and splits them into tokens (first step of the caption pipeline).

The clip clock counts from the clip's start. The output clock omits the spans that are removed from the clip. The module
does not depend on fonts, styles or pixels.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import msgspec

from carmic_assets.captions.unicode_text import clean_text, needs_space, split_word
from carmic_assets.model.edit import Span
from carmic_assets.model.speech import Word


class Token(msgspec.Struct, frozen=True):
    """A fragment of a word with its times on the output clock."""

    text: str
    start_s: float
    end_s: float
    word_index: int  # position of the word in the clip; fragments of one word share it
    is_emoji: bool = False
    joins_previous: bool = False  # stays on the line of the token before it
    starts_word: bool = True
    speaker: str | None = None


class OutputClock:
    """Converts between the clip clock and the output clock, on which the kept spans follow each other without gaps."""

    def __init__(self, kept_spans: Sequence[Span]) -> None:
        self._starts_s = [span.start_s for span in kept_spans]
        self._spans = list(kept_spans)
        self._output_starts_s = [0.0, *accumulate(span.end_s - span.start_s for span in kept_spans)]

    @property
    def duration_s(self) -> float:
        """Length of the output."""
        return self._output_starts_s[-1]

    def to_output(self, t: float) -> float:
        """Return the output time of clip time `t`; a time in a removed span maps to the cut that replaces it."""
        i = bisect_right(self._starts_s, t) - 1
        if i < 0:
            return 0.0
        span = self._spans[i]
        return self._output_starts_s[i] + min(t, span.end_s) - span.start_s

    def to_clip(self, t: float) -> float:
        """Return the clip time of output time `t`."""
        i = min(max(bisect_right(self._output_starts_s, t) - 1, 0), len(self._spans) - 1)
        return self._spans[i].start_s + t - self._output_starts_s[i]

    def is_kept(self, t: float) -> bool:
        """Return whether clip time `t` lies in a kept span."""
        i = bisect_right(self._starts_s, t) - 1
        return i >= 0 and t < self._spans[i].end_s


def to_centiseconds(seconds: float) -> int:
    """Return hundredths of a second, the time unit of ASS, rounded down so that no event begins a frame late."""
    return int(seconds * 100 + 1e-6)


def find_first_frame(seconds: float, rate: Fraction) -> int:
    """Return the number of the first frame on which libass draws an event that begins at `seconds`.

    It is also the first frame without an event that ends there. Emoji overlays use it to appear with their text.
    """
    return math.ceil(to_centiseconds(seconds) * rate / 100)


def tokenize_words(words: Sequence[Word], kept_spans: Sequence[Span], duration_s: float) -> list[Token]:
    """Return the tokens of a clip's words, in time order and without overlap.

    Words whose middle was removed or lies outside the clip are dropped. A word's time is divided among its tokens by
    their length.

    Args:
        words: Words on the clip clock, in any order.
        kept_spans: Spans of the clip clock that remain in the output; empty if all of `duration_s` remains.
        duration_s: Length of the clip clock.
    """
    clock = OutputClock(kept_spans or (Span(0.0, duration_s),))
    tokens: list[Token] = []
    previous_end_s = 0.0
    ordered = sorted(words, key=lambda w: (w.start_s, w.end_s))
    for index, word in enumerate(ordered):
        text = clean_text(word.text)
        if not text or not clock.is_kept((word.start_s + word.end_s) / 2):
            continue
        start_s = max(previous_end_s, clock.to_output(word.start_s))
        end_s = max(start_s, clock.to_output(word.end_s))
        if index + 1 < len(ordered):
            next_start_s = clock.to_output(ordered[index + 1].start_s)
            end_s = max(start_s, min(end_s, next_start_s)) if next_start_s > start_s else end_s
        previous_end_s = end_s
        token_start_s = start_s
        for fragment in split_word(text):
            token_end_s = min(end_s, token_start_s + fragment.time_share * (end_s - start_s))
            tokens.append(
                Token(
                    fragment.text,
                    token_start_s,
                    token_end_s,
                    index,
                    fragment.is_emoji,
                    fragment.joins_previous,
                    fragment.starts_word,
                    word.speaker,
                )
            )
            token_start_s = token_end_s
    return tokens


def join_tokens(texts: Sequence[tuple[Token, str]]) -> str:
    """Return the text of tokens in spoken order, with spaces between words if their scripts use them.

    Each token is paired with its text as shown.
    """
    text_so_far = ""
    for token, text in sorted(texts, key=lambda pair: (pair[0].word_index, pair[0].start_s)):
        text_so_far += f" {text}" if text_so_far and token.starts_word and needs_space(text_so_far, text) else text
    return text_so_far
