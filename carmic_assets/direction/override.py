"""The client's own shots: whether they can be used, and what becomes of them. The director fills the rest.

A shot with `regions` or a `crop` is shown exactly so; one with a `layout` alone is directed in that layout; one with
neither follows the director.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from carmic_assets.direction.canvas import Shape, shaped
from carmic_assets.direction.crop_sampling import between
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.model.direction import Box, Keyframe, Layout, LayoutShot, Region
from carmic_assets.model.template import ShotOverride, ShotRegion

GAP_S = 0.002  # clients round times to milliseconds
END_S = 0.05  # ... and know a clip's length to about a frame
REGIONS: dict[Layout, int] = {"face-track": 1, "split": 2, "fit": 0}
BY_HAND = "Set by hand."

Directed = Callable[[float, float, Layout | None], tuple[LayoutShot, ...]]


def problem_of(shots: Sequence[ShotOverride], duration_s: float) -> str | None:
    """What is wrong with the shots for a clip of `duration_s`, as a sentence for the client; None if nothing is."""
    if not shots:
        return None
    if abs(shots[0].start_time) > GAP_S:
        return f"Shots must start at 0, but the first starts at {shots[0].start_time:g} s."
    for number, shot in enumerate(shots, 1):
        if shot.end_time - shot.start_time <= GAP_S:
            return f"Shot {number} ends at {shot.end_time:g} s, which is not after its start at {shot.start_time:g} s."
        if (wrong := _wrong_picture(shot)) is not None:
            return f"Shot {number} ({shot.start_time:g} to {shot.end_time:g} s): {wrong}"
    for number, (a, b) in enumerate(pairwise(shots), 1):
        if abs(b.start_time - a.end_time) > GAP_S:
            what = "gap" if b.start_time > a.end_time else "overlap"
            return (
                f"Shots must follow one another without a gap: shot {number} ends at {a.end_time:g} s and shot "
                f"{number + 1} starts at {b.start_time:g} s ({what})."
            )
    if abs(shots[-1].end_time - duration_s) > END_S:
        return f"Shots must end with the clip at {duration_s:.3f} s, but the last ends at {shots[-1].end_time:g} s."
    return None


def _wrong_picture(shot: ShotOverride) -> str | None:
    boxes = [shot.crop] if shot.crop else []
    for region in shot.regions or ():
        frames = region.keyframes
        if not frames:
            return "each region needs at least one keyframe."
        if any(b.t <= a.t for a, b in pairwise(frames)):
            return "the times of keyframes must increase."
        boxes += [Box(k.x, k.y, k.w, k.h) for k in frames]
    for box in boxes:
        if not (0 < box.w <= 1 and 0 < box.h <= 1 and -1e-6 <= box.x < 1 and -1e-6 <= box.y < 1):
            return "a crop is given in fractions of the frame: 0 <= x, y < 1 and 0 < w, h <= 1."
    if shot.regions and shot.layout and len(shot.regions) != REGIONS[shot.layout] and shot.layout != "fit":
        return f"layout {shot.layout} has {REGIONS[shot.layout]} region(s), not {len(shot.regions)}."
    if shot.regions and len(shot.regions) > 2:
        return "there are at most two regions."
    return None


def overridden(
    shots: Sequence[ShotOverride],
    duration_s: float,
    cuts: Sequence[float],
    grid: FrameGrid,
    shapes: dict[Layout, tuple[Shape, ...]],
    directed: Directed,
) -> tuple[LayoutShot, ...]:
    """The shots of a clip with the client's wishes in them, contiguous from 0 to `duration_s`, broken at every cut.

    `shots` must have passed `problem_of`; their edges move to the nearest frame of `grid`. `directed(start, end,
    layout)` gives the director's shots of a stretch.
    """
    edges = [0.0, *(min(round(grid.snap(s.end_time), 6), duration_s) for s in shots[:-1]), round(duration_s, 6)]
    director = directed(0.0, duration_s, None)
    result: list[LayoutShot] = []
    for shot, (a, b) in zip(shots, pairwise(edges), strict=True):
        by_hand = _by_hand(shot, shapes)
        if b - a < 1e-6:  # shorter than a frame
            continue
        if by_hand is not None:
            layout, regions = by_hand
            steps = [a, *(round(c, 6) for c in cuts if a + GAP_S < c < b - GAP_S), b]
            fixed = tuple(LayoutShot(p, q, layout, None, BY_HAND, regions) for p, q in pairwise(steps))
            result += [
                part for piece, (p, q) in zip(fixed, pairwise(steps), strict=True) for part in between([piece], p, q)
            ]
        elif shot.layout is not None:
            result += directed(a, b, shot.layout)
        else:
            result += between(director, a, b)
    return _joined(result)


def _by_hand(shot: ShotOverride, shapes: dict[Layout, tuple[Shape, ...]]) -> tuple[Layout, tuple[Region, ...]] | None:
    """Layout and regions that the client has set, in the canvas' own proportions; None where they are left open."""
    if shot.layout == "fit":
        return "fit", ()
    if shot.regions:
        layout: Layout = "split" if len(shot.regions) == 2 else "face-track"
        return layout, tuple(_region(r, s) for r, s in zip(shot.regions, shapes[layout], strict=True))
    if shot.crop is not None:
        whole = ShotRegion(None, (Keyframe(shot.start_time, shot.crop.x, shot.crop.y, shot.crop.w, shot.crop.h),))
        return "face-track", (_region(whole, shapes["face-track"][0]),)
    return None


def _region(region: ShotRegion, shape: Shape) -> Region:
    boxes = [(k.t, shaped(Box(k.x, k.y, k.w, k.h), shape)) for k in region.keyframes]
    return Region(region.subject, tuple(Keyframe(t, box.x, box.y, box.w, box.h) for t, box in boxes))


def _joined(shots: list[LayoutShot]) -> tuple[LayoutShot, ...]:
    """Neighbours that meet exactly: a stretch that was directed by itself may end a rounding error off."""
    result = []
    for k, shot in enumerate(shots):
        end = shots[k + 1].start_time if k + 1 < len(shots) else shot.end_time
        result.append(LayoutShot(shot.start_time, end, shot.layout, shot.speaker, shot.reason, shot.regions))
    return tuple(result)
