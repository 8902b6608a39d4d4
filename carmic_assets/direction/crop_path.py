"""Plans the calmest path of a crop's centre along one axis: still if possible, or else a few straight moves.

The input is the ideal centre and its limits on a grid of times. The output is a few keyframes. All future positions are
known, so the positions need no causal filter and no prediction. A rest is a part of the path that stands still; a stay
is a time range that one position serves, whether or not the crop rests in it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from carmic_assets.direction.order_statistics import median

# Lengths are fractions of the crop's size along the axis. Of several durations the longest is used with which the
# subject stays in the crop.
DEAD_BAND = 0.25  # range within which a subject moves without the crop moving
MAX_OFFSET = 0.34  # largest distance of a subject from the centre of a still crop
MIN_REST_S = 1.5  # a shorter stay is part of a move
# A subject that drifts further from the first to the last third of a stay is travelling. Fraction of the dead band.
MAX_REST_DRIFT = 0.4
LINE_TOLERANCE = 0.04  # keyframes of a move closer than this to the line between their neighbours are dropped
EASE_DURATIONS_S = (0.4, 0.25, 0.15)  # half the duration of a rounded corner
MOVE_DURATIONS_S = (1.2, 0.9, 0.7, 0.5, 0.3, 0.2)  # duration of a move between two rests
MIN_TRAVEL = 0.06  # a path that stays within this range is replaced by one that stands still
# A move that is faster than WHIP_SPEED (crops per second) and longer than MIN_WHIP_TRAVEL is a whip pan.
WHIP_SPEED, MIN_WHIP_TRAVEL = 1.5, 0.15
MAX_REVERSALS_PER_S = 0.1  # with more changes of direction a wider dead band is tried
MIN_CENTRAL_RATIO = 0.8  # fraction of the time in which a still crop must hold the subject within the dead band
DEAD_BAND_FACTORS = (1.0, 1.5, 2.0, 3.0)  # dead bands that are tried in order, relative to DEAD_BAND
MAX_REPAIRS = 40  # most keyframes that are added to keep the path within its limits


class AxisKeyframe(msgspec.Struct, frozen=True):
    """The position (fraction of the frame) of a crop's centre along one axis at time `t`."""

    t: float
    position: float


class AxisTarget(msgspec.Struct, frozen=True):
    """The positions that a path should take along one axis: arrays of equal length, in fractions of the frame."""

    times: np.ndarray  # seconds
    ideal: np.ndarray  # best position of the crop's centre
    low: np.ndarray  # smallest allowed position of the centre
    high: np.ndarray  # largest allowed position of the centre, at least `low`
    crop_size: float


def plan_axis_path(target: AxisTarget) -> tuple[AxisKeyframe, ...]:
    """Return the keyframes of the path; one if it stands still.

    Positions are linear between keyframes, and constant before the first and after the last.
    """
    still = _find_still_position(target, 0, len(target.times))
    if still is not None:
        return (AxisKeyframe(float(target.times[0]), still),)
    duration_s = max(float(target.times[-1] - target.times[0]), 1.0)
    best_path: tuple[AxisKeyframe, ...] = ()
    fewest_reversals = np.inf
    for band in (factor * DEAD_BAND for factor in DEAD_BAND_FACTORS):
        path = _ease_corners(_enforce_limits(_join_rests(target, band * target.crop_size), target), target)
        reversals = count_reversals(path)
        if reversals < fewest_reversals:
            best_path, fewest_reversals = path, reversals
        if reversals <= MAX_REVERSALS_PER_S * duration_s:
            break
    positions = [keyframe.position for keyframe in best_path]
    if max(positions) - min(positions) <= MIN_TRAVEL * target.crop_size:
        return (AxisKeyframe(float(target.times[0]), (max(positions) + min(positions)) / 2),)
    return best_path


def find_whip_pans(path: tuple[AxisKeyframe, ...], crop_size: float) -> list[int]:
    """Return the indices of keyframes that the path reaches by a whip pan, a move too fast for viewers to follow."""
    indices: list[int] = []
    for k, (a, b) in enumerate(pairwise(path), 1):
        travel = abs(b.position - a.position)
        if travel > MIN_WHIP_TRAVEL * crop_size and travel > WHIP_SPEED * crop_size * (b.t - a.t):
            indices.append(k)
    return indices


def count_reversals(path: tuple[AxisKeyframe, ...]) -> int:
    """Count the changes of direction."""
    steps = [b.position - a.position for a, b in pairwise(path) if abs(b.position - a.position) > 1e-9]
    return sum(a * b < 0 for a, b in pairwise(steps))


def _find_still_position(target: AxisTarget, i: int, j: int) -> float | None:
    """Return one position for all times in `[i, j)` that is allowed and keeps the subject mostly central, or None."""
    low, high, ideal = target.low[i:j], target.high[i:j], target.ideal[i:j]
    if low.max() > high.min() + 1e-9:
        return None
    position = float(np.clip(median(ideal), low.max(), max(low.max(), high.min())))
    offset = np.abs(ideal - position)
    is_calm = (
        offset.max() <= MAX_OFFSET * target.crop_size
        and np.mean(offset <= DEAD_BAND / 2 * target.crop_size + 1e-9) >= MIN_CENTRAL_RATIO
    )
    return position if is_calm else None


