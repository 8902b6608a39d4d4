"""/v1/exports: the exports of a workspace, over all its clips."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.envelope import Data, Page
from api.errors import ApiError
from api.pagination import Paging, build_cursor, respond_with_page
from api.routes.exports import READ, ExportOut, ExportStatus, build_export, require_export
from api.routes.renders import ORDER, ClipFilter, ProjectFilter, build_job_filter
from resources import clip_deletion, exports, workspace_lists

StatusFilter = Annotated[ExportStatus | None, QueryParameter(name="status", description="Only those in this status.")]


@get("/v1/exports", sends_headers=("Link",), **READ)
def list_all_exports(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    paging: NamedDependency[Paging],
    project_id: ProjectFilter = None,
    clip_id: ClipFilter = None,
    status: StatusFilter = None,
) -> Response[Page[ExportOut]]:
    """List the exports of all clips of the workspace, newest first. `Link` leads to the next page."""
    page = paging.parse(ORDER)
    filters = build_job_filter(project_id, clip_id, status)
    with platform.database.read() as connection:
        rows, total, has_more = workspace_lists.list_exports(connection, caller.workspace, filters, page)
    next_cursor = build_cursor(ORDER, rows[-1].created_at, rows[-1].id) if has_more else None
    return respond_with_page(request, [build_export(platform, row) for row in rows], page, total, next_cursor)


@post("/v1/exports/{export_id:uuid}/cancel", status_code=200, error_statuses=(409,), **READ)
def cancel_export(
    platform: PlatformDep, dispatcher: DispatcherDep, caller: CallerDep, export_id: PathId
) -> Data[ExportOut]:
    """Cancel an export: it ends in FAILED. 409 if it has already ended."""
    with platform.database.write() as connection:
        export = require_export(connection, caller.workspace, export_id)
        run_ids = clip_deletion.cancel_export(connection, export.id)
        cancelled = require_export(connection, caller.workspace, export_id)
    if export.status not in exports.ACTIVE_STATUSES:
        raise ApiError(409, f"Only a pending or running export can be cancelled; this one is {export.status}.")
    dispatcher.terminate(run_ids)
    return Data(build_export(platform, cancelled))


ROUTES: list[HTTPRouteHandler] = [list_all_exports, cancel_export]
