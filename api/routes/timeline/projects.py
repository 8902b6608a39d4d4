"""/api/project: timelines and their footage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePath
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, DispatcherDep, HydratorDep, PathId, PlatformDep, WorkersDep
from api.envelope import Offset
from api.errors import ApiError, not_found
from api.footage_uploads import complete_upload
from api.outbound_urls import check_outbound_url
from api.rate_limits import TIMELINE_CREATES, consume
from api.request_fields import NO_NUL_PATTERN, Filename, Line, Title, list_changes
from api.routes.embedded_store import upload_too_large
from api.routes.uploads import sign_upload_url
from api.run_dispatch import RunDispatcher
from api.timeline_clips import list_clip_footage
from api.timeline_edits import TimelineState, edit_timeline, load_timeline, require_timeline
from api.timeline_views import ListLimit, TimelineResponse, build_project, build_state, count_active, parse_rate
from api.video_types import resolve_video_type
from carmic_assets.editing import history, stored_segments
from carmic_assets.editing.segment_edits import MAX_ACTIVE
from carmic_assets.model.timeline import Canvas
from carmic_assets.sandbox.pool import WorkerPool
from resources import run_intents, timeline_assets, timeline_jobs, timelines
from resources.database.engine import now
from resources.field_types import SignedUrl, Timestamp, Uuid
from resources.platform import Platform
from resources.store.folder import FolderStore
from resources.timeline_assets import NewAsset

UPLOAD_URL_LIFETIME_S = 6 * 3600
DELETED = "The project was deleted."
EDITOR: dict[str, Any] = {
    "access": Access.EDITOR,
    "default_workspace": True,
    "sync_to_thread": True,
    "tags": ["Timeline: projects"],
}
HISTORY: dict[str, Any] = {
    **EDITOR,
    "status_code": 200,
    "idempotent": True,
    "error_statuses": (404, 409, 412),
    "sends_headers": ("ETag",),
    "tags": ["Timeline: history"],
}
OptionalUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[^\s\x00/?#\[\]]+([/?#][^\s\x00]*)?)?$",
        max_length=4096,
        examples=["https://example.com/a.mp4"],
    ),
]
Pixels = Annotated[int, Meta(ge=16, le=8192, multiple_of=2)]
Fps = Annotated[float, Meta(ge=1, le=120)]


class NewProjectRequest(msgspec.Struct):
    """A new project. `video_url` is downloaded as its first footage.

    `clip_ids`, or all clips of the Carmic project `carmic_project_id`, become its first segments.
    """

    name: Annotated[Title, Meta(description="Name of the project.", examples=["Trailer"])]
    description: Annotated[
        str,
        Meta(
            pattern=NO_NUL_PATTERN, max_length=10_000, description="A note for people.", examples=["Cut of the keynote"]
        ),
    ] = ""
    video_url: Annotated[
        OptionalUrl | None,
        Meta(
            description="Public URL of a video, downloaded as the first footage; empty for none.",
            examples=["https://example.com/talk.mp4"],
        ),
    ] = None
    clip_ids: Annotated[
        list[UUID], Meta(max_length=100, description="Ids of clips that become the first segments, in this order.")
    ] = []
    carmic_project_id: Annotated[
        UUID | None, Meta(description="Id of a Carmic project whose clips become the first segments.")
    ] = None


class CanvasRequest(msgspec.Struct):
    """The size and frame rate of exports; an omitted field is unchanged."""

    width: Annotated[
        Pixels | None, Meta(description="Width of exports in pixels, an even number.", examples=[1920])
    ] = None
    height: Annotated[
        Pixels | None, Meta(description="Height of exports in pixels, an even number.", examples=[1080])
    ] = None
    fps: Annotated[Fps | None, Meta(description="Frames per second of exports.", examples=[30])] = None


class ProjectChanges(msgspec.Struct):
    """A change of a project; an omitted field is unchanged."""

    name: Annotated[Title | msgspec.UnsetType, Meta(description="New name of the project.", examples=["Trailer"])] = (
        msgspec.UNSET
    )
    description: Annotated[
        Line | msgspec.UnsetType, Meta(description="New note for people.", examples=["Cut of the keynote"])
    ] = msgspec.UNSET
    canvas: Annotated[CanvasRequest | msgspec.UnsetType, Meta(description="New size and rate of exports.")] = (
        msgspec.UNSET
    )


class UploadRequest(msgspec.Struct):
    """A video to upload. With `file_size` in bytes, the URL takes no more, and the upload can be resumable."""

    file_name: Annotated[Filename, Meta(description="Name of the video file, with its extension.")]
    content_type: Annotated[
        Annotated[str, Meta(max_length=200, examples=["video/mp4"])] | None,
        Meta(description="Media type of the video; derived from the file's name if omitted.", examples=["video/mp4"]),
    ] = None
    file_size: Annotated[
        Annotated[int, Meta(ge=1, le=2**53)] | None,
        Meta(description="Size in bytes, needed for a resumable upload only.", examples=[524288000]),
    ] = None


class UploadResponse(msgspec.Struct):
    """An upload. PUT the video to `upload_url`; after the response 200, the segment is in the timeline.

    `resumable_url` accepts the same bytes by tus; it is null if `file_size` was not sent.
    """

    upload_url: Annotated[SignedUrl, Meta(description="Signed URL that takes the video by PUT.")]
    asset_id: Annotated[Uuid, Meta(description="Id of the new footage.")]
    resumable_url: Annotated[
        str | None,
        Meta(
            description="URL that takes the same bytes by tus; null where `file_size` was not sent.",
            examples=["https://carmic.example/api/v1/uploads/eyJ0"],
        ),
    ]
    expires_at: Annotated[Timestamp, Meta(description="When both URLs end.")]


class Deleted(msgspec.Struct):
    """The response to a deletion."""

    deleted: Annotated[bool, Meta(description="Always true: what failed is an error response.")] = True


class RevisionSegment(msgspec.Struct):
    """A segment as it was in a revision; seconds of its own footage."""

    id: Annotated[Uuid, Meta(description="Id of the segment.")]
    start_ts: Annotated[float, Meta(description="Where the segment starts, in seconds of its footage.", examples=[2.0])]
    end_ts: Annotated[float, Meta(description="Where the segment ends, in seconds of its footage.", examples=[9.5])]


class RevisionResponse(msgspec.Struct):
    """A revision: the operation, its user (`who`, null for the pipeline), and the segments after it."""

    revision: Annotated[int, Meta(description="Number of the revision, from 0.", examples=[17])]
    op: Annotated[str, Meta(description="The operation that made the revision.", examples=["trim"])]
    who: Annotated[Uuid | None, Meta(description="Id of the user who did it; null for the pipeline.")]
    created_at: Annotated[Timestamp, Meta(description="When the revision was made.")]
    segments: Annotated[list[RevisionSegment], Meta(description="The active segments after the operation, in order.")]


class RevertRequest(msgspec.Struct):
    """The revision whose content is restored."""

    revision: Annotated[
        int, Meta(ge=0, le=2**31 - 1, description="Number of the revision whose content to bring back.", examples=[12])
    ]


@get("/project", sends_headers=("X-Total-Count", "Link"), **EDITOR)
def list_projects(
    platform: PlatformDep, caller: CallerDep, limit: ListLimit = 100, offset: Offset = 0
) -> Response[list[TimelineResponse]]:
    """List the workspace's projects, newest first. `X-Total-Count` counts all, `Link` leads to the next page."""
    with platform.database.read() as connection:
        rows, total = timelines.list_page(connection, caller.workspace, limit, offset)
        ids = [row.id for row in rows]
        segments = timelines.list_active_segments(connection, ids)
        assets = timeline_assets.list_for_timelines(connection, ids)
    items = [
        build_project(
            platform,
            row,
            stored_segments.from_rows(segments.get(row.id, ())),
            [asset for asset in assets if asset.timeline_id == row.id],
        )
        for row in rows
    ]
    return Response(items, headers=list_headers(platform, "/api/project", total, limit, offset))


