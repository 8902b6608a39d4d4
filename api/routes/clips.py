"""/v1/clips: the editor. What a clip is made of, saving an edit, rendering it, getting the MP4."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put, route
from litestar.params import FromQuery, JSONBody, RawBody
from msgspec import Meta
from sqlalchemy import Connection

from api import edit_validation
from api.access import Access, Caller, unauthorized
from api.builtin_templates import shipped_config
from api.dependencies import Id, TheCaller, TheHydrator, TheLauncher, ThePlatform
from api.editor_hydration import Hydrator, TranscriptOut, bounds_of
from api.envelope import Data
from api.errors import ApiError, not_found
from api.request_fields import Title
from api.run_dispatch import Launcher
from api.signed_urls import link, opens_source, source_link
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.scene import SourceShot, SpatialMatrix
from carmic_assets.model.template import TemplateConfig
from resources import clips, projects, renders, run_intents
from resources import templates as own_templates
from resources.clips import Clip
from resources.platform import Platform
from resources.projects import Project

ClipStatus = Literal["DETECTED", "QUEUED", "RENDERING", "RENDERED", "FAILED_RENDER"]
Seconds = Annotated[float, Meta(ge=0, le=864_000)]


class ClipBrief(msgspec.Struct):
    """A clip in its project's list. Times are seconds of the source."""

    id: str
    project_id: str
    title: str
    start_time: float
    end_time: float
    duration: float
    virality_score: int
    score_breakdown: dict[str, int]
    reasoning: str
    hashtags: list[str]
    status: ClipStatus
    error_message: str | None
    thumbnail_url: str | None
    video_url: str | None
    source_video_url: str
    proxy_url: str | None
    broll_suggestions: list[dict[str, Any]]


class ClipOut(ClipBrief):
    """Everything the editor needs. The timeline is what the renderer and the packages follow."""

    version: int
    template_config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ClipFull(ClipOut):
    """`ClipOut`, and `Hydration` beside it in the same object. For the schema: `_full` joins the two as text."""

    transcript: TranscriptOut
    ai_suggested_layout_timeline: tuple[LayoutShot, ...]
    advanced_spatial_matrix: SpatialMatrix | None
    shots: tuple[SourceShot, ...]
    crop_metrics: CropMetrics | None


class ClipEdit(TemplateConfig, frozen=True, kw_only=True):
    """`TemplateConfig`, and beside it what else a client may change. Bounds are seconds of the source."""

    title: Title | None = None
    start_time: Seconds | None = None
    end_time: Seconds | None = None


BESIDE = ("title", "start_time", "end_time")
QUEUES_RENDER: dict[str, Any] = {
    "access": Access.EDITOR,
    "idempotent": True,
    "status_code": 202,
    "refuses": (402, 409),
    "sync_to_thread": True,
    "tags": ["Clips and editor"],
}


class RenderQueued(msgspec.Struct):
    render_job_id: str
    status: str
    clip_id: str


class RenderProgress(msgspec.Struct):
    """`notes` are sentences on what of the config could not be as it says; the MP4 is whole all the same."""

    clip_id: str
    status: ClipStatus
    progress: int
    render_job_id: str | None
    error_message: str | None
    notes: list[str]


@get("/v1/clips/{clip_id:uuid}", access=Access.EDITOR, sync_to_thread=True, tags=["Clips and editor"])
def detail(
    platform: ThePlatform,
    hydrator: TheHydrator,
    caller: TheCaller,
    clip_id: Id,
) -> Response[Data[ClipFull]]:
    """The clip as the editor opens it. `ETag` names the saved version; send it as `If-Match` when saving."""
    with platform.database.read() as connection:
        project, clip = owned(connection, caller, clip_id)
    return _full(platform, hydrator, project, clip)


