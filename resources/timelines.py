"""Timelines of the editor: their segments and revisions.

The editor's API calls a timeline a project. Each change is one conditional UPDATE of `timelines.revision`; the
changed segments, the revision and the event are written in the same transaction. The edits themselves are pure
functions of `carmic_assets.editing`, which this package does not import.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from resources import outbox
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, fetch_page, insert_row, select_columns
from resources.database.tables import segments, timeline_revisions, timelines

MAX_ASSETS = 100  # of one timeline


class Timeline(msgspec.Struct, frozen=True):
    """A row of `timelines`; resources/database/tables.py describes the columns."""

    id: str
    workspace_id: str
    created_by: str | None
    name: str
    description: str
    video_url: str | None
    canvas: dict[str, Any] | None
    revision: int
    created_at: datetime
    updated_at: datetime


class SegmentRow(msgspec.Struct, frozen=True):
    """A row of `segments` with the field names of the model's `Segment`."""

    id: str
    asset_id: str | None
    rate: dict[str, int]
    in_frame: int
    out_frame: int
    bound_in: int
    bound_out: int
    order_index: int
    source: str
    effects: dict[str, Any]
    variant_id: str | None
    active: bool
    replaced_by: list[str]


class Step(msgspec.Struct, frozen=True):
    """The revisions to which undo and redo lead from a revision."""

    revision: int
    undo_to: int | None
    redo_to: int | None


class Revision(msgspec.Struct, frozen=True):
    """A row of `timeline_revisions`. `content` is `[segment id, in_frame, out_frame]` of each active segment in order.

    `actor` is the user who made the change, or None for the pipeline.
    """

    revision: int
    op: str
    actor: str | None
    content: list[tuple[str, int, int]]
    created_at: datetime


class Change(msgspec.Struct, frozen=True):
    """The operation of a revision, its user, and the revisions to which undo and redo lead."""

    op: str
    actor: str | None
    undo_to: int | None
    redo_to: int | None = None


class SegmentDifference(Protocol):
    """The difference that an edit makes: new and changed rows of `segments`, and `content` as in `Revision`."""

    @property
    def new(self) -> list[dict[str, Any]]:
        """Rows to insert."""

    @property
    def changed(self) -> list[dict[str, Any]]:
        """Rows whose place, ends or state have changed."""

    @property
    def content(self) -> list[tuple[str, int, int]]:
        """The active segments in order."""

    @property
    def shift(self) -> tuple[int, int, int] | None:
        """First and last `order_index` of neighbours that move together, and their distance; applied first."""


_COLUMNS = select_columns(timelines, Timeline)
_SEGMENT = select_columns(segments, SegmentRow)
_REVISION = select_columns(timeline_revisions, Revision)
# An edit changes these columns of a stored segment; the others are fixed at its creation.
_MOVABLE = ("in_frame", "out_frame", "order_index", "active", "replaced_by")
_MOVE_SEGMENT = (
    update(segments)
    .where(segments.c.id == bindparam("row_id"))
    .values({name: bindparam(f"new_{name}") for name in _MOVABLE})
)


def list_ids(connection: Connection) -> list[str]:
    """Return the IDs of all timelines that have a row, deleted ones too."""
    return list(connection.scalars(select(timelines.c.id)))


def key_prefix(workspace_id: str, timeline_id: str) -> str:
    """Return the prefix of the store keys of the timeline's objects."""
    return f"workspaces/{workspace_id}/timelines/{timeline_id}/"


def create(
    connection: Connection, workspace_id: str, user_id: str | None, name: str, description: str, video_url: str | None
) -> Timeline:
    """Insert an empty timeline at revision 0."""
    timeline_id = str(uuid.uuid4())
    values = {"id": timeline_id, "workspace_id": workspace_id, "created_by": user_id, "revision": 0}
    values |= {"name": name, "description": description, "video_url": video_url}
    timeline = insert_row(connection, timelines, Timeline, {**values, "created_at": now(), "updated_at": now()})
    _add_revision(connection, timeline_id, 0, Change("create", user_id, None), [])
    return timeline


def get(connection: Connection, timeline_id: str) -> Timeline | None:
    """Return the timeline, or None if there is none or it was deleted."""
    return fetch_one(connection, _query(timeline_id), Timeline)


def lock(connection: Connection, timeline_id: str) -> Timeline | None:
    """Return the timeline and let no other transaction change it until this one ends.

    On SQLite the write lock of the whole database already serialises changes.
    """
    return fetch_one(connection, _query(timeline_id).with_for_update(), Timeline)


def find_by_segment(connection: Connection, segment_id: str) -> str | None:
    """Return the id of the timeline that has the segment."""
    return connection.scalar(select(segments.c.timeline_id).where(segments.c.id == segment_id))


def list_page(connection: Connection, workspace_id: str, limit: int, offset: int) -> tuple[list[Timeline], int]:
    """Return one page of the workspace's timelines, newest first, and their total number."""
    query = select(*_COLUMNS).where(timelines.c.workspace_id == workspace_id, timelines.c.deleted_at.is_(None))
    return fetch_page(
        connection, query.order_by(timelines.c.created_at.desc(), timelines.c.id), Timeline, limit, offset
    )


def list_segments(connection: Connection, timeline_id: str) -> list[SegmentRow]:
    """Return all segments of the timeline, active and inactive."""
    return fetch_all(connection, select(*_SEGMENT).where(segments.c.timeline_id == timeline_id), SegmentRow)


