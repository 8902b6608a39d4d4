"""Where a crop is at any time: the one truth that renderer, packages, measures and tests share. It decides nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from carmic_assets.model.direction import Box, Keyframe, LayoutShot, Region


def shot_at(shots: Sequence[LayoutShot], t: float) -> LayoutShot:
    """The shot that is on at `t`: a shot holds its start, not its end; the first and the last hold outside."""
    return shots[max(0, bisect_right(shots, t, key=lambda shot: shot.start_time) - 1)]


def crop_at(shots: Sequence[LayoutShot], t: float) -> tuple[Box, ...]:
    """The crop of every region at `t`, top first; empty where the layout is `fit`."""
    return tuple(region_at(region, t) for region in shot_at(shots, t).regions)


def region_at(region: Region, t: float) -> Box:
    """Linear between keyframes, held before the first and after the last."""
    frames = region.keyframes
    after = bisect_right(frames, t, key=lambda frame: frame.t)
    if after == 0:
        return _box(frames[0])
    if after == len(frames):
        return _box(frames[-1])
    a, b = frames[after - 1], frames[after]
    part = (t - a.t) / (b.t - a.t)
    return Box(*(p + (q - p) * part for p, q in ((a.x, b.x), (a.y, b.y), (a.w, b.w), (a.h, b.h))))


def _box(frame: Keyframe) -> Box:
    return Box(frame.x, frame.y, frame.w, frame.h)
