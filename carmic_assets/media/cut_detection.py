"""Frame-accurate detection of hard cuts in a stream of very small pictures.

A cut is a frame that differs from the previous one all over the picture, by far more than its neighbours differ among
themselves, and that stays different. After a flash the old picture returns; a dissolve (`dissolves`) has no single
step.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

COMPARISON_SIZE = (160, 90)  # width and height of the pictures that are compared
CONTEXT_S = 0.24  # examined on either side of a candidate: a flash is shorter ...
MIN_CONTEXT_FRAMES = 6  # ... and at least so many frames
NEIGHBOURHOOD_S = 0.12  # in which the three nearest frames measure the motion on a side ...
MIN_NEIGHBOURHOOD_FRAMES = 3
REPEAT_CHANGE = 0.5  # ... without frames that repeat the previous one, as in a 24 fps film shown at 50 or 60 fps
# Thresholds, for changes in 0..255, measured on ten talks with b-roll and on a film clip (docs/vision.md).
MIN_CUT_CHANGE = 6.0  # mean difference
MIN_CALM_RATIO = 0.08  # of that difference, at the 40th percentile of the blocks
CALM_FACTOR = 6.0  # a side is calm where it changes less than the cut by this factor
OUTLIER_FACTOR = 3.0  # a neighbouring change larger than the others by this factor is a cut of its own
COLOUR_FACTOR = 4.0  # a histogram change larger than its neighbours by this factor is a cut beside any motion
MIN_SHARPNESS, MIN_SUPPORTED_SHARPNESS, MIN_COLOUR_SHARPNESS = 2.2, 1.3, 1.3
RETURN_RATIO = 0.4  # of the cut's change: a later frame nearer to an earlier one means that the old picture is back


class FrameFeatures(NamedTuple):
    """Features of one frame, float32.

    `blocks` are means of 5x5 pixels: first luma (two thirds of the entries), then chroma, which counts double.
    `histogram` holds the cumulative histograms of the three planes.
    """

    blocks: np.ndarray
    histogram: np.ndarray


class _FrameChange(NamedTuple):
    """A frame of the window; the changes are mean differences of its features from the previous frame's."""

    t: float
    blocks: np.ndarray
    histogram: np.ndarray
    block_change: float
    histogram_change: float


class CutDetector:
    """Finds cuts in a stream of frames; `cuts` collects the times (s) of the first frames of new shots.

    `fps` is the frame rate of the source.
    """

    def __init__(self, fps: float) -> None:
        self.cuts: list[float] = []
        self._context = max(MIN_CONTEXT_FRAMES, round(CONTEXT_S * fps))
        self._neighbourhood = max(MIN_NEIGHBOURHOOD_FRAMES, round(NEIGHBOURHOOD_S * fps))
        self._window: deque[_FrameChange] = deque(maxlen=2 * self._context + 1)

    def feed(self, t: float, features: FrameFeatures) -> float:
        """Add the frame that begins at `t` (s); call it for every decoded frame, in order.

        Returns the mean absolute difference from the previous frame, 0..1.
        """
        blocks, histogram = features
        block_change = histogram_change = 0.0
        if self._window:
            previous = self._window[-1]
            block_change = float(np.abs(blocks - previous.blocks).mean())
            histogram_change = float(np.abs(histogram - previous.histogram).mean())
        self._window.append(_FrameChange(t, blocks, histogram, block_change, histogram_change))
        if len(self._window) > self._context:
            self._judge(len(self._window) - 1 - self._context)
        return block_change / 255

    def finish(self) -> list[float]:
        """Judge the last frames and return all cuts."""
        for index in range(max(len(self._window) - self._context, 1), len(self._window)):
            self._judge(index)
        return self.cuts

    def _judge(self, index: int) -> None:
        """Record a cut if frame `index` of the window starts a shot."""
        window = self._window
        frame = window[index]
        if index < 1 or frame.block_change < MIN_CUT_CHANGE:
            return
        luma_change = np.abs(frame.blocks - window[index - 1].blocks)[: COMPARISON_SIZE[0] * COMPARISON_SIZE[1] // 25]
        if float(np.percentile(luma_change, 40)) < MIN_CALM_RATIO * frame.block_change:
            return  # most of the picture is unchanged: a person moves at a jump cut, or an overlay appears
        if self._stands_out(index) and not self._returns(index):
            self.cuts.append(frame.t)

    def _stands_out(self, index: int) -> bool:
        """Return whether the change at a frame exceeds the motion on both sides of it."""
        window, frame, reach = self._window, self._window[index], self._neighbourhood
        before = _nearest_moving([window[i] for i in range(index - 1, max(index - reach, 1) - 1, -1)])
        after = _nearest_moving([window[i] for i in range(index + 1, min(index + reach + 1, len(window)))])
        motion = [_largest_change([side.block_change for side in sides], 1.0) for sides in (before, after)]
        colour_motion = [_largest_change([side.histogram_change for side in sides], 0.05) for sides in (before, after)]
        sharpness = frame.block_change / max(*motion, 1.0)
        colour_sharpness = frame.histogram_change / max(*colour_motion, 0.05)
        # Where one side is calm, the motion of the other side cannot have caused the step.
        is_calm = min(motion) < frame.block_change / CALM_FACTOR and bool(before and after)
        return (
            sharpness > MIN_SHARPNESS
            or (sharpness > MIN_SUPPORTED_SHARPNESS and (colour_sharpness > MIN_COLOUR_SHARPNESS or is_calm))
            or (is_calm and colour_sharpness > COLOUR_FACTOR)
        )

    def _returns(self, index: int) -> bool:
        """Return whether an earlier picture returns soon after the frame: it belongs to a flash, however that fades."""
        window = self._window
        later = np.stack([window[i].blocks for i in range(index, len(window))])
        nearest = min(float(np.abs(later - window[i].blocks).mean(axis=1).min()) for i in range(index))
        return nearest < RETURN_RATIO * window[index].block_change


def _nearest_moving(frames: list[_FrameChange]) -> list[_FrameChange]:
    """Return three frames of one side, nearest first; repeated frames are taken only where others are lacking."""
    return sorted(frames, key=lambda frame: frame.block_change < REPEAT_CHANGE)[:3]


def _largest_change(changes: list[float], floor: float) -> float:
    """Return the largest of neighbouring changes, without a single outlier: that is another cut a few frames away."""
    ranked = sorted(changes, reverse=True)
    if len(ranked) > 1 and ranked[0] > OUTLIER_FACTOR * max(ranked[1], floor):
        return ranked[1]
    return ranked[0] if ranked else 0.0


def extract_features(small: np.ndarray) -> FrameFeatures:
    """Return the features of a yuv420p picture of `COMPARISON_SIZE` as PyAV gives it: uint8, shape (135, 160)."""
    width, height = COMPARISON_SIZE
    luma = small[:height]
    u, v = small[height:].reshape(2, height // 2, width // 2)
    blocks = [_block_means(plane, weight) for plane, weight in ((luma, 1), (u, 2), (v, 2))]
    histogram = [np.cumsum(np.bincount(plane.ravel() >> 3, minlength=32)) / plane.size for plane in (luma, u, v)]
    return FrameFeatures(np.concatenate(blocks), np.concatenate(histogram) * 32)


def _block_means(plane: np.ndarray, weight: int) -> np.ndarray:
    rows, columns = plane.shape[0] // 5, plane.shape[1] // 5
    sums = plane.reshape(rows, 5, columns, 5).astype(np.uint16).sum((1, 3))
    means: np.ndarray = sums.ravel().astype(np.float32) * (weight / 25)
    return means
