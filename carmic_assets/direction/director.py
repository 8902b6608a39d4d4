"""The auto-director: contiguous shots with layout, crop and reason, for a whole video or for one clip.

It decides from a `Scene` alone, so the API can call it after a change of the configuration. It never opens media.
"""

from __future__ import annotations

from itertools import combinations

import msgspec

from carmic_assets.direction.canvas import Rect, Shape, crop_shape, region_rects
from carmic_assets.direction.framing import (
    SMALL_FACE,
    UPSCALE_LIMIT,
    Cast,
    Fence,
    cast_of,
    fits,
    keyframes,
    zoom,
)
from carmic_assets.direction.grid import FrameGrid
from carmic_assets.direction.override import overridden
from carmic_assets.direction.plan import LESSER, SPLIT, WALL, WHOLE, Stretch, View, plan
from carmic_assets.direction.reasons import reason
from carmic_assets.direction.subjects import SourceSpan, hard_cuts, middle, source_spans
from carmic_assets.model.direction import Keyframe, Layout, LayoutShot, Region
from carmic_assets.model.scene import Scene
from carmic_assets.model.template import TemplateConfig

DIRECTOR_VERSION = "1"
KEEPS_ALL = 0.85  # a crop that keeps so much of the picture needs nobody to look at
SPLIT_FACE = 0.28  # height of a face in its half of a split
SPLIT_ALIKE = 1.2  # the larger face of a split over the smaller
SPLIT_APART = 0.18  # of the frame's width: nearer faces share one crop or none
SPLIT_SMALLEST = 0.06  # height of a face, of the frame's: smaller ones are blurs when blown up
BOTH_SPEAK_S = 0.5  # each speaks at least so long in a shot that is split
SHARE = 0.5  # of the shot that both are visible


class Manner(msgspec.Struct, frozen=True):
    """How to direct: the part of `TemplateConfig.layout` that matters here."""

    aspect: str = "9:16"
    layout: Layout = "face-track"
    padding: float = 0
    follow_speaker: bool = True
    top_speaker: str = "A"


def direct(scene: Scene, aspect: str) -> tuple[LayoutShot, ...]:
    """Shots for the whole video on the source clock, contiguous from `scene.start_s` to `scene.end_s`."""
    return direct_span(scene, scene.start_s, scene.end_s, Manner(aspect))


def direct_clip(scene: Scene, start_s: float, end_s: float, config: TemplateConfig) -> tuple[LayoutShot, ...]:
    """Shots for one clip on the clip clock, contiguous from 0 to its length, as its configuration wants them.

    `start_s` should lie on the source's frame grid. The client's own `shots` must have passed `override.problem_of`.
    """
    manner = manner_of(config)

    def directed(a: float, b: float, layout: Layout | None) -> tuple[LayoutShot, ...]:
        wanted = msgspec.structs.replace(manner, layout=layout) if layout else manner
        return moved(direct_span(scene, start_s + a, start_s + b, wanted), -start_s)

    length = end_s - start_s
    if not config.shots:
        return directed(0.0, length, None)
    cuts = [cut - start_s for cut in hard_cuts(scene, start_s, end_s, FrameGrid(start_s, scene.rate))]
    return overridden(config.shots, length, cuts, Stage.of(scene, manner).shapes(), directed)


def manner_of(config: TemplateConfig) -> Manner:
    """What the configuration of a clip says about direction."""
    layout = config.layout
    return Manner(
        layout.aspect_ratio, layout.layout_type, layout.padding, layout.ai_speaker_switch, layout.split_top_speaker
    )


def moved(shots: tuple[LayoutShot, ...], by_s: float) -> tuple[LayoutShot, ...]:
    """The same shots on another clock, to the microsecond."""

    def on(t: float) -> float:
        return round(t + by_s, 6) + 0.0

    return tuple(
        LayoutShot(
            on(shot.start_time),
            on(shot.end_time),
            shot.layout,
            shot.speaker,
            shot.reason,
            tuple(
                Region(r.subject, tuple(Keyframe(on(k.t), k.x, k.y, k.w, k.h) for k in r.keyframes))
                for r in shot.regions
            ),
        )
        for shot in shots
    )


def direct_span(scene: Scene, start_s: float, end_s: float, manner: Manner) -> tuple[LayoutShot, ...]:
    """Shots between two times of the source clock; each hard cut between them starts a shot, and a crop knows nothing
    of what lies outside."""
    grid = FrameGrid(start_s, scene.rate)
    stage = Stage.of(scene, manner)
    return tuple(
        _shot(span, stretch, stage, manner, grid)
        for span in source_spans(scene, start_s, end_s, grid)
        for stretch in plan(span, _views(span, stage, manner), span.claims if manner.follow_speaker else (), grid)
    )


