"""Pixel boxes, their feathered masks, and patches of a frame that are blended back through a mask.

Pixels outside a box and its feather are unchanged, bit for bit.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.working_clip import Planes
from carmic_assets.model.direction import Box

FEATHER_PX = 8

Mask = NDArray[np.float32]
Patch = NDArray[np.uint8]  # height x width x 3: Y, U, V at full size


class PixelBox(msgspec.Struct, frozen=True):
    """A rectangle in pixels of the frame. Its values may be fractional, and it may extend beyond the frame's edges."""

    x: float
    y: float
    w: float
    h: float

    def grow(self, ratio: float) -> PixelBox:
        """Return the box enlarged around its centre: width and height grow by `ratio`."""
        return PixelBox(
            self.x - self.w * ratio / 2, self.y - self.h * ratio / 2, self.w * (1 + ratio), self.h * (1 + ratio)
        )


class Window(msgspec.Struct, frozen=True):
    """A rectangle of even pixels inside the frame: columns `left`..`right`, rows `top`..`bottom`, half-open."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def is_empty(self) -> bool:
        """Whether the window contains no pixels."""
        return self.right <= self.left or self.bottom <= self.top


def to_pixels(box: Box, width: int, height: int) -> PixelBox:
    """Convert a box from fractions of the frame to pixels."""
    return PixelBox(box.x * width, box.y * height, box.w * width, box.h * height)


def window_around(box: PixelBox, width: int, height: int, margin: int = FEATHER_PX) -> Window:
    """Return the window that contains the box and `margin` pixels around it."""
    left = max(0, int(np.floor(box.x - margin)) // 2 * 2)
    top = max(0, int(np.floor(box.y - margin)) // 2 * 2)
    right = min(width, -(-int(np.ceil(box.x + box.w + margin)) // 2) * 2)
    bottom = min(height, -(-int(np.ceil(box.y + box.h + margin)) // 2) * 2)
    return Window(left, top, max(left, right), max(top, bottom))


def feathered_mask(box: PixelBox, window: Window, *, ellipse: bool = False) -> Mask:
    """Return a mask with the window's shape: 1 inside the box, falling to 0 over `FEATHER_PX` outside it."""
    columns = np.arange(window.left, window.right, dtype=np.float32) + 0.5
    rows = np.arange(window.top, window.bottom, dtype=np.float32) + 0.5
    if ellipse:
        dx = (columns - (box.x + box.w / 2)) / (box.w / 2)
        dy = (rows - (box.y + box.h / 2)) / (box.h / 2)
        radius = np.sqrt(dx[None, :] ** 2 + dy[:, None] ** 2)
        away = (radius - 1) * min(box.w, box.h) / 2
    else:
        away_x = np.maximum(box.x - columns, columns - (box.x + box.w))
        away_y = np.maximum(box.y - rows, rows - (box.y + box.h))
        away = np.maximum(away_x[None, :], away_y[:, None])
    return np.asarray(np.clip(1 - away / FEATHER_PX, 0, 1), dtype=np.float32)


def cut_patch(planes: Planes, window: Window) -> Patch:
    """Return the window of a frame, with chroma upsampled to full size."""
    rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
    half_rows, half_columns = slice(window.top // 2, window.bottom // 2), slice(window.left // 2, window.right // 2)
    chroma = [np.repeat(np.repeat(p[half_rows, half_columns], 2, axis=0), 2, axis=1) for p in (planes.u, planes.v)]
    return np.ascontiguousarray(np.dstack([planes.y[rows, columns], *chroma]))


def put_patch(planes: Planes, window: Window, patch: Patch, mask: Mask) -> Planes:
    """Return a copy of the frame with `patch` blended in where `mask` is above 0."""
    y, u, v = planes.y.copy(), planes.u.copy(), planes.v.copy()
    rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
    y[rows, columns] = _blend(y[rows, columns], patch[..., 0], mask)
    half = (slice(window.top // 2, window.bottom // 2), slice(window.left // 2, window.right // 2))
    size = (mask.shape[1] // 2, mask.shape[0] // 2)
    half_mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    for plane, channel in ((u, 1), (v, 2)):
        small = np.asarray(cv2.resize(patch[..., channel], size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        plane[half] = _blend(plane[half], small, half_mask)
    return Planes(y, u, v)


def _blend(base: NDArray[np.uint8], edited: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    mixed = base + (edited.astype(np.float32) - base) * mask
    return np.asarray(np.where(mask > 0, np.rint(mixed), base), dtype=np.uint8)
