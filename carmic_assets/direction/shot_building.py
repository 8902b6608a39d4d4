"""From a chosen view to a shot of the timeline: layout, regions with keyframes, reason. It chooses nothing."""

from __future__ import annotations

import msgspec

from carmic_assets.direction.canvas import Shape
from carmic_assets.direction.crop_path import Knot, whips
from carmic_assets.direction.crop_sampling import between
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.framing import Cast, Fence, Frame, cast_of, keyframes, zoom
from carmic_assets.direction.reasons import reason
from carmic_assets.direction.scene_context import KEEPS_ALL, Manner, Stage
from carmic_assets.direction.subjects import SourceSpan, middle
from carmic_assets.direction.view_planning import DWELL_S, Stretch
from carmic_assets.direction.views import cast_in, fence_of
from carmic_assets.model.direction import Keyframe, Layout, LayoutShot, Region

SPLIT_FACE = 0.34  # height of a face in its half of a split
CENTRAL = 1.1  # a half is at most so much wider than one with its person exactly in the middle
SPLIT_ALIKE = 1.2  # the larger face of a split over the smaller


def shot_of(
    span: SourceSpan, stretch: Stretch, stage: Stage, manner: Manner, grid: FrameGrid, habits: dict[str, Keyframe]
) -> LayoutShot:
    """The shot for one stretch. `habits` are the crops that stood still last, by what they showed: one that still
    serves is taken again (and the newest kept), so that nobody's picture shifts by a hair from shot to shot."""
    regions: tuple[Region, ...] = ()
    view, start_s, end_s = stretch.view, stretch.start_s, stretch.end_s
    heard = _heard(span, stretch)
    if view.kind == "split":
        layout: Layout = "split"
        pair = _top_first(span, (view.members[0], view.members[1]), manner)
        fences = [fence_of(span, k, pair) for k in pair]
        parts = _half_parts([_required(span, k, span.start_s, span.end_s) for k in pair], stage.halves, fences)
        regions = tuple(
            Region(
                span.subjects[k].name,
                _kept(
                    habits,
                    f"{place} of {span.subjects[k].name}",
                    _required(span, k, start_s, end_s),
                    Frame(half, part, fence, ()),
                    grid,
                    stretch,
                ),
            )
            for place, k, half, part, fence in zip(("top", "bottom"), pair, stage.halves, parts, fences, strict=True)
        )
    elif view.kind == "whole" and (manner.layout == "fit" or stage.kept < KEEPS_ALL):
        layout = "fit"
    else:
        layout = "face-track"
        regions = (_single(span, stretch, stage, heard, grid, habits),)
    speaker = max(heard, key=lambda letter: heard[letter]) if heard else None
    why = reason(span, stretch, heard, manner, stage)
    return LayoutShot(start_s, end_s, layout, speaker, why, regions)


def _heard(span: SourceSpan, stretch: Stretch) -> dict[str, float]:
    """Seconds of speech by speaker in a stretch."""
    heard: dict[str, float] = {}
    for claim in span.claims:
        seconds = min(claim.end_s, stretch.end_s) - max(claim.start_s, stretch.start_s)
        if claim.weight == 1 and claim.speaker and seconds > 0.05:
            heard[claim.speaker] = heard.get(claim.speaker, 0.0) + seconds
    return heard


def _half_parts(casts: list[Cast], halves: tuple[Shape, Shape], fences: list[Fence]) -> list[float]:
    """The parts of the largest crops for a split: a good size of face, within the fences, and faces alike in size."""
    import numpy as np

    parts = []
    for cast, half, fence in zip(casts, halves, fences, strict=True):
        wanted = cast.face / (SPLIT_FACE * half.h)
        widest = 1.5 * float(np.max(cast.x1) - np.min(cast.x0)) / half.w
        place = middle(cast.x0 + cast.x1) / 2
        central = CENTRAL * 2 * min(place - fence.low, fence.high - place) / half.w
        room = min((fence.high - fence.low) / half.w, max(widest, central))
        parts.append(min(1.0, max(half.sharpest, min(room, max(wanted, widest)))))
    shown = [cast.face / (part * half.h) for cast, part, half in zip(casts, parts, halves, strict=True)]
    return [
        max(half.sharpest, part * min(1.0, SPLIT_ALIKE * size / max(shown)))
        for part, size, half in zip(parts, shown, halves, strict=True)
    ]


