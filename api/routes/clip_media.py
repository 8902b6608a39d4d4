"""/v1/clips/{clip_id}/custom-media: media files that belong to one clip."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Page, unpaginated
from api.media_uploads import (
    UPLOAD_URL_LIFETIME_S,
    MediaOut,
    PresignRequest,
    build_media,
    check_size,
    parse_media_type,
    reserve_upload,
)
from api.routes.clips import require_clip
from resources import media_library
from resources.field_types import SignedUrl, StoredKey

CLIP_MEDIA: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["B-roll and stock"]}
MAX_CLIP_MEDIA = 1000  # files in one response


class ClipUpload(msgspec.Struct):
    """PUT the bytes to `upload_url`, then confirm `object_key` with POST /v1/media/confirm."""

    upload_url: Annotated[SignedUrl, Meta(description="Signed URL that takes the bytes by PUT.")]
    object_key: Annotated[StoredKey, Meta(description="Key of the file, to confirm once it is uploaded.")]


@post("/v1/clips/{clip_id:uuid}/custom-media/presign", status_code=200, error_statuses=(402,), **CLIP_MEDIA)
def presign_clip_media_upload(
    platform: PlatformDep, caller: CallerDep, clip_id: PathId, data: JSONBody[PresignRequest]
) -> Data[ClipUpload]:
    """Return a URL to PUT a file to that belongs to one clip."""
    content_type, suffix = parse_media_type(data.content_type)
    check_size(platform, data.file_size)
    with platform.database.write() as connection:
        _, clip = require_clip(connection, caller, clip_id)
        key = media_library.new_key(caller.workspace, suffix, (clip.project_id, clip.id))
        reserve_upload(connection, caller, key, data.filename, data.file_size, clip.id)
    size = data.file_size
    url = platform.store.presign_put(
        key, UPLOAD_URL_LIFETIME_S, content_type=content_type, max_bytes=size, exact_bytes=size
    )
    return Data(ClipUpload(url, key))


@get("/v1/clips/{clip_id:uuid}/custom-media", **CLIP_MEDIA)
def list_clip_media(platform: PlatformDep, caller: CallerDep, clip_id: PathId) -> Page[MediaOut]:
    """List the confirmed files of one clip, newest first."""
    with platform.database.read() as connection:
        _, clip = require_clip(connection, caller, clip_id)
        rows, _ = media_library.list_page(connection, caller.workspace, clip_id=clip.id, limit=MAX_CLIP_MEDIA)
    return unpaginated([build_media(platform, row) for row in rows])


ROUTES: list[HTTPRouteHandler] = [presign_clip_media_upload, list_clip_media]