class _Stay(NamedTuple):
    """A range of times that one position serves: the indices `first` to `last`.

    `last` is the `first` of the next stay, or the last index of all.
    """

    first: int
    last: int
    position: float


def _join_rests(target: AxisTarget, band: float) -> tuple[AxisKeyframe, ...]:
    """Return a path of rests and the moves between them.

    A stay that is too short, or in which the subject travels, is no rest: only its middle becomes a keyframe of a move.
    """
    stays = _find_stays(target, band)
    tolerance = LINE_TOLERANCE * target.crop_size
    path: list[AxisKeyframe] = []
    move: list[AxisKeyframe] = []  # keyframes since the last rest
    for k, (i, j, position) in enumerate(stays):
        is_first, is_last = k == 0, k == len(stays) - 1
        start, end = float(target.times[i]), float(target.times[j])
        if end - start >= MIN_REST_S and abs(_measure_drift(target.ideal[i : j + 1])) <= MAX_REST_DRIFT * band:
            if not is_first:
                start = _find_arrival(target, range(i, j), position, band / 4)
            if not is_last:
                end = max(start, _find_arrival(target, range(j - 1, i, -1), position, band / 4))
            arrival, departure = AxisKeyframe(start, position), AxisKeyframe(end, position)
            path += _simplify([*move, arrival], tolerance) if move else [arrival]
            path.append(departure)
            move = [departure]
            continue
        if is_first:
            move.append(AxisKeyframe(start, _compute_mean_ideal(target, i, i + 2)))
        move.append(AxisKeyframe((start + end) / 2, position))
        if is_last:
            move.append(AxisKeyframe(end, _compute_mean_ideal(target, j - 1, j + 1)))
    if len(move) > 1 or not path:
        path = [*path[:-1], *_simplify(move, tolerance)]
    return _insert_moves(_drop_repeats(path), target)


def _find_stays(target: AxisTarget, band: float) -> list[_Stay]:
    """Partition the times greedily into the longest ranges in which the ideal position varies by at most `band`.

    One position must also be allowed throughout the range.
    """
    stays, i, n = [], 0, len(target.times)
    while i < n:
        low, high = target.low[i], target.high[i]
        least = most = target.ideal[i]
        j = i + 1
        while j < n:
            low_j, high_j = max(low, target.low[j]), min(high, target.high[j])
            least_j, most_j = min(least, target.ideal[j]), max(most, target.ideal[j])
            if low_j > high_j or most_j - least_j > band:
                break
            low, high, least, most, j = low_j, high_j, least_j, most_j, j + 1
        position = float(np.clip(median(target.ideal[i:j]), low, max(low, high)))
        stays.append(_Stay(i, min(j, n - 1), position))
        i = j
    return stays


