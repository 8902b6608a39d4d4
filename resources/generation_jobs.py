"""Jobs of the generation service. A job is charged when it is queued, and refunded as far as it fails.

A job is a row with all of its input. Its status only moves forward, and every change records an event in the shape of
the generation API.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, select, update

from resources import credits, outbox, projects, renders, run_intents, state_transitions
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, fetch_page, insert_row, select_columns
from resources.database.tables import generation_jobs

ACTIVE_STATUSES = ("queued", "processing")
DAGSTER_JOBS = {"kokoro": "generate_voice", "pipeline": "generate_clip", "fal": "generate_hosted_media"}
BREAKER_KEY = "generation-breaker:"  # of the cache, and the engine: its account is refused, so nothing is sent to it
# The fixed sentence of each error code: what happened inside a job is never shown
ERROR_SENTENCES: dict[str, str] = {
    "CONTENT_REJECTED": "The content was rejected by a safety filter. Change the request and try again.",
    "INPUT_UNREADABLE": "An input could not be fetched or read. Check its address and its format.",
    "NO_SPEECH": "The input holds no speech. Send a recording in which somebody speaks.",
    "PROVIDER_UNAVAILABLE": "The model's provider did not answer. Try again later.",
    "PROVIDER_ACCOUNT": "The model's provider refused this server's account. The operator has to look at it.",
    "TIMEOUT": "The generation took too long and was stopped. Try again.",
    "CANCELLED": "The job was cancelled.",
    "LOST": "The generation was interrupted on our side and could not be resumed. Try again.",
    "TOO_LONG": "An input is longer or larger than this endpoint takes. Send a shorter one.",
    "INTERNAL": "Generation failed",
}


class GenerationJob(msgspec.Struct, frozen=True):
    """A row of `generation_jobs`. `outputs` lists `{object_key, type}`; `facts` is the metadata of the result."""

    id: str
    workspace_id: str
    created_by: str | None
    run_id: str
    kind: str
    status: str
    progress: int
    engine: str
    model: str | None
    request: dict[str, Any]
    inputs: dict[str, list[dict[str, str]]]
    price: int
    refunded: int
    provider_started_at: datetime | None
    outputs: list[dict[str, str]]
    facts: dict[str, Any]
    error_code: str | None
    started_at: datetime | None
    finished_at: datetime | None
    expired_at: datetime | None
    created_at: datetime


class NewGeneration(msgspec.Struct, frozen=True):
    """A validated request with the engine that runs it and its price in credits."""

    kind: str
    engine: str
    model: str | None
    request: dict[str, Any]
    inputs: dict[str, list[dict[str, str]]]
    price: int


_COLUMNS = select_columns(generation_jobs, GenerationJob)
_IS_ACTIVE = generation_jobs.c.status.in_(ACTIVE_STATUSES)


def key_prefix(workspace_id: str, job_id: str) -> str:
    """Return the prefix of all store keys of the job."""
    return f"workspaces/{workspace_id}/generations/{job_id}/"


def enqueue(
    connection: Connection,
    workspace_id: str,
    user_id: str | None,
    new: NewGeneration,
    monthly_credits: Mapping[str, int],
) -> GenerationJob:
    """Charge a job, insert it and write the intent of its run. Submit `run_id` after the commit.

    Raises:
        credits.InsufficientCreditsError: the balance does not cover the price. Nothing is written.
    """
    job_id, run_id = str(uuid.uuid4()), run_intents.new_run_id()
    credits.grant_month(connection, workspace_id, monthly_credits)
    credits.charge_job(connection, workspace_id, job_id, new.price, new.kind)
    values: dict[str, Any] = {
        **msgspec.structs.asdict(new),
        "id": job_id,
        "workspace_id": workspace_id,
        "created_by": user_id,
        "run_id": run_id,
        "status": "queued",
        "progress": 0,
        "refunded": 0,
        "outputs": [],
        "facts": {},
        "created_at": now(),
    }
    job = insert_row(connection, generation_jobs, GenerationJob, values)
    run_intents.enqueue(connection, run_id, DAGSTER_JOBS[new.engine], workspace_id, job_id, job_id)
    _publish_progress(connection, job)
    return job


def get(connection: Connection, job_id: str) -> GenerationJob | None:
    """Return the job."""
    return fetch_one(connection, select(*_COLUMNS).where(generation_jobs.c.id == job_id), GenerationJob)


def get_active_for_run(connection: Connection, run_id: str) -> GenerationJob | None:
    """Return the job of the run, unless it has ended."""
    query = select(*_COLUMNS).where(generation_jobs.c.run_id == run_id, _IS_ACTIVE)
    return fetch_one(connection, query, GenerationJob)


def list_page(
    connection: Connection, workspace_id: str, kind: str | None, status: str | None, limit: int, offset: int
) -> tuple[list[GenerationJob], int]:
    """Return one page of the workspace's jobs, newest first, and their total number."""
    query = select(*_COLUMNS).where(generation_jobs.c.workspace_id == workspace_id)
    if kind is not None:
        query = query.where(generation_jobs.c.kind == kind)
    if status is not None:
        query = query.where(generation_jobs.c.status == status)
    query = query.order_by(generation_jobs.c.created_at.desc(), generation_jobs.c.id)
    return fetch_page(connection, query, GenerationJob, limit, offset)


