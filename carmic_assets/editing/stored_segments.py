"""Converts segments between the model and the rows of the database or of a job's request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from carmic_assets.editing.errors import EditConflictError
from carmic_assets.editing.segment_edits import restore
from carmic_assets.editing.timeline_clock import active
from carmic_assets.model.timeline import Segment, Segments

MIN_SHIFTED = 2  # neighbours that one statement moves together


def from_rows(rows: Iterable[object]) -> Segments:
    """Build segments from objects or mappings with the fields of `Segment`."""
    return msgspec.convert(list(rows), Segments, from_attributes=True)


def to_rows(segments: Segments) -> list[dict[str, Any]]:
    """Return the segments as columns of JSON types."""
    return [{**msgspec.to_builtins(segment), "replaced_by": list(segment.replaced_by)} for segment in segments]


class Shift(NamedTuple):
    """Adds `delta` to the `order_index` of the active segments that have one from `first` to `last`."""

    first: int
    last: int
    delta: int


class Difference(msgspec.Struct, frozen=True):
    """The changes of an edit: new segments and changed ones as columns, and the active ones as a revision lists them.

    `shift` comes first. It moves neighbouring segments together, which `changed` then does not list.
    """

    new: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    content: list[tuple[str, int, int]]
    shift: Shift | None = None


def compare(before: Segments, after: Segments) -> Difference:
    """Return how `after` differs from `before`."""
    stored = {segment.id: segment for segment in before}
    new = tuple(segment for segment in after if segment.id not in stored)
    changed = tuple(segment for segment in after if segment.id in stored and segment != stored[segment.id])
    shift, shifted = _find_shift(stored, changed)
    rest = tuple(segment for segment in changed if segment.id not in shifted)
    content = [(segment.id, segment.in_frame, segment.out_frame) for segment in active(after)]
    return Difference(to_rows(new), to_rows(rest), content, shift)


def _find_shift(stored: Mapping[str, Segment], changed: Segments) -> tuple[Shift | None, set[str]]:
    """Return the longest row of neighbours that move by one distance and do not change otherwise, and their ids.

    A split near the start moves all later segments: one statement then takes the place of hundreds.
    """
    moved = [
        (segment.order_index - stored[segment.id].order_index, stored[segment.id].order_index, segment.id)
        for segment in changed
        if segment.active and replace(segment, order_index=stored[segment.id].order_index) == stored[segment.id]
    ]
    runs: list[list[tuple[int, int, str]]] = []
    for move in sorted(moved):
        if runs and runs[-1][-1][:2] == (move[0], move[1] - 1):
            runs[-1].append(move)
        else:
            runs.append([move])
    longest = max(runs, key=len, default=[])
    if len(longest) < MIN_SHIFTED:
        return None, set()
    delta, first, _ = longest[0]
    return Shift(first, longest[-1][1], delta), {segment_id for _, _, segment_id in longest}


def restore_content(segments: Segments, content: Sequence[tuple[str, int, int]]) -> Segments:
    """Restore a revision: `content` lists id, in and out frame of each of its active segments, in order.

    Raises:
        EditConflictError: one of them was deleted with its asset.
    """
    by_id = {segment.id: segment for segment in segments}
    if any(segment_id not in by_id for segment_id, _, _ in content):
        raise EditConflictError("This revision uses an asset that was deleted. Choose another revision.")
    snapshot = tuple(
        replace(by_id[segment_id], in_frame=first, out_frame=end, order_index=place, active=True)
        for place, (segment_id, first, end) in enumerate(content)
    )
    return restore(segments, snapshot)
