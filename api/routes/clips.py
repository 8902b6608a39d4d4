"""/v1/clips: read a clip for the editor, save an edit, render it, download the MP4."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody, RawBody
from sqlalchemy import Connection

from api.access import Access, Caller, unauthorized
from api.builtin_templates import get_builtin_config
from api.dependencies import CallerDep, DispatcherDep, HydratorDep, PathId, PlatformDep
from api.edit_validation import (
    check_bounds,
    check_config,
    check_media,
    fill_defaults,
    load_workspace_fonts,
    load_workspace_styles,
    open_fonts,
    parse_config,
    parse_document,
)
from api.editor_hydration import Hydrator, TranscriptOut, snap_bounds
from api.envelope import Data
from api.errors import ApiError, not_found
from api.request_fields import Seconds, Title
from api.run_dispatch import RunDispatcher
from api.signed_urls import is_valid_source_token, sign_source_url, sign_url
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.scene import SourceShot, SpatialMatrix
from carmic_assets.model.template import TemplateConfig
from resources import clips, projects, renders, run_intents
from resources import templates as workspace_templates
from resources.clips import Clip
from resources.platform import Platform
from resources.projects import Project

ClipStatus = Literal["DETECTED", "QUEUED", "RENDERING", "RENDERED", "FAILED_RENDER"]
CLIP: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Clips and editor"]}
QUEUES_RENDER: dict[str, Any] = {**CLIP, "idempotent": True, "status_code": 202, "error_statuses": (402, 409)}
REDIRECTS: dict[str, Any] = {**CLIP, "http_method": ["GET", "HEAD"], "status_code": 302}


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
    """A clip with its saved config. `version` counts the saves."""

    version: int
    template_config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ClipFull(ClipOut):
    """`ClipOut` and `Hydration` in one object. For the schema only: `_respond_full` joins the JSON texts."""

    transcript: TranscriptOut
    ai_suggested_layout_timeline: tuple[LayoutShot, ...]
    advanced_spatial_matrix: SpatialMatrix | None
    shots: tuple[SourceShot, ...]
    crop_metrics: CropMetrics | None


class ClipEdit(TemplateConfig, frozen=True, kw_only=True):
    """A `TemplateConfig`, and the clip's other editable fields. Bounds are seconds of the source."""

    title: Title | None = None
    start_time: Seconds | None = None
    end_time: Seconds | None = None


CLIP_FIELDS = ("title", "start_time", "end_time")  # of a ClipEdit, the fields that are not part of the config


class RenderQueued(msgspec.Struct):
    """A queued render."""

    render_job_id: str
    status: str
    clip_id: str


class RenderProgress(msgspec.Struct):
    """`notes` are sentences on what the render could not do as the config says; the MP4 is complete all the same."""

    clip_id: str
    status: ClipStatus
    progress: int
    render_job_id: str | None
    error_message: str | None
    notes: list[str]


@get("/v1/clips/{clip_id:uuid}", **CLIP)
def get_clip(
    platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, clip_id: PathId
) -> Response[Data[ClipFull]]:
    """Return all that the editor needs of a clip. `ETag` is the saved version; send it as `If-Match` when saving."""
    with platform.database.read() as connection:
        project, clip = require_clip(connection, caller, clip_id)
    return _respond_full(platform, hydrator, project, clip)


