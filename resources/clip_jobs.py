"""Clip jobs: the common part of renders and exports.

A clip job is a row with a copy of the clip's bounds, title and config at the time of the request. It is executed by a
Dagster run, its status only moves forward, and every change records an event.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select

from resources import outbox, state_transitions
from resources.clips import Clip
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns


class ClipJob(msgspec.Struct, frozen=True):
    """The fields of every clip job. `object_key` is set when the result is in the store."""

    id: str
    clip_id: str
    project_id: str
    workspace_id: str
    run_id: str
    status: str
    progress: int
    start_s: float
    end_s: float
    title: str
    template_config: dict[str, Any] | None
    object_key: str | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


J = TypeVar("J", bound=ClipJob)


class ClipJobTable(Generic[J]):
    """The queries of one kind of clip job."""

    def __init__(self, table: Table, struct: type[J], active_statuses: tuple[str, ...]) -> None:
        self.table = table
        self.struct = struct
        self.columns = select_columns(table, struct)
        self.is_active = table.c.status.in_(active_statuses)

    def get(self, connection: Connection, job_id: str) -> J | None:
        """Return the job."""
        return fetch_one(connection, select(*self.columns).where(self.table.c.id == job_id), self.struct)

    def list_for_clip(self, connection: Connection, clip_id: str, limit: int | None = None) -> list[J]:
        """Return the clip's jobs, newest first."""
        query = select(*self.columns).where(self.table.c.clip_id == clip_id)
        query = query.order_by(self.table.c.created_at.desc(), self.table.c.id).limit(limit)
        return fetch_all(connection, query, self.struct)

    def list_active_for_run(self, connection: Connection, run_id: str) -> list[J]:
        """Return the jobs of the run that have not ended."""
        query = select(*self.columns).where(self.table.c.run_id == run_id, self.is_active)
        return fetch_all(connection, query, self.struct)

    def create(self, connection: Connection, clip: Clip, run_id: str, status: str, **values: object) -> J:
        """Insert a job for the current state of the clip. `values` are the columns of this kind of job, or its ID."""
        row = {
            "id": str(uuid.uuid4()),
            "clip_id": clip.id,
            "project_id": clip.project_id,
            "workspace_id": clip.workspace_id,
            "run_id": run_id,
            "status": status,
            "progress": 0,
            "start_s": clip.start_s,
            "end_s": clip.end_s,
            "title": clip.title,
            "template_config": clip.template_config,
            "created_at": now(),
            **values,
        }
        return insert_row(connection, self.table, self.struct, row)

    def transition(
        self, connection: Connection, job_id: str, *conditions: ColumnElement[bool], **values: object
    ) -> J | None:
        """Set `values` if all `conditions` hold. Return the updated job, or None."""
        return state_transitions.transition(connection, self.table, self.struct, job_id, *conditions, **values)


def record_job_event(connection: Connection, job: ClipJob, subject: str, event: str, data: dict[str, Any]) -> None:
    """Record an event about the job. A finished job's `object_key` is added, from which the API makes a signed URL."""
    if job.object_key:
        data = {**data, "object_key": job.object_key}
    outbox.record(connection, job.workspace_id, subject, event, data)