class Stage(msgspec.Struct, frozen=True):
    """The crops that the canvas allows: of the whole picture and of either half."""

    single: Shape
    halves: tuple[Shape, Shape]

    @classmethod
    def of(cls, scene: Scene, manner: Manner) -> Stage:
        def shape(rect: Rect) -> Shape:
            return crop_shape(rect, scene.width, scene.height, UPSCALE_LIMIT)

        (single,) = region_rects("face-track", manner.aspect, manner.padding)
        top, bottom = region_rects("split", manner.aspect, manner.padding)
        return cls(shape(single), (shape(top), shape(bottom)))

    def shapes(self) -> dict[Layout, tuple[Shape, ...]]:
        """The shapes of the regions of each layout."""
        return {"face-track": (self.single,), "split": self.halves, "fit": ()}


def _views(span: SourceSpan, stage: Stage, manner: Manner) -> list[View]:
    """Everything that could be shown in this shot, with its price."""
    whole = View("whole", (), WHOLE)
    if manner.layout == "fit":
        return [whole]
    people = range(len(span.subjects))
    shares = _shares(span)
    views = []
    for k in people:
        cast = _cast(span, (k,))
        if cast is not None and fits(cast, stage.single):
            views.append(View("one", (k,), LESSER * (1 - _rank(span, k, shares, manner))))
    groups: list[tuple[int, ...]] = [tuple(people)] if len(people) > 1 else []
    groups += list(combinations(people, 2)) if 2 < len(people) <= 5 else []
    for members in groups:
        cast = _cast(span, members)
        if cast is not None and fits(cast, stage.single):
            views.append(View("group", members, 0.0 if len(members) == len(people) else LESSER / 4))
    if manner.layout == "split":
        whole, *views = (msgspec.structs.replace(view, price=view.price + WALL) for view in (whole, *views))
        views += [View("split", pair, 0.0) for pair in combinations(people, 2) if _can_split(span, pair, stage)]
    elif manner.follow_speaker:
        for pair in combinations(people, 2):
            if min(shares[k] for k in pair) >= BOTH_SPEAK_S and _can_split(span, pair, stage):
                views.append(View("split", pair, SPLIT))
    return [*views, whole]


def _shares(span: SourceSpan) -> list[float]:
    """Seconds of speech of each subject in this shot."""
    shares = [0.0] * len(span.subjects)
    for claim in span.claims:
        if claim.subject is not None and claim.weight == 1:
            shares[claim.subject] += claim.end_s - claim.start_s
    return shares


def _rank(span: SourceSpan, k: int, shares: list[float], manner: Manner) -> float:
    """How much a subject is the main one, 0..1: by speech, then by importance."""
    most = max(shares)
    spoken = shares[k] / most if most > 0 else 0.0
    return 0.5 * spoken + 0.5 * span.subjects[k].importance


def _cast(span: SourceSpan, members: tuple[int, ...]) -> Cast | None:
    return cast_of([span.subjects[k] for k in members], span.times, span.start_s, span.end_s)


def _can_split(span: SourceSpan, pair: tuple[int, int], stage: Stage) -> bool:
    """Both visible for half of the shot, far enough apart, large enough, and neither crop would show the other."""

    a, b = (span.subjects[k] for k in pair)
    both = a.visible & b.visible
    if float(both.mean()) < SHARE or min(a.height, b.height) < SPLIT_SMALLEST:
        return False
    if abs(middle((a.x0 + a.x1 - b.x0 - b.x1)[both])) / 2 < SPLIT_APART:
        return False
    for k, half in zip(pair, stage.halves, strict=True):
        cast, fence = _cast(span, (k,)), _fence(span, k, pair)
        if cast is None or half.sharpest * half.w > fence.high - fence.low + 1e-9 or not fits(cast, half):
            return False
    return True


def _fence(span: SourceSpan, k: int, pair: tuple[int, int]) -> Fence:
    """The room of one person in a split: to halfway between the inner edges of this face and the next on either side.

    Somebody who is not of the pair bounds it too where that leaves room for twice the face.
    """
    import numpy as np

    own = span.subjects[k]
    low, high = 0.0, 1.0
    wide = middle(own.x1 - own.x0)
    for j, other in enumerate(span.subjects):
        both = own.visible & other.visible
        if j == k or not both.any():
            continue
        on_left = middle((other.x0 - own.x0)[both]) < 0
        if on_left:
            line = (float(np.max(other.x1[both])) + float(np.min(own.x0[both]))) / 2
            if j in pair or line < middle(own.x0) - wide / 2:
                low = max(low, line)
        else:
            line = (float(np.min(other.x0[both])) + float(np.max(own.x1[both]))) / 2
            if j in pair or line > middle(own.x1) + wide / 2:
                high = min(high, line)
    return Fence(low, high)