@put("/v1/clips/{clip_id:uuid}", error_statuses=(409, 412), **CLIP)
def update_clip(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    hydrator: HydratorDep,
    caller: CallerDep,
    clip_id: PathId,
    data: JSONBody[ClipEdit],
    body: RawBody,
) -> Response[Data[ClipFull]]:
    """Save the editor's state. It replaces the whole config; unknown fields are stored and returned.

    With `If-Match`, and another save since then: 412, and nothing is saved.
    """
    raw = {name: value for name, value in parse_document(body).items() if name not in CLIP_FIELDS}
    with platform.database.read() as connection:
        project, clip = require_clip(connection, caller, clip_id)
        styles = load_workspace_styles(connection, caller.workspace)
        fonts = load_workspace_fonts(connection, caller.workspace, data, styles)
    video = hydrator.load_video(clip.workspace_id, clip.project_id)
    start = clip.start_s if data.start_time is None else data.start_time
    end = clip.end_s if data.end_time is None else data.end_time
    if (start, end) != (clip.start_s, clip.end_s):
        source_s = video.facts.duration_s if video.facts else project.duration_s
        check_bounds(start, end, source_s)
        start, end = snap_bounds(video, start, end)
    snapped_start, snapped_end = snap_bounds(video, start, end)
    with open_fonts(platform, fonts) as files:
        check_config(data, snapped_end - snapped_start, styles, files)
    check_media(platform, caller.workspace, data)
    version = _expected_version(request, clip)
    with platform.database.write() as connection:
        saved = clips.edit(connection, clip.id, raw, title=data.title, start_s=start, end_s=end, if_version=version)
    if saved is None:
        raise ApiError(412, "Another save has changed this clip. Read it again and repeat your change.")
    return _respond_full(platform, hydrator, project, saved)


@post("/v1/clips/{clip_id:uuid}/render", **QUEUES_RENDER)
def render_clip(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, clip_id: PathId
) -> Data[RenderQueued]:
    """Queue the final render of the clip as it is now. Charges the clip's length; a failed render is refunded."""
    return _queue_render(platform, dispatcher, caller, clip_id)


@post("/v1/clips/{clip_id:uuid}/retry-render", **QUEUES_RENDER)
def retry_clip_render(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, clip_id: PathId
) -> Data[RenderQueued]:
    """Queue a clip again whose render failed. 409 if it did not fail."""
    return _queue_render(platform, dispatcher, caller, clip_id, required_status="FAILED_RENDER")


