"""Where a viewer's app leaves the picture free: the safe zone per aspect ratio, as data.

9:16 is the common part of what TikTok, Instagram Reels and YouTube Shorts leave uncovered (their creator guides, as of
2025: the header, the column of buttons on the right, and name, caption and sound at the bottom). The other ratios are
shown in feeds and players, where 5 % all round is the title-safe area of SMPTE ST 2046-1.
"""

from __future__ import annotations

import msgspec

from carmic_assets.model.direction import CANVAS


class SafeZone(msgspec.Struct, frozen=True):
    """A rectangle in pixels of the canvas; `x`, `y` is the top left corner."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h


# left, top, right, bottom margins in pixels of the canvas in `CANVAS`
MARGINS: dict[str, tuple[int, int, int, int]] = {
    "9:16": (60, 220, 120, 400),
    "4:5": (54, 80, 54, 100),
    "1:1": (54, 64, 54, 64),
    "16:9": (96, 54, 96, 60),
}


def safe_zone(width: int, height: int) -> SafeZone:
    """The safe zone of a canvas of any size: the margins of the nearest ratio, scaled with it."""
    ratio = width / height
    aspect = min(CANVAS, key=lambda name: abs(CANVAS[name][0] / CANVAS[name][1] - ratio))
    canvas_w, canvas_h = CANVAS[aspect]
    left, top, right, bottom = MARGINS[aspect]
    sx, sy = width / canvas_w, height / canvas_h
    return SafeZone(left * sx, top * sy, width - (left + right) * sx, height - (top + bottom) * sy)


def text_zone(width: int, height: int) -> SafeZone:
    """The part of the safe zone that is symmetric about the canvas's middle: captions are centred in the picture."""
    zone = safe_zone(width, height)
    half = min(width / 2 - zone.x, zone.right - width / 2)
    return SafeZone(width / 2 - half, zone.y, 2 * half, zone.h)
