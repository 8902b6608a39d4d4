"""/v1/projects: creates, processes and lists projects.

A handler changes state in one transaction, then submits runs.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.builtin_templates import get_builtin_config
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.envelope import Data, Limit, Offset, Ok, Page, paginated
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.outbound_urls import check_outbound_url
from api.rate_limits import PROJECT_CREATES, consume
from api.request_fields import LANGUAGE_PATTERN, NO_NUL_PATTERN, Search, Seconds, Title, Url
from api.routes.clips import ClipBrief, build_clip_brief
from api.routes.embedded_store import upload_too_large
from api.routes.uploads import sign_upload_url
from api.signed_urls import sign_url
from api.video_types import resolve_video_type
from carmic_assets.model.media import AudioTrack
from resources import clips, exports, projects, renders, run_intents, webhooks
from resources import templates as workspace_templates
from resources.field_types import ErrorSentence, Percentage, SignedUrl, StoredKey, Timestamp, Uuid
from resources.file_names import clean_file_name, read_url_name
from resources.outbox import WEBHOOK_EVENTS
from resources.platform import Platform
from resources.projects import NewProject, Project, Status
from resources.signing_keys import Cipher

VideoType = Literal[
    "auto",
    "podcast",
    "interview",
    "tutorial",
    "lecture",
    "webinar",
    "vlog",
    "gaming",
    "news",
    "sports",
    "other",
]
Language = Annotated[str, Meta(pattern=LANGUAGE_PATTERN, description="ISO 639-1, or `auto`.", examples=["en"])]
Instructions = Annotated[str, Meta(pattern=NO_NUL_PATTERN, max_length=4000)]
TemplateId = Annotated[str, Meta(pattern=NO_NUL_PATTERN, max_length=80, examples=["system:HORMOZI:9_16"])]
VideoFilename = Annotated[str, Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=500, examples=["podcast.mp4"])]
DELETED = "The project was deleted."
UPLOAD_URL_LIFETIME_S = 6 * 3600  # an upload of 5 GB over a slow connection takes hours
INGESTION: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Ingestion"]}
PROJECTS: dict[str, Any] = {**INGESTION, "tags": ["Projects"]}
CREATES_PROJECT: dict[str, Any] = {
    **INGESTION,
    "rate_limit": PROJECT_CREATES,
    "counted_by_handler": True,
    "idempotent": True,
}


class ClipDurations(msgspec.Struct):
    """How long clips are to be, in seconds."""

    min: Annotated[float, Meta(ge=5, le=180, description="The shortest clip, in seconds.", examples=[20])] = 15
    max: Annotated[float, Meta(ge=5, le=180, description="The longest clip, in seconds.", examples=[60])] = 60


class ProcessingOptions(msgspec.Struct, kw_only=True):
    """Options for processing a video. Trims are seconds of the source."""

    title: Annotated[
        Title | None, Meta(description="Title of the project; the file's name if omitted.", examples=["Episode 12"])
    ] = None
    video_type: Annotated[VideoType, Meta(description="Kind of the video, which weighs what makes a good clip.")] = (
        "auto"
    )
    language: Annotated[
        Language | None,
        Meta(description="Language of the speech: an ISO 639-1 code, or `auto` to recognise it.", examples=["en"]),
    ] = None
    language_mode: Annotated[
        Literal["single", "multi"], Meta(description="`multi` if speakers change the language within the video.")
    ] = "single"
    enable_multimodal: Annotated[
        bool, Meta(description="Whether Gemini, where it is configured, refines the choice by the frames too.")
    ] = False
    custom_instructions: Annotated[
        Instructions | None,
        Meta(description="What to look for, in plain words.", examples=["Prefer moments about hiring."]),
    ] = None
    trim_start: Annotated[
        Seconds | None, Meta(description="Where the analysis starts, in seconds of the source.", examples=[60])
    ] = None
    trim_end: Annotated[
        Seconds | None, Meta(description="Where the analysis ends, in seconds of the source.", examples=[1800])
    ] = None
    audio_track: Annotated[
        AudioTrack,
        Meta(description="`auto` takes the track with most speech, `mix` all of them, a number that track, from 0."),
    ] = "auto"

    clip_durations: Annotated[
        ClipDurations | None, Meta(description="How long clips are to be; the scorer's own bounds if omitted.")
    ] = None
    template_id: Annotated[
        TemplateId | None,
        Meta(description="Template of the clips, until they are edited; the workspace's default if omitted."),
    ] = None

    webhook_url: Annotated[
        Url | None,
        Meta(description="Public https:// URL that receives the events of this project, as a webhook does."),
    ] = None


class ProjectRequest(ProcessingOptions, kw_only=True):
    """A video that the client will upload."""

    filename: Annotated[
        VideoFilename, Meta(description="Name of the video file, with its extension.", examples=["podcast.mp4"])
    ]
    filesize: Annotated[
        int,
        Meta(
            ge=1,
            le=2**53,
            examples=[524288000],
            description="Size of the video in bytes. The upload must have exactly this size.",
        ),
    ]
    content_type: Annotated[
        Annotated[str, Meta(max_length=200, examples=["video/mp4"])] | None,
        Meta(
            description="Media type or a short name such as mp4; derived from the file's name if omitted.",
            examples=["video/mp4"],
        ),
    ] = None
    duration: Annotated[
        Seconds | None,
        Meta(
            description="Length of the video in seconds, if known: its minutes are reserved at once.", examples=[1800]
        ),
    ] = None


class UrlRequest(ProcessingOptions, kw_only=True):
    """A video that the server downloads."""

    url: Annotated[Url, Meta(description="Public URL of the video, or of a page with a video.")]


class _WebhookSecret(msgspec.Struct, kw_only=True):
    """The secret of the project's own webhook."""

    webhook_secret: Annotated[
        str | None,
        Meta(
            description="Signs the deliveries to `webhook_url`; shown only here. Null without `webhook_url`.",
            examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        ),
    ] = None


