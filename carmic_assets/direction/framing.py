"""Frames one set of subjects: computes the size of their crop, headroom, margins and path.

`view_planning` decides which subjects are shown.
"""

from __future__ import annotations

import math
from operator import attrgetter

import msgspec
import numpy as np

from carmic_assets.direction.canvas import CropShape
from carmic_assets.direction.crop_path import (
    AxisKeyframe,
    AxisTarget,
    count_reversals,
    find_whip_pans,
    plan_axis_path,
)
from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.order_statistics import median, quantile
from carmic_assets.direction.subjects import Subject
from carmic_assets.model.direction import Keyframe

# Fractions of the height of a face box, which extends from brow to chin.
EYES_IN_FACE = 0.4  # distance of the eyes from the top of the box
HEADROOM = 0.22  # free space above the box, for most of the forehead and hair
CHIN_ROOM = 0.08  # free space below the box
SIDE_MARGIN = 0.12  # free space on either side of the box, as a fraction of its width

# Fractions of the crop.
EYE_LINE = 1 / 3  # desired distance of the eyes from the top, the rule of thirds
SMALL_FACE = 0.13  # a face lower than this is enlarged by a zoom
WIDEST_FACE = 0.42  # a zoom makes a face no wider than this, to leave room for hair and shoulders
REUSE_DISTANCE = 0.06  # a still crop closer than this to the previous one of the same subjects reuses its position
MAX_SIDESTEP = 0.12  # a still crop moves at most this far to avoid cutting through another face

LOWEST_EYES = 0.45  # fraction of the frame's height; eyes further down are raised by a zoom
ZOOM_STEP = 0.05  # zooms are quantised, so that a person has the same size in later shots of the same set-up
MIN_ZOOM = 0.6  # smallest crop, relative to the largest one; a tighter one would change the shot size
RESTLESS_REVERSALS_PER_S = 0.2  # a crop that changes direction more often is restless
FIT_QUANTILE = 0.95  # fraction of the time in which the subjects must fit into the crop


class SubjectSet(msgspec.Struct, frozen=True):
    """The box around all subjects of one crop: arrays of the length of `times`, in fractions of the frame."""

    times: np.ndarray
    x0: np.ndarray
    y0: np.ndarray
    x1: np.ndarray
    y1: np.ndarray
    face_height: float  # median height of the smallest face
    side_margin: float  # free space on either side, as a fraction of the frame's width
    vertical_margins: tuple[float, float]  # free space above and below, as fractions of the frame's height


class CropBounds(msgspec.Struct, frozen=True):
    """The range of x that a crop may cover."""

    low: float = 0.0
    high: float = 1.0


class CropConstraints(msgspec.Struct, frozen=True):
    """Constraints of the crops of one region: aspect ratio, size, bounds, and faces that no edge should cut through."""

    shape: CropShape
    scale: float  # size relative to the largest crop, 0..1
    bounds: CropBounds = CropBounds()
    avoided_faces: tuple[tuple[float, float], ...] = ()  # left and right edge of each face


def join_subjects(subjects: list[Subject], times: np.ndarray, start_s: float, end_s: float) -> SubjectSet | None:
    """Return the box around `subjects` at the times between `start_s` and `end_s` at which any of them is visible.

    The result is None if none is ever visible.
    """
    step_s = times[1] - times[0] if len(times) > 1 else 1.0
    any_visible = np.any([subject.visible for subject in subjects], axis=0)
    selected = (times > start_s - step_s) & (times < end_s) & any_visible
    if not selected.any():
        return None
    if len(subjects) == 1:
        x0, y0, x1, y1 = (edge[selected] for edge in (subjects[0].x0, subjects[0].y0, subjects[0].x1, subjects[0].y1))
    else:
        x0, y0 = (
            np.minimum.reduce([np.where(s.visible, edge(s), np.inf)[selected] for s in subjects])
            for edge in (attrgetter("x0"), attrgetter("y0"))
        )
        x1, y1 = (
            np.maximum.reduce([np.where(s.visible, edge(s), -np.inf)[selected] for s in subjects])
            for edge in (attrgetter("x1"), attrgetter("y1"))
        )
    tallest = max(s.height for s in subjects)
    return SubjectSet(
        times=np.maximum(times[selected], start_s),
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        face_height=min(s.height for s in subjects),
        side_margin=SIDE_MARGIN * max(s.width for s in subjects),
        vertical_margins=(HEADROOM * tallest, CHIN_ROOM * tallest),
    )


