"""/api/store: the embedded store's signed addresses. What a signature allows is decided in resources/store/folder.py.

Bytes go straight to disk as they come; an upload that breaks leaves nothing behind (see uploads.py for resuming).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, Any

import msgspec
from litestar import Request, post, put, route
from litestar.concurrency import sync_to_thread
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.types import ASGIApp
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from api.access import Access
from api.dependencies import ThePlatform
from api.envelope import Data
from api.errors import ApiError
from api.file_responses import FileAnswer
from api.video_types import same_kind
from resources import projects, uploads
from resources.platform import Platform
from resources.store.folder import FolderStore, Grant

BLOCK = 1 << 20
FORM_FIELD_MAX = 16 * 1024


class Stored(msgspec.Struct):
    object_key: str
    size: int


def signed(access: Access = Access.SIGNED) -> dict[str, Any]:
    return {"access": access, "tags": ["Store"], "refuses": (401, 403, 404)}


@route("/store/{key:path}", http_method=["GET", "HEAD"], media_type="application/octet-stream", **signed())
async def download(request: Request[Any, Any, Any], platform: ThePlatform, key: FromPath[str]) -> ASGIApp:
    """Download an object by its signed address, whole or by `Range`."""
    store, grant = _granted(request, platform, key)
    return FileAnswer(store.path(grant.key), grant.content_type, grant.filename)


@put("/store/{key:path}", status_code=200, request_max_body_size=None, body="binary", **signed())
async def upload(request: Request[Any, Any, Any], platform: ThePlatform, key: FromPath[str]) -> Data[Stored]:
    """Upload an object to its signed address: the bytes are the body."""
    store, grant = _granted(request, platform, key)
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if grant.content_type and given and not same_kind(given, grant.content_type):
        raise ApiError(415, f"This address takes {grant.content_type}, not {given[:100]}.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > grant.max_bytes:
        raise too_large(grant.max_bytes)
    await _may_write(platform, grant.key)
    return Data(await _receive(platform, store, grant, body_of(request)))


@post("/store/{key:path}", status_code=201, request_max_body_size=None, body="multipart", **signed())
async def upload_form(request: Request[Any, Any, Any], platform: ThePlatform, key: FromPath[str]) -> Data[Stored]:
    """Upload an object by a form (`multipart/form-data`): the presigned fields first, the file last as `file`."""
    store = _folder(platform)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or "boundary" not in options:
        raise ApiError(415, "Send the fields and the file as multipart/form-data.")
    form = Form(body_of(request), options["boundary"])
    fields = await form.fields_before_file()
    grant = store.verify("POST", key.strip("/"), fields) if fields.get("key", "") == key.strip("/") else None
    if grant is None:
        raise ApiError(403, "The signed fields are not valid or have expired. Ask for new ones.")
    await _may_write(platform, grant.key)
    return Data(await _receive(platform, store, grant, form.file()))


class Form:
    """A form that is read once, front to back: fields into memory, the file as it comes."""

    def __init__(self, body: AsyncIterator[bytes], boundary: str):
        self.parser = PushMultipartParser(boundary, max_segment_count=64)
        self.body = body
        self.events = self._parsed()
        self.segment: MultipartSegment  # the file's, once `fields_before_file` has met it

    async def _parsed(self) -> AsyncIterator[MultipartSegment | bytes | None]:
        try:
            async for chunk in self.body:
                for event in self.parser.parse(chunk):
                    yield event
            self.parser.close()
        except MultipartError as error:
            raise ApiError(400, f"The form cannot be read: {error}.") from error

    async def fields_before_file(self) -> dict[str, str]:
        """The fields up to the file, whose bytes then wait in `file`."""
        fields: dict[str, str] = {}
        name, value = "", bytearray()
        async for event in self.events:
            if isinstance(event, MultipartSegment):
                if event.name == "file":
                    self.segment = event
                    return fields
                name, value = event.name, bytearray()
            elif event is None:
                fields[name] = value.decode("utf-8", "replace")
            else:
                value += event
                if len(value) > FORM_FIELD_MAX:
                    raise ApiError(400, f"The field `{name[:100]}` is too long.")
        raise ApiError(400, "The form has no `file`; it goes last.")

    async def file(self) -> AsyncIterator[bytes]:
        async for event in self.events:
            if event is None:
                return
            if not isinstance(event, MultipartSegment):
                yield bytes(event)


async def body_of(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The body as it comes, in blocks of about a megabyte. Raises ApiError when the connection breaks."""
    held = bytearray()
    try:
        async for chunk in request.stream():
            held += chunk
            if len(held) >= BLOCK:
                yield bytes(held)
                held.clear()
    except HTTPException as error:
        if held:
            yield bytes(held)  # for those who resume, what has come is worth keeping
        raise ApiError(400, "The connection broke before the upload was complete.") from error
    if held:
        yield bytes(held)


def too_large(max_bytes: int) -> ApiError:
    return ApiError(413, f"The upload is larger than the {max_bytes} bytes that this address takes.")


async def _receive(platform: Platform, store: FolderStore, grant: Grant, body: AsyncIterator[bytes]) -> Stored:
    """Write the body aside, then give it its name. Whatever breaks off leaves nothing."""
    size = 0
    aside = store.aside()
    try:
        file: IO[bytes] = await sync_to_thread(aside.open, "wb")
        with file:
            async for block in body:
                if size == 0:
                    await sync_to_thread(_began, platform, grant.key)
                size += len(block)
                if size > grant.max_bytes:
                    raise too_large(grant.max_bytes)
                await sync_to_thread(file.write, block)
        await _may_write(platform, grant.key)
        await sync_to_thread(store.adopt, aside, store.path(grant.key))
    finally:
        aside.unlink(missing_ok=True)
    return Stored(grant.key, size)


def _began(platform: Platform, key: str) -> None:
    with platform.database.write() as connection:
        projects.upload_began(connection, key)


async def _may_write(platform: Platform, key: str) -> None:
    def look() -> bool:
        with platform.database.read() as connection:
            return uploads.open_for_upload(connection, key)

    if not await sync_to_thread(look):
        raise ApiError(409, "This object is in use already and cannot be replaced.")


def _folder(platform: Platform) -> FolderStore:
    if not isinstance(platform.store, FolderStore):
        raise ApiError(404, "This installation keeps its objects in a bucket; its addresses are not here.")
    return platform.store


def _granted(request: Request[Any, Any, Any], platform: Platform, key: str) -> tuple[FolderStore, Grant]:
    store = _folder(platform)
    grant = store.verify(request.method, key.strip("/"), dict(request.query_params.items()))
    if grant is None:
        raise ApiError(403, "This address is not valid or has expired. Ask for a new one.")
    return store, grant


ROUTES: list[Any] = [download, upload, upload_form]
