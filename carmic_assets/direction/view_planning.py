"""Plans which view to show when: finds the cheapest sequence of views of one source shot.

A view shows one person, several in one crop, two in a split, or the full frame. Every second of a view has a cost, for
example for not showing the speaker, and so has every change of view. A view lasts at least `MIN_VIEW_S`. All future
events are known, so dynamic programming over the times of change finds the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.subjects import AttentionInterval, SourceSpan

# Shortest time between two changes, because faster cutting looks nervous; measured, see docs/direction.md
MIN_VIEW_S = 1.0
# A cost of 1 equals one second in which the speaker is visible in the source but not shown.
SWITCH_COST = 0.3  # per change of view, so that a brief interjection is not worth a cut there and back
WALL_COST = 3.0  # per second of a crop that shows nobody while somebody is visible in the source
# Per second of a crop while nobody is visible; after 3 s two switches, to the full frame and back, cost less
EMPTY_COST = 0.2
SPLIT_COST = 0.15  # per second of a split, whose faces are smaller, so that cutting is preferred
FULL_PICTURE_COST = 0.6  # per second of the scaled-down full frame while somebody is visible
SECONDARY_COST = 0.05  # per second in which the least important subject is shown; more important ones cost less

ViewKind = Literal["single", "group", "split", "full"]


class View(msgspec.Struct, frozen=True):
    """One way to show a span: `members` are indices into the span's subjects."""

    kind: ViewKind
    members: tuple[int, ...]
    cost_per_s: float  # cost of the view itself, whoever should be shown


class ViewInterval(msgspec.Struct, frozen=True):
    """A view from one time to another, source clock."""

    start_s: float
    end_s: float
    view: View


class _Step(NamedTuple):
    """An elementary interval, within which the desired and the visible subjects stay the same."""

    start_s: float
    end_s: float
    subject: int | None  # index of the subject who should be shown
    weight: float  # cost per second of not showing the subject
    visible: frozenset[int]  # indices of the visible subjects


def plan_views(
    span: SourceSpan, views: Sequence[View], attention: Sequence[AttentionInterval], grid: FrameGrid
) -> tuple[ViewInterval, ...]:
    """Return the cheapest sequence of `views` over `span`.

    Neighbouring views differ. Each lasts at least `MIN_VIEW_S`, or as long as the span. `attention` is that of the
    span, or empty if the speaker is not followed.
    """
    steps = _partition(span, attention, grid)
    costs = [[_compute_cost_per_s(view, step) for view in views] for step in steps]
    return _CheapestPath(steps, costs).find(views)


def _partition(span: SourceSpan, attention: Sequence[AttentionInterval], grid: FrameGrid) -> list[_Step]:
    """Return the span's steps, split on the frame grid where a view may change.

    That is where the desired subject changes, where a subject appears or disappears, and `MIN_VIEW_S` after a change.
    """
    visibility = [_find_visible_intervals(subject.visible, span) for subject in span.subjects]
    times: set[float] = set()
    for interval in attention:
        times.update((interval.start_s, interval.start_s + MIN_VIEW_S))
    if attention:
        times.update((span.start_s + MIN_VIEW_S, span.end_s - MIN_VIEW_S))
    for intervals in visibility:
        times.update(edge for interval in intervals for edge in interval)
    snapped = {grid.snap(t) for t in times if span.start_s < t < span.end_s}
    edges = [span.start_s, *sorted(t for t in snapped if span.start_s < t < span.end_s), span.end_s]
    steps, k = [], 0
    for a, b in pairwise(edges):
        middle = (a + b) / 2
        while k + 1 < len(attention) and attention[k].end_s <= middle:
            k += 1
        current = attention[k] if attention and attention[k].start_s <= middle else None
        visible = frozenset(
            i for i, intervals in enumerate(visibility) if any(start <= middle < end for start, end in intervals)
        )
        steps.append(_Step(a, b, current.subject if current else None, current.weight if current else 0.0, visible))
    return steps


