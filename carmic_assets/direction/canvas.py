"""Where pictures lie on the canvas, and what crop fills each. The renderer, the packages and the director share this.

Knows sizes only; it never decides who is seen.
"""

from __future__ import annotations

import msgspec

from carmic_assets.model.direction import CANVAS, Box, Layout

PADDING_LIMIT = 0.4  # of the shorter side: a larger padding would leave no picture


class Rect(msgspec.Struct, frozen=True):
    """A rectangle of canvas pixels, all even (4:2:0 video cannot place odd ones)."""

    x: int
    y: int
    w: int
    h: int


def region_rects(layout: Layout, aspect: str, padding: float = 0) -> tuple[Rect, ...]:
    """Where the pictures of `layout` lie on the canvas of `aspect`, top first.

    `padding` is in pixels of a 1080-wide frame, around the whole picture; a split halves what is left. For `fit` the
    one rectangle is the room in which the whole source is shown.
    """
    width, height = CANVAS[aspect]
    pad = min(padding * width / 1080, PADDING_LIMIT * min(width, height))
    inset = 2 * round(pad / 2)
    inner = Rect(inset, inset, width - 2 * inset, height - 2 * inset)
    if layout != "split":
        return (inner,)
    top = inner.h // 4 * 2
    return (Rect(inner.x, inner.y, inner.w, top), Rect(inner.x, inner.y + top, inner.w, inner.h - top))


class Shape(msgspec.Struct, frozen=True):
    """The crops that may fill one rectangle: all of one proportion, `w` x `h` (of the frame) the largest."""

    w: float
    h: float
    sharpest: float  # the smallest part of the largest crop that is not blown up too far


def crop_shape(rect: Rect, width: int, height: int, upscale_limit: float) -> Shape:
    """The largest crop of a `width` x `height` frame with exactly the proportion of `rect`."""
    if rect.w * height <= rect.h * width:
        w, h = rect.w * height / (rect.h * width), 1.0
    else:
        w, h = 1.0, rect.h * width / (rect.w * height)
    return Shape(w, h, min(1.0, rect.h / (upscale_limit * h * height)))


def shaped(crop: Box, shape: Shape) -> Box:
    """`crop` brought to the proportion of `shape` around its own middle, as large as it was, and inside the frame."""
    part = min(1.0, max(0.02, (crop.w * crop.h / (shape.w * shape.h)) ** 0.5))  # of equal area
    w, h = part * shape.w, part * shape.h
    x = min(max(crop.x + crop.w / 2 - w / 2, 0.0), 1 - w)
    y = min(max(crop.y + crop.h / 2 - h / 2, 0.0), 1 - h)
    return Box(x, y, w, h)
