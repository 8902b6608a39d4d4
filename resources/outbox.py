"""The outbox: events for clients, written in the transaction of the change they report and read in order of ID.

SSE streams read its tail, and webhook deliveries are created from it. Delivery is at least once: `event_key` keeps an
event from being recorded twice, and the ID lets a reader resume.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, text

from resources.database.engine import now
from resources.database.queries import fetch_all, select_columns
from resources.database.tables import events

# The events to which a webhook can subscribe. All others are for streams only.
WebhookEvent = Literal[
    "project.status",
    "project.clips_ready",
    "project.failed",
    "clip.rendered",
    "clip.render_failed",
    "clip.rescored",
    "export.completed",
    "export.failed",
    "job.completed",
    "job.failed",
    "timeline.changed",
    "timeline_export.completed",
    "timeline_export.failed",
    "timeline_job.completed",
    "timeline_job.failed",
    "timeline_variant.ready",
    "timeline_variant.failed",
]
WEBHOOK_EVENTS: tuple[str, ...] = get_args(WebhookEvent)


class Event(msgspec.Struct, frozen=True):
    """A row of the outbox. `subject` names the stream, such as `project:<id>` or `timeline:<id>`."""

    id: int
    workspace_id: str
    subject: str
    event: str
    data: dict[str, Any]
    created_at: datetime


_COLUMNS = select_columns(events, Event)


def record(
    connection: Connection, workspace_id: str, subject: str, event: str, data: dict[str, Any], key: str | None = None
) -> bool:
    """Add an event. Return False if one with this key was recorded before."""
    if connection.dialect.name == "postgresql":
        # Rows must become visible in the order of their IDs, or a reader that resumes by ID would miss one.
        connection.execute(text("SELECT pg_advisory_xact_lock(727272)"))
    if key is not None and connection.scalar(select(events.c.id).where(events.c.event_key == key)) is not None:
        return False
    values = {"workspace_id": workspace_id, "subject": subject, "event": event, "event_key": key, "data": data}
    connection.execute(insert(events).values(**values, dispatched=event not in WEBHOOK_EVENTS, created_at=now()))
    return True


def list_after(connection: Connection, last_id: int, limit: int = 500) -> list[Event]:
    """Return the events after `last_id`, oldest first."""
    return fetch_all(
        connection, select(*_COLUMNS).where(events.c.id > last_id).order_by(events.c.id).limit(limit), Event
    )


def list_for_subject(connection: Connection, subject: str, after_id: int = 0, limit: int = 1000) -> list[Event]:
    """Return the events of one stream after `after_id`, oldest first."""
    query = select(*_COLUMNS).where(events.c.subject == subject, events.c.id > after_id)
    return fetch_all(connection, query.order_by(events.c.id).limit(limit), Event)


def get_newest_id(connection: Connection, subject: str | None = None) -> int:
    """Return the newest ID of the outbox or of one stream, 0 if there is none."""
    query = select(func.max(events.c.id))
    return connection.scalar(query if subject is None else query.where(events.c.subject == subject)) or 0


def prune(connection: Connection, older_than: timedelta = timedelta(days=7)) -> int:
    """Delete the dispatched events older than `older_than` and return their number."""
    query = delete(events).where(events.c.created_at < now() - older_than, events.c.dispatched)
    return connection.execute(query).rowcount
