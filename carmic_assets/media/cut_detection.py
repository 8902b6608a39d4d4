"""Detects hard cuts in a stream of downscaled frames, exact to the frame.

A cut is a frame that differs from the previous one in all parts of the frame, far more than neighbouring frames differ
from each other. After a cut the old content does not return, as it does after a flash. A dissolve has no single frame
with such a change; `dissolves` detects it.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

COMPARISON_SIZE = (160, 90)  # width and height in pixels of the downscaled frames
# A candidate is checked for a flash over CONTEXT_S, at least MIN_CONTEXT_FRAMES, on either side. A flash is shorter.
CONTEXT_S, MIN_CONTEXT_FRAMES = 0.24, 6
# The motion on either side of a candidate is measured on the three nearest frames within this distance.
NEIGHBOURHOOD_S, MIN_NEIGHBOURHOOD_FRAMES = 0.12, 3
REPEAT_CHANGE = 0.5  # a frame that changes less repeats the previous one, as in a 24 fps film at 50 or 60 fps
# Thresholds, for changes in 0..255, measured on ten talks with b-roll and on a film clip (docs/vision.md).
MIN_CUT_CHANGE = 6.0  # smallest mean difference of two frames at a cut
MIN_CALM_RATIO = 0.08  # the block at the 40th percentile changes by at least this fraction of the mean difference
CALM_FACTOR = 6.0  # a side is calm if its largest change is smaller than that of the cut by this factor
OUTLIER_FACTOR = 3.0  # a neighbouring change larger than the others by this factor is a cut of its own
COLOUR_FACTOR = 4.0  # with a calm side, a histogram change larger than its neighbours by this factor is a cut
# Sharpness is the change at a frame divided by the largest neighbouring change. A cut needs MIN_SHARPNESS, or
# MIN_SUPPORTED_SHARPNESS together with a calm side or a sharpness of the colour histogram of MIN_COLOUR_SHARPNESS.
MIN_SHARPNESS, MIN_SUPPORTED_SHARPNESS, MIN_COLOUR_SHARPNESS = 2.2, 1.3, 1.3
RETURN_RATIO = 0.4  # the old content is back if a later frame differs from an earlier one by less, relative to the cut


class FrameFeatures(NamedTuple):
    """Features of one frame, float32.

    `blocks` are means of 5x5 pixels: first luma (two thirds of the entries), then both chroma planes, multiplied by 2.
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
            self._test_frame(len(self._window) - 1 - self._context)
        return block_change / 255

    def finish(self) -> list[float]:
        """Test the last frames and return all cuts."""
        for index in range(max(len(self._window) - self._context, 1), len(self._window)):
            self._test_frame(index)
        return self.cuts

    def _test_frame(self, index: int) -> None:
        """Record a cut if frame `index` of the window starts a shot."""
        window = self._window
        frame = window[index]
        if index < 1 or frame.block_change < MIN_CUT_CHANGE:
            return
        luma_change = np.abs(frame.blocks - window[index - 1].blocks)[: COMPARISON_SIZE[0] * COMPARISON_SIZE[1] // 25]
        if float(np.percentile(luma_change, 40)) < MIN_CALM_RATIO * frame.block_change:
            return  # most of the frame is unchanged: a person moved in a jump cut, or an overlay appeared
        if self._stands_out(index) and not self._is_flash(index):
            self.cuts.append(frame.t)

    def _stands_out(self, index: int) -> bool:
        """Return whether the change at a frame exceeds the motion on both sides of it."""
        window, frame, neighbourhood = self._window, self._window[index], self._neighbourhood
        before = _find_nearest_moving([window[i] for i in range(index - 1, max(index - neighbourhood, 1) - 1, -1)])
        after = _find_nearest_moving([window[i] for i in range(index + 1, min(index + neighbourhood + 1, len(window)))])
        motion = [_find_largest_change([side.block_change for side in sides], 1.0) for sides in (before, after)]
        colour_motion = [
            _find_largest_change([side.histogram_change for side in sides], 0.05) for sides in (before, after)
        ]
        sharpness = frame.block_change / max(*motion, 1.0)
        colour_sharpness = frame.histogram_change / max(*colour_motion, 0.05)
        # If one side is calm, motion on the other side cannot explain the change.
        is_calm = min(motion) < frame.block_change / CALM_FACTOR and bool(before and after)
        return (
            sharpness > MIN_SHARPNESS
            or (sharpness > MIN_SUPPORTED_SHARPNESS and (colour_sharpness > MIN_COLOUR_SHARPNESS or is_calm))
            or (is_calm and colour_sharpness > COLOUR_FACTOR)
        )

    def _is_flash(self, index: int) -> bool:
        """Return whether earlier content returns soon after the frame, so that the frame belongs to a flash."""
        window = self._window
        later = np.stack([window[i].blocks for i in range(index, len(window))])
        nearest = min(float(np.abs(later - window[i].blocks).mean(axis=1).min()) for i in range(index))
        return nearest < RETURN_RATIO * window[index].block_change


def _find_nearest_moving(frames: list[_FrameChange]) -> list[_FrameChange]:
    """Return up to three frames of one side, nearest first; repeated frames only if there are too few others."""
    return sorted(frames, key=lambda frame: frame.block_change < REPEAT_CHANGE)[:3]


def _find_largest_change(changes: list[float], floor: float) -> float:
    """Return the largest of neighbouring changes; a single outlier is ignored, because it is another cut nearby."""
    sorted_changes = sorted(changes, reverse=True)
    if len(sorted_changes) > 1 and sorted_changes[0] > OUTLIER_FACTOR * max(sorted_changes[1], floor):
        return sorted_changes[1]
    return sorted_changes[0] if sorted_changes else 0.0


def extract_features(small: np.ndarray) -> FrameFeatures:
    """Return the features of a yuv420p frame of `COMPARISON_SIZE`, as PyAV's array: uint8, shape (135, 160)."""
    width, height = COMPARISON_SIZE
    luma = small[:height]
    u, v = small[height:].reshape(2, height // 2, width // 2)
    blocks = [_compute_block_means(plane, weight) for plane, weight in ((luma, 1), (u, 2), (v, 2))]
    histogram = [np.cumsum(np.bincount(plane.ravel() >> 3, minlength=32)) / plane.size for plane in (luma, u, v)]
    return FrameFeatures(np.concatenate(blocks), np.concatenate(histogram) * 32)


def _compute_block_means(plane: np.ndarray, weight: int) -> np.ndarray:
    rows, columns = plane.shape[0] // 5, plane.shape[1] // 5
    sums = plane.reshape(rows, 5, columns, 5).astype(np.uint16).sum((1, 3))
    means: np.ndarray = sums.ravel().astype(np.float32) * (weight / 25)
    return means
