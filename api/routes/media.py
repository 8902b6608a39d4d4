"""/v1/media: the workspace's media library, and uploads into it."""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from api.access import Access, Caller
from api.dependencies import CallerDep, PathId, PlatformDep, WorkersDep
from api.edit_validation import describe_fonts
from api.envelope import Data, Limit, Offset, Ok, Page, paginated, unpaginated
from api.errors import ApiError, not_found
from api.media_uploads import (
    KIND_BY_SUFFIX,
    TYPE_BY_SUFFIX,
    UPLOAD_URL_LIFETIME_S,
    MediaOut,
    PresignRequest,
    UploadedFile,
    add_to_library,
    build_media,
    check_size,
    check_storage_limit,
    delete_objects,
    discard_upload,
    inspect_upload,
    parse_media_type,
    reserve_upload,
)
from api.rate_limits import INSPECTIONS
from api.request_fields import Filename, ObjectKey, Search
from api.routes.embedded_store import MultipartForm
from carmic_assets.captions.font_families import find_family
from carmic_assets.model.edit import MediaFile, MediaKind
from carmic_assets.sandbox.pool import WorkerPool
from resources import media_library, pending_uploads, storage_usage
from resources.field_types import SignedUrl, StoredKey, Timestamp, Uuid
from resources.file_names import clean_file_name
from resources.pending_uploads import PendingUpload
from resources.platform import Platform

MEDIA: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Media library"]}
MAX_NAMED_USERS = 5  # listed in the error if a file cannot be deleted


class FormOut(msgspec.Struct):
    """An upload form.

    POST the fields to `url` as multipart/form-data, the file last as `file`; then confirm `object_key`.
    """

    url: Annotated[SignedUrl, Meta(description="URL that accepts the form by POST.")]
    fields: Annotated[
        dict[str, str],
        Meta(
            description="Fields of the form, to be sent before the file.",
            examples=[{"policy": "eyJ0", "signature": "4f1d"}],
        ),
    ]
    object_key: Annotated[StoredKey, Meta(description="Key of the file, to confirm once it is uploaded.")]


class ConfirmRequest(msgspec.Struct):
    """An uploaded object. `filename` replaces the name that was sent to `presign`."""

    object_key: Annotated[ObjectKey, Meta(description="Key from the response to `presign`.")]
    filename: Annotated[
        Filename | None, Meta(description="Name of the file; omitted, the one that was sent to `presign`.")
    ] = None


class Stats(msgspec.Struct):
    """The size of the library, the declared size of pending uploads, and the tier's limit for their sum."""

    storage_used_bytes: Annotated[int, Meta(description="Bytes of the files in the library.", examples=[73400320])]
    storage_cap_bytes: Annotated[
        int,
        Meta(description="The tier's limit of files and pending uploads together, in bytes.", examples=[1073741824]),
    ]
    tier: Annotated[str, Meta(description="Tier of the workspace.", examples=["FREE"])]
    count: Annotated[int, Meta(description="How many files the library holds.", examples=[12])]
    pending_bytes: Annotated[int, Meta(description="Bytes that pending uploads have declared.", examples=[20480])]
    pending_count: Annotated[int, Meta(description="How many uploads are pending.", examples=[1])]


class PendingOut(msgspec.Struct):
    """An upload that is not confirmed yet. It is deleted at `expires_at`. `file_size` is the declared size in bytes."""

    id: Annotated[Uuid, Meta(description="Id of the upload.")]
    object_key: Annotated[StoredKey, Meta(description="Key that the file will have.")]
    filename: Annotated[str, Meta(description="Name of the file.", examples=["logo.png"])]
    file_size: Annotated[int, Meta(description="Declared size in bytes.", examples=[20480])]
    clip_id: Annotated[
        Uuid | None, Meta(description="Id of the clip that the file is for; null for a file of the workspace.")
    ]
    expires_at: Annotated[Timestamp, Meta(description="When the upload is deleted unless it is confirmed before.")]
    created_at: Annotated[Timestamp, Meta(description="When the upload was begun.")]


@get("/v1/media", **MEDIA)
def list_media(
    platform: PlatformDep,
    caller: CallerDep,
    media_type: Annotated[MediaKind | None, QueryParameter(description="Only files of this kind.")] = None,
    search: Search = "",
    limit: Limit = 20,
    offset: Offset = 0,
) -> Page[MediaOut]:
    """List the workspace's library, newest first."""
    with platform.database.read() as connection:
        rows, total = media_library.list_page(
            connection, caller.workspace, media_type=media_type or "", search=search.strip(), limit=limit, offset=offset
        )
    return paginated([build_media(platform, row) for row in rows], total, limit, offset)


