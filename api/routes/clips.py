"""/v1/clips: read a clip for the editor, save an edit, render it, download the MP4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get, patch, post, put, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody, RawBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller, unauthorized
from api.builtin_templates import get_builtin_config
from api.clip_edits import ClipEdit, list_warnings, merge_patch, parse_edit, unwrap_config
from api.dependencies import CallerDep, DispatcherDep, HydratorDep, PathId, PlatformDep
from api.edit_validation import (
    TEMPLATE_CONFIG_SCHEMA,
    check_bounds,
    check_config,
    check_media,
    describe_fonts,
    fill_defaults,
    load_workspace_fonts,
    load_workspace_styles,
    parse_config,
    parse_document,
)
from api.editor_hydration import Hydrator, TranscriptOut, snap_bounds
from api.envelope import Data
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.run_dispatch import RunDispatcher
from api.signed_urls import is_valid_source_token, sign_source_url, sign_url
from carmic_assets.model.clip_rebase import Bounds, rebase
from carmic_assets.model.direction import CropMetrics, LayoutShot
from carmic_assets.model.scene import SourceShot, SpatialMatrix
from resources import clips, projects, renders, run_intents
from resources import templates as workspace_templates
from resources.clips import Clip
from resources.field_types import ErrorSentence, Percentage, SignedUrl, Timestamp, Uuid
from resources.platform import Platform
from resources.projects import Project

ClipStatus = Literal["DETECTED", "QUEUED", "RENDERING", "RENDERED", "FAILED_RENDER"]
CLIP: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Clips and editor"]}
QUEUES_RENDER: dict[str, Any] = {**CLIP, "idempotent": True, "status_code": 202, "error_statuses": (402, 409)}
SAVES_CLIP: dict[str, Any] = {
    **CLIP,
    "error_statuses": (409, 412),
    "sends_headers": ("ETag",),
}
SAVE_ATTEMPTS = 5  # before concurrent saves are reported as a conflict
REDIRECTS: dict[str, Any] = {
    **CLIP,
    "http_method": ["GET", "HEAD"],
    "status_code": 302,
    "sends_headers": ("Location",),
}


class ClipBrief(msgspec.Struct):
    """A clip in its project's list. Times are seconds of the source."""

    id: Annotated[Uuid, Meta(description="Id of the clip.")]
    project_id: Annotated[Uuid, Meta(description="Id of the project that the clip is cut from.")]
    title: Annotated[
        str,
        Meta(
            description="Title, proposed from what is said, or as it was set.", examples=["Why small teams ship faster"]
        ),
    ]
    start_time: Annotated[float, Meta(description="Where the clip starts, in seconds of the source.", examples=[612.4])]
    end_time: Annotated[float, Meta(description="Where the clip ends, in seconds of the source.", examples=[655.0])]
    duration: Annotated[
        float, Meta(description="Length of the clip in seconds, before pauses are removed.", examples=[42.6])
    ]
    virality_score: Annotated[int, Meta(description="How well the clip is expected to do, 0 to 100.", examples=[87])]
    score_breakdown: Annotated[
        dict[str, int],
        Meta(description="The parts of the score by name, 0 to 100 each.", examples=[{"hook": 91, "clarity": 80}]),
    ]
    reasoning: Annotated[
        str,
        Meta(
            description="Why the clip was chosen, in one or two sentences.",
            examples=["Opens with a question and answers it within 40 seconds."],
        ),
    ]
    hashtags: Annotated[
        list[str], Meta(description="Proposed hashtags, with the leading #.", examples=[["#startups", "#productivity"]])
    ]
    status: Annotated[ClipStatus, Meta(description="State of the newest render; DETECTED before the first one.")]
    error_message: Annotated[
        ErrorSentence | None, Meta(description="Why the newest render failed; null if it did not.")
    ]
    thumbnail_url: Annotated[SignedUrl | None, Meta(description="Signed URL of a JPEG; null while there is none.")]
    video_url: Annotated[
        SignedUrl | None,
        Meta(description="Signed URL of the newest finished MP4, valid for six hours; null before the first render."),
    ]
    source_video_url: Annotated[
        str,
        Meta(
            description="URL of the video that the clip is cut from, with a token that expires.",
            examples=["https://carmic.example/api/v1/clips/8f14/source-video?token=eyJ0"],
        ),
    ]
    proxy_url: Annotated[
        SignedUrl | None, Meta(description="Signed URL of the 720p proxy, or of the source until it exists.")
    ]
    broll_suggestions: Annotated[
        list[dict[str, Any]],
        Meta(
            description="Suggested cutaways within the clip; times count from the clip's start.",
            examples=[[{"keyword": "skyline", "start_time": 4.2, "duration": 3.0}]],
        ),
    ]


