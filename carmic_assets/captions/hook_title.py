"""The hook title: a card at the top of the safe zone for the first seconds, in the look of the clip's captions."""

from __future__ import annotations

import msgspec

from carmic_assets.captions.caption_styles import Style
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.placement import Caption, Frame, set_title
from carmic_assets.captions.tokens import clean, pieces
from carmic_assets.captions.word_timing import Token
from carmic_assets.model.template import HookTitle

SIZE = 62.0  # pixels of a 1080-wide frame
SHARE = 0.34  # of the safe zone's height, at most


def hook_style(style: Style) -> Style:
    """The card's look: the captions' font and case on their highlight colour, black or white letters, whichever reads
    better on it (WCAG 2.2 contrast)."""
    card = parse_colour(style.fields.highlight_color)
    light = card.luminance() + 0.05
    letters = "#FFFFFF" if 1.05 / light > light / 0.05 else "#0B0B0F"
    fields = msgspec.structs.replace(
        style.fields,
        font_size=SIZE,
        line_height=1.16,
        stroke_thickness=0.0,
        caption_color=letters,
        highlight_color=letters,
        caption_bg=f"rgb({card.r},{card.g},{card.b})",
        drop_shadow=False,
        caption_position="top",
        animation_style="fade",
        animation_intensity=35,
    )
    preset = msgspec.structs.replace(style.preset, box_padding=(0.55, 0.36), box_radius=0.34)
    return Style(preset, fields)


def set_hook(hook: HookTitle, framed: Frame, duration_s: float) -> Caption | None:
    """The card placed on the canvas, None where there is none to show. `framed` is made with `hook_style`."""
    text = clean(hook.text)
    if not hook.enabled or not text or duration_s <= 0:
        return None
    end = min(hook.duration_sec, duration_s)
    tokens = [
        Token(piece.text, 0.0, end, number, piece.emoji, piece.glued, piece.space)
        for number, word in enumerate(text.split())
        for piece in pieces(word)
    ]
    return set_title(tokens, framed, SHARE)
