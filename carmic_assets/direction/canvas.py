"""Computes the regions of the canvas and the shapes of the crops that fill them.

The director, the renderer and the export packages share these functions, which depend on sizes only. `view_planning`
and `framing` decide which person a crop shows.
"""

from __future__ import annotations

import msgspec

from carmic_assets.model.direction import CANVAS_SIZES, Box, Layout

PADDING_LIMIT_RATIO = 0.4  # largest padding as a fraction of the canvas' shorter side; more would hide the video
MIN_CROP_SCALE = 0.02  # smallest crop that a client may set, relative to the largest one


class Rect(msgspec.Struct, frozen=True):
    """A rectangle of canvas pixels; all values are even, as 4:2:0 video requires."""

    x: int
    y: int
    w: int
    h: int


def place_regions(layout: Layout, aspect: str, padding: float = 0) -> tuple[Rect, ...]:
    """Return the rectangle of every region of `layout` on the canvas of `aspect`, top first.

    `padding` surrounds the regions as a whole, in pixels of a canvas 1080 wide. `split` halves the remaining height.
    For `fit` the only rectangle is the area that the full source frame is scaled into.
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
    """The shape of all crops that may fill one rectangle: they have one aspect ratio and a largest size."""

    w: float  # width of the largest crop, as a fraction of the source frame
    h: float  # height of the largest crop, as a fraction of the source frame
    min_scale: float  # size of the smallest crop within the upscale limit, relative to the largest


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
    """Return `crop` with the aspect ratio of `shape`: same centre, same area, moved into the frame if it sticks out."""
    scale = min(1.0, max(MIN_CROP_SCALE, (crop.w * crop.h / (shape.w * shape.h)) ** 0.5))
    w, h = scale * shape.w, scale * shape.h
    x = min(max(crop.x + crop.w / 2 - w / 2, 0.0), 1 - w)
    y = min(max(crop.y + crop.h / 2 - h / 2, 0.0), 1 - h)
    return Box(x, y, w, h)