class ClipOut(ClipBrief):
    """A clip with its saved config. `version` counts the saves; `warnings` names fields that have no effect."""

    version: Annotated[int, Meta(description="How often the clip was saved; also its `ETag`.", examples=[3])]
    template_config: Annotated[
        dict[str, Any],
        Meta(
            extra_json_schema=TEMPLATE_CONFIG_SCHEMA,
            description="The whole config with its defaults, and with fields that this version does not know.",
        ),
    ]
    warnings: Annotated[
        list[str],
        Meta(
            description="Messages about fields of the config that have no effect.",
            examples=[["`style.fontsize` is not known and has no effect."]],
        ),
    ]
    created_at: Annotated[Timestamp, Meta(description="When the clip was found.")]
    updated_at: Annotated[Timestamp, Meta(description="When the clip was last changed.")]


class ClipFull(ClipOut):
    """A clip with all that the editor needs. Times in it are seconds from the clip's start."""

    # For the schema only: `_respond_full` joins the JSON texts of `ClipOut` and `Hydration`.

    transcript: Annotated[TranscriptOut, Meta(description="The words of the clip.")]
    ai_suggested_layout_timeline: Annotated[
        tuple[LayoutShot, ...],
        Meta(description="The layouts and crop paths that renders and packages follow, contiguous over the clip."),
    ]
    advanced_spatial_matrix: Annotated[
        SpatialMatrix | None, Meta(description="The people found in the clip; null before they are analysed.")
    ]
    shots: Annotated[
        tuple[SourceShot, ...], Meta(description="The shots between the cuts of the source, on the clip's clock.")
    ]
    crop_metrics: Annotated[
        CropMetrics | None, Meta(description="Quality measures of the crop path; null before it is computed.")
    ]


class RenderQueued(msgspec.Struct):
    """A queued render."""

    render_job_id: Annotated[Uuid, Meta(description="Id of the render.")]
    status: Annotated[str, Meta(description="QUEUED: the render waits for its run.", examples=["QUEUED"])]
    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]


class RenderProgress(msgspec.Struct):
    """The progress of a render.

    `notes` state where the MP4 differs from the config; the MP4 is complete nevertheless.
    """

    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    status: Annotated[ClipStatus, Meta(description="State of the newest render; DETECTED before the first one.")]
    progress: Annotated[Percentage, Meta(description="How much of the render is done, in percent.")]
    render_job_id: Annotated[Uuid | None, Meta(description="Id of the newest render; null before the first one.")]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the render failed; null if it did not.")]
    notes: Annotated[
        list[str],
        Meta(
            description="Messages about what the MP4 does not show as the config says.",
            examples=[["The cutaway at 4.2 s is shorter than its place."]],
        ),
    ]


@get("/v1/clips/{clip_id:uuid}", sends_headers=("ETag",), **CLIP)
def get_clip(
    platform: PlatformDep, hydrator: HydratorDep, caller: CallerDep, clip_id: PathId
) -> Response[Data[ClipFull]]:
    """Return a clip with all data of the editor. `ETag` is the saved version; send it as `If-Match` when saving."""
    with platform.database.read() as connection:
        project, clip = require_clip(connection, caller, clip_id)
    return _respond_full(platform, hydrator, project, clip)


@put("/v1/clips/{clip_id:uuid}", **SAVES_CLIP)
def update_clip(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    hydrator: HydratorDep,
    caller: CallerDep,
    clip_id: PathId,
    data: JSONBody[ClipEdit],  # for the schema only: the saved document is `body`, which includes unknown fields
    body: RawBody,
) -> Response[Data[ClipFull]]:
    """Save the config of a clip. It replaces the stored config; unknown fields are stored and listed in `warnings`.

    The config may be wrapped in `template_config`. A new `start_time` shifts all times that count from the clip's
    start. With `If-Match`, 412 if the clip was saved since that version; then nothing is saved.
    """
    document, warnings = unwrap_config(parse_document(body))
    saving = _Saving(request, platform, hydrator, caller, clip_id)
    return saving.save(lambda clip: document, warnings)


