"""Uploads into the media library: accepted types, limits, and the inspection that turns an object into a media file.

An upload becomes part of the library when it is confirmed. Its content is inspected then, and an upload that does not
match its content type is rejected.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path, PurePath
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Caller
from api.envelope import Data
from api.errors import ApiError
from api.idempotency import record_response
from api.media_inspection import inspect_media
from api.request_fields import Filename
from api.signed_urls import sign_url
from carmic_assets.model.edit import MediaFile, MediaKind
from carmic_assets.sandbox.pool import WorkerPool
from resources import accounts, media_library, pending_uploads, storage_usage
from resources.field_types import SignedUrl, StoredKey, Timestamp, Uuid
from resources.file_names import clean_file_name
from resources.media_library import Media
from resources.platform import Platform

UPLOAD_URL_LIFETIME_S = 3600
MEDIA_TYPES: dict[str, tuple[MediaKind, str]] = {  # content type -> kind and suffix
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
KIND_BY_SUFFIX = {suffix: kind for kind, suffix in MEDIA_TYPES.values()}
TYPE_BY_SUFFIX = {suffix: content_type for content_type, (_, suffix) in reversed(MEDIA_TYPES.items())}  # the first one


class PresignRequest(msgspec.Struct):
    """The file to upload; `file_size` is in bytes."""

    filename: Annotated[Filename, Meta(description="Name of the file, with its extension.")]
    content_type: Annotated[
        str, Meta(max_length=200, examples=["image/png"], description="Media type of the file; its content must match.")
    ]
    file_size: Annotated[int, Meta(ge=1, le=2**53, description="Size of the file in bytes.", examples=[20480])]


class MediaOut(msgspec.Struct):
    """A file of the library. `duration` is in seconds, `width` and `height` in pixels, `file_size` in bytes."""

    id: Annotated[Uuid, Meta(description="Id of the file.")]
    object_key: Annotated[
        StoredKey, Meta(description="Key of the file in the object store; also accepted wherever a config names media.")
    ]
    url: Annotated[
        SignedUrl | None, Meta(description="Signed URL of the file, valid for six hours; null if the file is missing.")
    ]
    filename: Annotated[str, Meta(description="Name of the file as it was uploaded.", examples=["logo.png"])]
    media_type: Annotated[MediaKind, Meta(description="Kind of the file.")]
    content_type: Annotated[str, Meta(description="Media type of the file.", examples=["image/png"])]
    file_size: Annotated[int, Meta(description="Size of the file in bytes.", examples=[20480])]
    duration: Annotated[float | None, Meta(description="Length in seconds; null for what has none.", examples=[12.5])]
    width: Annotated[int | None, Meta(description="Width in pixels; null for what has none.", examples=[1920])]
    height: Annotated[int | None, Meta(description="Height in pixels; null for what has none.", examples=[1080])]
    clip_id: Annotated[
        Uuid | None, Meta(description="Id of the clip that the file belongs to; null for a file of the workspace.")
    ]
    created_at: Annotated[Timestamp, Meta(description="When the upload was confirmed.")]


class UploadedFile(msgspec.Struct, frozen=True):
    """An inspected upload that is not part of the library yet."""

    key: str
    name: str
    size_bytes: int
    facts: MediaFile
    clip_id: str | None = None


def build_media(platform: Platform, media: Media) -> MediaOut:
    """Build the response for a file of the library."""
    return MediaOut(
        media.id,
        media.object_key,
        sign_url(platform, media.object_key, media.content_type),
        media.filename,
        cast(MediaKind, media.media_type),
        media.content_type,
        media.size_bytes,
        media.duration_s,
        media.width,
        media.height,
        media.clip_id,
        media.created_at,
    )


def parse_media_type(content_type: str) -> tuple[str, str]:
    """Return the content type without parameters, and the suffix of its files. Raises ApiError 415."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence not in MEDIA_TYPES:
        raise ApiError(
            415,
            "`content_type` must be an image (png, jpeg, webp, gif), a video (mp4, mov, webm, mkv), "
            "an audio file (mp3, m4a, aac, wav, ogg, flac) or a font (ttf, otf, woff, woff2).",
        )
    return essence, MEDIA_TYPES[essence][1]


def check_size(platform: Platform, size_bytes: int) -> None:
    """Raise ApiError 413 for a file that is too large for any upload."""
    if size_bytes > platform.settings.max_upload_bytes:
        raise ApiError(413, f"A file must have at most {platform.settings.max_upload_bytes} bytes.")


