"""Detects dissolves and fades in the downscaled frames of cut detection (`FrameFeatures.blocks`).

During a dissolve every frame is a linear mixture of the old and the new frame, and the weight of the new one increases.
Frames with motion are not such mixtures. After a change of light the old and the new frame still correlate.
"""

from __future__ import annotations

from collections import deque

import numpy as np

SAMPLES_PER_S = 25.0  # frames of sources with a higher frame rate are skipped down to this rate
LENGTHS = (6, 9, 13, 19, 27, 38)  # tested lengths of a dissolve in samples: 0.25 to 1.5 s
# Thresholds. Dissolves in talks have residues up to 0.05 and correlations up to 0.3. Shaky cameras, and a film clip
# with whip pans and explosions, have residues from 0.2 and correlations from 0.8.
MIN_CHANGE = 8.0  # mean absolute difference of the old and the new frame, 0..255
MAX_RESIDUE_RATIO = 0.12  # mean difference of a frame from the nearest mixture, divided by the change
MAX_CORRELATION = 0.7  # of the luma of the old and the new frame; above it they show the same scene
MAX_WEIGHT_DECREASE, MAX_WEIGHT_INCREASE = 0.05, 0.4  # steps of the new frame's weight (0..1) from sample to sample


class DissolveDetector:
    """Finds dissolves in a stream of frames.

    `middles` holds, for each dissolve, the time (s) of the first frame with at least half the weight on the new shot.
    """

    def __init__(self) -> None:
        self.middles: list[float] = []
        self._window: deque[tuple[float, np.ndarray]] = deque(maxlen=LENGTHS[-1] + 1)
        self._best: tuple[float, float] | None = None  # change and middle of the dissolve in progress
        self._samples_since_best = 0

    def feed(self, t: float, blocks: np.ndarray) -> None:
        """Add a frame at `t` (s) with its `FrameFeatures.blocks`; call it for every decoded frame, in order."""
        # The factor 0.9 allows for rounded or jittering frame times.
        if self._window and t < self._window[-1][0] + 0.9 / SAMPLES_PER_S:
            return
        self._window.append((t, blocks))
        candidates = [dissolve for length in LENGTHS if (dissolve := self._test_length(length))]
        if candidates:
            self._best = max(candidates if self._best is None else [self._best, *candidates])
            self._samples_since_best = 0
            return
        self._samples_since_best += 1
        if self._samples_since_best > LENGTHS[0]:
            self.finish()

    def finish(self) -> list[float]:
        """Record the dissolve in progress, if any, and return all middles."""
        if self._best:
            self.middles.append(self._best[1])
            self._best = None
        return self.middles

    def _test_length(self, length: int) -> tuple[float, float] | None:
        """Return the mean change and the middle (s) if the last `length` samples are a dissolve, else None."""
        if length >= len(self._window):
            return None
        old, new = self._window[-1 - length][1], self._window[-1][1]
        change = float(np.abs(new - old).mean())
        if change < MIN_CHANGE or _correlate_luma(old, new) > MAX_CORRELATION:
            return None
        times, frames = zip(*[self._window[i] for i in range(-1 - length, 0)], strict=True)
        offsets, difference = np.stack(frames) - old, new - old
        weights = offsets @ difference / (difference @ difference)  # of the new frame: 0 at the start, 1 at the end
        steps = np.diff(weights)
        if steps.min() < -MAX_WEIGHT_DECREASE or steps.max() > MAX_WEIGHT_INCREASE:
            return None
        if float(np.abs(offsets - weights[:, None] * difference).mean(axis=1).max()) > MAX_RESIDUE_RATIO * change:
            return None
        return change, times[int(np.argmax(weights >= 0.5))]


def _correlate_luma(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of the luma (the first two thirds of the blocks) of two frames; 0 if one is uniform."""
    a, b = (x[: len(x) * 2 // 3] - x[: len(x) * 2 // 3].mean() for x in (a, b))
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-3))
