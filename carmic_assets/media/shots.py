"""Hard cuts, exact to the frame, from a stream of very small pictures. Never opens a file and never looks at people.

A cut is a frame that differs from the one before far more than its neighbours differ among themselves, in place (blocks)
and in content (histogram), and that stays different: a flash returns to the old picture, a dissolve has no single step.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TINY = (160, 90)  # width, height of the pictures that are compared
AROUND = 6  # frames looked at on either side of a candidate


class CutFinder:
    """Feed every decoded frame in order; `cuts` collects the times (s) of the first frames of new shots.

    `feed` returns how much the picture changed since the frame before (mean absolute difference, 0..1).
    """

    def __init__(self) -> None:
        self.cuts: list[float] = []
        self._window: deque[tuple[float, np.ndarray, np.ndarray, float, float]] = deque(maxlen=2 * AROUND + 1)
        self._fed = 0

    def feed(self, t: float, tiny: np.ndarray) -> float:
        """`tiny`: yuv420p picture of TINY size as PyAV gives it, uint8, (135, 160)."""
        import numpy as np

        blocks, histogram = _features(tiny)
        change = step = 0.0
        if self._window:
            _, old_blocks, old_histogram, _, _ = self._window[-1]
            change = float(np.abs(blocks - old_blocks).mean())
            step = float(np.abs(histogram - old_histogram).mean())
        self._window.append((t, blocks, histogram, change, step))
        self._fed += 1
        if len(self._window) > AROUND:
            self._judge(len(self._window) - 1 - AROUND)
        return change / 255

    def finish(self) -> list[float]:
        """Judge the last frames too; returns all cuts."""
        for at in range(max(len(self._window) - AROUND, 1), len(self._window)):
            self._judge(at)
        return self.cuts

    def _judge(self, at: int) -> None:
        import numpy as np

        window = self._window
        if at < 1:
            return
        t, blocks, _, change, step = window[at]
        if change < 6:
            return
        near = [window[i][3] for i in range(max(at - 3, 1), min(at + 4, len(window))) if i != at]
        near_step = [window[i][4] for i in range(max(at - 3, 1), min(at + 4, len(window))) if i != at]
        sharp = change / max(max(near, default=0.0), 1.0)
        content = step / max(max(near_step, default=0.0), 0.05)
        if not (sharp > 2.2 or (sharp > 1.3 and content > 1.3)):
            return
        before, after = window[at - 1][1], [window[i][1] for i in range(at, len(window))]
        back = min(float(np.abs(before - b).mean()) for b in after)
        if back < 0.4 * change:  # a flash: the old picture is back within a moment
            return
        earlier = [window[i][1] for i in range(max(0, at - AROUND), at - 1)]
        if earlier and min(float(np.abs(blocks - b).mean()) for b in earlier) < 0.4 * change:
            return  # the end of a flash
        self.cuts.append(t)


def _features(tiny: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Block means (5x5 pixels; colour counts double) and cumulative histograms of the three planes."""
    import numpy as np

    width, height = TINY
    luma = tiny[:height]
    u, v = tiny[height:].reshape(2, height // 2, width // 2)
    blocks = [_block_means(plane, weight) for plane, weight in ((luma, 1), (u, 2), (v, 2))]
    histogram = [np.cumsum(np.bincount(plane.ravel() >> 3, minlength=32)) / plane.size for plane in (luma, u, v)]
    return np.concatenate(blocks), np.concatenate(histogram) * 32


def _block_means(plane: np.ndarray, weight: int) -> np.ndarray:
    import numpy as np

    rows, columns = plane.shape[0] // 5, plane.shape[1] // 5
    sums = plane.reshape(rows, 5, columns, 5).astype(np.uint16).sum((1, 3))
    means: np.ndarray = sums.ravel().astype(np.float32) * (weight / 25)
    return means