class ProjectCreated(_WebhookSecret):
    """PUT the video to `upload_url` in one request, or upload it to `resumable_url` by tus. It has `filesize` bytes."""

    project_id: Annotated[Uuid, Meta(description="Id of the new project.")]
    upload_url: Annotated[SignedUrl, Meta(description="Signed URL that takes the video by PUT within six hours.")]
    object_key: Annotated[StoredKey, Meta(description="Key that the video will have in the object store.")]
    resumable_url: Annotated[
        str,
        Meta(
            description="URL that takes the same bytes by tus 1.0.0 for one day, and survives interruptions.",
            examples=["https://carmic.example/api/v1/uploads/eyJ0"],
        ),
    ]


class ProjectStarted(_WebhookSecret):
    """A project whose run is queued."""

    project_id: Annotated[Uuid, Meta(description="Id of the new project.")]
    status: Annotated[str, Meta(description="Status of the project.", examples=["DOWNLOADING"])]
    current_step: Annotated[str, Meta(description="What happens at the moment, for display.", examples=["Queued"])]


class ProjectStatus(msgspec.Struct):
    """The progress of a project, as a percentage."""

    id: Annotated[Uuid, Meta(description="Id of the project.")]
    status: Annotated[Status, Meta(description="Where the project stands. It only moves forward.")]
    title: Annotated[str, Meta(description="Title of the project.", examples=["Episode 12"])]
    progress: Annotated[Percentage, Meta(description="How much of the analysis is done, in percent.")]
    current_step: Annotated[
        str, Meta(description="What happens at the moment, for display.", examples=["Following faces"])
    ]
    clip_count: Annotated[int, Meta(description="How many clips were found so far.", examples=[8])]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the project failed; null if it did not.")]
    visual_pipeline_ready: Annotated[
        bool, Meta(description="Whether the layout timeline is ready and clips are listed.")
    ]


