"""Computes how far each `animationStyle` moves text, in ems. Placement reserves this space for the animation."""

from __future__ import annotations

import msgspec

from carmic_assets.captions.caption_styles import CaptionStyle

# The largest growth of a swelling word, half of it on either side: less than a space.
MAX_SWELL_EM = 0.22
# At its peak a swelling word is this much larger than the size at which it settles.
SWELL_OVERSHOOT = 1.5
# A bounce overshoots upwards by this fraction of the distance that it rises.
HOP_OVERSHOOT = 0.35


class AnimationExtent(msgspec.Struct, frozen=True):
    """The space that an animation needs around text at rest: a scale about each word's centre, and ems up and down."""

    scale: float = 1.0
    up: float = 0.0
    down: float = 0.0

    def width_growth(self, width_em: float) -> float:
        """Return by how many ems in total a word of this width grows sideways. It never reaches its neighbours."""
        return min((self.scale - 1) * width_em, MAX_SWELL_EM)


def compute_extent(style: CaptionStyle) -> AnimationExtent:
    """Return the extent of a style's animation at its intensity."""
    match style.fields.animation_style:
        case "pop":
            return AnimationExtent(scale=1 + swell_ratio(style) * SWELL_OVERSHOOT)
        case "slide":
            return AnimationExtent(down=compute_slide_em(style))
        case "bounce":
            hop = compute_bounce_em(style)
            return AnimationExtent(scale=1 + swell_ratio(style) * 0.5, up=hop * HOP_OVERSHOOT, down=hop)
    return AnimationExtent()


def normalise_intensity(style: CaptionStyle) -> float:
    """Return the animation intensity as 0..1."""
    return style.fields.animation_intensity / 100


def swell_ratio(style: CaptionStyle) -> float:
    """Return how much larger the spoken word becomes, as a fraction of its size."""
    # At full intensity a spoken word grows by 11 %.
    return 0.11 * normalise_intensity(style)


def compute_slide_em(style: CaptionStyle) -> float:
    """Return how far below its final position a sliding caption begins, in ems."""
    k = normalise_intensity(style)
    # From 0.15 em at the lowest intensity to 0.9 em at full intensity.
    return (0.15 + 0.75 * k) if k > 0 else 0.0


def compute_bounce_em(style: CaptionStyle) -> float:
    """Return how far below its final position a bouncing caption begins, in ems."""
    # 0.55 em at full intensity.
    return 0.55 * normalise_intensity(style)
