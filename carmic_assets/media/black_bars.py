"""Bars around the picture (letterbox, pillarbox): what part of the frame a video really fills. It knows no people.

A bar is dark and the same all along, in every frame, and there is one as broad on the other side: a dark wall is
neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmic_assets.model.direction import WHOLE, Box

if TYPE_CHECKING:
    import numpy as np

DARKEST = 64  # of 255: bars are black, or a dark grey
FLAT = 10  # of 255: what compression leaves of an even bar
ALIKE = 0.02  # of the frame: opposite bars differ by no more
NARROWEST = 0.02  # of the frame: less is left as it is
BLUR_PX = 2  # rows beside a bar that scaling has mixed with it
LEAST = 0.25  # of the frame: a smaller picture is none, but a dark video


class BarFinder:
    """Feed the brightness of frames of one size, spread over the video; `picture` is what is left between the bars."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] | None = None  # lowest and highest by row, by column
        self._columns: list[np.ndarray] | None = None

    def feed(self, luma: np.ndarray) -> None:
        """`luma`: uint8, (height, width)."""
        self._rows = _extended(self._rows, luma, 1)
        self._columns = _extended(self._columns, luma, 0)

    def picture(self) -> Box:
        """The part of the frame between the bars; the whole of it where there are none."""
        if self._rows is None or self._columns is None:
            return WHOLE
        (x, w), (y, h) = _between(*self._columns), _between(*self._rows)
        return Box(x, y, w, h) if min(w, h) >= LEAST else WHOLE


def _extended(known: list[np.ndarray] | None, luma: np.ndarray, axis: int) -> list[np.ndarray]:
    import numpy as np

    low, high = luma.min(axis=axis), luma.max(axis=axis)
    return [np.minimum(known[0], low), np.maximum(known[1], high)] if known else [low, high]


def _between(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Start and length of what lies between two bars, fractions of the axis; 0 and 1 without."""
    import numpy as np

    size = len(low)
    inside = np.flatnonzero((high > DARKEST) | (high.astype(int) - low > FLAT))
    if not len(inside):
        return 0.0, 1.0
    before, after = int(inside[0]), size - 1 - int(inside[-1])
    if min(before, after) < NARROWEST * size or abs(before - after) > max(ALIKE * size, 1):
        return 0.0, 1.0
    return (before + BLUR_PX) / size, (size - before - after - 2 * BLUR_PX) / size