@post("/v1/media/presign", status_code=200, error_statuses=(402,), **MEDIA)
def presign_media_upload(platform: PlatformDep, caller: CallerDep, data: JSONBody[PresignRequest]) -> Data[FormOut]:
    """Return the URL and the form fields for an upload. 402 if the file exceeds the tier's storage limit."""
    content_type, suffix = parse_media_type(data.content_type)
    check_size(platform, data.file_size)
    key = media_library.new_key(caller.workspace, suffix)
    with platform.database.write() as connection:
        reserve_upload(connection, caller, key, data.filename, data.file_size)
    form = platform.store.presign_post(key, UPLOAD_URL_LIFETIME_S, content_type=content_type, max_bytes=data.file_size)
    return Data(FormOut(form.url, form.fields, key))


@post(
    "/v1/media/confirm",
    idempotent=True,
    rate_limit=INSPECTIONS,
    error_statuses=(402, 404, 409),
    **MEDIA,
)
def confirm_media_upload(
    platform: PlatformDep, workers: WorkersDep, caller: CallerDep, data: JSONBody[ConfirmRequest]
) -> Data[MediaOut]:
    """Add an uploaded file to the library. A file that does not match its content type is rejected and deleted."""
    key = data.object_key
    owner = media_library.parse_owner(key)
    if owner is None or owner[0] != caller.workspace:
        raise not_found("upload")
    with platform.database.read() as connection:
        confirmed = media_library.find_by_key(connection, caller.workspace, key)
        pending = pending_uploads.find_by_key(connection, caller.workspace, key)
    if confirmed is not None:
        return Data(build_media(platform, confirmed))
    if platform.store.stat(key) is None:
        raise ApiError(404, "`object_key` names an object that was not uploaded. Upload it first.")
    try:
        with platform.store.local_file(key) as path:
            name = clean_file_name(data.filename or (pending.filename if pending else path.name))
            facts = inspect_upload(platform, workers, caller.workspace, path, name, key)
            file = UploadedFile(key, name, path.stat().st_size, facts, clip_id=owner[1])
        return Data(add_to_library(platform, caller, file))
    except ApiError as error:
        if error.status in (402, 415):
            discard_upload(platform, caller.workspace, key)
        raise


@get("/v1/media/stats", **MEDIA)
def get_media_stats(platform: PlatformDep, caller: CallerDep) -> Data[Stats]:
    """Return the size of the library, and the tier's limit."""
    with platform.database.read() as connection:
        used_bytes = storage_usage.get_stored_bytes(connection, caller.workspace)
        _, count = media_library.list_page(connection, caller.workspace, limit=1)
        pending = pending_uploads.list_all(connection, caller.workspace)
    tier = caller.tier or "FREE"
    pending_bytes = sum(upload.declared_bytes for upload in pending)
    limit_bytes = storage_usage.STORAGE_LIMITS_BYTES[tier]
    return Data(Stats(used_bytes, limit_bytes, tier, count, pending_bytes, len(pending)))


@get("/v1/media/uploads", **MEDIA)
def list_pending_uploads(platform: PlatformDep, caller: CallerDep) -> Page[PendingOut]:
    """List the uploads that are not confirmed yet, newest first. They count against the storage limit."""
    with platform.database.read() as connection:
        pending = pending_uploads.list_all(connection, caller.workspace)
    return unpaginated([_build_pending(upload) for upload in pending])


@delete("/v1/media/uploads/{upload_id:uuid}", status_code=200, **MEDIA)
def cancel_pending_upload(platform: PlatformDep, caller: CallerDep, upload_id: PathId) -> Data[Ok]:
    """Cancel an upload that is not confirmed yet, and delete the bytes that have arrived."""
    with platform.database.read() as connection:
        pending = pending_uploads.list_all(connection, caller.workspace)
    key = next((upload.object_key for upload in pending if upload.id == str(upload_id)), None)
    if key is None:
        raise not_found("upload")
    discard_upload(platform, caller.workspace, key)
    return Data(Ok())


def _build_pending(upload: PendingUpload) -> PendingOut:
    return PendingOut(
        upload.id,
        upload.object_key,
        upload.filename,
        upload.declared_bytes,
        upload.clip_id,
        upload.expires_at,
        upload.created_at,
    )