class ProjectOut(msgspec.Struct):
    """A project. `filesize` is in bytes; `duration` and trims are in seconds of the source."""

    id: Annotated[Uuid, Meta(description="Id of the project.")]
    title: Annotated[str, Meta(description="Title of the project.", examples=["Episode 12"])]
    status: Annotated[Status, Meta(description="Where the project stands. It only moves forward.")]
    progress: Annotated[Percentage, Meta(description="How much of the analysis is done, in percent.")]
    current_step: Annotated[
        str, Meta(description="What happens at the moment, for display.", examples=["Following faces"])
    ]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the project failed; null if it did not.")]
    filename: Annotated[str, Meta(description="Name of the video file.", examples=["podcast.mp4"])]
    filesize: Annotated[
        int, Meta(description="Size of the video in bytes; 0 until a download has ended.", examples=[524288000])
    ]
    content_type: Annotated[str, Meta(description="Media type of the video.", examples=["video/mp4"])]
    source_url: Annotated[
        str | None,
        Meta(
            description="URL that the video was downloaded from; null for an upload.",
            examples=["https://example.com/talk.mp4"],
        ),
    ]
    duration: Annotated[
        float | None,
        Meta(
            description="Length in seconds, as probed, or as declared before that; null if neither is known.",
            examples=[1800.04],
        ),
    ]
    language: Annotated[
        str | None,
        Meta(description="Language of the speech (ISO 639-1); null before it is recognised.", examples=["en"]),
    ]
    language_mode: Annotated[
        str,
        Meta(
            description="`multi` if speakers change the language within the video, else `single`.", examples=["single"]
        ),
    ]
    video_type: Annotated[str, Meta(description="Kind of the video, as it was sent at create.", examples=["podcast"])]
    custom_instructions: Annotated[
        str | None,
        Meta(
            description="What to look for, as it was sent at create; null if nothing was.",
            examples=["Prefer moments about hiring."],
        ),
    ]
    trim_start: Annotated[
        float | None,
        Meta(description="Where the analysis starts, in seconds of the source; null for the beginning.", examples=[60]),
    ]
    trim_end: Annotated[
        float | None,
        Meta(description="Where the analysis ends, in seconds of the source; null for the end.", examples=[1800]),
    ]
    thumbnail_url: Annotated[SignedUrl | None, Meta(description="Signed URL of a JPEG; null until it is drawn.")]
    visual_pipeline_ready: Annotated[
        bool, Meta(description="Whether the layout timeline is ready and clips are listed.")
    ]
    clips_ready_at: Annotated[Timestamp | None, Meta(description="When CLIPS_READY was reached; null before that.")]
    clip_count: Annotated[int, Meta(description="How many clips were found so far.", examples=[8])]
    created_at: Annotated[Timestamp, Meta(description="When the project was created.")]
    updated_at: Annotated[Timestamp, Meta(description="When the project was last changed.")]


class ProjectWithClips(ProjectOut):
    """A project and its clips."""

    clips: Annotated[
        list[ClipBrief], Meta(description="The clips of the project, best first; empty until `visual_pipeline_ready`.")
    ] = []


@post("/v1/projects/create", error_statuses=(402, 413, 415), **CREATES_PROJECT)
def create_project(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, data: JSONBody[ProjectRequest]
) -> Data[ProjectCreated]:
    """Create a project, and return a URL for the upload of the video.

    Reserves the minutes of `duration` if it is sent.
    """
    max_bytes = platform.settings.max_upload_bytes
    if data.filesize > max_bytes:
        raise upload_too_large(max_bytes)
    content_type, suffix = resolve_video_type(data.content_type, data.filename)
    _check_trims(data, data.duration)
    _check_webhook_url(platform, data)
    new = _build_new_project(data, clean_file_name(data.filename, "video"), content_type)
    new = msgspec.structs.replace(new, filesize=data.filesize, duration_s=data.duration)
    with platform.database.write() as connection:
        _check_template(connection, caller, data.template_id)
        consume(connection, request, PROJECT_CREATES, caller.workspace)
        project = projects.create(connection, caller.workspace, caller.user_id, new, suffix)
        key = project.object_key
        size = data.filesize
        url = platform.store.presign_put(
            key, UPLOAD_URL_LIFETIME_S, content_type=content_type, max_bytes=size, exact_bytes=size
        )
        secret = _create_webhook(platform, connection, project, data.webhook_url)
        resumable_url = sign_upload_url(platform, key, size)
        created = ProjectCreated(project.id, url, key, resumable_url, webhook_secret=secret)
        return record_response(connection, Data(created))