def count_completed(connection: Connection, workspace_id: str, since: datetime) -> dict[str, int]:
    """Return the number of jobs that were completed since then, by kind."""
    query = select(generation_jobs.c.kind, func.count()).where(
        generation_jobs.c.workspace_id == workspace_id,
        generation_jobs.c.status == "completed",
        generation_jobs.c.finished_at >= since,
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(generation_jobs.c.kind))}


def advance(connection: Connection, job_id: str, progress: int) -> bool:
    """Set `processing` and the progress in percent. Return False if the job has ended or is further already."""
    conditions = (_IS_ACTIVE, generation_jobs.c.progress <= progress)
    started_at = func.coalesce(generation_jobs.c.started_at, now())
    job = _transition(connection, job_id, *conditions, status="processing", progress=progress, started_at=started_at)
    if job is None:
        return False
    _publish_progress(connection, job)
    return True


def mark_provider_started(connection: Connection, job_id: str) -> bool:
    """Record that a request to a provider is about to be sent. Return False if the job has ended."""
    started_at = func.coalesce(generation_jobs.c.provider_started_at, now())
    return _transition(connection, job_id, _IS_ACTIVE, provider_started_at=started_at) is not None


def finish(
    connection: Connection, job_id: str, outputs: list[dict[str, str]], facts: dict[str, Any], refunded: int = 0
) -> bool:
    """Complete the job, whose outputs are in the store. Return False if it has ended already.

    `refunded` is the part of the price that is given back, for outputs that could not be made.
    """
    job = _transition(
        connection,
        job_id,
        _IS_ACTIVE,
        status="completed",
        progress=100,
        outputs=outputs,
        facts=facts,
        refunded=refunded,
        finished_at=now(),
    )
    if job is None:
        return False
    credits.refund_job(connection, job.workspace_id, job.id, job.refunded, "A part of the outputs failed")
    outbox.record(connection, job.workspace_id, f"job:{job.id}", "job.completed", build_completed_data(job))
    return True


def fail(connection: Connection, job_id: str, error_code: str) -> bool:
    """Fail the job and give back its price. Return False if it has ended already."""
    return _end(connection, job_id, error_code, generation_jobs.c.price)


def cancel(connection: Connection, job_id: str) -> GenerationJob | None:
    """Cancel the job. The price is given back unless a provider has begun. Return None if the job has ended."""
    has_begun = generation_jobs.c.provider_started_at.is_not(None)
    refunded = case((has_begun, 0), else_=generation_jobs.c.price)
    return get(connection, job_id) if _end(connection, job_id, "CANCELLED", refunded) else None