def _single(
    span: SourceSpan,
    stretch: Stretch,
    stage: Stage,
    heard: dict[str, float],
    grid: FrameGrid,
    habits: dict[str, Keyframe],
) -> Region:
    """The one crop of a face-track shot: around its members, or the middle where there are none."""
    view, shape = stretch.view, stage.single
    members = [span.subjects[k] for k in view.members]
    whole = cast_in(span, view.members) if members else None
    if whole is None:
        return Region(None, (Keyframe(stretch.start_s, (1 - shape.w) / 2, (1 - shape.h) / 2, shape.w, shape.h),))
    cast = cast_of(members, span.times, stretch.start_s, stretch.end_s) or whole
    others = tuple(
        (middle(s.x0), middle(s.x1)) for k, s in enumerate(span.subjects) if k not in view.members and s.visible.any()
    )
    names = [s.name for s in members]
    frame = Frame(shape, zoom(whole, shape), Fence(), others)
    frames = _kept(habits, "+".join(names), cast, frame, grid, stretch)
    return Region(max((n for n in names if n in heard), key=lambda n: heard[n], default=names[0]), frames)


def _kept(
    habits: dict[str, Keyframe], name: str, cast: Cast, frame: Frame, grid: FrameGrid, stretch: Stretch
) -> tuple[Keyframe, ...]:
    """The keyframes of one region; where it stands still, as it stood before if that serves."""
    frames = keyframes(cast, frame, grid, stretch.start_s, stretch.end_s, habits.get(name))
    if len(frames) == 1:
        habits[name] = frames[0]
    return frames


def _required(span: SourceSpan, k: int, start_s: float, end_s: float) -> Cast:
    """A subject of the view in this stretch; where it is lost for all of it, as it is in the rest of the shot."""
    cast = cast_of([span.subjects[k]], span.times, start_s, end_s) or cast_in(span, (k,))
    assert cast is not None  # a view is only made of persons that the shot shows
    return cast


def _top_first(span: SourceSpan, pair: tuple[int, int], manner: Manner) -> tuple[int, int]:
    """The chosen speaker's person first, else the one on the left."""
    import numpy as np

    names = [span.subjects[k].speaker for k in pair]
    if manner.top_speaker in names:
        first = names.index(manner.top_speaker)
    else:
        first = int(np.argmin([middle(span.subjects[k].x0) for k in pair]))
    return pair[first], pair[1 - first]


def without_whips(shot: LayoutShot, grid: FrameGrid) -> list[LayoutShot]:
    """The shot, cut where its crop would move faster than an eye follows; where that would leave a stretch shorter than
    the dwell, the crop of the longer side is held instead."""
    for number, region in enumerate(shot.regions):
        frames = region.keyframes
        fast = whips(tuple(Knot(k.t, k.x) for k in frames), frames[0].w)
        if not fast:
            continue
        before, after = frames[: fast[0]], frames[fast[0] :]
        t = grid.snap((before[-1].t + after[0].t) / 2)
        t = t if t > before[-1].t else after[0].t
        if t - shot.start_time >= DWELL_S and shot.end_time - t >= DWELL_S:
            (first,) = between([_with(shot, number, before)], shot.start_time, t)
            (second,) = between([_with(shot, number, after)], t, shot.end_time)
            second = msgspec.structs.replace(second, reason=f"{second.reason} A fast move: cut, not panned.")
            return [first, *without_whips(second, grid)]
        held = after if t - shot.start_time < shot.end_time - t else before
        return without_whips(_with(shot, number, held), grid)
    return [shot]


def _with(shot: LayoutShot, number: int, frames: tuple[Keyframe, ...]) -> LayoutShot:
    """The shot with other keyframes in one region."""
    regions = list(shot.regions)
    regions[number] = Region(regions[number].subject, frames)
    return msgspec.structs.replace(shot, regions=tuple(regions))
