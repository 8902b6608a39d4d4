"""Resumable uploads: the tus protocol 1.0.0 (core and creation), over the store. https://tus.io/protocols/resumable-upload

An upload's address carries a signed token that says what may be uploaded: a client that has it needs no other login, so
that an upload may last longer than an access token.
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
from litestar.params import FromPath

from api.access import Access
from api.dependencies import TheCaller, ThePlatform
from api.errors import ApiError, not_found
from api.routes.embedded_store import body_of, too_large
from resources import projects, uploads
from resources.database.engine import now
from resources.platform import Platform

VERSION = "1.0.0"
LIFE = timedelta(days=1)
SETTLE_S = 2.0  # what a broken connection had sent is still being written down; an offset before that would be stale
LOCK_PATIENCE_S = 5.0  # the broken connection of a moment ago may not have been noticed yet


class Ticket(msgspec.Struct, frozen=True):
    """What an upload's address allows: `length` bytes into `key`."""

    key: str
    length: int


def address(platform: Platform, key: str, length: int) -> str:
    """Where `length` bytes of `key` can be uploaded, for a day."""
    claims = {"typ": "upload", "key": key, "length": length, "exp": now() + LIFE}
    token = jwt.encode(claims, platform.settings.secret_key, algorithm="HS256")
    return f"{platform.settings.public_url}/api/v1/uploads/{token}"


@route(
    ["/v1/uploads", "/v1/uploads/{token:str}"],
    http_method=["OPTIONS"],
    access=Access.PUBLIC,
    include_in_schema=False,
    status_code=204,
    sync_to_thread=False,
    tags=["Resumable uploads"],
)
def capabilities(platform: ThePlatform) -> Response[None]:
    """What this server knows of tus."""
    told = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation",
        "Tus-Max-Size": str(platform.settings.max_upload_bytes),
    }
    return Response(None, status_code=204, headers={**_tus(), **told, "Allow": "HEAD, OPTIONS, PATCH, POST"})


@post(
    "/v1/uploads", access=Access.EDITOR, sync_to_thread=True, tags=["Resumable uploads"], refuses=(404, 409, 412, 413)
)
def begin(request: Request[Any, Any, Any], platform: ThePlatform, caller: TheCaller) -> Response[None]:
    """Begin a resumable upload of a project's video: `Upload-Length`, and `Upload-Metadata` with `project_id`.

    `Location` is where the bytes go, by PATCH. `POST /projects/create` answers the same address as `resumable_url`.
    """
    _version(request)
    length = _number(request, "Upload-Length")
    if length > platform.settings.max_upload_bytes:
        raise too_large(platform.settings.max_upload_bytes)
    try:
        project_id = str(UUID(_metadata(request.headers.get("upload-metadata", "")).get("project_id", "")))
    except ValueError:
        raise not_found("project") from None
    with platform.database.read() as connection:
        project = projects.get(connection, project_id)
    if project is None or project.workspace_id != caller.workspace:
        raise not_found("project")
    if project.run_id is not None or project.source_url is not None:
        raise ApiError(409, "This project takes no upload (any more).")
    location = address(platform, project.object_key, length)
    headers = {**_tus(), "Location": location, "Upload-Offset": "0"}
    return Response(None, status_code=201, headers=headers, media_type="text/plain")  # as JSON, nothing is `null`


@route(
    "/v1/uploads/{token:str}",
    http_method=["HEAD"],
    access=Access.SIGNED,
    status_code=200,
    tags=["Resumable uploads"],
)
async def progress(request: Request[Any, Any, Any], platform: ThePlatform, token: FromPath[str]) -> Response[None]:
    """How many bytes have come: `Upload-Offset`."""
    _version(request)
    ticket = _ticket(platform, token)
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while await sync_to_thread(uploads.being_written, platform.store, ticket.key):
        if asyncio.get_running_loop().time() > deadline:
            break  # not a broken connection's last bytes, then, but somebody at work
        await asyncio.sleep(0.05)
    offset = await sync_to_thread(uploads.received, platform.store, ticket.key, ticket.length)
    return Response(None, headers={**_tus(), **_offsets(offset, ticket.length), "Cache-Control": "no-store"})


