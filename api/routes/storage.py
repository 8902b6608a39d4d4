"""/v1/storage: signed URLs to upload and play objects of the workspace."""

from __future__ import annotations

import mimetypes
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access, Caller
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Data
from api.errors import not_found
from api.media_uploads import UPLOAD_URL_LIFETIME_S, check_size, parse_media_type, reserve_upload
from api.request_fields import Filename, ObjectKey
from api.signed_urls import URL_LIFETIME_S, sign_url
from resources import media_library
from resources.field_types import SignedUrl, StoredKey

UNDECLARED_BYTES = 100 * 1024 * 1024  # maximum and counted size of an upload without `file_size`
STORAGE: dict[str, Any] = {
    "access": Access.EDITOR,
    "status_code": 200,
    "sync_to_thread": True,
    "tags": ["Storage"],
}


class StorageRequest(msgspec.Struct):
    """The file to upload; `file_size` is in bytes. Without it, the file may have up to 100 MiB.

    `bucket` is accepted and ignored: an installation has one store.
    """

    filename: Annotated[Filename, Meta(description="Name of the file, with its extension.")]
    content_type: Annotated[str, Meta(max_length=200, description="Media type of the file.", examples=["image/png"])]
    bucket: Annotated[
        str | None, Meta(description="Accepted and ignored: an installation has one store.", examples=["media"])
    ] = None
    file_size: Annotated[
        Annotated[int, Meta(ge=1, le=2**53)] | None,
        Meta(description="Size of the file in bytes. Without it, the file may have up to 100 MiB.", examples=[20480]),
    ] = None


class StorageUpload(msgspec.Struct):
    """An upload URL. PUT the bytes to `upload_url` within `expires_in` seconds."""

    upload_url: Annotated[SignedUrl, Meta(description="Signed URL that takes the bytes by PUT.")]
    object_key: Annotated[StoredKey, Meta(description="Key that the file will have.")]
    expires_in: Annotated[int, Meta(description="For how many seconds the URL is valid.", examples=[3600])]


class PlaybackRequest(msgspec.Struct):
    """The object to play."""

    object_key: Annotated[ObjectKey, Meta(description="Key of an object of the workspace.")]


class Playback(msgspec.Struct):
    """A signed URL that is valid for at least `expires_in` seconds."""

    url: Annotated[SignedUrl, Meta(description="Signed URL of the object, which serves ranges.")]
    expires_in: Annotated[int, Meta(description="For at least how many seconds the URL is valid.", examples=[21600])]


@post("/v1/storage/upload-url", error_statuses=(402, 413), **STORAGE)
def create_upload_url(platform: PlatformDep, caller: CallerDep, data: JSONBody[StorageRequest]) -> Data[StorageUpload]:
    """Return a URL for the upload of a file, valid for one hour. Confirm the file as media to use it in clips.

    The declared size counts against the storage limit until the upload is confirmed, cancelled or a day old.
    """
    content_type, suffix = parse_media_type(data.content_type)
    size = data.file_size or UNDECLARED_BYTES
    check_size(platform, size)
    key = media_library.new_key(caller.workspace, suffix)
    with platform.database.write() as connection:
        reserve_upload(connection, caller, key, data.filename, size)
    url = platform.store.presign_put(
        key, UPLOAD_URL_LIFETIME_S, content_type=content_type, max_bytes=size, exact_bytes=data.file_size
    )
    return Data(StorageUpload(url, key, UPLOAD_URL_LIFETIME_S))


@post("/v1/storage/playback-url", scope="read", error_statuses=(404,), **STORAGE)
def create_playback_url(platform: PlatformDep, caller: CallerDep, data: JSONBody[PlaybackRequest]) -> Data[Playback]:
    """Return a signed URL of one of the workspace's objects. 404 for any other key."""
    key = data.object_key
    if not _is_own_key(caller, key) or platform.store.stat(key) is None:
        raise not_found("object")
    url = sign_url(platform, key, mimetypes.guess_type(key)[0])
    return Data(Playback(url, URL_LIFETIME_S))


def _is_own_key(caller: Caller, key: str) -> bool:
    return key.startswith(f"workspaces/{caller.workspace}/") and "/../" not in key and "//" not in key


ROUTES: list[HTTPRouteHandler] = [create_upload_url, create_playback_url]
