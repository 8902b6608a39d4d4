"""/api/jobs: the generation jobs of the workspace."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.envelope import Data, Limit, Offset, Page, paginated
from api.errors import ApiError, not_found
from api.generation_views import GenerationJobOut, JobStatus, build_job
from api.rate_limits import MANAGEMENT_READS
from carmic_assets.generation.endpoints import Kind
from resources import generation_jobs, run_intents
from resources.generation_jobs import GenerationJob

JOBS: dict[str, Any] = {
    "access": Access.EDITOR,
    "rate_limit": MANAGEMENT_READS,
    "sync_to_thread": True,
    "tags": ["Generation: management"],
}


@get("/jobs", error_statuses=(404,), **JOBS)
def list_generation_jobs(
    platform: PlatformDep,
    caller: CallerDep,
    job_id: Annotated[UUID | None, QueryParameter(name="id", description="Return this job alone.")] = None,
    kind: Annotated[Kind | None, QueryParameter(name="type", description="Only jobs of this type.")] = None,
    job_status: Annotated[
        JobStatus | None, QueryParameter(name="status", description="Only jobs in this status.")
    ] = None,
    limit: Limit = 20,
    offset: Offset = 0,
) -> Page[GenerationJobOut] | Data[GenerationJobOut]:
    """List the workspace's jobs, newest first. With `id`, return one job as an object."""
    with platform.database.read() as connection:
        if job_id is not None:
            return Data(build_job(platform, require_job(connection, caller, job_id)))
        rows, total = generation_jobs.list_page(connection, caller.workspace, kind, job_status, limit, offset)
    return paginated([build_job(platform, row) for row in rows], total, limit, offset)


@get("/jobs/{job_id:uuid}", **JOBS)
def get_generation_job(platform: PlatformDep, caller: CallerDep, job_id: PathId) -> Data[GenerationJobOut]:
    """Return one job."""
    with platform.database.read() as connection:
        return Data(build_job(platform, require_job(connection, caller, job_id)))


@post("/jobs/{job_id:uuid}/cancel", status_code=200, error_statuses=(409,), **JOBS)
def cancel_generation_job(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, job_id: PathId
) -> Data[GenerationJobOut]:
    """Cancel a job. Its credits are given back unless a provider has begun. 409 if it has ended."""
    with platform.database.write() as connection:
        job = require_job(connection, caller, job_id)
        cancelled = generation_jobs.cancel(connection, job.id)
        if cancelled is None:
            raise ApiError(409, f"Only a job that has not ended can be cancelled; this one is {job.status}.")
        run_intents.set_state(connection, job.run_id, "CANCELLED")
    dispatcher.terminate([job.run_id])
    return Data(build_job(platform, cancelled))


def require_job(connection: Connection, caller: Caller, job_id: UUID) -> GenerationJob:
    """Return a job of the caller's workspace. Raises ApiError 404 if there is none."""
    job = generation_jobs.get(connection, str(job_id))
    if job is None or job.workspace_id != caller.workspace:
        raise not_found("job")
    return job


ROUTES: list[HTTPRouteHandler] = [list_generation_jobs, get_generation_job, cancel_generation_job]
