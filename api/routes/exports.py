"""/v1/exports: project packages of a clip for four editing programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.params import JSONBody
from sqlalchemy import Connection

from api.access import Access
from api.dependencies import Id, TheCaller, TheLauncher, ThePlatform
from api.envelope import Data, Page, whole
from api.errors import ApiError, not_found
from api.rate_limits import EXPORTS, spend
from api.routes.clips import owned
from api.signed_urls import link
from resources import exports, run_intents
from resources.exports import Export
from resources.platform import Platform

ExportStatus = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED"]
Target = Literal["premiere", "davinci", "fcpx", "after_effects"]


class ExportIn(msgspec.Struct):
    """`include_proxy` puts the 720p proxy into the package instead of the source."""

    target_format: Target
    include_proxy: bool = False


class ExportStarted(msgspec.Struct):
    export_id: str
    status: ExportStatus


class ExportOut(msgspec.Struct):
    id: str
    clip_id: str
    target_format: Target
    include_proxy: bool
    status: ExportStatus
    progress: int
    download_url: str | None
    file_size: int | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


@post(
    "/v1/clips/{clip_id:uuid}/exports",
    access=Access.EDITOR,
    limit=EXPORTS,
    counted_by_handler=True,
    idempotent=True,
    status_code=202,
    refuses=(402,),
    sync_to_thread=True,
    tags=["Exports"],
)
def create(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    launcher: TheLauncher,
    caller: TheCaller,
    clip_id: Id,
    data: JSONBody[ExportIn],
) -> Data[ExportStarted]:
    """Make a package of the clip as it stands. The same request for the same content gives back the same export."""
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        _, clip = owned(connection, caller, clip_id)
        if caller.tier == "FREE":
            raise ApiError(402, "Exports for editing programs need a tier above FREE.")
        export, new = exports.request(connection, clip, data.target_format, data.include_proxy, run_id)
        if new:
            spend(connection, request, EXPORTS, caller.workspace)
            run_intents.promise(connection, run_id, "export_packages", clip.workspace_id, clip.project_id, export.id)
    if new:
        launcher.launch(run_id)
    status: Any = export.status
    return Data(ExportStarted(export.id, status))


@get("/v1/exports/{export_id:uuid}", access=Access.EDITOR, sync_to_thread=True, tags=["Exports"])
def detail(platform: ThePlatform, caller: TheCaller, export_id: Id) -> Data[ExportOut]:
    """How far an export is, and where to download it once it is COMPLETED."""
    with platform.database.read() as connection:
        return Data(shown(platform, owned_export(connection, caller.workspace, export_id)))


@get("/v1/clips/{clip_id:uuid}/exports", access=Access.EDITOR, sync_to_thread=True, tags=["Exports"])
def listing(platform: ThePlatform, caller: TheCaller, clip_id: Id) -> Page[ExportOut]:
    """Every export of a clip, newest first."""
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
        return whole([shown(platform, export) for export in exports.of_clip(connection, clip.id)])


def owned_export(connection: Connection, workspace_id: str, export_id: UUID) -> Export:
    export = exports.get(connection, str(export_id))
    if export is None or export.workspace_id != workspace_id:
        raise not_found("export")
    return export


def shown(platform: Platform, export: Export) -> ExportOut:
    status: Any = export.status
    target: Any = export.target_format
    return ExportOut(
        export.id,
        export.clip_id,
        target,
        export.include_proxy,
        status,
        export.progress,
        download_link(platform, export),
        export.file_size,
        export.error_message,
        export.created_at,
        export.finished_at,
    )


def download_link(platform: Platform, export: Export) -> str | None:
    name = f"{export.title[:80]} ({export.target_format}).zip"
    return link(platform, export.object_key, "application/zip", name)


ROUTES: list[Any] = [create, detail, listing]
