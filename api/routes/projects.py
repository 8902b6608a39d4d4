"""/v1/projects: from a file or a URL to clips. Each handler changes state in one transaction; runs follow after it."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post, route
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import Id, TheCaller, TheLauncher, ThePlatform
from api.envelope import Data, Limit, Offset, Ok, Page, page
from api.errors import ApiError, not_found
from api.rate_limits import CREATES, spend
from api.request_fields import LANGUAGE, NO_NUL, Search, Title, Url
from api.routes import uploads
from api.routes.clips import ClipBrief, brief
from api.signed_urls import link
from api.video_types import kind_of
from resources import clips, exports, projects, renders, run_intents
from resources.outbound import Outbound, Refused
from resources.platform import Platform
from resources.projects import NewProject, Project, Status

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
Seconds = Annotated[float, Meta(ge=0, le=864_000)]
Language = Annotated[str, Meta(pattern=LANGUAGE, description="ISO 639-1, or `auto`.", examples=["en"])]
Instructions = Annotated[str, Meta(pattern=NO_NUL, max_length=4000)]
DELETED = "The project was deleted."
UPLOAD_LIFE_S = 6 * 3600  # 5 GB over a slow line take hours


class Wishes(msgspec.Struct, kw_only=True):
    """What may be said of a video, uploaded or fetched. Trims are in seconds of the source."""

    title: Title | None = None
    video_type: VideoType = "auto"
    language: Language | None = None
    language_mode: Literal["single", "multi"] = "single"
    enable_multimodal: bool = False
    custom_instructions: Instructions | None = None
    trim_start: Seconds | None = None
    trim_end: Seconds | None = None


class ProjectIn(Wishes, kw_only=True):
    filename: Annotated[str, Meta(pattern=NO_NUL, min_length=1, max_length=500, examples=["podcast.mp4"])]
    filesize: Annotated[int, Meta(ge=0, le=2**53, description="Bytes.", examples=[524288000])]
    content_type: Annotated[str, Meta(max_length=200, examples=["video/mp4"])] | None = None
    duration: Seconds | None = None


class UrlIn(Wishes, kw_only=True):
    url: Url


class ProjectCreated(msgspec.Struct):
    """`upload_url` takes one PUT; `resumable_url` takes the same bytes by tus, over as many connections as it needs."""

    project_id: str
    upload_url: str
    object_key: str
    resumable_url: str


class ProjectStarted(msgspec.Struct):
    project_id: str
    status: str
    current_step: str


class ProjectStatus(msgspec.Struct):
    id: str
    status: Status
    title: str
    progress: int
    current_step: str
    clip_count: int
    error_message: str | None
    visual_pipeline_ready: bool


class ProjectOut(msgspec.Struct):
    id: str
    title: str
    status: Status
    progress: int
    current_step: str
    error_message: str | None
    filename: str
    filesize: int
    content_type: str
    source_url: str | None
    duration: float | None
    language: str | None
    language_mode: str
    video_type: str
    custom_instructions: str | None
    trim_start: float | None
    trim_end: float | None
    thumbnail_url: str | None
    visual_pipeline_ready: bool
    clips_ready_at: datetime | None
    clip_count: int
    created_at: datetime
    updated_at: datetime


class ProjectWithClips(ProjectOut):
    clips: list[ClipBrief] = []


@post(
    "/v1/projects/create",
    access=Access.EDITOR,
    limit=CREATES,
    counted_by_handler=True,
    idempotent=True,
    refuses=(402, 413, 415),
    sync_to_thread=True,
    tags=["Ingestion"],
)
def create(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    caller: TheCaller,
    data: JSONBody[ProjectIn],
) -> Data[ProjectCreated]:
    """Create a project and get an address to PUT the video to. Reserves the minutes of `duration`, if given."""
    if data.filesize > platform.settings.max_upload_bytes:
        raise uploads.too_large(platform.settings.max_upload_bytes)
    kind, suffix = kind_of(data.content_type, data.filename)
    _check_trims(data, data.duration)
    new = _new(data, data.filename, kind, filesize=data.filesize, duration_s=data.duration)
    with platform.database.write() as connection:
        spend(connection, request, CREATES, caller.workspace)
        project = projects.create(connection, caller.workspace, caller.user_id, new, suffix)
    limit = platform.settings.max_upload_bytes
    url = platform.store.presign_put(project.object_key, UPLOAD_LIFE_S, content_type=kind, max_bytes=limit)
    resumable = uploads.address(platform, project.object_key, data.filesize)
    return Data(ProjectCreated(project.id, url, project.object_key, resumable))


@post(
    "/v1/projects/create-from-url",
    access=Access.EDITOR,
    limit=CREATES,
    counted_by_handler=True,
    idempotent=True,
    refuses=(402,),
    sync_to_thread=True,
    tags=["Ingestion"],
)
def create_from_url(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    launcher: TheLauncher,
    caller: TheCaller,
    data: JSONBody[UrlIn],
) -> Data[ProjectStarted]:
    """Create a project whose video the server fetches, and start on it. Public http(s) addresses only."""
    try:
        Outbound(platform.settings.outbound_allow).check(data.url)
    except Refused as error:
        raise ApiError(400, f"`url`: {error}") from error
    _check_trims(data, None)
    filename = PurePath(data.url.partition("?")[0].rstrip("/")).name or "video"
    new = _new(data, filename[:500], "video/mp4", source_url=data.url)
    with platform.database.write() as connection:
        spend(connection, request, CREATES, caller.workspace)
        project = projects.create(connection, caller.workspace, caller.user_id, new, ".mp4")
        started = _start(connection, project.id, caller.workspace)
    assert started is not None and started.run_id is not None
    launcher.launch(started.run_id)
    return Data(ProjectStarted(started.id, started.status, started.current_step))


@post(
    "/v1/projects/{project_id:uuid}/process",
    access=Access.EDITOR,
    idempotent=True,
    status_code=202,
    refuses=(402, 409, 413),
    sync_to_thread=True,
    tags=["Ingestion"],
)
def process(
    platform: ThePlatform,
    launcher: TheLauncher,
    caller: TheCaller,
    project_id: Id,
) -> Data[ProjectStatus]:
    """Start on the uploaded video. Videos over the tier's limit wait in a queue. 409 when it was started before."""
    with platform.database.read() as connection:
        project = owned(connection, caller, project_id)
    if project.run_id is not None or project.status not in ("PENDING_UPLOAD", "UPLOADING"):
        raise ApiError(409, f"This project was started already; it is {project.status}.")
    found = platform.store.stat(project.object_key)
    if found is None:
        raise ApiError(409, "The video has not arrived yet. PUT it to the project's upload_url first.")
    if found.size > platform.settings.max_upload_bytes:
        raise uploads.too_large(platform.settings.max_upload_bytes)
    with platform.database.write() as connection:
        started = _start(connection, project.id, caller.workspace)
    if started is None or started.run_id is None:
        raise ApiError(409, "This project was started already.")
    launcher.launch(started.run_id)
    return Data(_status(started, 0))


