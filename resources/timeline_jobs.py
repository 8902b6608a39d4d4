"""Jobs of a timeline: tasks that a Dagster run executes for a client: ingest, grade, export and generate.

A job is a row with all of its input. Its status only moves forward, and every change records an event.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from resources import hosted_edits, outbox, run_intents, state_transitions, timeline_assets
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import timeline_jobs
from resources.timelines import Timeline

Kind = Literal["ingest", "grade", "export", "generate"]
Status = Literal["pending", "running", "completed", "failed"]
DAGSTER_JOBS: dict[str, str] = {
    "ingest": "ingest_timeline_asset",
    "grade": "export_timeline",
    "export": "export_timeline",
    "generate": "make_variants",
}


# The formats of an export: the suffix of its file, and the file's content type.
EXPORT_FILES: dict[str, tuple[str, str]] = {
    "mp4": (".mp4", "video/mp4"),
    "premiere": (".zip", "application/zip"),
    "davinci": (".zip", "application/zip"),
    "fcpx": (".zip", "application/zip"),
    "after_effects": (".zip", "application/zip"),
    "otio": (".otio", "application/json"),
    "edl": (".edl", "text/plain"),
    "srt": (".srt", "application/x-subrip"),
}


class TimelineJob(msgspec.Struct, frozen=True):
    """A row of `timeline_jobs`. The result is in the store once it is completed."""

    id: str
    timeline_id: str
    workspace_id: str
    run_id: str
    kind: str
    status: str
    progress: int
    revision: int
    request: dict[str, Any]
    object_key: str | None
    facts: dict[str, Any] | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


_COLUMNS = select_columns(timeline_jobs, TimelineJob)
_IS_ACTIVE = timeline_jobs.c.status.in_(("pending", "running"))


def enqueue(
    connection: Connection, timeline: Timeline, kind: Kind, request: dict[str, Any], object_key: str | None = None
) -> TimelineJob:
    """Insert a pending job and the intent of its run. Submit `run_id` after the commit.

    `object_key` is the store key of the future result, if it is known in advance.
    """
    job_id, run_id = str(uuid.uuid4()), run_intents.new_run_id()
    values: dict[str, Any] = {
        "id": job_id,
        "timeline_id": timeline.id,
        "workspace_id": timeline.workspace_id,
        "run_id": run_id,
    }
    values |= {"kind": kind, "status": "pending", "progress": 0, "revision": timeline.revision, "request": request}
    values |= {"object_key": object_key}
    job = insert_row(connection, timeline_jobs, TimelineJob, {**values, "created_at": now()})
    run_intents.enqueue(connection, run_id, DAGSTER_JOBS[kind], timeline.workspace_id, timeline.id, job_id)
    return job


def get(connection: Connection, job_id: str) -> TimelineJob | None:
    """Return the job."""
    return fetch_one(connection, select(*_COLUMNS).where(timeline_jobs.c.id == job_id), TimelineJob)


def list_active_for_run(connection: Connection, run_id: str) -> list[TimelineJob]:
    """Return the jobs of the run that have not ended."""
    query = select(*_COLUMNS).where(timeline_jobs.c.run_id == run_id, _IS_ACTIVE)
    return fetch_all(connection, query, TimelineJob)


def list_active(connection: Connection, timeline_id: str) -> list[TimelineJob]:
    """Return the jobs of the timeline that have not ended."""
    query = select(*_COLUMNS).where(timeline_jobs.c.timeline_id == timeline_id, _IS_ACTIVE)
    return fetch_all(connection, query, TimelineJob)


def find_newest(connection: Connection, timeline_id: str, object_key: str) -> TimelineJob | None:
    """Return the newest job whose result has this store key once it is completed."""
    query = select(*_COLUMNS).where(timeline_jobs.c.timeline_id == timeline_id)
    query = query.where(timeline_jobs.c.object_key == object_key).order_by(timeline_jobs.c.created_at.desc())
    return fetch_one(connection, query.limit(1), TimelineJob)


def list_newest(connection: Connection, workspace_id: str, kinds: tuple[str, ...], limit: int) -> list[TimelineJob]:
    """Return the workspace's newest jobs of these kinds, newest first."""
    query = select(*_COLUMNS).where(timeline_jobs.c.workspace_id == workspace_id, timeline_jobs.c.kind.in_(kinds))
    return fetch_all(connection, query.order_by(timeline_jobs.c.created_at.desc()).limit(limit), TimelineJob)


def advance(connection: Connection, job_id: str, progress: int) -> bool:
    """Set `running` and the progress in percent. Return False if the job has ended or has more progress."""
    conditions = (_IS_ACTIVE, timeline_jobs.c.progress <= progress)
    return _transition(connection, job_id, "progress", *conditions, status="running", progress=progress)


def finish(connection: Connection, job_id: str, object_key: str | None, facts: dict[str, Any]) -> bool:
    """Complete the job, whose result is in the store. Return False if it has ended already."""
    values = {"status": "completed", "progress": 100, "object_key": object_key, "facts": facts, "finished_at": now()}
    return _transition(connection, job_id, "completed", _IS_ACTIVE, **values)


def fail(connection: Connection, job_id: str, error_message: str) -> bool:
    """Fail the job, the assets that it was ingesting, and its request to a hosted model, which is refunded.

    Return False if the job has ended already.
    """
    values = {"status": "failed", "error_message": error_message, "finished_at": now()}
    if not _transition(connection, job_id, "failed", _IS_ACTIVE, **values):
        return False
    job = get(connection, job_id)
    if job is not None and job.kind == "ingest":
        for asset_id in job.request["asset_ids"]:
            timeline_assets.fail(connection, asset_id, error_message)
    if job is not None and job.kind == "generate":
        hosted_edits.fail_for_job(connection, job.id, job.workspace_id, error_message)
    return True


def _transition(
    connection: Connection, job_id: str, event: str, *conditions: ColumnElement[bool], **values: object
) -> bool:
    job = state_transitions.transition(connection, timeline_jobs, TimelineJob, job_id, *conditions, **values)
    if job is None:
        return False
    group = "timeline_export" if job.kind == "export" else "timeline_job"
    name = f"{group}.{event}"
    # The stream of the timeline carries the events of its jobs, too.
    data = {"event": name, **build_event_data(job)}
    outbox.record(connection, job.workspace_id, f"timeline:{job.timeline_id}", name, data)
    return True


def build_event_data(job: TimelineJob) -> dict[str, Any]:
    """Return the data of the events. The sender replaces `object_key` by a signed URL."""
    data: dict[str, Any] = {
        "id": job.id,
        "project_id": job.timeline_id,
        "kind": job.kind,
        "status": job.status,
        "progress": job.progress,
        "revision": job.revision,
        "error": job.error_message,
    }
    return {**data, "object_key": job.object_key} if job.status == "completed" and job.object_key else data