def fits_crop(subject_set: SubjectSet, shape: CropShape) -> bool:
    """Return whether the largest crop holds the subjects with a small margin, for `FIT_QUANTILE` of the time."""
    width = subject_set.x1 - subject_set.x0 + subject_set.side_margin
    height = subject_set.y1 - subject_set.y0 + subject_set.vertical_margins[1]
    return bool(np.mean((width <= shape.w) & (height <= shape.h)) >= FIT_QUANTILE)


def is_restless(subject_set: SubjectSet, shape: CropShape) -> bool:
    """Return whether the largest crop would change direction too often while it follows the subjects."""
    path = plan_axis_path(_build_horizontal_target(subject_set, shape.w, CropBounds()))
    duration_s = float(subject_set.times[-1] - subject_set.times[0])
    reversals = count_reversals(path) + len(find_whip_pans(path, shape.w))
    return reversals > max(2.0, RESTLESS_REVERSALS_PER_S * duration_s)


def choose_zoom(subject_set: SubjectSet, shape: CropShape) -> float:
    """Return the size of the crop relative to the largest; below 1 only if faces are small or low in the frame."""
    desired = 1.0
    if subject_set.face_height < SMALL_FACE * shape.h:
        # The zoom makes the face 15 % larger than the smallest accepted size.
        desired = max(MIN_ZOOM, subject_set.face_height / (SMALL_FACE * 1.15 * shape.h))
    eyes_y = median(subject_set.y0) + EYES_IN_FACE * subject_set.face_height
    if shape.h > 0.999 and eyes_y > LOWEST_EYES:
        desired = min(desired, max(MIN_ZOOM, (1 - eyes_y) / (1 - LOWEST_EYES)))
    travel = float(np.ptp(subject_set.x0 + subject_set.x1)) / 2
    required = max(
        quantile(subject_set.x1 - subject_set.x0, FIT_QUANTILE) / (WIDEST_FACE * shape.w),
        (quantile(subject_set.y1 - subject_set.y0, FIT_QUANTILE) + 1.2 * subject_set.face_height) / shape.h,
        min(1.0, travel / (0.2 * shape.w)),  # a smaller crop would have to move
    )
    steps = max(round(desired / ZOOM_STEP), math.ceil(max(required, shape.min_scale) / ZOOM_STEP - 1e-6))
    return min(1.0, steps * ZOOM_STEP)


def build_keyframes(
    subject_set: SubjectSet,
    constraints: CropConstraints,
    grid: FrameGrid,
    start_s: float,
    end_s: float,
    previous: Keyframe | None = None,
) -> tuple[Keyframe, ...]:
    """Return the crop that follows the subjects, as keyframes on the frame grid; one keyframe if the crop is still.

    `previous` is the last still crop of the same subjects. A still crop within `REUSE_DISTANCE` of it reuses its
    position.
    """
    w, h = constraints.shape.w * constraints.scale, constraints.shape.h * constraints.scale
    target_x = _build_horizontal_target(subject_set, w, constraints.bounds)
    target_y = _build_vertical_target(subject_set, h)
    path_x, path_y = plan_axis_path(target_x), plan_axis_path(target_y)
    if len(path_x) == 1:
        path_x = (AxisKeyframe(path_x[0].t, _avoid_faces(path_x[0].position, target_x, constraints.avoided_faces)),)
    if previous is not None and len(path_x) == len(path_y) == 1 and abs(previous.w - w) < 1e-9:
        x, y = previous.x + w / 2, previous.y + h / 2
        is_near = (
            abs(x - path_x[0].position) <= REUSE_DISTANCE * w and abs(y - path_y[0].position) <= REUSE_DISTANCE * h
        )
        if is_near and _is_allowed(x, target_x) and _is_allowed(y, target_y):
            path_x, path_y = (AxisKeyframe(path_x[0].t, x),), (AxisKeyframe(path_y[0].t, y),)
    is_moving = len(path_x) > 1 or len(path_y) > 1
    times = [k.t for k in (*path_x, *path_y)] if is_moving else [start_s]
    times = sorted({min(max(grid.snap(t), start_s), end_s) for t in times})
    return _drop_redundant(_combine_axes(path_x, path_y, times, w, h))


def _is_allowed(position: float, target: AxisTarget) -> bool:
    return bool(target.low.max() - 1e-9 <= position <= target.high.min() + 1e-9)


