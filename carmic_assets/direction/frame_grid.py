"""Snaps times to the frame grid: every cut and keyframe of a timeline lies on a frame of its source."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from carmic_assets.model.media import FrameRate


class FrameGrid(msgspec.Struct, frozen=True):
    """The times of frames at `rate`, counted from `origin_s`."""

    origin_s: float
    rate: FrameRate

    def snap(self, t: float) -> float:
        """Return the time of the frame nearest to `t`."""
        frame = round((t - self.origin_s) * self.rate.num / self.rate.den)
        return self.origin_s + frame * self.rate.den / self.rate.num

    def snap_inside(self, times: Iterable[float], start_s: float, end_s: float) -> list[float]:
        """Return the frame times of the `times` strictly between `start_s` and `end_s`, sorted and unique."""
        snapped = {self.snap(t) for t in times if start_s < t < end_s}
        return sorted(t for t in snapped if start_s + 1e-6 < t < end_s - 1e-6)
