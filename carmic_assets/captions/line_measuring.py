"""Measures phrases in the fonts that libass draws with, at one font size (third step of the caption pipeline).

Words that do not fit a line at a legible size are divided, so no text is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.caption_geometry import CaptionGeometry
from carmic_assets.captions.emoji_catalogue import has_emoji_picture
from carmic_assets.captions.line_breaking import LineItem, LineLimits
from carmic_assets.captions.shaping import TextMetrics
from carmic_assets.captions.unicode_text import apply_case, needs_space, split_graphemes
from carmic_assets.captions.word_timing import Token

EMOJI_WIDTH_EM = 1.12  # advance of an emoji image
_EMOJI_TOP_EM, _EMOJI_BOTTOM_EM = 0.92, 0.2  # space above and below the baseline
_CJK_CHARACTER_WORDS = 0.4  # number of words for which one character of a script without spaces counts


class MeasuredText(msgspec.Struct, frozen=True):
    """All phrases of a clip as line items, the geometry with the font size chosen for them, and the line limits."""

    geometry: CaptionGeometry
    phrases: list[list[LineItem]]
    limits: LineLimits


def measure_text(phrases: Sequence[Sequence[Token]], geometry: CaptionGeometry) -> MeasuredText:
    """Return the measured phrases of a clip at its font size; items that are too wide for a line are divided."""
    measured = [measure_phrase(phrase, geometry) for phrase in phrases]
    geometry = msgspec.structs.replace(geometry, font_px=_choose_font_px(measured, geometry))
    divided = [[part for item in phrase for part in split_item(item, geometry)] for phrase in measured]
    return MeasuredText(geometry, divided, _build_line_limits(geometry))


def measure_phrase(phrase: Sequence[Token], geometry: CaptionGeometry) -> list[LineItem]:
    """Return the line items of one phrase. Tokens that no font can show are dropped."""
    items: list[LineItem] = []
    previous_text = ""
    for token in phrase:
        drawn_as_picture = token.is_emoji and has_emoji_picture(token.text)
        text = token.text if drawn_as_picture else apply_case(token.text, geometry.style.case, geometry.language)
        metrics = None if drawn_as_picture else geometry.typesetter.measure(text)
        if metrics is not None and not metrics.runs:
            continue
        item = _make_item(token, text, metrics)
        if token.joins_previous and items:
            _append_item(items[-1], item)
        else:
            if previous_text and token.starts_word and needs_space(previous_text, text):
                item.space_before = geometry.word_gap_em
            elif previous_text:
                item.word_count = _CJK_CHARACTER_WORDS
            items.append(item)
        previous_text = text
    return items


def split_item(item: LineItem, geometry: CaptionGeometry) -> list[LineItem]:
    """Return the item itself, or its parts if it fits a line only at a font size that is not legible.

    The parts share the item's time by length.
    """
    max_width = geometry.max_line_em(min(geometry.legible_font_px, geometry.font_px))
    if item.width <= max_width:
        return [item]
    divided: list[LineItem] = []
    for token, text, metrics in zip(item.tokens, item.texts, item.metrics, strict=True):
        fits = metrics is None or metrics.advance <= max_width
        parts = [text] if fits else _split_text(text, max_width, geometry)
        total_length = sum(len(part) for part in parts) or 1
        start_s = token.start_s
        for number, part in enumerate(parts):
            end_s = start_s + (token.end_s - token.start_s) * len(part) / total_length
            part_token = msgspec.structs.replace(
                token, start_s=start_s, end_s=end_s, starts_word=token.starts_word and number == 0
            )
            part_metrics = None if metrics is None else geometry.typesetter.measure(part)
            divided.append(_make_item(part_token, part, part_metrics))
            start_s = end_s
    divided[0].space_before = item.space_before
    return divided


def _make_item(token: Token, text: str, metrics: TextMetrics | None) -> LineItem:
    if metrics is None:
        return LineItem([token], [text], [None], EMOJI_WIDTH_EM, _EMOJI_TOP_EM, _EMOJI_BOTTOM_EM)
    return LineItem([token], [text], [metrics], metrics.advance, metrics.top, metrics.bottom)


def _append_item(item: LineItem, addition: LineItem) -> None:
    item.tokens += addition.tokens
    item.texts += addition.texts
    item.metrics += addition.metrics
    item.width += addition.width
    item.top, item.bottom = max(item.top, addition.top), max(item.bottom, addition.bottom)


def _choose_font_px(phrases: Sequence[Sequence[LineItem]], geometry: CaptionGeometry) -> float:
    """Return the font size of the clip: that of the style, or the largest at which 90 % of the words fit a line."""
    widths = sorted(item.width for phrase in phrases for item in phrase if item.word_count >= 1)
    font_px = geometry.font_px
    if widths:
        # The 90th percentile of the word widths, at most 12 em.
        common_width = min(widths[(len(widths) - 1) * 9 // 10], 12.0)
        while font_px > geometry.legible_font_px and common_width > geometry.max_line_em(font_px):
            font_px *= 0.98
    return max(font_px, geometry.legible_font_px)


def _build_line_limits(geometry: CaptionGeometry) -> LineLimits:
    fields, preset = geometry.style.fields, geometry.style.preset
    is_auto = fields.lines_per_screen == "auto"
    max_lines = 3 if fields.lines_per_screen == "auto" else int(fields.lines_per_screen)
    is_preset_value = fields.lines_per_screen == preset.style.lines_per_screen
    max_words = preset.words_per_caption if is_preset_value or is_auto else preset.words_per_line * max_lines
    zone_em = geometry.zone.h / geometry.font_px
    lines_that_fit = int((zone_em - 2 * geometry.vertical_margin_em - 1.0) / fields.line_height) + 1
    return LineLimits(
        max_width=geometry.max_line_em(geometry.font_px),
        max_lines=max(1, min(max_lines, lines_that_fit)),
        max_words_per_line=preset.words_per_line,
        max_words=max_words,
    )


def _split_text(text: str, max_width_em: float, geometry: CaptionGeometry) -> list[str]:
    """Return parts of the text of nearly equal length that each fit a line, if necessary single characters."""
    clusters = split_graphemes(text)
    count = 2
    while True:
        size = -(-len(clusters) // count)
        parts = ["".join(clusters[i : i + size]) for i in range(0, len(clusters), size)]
        if size == 1 or all(geometry.typesetter.measure(part).advance <= max_width_em for part in parts):
            return parts
        count += max(1, count // 3)