@get("/v1/clips/{clip_id:uuid}/render-progress", **CLIP)
def get_render_progress(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Data[RenderProgress]:
    """Return the progress of the newest render."""
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
        render = renders.get(connection, clip.render_id) if clip.render_id else None
    if render is None:
        return Data(RenderProgress(clip.id, "DETECTED", 0, None, None, []))
    status = cast(ClipStatus, render.status)
    notes = (render.facts or {}).get("notes", [])
    return Data(RenderProgress(clip.id, status, render.progress, render.id, render.error_message, notes))


@route("/v1/clips/{clip_id:uuid}/video", **REDIRECTS)
def get_clip_video(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Response[None]:
    """Redirect to the signed URL of the newest finished MP4, which serves ranges. 404 before the first render."""
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
    return _redirect(
        sign_url(platform, clip.video_key, "video/mp4"),
        "This clip has not been rendered yet. Start with POST /clips/{clip_id}/render.",
    )


@route("/v1/clips/{clip_id:uuid}/source-video", **{**REDIRECTS, "access": Access.SIGNED_OR_EDITOR})
def get_source_video(
    platform: PlatformDep, caller: CallerDep, clip_id: PathId, token: FromQuery[str] = ""
) -> Response[None]:
    """Redirect to the signed URL of the video that the clip is cut from. Public with `source_video_url`'s token."""
    with platform.database.read() as connection:
        if token:
            if not is_valid_source_token(platform, str(clip_id), token):
                raise unauthorized("`token` is not valid or has expired. Read the clip again for a new URL.")
            clip = clips.get(connection, str(clip_id))
            project = projects.get(connection, clip.project_id) if clip else None
        else:
            project, clip = require_clip(connection, caller, clip_id)
    url = sign_url(platform, project.object_key, project.content_type) if project else None
    return _redirect(url, "The video of this clip does not exist, or was deleted.")


def require_clip(connection: Connection, caller: Caller, clip_id: UUID) -> tuple[Project, Clip]:
    """Return a clip of the caller's workspace in its effective config, and its project.

    Raises:
        ApiError: 404 if there is none.
    """
    project, clip = _require_stored_clip(connection, caller, clip_id)
    return project, _apply_default_template(connection, clip)


def build_clip_brief(platform: Platform, project: Project, clip: Clip) -> ClipBrief:
    """Build a clip's entry in the list of its project."""
    return ClipBrief(**_brief_fields(platform, project, clip))


def _require_stored_clip(connection: Connection, caller: Caller, clip_id: UUID) -> tuple[Project, Clip]:
    clip = clips.get(connection, str(clip_id))
    project = projects.get(connection, clip.project_id) if clip else None
    if clip is None or project is None or clip.workspace_id != caller.workspace:
        raise not_found("clip")
    return project, clip


def _apply_default_template(connection: Connection, clip: Clip) -> Clip:
    """Give a clip that was never edited the workspace's default template for 9:16, if there is one."""
    if clip.template_config is not None:
        return clip
    template_id = workspace_templates.get_defaults(connection, clip.workspace_id).get("9_16")
    if template_id is None:
        return clip
    template = workspace_templates.get(connection, clip.workspace_id, template_id)
    config = template.template_config if template is not None else get_builtin_config(template_id)
    return msgspec.structs.replace(clip, template_config=config)


def _brief_fields(platform: Platform, project: Project, clip: Clip) -> dict[str, Any]:
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
        "thumbnail_url": sign_url(platform, clip.thumbnail_key or project.thumbnail_key, "image/jpeg"),
        "video_url": sign_url(platform, clip.video_key, "video/mp4"),
        "source_video_url": sign_source_url(platform, clip.id),
        "proxy_url": _sign_proxy_url(platform, project),
        "broll_suggestions": clips.list_broll_suggestions(clip),
    }


def _sign_proxy_url(platform: Platform, project: Project) -> str | None:
    """Return the URL of the 720p proxy, or of the source until the proxy exists."""
    if project.proxy_key is None:
        return sign_url(platform, project.object_key, project.content_type)
    return sign_url(platform, project.proxy_key, "video/mp4")


def _respond_full(platform: Platform, hydrator: Hydrator, project: Project, clip: Clip) -> Response[Any]:
    """Join `ClipOut` and the cached `Hydration` as JSON text, into one object."""
    hydration = bytes(hydrator.hydrate_clip(clip, parse_config(clip.template_config)))
    row = ClipOut(
        **_brief_fields(platform, project, clip),
        version=clip.version,
        template_config=fill_defaults(clip.template_config),
        created_at=clip.created_at,
        updated_at=clip.updated_at,
    )
    text = b'{"data":' + msgspec.json.encode(row)[:-1] + b"," + hydration[1:] + b"}"
    return Response(text, media_type="application/json", headers={"ETag": f'"{clip.version}"'})


def _expected_version(request: Request[Any, Any, Any], clip: Clip) -> int | None:
    """Return the version that `If-Match` requires: None for any, -1 if it is not the current one."""
    header = request.headers.get("if-match", "*").strip()
    if header == "*":
        return None
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return clip.version if str(clip.version) in tags else -1


def _queue_render(
    platform: Platform,
    dispatcher: RunDispatcher,
    caller: Caller,
    clip_id: UUID,
    required_status: str | None = None,
) -> Data[RenderQueued]:
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        _, clip = _require_stored_clip(connection, caller, clip_id)
        if required_status is not None and clip.status != required_status:
            raise ApiError(409, f"Only a failed render can be retried; this clip is {clip.status}.")
        if clip.template_config is None:
            # A rendered clip keeps its config when the workspace's default template changes.
            config = _apply_default_template(connection, clip).template_config
            if config is not None:
                clip = clips.edit(connection, clip.id, config) or clip
        render = renders.queue(connection, clip, run_id)
        run_intents.enqueue(connection, run_id, "render_clips", clip.workspace_id, clip.project_id, render.id)
    dispatcher.submit(run_id)
    return Data(RenderQueued(render.id, render.status, clip.id))


def _redirect(url: str | None, missing: str) -> Response[None]:
    """Redirect to the URL. Raises ApiError 404 with the sentence `missing` if there is none."""
    if url is None:
        raise ApiError(404, missing)
    headers = {"Location": url, "Cache-Control": "no-store"}
    # As application/json the empty body would be the text `null`.
    return Response(None, status_code=302, headers=headers, media_type="text/plain")


ROUTES: list[HTTPRouteHandler] = [
    get_clip,
    update_clip,
    render_clip,
    retry_clip_render,
    get_render_progress,
    get_clip_video,
    get_source_video,
]
