"""The outbox: what a client may care for, written in the transaction that makes it true, read in order of id.

SSE tails it, the webhook deliverer takes from it. Told at least once; `event_key` keeps the same fact from being told
twice, the row id lets a reader resume.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, text

from resources.database.engine import now
from resources.database.tables import events

# What a subscription may name. Everything else in the outbox is for streams alone.
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
]
WEBHOOK_EVENTS: tuple[str, ...] = get_args(WebhookEvent)


class Event(msgspec.Struct, frozen=True):
    id: int
    workspace_id: str
    subject: str
    event: str
    data: dict[str, Any]
    created_at: datetime


def record(
    connection: Connection, workspace_id: str, subject: str, event: str, data: dict[str, Any], key: str | None = None
) -> bool:
    """Add a row; False when `key` was recorded before. `subject` is `project:<id>`, `export:<id>` or `clip:<id>`."""
    if connection.dialect.name == "postgresql":
        # Rows must become visible in the order of their ids, or a reader that resumes by id would miss one.
        connection.execute(text("SELECT pg_advisory_xact_lock(727272)"))
    if key is not None and connection.scalar(select(events.c.id).where(events.c.event_key == key)) is not None:
        return False
    connection.execute(
        insert(events).values(
            workspace_id=workspace_id,
            subject=subject,
            event=event,
            event_key=key,
            data=data,
            dispatched=event not in WEBHOOK_EVENTS,
            created_at=now(),
        )
    )
    return True


def after(connection: Connection, last_id: int, limit: int = 500) -> list[Event]:
    """The rows behind `last_id`, oldest first: the tail."""
    rows = connection.execute(select(events).where(events.c.id > last_id).order_by(events.c.id).limit(limit))
    return [_event(row) for row in rows]


def of_subject(connection: Connection, subject: str, after_id: int = 0, limit: int = 1000) -> list[Event]:
    """One stream's rows behind `after_id`, oldest first: what a client that resumes has missed."""
    query = select(events).where(events.c.subject == subject, events.c.id > after_id)
    return [_event(row) for row in connection.execute(query.order_by(events.c.id).limit(limit))]


def newest_id(connection: Connection, subject: str | None = None) -> int:
    """Of the outbox, or of one stream; 0 when there is none."""
    query = select(func.max(events.c.id))
    return connection.scalar(query if subject is None else query.where(events.c.subject == subject)) or 0


def prune(connection: Connection, older_than: timedelta = timedelta(days=7)) -> int:
    """Forget rows that are old and dispatched; returns how many."""
    gone = delete(events).where(events.c.created_at < now() - older_than, events.c.dispatched)
    return connection.execute(gone).rowcount


def _event(row: Any) -> Event:
    return Event(row.id, row.workspace_id, row.subject, row.event, row.data, row.created_at)
