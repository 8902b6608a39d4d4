"""Resolves the inputs of a generation request: public URLs, this server's own URLs, ids of the workspace's media."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from api.access import Caller
from api.errors import ApiError, not_found
from api.outbound_urls import check_outbound_url
from carmic_assets.generation.endpoints import Endpoint, SourceKind
from resources import media_library
from resources.platform import Platform


def resolve_inputs(
    platform: Platform, caller: Caller, endpoint: Endpoint, fields: dict[str, Any]
) -> dict[str, list[dict[str, str]]]:
    """Return where the files of the request are: {field: [{url} or {object_key}]}.

    Raises:
        ApiError: 400 for an address that the server may not connect to, 404 for a file that the workspace lacks.
    """
    inputs: dict[str, list[dict[str, str]]] = {}
    for field, kind in endpoint.sources.items():
        value = fields.get(field)
        if value:
            sources = value if isinstance(value, list) else [value]
            inputs[field] = [_resolve(platform, caller, field, kind, source) for source in sources]
    return inputs


def _resolve(platform: Platform, caller: Caller, field: str, kind: SourceKind, source: str) -> dict[str, str]:
    own_url = f"{platform.settings.public_url}/api/store/"
    if kind == "page":
        check_outbound_url(platform.settings, source, f"`{field}`")
        return {"url": source}
    if _is_uuid(source):
        return {"object_key": _find_media(platform, caller, field, kind, source)}
    if source.startswith(own_url):
        key = unquote(urlsplit(source).path).removeprefix("/api/store/")
        if not key.startswith(f"workspaces/{caller.workspace}/") or platform.store.stat(key) is None:
            raise not_found("file")
        return {"object_key": key}
    check_outbound_url(platform.settings, source, f"`{field}`")
    return {"url": source}


def _find_media(platform: Platform, caller: Caller, field: str, kind: SourceKind, media_id: str) -> str:
    with platform.database.read() as connection:
        media = media_library.get(connection, caller.workspace, media_id)
    if media is None:
        raise not_found("media file")
    if media.media_type != kind:
        raise ApiError(400, f"`{field}` must be of the kind {kind}; this file is of the kind {media.media_type}.")
    return media.object_key


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
