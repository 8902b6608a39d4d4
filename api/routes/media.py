"""/v1/media and what is near it: the workspace's library, media of one clip, plain storage addresses.

An upload counts once it is confirmed: then its content is looked into, and what does not hold what it says is refused.
"""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta
from multipart import MultipartSegment, parse_options_header
from sqlalchemy import Connection

from api import edit_validation
from api.access import Access, Caller
from api.dependencies import Id, TheCaller, ThePlatform
from api.envelope import Data, Limit, Offset, Ok, Page, page, whole
from api.errors import ApiError, not_found
from api.media_inspection import inspect
from api.request_fields import NO_NUL, Search
from api.routes.clips import owned
from api.routes.embedded_store import Form, body_of
from api.signed_urls import LIFE_S, link
from carmic_assets.captions.fonts import find_family
from carmic_assets.model.edit import Kind, MediaFile
from resources import accounts, cache, media_library, storage_usage
from resources.media_library import Media
from resources.platform import Platform

Filename = Annotated[str, Meta(pattern=NO_NUL, min_length=1, max_length=500, examples=["logo.png"])]
Key = Annotated[str, Meta(pattern=NO_NUL, min_length=1, max_length=900)]
UPLOAD_LIFE_S = 3600
ANNOUNCED = "upload:"  # of uploads that wait to be confirmed: what their files are called
TYPES = {  # content type -> (kind, ending)
    "image/png": ("image", ".png"),
    "image/jpeg": ("image", ".jpg"),
    "image/webp": ("image", ".webp"),
    "image/gif": ("image", ".gif"),
    "video/mp4": ("video", ".mp4"),
    "video/quicktime": ("video", ".mov"),
    "video/webm": ("video", ".webm"),
    "video/x-matroska": ("video", ".mkv"),
    "audio/mpeg": ("audio", ".mp3"),
    "audio/mp4": ("audio", ".m4a"),
    "audio/x-m4a": ("audio", ".m4a"),
    "audio/aac": ("audio", ".aac"),
    "audio/wav": ("audio", ".wav"),
    "audio/x-wav": ("audio", ".wav"),
    "audio/ogg": ("audio", ".ogg"),
    "audio/flac": ("audio", ".flac"),
    "font/ttf": ("font", ".ttf"),
    "font/otf": ("font", ".otf"),
    "font/woff": ("font", ".woff"),
    "font/woff2": ("font", ".woff2"),
    "application/x-font-ttf": ("font", ".ttf"),
}
KINDS = {ending: kind for kind, ending in TYPES.values()}
CONTENT_TYPES = {ending: name for name, (_, ending) in reversed(TYPES.items())}  # the first of each ending
TAGS = ["Media library"]


class PresignIn(msgspec.Struct):
    filename: Filename
    content_type: Annotated[str, Meta(max_length=200, examples=["image/png"])]
    file_size: Annotated[int, Meta(ge=1, le=2**53)]


class FormOut(msgspec.Struct):
    """POST the fields as multipart/form-data to `url`, the file last as `file`; then confirm `object_key`."""

    url: str
    fields: dict[str, str]
    object_key: str


class ConfirmIn(msgspec.Struct):
    object_key: Key
    filename: Filename | None = None


class MediaOut(msgspec.Struct):
    id: str
    object_key: str
    url: str | None
    filename: str
    media_type: Kind
    content_type: str
    file_size: int
    duration: float | None
    width: int | None
    height: int | None
    clip_id: str | None
    created_at: datetime


class Stats(msgspec.Struct):
    storage_used_bytes: int
    storage_cap_bytes: int
    tier: str
    count: int


class ClipUpload(msgspec.Struct):
    """PUT the bytes to `upload_url`, then confirm `object_key` with POST /v1/media/confirm."""

    upload_url: str
    object_key: str


class StorageIn(msgspec.Struct):
    """`bucket` is accepted and has no meaning here: an installation has one store."""

    filename: Filename
    content_type: Annotated[str, Meta(max_length=200)]
    bucket: str | None = None


class StorageUpload(msgspec.Struct):
    upload_url: str
    object_key: str
    expires_in: int


class PlaybackIn(msgspec.Struct):
    object_key: Key


class Playback(msgspec.Struct):
    url: str
    expires_in: int


