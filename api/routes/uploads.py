"""Resumable uploads into the store by tus 1.0.0 (core and creation). https://tus.io/protocols/resumable-upload.

The URL of an upload contains a signed token that states what may be uploaded. No other login is needed, so that an
upload may take longer than the lifetime of an access token.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import msgspec
from litestar import Request, Response, patch, post, route
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.access import Access
from api.dependencies import CallerDep, DispatcherDep, PlatformDep, WorkersDep
from api.errors import ApiError, not_found
from api.footage_uploads import complete_upload
from api.routes.embedded_store import is_longer_than, object_in_use, read_body, upload_too_large
from resources import projects, uploads
from resources.database.engine import now
from resources.platform import Platform
from resources.signing_keys import read_token, sign_token

TUS_VERSION = "1.0.0"
TUS_HEADERS = {"Tus-Resumable": TUS_VERSION}
UPLOAD_LIFETIME = timedelta(days=1)
# Maximum wait until the bytes of a lost connection are written: only then is the offset final.
FINALISE_TIMEOUT_S = 2.0
# Maximum wait for the lock: the server may not have noticed yet that the previous connection was lost.
LOCK_TIMEOUT_S = 5.0
TAGS = ["Resumable uploads"]


class UploadToken(msgspec.Struct, frozen=True):
    """The content of an upload's URL: `length` bytes may be uploaded into the object `key`."""

    key: str
    length: int


def sign_upload_url(platform: Platform, key: str, length: int) -> str:
    """Return the URL for an upload of `length` bytes into the object `key`, valid for `UPLOAD_LIFETIME`."""
    claims = {"typ": "upload", "key": key, "length": length, "exp": now() + UPLOAD_LIFETIME}
    token = sign_token(platform.settings, claims)
    return f"{platform.settings.public_url}/api/v1/uploads/{token}"


@route(
    ["/v1/uploads", "/v1/uploads/{token:str}"],
    http_method=["OPTIONS"],
    access=Access.PUBLIC,
    include_in_schema=False,
    status_code=204,
    sync_to_thread=False,
    tags=TAGS,
)
def get_tus_capabilities(platform: PlatformDep) -> Response[None]:
    """Return the version and extensions of tus that this server supports."""
    headers = {
        **TUS_HEADERS,
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": "creation",
        "Tus-Max-Size": str(platform.settings.max_upload_bytes),
        "Allow": "HEAD, OPTIONS, PATCH, POST",
    }
    return Response(None, status_code=204, headers=headers)


@post(
    "/v1/uploads",
    access=Access.EDITOR,
    sync_to_thread=True,
    tags=TAGS,
    error_statuses=(404, 409, 412, 413),
    reads_headers=("Tus-Resumable", "Upload-Length", "Upload-Metadata"),
    sends_headers=("Tus-Resumable", "Location", "Upload-Offset"),
)
def create_upload(request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep) -> Response[None]:
    """Create a resumable upload of a project's video: `Upload-Length`, and `Upload-Metadata` with `project_id`.

    PATCH the bytes to `Location`. `POST /projects/create` returns the same URL as `resumable_url`.
    """
    _check_version(request)
    length = _read_byte_count(request, "Upload-Length")
    if length > platform.settings.max_upload_bytes:
        raise upload_too_large(platform.settings.max_upload_bytes)
    try:
        project_id = str(UUID(_parse_metadata(request.headers.get("upload-metadata", "")).get("project_id", "")))
    except ValueError:
        raise not_found("project") from None
    with platform.database.read() as connection:
        project = projects.get(connection, project_id)
    if project is None or project.workspace_id != caller.workspace:
        raise not_found("project")
    if project.run_id is not None or project.source_url is not None:
        raise ApiError(409, "This project does not accept uploads. Create a new project.")
    location = sign_upload_url(platform, project.object_key, length)
    headers = {**TUS_HEADERS, "Location": location, "Upload-Offset": "0"}
    # As application/json the empty body would be the text `null`.
    return Response(None, status_code=201, headers=headers, media_type="text/plain")


@route(
    "/v1/uploads/{token:str}",
    http_method=["HEAD"],
    access=Access.SIGNED,
    status_code=200,
    tags=TAGS,
    error_statuses=(412,),
    reads_headers=("Tus-Resumable",),
    sends_headers=("Tus-Resumable", "Upload-Offset", "Upload-Length"),
)
async def get_upload_offset(
    request: Request[Any, Any, Any], platform: PlatformDep, token: FromPath[str]
) -> Response[None]:
    """Return the number of bytes that have arrived as `Upload-Offset`."""
    _check_version(request)
    upload_token = _decode_token(platform, token)
    deadline = asyncio.get_running_loop().time() + FINALISE_TIMEOUT_S
    while await sync_to_thread(uploads.is_being_written, platform.store, upload_token.key):
        if asyncio.get_running_loop().time() > deadline:
            break  # another request is uploading
        await asyncio.sleep(0.05)
    offset = await sync_to_thread(uploads.get_received_bytes, platform.store, upload_token.key, upload_token.length)
    headers = {**TUS_HEADERS, **_build_offset_headers(offset, upload_token.length), "Cache-Control": "no-store"}
    return Response(None, headers=headers)