@patch(
    "/v1/uploads/{token:str}",
    access=Access.SIGNED,
    status_code=204,
    request_max_body_size=None,
    body="binary",
    tags=["Resumable uploads"],
    refuses=(409, 412, 413, 415, 423),
)
async def proceed(request: Request[Any, Any, Any], platform: ThePlatform, token: FromPath[str]) -> Response[None]:
    """Add bytes from `Upload-Offset` on. With the last one the object is complete."""
    _version(request)
    ticket = _ticket(platform, token)
    if request.headers.get("content-type", "") != "application/offset+octet-stream":
        raise ApiError(415, "Send the bytes as application/offset+octet-stream.")
    offset = _number(request, "Upload-Offset")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and offset + int(declared) > ticket.length:
        raise too_large(ticket.length)
    await sync_to_thread(_check_open, platform, ticket)
    upload = await _resumed(platform, ticket)
    try:
        if upload.offset != offset:
            raise ApiError(409, f"The upload stands at {upload.offset}, not at {offset}.")
        async for block in body_of(request):
            if upload.offset + len(block) > ticket.length:
                raise too_large(ticket.length)
            await sync_to_thread(upload.write, block)
        if upload.offset == ticket.length:
            await sync_to_thread(_check_open, platform, ticket)
            await sync_to_thread(upload.finish)
    finally:
        await sync_to_thread(upload.pause)
    return Response(None, status_code=204, headers={**_tus(), **_offsets(upload.offset, ticket.length)})


async def _resumed(platform: Platform, ticket: Ticket) -> uploads.Upload:
    deadline = asyncio.get_running_loop().time() + LOCK_PATIENCE_S
    while True:
        try:
            return await sync_to_thread(uploads.resume, platform.store, ticket.key, ticket.length)
        except uploads.Busy:
            if asyncio.get_running_loop().time() > deadline:
                raise ApiError(423, "Another request is writing to this upload. Try again in a moment.") from None
            await asyncio.sleep(0.2)


def _check_open(platform: Platform, ticket: Ticket) -> None:
    with platform.database.write() as connection:
        if not uploads.open_for_upload(connection, ticket.key):
            raise ApiError(409, "This object is in use already and cannot be replaced.")
        projects.upload_began(connection, ticket.key)


def _ticket(platform: Platform, token: str) -> Ticket:
    try:
        claims = jwt.decode(token, platform.settings.secret_key, algorithms=["HS256"], options={"require": ["exp"]})
    except jwt.InvalidTokenError:
        claims = {}
    if claims.get("typ") != "upload":
        raise ApiError(404, "There is no such upload, or it has expired. Begin a new one.", _tus())
    return Ticket(claims["key"], claims["length"])


def _version(request: Request[Any, Any, Any]) -> None:
    if request.headers.get("tus-resumable", VERSION) != VERSION:
        raise ApiError(412, f"This server speaks tus {VERSION}.", {**_tus(), "Tus-Version": VERSION})


def _number(request: Request[Any, Any, Any], name: str) -> int:
    value = request.headers.get(name, "")
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise ApiError(400, f"{name} must be a whole number of bytes.", _tus())
    return int(value)


def _metadata(header: str) -> dict[str, str]:
    """`key base64value, key base64value` (tus creation extension)."""
    found = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ApiError(400, "Upload-Metadata cannot be read.", _tus()) from None
    return found


def _offsets(offset: int, length: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Upload-Length": str(length)}


def _tus() -> dict[str, str]:
    return {"Tus-Resumable": VERSION}


ROUTES: list[Any] = [capabilities, begin, progress, proceed]
