"""Converts segments between the model and the rows of the database or of a job's request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from carmic_assets.editing.errors import EditConflictError
from carmic_assets.editing.segment_edits import restore
from carmic_assets.editing.timeline_clock import active
from carmic_assets.model.timeline import Segments


def from_rows(rows: Iterable[object]) -> Segments:
    """Build segments from objects or mappings with the fields of `Segment`."""
    return msgspec.convert(list(rows), Segments, from_attributes=True)


def to_rows(segments: Segments) -> list[dict[str, Any]]:
    """Return the segments as columns of JSON types."""
    return [{**msgspec.to_builtins(segment), "replaced_by": list(segment.replaced_by)} for segment in segments]


class Difference(msgspec.Struct, frozen=True):
    """The changes of an edit, as columns: new segments, changed ones, and the active ones as a revision lists them."""

    new: list[dict[str, Any]]
    changed: list[dict[str, Any]]
    content: list[tuple[str, int, int]]


def compare(before: Segments, after: Segments) -> Difference:
    """Return how `after` differs from `before`."""
    stored_by_id = {segment.id: segment for segment in before}
    new = tuple(segment for segment in after if segment.id not in stored_by_id)
    changed = tuple(segment for segment in after if segment.id in stored_by_id and segment != stored_by_id[segment.id])
    content = [(segment.id, segment.in_frame, segment.out_frame) for segment in active(after)]
    return Difference(to_rows(new), to_rows(changed), content)


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