def list_headers(platform: Platform, path: str, total: int, limit: int, offset: int) -> dict[str, str]:
    """Return `X-Total-Count`, and `Link` (RFC 8288) to the next page if there is one."""
    headers = {"X-Total-Count": str(total)}
    if offset + limit < total:
        url = f"{platform.settings.public_url}{path}?limit={limit}&offset={offset + limit}"
        headers["Link"] = f'<{url}>; rel="next"'
    return headers


@post(
    "/project",
    rate_limit=TIMELINE_CREATES,
    counted_by_handler=True,
    idempotent=True,
    error_statuses=(404, 409),
    **EDITOR,
)
def create_project(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    hydrator: HydratorDep,
    caller: CallerDep,
    data: JSONBody[NewProjectRequest],
) -> Response[TimelineResponse]:
    """Create a project. With `video_url` or clips it is `ingesting` until the footage is stored and probed."""
    url = data.video_url or None
    if url is not None:
        check_outbound_url(platform.settings, url, "`video_url`")
    footage = list_clip_footage(platform, hydrator, caller, data.clip_ids, data.carmic_project_id)
    if url is not None:
        name = PurePath(url.partition("?")[0].rstrip("/")).name[:200] or "video"
        footage.insert(0, NewAsset(name, "video/mp4", ".mp4", {"kind": "url", "url": url}, "downloading"))
    job = None
    with platform.database.write() as connection:
        consume(connection, request, TIMELINE_CREATES, caller.workspace)
        timeline = timelines.create(connection, caller.workspace, caller.user_id, data.name, data.description, url)
        if footage:
            assets = [timeline_assets.create(connection, timeline, new) for new in footage]
            job = timeline_jobs.enqueue(connection, timeline, "ingest", {"asset_ids": [a.id for a in assets]})
        state = TimelineState(connection, timeline)
    if job is not None:
        dispatcher.submit(job.run_id)
    return state.respond(build_state(platform, state), 201)


