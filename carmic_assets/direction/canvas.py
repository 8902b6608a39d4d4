"""Regions of the canvas and the crops that fill them; shared by the director, the renderer and the export packages.

The functions use sizes only. `view_planning` and `framing` decide which person a crop shows.
"""

from __future__ import annotations

import msgspec

from carmic_assets.model.direction import CANVAS_SIZES, Box, Layout

PADDING_LIMIT_RATIO = 0.4  # of the shorter side: a larger padding would leave no picture
MIN_CROP_SCALE = 0.02  # of the largest crop


class Rect(msgspec.Struct, frozen=True):
    """A rectangle of canvas pixels; all values are even, as 4:2:0 video requires."""

    x: int
    y: int
    w: int
    h: int


def place_regions(layout: Layout, aspect: str, padding: float = 0) -> tuple[Rect, ...]:
    """Return the rectangle of every region of `layout` on the canvas of `aspect`, top first.

    `padding` surrounds all regions, in pixels of a canvas 1080 wide. `split` divides the remaining height in two. For
    `fit` the only rectangle is the area that the full source frame is scaled into.
    """
    width, height = CANVAS_SIZES[aspect]
    pad = min(padding * width / 1080, PADDING_LIMIT_RATIO * min(width, height))
    inset = 2 * round(pad / 2)
    inner = Rect(inset, inset, width - 2 * inset, height - 2 * inset)
    if layout != "split":
        return (inner,)
    top_height = inner.h // 4 * 2
    return (
        Rect(inner.x, inner.y, inner.w, top_height),
        Rect(inner.x, inner.y + top_height, inner.w, inner.h - top_height),
    )


class CropShape(msgspec.Struct, frozen=True):
    """The crops that may fill one rectangle: one aspect ratio, the largest is `w` x `h` of the source frame."""

    w: float
    h: float
    min_scale: float  # the smallest crop, relative to the largest, that stays within the upscale limit


def fit_crop_shape(rect: Rect, width: int, height: int, upscale_limit: float) -> CropShape:
    """Return the shape of crops of a `width` x `height` frame with exactly the aspect ratio of `rect`.

    `upscale_limit` is the largest number of canvas pixels for one source pixel.
    """
    if rect.w * height <= rect.h * width:
        w, h = rect.w * height / (rect.h * width), 1.0
    else:
        w, h = 1.0, rect.h * width / (rect.w * height)
    return CropShape(w, h, min(1.0, rect.h / (upscale_limit * h * height)))


def reshape_crop(crop: Box, shape: CropShape) -> Box:
    """Give `crop` the aspect ratio of `shape`: same centre, same area, moved inside the frame where it sticks out."""
    scale = min(1.0, max(MIN_CROP_SCALE, (crop.w * crop.h / (shape.w * shape.h)) ** 0.5))
    w, h = scale * shape.w, scale * shape.h
    x = min(max(crop.x + crop.w / 2 - w / 2, 0.0), 1 - w)
    y = min(max(crop.y + crop.h / 2 - h / 2, 0.0), 1 - h)
    return Box(x, y, w, h)
