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
MOVES_S = (1.2, 0.9, 0.7, 0.5, 0.3, 0.2)  # lengths of a move between two rests, the calmest that keeps the subject in
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
        knots = _repaired(_walk(wish, band * wish.size), wish)
        turns = reversals(knots)
        if turns < fewest:
            calmest, fewest = knots, turns
        if turns <= REVERSALS * seconds:
            break
    return calmest


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
    """Rests joined by moves: the longest stretches that one place can serve; short ones are points on the way."""
    stays = _stays(wish, band)
    knots: list[Knot] = []
    last = len(stays) - 1
    for k, (i, j, at) in enumerate(stays):
        a = float(wish.times[i]) if k else float(wish.times[0])
        b = float(wish.times[j]) if k < last else float(wish.times[-1])
        if k in (0, last) or b - a >= REST_S:
            knots += [Knot(a, at), Knot(b, at)] if b > a else [Knot(a, at)]
        else:
            knots.append(Knot((a + b) / 2, at))
    return _with_moves(knots, wish)


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