@get("/v1/media", access=Access.EDITOR, sync_to_thread=True, tags=TAGS)
def listing(
    platform: ThePlatform,
    caller: TheCaller,
    media_type: Annotated[Kind | None, QueryParameter(description="Of one kind.")] = None,
    search: Search = "",
    limit: Limit = 20,
    offset: Offset = 0,
) -> Page[MediaOut]:
    """The workspace's library, newest first."""
    with platform.database.read() as connection:
        rows, total = media_library.listing(
            connection, caller.workspace, media_type=media_type or "", search=search.strip(), limit=limit, offset=offset
        )
    return page([_shown(platform, row) for row in rows], total, limit, offset)


@post("/v1/media/presign", access=Access.EDITOR, status_code=200, refuses=(402,), sync_to_thread=True, tags=TAGS)
def presign(platform: ThePlatform, caller: TheCaller, data: JSONBody[PresignIn]) -> Data[FormOut]:
    """Where and with which fields to upload a file. 402 where it would not fit the tier's cap."""
    kind, ending = _kind(data.content_type)
    _check_size(platform, data.file_size)
    key = media_library.new_key(caller.workspace, ending)
    with platform.database.write() as connection:
        _check_cap(connection, caller, data.file_size)
        _announce(connection, key, data.filename)
    form = platform.store.presign_post(key, UPLOAD_LIFE_S, content_type=kind, max_bytes=data.file_size)
    return Data(FormOut(form.url, form.fields, key))


@post(
    "/v1/media/confirm",
    access=Access.EDITOR,
    idempotent=True,
    refuses=(402, 404, 409),
    sync_to_thread=True,
    tags=TAGS,
)
def confirm(platform: ThePlatform, caller: TheCaller, data: JSONBody[ConfirmIn]) -> Data[MediaOut]:
    """Take an uploaded file into the library. Its content is looked into: what lies is refused and deleted."""
    owner = media_library.owner_of(data.object_key)
    if owner is None or owner[0] != caller.workspace:
        raise not_found("upload")
    with platform.database.read() as connection:
        known = media_library.by_key(connection, caller.workspace, data.object_key)
        announced = cache.get(connection, ANNOUNCED + data.object_key)
    if known is not None:
        return Data(_shown(platform, known))
    if platform.store.stat(data.object_key) is None:
        raise ApiError(404, "Nothing has been uploaded under this object_key.")
    try:
        with platform.store.local(data.object_key) as path:
            name = data.filename or announced or path.name
            facts, size = _looked_into(path, name, data.object_key), path.stat().st_size
        return Data(_take(platform, caller, data.object_key, name, size, facts, owner[1]))
    except ApiError as error:
        if error.status in (402, 415):
            platform.store.delete(data.object_key)
        raise


@get("/v1/media/stats", access=Access.EDITOR, sync_to_thread=True, tags=TAGS)
def stats(platform: ThePlatform, caller: TheCaller) -> Data[Stats]:
    """How much the library holds, and how much it may."""
    with platform.database.read() as connection:
        used = storage_usage.stored_bytes(connection, caller.workspace)
        _, count = media_library.listing(connection, caller.workspace, limit=1)
    tier = caller.tier or "FREE"
    return Data(Stats(used, storage_usage.STORAGE_CAPS[tier], tier, count))


@delete(
    "/v1/media/{media_id:uuid}",
    access=Access.EDITOR,
    status_code=200,
    refuses=(409,),
    sync_to_thread=True,
    tags=TAGS,
)
def remove(platform: ThePlatform, caller: TheCaller, media_id: Id) -> Data[Ok]:
    """Delete a file. 409, naming where, while a clip or template uses it."""
    captioned = _captioned_in(platform, caller.workspace, str(media_id))
    with platform.database.write() as connection:
        found = media_library.get(connection, caller.workspace, str(media_id))
        if found is None:
            raise not_found("media file")
        users = captioned + media_library.users_of(connection, caller.workspace, found)
        if users:
            raise ApiError(409, f"{found.filename} is in use: {'; '.join(users[:5])}. Remove it there first.")
        media_library.remove(connection, caller.workspace, found.id)
    platform.store.delete(found.object_key)
    return Data(Ok())


def _captioned_in(platform: Platform, workspace: str, media_id: str) -> list[str]:
    """Who would lose the caption font that they name, if this file went."""
    with platform.database.read() as connection:
        fonts = media_library.fonts(connection, workspace)
        if not any(font.id == media_id for font in fonts):
            return []
        named = media_library.captioned(connection, workspace)
    rest = [font for font in fonts if font.id != media_id]
    with edit_validation.opened(platform, fonts) as files, edit_validation.opened(platform, rest) as others:
        return [who for name, who in named if _known(name, files) and not _known(name, others)]


