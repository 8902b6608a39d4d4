"""/v1/exports: project packages of a clip for editing programs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, DispatcherDep, PathId, PlatformDep
from api.envelope import Data, Page, unpaginated
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.rate_limits import EXPORTS, consume
from api.routes.clips import require_clip
from api.signed_urls import sign_url
from resources import exports, run_intents
from resources.exports import Export
from resources.field_types import ErrorSentence, Percentage, SignedUrl, Timestamp, Uuid
from resources.platform import Platform

ExportStatus = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED"]
TargetFormat = Literal["premiere", "davinci", "fcpx", "after_effects"]
READ: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Exports"]}


class ExportRequest(msgspec.Struct):
    """The editing program that a package is for; `include_proxy` adds the 720p proxy instead of the source."""

    target_format: Annotated[TargetFormat, Meta(description="The editing program to package for.")]
    include_proxy: Annotated[
        bool, Meta(description="Whether the package holds the 720p proxy in place of the source.")
    ] = False


class ExportStarted(msgspec.Struct):
    """A queued export."""

    export_id: Annotated[Uuid, Meta(description="Id of the export. The same content gives the same id.")]
    status: Annotated[ExportStatus, Meta(description="State of the export.")]


class ExportOut(msgspec.Struct):
    """An export; `progress` is a percentage, `file_size` is in bytes."""

    id: Annotated[Uuid, Meta(description="Id of the export.")]
    clip_id: Annotated[Uuid, Meta(description="Id of the clip.")]
    target_format: Annotated[TargetFormat, Meta(description="The editing program that the package is for.")]
    include_proxy: Annotated[bool, Meta(description="Whether the package holds the 720p proxy in place of the source.")]
    status: Annotated[ExportStatus, Meta(description="State of the export.")]
    progress: Annotated[Percentage, Meta(description="How much of the package is done, in percent.")]
    download_url: Annotated[
        SignedUrl | None,
        Meta(description="Signed URL of the package, valid for six hours; null until it is completed."),
    ]
    file_size: Annotated[
        int | None, Meta(description="Size of the package in bytes; null until it is completed.", examples=[73400320])
    ]
    error_message: Annotated[ErrorSentence | None, Meta(description="Why the export failed; null if it did not.")]
    created_at: Annotated[Timestamp, Meta(description="When the export was requested.")]
    finished_at: Annotated[Timestamp | None, Meta(description="When the export ended; null until then.")]


@post(
    "/v1/clips/{clip_id:uuid}/exports",
    rate_limit=EXPORTS,
    counted_by_handler=True,
    idempotent=True,
    status_code=202,
    error_statuses=(402,),
    **READ,
)
def create_export(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    caller: CallerDep,
    clip_id: PathId,
    data: JSONBody[ExportRequest],
) -> Data[ExportStarted]:
    """Package the clip in its current state. A repetition with unchanged content returns the same export."""
    with platform.database.write() as connection:
        export, is_new = start_export(request, connection, caller, clip_id, data)
        response = record_response(connection, Data(ExportStarted(export.id, cast(ExportStatus, export.status))))
    if is_new:
        dispatcher.submit(export.run_id)
    return response


def start_export(
    request: Request[Any, Any, Any], connection: Connection, caller: Caller, clip_id: UUID, data: ExportRequest
) -> tuple[Export, bool]:
    """Return the export of the clip as it is now, and whether it is new. The caller submits the run of a new one.

    Raises:
        ApiError: 402 for a workspace of the tier FREE, 404 if there is no such clip.
        RateLimitedError: the workspace has started too many exports.
    """
    run_id = run_intents.new_run_id()
    _, clip = require_clip(connection, caller, clip_id)
    if caller.tier == "FREE":
        raise ApiError(402, "Exports for editing programs need a tier above FREE. Upgrade the workspace.")
    export, is_new = exports.request(connection, clip, data.target_format, data.include_proxy, run_id)
    if is_new:
        consume(connection, request, EXPORTS, caller.workspace)
        run_intents.enqueue(connection, run_id, "export_packages", clip.workspace_id, clip.project_id, export.id)
    return export, is_new


@get("/v1/exports/{export_id:uuid}", **READ)
def get_export(platform: PlatformDep, caller: CallerDep, export_id: PathId) -> Data[ExportOut]:
    """Return the progress of an export, and its `download_url` once it is COMPLETED."""
    with platform.database.read() as connection:
        return Data(build_export(platform, require_export(connection, caller.workspace, export_id)))


@get("/v1/clips/{clip_id:uuid}/exports", **READ)
def list_exports(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Page[ExportOut]:
    """List every export of a clip, newest first."""
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
        return unpaginated([build_export(platform, export) for export in exports.list_for_clip(connection, clip.id)])


def require_export(connection: Connection, workspace_id: str, export_id: UUID) -> Export:
    """Return an export of the workspace. Raises ApiError 404 if there is none."""
    export = exports.get(connection, str(export_id))
    if export is None or export.workspace_id != workspace_id:
        raise not_found("export")
    return export


def sign_download_url(platform: Platform, export: Export) -> str | None:
    """Return the signed URL of a finished package, or None."""
    filename = f"{export.title[:80]} ({export.target_format}).zip"
    return sign_url(platform, export.object_key, "application/zip", filename)


def build_export(platform: Platform, export: Export) -> ExportOut:
    """Build the response for an export."""
    return ExportOut(
        export.id,
        export.clip_id,
        cast(TargetFormat, export.target_format),
        export.include_proxy,
        cast(ExportStatus, export.status),
        export.progress,
        sign_download_url(platform, export),
        export.file_size,
        export.error_message,
        export.created_at,
        export.finished_at,
    )


ROUTES: list[HTTPRouteHandler] = [create_export, get_export, list_exports]