@put(
    "/v1/clips/{clip_id:uuid}",
    access=Access.EDITOR,
    sync_to_thread=True,
    refuses=(409, 412),
    tags=["Clips and editor"],
)
def save(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    hydrator: TheHydrator,
    caller: TheCaller,
    clip_id: Id,
    data: JSONBody[ClipEdit],
    body: RawBody,
) -> Response[Data[ClipFull]]:
    """Save the editor's state: replaces the whole config. Unknown fields are kept and given back.

    With `If-Match` and somebody else's change in between: 412, and nothing is saved.
    """
    raw = {name: value for name, value in edit_validation.document(body).items() if name not in BESIDE}
    with platform.database.read() as connection:
        project, clip = owned(connection, caller, clip_id)
        styles = edit_validation.own_styles(connection, caller.workspace)
        fonts = edit_validation.own_fonts(connection, caller.workspace, data, styles)
    video = hydrator.video(clip.workspace_id, clip.project_id)
    start = clip.start_s if data.start_time is None else data.start_time
    end = clip.end_s if data.end_time is None else data.end_time
    if (start, end) != (clip.start_s, clip.end_s):
        source_s = video.facts.duration_s if video.facts else project.duration_s
        edit_validation.check_bounds(start, end, source_s)
        start, end = bounds_of(video, start, end)
    first, last = bounds_of(video, start, end)
    with edit_validation.opened(platform, fonts) as files:
        edit_validation.check(data, last - first, styles, files)
    edit_validation.check_media(platform, caller.workspace, data)
    with platform.database.write() as connection:
        saved = clips.edit(
            connection,
            clip.id,
            raw,
            title=data.title,
            start_s=start,
            end_s=end,
            if_version=_expected(request, clip),
        )
    if saved is None:
        raise ApiError(412, "Somebody saved this clip since you read it. Read it again and save your change anew.")
    return _full(platform, hydrator, project, saved)


@post("/v1/clips/{clip_id:uuid}/render", **QUEUES_RENDER)
def render(platform: ThePlatform, launcher: TheLauncher, caller: TheCaller, clip_id: Id) -> Data[RenderQueued]:
    """Queue the final render of the clip as it stands now. Charges its length; a failure gives that back."""
    return _render(platform, launcher, caller, clip_id)


@post("/v1/clips/{clip_id:uuid}/retry-render", **QUEUES_RENDER)
def retry_render(platform: ThePlatform, launcher: TheLauncher, caller: TheCaller, clip_id: Id) -> Data[RenderQueued]:
    """Queue a clip whose render failed again. 409 where none failed."""
    return _render(platform, launcher, caller, clip_id, only="FAILED_RENDER")


@get("/v1/clips/{clip_id:uuid}/render-progress", access=Access.EDITOR, sync_to_thread=True, tags=["Clips and editor"])
def render_progress(platform: ThePlatform, caller: TheCaller, clip_id: Id) -> Data[RenderProgress]:
    """How far the newest render is."""
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
        newest = renders.get(connection, clip.render_id) if clip.render_id else None
    if newest is None:
        return Data(RenderProgress(clip.id, "DETECTED", 0, None, None, []))
    status: Any = newest.status
    notes = (newest.facts or {}).get("notes", [])
    return Data(RenderProgress(clip.id, status, newest.progress, newest.id, newest.error_message, notes))


@route(
    "/v1/clips/{clip_id:uuid}/video",
    http_method=["GET", "HEAD"],
    access=Access.EDITOR,
    status_code=302,
    sync_to_thread=True,
    tags=["Clips and editor"],
)
def video(platform: ThePlatform, caller: TheCaller, clip_id: Id) -> Response[None]:
    """The newest finished MP4: a redirect to its signed address, which serves ranges. 404 before the first render."""
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
    target = link(platform, clip.video_key, "video/mp4")
    if target is None:
        raise ApiError(404, "This clip has not been rendered yet. Start with POST /clips/{clip_id}/render.")
    return _redirect(target)


@route(
    "/v1/clips/{clip_id:uuid}/source-video",
    http_method=["GET", "HEAD"],
    access=Access.SIGNED_OR_EDITOR,
    status_code=302,
    sync_to_thread=True,
    tags=["Clips and editor"],
)
def source_video(
    platform: ThePlatform,
    caller: TheCaller,
    clip_id: Id,
    token: FromQuery[str] = "",
) -> Response[None]:
    """The video the clip is cut from: a redirect to its signed address. Public with the token of `source_video_url`."""
    with platform.database.read() as connection:
        if token:
            if not opens_source(platform, str(clip_id), token):
                raise unauthorized("This link is not valid or has expired. Read the clip again for a new one.")
            clip = clips.get(connection, str(clip_id))
            project = projects.get(connection, clip.project_id) if clip else None
        else:
            project, clip = owned(connection, caller, clip_id)
    if project is None:
        raise ApiError(404, "The video of this clip does not exist (any more).")
    target = link(platform, project.object_key, project.content_type)
    assert target is not None
    return _redirect(target)


