"""What to show when: the cheapest sequence of views of one shot of the source. It places no crop and draws no path.

A view is one person, several in one crop, two in a split, or the whole picture. A second of a view has a price (a
speaker out of sight, a wall, a face too many), every change has one, and a view lasts a minimum dwell. The future is
known, so the best sequence is found by dynamic programming over the moments where something changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import msgspec

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.subjects import Claim, SourceSpan

if TYPE_CHECKING:
    import numpy as np

DWELL_S = 1.0  # the shortest view between two changes: quicker cutting is what viewers call nervous
SWITCH = 0.3  # price of a change, in seconds of a speaker out of sight: a "mhm" is not worth two of them
WALL = 3.0  # per second without anybody while somebody is there
EMPTY = 0.2  # per second of a crop in which nobody can be seen just now: three seconds are waited for
SPLIT = 0.15  # per second: a split is smaller than a face, and worth it only where cutting fails
WHOLE = 0.6  # per second of showing the whole picture small although somebody is there
LESSER = 0.05  # per second of showing somebody unimportant

Kind = Literal["one", "group", "split", "whole"]


class View(msgspec.Struct, frozen=True):
    """Something that can be shown: `members` are indices into the span's subjects."""

    kind: Kind
    members: tuple[int, ...]
    price: float  # per second, for itself


class Stretch(msgspec.Struct, frozen=True):
    """A view from one time to another, source clock."""

    start_s: float
    end_s: float
    view: View


class Atom(msgspec.Struct, frozen=True):
    """A stretch in which nothing changes: who should be seen, who can be seen."""

    start_s: float
    end_s: float
    subject: int | None
    weight: float
    visible: frozenset[int]


def plan(span: SourceSpan, views: Sequence[View], claims: Sequence[Claim], grid: FrameGrid) -> tuple[Stretch, ...]:
    """The cheapest sequence of `views` over `span`. Neighbours differ; each lasts `DWELL_S`, or as long as the span.

    `claims` say who should be seen: those of the span, or none where the view is not to follow the speaker.
    """
    atoms = _atoms(span, claims, grid)
    prices = [[_price(view, atom) for view in views] for atom in atoms]
    return _cheapest(atoms, views, prices)


def _atoms(span: SourceSpan, claims: Sequence[Claim], grid: FrameGrid) -> list[Atom]:
    """Cut the span where a claim starts or somebody comes or goes, on the frame grid."""
    presence = [_presence(subject.visible, span) for subject in span.subjects]
    moments = {span.start_s, span.end_s}
    for claim in claims:
        moments.update((claim.start_s, claim.start_s + DWELL_S))
    if claims:
        moments.update((span.start_s + DWELL_S, span.end_s - DWELL_S))
    for stretches in presence:
        moments.update(edge for stretch in stretches for edge in stretch)
    snapped = {grid.snap(m) for m in moments if span.start_s < m < span.end_s}
    edges = [span.start_s, *sorted(m for m in snapped if span.start_s < m < span.end_s), span.end_s]
    atoms, at = [], 0
    for a, b in pairwise(edges):
        middle = (a + b) / 2
        while at + 1 < len(claims) and claims[at].end_s <= middle:
            at += 1
        who = claims[at] if claims and claims[at].start_s <= middle else None
        seen = frozenset(k for k, p in enumerate(presence) if any(s <= middle < e for s, e in p))
        atoms.append(Atom(a, b, who.subject if who else None, who.weight if who else 0.0, seen))
    return atoms


def _presence(visible: np.ndarray, span: SourceSpan) -> list[tuple[float, float]]:
    """Stretches of visibility, source clock."""
    import numpy as np

    if visible.all():
        return [(span.start_s, span.end_s)]
    padded = np.concatenate(([False], visible, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    ends = np.append(span.times, max(span.end_s, float(span.times[-1])))
    return [(float(ends[i]), float(ends[j])) for i, j in zip(edges[::2], edges[1::2], strict=True)]


def _price(view: View, atom: Atom) -> float:
    """What a second of this view costs in this atom."""
    if view.kind == "whole":
        return view.price if atom.visible else 0.0
    shown = atom.visible.intersection(view.members)
    if not shown:
        return view.price + (WALL if atom.visible else EMPTY)
    price = view.price
    if view.kind == "split" and len(shown) < 2:
        price += WALL
    if atom.subject is not None and atom.subject in atom.visible and atom.subject not in view.members:
        price += atom.weight
    return price


def _cheapest(atoms: list[Atom], views: Sequence[View], prices: list[list[float]]) -> tuple[Stretch, ...]:
    """Dynamic programming: at each edge and for each view, the cheapest way to be settled in that view there."""
    count, never = len(atoms), float("inf")
    settled = [[never] * len(views) for _ in range(count + 1)]
    origin: list[list[tuple[int, int] | None]] = [[None] * len(views) for _ in range(count + 1)]
    starts = [atom.start_s for atom in atoms]
    end_s = atoms[-1].end_s

    def enter(at: int, view: int, cost: float, came_from: int) -> None:
        """Show `view` from atom `at` for at least the dwell."""
        k = at
        while k < count and atoms[k].start_s < starts[at] + DWELL_S - 1e-6:
            cost += prices[k][view] * (atoms[k].end_s - atoms[k].start_s)
            k += 1
        if at and k == count and end_s - starts[at] < DWELL_S - 1e-6:
            return  # it would flash up just before a cut
        if cost < settled[k][view]:
            settled[k][view], origin[k][view] = cost, (at, came_from)

    for view in range(len(views)):
        enter(0, view, 0.0, -1)
    for k in range(count):
        best = min(range(len(views)), key=settled[k].__getitem__)
        if settled[k][best] < never and k:
            for view in range(len(views)):
                if view != best:
                    enter(k, view, settled[k][best] + SWITCH, best)
        seconds = atoms[k].end_s - atoms[k].start_s
        for view, cost in enumerate(settled[k]):
            onward = cost + prices[k][view] * seconds
            if onward < settled[k + 1][view]:
                settled[k + 1][view], origin[k + 1][view] = onward, (k, view)
    view, k = min(range(len(views)), key=settled[count].__getitem__), count
    stretches: list[Stretch] = []
    until = end_s
    while k > 0:
        step = origin[k][view]
        assert step is not None
        at, came_from = step
        if came_from != view:
            stretches.append(Stretch(starts[at], until, views[view]))
            until, view = starts[at], came_from
        k = at
    return tuple(reversed(stretches))
