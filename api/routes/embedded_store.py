"""/api/store: the signed URLs of the embedded store. `resources/store/folder.py` verifies signatures.

Bytes are written to disk as they arrive. An interrupted upload is deleted; uploads.py implements resumable uploads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, Annotated, Any

import msgspec
from litestar import Request, post, put, route
from litestar.concurrency import sync_to_thread
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ASGIApp
from msgspec import Meta
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from api.access import Access
from api.dependencies import DispatcherDep, PlatformDep, WorkersDep
from api.envelope import Data
from api.errors import ApiError
from api.file_responses import FileResponse
from api.footage_uploads import complete_upload
from api.upload_checksums import UploadChecksums
from api.video_types import is_compatible_type
from resources import projects, uploads
from resources.field_types import StoredKey
from resources.platform import Platform
from resources.store.folder import FolderStore, SignedUrlGrant

BLOCK_BYTES = 1 << 20  # size of one write to disk
MAX_FIELD_BYTES = 16 * 1024  # of a form field other than the file
MAX_LENGTH_DIGITS = 18  # in a number of bytes
SIGNED: dict[str, Any] = {"access": Access.SIGNED, "tags": ["Store"], "error_statuses": (401, 403, 404, 409)}


class Stored(msgspec.Struct):
    """An uploaded object; `size` is in bytes."""

    object_key: Annotated[StoredKey, Meta(description="Key of the stored object.")]
    size: Annotated[int, Meta(description="Size of the stored object in bytes.", examples=[524288000])]


@route(
    "/store/{key:path}",
    http_method=["GET", "HEAD"],
    media_type="application/octet-stream",
    reads_headers=("Range",),
    sends_headers=("ETag",),
    **SIGNED,
)
async def download_object(request: Request[Any, Any, Any], platform: PlatformDep, key: FromPath[str]) -> ASGIApp:
    """Download an object by its signed URL. Supports `Range`."""
    store, grant = _verify_url(request, platform, key)
    return FileResponse(store.object_path(grant.key), grant.content_type, grant.filename)


@put(
    "/store/{key:path}",
    status_code=200,
    request_max_body_size=None,
    body="binary",
    reads_headers=("Content-MD5",),
    **SIGNED,
)
async def upload_object(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    dispatcher: DispatcherDep,
    workers: WorkersDep,
    key: FromPath[str],
) -> Data[Stored]:
    """Upload an object to its signed URL. The body is the object.

    If `Content-MD5` or `x-amz-checksum-*` does not match: 400, and nothing is stored. Footage of a timeline is probed
    before the response: 200 means that the segment is in the timeline, 415 that the file is not a readable video.
    """
    store, grant = _verify_url(request, platform, key)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if grant.content_type and content_type and not is_compatible_type(content_type, grant.content_type):
        raise ApiError(415, f"`Content-Type` must be {grant.content_type} for this URL, not {content_type[:100]}.")
    declared_length = request.headers.get("content-length", "")
    if is_longer_than(declared_length, grant.max_bytes):
        raise upload_too_large(grant.max_bytes)
    checksums = UploadChecksums(request.headers)
    await _check_writable(platform, grant.key)
    stored_object = await _receive(platform, store, grant, read_body(request), checksums)
    await sync_to_thread(complete_upload, platform, dispatcher, workers, grant.key)
    return Data(stored_object)


@post("/store/{key:path}", status_code=201, request_max_body_size=None, body="multipart", **SIGNED)
async def upload_object_form(
    request: Request[Any, Any, Any], platform: PlatformDep, key: FromPath[str]
) -> Data[Stored]:
    """Upload an object by a form (`multipart/form-data`): first the presigned fields, then the file as `file`."""
    store = _require_folder_store(platform)
    form = MultipartForm.from_request(request)
    fields = await form.read_fields()
    grant = store.verify("POST", key.strip("/"), fields) if fields.get("key", "") == key.strip("/") else None
    if grant is None:
        raise ApiError(403, "The signed fields are not valid or have expired. Ask for a new upload URL.")
    checksums = UploadChecksums(request.headers)
    await _check_writable(platform, grant.key)
    return Data(await _receive(platform, store, grant, form.read_file(), checksums))


class MultipartForm:
    """A multipart form that is parsed while it arrives: the fields in memory, then the file block by block."""

    def __init__(self, body: AsyncIterator[bytes], boundary: str) -> None:
        self.parser = PushMultipartParser(boundary, max_segment_count=64)
        self.body = body
        self.events = self._parse()
        self.segment: MultipartSegment  # content type of the file, after `read_fields`

    @classmethod
    def from_request(cls, request: Request[Any, Any, Any]) -> MultipartForm:
        """Open the form of a request. Raises ApiError 415 if the body is not a multipart form."""
        content_type, options = parse_options_header(request.headers.get("content-type", ""))
        if content_type != "multipart/form-data" or "boundary" not in options:
            raise ApiError(415, "`Content-Type` must be multipart/form-data with a boundary. Send the file as `file`.")
        return cls(read_body(request), options["boundary"])

    async def _parse(self) -> AsyncIterator[MultipartSegment | bytes | None]:
        try:
            async for chunk in self.body:
                for event in self.parser.parse(chunk):
                    yield event
            self.parser.close()
        except MultipartError as error:
            raise ApiError(400, f"The form is malformed: {error}.") from error

    async def read_fields(self) -> dict[str, str]:
        """Return the fields before the file. Call `read_file` afterwards."""
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
                if len(value) > MAX_FIELD_BYTES:
                    raise ApiError(400, f"`{name[:100]}` must have at most {MAX_FIELD_BYTES} bytes.")
        raise ApiError(400, "`file` is missing. Send it as the last field of the form.")

    async def read_file(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file."""
        async for event in self.events:
            if event is None:
                return
            if not isinstance(event, MultipartSegment):
                yield bytes(event)


