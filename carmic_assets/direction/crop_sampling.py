"""Evaluates crops at any time. The renderer, the export packages and the metrics read crops through these functions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from carmic_assets.model.direction import Box, Keyframe, LayoutShot, Region


def find_shot(shots: Sequence[LayoutShot], t: float) -> LayoutShot:
    """Return the shot at `t`. A shot includes its start and excludes its end.

    A time before the first shot belongs to the first, and one after the last shot to the last.
    """
    return shots[max(0, bisect_right(shots, t, key=lambda shot: shot.start_time) - 1)]


def sample_crops(shots: Sequence[LayoutShot], t: float) -> tuple[Box, ...]:
    """Return the crop of every region at `t`, top first; empty for the layout `fit`."""
    return tuple(sample_region(region, t) for region in find_shot(shots, t).regions)


def sample_region(region: Region, t: float) -> Box:
    """Return the crop of `region` at `t`: linear between keyframes, held before the first and after the last."""
    keyframes = region.keyframes
    following = bisect_right(keyframes, t, key=lambda keyframe: keyframe.t)
    if following == 0:
        return _crop_of(keyframes[0])
    if following == len(keyframes):
        return _crop_of(keyframes[-1])
    a, b = keyframes[following - 1], keyframes[following]
    fraction = (t - a.t) / (b.t - a.t)
    return Box(*(p + (q - p) * fraction for p, q in ((a.x, b.x), (a.y, b.y), (a.w, b.w), (a.h, b.h))))


def _crop_of(keyframe: Keyframe) -> Box:
    return Box(keyframe.x, keyframe.y, keyframe.w, keyframe.h)


def slice_shots(shots: Sequence[LayoutShot], start_s: float, end_s: float) -> list[LayoutShot]:
    """Return the part of `shots` between two times. A crop that moves gets keyframes at both ends."""
    sliced = []
    for shot in shots:
        a, b = max(shot.start_time, start_s), min(shot.end_time, end_s)
        if b - a > 1e-6:
            regions = tuple(_slice_region(region, a, b) for region in shot.regions)
            sliced.append(LayoutShot(a, b, shot.layout, shot.speaker, shot.reason, regions))
    return sliced


def _slice_region(region: Region, start_s: float, end_s: float) -> Region:
    inner = [k for k in region.keyframes if start_s <= k.t <= end_s]
    if len(inner) == len(region.keyframes):
        return region
    first, last = sample_region(region, start_s), sample_region(region, end_s)
    keyframes = [Keyframe(start_s, first.x, first.y, first.w, first.h)]
    keyframes += [k for k in inner if start_s < k.t < end_s]
    if len(keyframes) > 1 or first != last:
        keyframes.append(Keyframe(end_s, last.x, last.y, last.w, last.h))
    return Region(region.subject, tuple(keyframes))
