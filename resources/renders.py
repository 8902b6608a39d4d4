"""Renders of clips: queued with the config as it stood, charged once, refunded when they fail."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from resources import ledger, outbox, projects, state_transitions
from resources.clips import Clip
from resources.database.engine import now
from resources.database.tables import clips, renders

LIVE = ("QUEUED", "RENDERING")


class Render(msgspec.Struct, frozen=True):
    """A row of `renders`: its `id` is the API's `render_job_id`."""

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
    facts: dict[str, Any] | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


class AlreadyRendering(Exception):
    """A render of this clip is queued or running."""


_FIELDS = state_transitions.columns(renders, Render)
_LIVE = renders.c.status.in_(LIVE)


def get(connection: Connection, render_id: str) -> Render | None:
    row = connection.execute(select(*_FIELDS).where(renders.c.id == render_id)).one_or_none()
    return None if row is None else Render(**row._mapping)


def newest(connection: Connection, clip_id: str) -> Render | None:
    query = select(*_FIELDS).where(renders.c.clip_id == clip_id).order_by(renders.c.created_at.desc(), renders.c.id)
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else Render(**row._mapping)


def live_of_run(connection: Connection, run_id: str) -> list[Render]:
    query = select(*_FIELDS).where(renders.c.run_id == run_id, _LIVE)
    return [Render(**row._mapping) for row in connection.execute(query)]


def queue(connection: Connection, clip: Clip, run_id: str) -> Render:
    """Charge and queue a render of the clip as it stands. The caller writes the run intent in the same transaction.

    Raises AlreadyRendering, or ledger.InsufficientMinutes; then nothing is written.
    """
    busy = select(renders.c.id).where(renders.c.clip_id == clip.id, _LIVE)
    if connection.scalar(busy) is not None:
        raise AlreadyRendering
    render_id = str(uuid.uuid4())
    ledger.charge_render(connection, clip.workspace_id, render_id, clip.project_id, clip.id, clip.end_s - clip.start_s)
    try:
        connection.execute(
            insert(renders).values(
                id=render_id,
                clip_id=clip.id,
                project_id=clip.project_id,
                workspace_id=clip.workspace_id,
                run_id=run_id,
                status="QUEUED",
                progress=0,
                start_s=clip.start_s,
                end_s=clip.end_s,
                title=clip.title,
                template_config=clip.template_config,
                created_at=now(),
            )
        )
    except IntegrityError as error:  # another request won between our look and our write (PostgreSQL)
        raise AlreadyRendering from error
    changed = update(clips).where(clips.c.id == clip.id)
    connection.execute(changed.values(status="QUEUED", render_id=render_id, error_message=None, updated_at=now()))
    made = get(connection, render_id)
    assert made is not None
    _tell(connection, made, "clip.progress")
    return made


def advance(connection: Connection, render_id: str, progress: int) -> bool:
    """The renderer works: QUEUED becomes RENDERING, progress only grows. False when the render has ended."""
    further = (_LIVE, renders.c.progress <= progress)
    render = state_transitions.move(
        connection, renders, Render, render_id, *further, status="RENDERING", progress=progress
    )
    if render is None:
        return False
    newest_one = (clips.c.id == render.clip_id, clips.c.render_id == render.id, clips.c.status == "QUEUED")
    connection.execute(update(clips).where(*newest_one).values(status="RENDERING", updated_at=now()))
    _tell(connection, render, "clip.progress")
    return True


def finish(
    connection: Connection, render_id: str, object_key: str, facts: dict[str, Any], thumbnail_key: str | None = None
) -> bool:
    """The MP4 is durable under `object_key`. The project's first one completes the project. False when it had ended."""
    done = {"status": "RENDERED", "progress": 100, "object_key": object_key, "facts": facts, "finished_at": now()}
    render = state_transitions.move(connection, renders, Render, render_id, _LIVE, **done)
    if render is None:
        return False
    values: dict[str, Any] = {"status": "RENDERED", "video_key": object_key, "error_message": None}
    if thumbnail_key:
        values["thumbnail_key"] = thumbnail_key
    connection.execute(update(clips).where(clips.c.id == render.clip_id).values(**values, updated_at=now()))
    _tell(connection, render, "clip.rendered")
    _tell_job(connection, render, "job.completed")
    projects.complete(connection, render.project_id)
    return True


def remade(connection: Connection, render_id: str, facts: dict[str, Any]) -> bool:
    """A finished MP4 was made again in place, by a backfill: keep its facts, and tell its clients. False when it is not
    finished."""
    finished = renders.c.status == "RENDERED"
    render = state_transitions.move(connection, renders, Render, render_id, finished, facts=facts, finished_at=now())
    if render is None:
        return False
    _tell(connection, render, "clip.rendered")
    return True


def fail(connection: Connection, render_id: str, sentence: str) -> bool:
    """End a render that is queued or running, and give its minutes back. False when it had ended."""
    done = {"status": "FAILED_RENDER", "error_message": sentence, "finished_at": now()}
    render = state_transitions.move(connection, renders, Render, render_id, _LIVE, **done)
    if render is None:
        return False
    ledger.refund_render(connection, render.workspace_id, render.id, sentence)
    changed = update(clips).where(clips.c.id == render.clip_id, clips.c.render_id == render.id)
    connection.execute(changed.values(status="FAILED_RENDER", error_message=sentence, updated_at=now()))
    _tell(connection, render, "clip.render_failed")
    _tell_job(connection, render, "job.failed")
    return True


def data(render: Render) -> dict[str, Any]:
    """What `render-progress` answers and the events carry."""
    return {
        "clip_id": render.clip_id,
        "project_id": render.project_id,
        "render_job_id": render.id,
        "status": render.status,
        "progress": render.progress,
        "error_message": render.error_message,
    }


def _tell(connection: Connection, render: Render, event: str) -> None:
    told = data(render)
    if render.object_key:
        told["object_key"] = render.object_key
    outbox.record(connection, render.workspace_id, f"clip:{render.clip_id}", event, told)


def _tell_job(connection: Connection, render: Render, event: str) -> None:
    """The same, as the generation surface tells of its jobs: a render is a job of the type `clip`. There scores are out
    of ten, as in its `viralScoreThreshold`."""
    finished = render.finished_at or now()
    ended = finished.isoformat().replace("+00:00", "Z")
    told: dict[str, Any] = {
        "jobId": render.id,
        "type": "clip",
        "status": event.removeprefix("job."),
        "createdAt": render.created_at.isoformat().replace("+00:00", "Z"),
    }
    if event == "job.completed":
        score = connection.scalar(select(clips.c.virality_score).where(clips.c.id == render.clip_id)) or 0
        metadata = {
            "clipCount": 1,
            "viralScores": [score / 10],
            "durationSeconds": round(render.end_s - render.start_s, 3),
            "durationMs": round((finished - render.created_at).total_seconds() * 1000),
        }
        told |= {"outputType": "video/mp4", "metadata": metadata}
        told |= {"object_key": render.object_key, "completedAt": ended}
    else:
        minutes = round((render.end_s - render.start_s) / 60, 3)
        told |= {"error": render.error_message, "creditsRefunded": minutes, "failedAt": ended}
    outbox.record(connection, render.workspace_id, f"job:{render.id}", event, told)