async def read_body(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """Yield the body in blocks of about `BLOCK_BYTES`.

    Raises:
        ApiError: 400 if the connection is lost. The bytes that arrived before are yielded first, for resumable uploads.
    """
    buffer = bytearray()
    try:
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= BLOCK_BYTES:
                yield bytes(buffer)
                buffer.clear()
    except HTTPException as error:
        if buffer:
            yield bytes(buffer)
        raise ApiError(400, "The connection was lost before the upload was complete. Send it again.") from error
    if buffer:
        yield bytes(buffer)


def is_longer_than(content_length: str, max_bytes: int) -> bool:
    """Tell whether a `Content-Length` header declares more than `max_bytes`. An invalid header declares nothing."""
    digits = content_length.lstrip("0")
    return digits.isascii() and digits.isdigit() and (len(digits) > MAX_LENGTH_DIGITS or int(digits) > max_bytes)


def upload_too_large(max_bytes: int) -> ApiError:
    """Build the 413 of an upload."""
    return ApiError(413, f"The upload must have at most {max_bytes} bytes.")


def object_in_use() -> ApiError:
    """Build the 409 for an upload of an object that a run reads."""
    return ApiError(409, "This object is already in use and cannot be replaced. Ask for a new upload URL.")


async def _receive(
    platform: Platform,
    store: FolderStore,
    grant: SignedUrlGrant,
    body: AsyncIterator[bytes],
    checksums: UploadChecksums,
) -> Stored:
    """Write the body to a staging file, then move it to its key.

    The staging file of an interrupted upload is deleted.
    """
    size = 0
    staging_path = store.new_staging_path()
    try:
        file: IO[bytes] = await sync_to_thread(staging_path.open, "wb")
        with file:
            async for block in body:
                if size == 0:
                    await sync_to_thread(_mark_uploading, platform, grant.key)
                size += len(block)
                if size > grant.max_bytes:
                    raise upload_too_large(grant.max_bytes)
                checksums.update(block)
                await sync_to_thread(file.write, block)
        checksums.check()
        await _check_writable(platform, grant.key)
        await sync_to_thread(store.commit_file, staging_path, store.object_path(grant.key))
    finally:
        staging_path.unlink(missing_ok=True)
    return Stored(grant.key, size)


def _mark_uploading(platform: Platform, key: str) -> None:
    with platform.database.write() as connection:
        projects.mark_uploading(connection, key)


async def _check_writable(platform: Platform, key: str) -> None:
    def is_writable() -> bool:
        with platform.database.read() as connection:
            return uploads.is_open_for_upload(connection, key)

    if not await sync_to_thread(is_writable):
        raise object_in_use()


def _require_folder_store(platform: Platform) -> FolderStore:
    if not isinstance(platform.store, FolderStore):
        raise ApiError(404, "This installation stores its objects in a bucket. Use the bucket's URLs.")
    return platform.store


def _verify_url(request: Request[Any, Any, Any], platform: Platform, key: str) -> tuple[FolderStore, SignedUrlGrant]:
    store = _require_folder_store(platform)
    grant = store.verify(request.method, key.strip("/"), dict(request.query_params.items()))
    if grant is None:
        raise ApiError(403, "This URL is not valid or has expired. Ask for a new one.")
    return store, grant


ROUTES: list[HTTPRouteHandler] = [download_object, upload_object, upload_object_form]
