"""Defines captions as the API returns them."""

from __future__ import annotations

import msgspec

from carmic_assets.captions.safe_zone import Rect


class SpokenWord(msgspec.Struct, frozen=True):
    """A word of a caption as it is shown, with start and end of its highlight (output clock)."""

    text: str
    start_s: float
    end_s: float


class CaptionEvent(msgspec.Struct, frozen=True):
    """One caption as the API returns it. Times are on the output clock, lengths in canvas pixels."""

    start_s: float
    end_s: float
    text: str  # with a newline between lines
    words: tuple[SpokenWord, ...]
    speaker: str | None
    size: float  # font size
    middle: float  # y of the vertical centre
    box: Rect  # with padding
    kind: str = "caption"  # "caption" or "hook"