@get("/v1/projects/{project_id:uuid}/status", access=Access.EDITOR, sync_to_thread=True, tags=["Ingestion"])
def status(platform: ThePlatform, caller: TheCaller, project_id: Id) -> Data[ProjectStatus]:
    """How far it is. `/stream` tells the same without polling."""
    with platform.database.read() as connection:
        project = owned(connection, caller, project_id)
        return Data(_status(project, projects.clip_counts(connection, [project.id]).get(project.id, 0)))


@route(
    "/v1/projects/{project_id:uuid}/cancel",
    http_method=["POST", "DELETE"],
    access=Access.EDITOR,
    status_code=200,
    refuses=(409,),
    sync_to_thread=True,
    tags=["Ingestion"],
)
def cancel(
    platform: ThePlatform,
    launcher: TheLauncher,
    caller: TheCaller,
    project_id: Id,
) -> Data[ProjectStatus]:
    """Stop the analysis and give its minutes back. 409 when it has ended."""
    with platform.database.write() as connection:
        project = owned(connection, caller, project_id)
        if not projects.end(connection, project.id, "CANCELLED", None):
            raise ApiError(409, f"There is nothing to cancel: the project is {project.status}.")
        stopped = _withdraw(connection, project.id, only_of=project.id)
        ended = owned(connection, caller, project_id)
    launcher.stop(stopped)
    return Data(_status(ended, 0))


@get("/v1/projects", access=Access.EDITOR, sync_to_thread=True, tags=["Projects"])
def listing(
    platform: ThePlatform,
    caller: TheCaller,
    limit: Limit = 20,
    offset: Offset = 0,
    search: Search = "",
    filter_status: Annotated[Status | None, QueryParameter(name="status", description="Of one status.")] = None,
) -> Page[ProjectOut]:
    """The workspace's projects, newest first. `search` looks into titles and file names."""
    with platform.database.read() as connection:
        rows, total = projects.listing(
            connection, caller.workspace, limit=limit, offset=offset, search=search.strip(), status=filter_status or ""
        )
        counts = projects.clip_counts(connection, [project.id for project in rows])
    found = [ProjectOut(**_fields(platform, project, counts.get(project.id, 0))) for project in rows]
    return page(found, total, limit, offset)