@delete("/v1/media/{media_id:uuid}", status_code=200, error_statuses=(409,), **MEDIA)
def delete_media(platform: PlatformDep, caller: CallerDep, media_id: PathId) -> Data[Ok]:
    """Delete a file. 409 while a clip or template uses it; the message names them."""
    font_users = _list_font_users(platform, caller.workspace, str(media_id))
    with platform.database.write() as connection:
        media = media_library.get(connection, caller.workspace, str(media_id))
        if media is None:
            raise not_found("media file")
        users = font_users + media_library.list_usages(connection, caller.workspace, media)
        if users:
            names = "; ".join(users[:MAX_NAMED_USERS])
            raise ApiError(409, f"{media.filename} is in use: {names}. Remove it there first.")
        media_library.remove(connection, caller.workspace, media.id)
    delete_objects(platform, media.object_key)
    return Data(Ok())


def _list_font_users(platform: Platform, workspace_id: str, media_id: str) -> list[str]:
    """List the clips and templates whose caption font would be missing without this file."""
    with platform.database.read() as connection:
        fonts = media_library.list_fonts(connection, workspace_id)
        if not any(font.id == media_id for font in fonts):
            return []
        families = media_library.list_caption_fonts(connection, workspace_id)
    other_fonts = [font for font in fonts if font.id != media_id]
    files, other_files = describe_fonts(fonts), describe_fonts(other_fonts)
    return [user for family, user in families if _has_family(family, files) and not _has_family(family, other_files)]


def _has_family(family: str, fonts: Sequence[MediaFile]) -> bool:
    try:
        find_family(family, fonts)
    except ValueError:
        return False
    return True


@post(
    "/v1/workspaces/media",
    access=Access.EDITOR,
    rate_limit=INSPECTIONS,
    idempotent=True,
    request_max_body_size=None,
    body="multipart",
    error_statuses=(402,),
    tags=["B-roll and stock"],
)
async def upload_media(
    request: Request[Any, Any, Any], platform: PlatformDep, workers: WorkersDep, caller: CallerDep
) -> Data[MediaOut]:
    """Upload a file into the library in one request (`multipart/form-data`, field `file`)."""
    return Data(await receive_upload(request, platform, workers, caller))


async def receive_upload(
    request: Request[Any, Any, Any],
    platform: Platform,
    workers: WorkerPool,
    caller: Caller,
    kind: MediaKind | None = None,
) -> MediaOut:
    """Receive a form with one file, and add it to the library.

    Raises:
        ApiError: 400 for a malformed form, 402 over the storage limit, 413 or 415 for the file; 415 too if it is not of
            the `kind`.
    """
    form = MultipartForm.from_request(request)
    await form.read_fields()
    if "\0" in (form.segment.filename or ""):
        raise ApiError(400, "`file` must not have a NUL character in its name.")
    name = clean_file_name(form.segment.filename or "")
    guessed_type = mimetypes.guess_type(name)[0] or ""
    content_type = (form.segment.content_type or guessed_type).lower()
    if content_type == "application/octet-stream":
        content_type = guessed_type
    _, suffix = parse_media_type(content_type)
    if kind is not None and KIND_BY_SUFFIX[suffix] != kind:
        raise ApiError(415, f"`file` must be of the kind {kind}, not {KIND_BY_SUFFIX[suffix]}.")
    scratch_dir = platform.settings.scratch_dir
    scratch_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch_dir, suffix=suffix) as file:
        await _spool(platform, form.read_file(), file)
        return await sync_to_thread(_store_file, platform, workers, caller, Path(file.name), name, suffix)


def _store_file(
    platform: Platform, workers: WorkerPool, caller: Caller, path: Path, name: str, suffix: str
) -> MediaOut:
    """Store a local file, and add it to the library."""
    size_bytes = path.stat().st_size
    with platform.database.read() as connection:
        check_storage_limit(connection, caller, size_bytes)
    key = media_library.new_key(caller.workspace, suffix)
    file = UploadedFile(key, name, size_bytes, inspect_upload(platform, workers, caller.workspace, path, name, key))
    platform.store.put_file(key, path, TYPE_BY_SUFFIX[suffix])
    try:
        return add_to_library(platform, caller, file)
    except ApiError:
        delete_objects(platform, key)
        raise


async def _spool(platform: Platform, blocks: AsyncIterator[bytes], file: IO[bytes]) -> None:
    size_bytes = 0
    async for block in blocks:
        size_bytes += len(block)
        check_size(platform, size_bytes)
        await sync_to_thread(file.write, block)
    await sync_to_thread(file.flush)


ROUTES: list[HTTPRouteHandler] = [
    list_media,
    presign_media_upload,
    confirm_media_upload,
    get_media_stats,
    list_pending_uploads,
    cancel_pending_upload,
    delete_media,
    upload_media,
]
