"""Computes the geometry that all captions of a clip share: text zone, font size, and margins around the glyphs."""

from __future__ import annotations

import msgspec

from carmic_assets.captions.animation_extent import AnimationExtent, compute_extent
from carmic_assets.captions.caption_styles import CaptionStyle, compute_shadow
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.safe_zone import SafeZone, compute_text_zone
from carmic_assets.captions.shaping import Typesetter

# Smallest legible font size, on a canvas whose shorter side has 1080 pixels. A word that fits a line only at a smaller
# size is divided.
LEGIBLE_FONT_PX = 40.0
# The gap between words, in ems: at least that of an average space, more if a word swells, and part of its stroke's
# width.
_MIN_WORD_GAP_EM, _SWELL_GAP_EM, _STROKE_GAP_RATIO = 0.24, 0.08, 0.6
_SOFT_EDGE_EXTENT = 2.5  # visible extent of a blurred edge, as a multiple of its blur


class CaptionGeometry(msgspec.Struct, frozen=True):
    """Lengths that all captions of a clip share. Names end in `_px` (of the canvas) or `_em` (of the font size)."""

    style: CaptionStyle
    typesetter: Typesetter
    zone: SafeZone
    centre_x_px: float  # lines are centred on it
    canvas_height_px: float
    extent: AnimationExtent
    font_px: float
    legible_font_px: float
    stroke_em: float
    side_margin_em: float  # width of stroke, shadow and box on either side of the ink
    vertical_margin_em: float  # height of stroke, shadow and box above and below the ink
    language: str | None

    @property
    def word_gap_em(self) -> float:
        """Space between words, in ems. It is wider with a stroke or a swelling animation, so that words never touch."""
        swell_gap = _SWELL_GAP_EM if self.extent.scale > 1 else 0.0
        return max(self.typesetter.space_em, _MIN_WORD_GAP_EM) + self.stroke_em * _STROKE_GAP_RATIO + swell_gap

    def max_line_em(self, font_px: float) -> float:
        """Return the width in ems of the widest line that fits the zone at a font size."""
        width_em = self.zone.w / font_px - 2 * self.side_margin_em
        return max(0.5, width_em - self.extent.width_growth(width_em))


def compute_geometry(
    style: CaptionStyle, typesetter: Typesetter, canvas: tuple[int, int], language: str | None = None
) -> CaptionGeometry:
    """Return the geometry of a style on a canvas (width, height), at the font size of the style if it fits."""
    width, height = canvas
    scale = min(width, height) / 1080
    extent = compute_extent(style)
    stroke_em, side_em, vertical_em = _compute_margins_em(style)
    zone = compute_text_zone(width, height)
    font_px = style.fields.font_size * scale
    # The font size is reduced if margins and movement would take more than half of the zone.
    font_px = min(
        font_px,
        zone.w / 4 / max(side_em, 1e-9),
        zone.h / 2 / max(2 * vertical_em + extent.up + extent.down, 1e-9),
    )
    return CaptionGeometry(
        style=style,
        typesetter=typesetter,
        zone=zone,
        centre_x_px=width / 2,
        canvas_height_px=height,
        extent=extent,
        font_px=font_px,
        legible_font_px=min(font_px, LEGIBLE_FONT_PX * scale),
        stroke_em=stroke_em,
        side_margin_em=side_em,
        vertical_margin_em=vertical_em,
        language=language,
    )


def _compute_margins_em(style: CaptionStyle) -> tuple[float, float, float]:
    """Return, in ems, the stroke and the margins of stroke, shadow and box together: sideways and vertical."""
    fields, preset = style.fields, style.preset
    stroke = fields.stroke_thickness / fields.font_size
    shadow = compute_shadow(style)
    side = stroke + (0.0 if stroke else _SOFT_EDGE_EXTENT * shadow.blur_em)
    vertical = stroke + (shadow.drop_em if stroke else _SOFT_EDGE_EXTENT * shadow.blur_em)
    if parse_colour(fields.caption_bg).a > 0:
        side = max(side, preset.box_padding[0] + stroke)
        vertical = max(vertical, preset.box_padding[1] + stroke)
    return stroke, side, vertical