@get("/v1/projects/{project_id:uuid}", access=Access.EDITOR, sync_to_thread=True, tags=["Projects"])
def detail(platform: ThePlatform, caller: TheCaller, project_id: Id) -> Data[ProjectWithClips]:
    """A project with its clips, best first. Clips are listed once `visual_pipeline_ready` is true."""
    with platform.database.read() as connection:
        project = owned(connection, caller, project_id)
        found = clips.of_project(connection, project.id) if project.visual_pipeline_ready else []
    listed = [brief(platform, project, clip) for clip in found]
    return Data(ProjectWithClips(**_fields(platform, project, len(listed)), clips=listed))


@delete("/v1/projects/{project_id:uuid}", access=Access.EDITOR, status_code=200, sync_to_thread=True, tags=["Projects"])
def remove(
    platform: ThePlatform,
    launcher: TheLauncher,
    caller: TheCaller,
    project_id: Id,
) -> Data[Ok]:
    """Delete a project: cancels what runs, gives back the minutes of what had not ended, hides the project at once, and
    purges its objects soon after."""
    with platform.database.write() as connection:
        project = owned(connection, caller, project_id)
        projects.delete(connection, project.id)
        stopped = _withdraw(connection, project.id)
        for run_id in stopped:
            for render in renders.live_of_run(connection, run_id):
                renders.fail(connection, render.id, DELETED)
            for export in exports.live_of_run(connection, run_id):
                exports.fail(connection, export.id, DELETED)
    launcher.stop(stopped)
    return Data(Ok())


def owned(connection: Connection, caller: Caller, project_id: UUID) -> Project:
    """The project, if it is of the caller's workspace. Raises 404 else."""
    project = projects.get(connection, str(project_id))
    if project is None or project.workspace_id != caller.workspace:
        raise not_found("project")
    return project


def _start(connection: Connection, project_id: str, workspace_id: str) -> Project | None:
    """Claim the project for a new run and promise the run. None when somebody was first."""
    run_id = run_intents.new_run_id()
    started = projects.claim(connection, project_id, run_id)
    if started is not None:
        run_intents.promise(connection, run_id, "ingest_video", workspace_id, project_id, project_id)
    return started


def _withdraw(connection: Connection, project_id: str, only_of: str | None = None) -> list[str]:
    """Cancel the project's open runs, or those of one subject; their ids, to be terminated after the commit."""
    found = run_intents.open_of_project(connection, project_id)
    wanted = [intent.run_id for intent in found if only_of in (None, intent.subject_id)]
    for run_id in wanted:
        run_intents.move(connection, run_id, "CANCELLED")
    return wanted


def _new(data: Wishes, filename: str, kind: str, **known: Any) -> NewProject:
    return NewProject(
        title=data.title or PurePath(filename).stem or filename,
        filename=filename,
        content_type=kind,
        language=None if data.language == "auto" else data.language,
        language_mode=data.language_mode,
        video_type=data.video_type,
        enable_multimodal=data.enable_multimodal,
        custom_instructions=data.custom_instructions,
        trim_start_s=data.trim_start,
        trim_end_s=data.trim_end,
        **known,
    )


def _check_trims(data: Wishes, duration: float | None) -> None:
    start, end = data.trim_start or 0.0, data.trim_end
    if end is not None and end <= start:
        raise ApiError(422, "`trim_end` must be after `trim_start`.")
    if duration and start >= duration:
        raise ApiError(422, "`trim_start` lies past the end of the video (`duration`).")


def _status(project: Project, clip_count: int) -> ProjectStatus:
    return ProjectStatus(
        project.id,
        project.status,  # type: ignore[arg-type]
        project.title,
        project.progress,
        project.current_step,
        clip_count,
        project.error_message,
        project.visual_pipeline_ready,
    )


def _fields(platform: Platform, project: Project, clip_count: int) -> dict[str, Any]:
    same = {name: getattr(project, name) for name in ProjectOut.__struct_fields__ if hasattr(project, name)}
    return {
        **same,
        "duration": project.duration_s or project.declared_duration_s,
        "trim_start": project.trim_start_s,
        "trim_end": project.trim_end_s,
        "thumbnail_url": link(platform, project.thumbnail_key, "image/jpeg"),
        "clip_count": clip_count,
    }


ROUTES: list[Any] = [create, create_from_url, process, status, cancel, listing, detail, remove]