def list_active_segments(connection: Connection, timeline_ids: Iterable[str]) -> dict[str, list[SegmentRow]]:
    """Return the active segments of several timelines, in order, by timeline."""
    query = select(segments.c.timeline_id, *_SEGMENT).where(segments.c.timeline_id.in_(list(timeline_ids)))
    result: dict[str, list[SegmentRow]] = {}
    for row in connection.execute(query.where(segments.c.active).order_by(segments.c.order_index)):
        result.setdefault(row[0], []).append(SegmentRow(*row[1:]))
    return result


def update_details(connection: Connection, timeline_id: str, **columns: object) -> Timeline | None:
    """Set the name, the description or the canvas, and return the timeline. This is no revision."""
    query = update(timelines).where(timelines.c.id == timeline_id, timelines.c.deleted_at.is_(None))
    query = query.values(**columns, updated_at=now())
    return fetch_one(connection, query.returning(*_COLUMNS), Timeline)


def record_change(
    connection: Connection, timeline: Timeline, difference: SegmentDifference, change: Change
) -> Timeline | None:
    """Write a new revision: the segments that differ, the history, and the event `timeline.changed`.

    Args:
        connection: a write transaction.
        timeline: the timeline that the edit was made on.
        difference: the difference that the edit makes.
        change: the operation, its user, and the targets of undo and redo.

    Returns:
        The timeline at its new revision, or None if a concurrent change came first; then nothing is written.
    """
    revision = timeline.revision + 1
    is_current = (timelines.c.id == timeline.id, timelines.c.revision == timeline.revision)
    query = update(timelines).where(*is_current, timelines.c.deleted_at.is_(None))
    query = query.values(revision=revision, updated_at=now())
    updated_timeline = fetch_one(connection, query.returning(*_COLUMNS), Timeline)
    if updated_timeline is None:
        return None
    if difference.shift is not None:
        first, last, delta = difference.shift
        moved = (segments.c.timeline_id == timeline.id, segments.c.active, segments.c.order_index.between(first, last))
        connection.execute(update(segments).where(*moved).values(order_index=segments.c.order_index + delta))
    if difference.changed:
        rows = [{"row_id": row["id"], **{f"new_{n}": row[n] for n in _MOVABLE}} for row in difference.changed]
        connection.execute(_MOVE_SEGMENT, rows)
    if difference.new:
        connection.execute(insert(segments), [{**row, "timeline_id": timeline.id} for row in difference.new])
    _add_revision(connection, timeline.id, revision, change, difference.content)
    data = build_event_data(timeline.id, revision, change.op, len(difference.content))
    outbox.record(connection, timeline.workspace_id, f"timeline:{timeline.id}", "timeline.changed", data)
    return updated_timeline


def build_event_data(timeline_id: str, revision: int, op: str, segment_count: int) -> dict[str, Any]:
    """Return the data of `timeline.changed`. `event` names it in the timeline's stream."""
    data: dict[str, Any] = {"event": "timeline.changed", "project_id": timeline_id, "revision": revision}
    return {**data, "op": op, "segments": segment_count}


def list_revisions(connection: Connection, timeline_id: str, limit: int, offset: int) -> tuple[list[Revision], int]:
    """Return one page of the timeline's revisions, newest first, and their total number."""
    query = select(*_REVISION).where(timeline_revisions.c.timeline_id == timeline_id)
    return fetch_page(connection, query.order_by(timeline_revisions.c.revision.desc()), Revision, limit, offset)


def get_revision(connection: Connection, timeline_id: str, revision: int) -> Revision | None:
    """Return one revision of the timeline."""
    is_same = (timeline_revisions.c.timeline_id == timeline_id, timeline_revisions.c.revision == revision)
    return fetch_one(connection, select(*_REVISION).where(*is_same), Revision)


def list_steps(connection: Connection, timeline_id: str) -> list[Step]:
    """Return the targets of undo and redo for each revision, oldest first."""
    query = select(*select_columns(timeline_revisions, Step)).where(timeline_revisions.c.timeline_id == timeline_id)
    return fetch_all(connection, query.order_by(timeline_revisions.c.revision), Step)


def soft_delete(connection: Connection, timeline_id: str) -> bool:
    """Hide the timeline; a sensor purges its objects and its partition. Return False if it was deleted before."""
    query = update(timelines).where(timelines.c.id == timeline_id, timelines.c.deleted_at.is_(None))
    return connection.execute(query.values(deleted_at=now(), updated_at=now())).rowcount == 1


def list_unpurged(connection: Connection, limit: int = 20) -> list[Timeline]:
    """Return deleted timelines whose objects may still exist."""
    query = select(*_COLUMNS).where(timelines.c.deleted_at.is_not(None), timelines.c.purged_at.is_(None))
    return fetch_all(connection, query.limit(limit), Timeline)


def mark_purged(connection: Connection, timeline_id: str) -> None:
    """Record that the deleted timeline's objects and partition no longer exist, and drop its history."""
    connection.execute(delete(timeline_revisions).where(timeline_revisions.c.timeline_id == timeline_id))
    connection.execute(update(timelines).where(timelines.c.id == timeline_id).values(purged_at=now()))


def _query(timeline_id: str) -> Select[Any]:
    return select(*_COLUMNS).where(timelines.c.id == timeline_id, timelines.c.deleted_at.is_(None))


def _add_revision(
    connection: Connection, timeline_id: str, revision: int, change: Change, content: list[tuple[str, int, int]]
) -> None:
    values = {"timeline_id": timeline_id, "revision": revision, "content": content, "created_at": now()}
    connection.execute(insert(timeline_revisions).values(**values, **msgspec.structs.asdict(change)))
