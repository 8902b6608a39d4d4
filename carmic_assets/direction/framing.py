"""How large a crop is and where it goes for the persons it shows: size, headroom, margins. It picks nobody."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.direction.canvas import Shape
from carmic_assets.direction.crop_path import Knot, Wish, calm_path, reversals, whips
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.subjects import Subject, middle
from carmic_assets.model.direction import Keyframe

if TYPE_CHECKING:
    import numpy as np

EYES_IN_FACE = 0.4  # of a face box, from its top (brow to chin: eyes lie above its middle)
HAIR = 0.22  # of a face box, above it: the room that keeps most of a head in
CHIN = 0.08  # ... and below it
EYE_LINE = 1 / 3  # of the crop, from its top
LOWEST_EYES = 0.45  # lower than this a zoom brings them up
SMALL_FACE = 0.13  # height of a face in its crop below which a zoom helps
WIDEST_FACE = 0.42  # of the crop's width: a zoom leaves room for hair and shoulders
MARGIN = 0.12  # of a face's width: the least room beside it
ZOOM_STEP = 0.05  # sizes come in steps, so that a person is as large in the next shot of the same place
HABIT = 0.06  # of the crop: a new place nearer than this to the last one is the last one
SIDESTEP = 0.12  # of the crop: how far a still crop moves so as not to cut through somebody else's face
TURNING = 0.2  # changes of direction per second from which a crop is called restless
ZOOM_LEAST = 0.6  # of the largest crop: tighter is another shot, not a reframe


class Cast(msgspec.Struct, frozen=True):
    """Everybody one crop shows, joined: arrays on `times`, fractions of the frame."""

    times: np.ndarray
    x0: np.ndarray
    y0: np.ndarray
    x1: np.ndarray
    y1: np.ndarray
    face: float  # median height of the smallest face
    side: float  # the margin beside a face, of the frame's width
    above: tuple[float, float]  # the margins above and below one, of the frame's height


class Fence(msgspec.Struct, frozen=True):
    """What a crop must not cross along x: the half of the other person in a split."""

    low: float = 0.0
    high: float = 1.0


class Frame(msgspec.Struct, frozen=True):
    """What a crop keeps to: its proportion, its size (a part of the largest), its fence, faces not to cut through."""

    shape: Shape
    part: float
    fence: Fence
    others: tuple[tuple[float, float], ...]  # left and right edges


def cast_of(subjects: list[Subject], times: np.ndarray, start_s: float, end_s: float) -> Cast | None:
    """The box around all `subjects` at the grid times in a stretch where any is visible; None where nobody ever is."""
    import numpy as np

    step = times[1] - times[0] if len(times) > 1 else 1.0
    seen = (times > start_s - step) & (times < end_s) & _anybody(subjects)
    if not seen.any():
        return None
    if len(subjects) == 1:
        x0, y0, x1, y1 = (edge[seen] for edge in (subjects[0].x0, subjects[0].y0, subjects[0].x1, subjects[0].y1))
    else:
        x0, y0 = (
            np.minimum.reduce([np.where(s.visible, edge(s), np.inf)[seen] for s in subjects])
            for edge in (attrgetter("x0"), attrgetter("y0"))
        )
        x1, y1 = (
            np.maximum.reduce([np.where(s.visible, edge(s), -np.inf)[seen] for s in subjects])
            for edge in (attrgetter("x1"), attrgetter("y1"))
        )
    side = MARGIN * max(s.width for s in subjects)
    tallest = max(s.height for s in subjects)
    above = (HAIR * tallest, CHIN * tallest)
    moments = np.maximum(times[seen], start_s)
    return Cast(moments, x0, y0, x1, y1, min(s.height for s in subjects), side, above)


def _anybody(subjects: list[Subject]) -> np.ndarray:
    """Where any of them is visible."""
    visible = subjects[0].visible
    for subject in subjects[1:]:
        visible = visible | subject.visible
    return visible


def fits(cast: Cast, shape: Shape) -> bool:
    """Whether the largest crop holds the cast nearly all the time, with a little room."""
    import numpy as np

    wide, tall = cast.x1 - cast.x0 + cast.side, cast.y1 - cast.y0 + cast.above[1]
    return bool(np.mean((wide <= shape.w) & (tall <= shape.h)) >= 0.95)


def restless(cast: Cast, shape: Shape) -> bool:
    """Whether the largest crop would have to turn to and fro all the time to keep the cast."""
    wish = _along(cast.times, (cast.x0 + cast.x1) / 2, cast.x0, cast.x1, (cast.side, cast.side), shape.w, Fence())
    path = calm_path(wish)
    seconds = float(cast.times[-1] - cast.times[0])
    turned = reversals(path) + len(whips(path, shape.w))
    return turned > max(2.0, TURNING * seconds)


def zoom(cast: Cast, shape: Shape) -> float:
    """The part (0..1) of the largest crop to use: smaller only for faces that are small or low in the picture."""
    import numpy as np

    wanted = 1.0
    if cast.face < SMALL_FACE * shape.h:
        wanted = max(ZOOM_LEAST, cast.face / (SMALL_FACE * 1.15 * shape.h))
    eyes = middle(cast.y0) + EYES_IN_FACE * cast.face
    if shape.h > 0.999 and eyes > LOWEST_EYES:
        wanted = min(wanted, max(ZOOM_LEAST, (1 - eyes) / (1 - LOWEST_EYES)))
    across = float(np.ptp(cast.x0 + cast.x1)) / 2
    needed = max(
        middle(cast.x1 - cast.x0, 0.95) / (WIDEST_FACE * shape.w),
        (middle(cast.y1 - cast.y0, 0.95) + 1.2 * cast.face) / shape.h,
        min(1.0, across / (0.2 * shape.w)),  # not at the price of a camera that has to move
    )
    steps = max(round(wanted / ZOOM_STEP), math.ceil(max(needed, shape.sharpest) / ZOOM_STEP - 1e-6))
    return min(1.0, steps * ZOOM_STEP)


def keyframes(
    cast: Cast, frame: Frame, grid: FrameGrid, start_s: float, end_s: float, habit: Keyframe | None = None
) -> tuple[Keyframe, ...]:
    """The crop following the cast: one keyframe if it can stay still, at `habit`'s place if that serves as well."""
    w, h = frame.shape.w * frame.part, frame.shape.h * frame.part
    wish_x = _along(cast.times, (cast.x0 + cast.x1) / 2, cast.x0, cast.x1, (cast.side, cast.side), w, frame.fence)
    ideal = cast.y0 + EYES_IN_FACE * cast.face + (0.5 - EYE_LINE) * h
    wish_y = _along(cast.times, ideal, cast.y0, cast.y1, cast.above, h, Fence())
    across, down = calm_path(wish_x), calm_path(wish_y)
    if len(across) == 1:
        across = (Knot(across[0].t, _beside(across[0].at, wish_x, frame.others)),)
    if habit is not None and len(across) == len(down) == 1 and abs(habit.w - w) < 1e-9:
        x, y = habit.x + w / 2, habit.y + h / 2
        near = abs(x - across[0].at) <= HABIT * w and abs(y - down[0].at) <= HABIT * h
        if near and _allowed(x, wish_x) and _allowed(y, wish_y):
            across, down = (Knot(across[0].t, x),), (Knot(down[0].t, y),)
    return _joined(across, down, w, h, grid, start_s, end_s)