@patch("/v1/clips/{clip_id:uuid}", **SAVES_CLIP)
def patch_clip(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    hydrator: HydratorDep,
    caller: CallerDep,
    clip_id: PathId,
    data: JSONBody[ClipEdit],  # for the schema only
    body: RawBody,
) -> Response[Data[ClipFull]]:
    """Change only the fields of the body, by JSON merge patch (RFC 7396): null resets a field, an array is replaced.

    Otherwise like `PUT`.
    """
    document, warnings = unwrap_config(parse_document(body))
    saving = _Saving(request, platform, hydrator, caller, clip_id)
    return saving.save(lambda clip: merge_patch(clip.template_config, document), warnings)


@post("/v1/clips/{clip_id:uuid}/render", **QUEUES_RENDER)
def render_clip(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, clip_id: PathId
) -> Data[RenderQueued]:
    """Queue a render of the clip in its current state. Charges the clip's length; a failed render is refunded."""
    return _queue_render(platform, dispatcher, caller, clip_id)


@post("/v1/clips/{clip_id:uuid}/retry-render", **QUEUES_RENDER)
def retry_clip_render(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, clip_id: PathId
) -> Data[RenderQueued]:
    """Queue a new render after a failed one. 409 if the last render did not fail."""
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
    """Redirect to the signed URL of the newest MP4, which supports range requests. 404 before the first render."""
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
    """Redirect to the signed URL of the clip's source video.

    No login is needed with the token of `source_video_url`.
    """
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
    """Return a clip of the caller's workspace with its effective config, and its project.

    Raises:
        ApiError: 404 if there is none.
    """
    project, clip = _require_stored_clip(connection, caller, clip_id)
    return project, _apply_default_template(connection, clip)


def build_clip_brief(platform: Platform, project: Project, clip: Clip) -> ClipBrief:
    """Build a clip's entry in the list of its project."""
    return ClipBrief(**_build_brief_fields(platform, project, clip))


def _require_stored_clip(connection: Connection, caller: Caller, clip_id: UUID) -> tuple[Project, Clip]:
    clip = clips.get(connection, str(clip_id))
    project = projects.get(connection, clip.project_id) if clip else None
    if clip is None or project is None or clip.workspace_id != caller.workspace:
        raise not_found("clip")
    return project, clip


def _apply_default_template(connection: Connection, clip: Clip) -> Clip:
    """Set the template of the project, or else the workspace's default for 9:16, as config of a clip never edited."""
    if clip.template_config is not None:
        return clip
    project = projects.get(connection, clip.project_id)
    template_id = project and project.template_id
    template_id = template_id or workspace_templates.get_defaults(connection, clip.workspace_id).get("9_16")
    if template_id is None:
        return clip
    template = workspace_templates.get(connection, clip.workspace_id, template_id)
    config = template.template_config if template is not None else get_builtin_config(template_id)
    return msgspec.structs.replace(clip, template_config=config)


def _build_brief_fields(platform: Platform, project: Project, clip: Clip) -> dict[str, Any]:
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


def _respond_full(
    platform: Platform, hydrator: Hydrator, project: Project, clip: Clip, warnings: Sequence[str] = ()
) -> Response[Any]:
    """Join `ClipOut` and the cached `Hydration` as JSON text, into one object."""
    hydration = bytes(hydrator.hydrate_clip(clip, parse_config(clip.template_config)))
    row = ClipOut(
        **_build_brief_fields(platform, project, clip),
        version=clip.version,
        template_config=fill_defaults(clip.template_config),
        warnings=[*warnings, *list_warnings(clip.template_config or {})],
        created_at=clip.created_at,
        updated_at=clip.updated_at,
    )
    text = b'{"data":' + msgspec.json.encode(row)[:-1] + b"," + hydration[1:] + b"}"
    return Response(text, media_type="application/json", headers={"ETag": f'"{clip.version}"'})