@post("/v1/projects/create-from-url", error_statuses=(402,), **CREATES_PROJECT)
def create_project_from_url(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    caller: CallerDep,
    data: JSONBody[UrlRequest],
) -> Data[ProjectStarted]:
    """Create a project whose video the server downloads from a public http(s) URL, and start processing it."""
    check_outbound_url(platform.settings, data.url, "`url`")
    _check_trims(data, None)
    _check_webhook_url(platform, data)
    new = msgspec.structs.replace(_build_new_project(data, read_url_name(data.url), "video/mp4"), source_url=data.url)
    with platform.database.write() as connection:
        _check_template(connection, caller, data.template_id)
        consume(connection, request, PROJECT_CREATES, caller.workspace)
        project = projects.create(connection, caller.workspace, caller.user_id, new, ".mp4")
        started = _start_run(connection, project.id, caller.workspace)
        if started is None or started.run_id is None:
            raise RuntimeError(f"the new project {project.id} could not be started")
        secret = _create_webhook(platform, connection, project, data.webhook_url)
        response = Data(ProjectStarted(started.id, started.status, started.current_step, webhook_secret=secret))
        record_response(connection, response)
    dispatcher.submit(started.run_id)
    return response


@post(
    "/v1/projects/{project_id:uuid}/process",
    idempotent=True,
    status_code=202,
    error_statuses=(402, 409, 413),
    **INGESTION,
)
def process_project(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, project_id: PathId
) -> Data[ProjectStatus]:
    """Start processing the uploaded video.

    Runs above the tier's limit wait in a queue. 409 if processing was started before.
    """
    with platform.database.read() as connection:
        project = require_project(connection, caller, project_id)
    if project.run_id is not None or project.status not in ("PENDING_UPLOAD", "UPLOADING"):
        raise ApiError(409, f"This project has already been started; it is {project.status}.")
    video = platform.store.stat(project.object_key)
    if video is None:
        raise ApiError(409, "The video has not been uploaded yet. PUT it to the project's `upload_url` first.")
    if video.size > platform.settings.max_upload_bytes:
        raise upload_too_large(platform.settings.max_upload_bytes)
    if video.size != project.filesize:
        sentence = f"The upload has {video.size} bytes, but `filesize` declared {project.filesize}."
        raise ApiError(409, f"{sentence} Upload the whole file, or create a project with its size.")
    with platform.database.write() as connection:
        started = _start_run(connection, project.id, caller.workspace)
        if started is None or started.run_id is None:
            raise ApiError(409, "This project has already been started.")
        response = record_response(connection, Data(_build_status(started, 0)))
    dispatcher.submit(started.run_id)
    return response


@get("/v1/projects/{project_id:uuid}/status", **INGESTION)
def get_project_status(platform: PlatformDep, caller: CallerDep, project_id: PathId) -> Data[ProjectStatus]:
    """Return the progress of a project. `/stream` sends the same without polling."""
    with platform.database.read() as connection:
        project = require_project(connection, caller, project_id)
        clip_count = projects.count_clips(connection, [project.id]).get(project.id, 0)
    return Data(_build_status(project, clip_count))


