"""Erases the rows of deleted projects and timelines: search text, titles, words, errors, payloads.

Their objects are purged first. The ledger keeps its amounts, because they are the workspace's bill.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from resources.database.engine import now
from resources.database.tables import (
    clips,
    deliveries,
    events,
    exports,
    ledger,
    projects,
    run_intents,
    timelines,
    webhooks,
)

ERASE_AFTER = timedelta(hours=1)  # after the purge; by then, retries of the last webhooks have ended


def list_erasable(connection: Connection, limit: int = 20) -> list[str]:
    """Return projects that were purged `ERASE_AFTER` ago."""
    query = select(projects.c.id).where(projects.c.purged_at < now() - ERASE_AFTER)
    return list(connection.scalars(query.limit(limit)))


def list_erasable_timelines(connection: Connection, limit: int = 20) -> list[str]:
    """Return timelines that were purged `ERASE_AFTER` ago."""
    query = select(timelines.c.id).where(timelines.c.purged_at < now() - ERASE_AFTER)
    return list(connection.scalars(query.limit(limit)))


def erase(connection: Connection, project_id: str) -> None:
    """Delete every row of the project and of its clips, renders, exports and media."""
    clip_ids = connection.scalars(select(clips.c.id).where(clips.c.project_id == project_id)).all()
    export_ids = connection.scalars(select(exports.c.id).where(exports.c.project_id == project_id)).all()
    subjects = [*(f"clip:{clip_id}" for clip_id in clip_ids), *(f"export:{export_id}" for export_id in export_ids)]
    _delete_events(
        connection, or_(events.c.subject.startswith(f"project:{project_id}"), events.c.subject.in_(subjects))
    )
    connection.execute(delete(run_intents).where(run_intents.c.project_id == project_id))
    connection.execute(delete(webhooks).where(webhooks.c.project_id == project_id))
    connection.execute(update(ledger).where(ledger.c.project_id == project_id).values(note=""))
    connection.execute(delete(projects).where(projects.c.id == project_id))  # cascades to clips and their rows


def erase_timeline(connection: Connection, timeline_id: str) -> None:
    """Delete every row of the timeline, its segments, assets and jobs."""
    _delete_events(connection, events.c.subject == f"timeline:{timeline_id}")
    connection.execute(delete(run_intents).where(run_intents.c.project_id == timeline_id))
    # Cascades to its segments, assets and jobs
    connection.execute(delete(timelines).where(timelines.c.id == timeline_id))


def _delete_events(connection: Connection, condition: ColumnElement[bool]) -> None:
    event_ids = connection.scalars(select(events.c.id).where(condition)).all()
    connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(event_ids)))
    connection.execute(delete(events).where(events.c.id.in_(event_ids)))