@patch(
    "/v1/uploads/{token:str}",
    access=Access.SIGNED,
    status_code=204,
    request_max_body_size=None,
    body="binary",
    body_type="application/offset+octet-stream",
    reads_headers=("Tus-Resumable", "Upload-Offset"),
    sends_headers=("Tus-Resumable", "Upload-Offset", "Upload-Length"),
    tags=TAGS,
    error_statuses=(409, 412, 413, 415, 423),
)
async def append_to_upload(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    workers: WorkersDep,
    token: FromPath[str],
) -> Response[None]:
    """Append bytes at `Upload-Offset`. The last byte completes the object; footage of a timeline is probed then."""
    _check_version(request)
    upload_token = _decode_token(platform, token)
    if request.headers.get("content-type", "") != "application/offset+octet-stream":
        raise ApiError(415, "`Content-Type` must be application/offset+octet-stream.")
    offset = _read_byte_count(request, "Upload-Offset")
    declared_length = request.headers.get("content-length", "")
    if is_longer_than(declared_length, upload_token.length - offset):
        raise upload_too_large(upload_token.length)
    await sync_to_thread(_check_open, platform, upload_token)
    upload = await _resume_upload(platform, upload_token)
    try:
        if upload.offset != offset:
            raise ApiError(409, f"`Upload-Offset` must be {upload.offset}, not {offset}.")
        async for block in read_body(request):
            if upload.offset + len(block) > upload_token.length:
                raise upload_too_large(upload_token.length)
            await sync_to_thread(upload.write, block)
        if upload.offset == upload_token.length:
            await sync_to_thread(_check_open, platform, upload_token)
            await sync_to_thread(upload.finish)
            await sync_to_thread(complete_upload, platform, dispatcher, workers, upload_token.key)
    finally:
        await sync_to_thread(upload.pause)
    headers = {**TUS_HEADERS, **_build_offset_headers(upload.offset, upload_token.length)}
    return Response(None, status_code=204, headers=headers)


async def _resume_upload(platform: Platform, upload_token: UploadToken) -> uploads.Upload:
    """Lock the upload. Raises ApiError 423 if another request holds it for longer than `LOCK_TIMEOUT_S`."""
    deadline = asyncio.get_running_loop().time() + LOCK_TIMEOUT_S
    while True:
        try:
            return await sync_to_thread(uploads.resume_upload, platform.store, upload_token.key, upload_token.length)
        except uploads.UploadBusyError:
            if asyncio.get_running_loop().time() > deadline:
                raise ApiError(423, "Another request is writing to this upload. Try again in a moment.") from None
            await asyncio.sleep(0.2)


def _check_open(platform: Platform, upload_token: UploadToken) -> None:
    with platform.database.write() as connection:
        if not uploads.is_open_for_upload(connection, upload_token.key):
            raise object_in_use()
        projects.mark_uploading(connection, upload_token.key)


def _decode_token(platform: Platform, token: str) -> UploadToken:
    try:
        claims = read_token(platform.settings, token)
    except jwt.InvalidTokenError:
        claims = {}
    if claims.get("typ") != "upload":
        raise ApiError(404, "This upload does not exist, or has expired. Create a new one.", TUS_HEADERS)
    return UploadToken(claims["key"], claims["length"])


def _check_version(request: Request[Any, Any, Any]) -> None:
    if request.headers.get("tus-resumable", TUS_VERSION) != TUS_VERSION:
        headers = {**TUS_HEADERS, "Tus-Version": TUS_VERSION}
        raise ApiError(412, f"`Tus-Resumable` must be {TUS_VERSION}.", headers)


def _read_byte_count(request: Request[Any, Any, Any], header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise ApiError(400, f"`{header}` must be a whole number of bytes, 0 or more.", TUS_HEADERS)
    return int(value)


def _parse_metadata(header: str) -> dict[str, str]:
    """Parse `Upload-Metadata`: `key base64value, key base64value` (tus creation extension)."""
    metadata = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            metadata[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            sentence = "`Upload-Metadata` must be pairs of a name and a base64 value, separated by commas."
            raise ApiError(400, sentence, TUS_HEADERS) from None
    return metadata


def _build_offset_headers(offset: int, length: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Upload-Length": str(length)}


ROUTES: list[HTTPRouteHandler] = [get_tus_capabilities, create_upload, get_upload_offset, append_to_upload]
