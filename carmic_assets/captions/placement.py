"""Computes pixel positions of screens on the canvas, inside the safe zone (fifth step of the caption pipeline).

A screen that does not fit at the clip's font size gets a smaller one, so no text is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from carmic_assets.captions.caption_geometry import CaptionGeometry
from carmic_assets.captions.line_breaking import LineItem, Screen
from carmic_assets.captions.line_measuring import EMOJI_WIDTH_EM
from carmic_assets.captions.safe_zone import Rect, SafeZone
from carmic_assets.captions.shaping import TextMetrics
from carmic_assets.captions.unicode_text import detect_text_direction
from carmic_assets.captions.word_timing import Token, join_tokens

MIN_DURATION_S = 0.005  # half of ASS's time unit: a shorter caption would not be drawn


class PlacedToken(msgspec.Struct, frozen=True):
    """A token on the canvas: `x` is the left end of its advance, `y` the baseline, both in pixels."""

    token: Token
    text: str
    x: float
    y: float
    width: float
    metrics: TextMetrics | None  # None for an emoji


class Caption(msgspec.Struct, frozen=True):
    """The placed text that is shown from `start_s` to `end_s` of the output clock."""

    start_s: float
    end_s: float
    lines: tuple[tuple[PlacedToken, ...], ...]  # top to bottom, each from left to right
    font_px: float
    box: Rect  # the text with its margins
    is_rtl: bool

    @property
    def text(self) -> str:
        """The text in reading order, with a newline between lines."""
        return "\n".join(join_tokens([(p.token, p.text) for p in line]) for line in self.lines)


def place_screens(screens: Sequence[Screen], geometry: CaptionGeometry, title: Caption | None = None) -> list[Caption]:
    """Return the placed screens of a clip. Those shown at the same time as the card `title` are placed below it."""
    captions: list[Caption] = []
    for screen in screens:
        if screen.end_s - screen.start_s < MIN_DURATION_S:
            continue
        overlaps_title = title is not None and screen.start_s < title.end_s and screen.end_s > title.start_s
        captions.append(
            place_screen(screen, _reduce_zone_below(geometry, title) if title and overlaps_title else geometry)
        )
    return captions


def place_screen(screen: Screen, geometry: CaptionGeometry) -> Caption:
    """Return one placed screen, at the vertical position of the style, moved into the safe zone if necessary."""
    lines = screen.lines
    widths = [sum(item.width + (item.space_before if i else 0.0) for i, item in enumerate(line)) for line in lines]
    tops = [max(item.top for item in line) for line in lines]
    bottoms = [max(item.bottom for item in line) for line in lines]
    cap_height = geometry.typesetter.cap_height_em
    descent = geometry.typesetter.descent_em(geometry.style.case == "upper")
    # The line height of the style, increased only if the ink of two lines would touch.
    pitches = [
        max(geometry.style.fields.line_height, above + below + 2 * geometry.stroke_em + 0.03)
        for above, below in zip(bottoms, tops[1:], strict=False)
    ]
    swell = (geometry.extent.scale - 1) / 2
    top, bottom = max(cap_height, tops[0]), max(descent, bottoms[-1])
    lead = geometry.vertical_margin_em + geometry.extent.up + swell
    tail = geometry.vertical_margin_em + geometry.extent.down + swell
    widest_item = max(item.width for line in lines for item in line)
    width = max(widths) + 2 * geometry.side_margin_em + geometry.extent.width_growth(widest_item)
    font_px = min(
        geometry.font_px, geometry.zone.w / width, geometry.zone.h / (lead + top + sum(pitches) + bottom + tail)
    )

    first_baseline = _compute_preferred_baseline(geometry, font_px, lead + cap_height, tail + descent, sum(pitches))
    first_baseline = min(first_baseline, geometry.zone.bottom - (tail + bottom + sum(pitches)) * font_px)
    first_baseline = max(first_baseline, geometry.zone.y + (lead + top) * font_px)
    baselines = [first_baseline + sum(pitches[:i]) * font_px for i in range(len(lines))]

    is_rtl = (
        next((d for line in lines for item in line for t in item.texts if (d := detect_text_direction(t))), "L") == "R"
    )
    placed = tuple(
        _place_line(line, line_width * font_px, baseline, font_px, is_rtl, geometry.centre_x_px)
        for line, line_width, baseline in zip(lines, widths, baselines, strict=True)
    )
    half_width = (max(widths) / 2 + geometry.side_margin_em) * font_px
    # Accents and descenders enlarge the box only if they exceed it by a visible amount.
    box_top = max(cap_height, tops[0] if tops[0] > cap_height + 0.15 else cap_height)
    # The box holds 70 % of the usual descent, and all of a line's ink that reaches more than 0.1 em below it.
    box_bottom = max(0.7 * descent, bottoms[-1] if bottoms[-1] > descent + 0.1 else 0.0)
    box = (
        geometry.centre_x_px - half_width,
        first_baseline - (box_top + geometry.vertical_margin_em) * font_px,
        geometry.centre_x_px + half_width,
        baselines[-1] + (box_bottom + geometry.vertical_margin_em) * font_px,
    )
    return Caption(screen.start_s, screen.end_s, placed, font_px, box, is_rtl)


def _reduce_zone_below(geometry: CaptionGeometry, title: Caption) -> CaptionGeometry:
    """Return the geometry with its zone reduced to the part below the title."""
    zone = geometry.zone
    # Captions keep 0.35 em from the title, and at least a fifth of the zone.
    top = min(title.box[3] + 0.35 * title.font_px, zone.bottom - 0.2 * zone.h)
    return msgspec.structs.replace(geometry, zone=SafeZone(zone.x, top, zone.w, zone.bottom - top))


def _compute_preferred_baseline(
    geometry: CaptionGeometry, font_px: float, above_em: float, below_em: float, pitches_em: float
) -> float:
    """Return the first line's baseline for the style's `captionPosition`, before the safe zone is applied.

    `above_em` and `below_em` are the heights of the caption above the first and below the last baseline.
    """
    fields = geometry.style.fields
    if fields.caption_position == "top":
        return geometry.zone.y + above_em * font_px
    if fields.caption_position == "bottom":
        return geometry.zone.bottom - (below_em + pitches_em) * font_px
    centre_ratio = 0.5 if fields.caption_position == "middle" else fields.y_axis_custom_pct / 100
    cap_height = geometry.typesetter.cap_height_em
    return geometry.canvas_height_px * centre_ratio + (cap_height - pitches_em) / 2 * font_px


def _place_line(
    line: Sequence[LineItem], width_px: float, baseline: float, font_px: float, is_rtl: bool, centre_x_px: float
) -> tuple[PlacedToken, ...]:
    x = centre_x_px - width_px / 2
    placed: list[PlacedToken] = []
    for number, (item, gap_em) in enumerate(_sort_visually(line, is_rtl)):
        x += gap_em * font_px if number else 0.0
        parts = list(zip(item.tokens, item.texts, item.metrics, strict=True))
        for token, text, metrics in reversed(parts) if detect_text_direction("".join(item.texts)) == "R" else parts:
            advance = (EMOJI_WIDTH_EM if metrics is None else metrics.advance) * font_px
            placed.append(PlacedToken(token, text, x, baseline, advance, metrics))
            x += advance
    return tuple(placed)


def _sort_visually(line: Sequence[LineItem], is_rtl: bool) -> list[tuple[LineItem, float]]:
    """Return the items from left to right, each with the gap before it (UAX 9, applied to whole words).

    Words against the line's direction keep their own order (rule L2). Words with digits and without letters take the
    direction of the word before them (rule W7). Other words without letters take the line's direction.
    """
    runs: list[tuple[str, list[LineItem]]] = []
    for item in line:
        text = "".join(item.texts)
        neutral = runs[-1][0] if runs and any(c.isdigit() for c in text) else "R" if is_rtl else "L"
        direction = detect_text_direction(text) or neutral
        if runs and runs[-1][0] == direction:
            runs[-1][1].append(item)
        else:
            runs.append((direction, [item]))
    if all(direction == "L" for direction, _ in runs) and not is_rtl:
        return [(item, item.space_before) for item in line]
    ordered = [
        item
        for direction, run in (reversed(runs) if is_rtl else runs)
        for item in (reversed(run) if direction == "R" else run)
    ]
    # The gap between two neighbours belongs to the one that is later in the text, whichever of them is on the left.
    position = {id(item): i for i, item in enumerate(line)}
    gaps = [line[max(position[id(a)], position[id(b)])].space_before for a, b in pairwise(ordered)]
    return list(zip(ordered, [0.0, *gaps], strict=True))