def _measure_drift(positions: np.ndarray) -> float:
    """Return the signed distance from the median of the first third to the median of the last third."""
    third = max(1, len(positions) // 3)
    return median(positions[-third:]) - median(positions[:third])


def _find_arrival(target: AxisTarget, indices: range, position: float, tolerance: float) -> float:
    """Return the first time in the order of `indices` at which the subject is within `tolerance` of `position`."""
    return float(
        next(
            (target.times[k] for k in indices if abs(target.ideal[k] - position) <= tolerance), target.times[indices[0]]
        )
    )


def _compute_mean_ideal(target: AxisTarget, i: int, j: int) -> float:
    return float(target.ideal[max(i, 0) : j].mean())


def _simplify(path: list[AxisKeyframe], tolerance: float) -> list[AxisKeyframe]:
    """Return the path without keyframes within `tolerance` of the line between kept ones (Douglas and Peucker 1973)."""
    if len(path) < 3:
        return path
    a, b = path[0], path[-1]
    duration_s = max(b.t - a.t, 1e-9)
    offsets = [abs(a.position + (b.position - a.position) * (k.t - a.t) / duration_s - k.position) for k in path[1:-1]]
    worst = max(range(len(offsets)), key=offsets.__getitem__)
    if offsets[worst] <= tolerance:
        return [a, b]
    return [*_simplify(path[: worst + 2], tolerance)[:-1], *_simplify(path[worst + 1 :], tolerance)]


def _drop_repeats(path: list[AxisKeyframe]) -> list[AxisKeyframe]:
    """Return the path without keyframes that equal their predecessor."""
    return [keyframe for k, keyframe in enumerate(path) if not k or keyframe != path[k - 1]]


def _insert_moves(path: list[AxisKeyframe], target: AxisTarget) -> tuple[AxisKeyframe, ...]:
    """Return the path with each jump, where two rests meet at one time, replaced by a move of some duration.

    A move takes at most 90 % of either rest.
    """
    result: list[AxisKeyframe] = []
    for k, keyframe in enumerate(path):
        result.append(keyframe)
        following = path[k + 1] if k + 1 < len(path) else None
        if following is None or following.t - keyframe.t > 1e-6 or following.position == keyframe.position:
            continue
        # A move takes at most 90 % of each rest, and at most the longest of MOVE_DURATIONS_S.
        before_s = (keyframe.t - path[k - 1].t) * 0.9 if k else 0.0
        after_s = (path[k + 2].t - following.t) * 0.9 if k + 2 < len(path) else 0.0
        start, end = _place_move(keyframe, following, min(before_s, 1.2), min(after_s, 1.2), target)
        result[-1] = start
        path[k + 1] = end
    return tuple(result)


def _place_move(
    a: AxisKeyframe, b: AxisKeyframe, before_s: float, after_s: float, target: AxisTarget
) -> tuple[AxisKeyframe, AxisKeyframe]:
    """Return the longest move from `a` to `b` that stays within the limits, or else the one that exceeds them least.

    The move begins at most `before_s` before `a.t` and ends at most `after_s` after `b.t`.
    """
    move = (AxisKeyframe(a.t - min(before_s, 0.1), a.position), AxisKeyframe(b.t + min(after_s, 0.1), b.position))
    least_loss = np.inf
    for duration_s in MOVE_DURATIONS_S:
        for fraction_before in (0.5, 0.75, 0.25, 1.0, 0.0):
            start = a.t - min(before_s, duration_s * fraction_before)
            end = a.t + min(after_s, duration_s * (1 - fraction_before))
            # Moves of less than 0.15 s are skipped.
            if end - start < 0.15:
                continue
            inside = (target.times >= start) & (target.times <= end)
            positions = np.interp(target.times[inside], (start, end), (a.position, b.position))
            loss = float(
                np.sum(np.maximum(target.low[inside] - positions, 0) + np.maximum(positions - target.high[inside], 0))
            )
            if loss < least_loss - 1e-9:
                move, least_loss = (AxisKeyframe(start, a.position), AxisKeyframe(end, b.position)), loss
        if least_loss <= 1e-9:
            break
    return move


def _enforce_limits(path: tuple[AxisKeyframe, ...], target: AxisTarget) -> tuple[AxisKeyframe, ...]:
    """Return the path with keyframes added where it leaves its limits, worst first, until it stays inside."""
    times, positions = [k.t for k in path], [k.position for k in path]
    for _ in range(MAX_REPAIRS):
        current = np.interp(target.times, times, positions)
        excess = np.maximum(target.low - current, current - target.high)
        worst = int(np.argmax(excess))
        if excess[worst] <= 1e-6:
            break
        t = float(target.times[worst])
        position = float(np.clip(current[worst], target.low[worst], target.high[worst]))
        k = int(np.searchsorted(times, t))
        if k < len(times) and abs(times[k] - t) < 1e-9:
            positions[k] = position
        else:
            times.insert(k, t)
            positions.insert(k, position)
    return tuple(AxisKeyframe(t, position) for t, position in zip(times, positions, strict=True))


def _ease_corners(path: tuple[AxisKeyframe, ...], target: AxisTarget) -> tuple[AxisKeyframe, ...]:
    """Return the path with each corner rounded by a parabola of three keyframes, so that the crop moves softly."""
    if len(path) < 2:
        return path
    result = [path[0]]
    for before, keyframe, after in zip(path, path[1:], path[2:], strict=False):
        result += _ease_corner(before, keyframe, after, target)
    return (*result, path[-1])


def _ease_corner(
    before: AxisKeyframe, keyframe: AxisKeyframe, after: AxisKeyframe, target: AxisTarget
) -> tuple[AxisKeyframe, ...]:
    """Return the softest corner around `keyframe` that stays within the limits; `keyframe` itself if none does."""
    speed_in = (keyframe.position - before.position) / max(keyframe.t - before.t, 1e-9)
    speed_out = (after.position - keyframe.position) / max(after.t - keyframe.t, 1e-9)
    # Changes of speed below 2 % of the crop per second are not rounded.
    if abs(speed_out - speed_in) < 0.02 * target.crop_size:
        return (keyframe,)
    # A corner takes less than half of the segment on each side, so that neighbouring corners do not overlap.
    available_s = 0.45 * min(keyframe.t - before.t, after.t - keyframe.t)
    for ease_s in EASE_DURATIONS_S:
        half_s = min(ease_s, available_s)
        corner = (
            AxisKeyframe(keyframe.t - half_s, keyframe.position - speed_in * half_s),
            AxisKeyframe(keyframe.t, keyframe.position + (speed_out - speed_in) * half_s / 4),
            AxisKeyframe(keyframe.t + half_s, keyframe.position + speed_out * half_s),
        )
        inside = (target.times >= keyframe.t - half_s) & (target.times <= keyframe.t + half_s)
        positions = np.interp(target.times[inside], [c.t for c in corner], [c.position for c in corner])
        is_allowed = np.all((positions >= target.low[inside] - 1e-6) & (positions <= target.high[inside] + 1e-6))
        if not inside.any() or bool(is_allowed):
            return corner
    return (keyframe,)
