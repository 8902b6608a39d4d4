"""What could be shown in one shot of the source, and what each view costs. `plan` chooses among them."""

from __future__ import annotations

from itertools import combinations

import msgspec

from carmic_assets.direction.framing import Cast, Fence, cast_of, fits, restless
from carmic_assets.direction.scene_context import SAME, Manner, Stage
from carmic_assets.direction.subjects import SourceSpan, middle
from carmic_assets.direction.view_planning import LESSER, SPLIT, WALL, WHOLE, View

SPLIT_APART = 0.18  # of the frame's width: nearer faces share one crop or none
SPLIT_SMALLEST = 0.06  # height of a face, of the frame's: smaller ones are blurs when blown up
BOTH_SPEAK_S = 0.5  # each speaks at least so long in a shot that is split
SHARE = 0.5  # of the shot: those shown together are in view together for so much of it
RESTLESS = 1.0  # per second of a crop that would have to turn to and fro


def views_of(span: SourceSpan, stage: Stage, manner: Manner) -> list[View]:
    """Everything that could be shown in this shot, with its price."""
    import numpy as np

    if manner.layout == "fit" or (manner.layout == "face-track" and stage.kept >= SAME):
        return [View("whole", (), 0.0)]
    whole = View("whole", (), WHOLE)
    people = range(len(span.subjects))
    speech = _speech(span)
    views = []
    for k in people:
        cast = cast_in(span, (k,))
        if cast is not None and fits(cast, stage.single):
            price = LESSER * (1 - _rank(span, k, speech))
            views.append(View("one", (k,), price + RESTLESS * restless(cast, stage.single)))
    groups: list[tuple[int, ...]] = [tuple(people)] if len(people) > 1 else []
    groups += list(combinations(people, 2)) if 2 < len(people) <= 5 else []
    for members in groups:
        together = np.all([span.subjects[k].visible for k in members], axis=0)
        if float(together.mean()) < SHARE:
            continue
        cast = cast_in(span, members)
        if cast is not None and fits(cast, stage.single) and not restless(cast, stage.single):
            views.append(View("group", members, 0.0 if len(members) == len(people) else LESSER / 4))
    if manner.layout == "split":
        whole, *views = (msgspec.structs.replace(view, price=view.price + WALL) for view in (whole, *views))
        views += [View("split", pair, 0.0) for pair in combinations(people, 2) if _can_split(span, pair, stage)]
    elif manner.follow_speaker:
        for pair in combinations(people, 2):
            if min(speech[k] for k in pair) >= BOTH_SPEAK_S and _can_split(span, pair, stage):
                views.append(View("split", pair, SPLIT))
    return [*views, whole]


def _speech(span: SourceSpan) -> list[float]:
    """Seconds of speech of each subject in this shot."""
    speech = [0.0] * len(span.subjects)
    for claim in span.claims:
        if claim.subject is not None and claim.weight == 1:
            speech[claim.subject] += claim.end_s - claim.start_s
    return speech


def _rank(span: SourceSpan, k: int, speech: list[float]) -> float:
    """How much a subject is the main one, 0..1: by speech, then by importance."""
    most = max(speech)
    spoken = speech[k] / most if most > 0 else 0.0
    return 0.5 * spoken + 0.5 * span.subjects[k].importance


def cast_in(span: SourceSpan, members: tuple[int, ...]) -> Cast | None:
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
        cast, fence = cast_in(span, (k,)), fence_of(span, k, pair)
        if cast is None or half.sharpest * half.w > fence.high - fence.low + 1e-9 or not fits(cast, half):
            return False
    return True


def fence_of(span: SourceSpan, k: int, pair: tuple[int, int]) -> Fence:
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