def check_storage_limit(connection: Connection, caller: Caller, size_bytes: int) -> None:
    """Raise ApiError 402 if the file would exceed the tier's storage limit."""
    limit_bytes = storage_usage.STORAGE_LIMITS_BYTES[caller.tier or "FREE"]
    stored_bytes = storage_usage.get_stored_bytes(connection, caller.workspace)
    pending_bytes = pending_uploads.get_declared_bytes(connection, caller.workspace)
    if stored_bytes + pending_bytes + size_bytes > limit_bytes:
        sentence = (
            f"The file exceeds the storage limit of {limit_bytes} bytes: the library uses {stored_bytes} and pending "
            f"uploads {pending_bytes} bytes."
        )
        raise ApiError(402, f"{sentence} Delete files, or cancel uploads with DELETE /v1/media/uploads, or upgrade.")


def reserve_upload(
    connection: Connection, caller: Caller, key: str, filename: str, size_bytes: int, clip_id: str | None = None
) -> None:
    """Record an upload URL, and count its declared size against the storage limit until it is confirmed or expires.

    Raises:
        ApiError: 402 if the tier's storage limit has no room for it.
    """
    accounts.lock_workspace(connection, caller.workspace)
    check_storage_limit(connection, caller, size_bytes)
    pending_uploads.add(connection, caller.workspace, key, clean_file_name(filename), size_bytes, clip_id)


def inspect_upload(
    platform: Platform, workers: WorkerPool, workspace_id: str, path: Path, name: str, key: str
) -> MediaFile:
    """Return the properties of a file. If it is a font, the converted font is stored beside `key`.

    Raises:
        ApiError: 415 if it is not a readable media file, or not of the kind that its key's suffix names.
    """
    with tempfile.TemporaryDirectory(prefix="carmic-font-") as folder:
        converted_font = Path(folder) / "font.ttf"
        facts = inspect_media(workers, workspace_id, path, name, converted_font)
        expected = KIND_BY_SUFFIX.get(PurePath(key).suffix)
        if expected is not None and facts.kind != expected:
            sentence = f"`content_type` must match the file: {name} was announced as {expected} but is {facts.kind}."
            raise ApiError(415, f"{sentence} Upload it with its own type.")
        if facts.font is not None:
            platform.store.put_file(media_library.get_converted_key(key), converted_font, "font/ttf")
    return facts


def convert_old_fonts(platform: Platform, workers: WorkerPool) -> None:
    """Convert the fonts that an earlier version stored without conversion. Unreadable fonts remain unavailable."""
    with platform.database.read() as connection:
        fonts = media_library.list_unconverted_fonts(connection)
    for font in fonts:
        with contextlib.suppress(ApiError, KeyError), platform.store.local_file(font.object_key) as path:
            facts = inspect_upload(platform, workers, font.workspace_id, path, font.filename, font.object_key)
            with platform.database.write() as connection:
                media_library.set_facts(connection, font.id, build_facts(facts))


def delete_objects(platform: Platform, key: str) -> None:
    """Delete the object of a file, and the converted file of a font."""
    for object_key in (key, media_library.get_converted_key(key)):
        platform.store.delete(object_key)


def discard_upload(platform: Platform, workspace_id: str, key: str) -> None:
    """Delete an upload that does not become part of the library."""
    delete_objects(platform, key)
    with platform.database.write() as connection:
        pending_uploads.remove(connection, workspace_id, key)


def build_facts(facts: MediaFile) -> dict[str, Any]:
    """Build the column `facts` of a file, without its path, which differs from one request to the next."""
    document: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(facts, path=""))
    return document


def add_to_library(platform: Platform, caller: Caller, file: UploadedFile) -> MediaOut:
    """Add an inspected object to the library, unless the library has it already.

    Raises:
        ApiError: 402 if the tier's storage limit has no room for it.
    """
    with platform.database.write() as connection:
        accounts.lock_workspace(connection, caller.workspace)
        media = media_library.find_by_key(connection, caller.workspace, file.key)
        if media is None:
            pending_uploads.remove(connection, caller.workspace, file.key)
            check_storage_limit(connection, caller, file.size_bytes)
            media = media_library.add(
                connection,
                caller.workspace,
                clip_id=file.clip_id,
                object_key=file.key,
                filename=file.name,
                media_type=file.facts.kind,
                content_type=TYPE_BY_SUFFIX.get(PurePath(file.key).suffix, "application/octet-stream"),
                size_bytes=file.size_bytes,
                duration_s=file.facts.duration_s,
                width=file.facts.width,
                height=file.facts.height,
                facts=build_facts(file.facts),
            )
        response = build_media(platform, media)
        record_response(connection, Data(response))
    return response
