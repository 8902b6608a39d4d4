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


def between(shots: Sequence[LayoutShot], start_s: float, end_s: float) -> list[LayoutShot]:
    """The part of `shots` from one time to another, with keyframes at its ends where the crop moves."""
    parts = []
    for shot in shots:
        a, b = max(shot.start_time, start_s), min(shot.end_time, end_s)
        if b - a > 1e-6:
            regions = tuple(_trimmed(region, a, b) for region in shot.regions)
            parts.append(LayoutShot(a, b, shot.layout, shot.speaker, shot.reason, regions))
    return parts


def _trimmed(region: Region, start_s: float, end_s: float) -> Region:
    inner = [k for k in region.keyframes if start_s <= k.t <= end_s]
    if len(inner) == len(region.keyframes):
        return region
    first, last = region_at(region, start_s), region_at(region, end_s)
    frames = [Keyframe(start_s, first.x, first.y, first.w, first.h)]
    frames += [k for k in inner if start_s < k.t < end_s]
    if len(frames) > 1 or first != last:
        frames.append(Keyframe(end_s, last.x, last.y, last.w, last.h))
    return Region(region.subject, tuple(frames))