def _half_parts(casts: list[Cast], halves: tuple[Shape, Shape], fences: list[Fence]) -> list[float]:
    """The parts of the largest crops for a split: a good size of face, within the fences, and faces alike in size."""
    import numpy as np

    parts = []
    for cast, half, fence in zip(casts, halves, fences, strict=True):
        wanted = cast.face / (SPLIT_FACE * half.h)
        widest = 1.5 * float(np.max(cast.x1) - np.min(cast.x0)) / half.w
        parts.append(min(1.0, max(half.sharpest, min((fence.high - fence.low) / half.w, max(wanted, widest)))))
    shown = [cast.face / (part * half.h) for cast, part, half in zip(casts, parts, halves, strict=True)]
    return [
        max(half.sharpest, part * min(1.0, SPLIT_ALIKE * size / max(shown)))
        for part, size, half in zip(parts, shown, halves, strict=True)
    ]


def _shot(span: SourceSpan, stretch: Stretch, stage: Stage, manner: Manner, grid: FrameGrid) -> LayoutShot:
    regions: tuple[Region, ...] = ()
    view, start_s, end_s = stretch.view, stretch.start_s, stretch.end_s
    heard = _heard(span, stretch)
    if view.kind == "split":
        layout: Layout = "split"
        pair = _top_first(span, (view.members[0], view.members[1]), manner)
        fences = [_fence(span, k, pair) for k in pair]
        casts = [_required(span, k, start_s, end_s) for k in pair]
        parts = _half_parts(casts, stage.halves, fences)
        regions = tuple(
            Region(span.subjects[k].name, keyframes(cast, half, part, grid, start_s, end_s, fence))
            for k, cast, half, part, fence in zip(pair, casts, stage.halves, parts, fences, strict=True)
        )
    elif view.kind == "whole" and not _keeps_all(stage):
        layout = "fit"
    else:
        layout = "face-track"
        regions = (_single(span, stretch, stage, heard, grid),)
    speaker = max(heard, key=lambda letter: heard[letter]) if heard else None
    why = reason(span, stretch, heard, manner.layout, manner.follow_speaker, _keeps_all(stage))
    return LayoutShot(start_s, end_s, layout, speaker, why, regions)


def _keeps_all(stage: Stage) -> bool:
    return stage.single.w * stage.single.h >= KEEPS_ALL


def _heard(span: SourceSpan, stretch: Stretch) -> dict[str, float]:
    """Seconds of speech by speaker in a stretch."""
    heard: dict[str, float] = {}
    for claim in span.claims:
        seconds = min(claim.end_s, stretch.end_s) - max(claim.start_s, stretch.start_s)
        if claim.weight == 1 and claim.speaker and seconds > 0.05:
            heard[claim.speaker] = heard.get(claim.speaker, 0.0) + seconds
    return heard


def _single(span: SourceSpan, stretch: Stretch, stage: Stage, heard: dict[str, float], grid: FrameGrid) -> Region:
    """The one crop of a face-track shot: around its members, or the middle where there are none."""
    view, shape = stretch.view, stage.single
    members = [span.subjects[k] for k in view.members]
    cast = cast_of(members, span.times, stretch.start_s, stretch.end_s) if members else None
    cast = cast or (cast_of(members, span.times, span.start_s, span.end_s) if members else None)
    if cast is None:
        middle = Keyframe(stretch.start_s, (1 - shape.w) / 2, (1 - shape.h) / 2, shape.w, shape.h)
        return Region(None, (middle,))
    part = zoom(cast, shape, SMALL_FACE)
    frames = keyframes(cast, shape, part, grid, stretch.start_s, stretch.end_s)
    names = [s.name for s in members]
    loudest = max((n for n in names if n in heard), key=lambda n: heard[n], default=names[0])
    return Region(loudest, frames)


def _required(span: SourceSpan, k: int, start_s: float, end_s: float) -> Cast:
    """A subject of the view in this stretch; where it is lost for all of it, as it is in the rest of the shot."""
    cast = cast_of([span.subjects[k]], span.times, start_s, end_s) or _cast(span, (k,))
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
