"""/api/export and /api/job: exports of a timeline, and its other jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.errors import ApiError, not_found
from api.signed_urls import sign_url
from api.timeline_edits import TimelineState, require_timeline
from api.timeline_renditions import build_export_request
from api.variant_views import VariantResponse, build_variant
from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.timeline_clock import active
from resources import run_intents, timeline_jobs, timeline_variants, timelines
from resources.field_types import ErrorSentence, Percentage, SignedUrl, Timestamp, Uuid
from resources.platform import Platform
from resources.timeline_jobs import TimelineJob
from resources.timeline_variants import Variant

JobStatus = Literal["pending", "running", "completed", "failed"]
JobKind = Literal["ingest", "grade", "export", "generate"]
ExportFormat = Literal["mp4", "premiere", "davinci", "fcpx", "after_effects", "otio", "edl", "srt"]
PACKAGE_FORMATS = ("premiere", "davinci", "fcpx", "after_effects")
JOBS: dict[str, Any] = {
    "access": Access.EDITOR,
    "default_workspace": True,
    "sync_to_thread": True,
    "tags": ["Timeline: jobs and exports"],
}


class TimelineExportRequest(msgspec.Struct):
    """The project to export, as it is now.

    `mode` is for MP4: `smart` copies the packets of H.264 footage between its keyframes and encodes the cuts only.
    Where that is impossible, everything is encoded, and the export's `facts.notes` say why.
    `bake` renders the grades into the media of a package; without it they are `.cube` files beside the clips.
    """

    project_id: Annotated[UUID, Meta(description="Id of the timeline project, exported as it is now.")]
    format: Annotated[
        ExportFormat, Meta(description="A video, a package for an editing program, or a document of the cut.")
    ] = "mp4"
    bake: Annotated[
        bool, Meta(description="Whether a package's media is rendered with the grades, instead of `.cube` files.")
    ] = False
    mode: Annotated[
        Literal["encode", "smart"],
        Meta(description="For MP4: encode everything, or copy H.264 packets between the cuts where possible."),
    ] = "encode"


class TimelineExportStarted(msgspec.Struct):
    """A queued export."""

    export_job_id: Annotated[Uuid, Meta(description="Id of the export.")]
    status: Annotated[JobStatus, Meta(description="State of the export.")]
    message: Annotated[str, Meta(description="What happens next, for display.", examples=["The export is queued."])]


class TimelineExportResponse(msgspec.Struct):
    """An export. `export_url` plays the file, `download_url` downloads it; each GET signs both again.

    `progress` is a percentage, `size` is in bytes, `facts` holds properties of the file; null until it is completed.
    """

    export_job_id: Annotated[Uuid, Meta(description="Id of the export.")]
    status: Annotated[JobStatus, Meta(description="State of the export.")]
    export_url: Annotated[
        SignedUrl | None, Meta(description="Signed URL that plays the file; null until it is completed.")
    ]
    download_url: Annotated[
        SignedUrl | None, Meta(description="Signed URL that saves the file; null until it is completed.")
    ]
    error: Annotated[ErrorSentence | None, Meta(description="Why the export failed; null if it did not.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    format: Annotated[ExportFormat, Meta(description="Format of the export.")]
    revision: Annotated[int, Meta(description="Revision of the timeline that is exported.", examples=[17])]
    progress: Annotated[Percentage, Meta(description="How much of the export is done, in percent.")]
    size: Annotated[
        int | None, Meta(description="Size of the file in bytes; null until it is completed.", examples=[73400320])
    ]
    facts: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Properties of the file, such as its length and codec; null until it is completed.",
            examples=[{"duration": 42.6, "width": 1080, "height": 1920}],
        ),
    ]
    created_at: Annotated[Timestamp, Meta(description="When the export was requested.")]
    finished_at: Annotated[Timestamp | None, Meta(description="When the export ended; null until then.")]


class JobResponse(msgspec.Struct):
    """A job other than an export. `progress` is a percentage.

    An AI edit has its `prompt`, the `operations` that it became, `notes`, and `variants`, best first, once it is
    completed. `prompt` is null for other jobs.
    """

    id: Annotated[Uuid, Meta(description="Id of the job.")]
    project_id: Annotated[Uuid, Meta(description="Id of the timeline project.")]
    status: Annotated[JobStatus, Meta(description="State of the job.")]
    error: Annotated[ErrorSentence | None, Meta(description="Why the job failed; null if it did not.")]
    variants: Annotated[list[VariantResponse], Meta(description="The results to choose from.")]
    kind: Annotated[JobKind, Meta(description="What the job does.")]
    progress: Annotated[Percentage, Meta(description="How much of the job is done, in percent.")]
    url: Annotated[SignedUrl | None, Meta(description="Signed URL of the result; null until there is one.")]
    prompt: Annotated[
        str | None,
        Meta(description="The prompt of an AI edit; null for other jobs.", examples=["blur the licence plate"]),
    ]
    operations: Annotated[
        list[str], Meta(description="The operations of an AI edit, in their order.", examples=[["blur"]])
    ]
    notes: Annotated[
        list[str], Meta(description="What the job could not do as requested.", examples=[["No face was detected."]])
    ]
    created_at: Annotated[Timestamp, Meta(description="When the job was requested.")]
    finished_at: Annotated[Timestamp | None, Meta(description="When the job ended; null until then.")]


@post("/export", status_code=202, idempotent=True, error_statuses=(404, 409, 422), **JOBS)
def create_export(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, data: JSONBody[TimelineExportRequest]
) -> TimelineExportStarted:
    """Export the current state of a project. Chunks that an earlier export encoded are not encoded again."""
    if data.bake and data.format not in PACKAGE_FORMATS:
        raise ApiError(422, f"`bake` needs a `format` that packs media: {', '.join(PACKAGE_FORMATS)}. Leave it out.")
    if data.mode != "encode" and data.format != "mp4":
        raise ApiError(422, "`mode` is for the `format` mp4 only. Leave it out.")
    with platform.database.write() as connection:
        state = TimelineState(connection, require_timeline(connection, caller, data.project_id))
        segments = active(state.segments)
        if not segments:
            raise ImpossibleEditError("The project has no segments to export. Upload a video first.")
        if state.timeline.canvas is None:
            raise ImpossibleEditError("The project has no footage yet. Upload a video first.")
        request = {"format": data.format, "bake": data.bake, "mode": data.mode, **build_export_request(state, segments)}
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
    suffix, content_type = timeline_jobs.EXPORT_FILES[file_format]
    name = f"{timeline.name[:80] if timeline else 'export'}{suffix}"
    return TimelineExportResponse(
        job.id,
        cast(JobStatus, job.status),
        sign_url(platform, key, content_type),
        sign_url(platform, key, content_type, name),
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
        variants = timeline_variants.list_for_job(connection, job.id) if job.status == "completed" else []
    return _build_job(platform, job, variants)


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
    return _build_job(platform, cancelled, [])


def _require_job(connection: Connection, caller: Caller, job_id: UUID, *, is_export: bool) -> TimelineJob:
    job = timeline_jobs.get(connection, str(job_id))
    if job is None or job.workspace_id != caller.workspace or (job.kind == "export") != is_export:
        raise not_found("export" if is_export else "job")
    if timelines.get(connection, job.timeline_id) is None:
        raise not_found("export" if is_export else "job")
    return job


def _build_job(platform: Platform, job: TimelineJob, variants: list[Variant]) -> JobResponse:
    key = job.object_key if job.status == "completed" else None
    return JobResponse(
        job.id,
        job.timeline_id,
        cast(JobStatus, job.status),
        job.error_message,
        [build_variant(platform, variant) for variant in variants],
        cast(JobKind, job.kind),
        job.progress,
        sign_url(platform, key, "video/mp4"),
        job.request.get("prompt"),
        [step["operation"] for step in job.request.get("plan", {}).get("steps", ())],
        list((job.facts or {}).get("notes", ())),
        job.created_at,
        job.finished_at,
    )


ROUTES: list[HTTPRouteHandler] = [create_export, get_export, get_job, cancel_job]
