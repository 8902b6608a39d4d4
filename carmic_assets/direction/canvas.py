"""Computes the regions of the canvas and the shapes of the crops that fill them.

The director, the renderer and the export packages share these functions, which depend on sizes only. `view_planning`
and `framing` decide which person a crop shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.model.direction import CANVAS_SIZES, Box, Layout, LayoutShot

MAX_SCREEN_HEIGHT_RATIO = 0.65  # of the canvas: the tallest upper panel of the layout `screen`
PADDING_LIMIT_RATIO = 0.4  # largest padding as a fraction of the canvas' shorter side; more would hide the video
MIN_CROP_SCALE = 0.02  # smallest crop that a client may set, relative to the largest one


class Rect(msgspec.Struct, frozen=True):
    """A rectangle of canvas pixels; all values are even, as 4:2:0 video requires."""

    x: int
    y: int
    w: int
    h: int


def place_regions(
    layout: Layout, aspect: str, padding: float = 0, panel_ratios: Sequence[float] = ()
) -> tuple[Rect, ...]:
    """Return the rectangle of every region of `layout` on the canvas of `aspect`, top first, then left first.

    `padding` surrounds the regions as a whole, in pixels of a canvas 1080 wide. `split` halves the remaining height.
    For `fit` the only rectangle is the area that the full source frame is scaled into. The panels of `screen` have the
    `panel_ratios` (width / height of the crops, in pixels).
    """
    width, height = CANVAS_SIZES[aspect]
    pad = min(padding * width / 1080, PADDING_LIMIT_RATIO * min(width, height))
    inset = 2 * round(pad / 2)
    inner = Rect(inset, inset, width - 2 * inset, height - 2 * inset)
    if layout == "split":
        return _divide(inner, (1, 1))
    if layout == "four":
        return _divide(inner, (2, 2))
    if layout == "three":  # panels near 16:9, the usual shape of a tile in a video call
        return _divide(inner, (3,) if width > height else (1, 1, 1) if height > 1.5 * width else (1, 2))
    if layout == "screen":
        return _stack(inner, panel_ratios)
    return (inner,)


def place_shot(shot: LayoutShot, aspect: str, padding: float, width: int, height: int) -> tuple[Rect, ...]:
    """Return the rectangle of every region of a shot of a `width` x `height` source on the canvas of `aspect`."""
    crops = [region.keyframes[0] for region in shot.regions]
    return place_regions(shot.layout, aspect, padding, [k.w * width / (k.h * height) for k in crops])


def _divide(inner: Rect, columns_by_row: tuple[int, ...]) -> tuple[Rect, ...]:
    """Return panels of even sizes that cover `inner`, row by row; every row has the given number of columns."""
    rects = []
    rows = len(columns_by_row)
    for row, columns in enumerate(columns_by_row):
        top, bottom = (inner.h * n // rows // 2 * 2 for n in (row, row + 1))
        for column in range(columns):
            left, right = (inner.w * n // columns // 2 * 2 for n in (column, column + 1))
            rects.append(Rect(inner.x + left, inner.y + top, right - left, bottom - top))
    return tuple(rects)


def _stack(inner: Rect, ratios: Sequence[float]) -> tuple[Rect, ...]:
    """Return panels with the aspect `ratios`, one below the other, as wide as possible and centred in `inner`."""
    sizes: list[tuple[int, int]] = []
    free = inner.h
    for number, ratio in enumerate(ratios):
        limit = free if number else MAX_SCREEN_HEIGHT_RATIO * inner.h
        h = min(limit, inner.w / ratio)
        sizes.append((max(2, 2 * round(h * ratio / 2)), max(2, 2 * int(h / 2 + 1e-6))))
        free -= sizes[-1][1]
    rects, y = [], inner.y + max(0, free) // 4 * 2
    for w, h in sizes:
        w = min(w, inner.w)
        rects.append(Rect(inner.x + (inner.w - w) // 4 * 2, y, w, h))
        y += h
    return tuple(rects)


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