def owned(connection: Connection, caller: Caller, clip_id: UUID) -> tuple[Project, Clip]:
    """The clip, in the config that it is rendered in now, and its project, if they are of the caller's workspace.
    Raises 404 else."""
    project, clip = _stored(connection, caller, clip_id)
    return project, _started(connection, clip)


def _stored(connection: Connection, caller: Caller, clip_id: UUID) -> tuple[Project, Clip]:
    clip = clips.get(connection, str(clip_id))
    project = projects.get(connection, clip.project_id) if clip else None
    if clip is None or project is None or clip.workspace_id != caller.workspace:
        raise not_found("clip")
    return project, clip


def _started(connection: Connection, clip: Clip) -> Clip:
    """A clip that nobody has edited starts with the workspace's default template for 9:16, if there is one."""
    if clip.template_config is not None:
        return clip
    chosen = own_templates.defaults(connection, clip.workspace_id).get("9_16")
    if chosen is None:
        return clip
    own = own_templates.get(connection, clip.workspace_id, chosen)
    config = own.template_config if own is not None else shipped_config(chosen)
    return msgspec.structs.replace(clip, template_config=config)


def brief(platform: Platform, project: Project, clip: Clip) -> ClipBrief:
    return ClipBrief(**_brief(platform, project, clip))


def _brief(platform: Platform, project: Project, clip: Clip) -> dict[str, Any]:
    return {
        "id": clip.id,
        "project_id": clip.project_id,
        "title": clip.title,
        "start_time": clip.start_s,
        "end_time": clip.end_s,
        "duration": round(clip.end_s - clip.start_s, 6),
        "virality_score": clip.virality_score,
        "score_breakdown": clip.score_breakdown,
        "reasoning": clip.reasoning,
        "hashtags": clip.hashtags,
        "status": clip.status,
        "error_message": clip.error_message,
        "thumbnail_url": link(platform, clip.thumbnail_key or project.thumbnail_key, "image/jpeg"),
        "video_url": link(platform, clip.video_key, "video/mp4"),
        "source_video_url": source_link(platform, clip.id),
        "proxy_url": _proxy(platform, project),
        "broll_suggestions": clips.suggestions(clip),
    }


def _proxy(platform: Platform, project: Project) -> str | None:
    """The 720p copy, which is made after the clips are found; until then the video itself, so that players play."""
    if project.proxy_key is None:
        return link(platform, project.object_key, project.content_type)
    return link(platform, project.proxy_key, "video/mp4")


def _full(platform: Platform, hydrator: Hydrator, project: Project, clip: Clip) -> Response[Any]:
    """`ClipOut` and the remembered `Hydration`, joined as JSON text: two objects become one."""
    computed = bytes(hydrator.clip(clip, edit_validation.parsed(clip.template_config)))
    own = ClipOut(
        **_brief(platform, project, clip),
        version=clip.version,
        template_config=edit_validation.filled(clip.template_config),
        created_at=clip.created_at,
        updated_at=clip.updated_at,
    )
    text = b'{"data":' + msgspec.json.encode(own)[:-1] + b"," + computed[1:] + b"}"
    return Response(text, media_type="application/json", headers={"ETag": f'"{clip.version}"'})


def _expected(request: Request[Any, Any, Any], clip: Clip) -> int | None:
    """The version that `If-Match` names. None: any will do."""
    header = request.headers.get("if-match", "*").strip()
    if header == "*":
        return None
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return clip.version if str(clip.version) in tags else -1


def _render(
    platform: Platform, launcher: Launcher, caller: Caller, clip_id: UUID, only: str | None = None
) -> Data[RenderQueued]:
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        _, clip = _stored(connection, caller, clip_id)
        if only is not None and clip.status != only:
            raise ApiError(409, f"No render of this clip has failed; it is {clip.status}.")
        if clip.template_config is None and (config := _started(connection, clip).template_config) is not None:
            clip = clips.edit(connection, clip.id, config) or clip  # what was rendered stays the clip's own
        queued = renders.queue(connection, clip, run_id)
        run_intents.promise(connection, run_id, "render_clips", clip.workspace_id, clip.project_id, queued.id)
    launcher.launch(run_id)
    return Data(RenderQueued(queued.id, queued.status, clip.id))


def _redirect(target: str) -> Response[None]:
    headers = {"Location": target, "Cache-Control": "no-store"}
    return Response(None, status_code=302, headers=headers, media_type="text/plain")  # as JSON, nothing is `null`


ROUTES: list[Any] = [detail, save, render, retry_render, render_progress, video, source_video]