def _find_visible_intervals(visible: np.ndarray, span: SourceSpan) -> list[tuple[float, float]]:
    """Return the time ranges in which a subject is visible, source clock."""
    if visible.all():
        return [(span.start_s, span.end_s)]
    padded = np.concatenate(([False], visible, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    ends = np.append(span.times, max(span.end_s, float(span.times[-1])))
    return [(float(ends[i]), float(ends[j])) for i, j in zip(edges[::2], edges[1::2], strict=True)]


def _compute_cost_per_s(view: View, step: _Step) -> float:
    if view.kind == "full":
        return view.cost_per_s if step.visible else 0.0
    visible_members = step.visible.intersection(view.members)
    if not visible_members:
        return view.cost_per_s + (WALL_COST if step.visible else EMPTY_COST)
    cost = view.cost_per_s
    if view.kind == "split" and len(visible_members) < 2:
        cost += WALL_COST
    if step.subject is not None and step.subject in step.visible and step.subject not in view.members:
        cost += step.weight
    return cost


class _CheapestPath:
    """Finds the cheapest sequence of views by dynamic programming over steps and views.

    `_best[k][v]` is the least cost up to the start of step `k`, with view `v` shown for at least `MIN_VIEW_S` or since
    the span's start. `_origin[k][v]` is the step and the view from which it was reached; view -1 is none.
    """

    def __init__(self, steps: list[_Step], costs: list[list[float]]) -> None:
        self._steps, self._costs = steps, costs
        self._count, self._view_count = len(steps), len(costs[0])
        self._starts_s = [step.start_s for step in steps]
        self._end_s = steps[-1].end_s
        self._best = [[float("inf")] * self._view_count for _ in range(self._count + 1)]
        self._origin = [[(0, -1)] * self._view_count for _ in range(self._count + 1)]

    def find(self, views: Sequence[View]) -> tuple[ViewInterval, ...]:
        """Return the cheapest sequence, in time order."""
        for view in range(self._view_count):
            self._enter(0, view, 0.0, -1)
        for k in range(self._count):
            cheapest = min(range(self._view_count), key=self._best[k].__getitem__)
            if self._best[k][cheapest] < float("inf") and k:
                for view in range(self._view_count):
                    if view != cheapest:
                        self._enter(k, view, self._best[k][cheapest] + SWITCH_COST, cheapest)
            self._continue(k)
        return self._trace(views)

    def _enter(self, start: int, view: int, cost: float, previous_view: int) -> None:
        """Change to `view` at step `start` and show it for the minimum time."""
        k, start_s = start, self._starts_s[start]
        while k < self._count and self._starts_s[k] < start_s + MIN_VIEW_S - 1e-6:
            cost += self._costs[k][view] * (self._steps[k].end_s - self._steps[k].start_s)
            k += 1
        if start and k == self._count and self._end_s - start_s < MIN_VIEW_S - 1e-6:
            return  # the span ends too early
        if cost < self._best[k][view]:
            self._best[k][view], self._origin[k][view] = cost, (start, previous_view)

    def _continue(self, k: int) -> None:
        """Extend every view by step `k`."""
        duration_s = self._steps[k].end_s - self._steps[k].start_s
        for view, cost in enumerate(self._best[k]):
            extended = cost + self._costs[k][view] * duration_s
            if extended < self._best[k + 1][view]:
                self._best[k + 1][view], self._origin[k + 1][view] = extended, (k, view)

    def _trace(self, views: Sequence[View]) -> tuple[ViewInterval, ...]:
        """Return the sequence that leads to the cheapest end, by following the origins back."""
        k = self._count
        view = min(range(self._view_count), key=self._best[k].__getitem__)
        intervals: list[ViewInterval] = []
        end_s = self._end_s
        while k > 0:
            start, previous_view = self._origin[k][view]
            if previous_view != view:
                intervals.append(ViewInterval(self._starts_s[start], end_s, views[view]))
                end_s, view = self._starts_s[start], previous_view
            k = start
        return tuple(reversed(intervals))