def _end(connection: Connection, job_id: str, error_code: str, refunded: ColumnElement[int]) -> bool:
    values = {"status": "failed", "error_code": error_code, "finished_at": now(), "refunded": refunded}
    job = _transition(connection, job_id, _IS_ACTIVE, **values)
    if job is None:
        return False
    _end_project(connection, job)
    credits.refund_job(connection, job.workspace_id, job.id, job.refunded, ERROR_SENTENCES[error_code])
    outbox.record(connection, job.workspace_id, f"job:{job.id}", "job.failed", build_failed_data(job))
    return True


def _end_project(connection: Connection, job: GenerationJob) -> None:
    """Cancel the project of the job and its runs. Their next heartbeat stops them."""
    project = projects.find_for_generation(connection, job.id)
    if project is not None:
        projects.end(connection, project.id, "CANCELLED", None)
        for intent in run_intents.list_open(connection, project.id):
            run_intents.set_state(connection, intent.run_id, "CANCELLED")
            for render in renders.list_active_for_run(connection, intent.run_id):
                renders.fail(connection, render.id, ERROR_SENTENCES["CANCELLED"])


def list_expired(connection: Connection, kept: timedelta, limit: int = 50) -> list[GenerationJob]:
    """Return ended jobs whose files are older than `kept` and still in the store."""
    query = select(*_COLUMNS).where(
        generation_jobs.c.status.in_(("completed", "failed")),
        generation_jobs.c.finished_at < now() - kept,
        generation_jobs.c.expired_at.is_(None),
    )
    return fetch_all(connection, query.limit(limit), GenerationJob)


def mark_expired(connection: Connection, job_id: str) -> None:
    """Record that the job's files are deleted."""
    connection.execute(update(generation_jobs).where(generation_jobs.c.id == job_id).values(expired_at=now()))


def build_event_data(job: GenerationJob) -> dict[str, Any]:
    """Return the data of the newest event of the job."""
    builders = {"completed": build_completed_data, "failed": build_failed_data}
    return builders.get(job.status, build_progress_data)(job)


def build_progress_data(job: GenerationJob) -> dict[str, Any]:
    """Return the data of the event of a job that has not ended."""
    return {
        "jobId": job.id,
        "type": job.kind,
        "status": job.status,
        "progress": job.progress,
        "createdAt": format_time(job.created_at),
    }


def build_completed_data(job: GenerationJob) -> dict[str, Any]:
    """Return the data of `job.completed`. The sender replaces each `object_key` by a signed URL."""
    first = job.outputs[0] if job.outputs else {}
    return {
        "jobId": job.id,
        "type": job.kind,
        "status": job.status,
        "object_key": first.get("object_key"),
        "outputType": first.get("type"),
        "outputs": job.outputs,
        "metadata": job.facts,
        "createdAt": format_time(job.created_at),
        "completedAt": format_time(job.finished_at or now()),
    }


def build_failed_data(job: GenerationJob) -> dict[str, Any]:
    """Return the data of `job.failed`."""
    return {
        "jobId": job.id,
        "type": job.kind,
        "status": job.status,
        "error": ERROR_SENTENCES[job.error_code or "INTERNAL"],
        "errorCode": job.error_code,
        "creditsRefunded": job.refunded,
        "createdAt": format_time(job.created_at),
        "failedAt": format_time(job.finished_at or now()),
    }


def format_time(moment: datetime) -> str:
    """Return the time in ISO 8601 with the suffix Z, in whole seconds."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _publish_progress(connection: Connection, job: GenerationJob) -> None:
    outbox.record(connection, job.workspace_id, f"job:{job.id}", "job.progress", build_progress_data(job))


def _transition(
    connection: Connection, job_id: str, *conditions: ColumnElement[bool], **values: object
) -> GenerationJob | None:
    return state_transitions.transition(connection, generation_jobs, GenerationJob, job_id, *conditions, **values)
