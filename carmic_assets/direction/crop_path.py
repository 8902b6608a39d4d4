"""The calmest path of a crop's middle along one axis: still if it can be, else few straight moves. It knows no persons.

Input is where the middle would be best and where it may be at most, on a grid of times; output is a few knots. The
future is known, so nothing is filtered, predicted or chased.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.direction.subjects import middle

if TYPE_CHECKING:
    import numpy as np

DEAD_BAND = 0.25  # of the crop: a subject may wander over so much without the crop moving
FAR = 0.34  # of the crop: how far off its middle a subject may be for a moment while the crop stays still
REST_S = 1.5  # a stay shorter than this is part of a walk
DRIFT = (
    0.4  # of the dead band, from the first to the last third of a stay: more, and the subject (or camera) is travelling
)
STRAIGHT = 0.04  # of the crop: knots of a walk nearer than this to the line between others are left out
EASES_S = (0.4, 0.25, 0.15)  # half of the time in which a corner is rounded, the softest that keeps the subject in
MOVES_S = (1.2, 0.9, 0.7, 0.5, 0.3, 0.2)  # lengths of a move between two rests, the calmest that keeps the subject in
TREMBLE = 0.06  # of the crop: a path that stays within so little stands still
FASTEST = 1.5  # crops per second: faster is a whip pan ...
WHIP = 0.15  # ... where it goes further than this, of the crop
REVERSALS = 0.1  # per second: with more, a wider dead band is tried


class Knot(msgspec.Struct, frozen=True):
    t: float
    at: float


class Wish(msgspec.Struct, frozen=True):
    """What the axis should follow: arrays of equal length on `times`; `low <= high` is where the middle may be."""

    times: np.ndarray
    best: np.ndarray
    low: np.ndarray
    high: np.ndarray
    size: float  # of the crop along this axis


def calm_path(wish: Wish) -> tuple[Knot, ...]:
    """Knots of the path, one if it stays still; linear between them and held outside."""
    import numpy as np

    still = _still(wish, 0, len(wish.times))
    if still is not None:
        return (Knot(float(wish.times[0]), still),)
    seconds = max(float(wish.times[-1] - wish.times[0]), 1.0)
    calmest: tuple[Knot, ...] = ()
    fewest = np.inf
    for band in (DEAD_BAND, 1.5 * DEAD_BAND, 2 * DEAD_BAND, 3 * DEAD_BAND):
        knots = _eased(_repaired(_walk(wish, band * wish.size), wish), wish)
        turns = reversals(knots)
        if turns < fewest:
            calmest, fewest = knots, turns
        if turns <= REVERSALS * seconds:
            break
    places = [knot.at for knot in calmest]
    if max(places) - min(places) <= TREMBLE * wish.size:  # not worth a movement
        return (Knot(float(wish.times[0]), (max(places) + min(places)) / 2),)
    return calmest


def whips(knots: tuple[Knot, ...], size: float) -> list[int]:
    """The knots to which the path moves faster than an eye follows: there a cut is calmer than a pan."""
    found: list[int] = []
    for k, (a, b) in enumerate(pairwise(knots), 1):
        way = abs(b.at - a.at)
        if way > WHIP * size and way > FASTEST * size * (b.t - a.t):
            found.append(k)
    return found


def reversals(knots: tuple[Knot, ...]) -> int:
    """How often the path turns back."""
    steps = [b.at - a.at for a, b in pairwise(knots) if abs(b.at - a.at) > 1e-9]
    return sum(a * b < 0 for a, b in pairwise(steps))


def _still(wish: Wish, i: int, j: int) -> float | None:
    """A place where the crop can stay throughout: nobody leaves it, and most of the time they are central."""
    import numpy as np

    low, high, best = wish.low[i:j], wish.high[i:j], wish.best[i:j]
    if low.max() > high.min() + 1e-9:
        return None
    at = float(np.clip(middle(best), low.max(), max(low.max(), high.min())))
    off = np.abs(best - at)
    calm = off.max() <= FAR * wish.size and np.mean(off <= DEAD_BAND / 2 * wish.size + 1e-9) >= 0.8
    return at if calm else None


def _walk(wish: Wish, band: float) -> tuple[Knot, ...]:
    """Rests joined by moves: the longest stretches that one place serves; of travelling ones only the middle counts."""
    stays = _stays(wish, band)
    last = len(stays) - 1
    knots: list[Knot] = []
    walk: list[Knot] = []  # since the last rest
    for k, (i, j, at) in enumerate(stays):
        a, b = float(wish.times[i]), float(wish.times[j])
        if b - a >= REST_S and abs(_drift(wish.best[i : j + 1])) <= DRIFT * band:
            a = a if k == 0 else _settled(wish, range(i, j), at, band / 4)
            b = b if k == last else max(a, _settled(wish, range(j - 1, i, -1), at, band / 4))
            rest = [Knot(a, at), Knot(b, at)]
            knots += _straight([*walk, rest[0]], STRAIGHT * wish.size) if walk else [rest[0]]
            knots.append(rest[1])
            walk = [rest[1]]
            continue
        walk += [Knot(a, _near(wish, i, i + 2))] if k == 0 else []
        walk += [Knot((a + b) / 2, at)]
        walk += [Knot(b, _near(wish, j - 1, j + 1))] if k == last else []
    if len(walk) > 1 or not knots:
        knots = (
            [*knots[:-1], *_straight(walk, STRAIGHT * wish.size)] if knots else _straight(walk, STRAIGHT * wish.size)
        )
    return _with_moves(_ordered(knots), wish)


def _drift(values: np.ndarray) -> float:
    third = max(1, len(values) // 3)
    return middle(values[-third:]) - middle(values[:third])


def _settled(wish: Wish, order: range, at: float, near: float) -> float:
    """The first moment in `order` at which the subject is where the rest is: before (or after) it, it is on its way."""
    return float(next((wish.times[k] for k in order if abs(wish.best[k] - at) <= near), wish.times[order[0]]))


def _near(wish: Wish, i: int, j: int) -> float:
    """The best place around one moment."""
    return float(wish.best[max(i, 0) : j].mean())


def _straight(knots: list[Knot], tolerance: float) -> list[Knot]:
    """Douglas and Peucker (1973): leave out knots that lie within `tolerance` of the line between those kept."""
    if len(knots) < 3:
        return knots
    a, b = knots[0], knots[-1]
    span = max(b.t - a.t, 1e-9)
    off = [abs(a.at + (b.at - a.at) * (k.t - a.t) / span - k.at) for k in knots[1:-1]]
    worst = max(range(len(off)), key=off.__getitem__)
    if off[worst] <= tolerance:
        return [a, b]
    return [*_straight(knots[: worst + 2], tolerance)[:-1], *_straight(knots[worst + 1 :], tolerance)]


def _ordered(knots: list[Knot]) -> list[Knot]:
    """Without the second of two equal knots."""
    return [knot for k, knot in enumerate(knots) if not k or knot != knots[k - 1]]


def _eased(knots: tuple[Knot, ...], wish: Wish) -> tuple[Knot, ...]:
    """Corners rounded by a parabola (three knots each), so that the crop starts and stops softly."""
    import numpy as np

    result = [knots[0]]
    for k in range(1, len(knots) - 1):
        before, knot, after = knots[k - 1], knots[k], knots[k + 1]
        left = (knot.at - before.at) / max(knot.t - before.t, 1e-9)
        right = (after.at - knot.at) / max(after.t - knot.t, 1e-9)
        if abs(right - left) < 0.02 * wish.size:
            result.append(knot)
            continue
        room = 0.45 * min(knot.t - before.t, after.t - knot.t)
        for ease in EASES_S:
            r = min(ease, room)
            corner = (
                Knot(knot.t - r, knot.at - left * r),
                Knot(knot.t, knot.at + (right - left) * r / 4),
                Knot(knot.t + r, knot.at + right * r),
            )
            near = (wish.times >= knot.t - r) & (wish.times <= knot.t + r)
            at = np.interp(wish.times[near], [c.t for c in corner], [c.at for c in corner])
            if not near.any() or bool(np.all((at >= wish.low[near] - 1e-6) & (at <= wish.high[near] + 1e-6))):
                result += corner
                break
        else:
            result.append(knot)
    return (*result, knots[-1]) if len(knots) > 1 else knots


def _stays(wish: Wish, band: float) -> list[tuple[int, int, float]]:
    """Greedy longest stretches `[i, j)` with one place each (`j` is the next one's start, or the last index)."""
    import numpy as np

    stays, i, n = [], 0, len(wish.times)
    while i < n:
        low, high = wish.low[i], wish.high[i]
        least = most = wish.best[i]
        j = i + 1
        while j < n:
            low_j, high_j = max(low, wish.low[j]), min(high, wish.high[j])
            least_j, most_j = min(least, wish.best[j]), max(most, wish.best[j])
            if low_j > high_j or most_j - least_j > band:
                break
            low, high, least, most, j = low_j, high_j, least_j, most_j, j + 1
        at = float(np.clip(middle(wish.best[i:j]), low, max(low, high)))
        stays.append((i, min(j, n - 1), at))
        i = j
    return stays


def _with_moves(knots: list[Knot], wish: Wish) -> tuple[Knot, ...]:
    """Where two rests meet at one moment, a move takes the time that the subject's own move leaves."""
    result: list[Knot] = []
    for k, knot in enumerate(knots):
        result.append(knot)
        follower = knots[k + 1] if k + 1 < len(knots) else None
        if follower is None or follower.t - knot.t > 1e-6 or follower.at == knot.at:
            continue
        before = (knot.t - knots[k - 1].t) * 0.9 if k else 0.0
        after = (knots[k + 2].t - follower.t) * 0.9 if k + 2 < len(knots) else 0.0
        a, b = _move(knot, follower, min(before, 1.2), min(after, 1.2), wish)
        result[-1] = a
        knots[k + 1] = b
    return tuple(result)


def _move(a: Knot, b: Knot, before: float, after: float, wish: Wish) -> tuple[Knot, Knot]:
    """The longest move around the moment `a.t` that keeps the subject inside, else the one that loses least."""
    import numpy as np

    found, least = (Knot(a.t - min(before, 0.1), a.at), Knot(b.t + min(after, 0.1), b.at)), np.inf
    for seconds in MOVES_S:
        for share in (0.5, 0.75, 0.25, 1.0, 0.0):
            start, end = a.t - min(before, seconds * share), a.t + min(after, seconds * (1 - share))
            if end - start < 0.15:
                continue
            within = (wish.times >= start) & (wish.times <= end)
            at = np.interp(wish.times[within], (start, end), (a.at, b.at))
            lost = float(np.sum(np.maximum(wish.low[within] - at, 0) + np.maximum(at - wish.high[within], 0)))
            if lost < least - 1e-9:
                found, least = (Knot(start, a.at), Knot(end, b.at)), lost
        if least <= 1e-9:
            break
    return found


def _repaired(knots: tuple[Knot, ...], wish: Wish) -> tuple[Knot, ...]:
    """Add knots where the path leaves what is allowed, worst first, until it does not."""
    import numpy as np

    times, places = [k.t for k in knots], [k.at for k in knots]
    for _ in range(40):
        at = np.interp(wish.times, times, places)
        lost = np.maximum(wish.low - at, at - wish.high)
        worst = int(np.argmax(lost))
        if lost[worst] <= 1e-6:
            break
        t, place = float(wish.times[worst]), float(np.clip(at[worst], wish.low[worst], wish.high[worst]))
        k = int(np.searchsorted(times, t))
        if k < len(times) and abs(times[k] - t) < 1e-9:
            places[k] = place
        else:
            times.insert(k, t)
            places.insert(k, place)
    return tuple(Knot(t, at) for t, at in zip(times, places, strict=True))
