"""Places the hook title: a card at the top of the safe zone for the first seconds, in the style of the captions."""

from __future__ import annotations

import msgspec

from carmic_assets.captions.caption_geometry import CaptionGeometry
from carmic_assets.captions.caption_styles import CaptionStyle
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.line_breaking import LineItem, LineLimits, Screen, break_lines, count_lines
from carmic_assets.captions.line_measuring import measure_phrase, split_item
from carmic_assets.captions.placement import Caption, place_screen
from carmic_assets.captions.unicode_text import clean_text, split_word
from carmic_assets.captions.word_timing import Token
from carmic_assets.model.template import HookTitle

FONT_SIZE_PX = 62.0  # on a canvas whose shorter side has 1080 pixels
MIN_FONT_PX = 6.0  # the font size is not reduced further, even if the title does not fit
MAX_HEIGHT_RATIO = 0.34  # largest height of the card, as a fraction of the safe zone's height


def derive_hook_style(style: CaptionStyle) -> CaptionStyle:
    """Return the style of the card: the captions' font and case on a card in their highlight colour.

    The letters are black or white, whichever has more contrast with the card (WCAG 2.2, section 1.4.3).
    """
    card = parse_colour(style.fields.highlight_color)
    card_luminance = card.relative_luminance() + 0.05
    letters = "#FFFFFF" if 1.05 / card_luminance > card_luminance / 0.05 else "#0B0B0F"
    fields = msgspec.structs.replace(
        style.fields,
        font_size=FONT_SIZE_PX,
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
    return CaptionStyle(preset, fields)


def place_hook_title(hook: HookTitle, geometry: CaptionGeometry, duration_s: float) -> Caption | None:
    """Return the placed card, or None if there is no text to show. `geometry` is that of the derived hook style."""
    text = clean_text(hook.text)
    if not hook.enabled or not text or duration_s <= 0:
        return None
    end_s = min(hook.duration_sec, duration_s)
    tokens = [
        Token(fragment.text, 0.0, end_s, index, fragment.is_emoji, fragment.joins_previous, fragment.starts_word)
        for index, word in enumerate(text.split())
        for fragment in split_word(word)
    ]
    items = measure_phrase(tokens, geometry)
    if not items:
        return None
    items, limits, font_px = _fit_title(items, geometry)
    screen = Screen(0.0, end_s, break_lines(items, limits))
    return place_screen(screen, msgspec.structs.replace(geometry, font_px=font_px))


def _fit_title(items: list[LineItem], geometry: CaptionGeometry) -> tuple[list[LineItem], LineLimits, float]:
    """Return items, limits and font size of the title, at the largest size at which it fits `MAX_HEIGHT_RATIO`."""
    line_height_em = geometry.style.fields.line_height
    font_px = geometry.font_px
    limits = LineLimits(geometry.max_line_em(font_px), max_lines=99, max_words_per_line=99, max_words=999)
    while font_px > MIN_FONT_PX:
        limits = msgspec.structs.replace(limits, max_width=geometry.max_line_em(font_px))
        height_em = (count_lines(items, limits) - 1) * line_height_em + 1 + 2 * geometry.vertical_margin_em
        fits_height = height_em * font_px <= geometry.zone.h * MAX_HEIGHT_RATIO
        if fits_height and max(item.width for item in items) <= limits.max_width:
            break
        font_px *= 0.96
        if font_px < geometry.legible_font_px:
            items = [part for item in items for part in split_item(item, geometry)]
    return items, limits, font_px
