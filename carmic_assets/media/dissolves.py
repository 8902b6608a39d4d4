"""Dissolves and fades, from the same very small pictures as the cuts. They are no cuts, but another picture follows.

While one picture melts into another every frame is a mixture of the two: it lies on the line between them, further
along each time. Nothing that moves does that, and light that comes or goes leaves the same picture.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SAMPLES_PER_S = 25.0  # faster sources are looked at so often
LENGTHS = (6, 9, 13, 19, 27, 38)  # samples from the one picture to the other that are tried: a quarter to 1.5 s
# Thresholds: dissolves in talks have residues to 0.05 and likenesses to 0.3; shaken cameras, and a film clip with whip
# pans and explosions, residues from 0.2 and likenesses from 0.8.
MIN_CHANGE = 8.0  # mean difference of the two pictures, of 255
RESIDUE = 0.12  # of it: how far a frame may be off the line
ALIKE = 0.7  # correlation of their brightness above which they are one picture
BACK, LEAP = 0.05, 0.4  # how far a mixture may fall back, and go on, from one sample to the next


class DissolveFinder:
    """Feed every frame in order; `middles` collects the times (s) of the first frames that are more new than old."""

    def __init__(self) -> None:
        self.middles: list[float] = []
        self._window: deque[tuple[float, np.ndarray]] = deque(maxlen=LENGTHS[-1] + 1)
        self._best: tuple[float, float] | None = None  # change and middle of the one that goes on
        self._since = 0  # samples

    def feed(self, t: float, blocks: np.ndarray) -> None:
        """`blocks` of `shots.features`."""
        if self._window and t < self._window[-1][0] + 0.9 / SAMPLES_PER_S:
            return
        self._window.append((t, blocks))
        found = [melting for length in LENGTHS if (melting := self._melting(length))]
        if found:
            self._best, self._since = max(found if self._best is None else [self._best, *found]), 0
            return
        self._since += 1
        if self._since > LENGTHS[0]:
            self.finish()

    def finish(self) -> list[float]:
        """All middles, also of what was still going on."""
        if self._best:
            self.middles.append(self._best[1])
            self._best = None
        return self.middles

    def _melting(self, length: int) -> tuple[float, float] | None:
        """Mean change and middle (s) where the last `length` samples are one picture melting into another."""
        import numpy as np

        if length >= len(self._window):
            return None
        old, new = self._window[-1 - length][1], self._window[-1][1]
        change = float(np.abs(new - old).mean())
        if change < MIN_CHANGE or _likeness(old, new) > ALIKE:
            return None
        times, pictures = zip(*[self._window[i] for i in range(-1 - length, 0)], strict=True)
        way, line = np.stack(pictures) - old, new - old
        part = way @ line / (line @ line)
        steps = np.diff(part)
        if steps.min() < -BACK or steps.max() > LEAP:
            return None
        if float(np.abs(way - part[:, None] * line).mean(axis=1).max()) > RESIDUE * change:
            return None
        return change, times[int(np.argmax(part >= 0.5))]


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of the brightness of two pictures: the first two thirds of their blocks. 0 where one is blank."""
    import numpy as np

    a, b = (x[: len(x) * 2 // 3] - x[: len(x) * 2 // 3].mean() for x in (a, b))
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-3))