def _avoid_faces(position: float, target: AxisTarget, faces: tuple[tuple[float, float], ...]) -> float:
    """Return a position near `position` at which the crop's edges cut through as few `faces` as possible."""
    half = target.crop_size / 2
    candidates = [position]
    for x0, x1 in faces:
        for edge in (position - half, position + half):
            if x0 < edge < x1:
                candidates += [position + x0 - edge - 0.005, position + x1 - edge + 0.005]
    allowed = [
        p
        for p in candidates
        if p == position or (abs(p - position) <= MAX_SIDESTEP * target.crop_size and _is_allowed(p, target))
    ]

    def count_cut_faces(p: float) -> int:
        return sum(x0 < edge < x1 for x0, x1 in faces for edge in (p - half, p + half))

    return min(allowed, key=lambda p: (count_cut_faces(p), abs(p - position)))


def _build_horizontal_target(subject_set: SubjectSet, w: float, bounds: CropBounds) -> AxisTarget:
    centre = (subject_set.x0 + subject_set.x1) / 2
    margins = (subject_set.side_margin, subject_set.side_margin)
    return _build_target(subject_set.times, centre, (subject_set.x0, subject_set.x1), margins, w, bounds)


def _build_vertical_target(subject_set: SubjectSet, h: float) -> AxisTarget:
    ideal = subject_set.y0 + EYES_IN_FACE * subject_set.face_height + (0.5 - EYE_LINE) * h
    edges = (subject_set.y0, subject_set.y1)
    return _build_target(subject_set.times, ideal, edges, subject_set.vertical_margins, h, CropBounds())


def _build_target(
    times: np.ndarray,
    ideal: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray],
    margins: tuple[float, float],
    crop_size: float,
    bounds: CropBounds,
) -> AxisTarget:
    """Return the ideal and the allowed centres of a crop that contains the subjects with margins, inside `bounds`.

    `edges` are the near (left or top) and the far edge of the subjects; `margins` are those before and after them.
    Margins that do not fit shrink to three quarters of the free space, so that the crop need not follow every small
    movement. Subjects larger than the crop stick out on both sides, equally to within 5 % of the crop.
    """
    first, last = bounds.low + crop_size / 2, bounds.high - crop_size / 2
    if first > last:
        first = last = min(max((first + last) / 2, crop_size / 2), 1 - crop_size / 2)
    near, far = edges
    free = crop_size - (far - near)
    # Margins use at most three quarters of the free space; see the docstring.
    margin_scale = np.minimum(1, 0.75 * free / sum(margins))
    low, high = far + margin_scale * margins[1] - crop_size / 2, near - margin_scale * margins[0] + crop_size / 2
    is_larger = free <= 0
    centre = (near + far) / 2
    low = np.where(is_larger, centre - 0.05 * crop_size, low)
    high = np.where(is_larger, centre + 0.05 * crop_size, high)
    low, high = np.clip(low, first, last), np.clip(high, first, last)
    return AxisTarget(times, np.clip(np.clip(ideal, first, last), low, high), low, high, crop_size)


def _combine_axes(
    path_x: tuple[AxisKeyframe, ...], path_y: tuple[AxisKeyframe, ...], times: list[float], w: float, h: float
) -> list[Keyframe]:
    """Return crops at `times` from the paths of their centre along both axes, clamped to the frame."""
    x = np.interp(times, [k.t for k in path_x], [k.position for k in path_x]) - w / 2
    y = np.interp(times, [k.t for k in path_y], [k.position for k in path_y]) - h / 2
    x, y = np.clip(x, 0, 1 - w), np.clip(y, 0, 1 - h)
    return [Keyframe(t, float(a), float(b), w, h) for t, a, b in zip(times, x, y, strict=True)]


def _drop_redundant(keyframes: list[Keyframe]) -> tuple[Keyframe, ...]:
    """Return the keyframes without those that repeat the previous one or lie on the line between their neighbours."""
    still_count = next(
        (k for k, keyframe in enumerate(keyframes) if not _is_same_place(keyframe, keyframes[0])), len(keyframes)
    )
    keyframes = keyframes[still_count - 1 :]  # the crop is held before its first keyframe
    result = keyframes[:1]
    for k, keyframe in enumerate(keyframes[1:], 1):
        following = keyframes[k + 1] if k + 1 < len(keyframes) else None
        previous = result[-1]
        if following is None:
            if not _is_same_place(keyframe, previous):
                result.append(keyframe)
            continue
        fraction = (keyframe.t - previous.t) / (following.t - previous.t)
        x = previous.x + (following.x - previous.x) * fraction
        y = previous.y + (following.y - previous.y) * fraction
        if abs(x - keyframe.x) > 1e-6 or abs(y - keyframe.y) > 1e-6:
            result.append(keyframe)
    return tuple(result)


def _is_same_place(a: Keyframe, b: Keyframe) -> bool:
    return abs(a.x - b.x) <= 1e-6 and abs(a.y - b.y) <= 1e-6
