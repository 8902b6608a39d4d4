"""Renders of clips. A render is charged when it is queued and refunded when it fails."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from resources import ledger, outbox, projects
from resources.clip_jobs import ClipJob, ClipJobTable, record_job_event
from resources.clips import Clip
from resources.database.engine import now
from resources.database.tables import clips, renders

ACTIVE_STATUSES = ("QUEUED", "RENDERING")


class Render(ClipJob, frozen=True):
    """A row of `renders`; its `id` is the API's `render_job_id`.

    Statuses: QUEUED, RENDERING, RENDERED, FAILED_RENDER. `facts` holds properties of the rendered file.
    """

    facts: dict[str, Any] | None


class AlreadyRenderingError(Exception):
    """The clip has a render that is queued or running."""


_jobs = ClipJobTable(renders, Render, ACTIVE_STATUSES)
get = _jobs.get
list_active_for_run = _jobs.list_active_for_run


def get_newest(connection: Connection, clip_id: str) -> Render | None:
    """Return the clip's newest render."""
    return next(iter(_jobs.list_for_clip(connection, clip_id, limit=1)), None)


def queue(connection: Connection, clip: Clip, run_id: str) -> Render:
    """Charge and queue a render of the clip's current state. The caller enqueues `run_id` in the same transaction.

    Raises:
        AlreadyRenderingError: if the clip has an active render.
        ledger.InsufficientMinutesError: if the balance does not cover the clip's length. Nothing is written.
    """
    render_id = str(uuid.uuid4())
    ledger.charge_render(connection, clip.workspace_id, render_id, clip.project_id, clip.id, clip.end_s - clip.start_s)
    return _queue(connection, clip, run_id, render_id)


def queue_uncharged(connection: Connection, clip: Clip, run_id: str) -> Render:
    """Queue a render that a generation job pays for. The caller enqueues `run_id` in the same transaction.

    Raises:
        AlreadyRenderingError: if the clip has an active render.
    """
    return _queue(connection, clip, run_id, str(uuid.uuid4()))


def _queue(connection: Connection, clip: Clip, run_id: str, render_id: str) -> Render:
    active = select(renders.c.id).where(renders.c.clip_id == clip.id, _jobs.is_active)
    if connection.scalar(active) is not None:
        raise AlreadyRenderingError
    try:
        render = _jobs.create(connection, clip, run_id, "QUEUED", id=render_id)
    except IntegrityError as error:  # PostgreSQL: a concurrent request queued one after the query above
        raise AlreadyRenderingError from error
    values = {"status": "QUEUED", "render_id": render_id, "error_message": None, "updated_at": now()}
    connection.execute(update(clips).where(clips.c.id == clip.id).values(**values))
    _publish(connection, render, "clip.progress")
    return render


def advance(connection: Connection, render_id: str, progress: int) -> bool:
    """Set RENDERING and the progress in percent. Return False if the render has ended or has more progress."""
    conditions = (_jobs.is_active, renders.c.progress <= progress)
    render = _jobs.transition(connection, render_id, *conditions, status="RENDERING", progress=progress)
    if render is None:
        return False
    is_newest = (clips.c.id == render.clip_id, clips.c.render_id == render.id, clips.c.status == "QUEUED")
    connection.execute(update(clips).where(*is_newest).values(status="RENDERING", updated_at=now()))
    _publish(connection, render, "clip.progress")
    return True


def finish(
    connection: Connection, render_id: str, object_key: str, facts: dict[str, Any], thumbnail_key: str | None = None
) -> bool:
    """Complete the render, whose MP4 is in the store. Return False if it has ended already.

    The first rendered clip completes its project.
    """
    render = _jobs.transition(
        connection,
        render_id,
        _jobs.is_active,
        status="RENDERED",
        progress=100,
        object_key=object_key,
        facts=facts,
        finished_at=now(),
    )
    if render is None:
        return False
    values: dict[str, Any] = {"status": "RENDERED", "video_key": object_key, "error_message": None}
    if thumbnail_key:
        values["thumbnail_key"] = thumbnail_key
    connection.execute(update(clips).where(clips.c.id == render.clip_id).values(**values, updated_at=now()))
    _publish(connection, render, "clip.rendered")
    _publish_generation_job(connection, render, "job.completed")
    projects.complete(connection, render.project_id)
    return True


def mark_rebuilt(connection: Connection, render_id: str, facts: dict[str, Any]) -> bool:
    """Record that a backfill replaced the MP4 of a finished render. Return False if it is not finished."""
    is_rendered = renders.c.status == "RENDERED"
    render = _jobs.transition(connection, render_id, is_rendered, facts=facts, finished_at=now())
    if render is None:
        return False
    _publish(connection, render, "clip.rendered")
    return True


def fail(connection: Connection, render_id: str, error_message: str) -> bool:
    """Fail the render and refund its minutes. Return False if it has ended already."""
    values = {"status": "FAILED_RENDER", "error_message": error_message}
    render = _jobs.transition(connection, render_id, _jobs.is_active, **values, finished_at=now())
    if render is None:
        return False
    ledger.refund_render(connection, render.workspace_id, render.id, error_message)
    is_newest = (clips.c.id == render.clip_id, clips.c.render_id == render.id)
    connection.execute(update(clips).where(*is_newest).values(**values, updated_at=now()))
    _publish(connection, render, "clip.render_failed")
    _publish_generation_job(connection, render, "job.failed")
    return True


def build_event_data(render: Render) -> dict[str, Any]:
    """Return the data of `render-progress` and of the events."""
    return {
        "clip_id": render.clip_id,
        "project_id": render.project_id,
        "render_job_id": render.id,
        "status": render.status,
        "progress": render.progress,
        "error_message": render.error_message,
    }


def _publish(connection: Connection, render: Render, event: str) -> None:
    record_job_event(connection, render, f"clip:{render.clip_id}", event, build_event_data(render))


def _publish_generation_job(connection: Connection, render: Render, event: str) -> None:
    """Record the event in the format of the generation API, in which a render is a job of the type `clip`.

    The scores range from 0 to 10, like `viralScoreThreshold` of that API. A render of a generation job has no event of
    its own in that format: the job has one.
    """
    project = projects.get(connection, render.project_id)
    if project is not None and project.generation_id is not None:
        return
    finished_at = render.finished_at or now()
    data: dict[str, Any] = {
        "jobId": render.id,
        "type": "clip",
        "status": event.removeprefix("job."),
        "createdAt": _format_time(render.created_at),
    }
    if event == "job.completed":
        score = connection.scalar(select(clips.c.virality_score).where(clips.c.id == render.clip_id)) or 0
        metadata = {
            "clipCount": 1,
            "viralScores": [score / 10],
            "durationSeconds": round(render.end_s - render.start_s, 3),
            "durationMs": round((finished_at - render.created_at).total_seconds() * 1000),
        }
        data |= {"outputType": "video/mp4", "metadata": metadata}
        data |= {"object_key": render.object_key, "completedAt": _format_time(finished_at)}
    else:
        minutes = round((render.end_s - render.start_s) / 60, 3)
        data |= {"error": render.error_message, "creditsRefunded": minutes, "failedAt": _format_time(finished_at)}
    outbox.record(connection, render.workspace_id, f"job:{render.id}", event, data)


def _format_time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
