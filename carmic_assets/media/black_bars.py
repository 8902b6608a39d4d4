"""Detects black bars (letterbox, pillarbox) and returns the active area of the frame between them.

A bar is dark and uniform along its length in every frame, and a bar of the same width lies on the opposite side. A dark
background does not meet all of these conditions.
"""

from __future__ import annotations

import numpy as np

from carmic_assets.model.direction import FULL_FRAME, Box

MAX_BAR_LUMA = 64  # 0..255; bars are black or dark grey
MAX_BAR_SPREAD = 10  # luma range (0..255) within a row of a bar, which compression makes uneven
MAX_DIFFERENCE_RATIO = 0.02  # of the frame's size; opposite bars differ by no more
MIN_BREADTH_RATIO = 0.02  # of the frame's size; narrower bars are not cropped
BLUR_PX = 2  # width of the edge next to a bar that scaling has blurred; it is cropped with the bar
MIN_PICTURE_RATIO = 0.25  # of the frame's size; a smaller active area means a dark video without bars


class BlackBarDetector:
    """Accumulates the range of luma over frames of one size; `picture` returns the active area between the bars."""

    def __init__(self) -> None:
        self._row_range: tuple[np.ndarray, np.ndarray] | None = None  # lowest and highest luma of each row
        self._column_range: tuple[np.ndarray, np.ndarray] | None = None

    def feed(self, luma: np.ndarray) -> None:
        """Add a frame: uint8, shape (height, width). The frames should be spread over the video."""
        self._row_range = _extend_range(self._row_range, luma, axis=1)
        self._column_range = _extend_range(self._column_range, luma, axis=0)

    def picture(self) -> Box:
        """Return the active area between the bars; the full frame if there are no bars."""
        if self._row_range is None or self._column_range is None:
            return FULL_FRAME
        (x, w), (y, h) = _find_active_range(*self._column_range), _find_active_range(*self._row_range)
        return Box(x, y, w, h) if min(w, h) >= MIN_PICTURE_RATIO else FULL_FRAME


def _extend_range(
    bounds: tuple[np.ndarray, np.ndarray] | None, luma: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray]:
    low, high = luma.min(axis=axis), luma.max(axis=axis)
    return (np.minimum(bounds[0], low), np.maximum(bounds[1], high)) if bounds else (low, high)


def _find_active_range(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Return start and length of the active area along one axis, 0..1; (0, 1) if there are no bars.

    `low` and `high` are the extremes of luma of each row or column.
    """
    size = len(low)
    inside = np.flatnonzero((high > MAX_BAR_LUMA) | (high.astype(int) - low > MAX_BAR_SPREAD))
    if not len(inside):
        return 0.0, 1.0
    before, after = int(inside[0]), size - 1 - int(inside[-1])
    if min(before, after) < MIN_BREADTH_RATIO * size or abs(before - after) > max(MAX_DIFFERENCE_RATIO * size, 1):
        return 0.0, 1.0
    return (before + BLUR_PX) / size, (size - before - after - 2 * BLUR_PX) / size
