"""The frame grid: every cut and keyframe of a timeline lies on a frame of its source, counted from the span's start."""

from __future__ import annotations

import msgspec

from carmic_assets.model.media import Rate


class FrameGrid(msgspec.Struct, frozen=True):
    """Frames of `rate` from `origin_s` on."""

    origin_s: float
    rate: Rate

    def snap(self, t: float) -> float:
        """The nearest frame's time."""
        frame = round((t - self.origin_s) * self.rate.num / self.rate.den)
        return self.origin_s + frame * self.rate.den / self.rate.num