class _Saving(msgspec.Struct, frozen=True):
    """A request that saves an edit of a clip."""

    request: Request[Any, Any, Any]
    platform: Platform
    hydrator: Hydrator
    caller: Caller
    clip_id: UUID

    def save(
        self, build_document: Callable[[Clip], dict[str, Any]], warnings: Sequence[str]
    ) -> Response[Data[ClipFull]]:
        """Save the document that is built from the saved clip, and respond with the clip.

        The document depends on the clip's bounds, and a patch also on its config. After a concurrent save, the document
        is built again.

        Raises:
            ApiError: 400 or 422 for an invalid edit, 412 if the clip is not the version of `If-Match`.
        """
        for _ in range(SAVE_ATTEMPTS):
            with self.platform.database.read() as connection:
                project, clip = require_clip(connection, self.caller, self.clip_id)
            self._check_version(clip)
            saved_clip = self._try_save(project, clip, build_document(clip))
            if saved_clip is not None:
                return _respond_full(self.platform, self.hydrator, project, saved_clip, warnings)
        raise ApiError(409, "Other requests are saving this clip at the same time. Try again.")

    def _check_version(self, clip: Clip) -> None:
        header = self.request.headers.get("if-match", "*").strip()
        tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
        if header != "*" and str(clip.version) not in tags:
            raise ApiError(412, "Another save has changed this clip. Read it again and repeat your change.")

    def _try_save(self, project: Project, clip: Clip, document: dict[str, Any]) -> Clip | None:
        """Validate and save the document. Returns None if another request saved the clip since it was read."""
        edit, config = parse_edit(document)
        video = self.hydrator.load_video(clip.workspace_id, clip.project_id)
        start = clip.start_s if edit.start_time is None else edit.start_time
        end = clip.end_s if edit.end_time is None else edit.end_time
        old_bounds = Bounds(*snap_bounds(video, clip.start_s, clip.end_s))
        if (start, end) != (clip.start_s, clip.end_s):
            source_s = video.facts.duration_s if video.facts else project.duration_s
            check_bounds(start, end, source_s)
            start, end = snap_bounds(video, start, end)
        new_bounds = Bounds(*snap_bounds(video, start, end))
        if new_bounds != old_bounds:
            config = rebase(config, old_bounds, new_bounds, video.words)
        parsed_config = parse_config(config)
        workspace_id = self.caller.workspace
        with self.platform.database.read() as connection:
            styles = load_workspace_styles(connection, workspace_id)
            fonts = load_workspace_fonts(connection, workspace_id, parsed_config, styles)
        check_config(parsed_config, new_bounds.duration_s, styles, describe_fonts(fonts))
        check_media(self.platform, workspace_id, parsed_config)
        with self.platform.database.write() as connection:
            return clips.edit(
                connection, clip.id, config, title=edit.title, start_s=start, end_s=end, if_version=clip.version
            )


def start_render(
    connection: Connection, caller: Caller, clip_id: UUID, required_status: str | None = None
) -> renders.Render:
    """Charge and queue a render of the clip as it is now. The caller submits its run after the commit.

    Raises:
        ApiError: 404 if there is no such clip, 409 if its status is not `required_status`.
    """
    run_id = run_intents.new_run_id()
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
    return render


def _queue_render(
    platform: Platform,
    dispatcher: RunDispatcher,
    caller: Caller,
    clip_id: UUID,
    required_status: str | None = None,
) -> Data[RenderQueued]:
    with platform.database.write() as connection:
        render = start_render(connection, caller, clip_id, required_status)
        response = record_response(connection, Data(RenderQueued(render.id, render.status, render.clip_id)))
    dispatcher.submit(render.run_id)
    return response


def _redirect(url: str | None, missing: str) -> Response[None]:
    """Redirect to the URL. Raises ApiError 404 with the message `missing` if there is none."""
    if url is None:
        raise ApiError(404, missing)
    headers = {"Location": url, "Cache-Control": "no-store"}
    # With application/json, Litestar would send the text `null` instead of an empty body.
    return Response(None, status_code=302, headers=headers, media_type="text/plain")


ROUTES: list[HTTPRouteHandler] = [
    get_clip,
    update_clip,
    patch_clip,
    render_clip,
    retry_clip_render,
    get_render_progress,
    get_clip_video,
    get_source_video,
]
