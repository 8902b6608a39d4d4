"""/v1/renders: the renders of a workspace."""

from __future__ import annotations

from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.envelope import Data, Page
from api.errors import ApiError, not_found
from api.pagination import Paging, build_cursor, respond_with_page
from api.routes.clips import ClipStatus
from api.signed_urls import sign_url
from resources import clip_deletion, renders, workspace_lists
from resources.field_types import ErrorSentence, Percentage, SignedUrl, Timestamp, Uuid
from resources.platform import Platform
from resources.renders import Render
from resources.workspace_lists import JobFilter

RENDERS: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Clips and editor"]}
ProjectFilter = Annotated[UUID | None, QueryParameter(name="project_id", description="Only those of this project.")]
ClipFilter = Annotated[UUID | None, QueryParameter(name="clip_id", description="Only those of this clip.")]
StatusFilter = Annotated[ClipStatus | None, QueryParameter(name="status", description="Only those in this status.")]
ORDER = "-created_at"


class RenderOut(msgspec.Struct):
    """A render of a clip."""

    id: Annotated[Uuid, Meta(description="Id of the render, which other paths call `render_job_id`.")]
    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    project_id: Annotated[Uuid, Meta(description="Id of the clip's project.")]
    title: Annotated[str, Meta(description="Title of the clip when it was queued.", examples=["The question"])]
    status: Annotated[ClipStatus, Meta(description="State of the render.")]
    progress: Annotated[Percentage, Meta(description="How much of the render is done, in percent.")]
    start_time: Annotated[float, Meta(description="Where it starts, in seconds of the source.", examples=[612.4])]
    end_time: Annotated[float, Meta(description="Where it ends, in seconds of the source.", examples=[655.0])]
    video_url: Annotated[SignedUrl | None, Meta(description="Signed URL of the MP4; null until it is rendered.")]
    notes: Annotated[
        list[str],
        Meta(
            description="Messages about what the MP4 does not show as the config says.",
            examples=[["The cutaway at 4.2 s is shorter than its place."]],
        ),
    ]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the render failed; null if it did not.")]
    created_at: Annotated[Timestamp, Meta(description="When it was queued.")]
    finished_at: Annotated[Timestamp | None, Meta(description="When it ended; null until then.")]


@get("/v1/renders", sends_headers=("Link",), **RENDERS)
def list_renders(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    paging: NamedDependency[Paging],
    project_id: ProjectFilter = None,
    clip_id: ClipFilter = None,
    status: StatusFilter = None,
) -> Response[Page[RenderOut]]:
    """List the renders of all clips of the workspace, newest first. `Link` leads to the next page."""
    page = paging.parse(ORDER)
    filters = build_job_filter(project_id, clip_id, status)
    with platform.database.read() as connection:
        rows, total, has_more = workspace_lists.list_renders(connection, caller.workspace, filters, page)
    next_cursor = build_cursor(ORDER, rows[-1].created_at, rows[-1].id) if has_more else None
    return respond_with_page(request, [_build_render(platform, row) for row in rows], page, total, next_cursor)


@get("/v1/renders/{render_id:uuid}", **RENDERS)
def get_render(platform: PlatformDep, caller: CallerDep, render_id: PathId) -> Data[RenderOut]:
    """Return one render."""
    with platform.database.read() as connection:
        return Data(_build_render(platform, _require_render(connection, caller, render_id)))


@post("/v1/renders/{render_id:uuid}/cancel", status_code=200, error_statuses=(409,), **RENDERS)
def cancel_render(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, render_id: PathId
) -> Data[RenderOut]:
    """Cancel a render and refund its minutes: it ends in FAILED_RENDER. 409 if it has already ended."""
    with platform.database.write() as connection:
        render = _require_render(connection, caller, render_id)
        run_ids = clip_deletion.cancel_render(connection, render.id)
        cancelled = _require_render(connection, caller, render_id)
    if render.status not in renders.ACTIVE_STATUSES:
        raise ApiError(409, f"Only a queued or running render can be cancelled; this one is {render.status}.")
    dispatcher.terminate(run_ids)
    return Data(_build_render(platform, cancelled))


def build_job_filter(project_id: UUID | None, clip_id: UUID | None, status: str | None) -> JobFilter:
    """Build the filter of a list of renders or exports."""
    project, clip = (None if row_id is None else str(row_id) for row_id in (project_id, clip_id))
    return JobFilter(project, clip, status)


def _require_render(connection: Connection, caller: Caller, render_id: UUID) -> Render:
    render = renders.get(connection, str(render_id))
    if render is None or render.workspace_id != caller.workspace:
        raise not_found("render")
    return render


def _build_render(platform: Platform, render: Render) -> RenderOut:
    return RenderOut(
        render.id,
        render.clip_id,
        render.project_id,
        render.title,
        cast(ClipStatus, render.status),
        render.progress,
        render.start_s,
        render.end_s,
        sign_url(platform, render.object_key, "video/mp4"),
        (render.facts or {}).get("notes", []),
        render.error_message,
        render.created_at,
        render.finished_at,
    )


ROUTES: list[HTTPRouteHandler] = [list_renders, get_render, cancel_render]