@route(
    "/v1/projects/{project_id:uuid}/cancel",
    http_method=["POST", "DELETE"],
    status_code=200,
    error_statuses=(409,),
    **INGESTION,
)
def cancel_project(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, project_id: PathId
) -> Data[ProjectStatus]:
    """Cancel the processing and refund its minutes. 409 if it has already ended."""
    with platform.database.write() as connection:
        project = require_project(connection, caller, project_id)
        if not projects.end(connection, project.id, "CANCELLED", None):
            raise ApiError(409, f"Only running processing can be cancelled; this project is {project.status}.")
        run_ids = _cancel_runs(connection, project.id, subject_id=project.id)
        cancelled = require_project(connection, caller, project_id)
    dispatcher.terminate(run_ids)
    return Data(_build_status(cancelled, 0))


@get("/v1/projects", **PROJECTS)
def list_projects(
    platform: PlatformDep,
    caller: CallerDep,
    limit: Limit = 20,
    offset: Offset = 0,
    search: Search = "",
    filter_status: Annotated[
        Status | None, QueryParameter(name="status", description="Only projects in this status.")
    ] = None,
) -> Page[ProjectOut]:
    """List the workspace's projects, newest first. `search` applies to titles and file names."""
    with platform.database.read() as connection:
        rows, total = projects.list_page(
            connection, caller.workspace, limit=limit, offset=offset, search=search.strip(), status=filter_status or ""
        )
        counts = projects.count_clips(connection, [project.id for project in rows])
    items = [ProjectOut(**_project_fields(platform, project, counts.get(project.id, 0))) for project in rows]
    return paginated(items, total, limit, offset)


@get("/v1/projects/{project_id:uuid}", **PROJECTS)
def get_project(platform: PlatformDep, caller: CallerDep, project_id: PathId) -> Data[ProjectWithClips]:
    """Return a project with its clips, best first. Clips are listed once `visual_pipeline_ready` is true."""
    with platform.database.read() as connection:
        project = require_project(connection, caller, project_id)
        rows = clips.list_for_project(connection, project.id) if project.visual_pipeline_ready else []
    items = [build_clip_brief(platform, project, clip) for clip in rows]
    return Data(ProjectWithClips(**_project_fields(platform, project, len(items)), clips=items))


@delete("/v1/projects/{project_id:uuid}", status_code=200, **PROJECTS)
def delete_project(platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, project_id: PathId) -> Data[Ok]:
    """Delete a project. Its runs are cancelled and refunded; its objects are deleted within a minute."""
    with platform.database.write() as connection:
        project = require_project(connection, caller, project_id)
        projects.delete(connection, project.id)
        run_ids = _cancel_runs(connection, project.id)
        for run_id in run_ids:
            for render in renders.list_active_for_run(connection, run_id):
                renders.fail(connection, render.id, DELETED)
            for export in exports.list_active_for_run(connection, run_id):
                exports.fail(connection, export.id, DELETED)
    dispatcher.terminate(run_ids)
    return Data(Ok())


def require_project(connection: Connection, caller: Caller, project_id: UUID) -> Project:
    """Return a project of the caller's workspace. Raises ApiError 404 if there is none."""
    project = projects.get(connection, str(project_id))
    if project is None or project.workspace_id != caller.workspace:
        raise not_found("project")
    return project


def _start_run(connection: Connection, project_id: str, workspace_id: str) -> Project | None:
    """Assign a new run to the project and enqueue it. Returns None if a concurrent request has already done so."""
    run_id = run_intents.new_run_id()
    started = projects.assign_run(connection, project_id, run_id)
    if started is not None:
        run_intents.enqueue(connection, run_id, "ingest_video", workspace_id, project_id, project_id)
    return started


def _cancel_runs(connection: Connection, project_id: str, subject_id: str | None = None) -> list[str]:
    """Cancel the project's unfinished runs, or those of one subject.

    Returns their ids, for termination after the commit.
    """
    open_runs = run_intents.list_open(connection, project_id)
    run_ids = [intent.run_id for intent in open_runs if subject_id in (None, intent.subject_id)]
    for run_id in run_ids:
        run_intents.set_state(connection, run_id, "CANCELLED")
    return run_ids