@get("/project/{project_id:uuid}", error_statuses=(415,), sends_headers=("ETag",), **EDITOR)
def get_project(
    platform: PlatformDep, dispatcher: DispatcherDep, workers: WorkersDep, caller: CallerDep, project_id: PathId
) -> Response[TimelineResponse]:
    """Return a project with its active segments and its assets."""
    state = load_timeline(platform, caller, project_id)
    if _complete_bucket_uploads(platform, dispatcher, workers, state):
        state = load_timeline(platform, caller, project_id)
    return state.respond(build_state(platform, state))


def _complete_bucket_uploads(
    platform: Platform, dispatcher: RunDispatcher, workers: WorkerPool, state: TimelineState
) -> bool:
    """Complete uploads to a bucket, which does not notify the API. Returns whether there was a new upload."""
    if isinstance(platform.store, FolderStore):
        return False
    uploaded_assets = [
        a for a in state.assets.values() if a.status == "awaiting_upload" and platform.store.stat(a.object_key)
    ]
    for asset in uploaded_assets:
        try:
            complete_upload(platform, dispatcher, workers, asset.object_key)
        except ApiError:
            continue  # the asset's row holds the reason
    return bool(uploaded_assets)


@patch("/project/{project_id:uuid}", error_statuses=(404, 409, 412), **EDITOR)
def update_project(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    project_id: PathId,
    data: JSONBody[ProjectChanges],
) -> Response[TimelineResponse]:
    """Change the name, the description or the canvas of exports. This creates no revision."""
    changes = list_changes(data)
    with edit_timeline(request, platform, caller, project_id, "update") as state:
        canvas: CanvasRequest | None = changes.pop("canvas", None)
        if canvas is not None:
            changes["canvas"] = _merge_canvas(state.timeline.canvas, canvas)
        if changes:
            updated = timelines.update_details(state.connection, state.timeline.id, **changes)
            state.timeline = updated or state.timeline
    return state.respond(build_state(platform, state))


def _merge_canvas(stored: dict[str, Any] | None, changes: CanvasRequest) -> dict[str, Any]:
    rate = None if changes.fps is None else msgspec.to_builtins(parse_rate(changes.fps))
    fields = {"width": changes.width, "height": changes.height, "rate": rate}
    merged = {**(stored or {}), **{name: value for name, value in fields.items() if value is not None}}
    if merged.keys() != set(Canvas.__struct_fields__):
        raise ApiError(422, "`canvas` must have `width`, `height` and `fps`, because the project has no footage yet.")
    return merged


@delete("/project/{project_id:uuid}", status_code=200, **EDITOR)
def delete_project(platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, project_id: PathId) -> Deleted:
    """Delete a project. Its jobs are cancelled; its files are deleted within a minute."""
    with platform.database.write() as connection:
        timeline = require_timeline(connection, caller, project_id)
        timelines.soft_delete(connection, timeline.id)
        for job in timeline_jobs.list_active(connection, timeline.id):
            timeline_jobs.fail(connection, job.id, DELETED)
        run_ids = [intent.run_id for intent in run_intents.list_open(connection, timeline.id)]
        for run_id in run_ids:
            run_intents.set_state(connection, run_id, "CANCELLED")
    dispatcher.terminate(run_ids)
    return Deleted()


