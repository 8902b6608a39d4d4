"""Hard cuts, exact to the frame, from a stream of very small pictures. Never opens a file and never looks at people.

A cut is a frame that differs from the one before, all over the picture, far more than its neighbours differ among
themselves, and that stays different: a flash returns to the old picture, a dissolve (`dissolves`) has no single step.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

TINY = (160, 90)  # width, height of the pictures that are compared
AROUND_S = 0.24  # looked at on either side of a candidate: a flash is over within that ...
LEAST_AROUND = 6  # ... and at least so many frames
NEAR_S = 0.12  # within that the three nearest frames tell how much moves on a side ...
REPEATED = 0.5  # ... passing over those that repeat the one before, as in films at 24 frames a second shown at 50 or 60
# Thresholds: measured on ten talks with b-roll and on a film clip (docs/vision.md); of 255.
MIN_CHANGE = 6.0  # mean difference of a cut
MIN_SPREAD = 0.08  # of it, in the calmer 40 % of the picture
STILL = 6.0  # a side is calm where it moves less than the cut by this factor
LONE = 3.0  # a neighbouring change that is so much larger than the others is a step of its own
OTHER = 4.0  # colours that change so much more than beside it are another picture, however wild the side that moves
RETURNS = 0.4  # of the change: nearer than this, the old picture is back


class Features(NamedTuple):
    """Float32: means of blocks of 5x5 pixels, brightness (two thirds of them) before colour, which counts double; and
    cumulative histograms of the three planes."""

    blocks: np.ndarray
    histogram: np.ndarray


class Frame(NamedTuple):
    """What is kept of a frame; `change` and `step` are how much blocks and histogram differ from the frame before."""

    t: float
    blocks: np.ndarray
    histogram: np.ndarray
    change: float
    step: float


class CutFinder:
    """Feed every decoded frame in order; `cuts` collects the times (s) of the first frames of new shots.

    `fps` is the rate of the source, frames per second. `feed` returns how much the picture changed since the frame
    before (mean absolute difference, 0..1).
    """

    def __init__(self, fps: float) -> None:
        self.cuts: list[float] = []
        self._around = max(LEAST_AROUND, round(AROUND_S * fps))
        self._near = max(3, round(NEAR_S * fps))
        self._window: deque[Frame] = deque(maxlen=2 * self._around + 1)

    def feed(self, t: float, seen: Features) -> float:
        """`seen` of the frame that begins at `t` (s)."""
        import numpy as np

        blocks, histogram = seen
        change = step = 0.0
        if self._window:
            old = self._window[-1]
            change = float(np.abs(blocks - old.blocks).mean())
            step = float(np.abs(histogram - old.histogram).mean())
        self._window.append(Frame(t, blocks, histogram, change, step))
        if len(self._window) > self._around:
            self._judge(len(self._window) - 1 - self._around)
        return change / 255

    def finish(self) -> list[float]:
        """Judge the last frames too; returns all cuts."""
        for at in range(max(len(self._window) - self._around, 1), len(self._window)):
            self._judge(at)
        return self.cuts

    def _judge(self, at: int) -> None:
        """Whether frame `at` of the window starts a shot."""
        import numpy as np

        window = self._window
        t, blocks, _, change, step = window[at]
        if at < 1 or change < MIN_CHANGE:
            return
        luma = np.abs(blocks - window[at - 1].blocks)[: TINY[0] * TINY[1] // 25]
        if float(np.percentile(luma, 40)) < MIN_SPREAD * change:
            return  # the picture stands and something jumps in it: a person at a jump cut, an overlay
        before = _telling([window[i] for i in range(at - 1, max(at - self._near, 1) - 1, -1)])
        after = _telling([window[i] for i in range(at + 1, min(at + self._near + 1, len(window)))])
        unrest = [_unrest([frame.change for frame in side], 1.0) for side in (before, after)]
        sharp = change / max(*unrest, 1.0)
        content = step / max(*(_unrest([frame.step for frame in side], 0.05) for side in (before, after)), 0.05)
        # Where one side is calm, no motion of the other can have made the step.
        calm = min(unrest) < change / STILL and bool(before and after)
        if not (sharp > 2.2 or (sharp > 1.3 and (content > 1.3 or calm)) or (calm and content > OTHER)):
            return
        past, future = (
            [window[i].blocks for i in range(at)],
            np.stack([window[i].blocks for i in range(at, len(window))]),
        )
        if min(float(np.abs(future - old).mean(axis=1).min()) for old in past) < RETURNS * change:
            return  # within a flash, however it fades: a picture from before is back within a moment
        self.cuts.append(t)


def _telling(frames: list[Frame]) -> list[Frame]:
    """Three of the frames of one side, nearest first; one that repeats the frame before only where others lack."""
    return sorted(frames, key=lambda frame: frame.change < REPEATED)[:3]


def _unrest(changes: list[float], floor: float) -> float:
    """The largest of neighbouring changes, but for one that stands alone: that is another cut, a few frames away."""
    ranked = sorted(changes, reverse=True)
    if len(ranked) > 1 and ranked[0] > LONE * max(ranked[1], floor):
        return ranked[1]
    return ranked[0] if ranked else 0.0


def features(tiny: np.ndarray) -> Features:
    """What shots are told apart by. `tiny`: yuv420p picture of TINY size as PyAV gives it, uint8, (135, 160)."""
    import numpy as np

    width, height = TINY
    luma = tiny[:height]
    u, v = tiny[height:].reshape(2, height // 2, width // 2)
    blocks = [_block_means(plane, weight) for plane, weight in ((luma, 1), (u, 2), (v, 2))]
    histogram = [np.cumsum(np.bincount(plane.ravel() >> 3, minlength=32)) / plane.size for plane in (luma, u, v)]
    return Features(np.concatenate(blocks), np.concatenate(histogram) * 32)


def _block_means(plane: np.ndarray, weight: int) -> np.ndarray:
    import numpy as np

    rows, columns = plane.shape[0] // 5, plane.shape[1] // 5
    sums = plane.reshape(rows, 5, columns, 5).astype(np.uint16).sum((1, 3))
    means: np.ndarray = sums.ravel().astype(np.float32) * (weight / 25)
    return means