def _allowed(at: float, wish: Wish) -> bool:
    return bool(wish.low.max() - 1e-9 <= at <= wish.high.min() + 1e-9)


def _beside(at: float, wish: Wish, others: tuple[tuple[float, float], ...]) -> float:
    """A place near `at` whose edges cut through as few other faces as can be."""
    half = wish.size / 2
    places = [at]
    for x0, x1 in others:
        for edge in (at - half, at + half):
            if x0 < edge < x1:
                places += [at + x0 - edge - 0.005, at + x1 - edge + 0.005]
    fit = [p for p in places if p == at or (abs(p - at) <= SIDESTEP * wish.size and _allowed(p, wish))]
    return min(fit, key=lambda p: (sum(x0 < e < x1 for x0, x1 in others for e in (p - half, p + half)), abs(p - at)))


def _along(
    times: np.ndarray,
    best: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    margins: tuple[float, float],
    size: float,
    fence: Fence,
) -> Wish:
    """The wish along one axis: `low`..`high` of the persons, and `margins` about them, inside a crop of `size`.

    Margins that do not fit shrink to three quarters of what room there is: the crop need not follow each breath;
    where the persons themselves do not fit, they stick out equally, give or take a twentieth of the crop.
    """
    import numpy as np

    first, last = fence.low + size / 2, fence.high - size / 2
    if first > last:
        first = last = min(max((first + last) / 2, size / 2), 1 - size / 2)
    room = size - (high - low)
    share = np.minimum(1, 0.75 * room / sum(margins))
    least, most = high + share * margins[1] - size / 2, low - share * margins[0] + size / 2
    larger = room <= 0
    centre = (low + high) / 2
    least, most = np.where(larger, centre - 0.05 * size, least), np.where(larger, centre + 0.05 * size, most)
    least, most = np.clip(least, first, last), np.clip(most, first, last)
    return Wish(times, np.clip(np.clip(best, first, last), least, most), least, most, size)


def _joined(
    across: tuple[Knot, ...], down: tuple[Knot, ...], w: float, h: float, grid: FrameGrid, start_s: float, end_s: float
) -> tuple[Keyframe, ...]:
    """Keyframes of both axes on the frame grid, without those that change nothing."""
    import numpy as np

    moving = len(across) > 1 or len(down) > 1
    times = sorted({k.t for k in (*across, *down)}) if moving else [start_s]
    moments = sorted({min(max(grid.snap(t), start_s), end_s) for t in times})
    x = np.interp(moments, [k.t for k in across], [k.at for k in across]) - w / 2
    y = np.interp(moments, [k.t for k in down], [k.at for k in down]) - h / 2
    x, y = np.clip(x, 0, 1 - w), np.clip(y, 0, 1 - h)
    frames = [Keyframe(t, float(a), float(b), w, h) for t, a, b in zip(moments, x, y, strict=True)]
    return _sparse(frames)


def _sparse(frames: list[Keyframe]) -> tuple[Keyframe, ...]:
    """Leave out keyframes that repeat the place before them or lie on the line between their neighbours."""
    still = next((k for k, frame in enumerate(frames) if not _same_place(frame, frames[0])), len(frames))
    frames = frames[still - 1 :]  # before the first keyframe the crop is held anyway
    kept = frames[:1]
    for k, frame in enumerate(frames[1:], 1):
        follower = frames[k + 1] if k + 1 < len(frames) else None
        a = kept[-1]
        if follower is None:
            if not _same_place(frame, a):
                kept.append(frame)
            continue
        part = (frame.t - a.t) / (follower.t - a.t)
        on_line = (a.x + (follower.x - a.x) * part, a.y + (follower.y - a.y) * part)
        if abs(on_line[0] - frame.x) > 1e-6 or abs(on_line[1] - frame.y) > 1e-6:
            kept.append(frame)
    return tuple(kept)


def _same_place(a: Keyframe, b: Keyframe) -> bool:
    return abs(a.x - b.x) <= 1e-6 and abs(a.y - b.y) <= 1e-6
