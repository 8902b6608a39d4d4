"""Validates the client's own shots, and applies them to the director's shots.

A shot with `regions` or a `crop` is shown with exactly these. A shot with only a `layout` is directed in that layout. A
shot without all three is the director's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from carmic_assets.direction.canvas import CropShape, reshape_crop
from carmic_assets.direction.crop_sampling import slice_shots
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.model.direction import Box, Keyframe, Layout, LayoutShot, Region
from carmic_assets.model.template import ShotOverride, ShotRegion

TIME_TOLERANCE_S = 0.002  # two times this close are equal, because clients round to milliseconds
END_TOLERANCE_S = 0.05  # the last shot may end this far from the clip's end, because clients know it to about a frame
# Regions of each layout.
REGION_COUNTS: dict[Layout, int] = {"face-track": 1, "split": 2, "fit": 0, "screen": 2, "three": 3, "four": 4}
# The layout of a shot that names none, by the number of its regions.
DEFAULT_LAYOUTS: dict[int, Layout] = {1: "face-track", 2: "split", 3: "three", 4: "four"}
MAX_REGIONS = 4  # of a shot
MANUAL_REASON = "Set by hand."

# Directs the part of a clip between two times. The third argument is the layout; None stands for the configured one.
DirectPart = Callable[[float, float, Layout | None], tuple[LayoutShot, ...]]


def find_shots_problem(shots: Sequence[ShotOverride], duration_s: float) -> str | None:
    """Return the first problem of the shots for a clip of `duration_s` as a sentence for the client; None if valid."""
    if not shots:
        return None
    if abs(shots[0].start_time) > TIME_TOLERANCE_S:
        return f"Shots must start at 0, but the first starts at {shots[0].start_time:g} s."
    for number, shot in enumerate(shots, 1):
        if shot.end_time - shot.start_time <= TIME_TOLERANCE_S:
            return f"Shot {number} ends at {shot.end_time:g} s, which is not after its start at {shot.start_time:g} s."
        if (problem := _find_crop_problem(shot)) is not None:
            return f"Shot {number} ({shot.start_time:g} to {shot.end_time:g} s): {problem}"
    for number, (a, b) in enumerate(pairwise(shots), 1):
        if abs(b.start_time - a.end_time) > TIME_TOLERANCE_S:
            kind = "gap" if b.start_time > a.end_time else "overlap"
            return (
                f"Shots must be contiguous: shot {number} ends at {a.end_time:g} s and shot {number + 1} starts at "
                f"{b.start_time:g} s ({kind})."
            )
    if abs(shots[-1].end_time - duration_s) > END_TOLERANCE_S:
        return f"Shots must end with the clip at {duration_s:.3f} s, but the last ends at {shots[-1].end_time:g} s."
    return None


def _find_crop_problem(shot: ShotOverride) -> str | None:
    boxes = [shot.crop] if shot.crop else []
    for region in shot.regions or ():
        if not region.keyframes:
            return "each region needs at least one keyframe."
        if any(b.t <= a.t for a, b in pairwise(region.keyframes)):
            return "the times of keyframes must increase."
        boxes += [Box(k.x, k.y, k.w, k.h) for k in region.keyframes]
    for box in boxes:
        if not (0 < box.w <= 1 and 0 < box.h <= 1 and -1e-6 <= box.x < 1 and -1e-6 <= box.y < 1):
            return "crops are fractions of the frame: 0 <= x, y < 1 and 0 < w, h <= 1."
    if shot.regions and shot.layout and len(shot.regions) != REGION_COUNTS[shot.layout] and shot.layout != "fit":
        return f"layout {shot.layout} has {REGION_COUNTS[shot.layout]} region(s), not {len(shot.regions)}."
    if shot.regions and len(shot.regions) > MAX_REGIONS:
        return f"a shot has at most {MAX_REGIONS} regions."
    return None


def apply_overrides(
    overrides: Sequence[ShotOverride],
    duration_s: float,
    cuts: Sequence[float],
    grid: FrameGrid,
    shapes: dict[Layout, tuple[CropShape, ...]],
    direct_part: DirectPart,
) -> tuple[LayoutShot, ...]:
    """Return the shots of a clip with the client's `overrides` applied, contiguous from 0 to `duration_s`.

    `overrides` must have passed `find_shots_problem`. Their boundaries move to the nearest frame of `grid`. A shot with
    crops set by the client is split at `cuts`.
    """
    edges = [0.0, *(min(round(grid.snap(s.end_time), 6), duration_s) for s in overrides[:-1]), round(duration_s, 6)]
    directed = direct_part(0.0, duration_s, None)
    result: list[LayoutShot] = []
    for override, (a, b) in zip(overrides, pairwise(edges), strict=True):
        if b - a < 1e-6:  # shorter than a frame
            continue
        manual = _read_regions(override, shapes)
        if manual is not None:
            layout, regions = manual
            parts = [a, *(round(c, 6) for c in cuts if a + TIME_TOLERANCE_S < c < b - TIME_TOLERANCE_S), b]
            for start_s, end_s in pairwise(parts):
                shot = LayoutShot(start_s, end_s, layout, None, MANUAL_REASON, regions)
                result += slice_shots([shot], start_s, end_s)
        elif override.layout is not None:
            result += direct_part(a, b, override.layout)
        else:
            result += slice_shots(directed, a, b)
    return _close_gaps(result)


def _read_regions(
    override: ShotOverride, shapes: dict[Layout, tuple[CropShape, ...]]
) -> tuple[Layout, tuple[Region, ...]] | None:
    """Return the layout and the regions set by the client, in the aspect ratio of the canvas; None if none is set."""
    if override.layout == "fit":
        return "fit", ()
    if override.regions:
        layout = override.layout or DEFAULT_LAYOUTS[len(override.regions)]
        if layout == "screen":  # its panels take the shape of their crops
            return layout, tuple(Region(region.subject, _hold_size(region)) for region in override.regions)
        regions = zip(override.regions, shapes[layout], strict=True)
        return layout, tuple(_reshape_region(region, shape) for region, shape in regions)
    if override.crop is not None:
        crop = override.crop
        region = ShotRegion(None, (Keyframe(override.start_time, crop.x, crop.y, crop.w, crop.h),))
        return "face-track", (_reshape_region(region, shapes["face-track"][0]),)
    return None


def _hold_size(region: ShotRegion) -> tuple[Keyframe, ...]:
    """Return the keyframes with the size of the first, around their own centres and inside the frame.

    A panel whose crop changes its shape would change its place on the canvas.
    """
    first = region.keyframes[0]
    w, h = min(first.w, 1 - max(first.x, 0)), min(first.h, 1 - max(first.y, 0))

    def move(k: Keyframe) -> Keyframe:
        x, y = k.x + (k.w - w) / 2, k.y + (k.h - h) / 2
        return Keyframe(k.t, min(max(x, 0.0), 1 - w), min(max(y, 0.0), 1 - h), w, h)

    return tuple(move(k) for k in region.keyframes)


def _reshape_region(region: ShotRegion, shape: CropShape) -> Region:
    boxes = [(k.t, reshape_crop(Box(k.x, k.y, k.w, k.h), shape)) for k in region.keyframes]
    return Region(region.subject, tuple(Keyframe(t, box.x, box.y, box.w, box.h) for t, box in boxes))


def _close_gaps(shots: list[LayoutShot]) -> tuple[LayoutShot, ...]:
    """Return the shots, each ending where the next starts. Separately directed parts may differ by a rounding error."""
    result = []
    for k, shot in enumerate(shots):
        end_s = shots[k + 1].start_time if k + 1 < len(shots) else shot.end_time
        result.append(LayoutShot(shot.start_time, end_s, shot.layout, shot.speaker, shot.reason, shot.regions))
    return tuple(result)
