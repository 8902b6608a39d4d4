"""Defines captions as the API returns them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from carmic_assets.captions.safe_zone import Rect


class SpokenWord(msgspec.Struct, frozen=True):
    """A word of a caption as it is shown, with start and end of its highlight (output clock)."""

    text: Annotated[str, Meta(description="The word as it is shown.", examples=["FASTER"])]
    start_s: Annotated[
        float, Meta(description="When its highlight begins, in seconds of the rendered clip.", examples=[3.42])
    ]
    end_s: Annotated[
        float, Meta(description="When its highlight ends, in seconds of the rendered clip.", examples=[3.81])
    ]


class CaptionEvent(msgspec.Struct, frozen=True):
    """One caption as the API returns it. Times are on the output clock, lengths in canvas pixels."""

    start_s: Annotated[
        float, Meta(description="When the caption appears, in seconds of the rendered clip.", examples=[3.1])
    ]
    end_s: Annotated[
        float, Meta(description="When the caption disappears, in seconds of the rendered clip.", examples=[4.6])
    ]
    text: Annotated[
        str, Meta(description="The text as it is shown, with its line breaks.", examples=["SMALL TEAMS\nSHIP FASTER"])
    ]  # with a newline between lines
    words: Annotated[tuple[SpokenWord, ...], Meta(description="The words of the caption.")]
    speaker: Annotated[
        str | None, Meta(description="Label of the speaker; null where nobody could be told apart.", examples=["A"])
    ]
    size: Annotated[float, Meta(description="Height of the font in pixels of the canvas.", examples=[72])]  # font size
    middle: Annotated[
        float, Meta(description="Vertical middle of the caption in pixels from the top of the canvas.", examples=[1440])
    ]  # y of the vertical centre
    box: Annotated[
        Rect,
        Meta(
            description="Left, top, right and bottom of the text in pixels of the canvas.",
            examples=[[120, 1380, 960, 1500]],
        ),
    ]  # with padding
    kind: Annotated[str, Meta(description="What the text is: caption or hook (the title card).")] = (
        "caption"  # "caption" or "hook"
    )
