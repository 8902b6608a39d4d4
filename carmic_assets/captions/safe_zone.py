"""Computes the safe zone of each aspect ratio: the part of the canvas that the controls of players do not cover.

The safe zone of 9:16 is the intersection of those of TikTok, Instagram Reels and YouTube Shorts, by their creator
guides of 2025. The apps show a header, a column of buttons on the right, and name, text and music title at the bottom.
The other ratios are shown in feeds and players. Their margins are at least the 5 % of the title-safe area in SMPTE
ST 2046-1.
"""

from __future__ import annotations

import msgspec

from carmic_assets.model.direction import CANVAS_SIZES

# Left, top, right, bottom in pixels of the canvas.
Rect = tuple[float, float, float, float]


class SafeZone(msgspec.Struct, frozen=True):
    """A rectangle in pixels of the canvas; `x`, `y` is the top left corner."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """The y of the bottom edge."""
        return self.y + self.h


# Left, top, right and bottom margin in pixels, at the sizes of `CANVAS_SIZES`.
MARGINS_PX: dict[str, tuple[int, int, int, int]] = {
    "9:16": (60, 220, 120, 400),
    "4:5": (54, 80, 54, 100),
    "1:1": (54, 64, 54, 64),
    "16:9": (96, 54, 96, 60),
}


def compute_safe_zone(width: int, height: int) -> SafeZone:
    """Return the safe zone of a canvas of any size, with the scaled margins of the nearest aspect ratio."""
    ratio = width / height
    aspect = min(CANVAS_SIZES, key=lambda name: abs(CANVAS_SIZES[name][0] / CANVAS_SIZES[name][1] - ratio))
    reference_width, reference_height = CANVAS_SIZES[aspect]
    left, top, right, bottom = MARGINS_PX[aspect]
    scale_x, scale_y = width / reference_width, height / reference_height
    return SafeZone(left * scale_x, top * scale_y, width - (left + right) * scale_x, height - (top + bottom) * scale_y)


def compute_text_zone(width: int, height: int) -> SafeZone:
    """Return the part of the safe zone that is symmetric about the canvas' vertical axis, for centred captions."""
    zone = compute_safe_zone(width, height)
    half_width = min(width / 2 - zone.x, zone.right - width / 2)
    return SafeZone(width / 2 - half_width, zone.y, 2 * half_width, zone.h)