def _known(family: str, fonts: Sequence[MediaFile]) -> bool:
    try:
        find_family(family, fonts)
    except ValueError:
        return False
    return True


@post(
    "/v1/workspaces/media",
    access=Access.EDITOR,
    idempotent=True,
    request_max_body_size=None,
    body="multipart",
    refuses=(402,),
    tags=["B-roll and stock"],
)
async def upload(request: Request[Any, Any, Any], platform: ThePlatform, caller: TheCaller) -> Data[MediaOut]:
    """Upload a file into the library in one request (`multipart/form-data`, field `file`)."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or "boundary" not in options:
        raise ApiError(415, "Send the file as multipart/form-data, in the field `file`.")
    form = Form(body_of(request), options["boundary"])
    await form.fields_before_file()
    segment: MultipartSegment = form.segment
    name = PurePath((segment.filename or "file").replace("\\", "/")).name[:500] or "file"
    if "\0" in name:
        raise ApiError(400, "The file's name holds a NUL character.")
    given = (segment.content_type or mimetypes.guess_type(name)[0] or "").lower()
    if given == "application/octet-stream":
        given = mimetypes.guess_type(name)[0] or ""
    _, ending = _kind(given)
    with tempfile.NamedTemporaryFile(dir=_scratch(platform), suffix=ending) as file:
        await _spool(platform, form.file(), file)
        return Data(await sync_to_thread(_keep, platform, caller, Path(file.name), name, ending))


@post(
    "/v1/clips/{clip_id:uuid}/custom-media/presign",
    access=Access.EDITOR,
    status_code=200,
    refuses=(402,),
    sync_to_thread=True,
    tags=["B-roll and stock"],
)
def presign_for_clip(
    platform: ThePlatform, caller: TheCaller, clip_id: Id, data: JSONBody[PresignIn]
) -> Data[ClipUpload]:
    """An address to PUT a file to that belongs to one clip."""
    kind, ending = _kind(data.content_type)
    _check_size(platform, data.file_size)
    with platform.database.write() as connection:
        _, clip = owned(connection, caller, clip_id)
        _check_cap(connection, caller, data.file_size)
        key = media_library.new_key(caller.workspace, ending, clip.id)
        _announce(connection, key, data.filename)
    url = platform.store.presign_put(key, UPLOAD_LIFE_S, content_type=kind, max_bytes=data.file_size)
    return Data(ClipUpload(url, key))


@get("/v1/clips/{clip_id:uuid}/custom-media", access=Access.EDITOR, sync_to_thread=True, tags=["B-roll and stock"])
def of_clip(platform: ThePlatform, caller: TheCaller, clip_id: Id) -> Page[MediaOut]:
    """The confirmed files that belong to one clip, newest first."""
    with platform.database.read() as connection:
        _, clip = owned(connection, caller, clip_id)
        rows, _ = media_library.listing(connection, caller.workspace, clip_id=clip.id, limit=1000)
    return whole([_shown(platform, row) for row in rows])


@post("/v1/storage/upload-url", access=Access.EDITOR, status_code=200, sync_to_thread=True, tags=["Storage"])
def upload_url(platform: ThePlatform, caller: TheCaller, data: JSONBody[StorageIn]) -> Data[StorageUpload]:
    """An address to PUT a file to, good for an hour. Confirm it as media to use it in clips."""
    kind, ending = _kind(data.content_type)
    key = media_library.new_key(caller.workspace, ending)
    with platform.database.write() as connection:
        _announce(connection, key, data.filename)
    limit = platform.settings.max_upload_bytes
    url = platform.store.presign_put(key, UPLOAD_LIFE_S, content_type=kind, max_bytes=limit)
    return Data(StorageUpload(url, key, UPLOAD_LIFE_S))


@post(
    "/v1/storage/playback-url",
    access=Access.EDITOR,
    scope="read",
    status_code=200,
    refuses=(404,),
    sync_to_thread=True,
    tags=["Storage"],
)
def playback_url(platform: ThePlatform, caller: TheCaller, data: JSONBody[PlaybackIn]) -> Data[Playback]:
    """A signed address of one of the workspace's objects. Any other key is 404."""
    _check_own(caller, data.object_key)
    if platform.store.stat(data.object_key) is None:
        raise not_found("object")
    kind = mimetypes.guess_type(data.object_key)[0]
    url = link(platform, data.object_key, kind)
    assert url is not None
    return Data(Playback(url, LIFE_S))