@post("/project/{project_id:uuid}/upload", idempotent=True, error_statuses=(404, 413, 415, 422), **EDITOR)
def create_upload(
    platform: PlatformDep, caller: CallerDep, project_id: PathId, data: JSONBody[UploadRequest]
) -> UploadResponse:
    """Create an asset for a video, and return the URL for its upload.

    The video becomes the last segment of the timeline.
    """
    max_bytes = platform.settings.max_upload_bytes
    if data.file_size is not None and data.file_size > max_bytes:
        raise upload_too_large(max_bytes)
    content_type, suffix = resolve_video_type(data.content_type, data.file_name)
    with platform.database.write() as connection:
        timeline = require_timeline(connection, caller, project_id)
        if timeline_assets.count(connection, timeline.id) >= timelines.MAX_ASSETS:
            raise ApiError(422, f"A project holds at most {timelines.MAX_ASSETS} assets. Delete some first.")
        if count_active(stored_segments.from_rows(timelines.list_segments(connection, timeline.id))) >= MAX_ACTIVE:
            raise ApiError(422, f"A project holds at most {MAX_ACTIVE} active segments. Delete some first.")
        new = NewAsset(data.file_name, content_type, suffix, {"kind": "upload"}, "awaiting_upload")
        asset = timeline_assets.create(connection, timeline, new)
    url = platform.store.presign_put(
        asset.object_key,
        UPLOAD_URL_LIFETIME_S,
        content_type=content_type,
        max_bytes=data.file_size or max_bytes,
        exact_bytes=data.file_size,
    )
    resumable = sign_upload_url(platform, asset.object_key, data.file_size) if data.file_size else None
    return UploadResponse(url, asset.id, resumable, now() + timedelta(seconds=UPLOAD_URL_LIFETIME_S))


@delete("/project/{project_id:uuid}/asset/{asset_id:uuid}", status_code=200, error_statuses=(409, 412), **EDITOR)
def delete_asset(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, project_id: PathId, asset_id: PathId
) -> Deleted:
    """Delete an asset and its files. 409 while an active segment uses it.

    Revisions that use it can no longer be restored.
    """
    with edit_timeline(request, platform, caller, project_id, "delete_asset") as edit:
        asset = edit.assets.get(str(asset_id))
        if asset is None:
            raise not_found("asset")
        if any(segment.active and segment.asset_id == asset.id for segment in edit.segments):
            raise ApiError(409, "An active segment uses this asset. Delete the segment first.")
        timeline_assets.remove(edit.connection, asset.id)
    platform.store.delete_prefix(timeline_assets.asset_prefix(asset.workspace_id, asset.timeline_id, asset.id))
    return Deleted()


@get(
    "/project/{project_id:uuid}/history",
    sends_headers=("X-Total-Count", "Link"),
    **{**EDITOR, "tags": ["Timeline: history"]},
)
def list_history(
    platform: PlatformDep, caller: CallerDep, project_id: PathId, limit: ListLimit = 100, offset: Offset = 0
) -> Response[list[RevisionResponse]]:
    """List the revisions of a project, newest first. Revisions are never deleted."""
    with platform.database.read() as connection:
        timeline = require_timeline(connection, caller, project_id)
        revisions, total = timelines.list_revisions(connection, timeline.id, limit, offset)
        segments = stored_segments.from_rows(timelines.list_segments(connection, timeline.id))
    rates = {segment.id: segment.rate.fraction for segment in segments}
    items = [
        RevisionResponse(
            row.revision,
            row.op,
            row.actor,
            row.created_at,
            [
                RevisionSegment(key, round(float(first / rates[key]), 6), round(float(end / rates[key]), 6))
                for key, first, end in row.content
                if key in rates  # the segments of deleted assets no longer exist
            ],
        )
        for row in revisions
    ]
    headers = list_headers(platform, f"/api/project/{timeline.id}/history", total, limit, offset)
    return Response(items, headers={**headers, "ETag": f'"{timeline.revision}"'})


@post("/project/{project_id:uuid}/undo", **HISTORY)
def undo(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, project_id: PathId
) -> Response[TimelineResponse]:
    """Undo the last change by a new revision. 409 if there is nothing to undo."""
    with edit_timeline(request, platform, caller, project_id, "undo") as edit:
        steps = edit.load_steps()
        edit.jump(history.undo(steps, steps[edit.timeline.revision]))
    return edit.respond(build_state(platform, edit))


@post("/project/{project_id:uuid}/redo", **HISTORY)
def redo(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, project_id: PathId
) -> Response[TimelineResponse]:
    """Redo the last undone change by a new revision. 409 if the last change was not an undo."""
    with edit_timeline(request, platform, caller, project_id, "redo") as edit:
        steps = edit.load_steps()
        edit.jump(history.redo(steps, steps[edit.timeline.revision]))
    return edit.respond(build_state(platform, edit))


@post("/project/{project_id:uuid}/revert", **HISTORY)
def revert(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    project_id: PathId,
    data: JSONBody[RevertRequest],
) -> Response[TimelineResponse]:
    """Restore the content of any revision by a new revision, which can be undone. 409 if there is no such revision."""
    with edit_timeline(request, platform, caller, project_id, "revert") as edit:
        steps = edit.load_steps()
        edit.jump(history.revert(steps, steps[edit.timeline.revision], data.revision))
    return edit.respond(build_state(platform, edit))


ROUTES: list[HTTPRouteHandler] = [
    list_projects,
    create_project,
    get_project,
    update_project,
    delete_project,
    create_upload,
    delete_asset,
    list_history,
    undo,
    redo,
    revert,
]