def _build_new_project(options: ProcessingOptions, filename: str, content_type: str) -> NewProject:
    durations = options.clip_durations
    if durations is not None and durations.max < durations.min:
        raise ApiError(422, "`clip_durations.max` must not be less than `clip_durations.min`.")
    return NewProject(
        title=options.title or PurePath(filename).stem or filename,
        filename=filename,
        content_type=content_type,
        language=None if options.language == "auto" else options.language,
        language_mode=options.language_mode,
        audio_track=str(options.audio_track),
        video_type=options.video_type,
        enable_multimodal=options.enable_multimodal,
        custom_instructions=options.custom_instructions,
        trim_start_s=options.trim_start,
        trim_end_s=options.trim_end,
        clip_bounds=None if durations is None else {"min_s": durations.min, "max_s": durations.max},
        template_id=options.template_id,
    )


def _create_webhook(platform: Platform, connection: Connection, project: Project, url: str | None) -> str | None:
    """Subscribe the URL to the project's events, if there is one. Returns the signing secret."""
    if url is None:
        return None
    cipher = Cipher(platform.settings, webhooks.CIPHER_PURPOSE)
    events = [name for name in WEBHOOK_EVENTS if name.startswith(("project.", "clip.", "export."))]
    description = "webhook_url of a project"
    webhook = webhooks.create(connection, cipher, project.workspace_id, url, events, description, project.id)
    return webhooks.unseal_secret(cipher, webhook.secret)


def _check_webhook_url(platform: Platform, options: ProcessingOptions) -> None:
    """Raise ApiError 400 if the server may not post to `webhook_url`."""
    if options.webhook_url is not None:
        check_outbound_url(platform.settings, options.webhook_url, "`webhook_url`")


def _check_template(connection: Connection, caller: Caller, template_id: str | None) -> None:
    """Raise ApiError 422 unless the template is a built-in one or one of the workspace."""
    if template_id is None or get_builtin_config(template_id) is not None:
        return
    if workspace_templates.get(connection, caller.workspace, template_id) is None:
        raise ApiError(422, "`template_id` names no template of this workspace. List them at GET /v1/templates.")


def _check_trims(options: ProcessingOptions, duration_s: float | None) -> None:
    start, end = options.trim_start or 0.0, options.trim_end
    if end is not None and end <= start:
        raise ApiError(422, "`trim_end` must be after `trim_start`.")
    if duration_s and start >= duration_s:
        raise ApiError(422, "`trim_start` must be before the end of the video (`duration`).")


def _build_status(project: Project, clip_count: int) -> ProjectStatus:
    return ProjectStatus(
        project.id,
        cast(Status, project.status),
        project.title,
        project.progress,
        project.current_step,
        clip_count,
        project.error_message,
        project.visual_pipeline_ready,
    )


def build_project(platform: Platform, project: Project, clip_count: int) -> ProjectOut:
    """Build the response for a project without its clips."""
    return ProjectOut(**_project_fields(platform, project, clip_count))


def _project_fields(platform: Platform, project: Project, clip_count: int) -> dict[str, Any]:
    columns = {name: getattr(project, name) for name in ProjectOut.__struct_fields__ if hasattr(project, name)}
    return {
        **columns,
        "duration": project.duration_s or project.declared_duration_s,
        "trim_start": project.trim_start_s,
        "trim_end": project.trim_end_s,
        "thumbnail_url": sign_url(platform, project.thumbnail_key, "image/jpeg"),
        "clip_count": clip_count,
    }


ROUTES: list[HTTPRouteHandler] = [
    create_project,
    create_project_from_url,
    process_project,
    get_project_status,
    cancel_project,
    list_projects,
    get_project,
    delete_project,
]
