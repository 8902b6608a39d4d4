"""/api/export and /api/job: exports of a timeline, and its other jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.errors import ApiError, not_found
from api.signed_urls import sign_url
from api.timeline_edits import TimelineState, require_timeline
from api.timeline_renditions import build_export_request
from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.timeline_clock import active
from resources import run_intents, timeline_jobs, timelines
from resources.platform import Platform
from resources.timeline_jobs import TimelineJob

JobStatus = Literal["pending", "running", "completed", "failed"]
JobKind = Literal["ingest", "grade", "export"]
ExportFormat = Literal["mp4"]
JOBS: dict[str, Any] = {
    "access": Access.EDITOR,
    "default_workspace": True,
    "sync_to_thread": True,
    "tags": ["Timeline: jobs and exports"],
}


class TimelineExportRequest(msgspec.Struct):
    """The project to export."""

    project_id: UUID
    format: ExportFormat = "mp4"


class TimelineExportStarted(msgspec.Struct):
    """A queued export."""

    export_job_id: str
    status: JobStatus
    message: str


class TimelineExportResponse(msgspec.Struct):
    """An export. `export_url` plays the file, `download_url` downloads it; each GET signs both again.

    `progress` is a percentage, `size` is in bytes, `facts` holds properties of the file; null until it is completed.
    """

    export_job_id: str
    status: JobStatus
    export_url: str | None
    download_url: str | None
    error: str | None
    project_id: str
    format: ExportFormat
    revision: int
    progress: int
    size: int | None
    facts: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class VariantResponse(msgspec.Struct):
    """A variant of the result: its playable range and a preview frame."""

    id: str
    url: str
    preview_url: str


class JobResponse(msgspec.Struct):
    """A job other than an export. `progress` is a percentage."""

    id: str
    project_id: str
    status: JobStatus
    error: str | None
    variants: list[VariantResponse]
    kind: JobKind
    progress: int
    url: str | None
    created_at: datetime
    finished_at: datetime | None


@post("/export", status_code=202, idempotent=True, error_statuses=(404, 409, 422), **JOBS)
def create_export(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, data: JSONBody[TimelineExportRequest]
) -> TimelineExportStarted:
    """Export the current state of a project. Chunks that an earlier export encoded are not encoded again."""
    with platform.database.write() as connection:
        state = TimelineState(connection, require_timeline(connection, caller, data.project_id))
        segments = active(state.segments)
        if not segments:
            raise ImpossibleEditError("The project has no segments to export. Upload a video first.")
        if state.timeline.canvas is None:
            raise ImpossibleEditError("The project has no footage yet. Upload a video first.")
        request = {"format": data.format, **build_export_request(state, segments)}
        job = timeline_jobs.enqueue(connection, state.timeline, "export", request)
    dispatcher.submit(job.run_id)
    message = "Export job created — check status with get_export_status"
    return TimelineExportStarted(job.id, cast(JobStatus, job.status), message)


@get("/export/{export_job_id:uuid}", **JOBS)
def get_export(platform: PlatformDep, caller: CallerDep, export_job_id: PathId) -> TimelineExportResponse:
    """Return the progress of an export, and its URLs once it is completed."""
    with platform.database.read() as connection:
        job = _require_job(connection, caller, export_job_id, is_export=True)
        timeline = timelines.get(connection, job.timeline_id)
    file_format = cast(ExportFormat, job.request["format"])
    is_completed = job.status == "completed"
    key = job.object_key if is_completed else None
    name = f"{timeline.name[:80] if timeline else 'export'}.{file_format}"
    return TimelineExportResponse(
        job.id,
        cast(JobStatus, job.status),
        sign_url(platform, key, "video/mp4"),
        sign_url(platform, key, "video/mp4", name),
        job.error_message,
        job.timeline_id,
        file_format,
        job.revision,
        job.progress,
        (job.facts or {}).get("size_bytes"),
        job.facts,
        job.created_at,
        job.finished_at,
    )


@get("/job/{job_id:uuid}", **JOBS)
def get_job(platform: PlatformDep, caller: CallerDep, job_id: PathId) -> JobResponse:
    """Return the status of a job other than an export, and its variants."""
    with platform.database.read() as connection:
        job = _require_job(connection, caller, job_id, is_export=False)
    return _build_job(platform, job)


@delete("/job/{job_id:uuid}", status_code=200, error_statuses=(409,), **JOBS)
def cancel_job(platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, job_id: PathId) -> JobResponse:
    """Cancel a job, or an export by its id. 409 if it has ended."""
    with platform.database.write() as connection:
        job = timeline_jobs.get(connection, str(job_id))
        if job is None or job.workspace_id != caller.workspace:
            raise not_found("job")
        if not timeline_jobs.fail(connection, job.id, "Cancelled."):
            raise ApiError(409, f"Only a job that has not ended can be cancelled; this one is {job.status}.")
        run_intents.set_state(connection, job.run_id, "CANCELLED")
        cancelled = timeline_jobs.get(connection, job.id) or job
    dispatcher.terminate([job.run_id])
    return _build_job(platform, cancelled)


def _require_job(connection: Connection, caller: Caller, job_id: UUID, *, is_export: bool) -> TimelineJob:
    job = timeline_jobs.get(connection, str(job_id))
    if job is None or job.workspace_id != caller.workspace or (job.kind == "export") != is_export:
        raise not_found("export" if is_export else "job")
    if timelines.get(connection, job.timeline_id) is None:
        raise not_found("export" if is_export else "job")
    return job


def _build_job(platform: Platform, job: TimelineJob) -> JobResponse:
    key = job.object_key if job.status == "completed" else None
    return JobResponse(
        job.id,
        job.timeline_id,
        cast(JobStatus, job.status),
        job.error_message,
        [],
        cast(JobKind, job.kind),
        job.progress,
        sign_url(platform, key, "video/mp4"),
        job.created_at,
        job.finished_at,
    )


ROUTES: list[HTTPRouteHandler] = [create_export, get_export, get_job, cancel_job]