def _announce(connection: Connection, key: str, filename: str) -> None:
    """Remember what the client calls the file that it will upload, for when it is confirmed."""
    cache.put(connection, ANNOUNCED + key, filename, timedelta(days=1))


def _looked_into(path: Path, name: str, key: str) -> MediaFile:
    """What the file is. Raises ApiError 415 where it is nothing of use, or not what the key's ending says."""
    facts = inspect(path, name)
    expected = KINDS.get(PurePath(key).suffix)
    if expected is not None and facts.kind != expected:
        raise ApiError(415, f"{name} was announced as {expected} but is {facts.kind}. Upload it as what it is.")
    return facts


def _take(
    platform: Platform, caller: Caller, key: str, name: str, size: int, facts: MediaFile, clip_id: str | None
) -> MediaOut:
    """Write the row of an object. Raises ApiError 402 where the tier's cap has no room for it."""
    ending = PurePath(key).suffix
    with platform.database.write() as connection:
        accounts.lock(connection, caller.workspace)
        known = media_library.by_key(connection, caller.workspace, key)
        if known is None:
            _check_cap(connection, caller, size)
        row = known or media_library.add(
            connection,
            caller.workspace,
            clip_id=clip_id,
            object_key=key,
            filename=name,
            media_type=facts.kind,
            content_type=CONTENT_TYPES.get(ending, "application/octet-stream"),
            size_bytes=size,
            duration_s=facts.duration_s,
            width=facts.width,
            height=facts.height,
            facts=msgspec.to_builtins(msgspec.structs.replace(facts, path="")),
        )
    return _shown(platform, row)


def _keep(platform: Platform, caller: Caller, path: Path, name: str, ending: str) -> MediaOut:
    """Put a local file into the store, and take it into the library."""
    size = path.stat().st_size
    with platform.database.read() as connection:
        _check_cap(connection, caller, size)
    key = media_library.new_key(caller.workspace, ending)
    facts = _looked_into(path, name, key)
    platform.store.put_file(key, path, CONTENT_TYPES[ending])
    try:
        return _take(platform, caller, key, name, size, facts, None)
    except ApiError:
        platform.store.delete(key)
        raise


async def _spool(platform: Platform, blocks: AsyncIterator[bytes], file: Any) -> None:
    size = 0
    async for block in blocks:
        size += len(block)
        _check_size(platform, size)
        await sync_to_thread(file.write, block)
    await sync_to_thread(file.flush)


def _scratch(platform: Platform) -> Path:
    platform.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    return platform.settings.scratch_dir


def _kind(content_type: str) -> tuple[str, str]:
    """The content type without its parameters, and the ending. Raises ApiError 415."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain not in TYPES:
        raise ApiError(415, "Media are images (png, jpeg, webp, gif), videos, sounds (mp3, m4a, wav, ...) and fonts.")
    return plain, TYPES[plain][1]


def _check_size(platform: Platform, size: int) -> None:
    if size > platform.settings.max_upload_bytes:
        raise ApiError(413, f"A file may have {platform.settings.max_upload_bytes} bytes at most.")


def _check_cap(connection: Connection, caller: Caller, size: int) -> None:
    cap = storage_usage.STORAGE_CAPS[caller.tier or "FREE"]
    used = storage_usage.stored_bytes(connection, caller.workspace)
    if used + size > cap:
        raise ApiError(
            402, f"The library holds {used} bytes of {cap}; this would not fit. Delete something, or upgrade."
        )


def _check_own(caller: Caller, key: str) -> None:
    """A key outside the workspace is as good as none."""
    if not key.startswith(f"workspaces/{caller.workspace}/") or "/../" in key or "//" in key:
        raise not_found("object")


def _shown(platform: Platform, media: Media) -> MediaOut:
    kind: Any = media.media_type
    return MediaOut(
        media.id,
        media.object_key,
        link(platform, media.object_key, media.content_type),
        media.filename,
        kind,
        media.content_type,
        media.size_bytes,
        media.duration_s,
        media.width,
        media.height,
        media.clip_id,
        media.created_at,
    )


ROUTES: list[Any] = [
    listing, presign, confirm, stats, remove, upload, presign_for_clip, of_clip, upload_url, playback_url,
]  # fmt: skip
