"""Signed, expiring URLs. A URL stays the same for a few minutes, so that players and caches can reuse it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, overload

import jwt

from resources.platform import Platform
from resources.signing_keys import read_token, sign_token

URL_LIFETIME_S = 6 * 3600
URL_REUSE_S = 300  # shorter than the lifetime of temporary bucket credentials
SOURCE_URL_REUSE_S = 3600  # period in which the URL of a source video stays the same


@overload
def sign_url(platform: Platform, key: str, content_type: str | None = None, filename: str | None = None) -> str: ...


@overload
def sign_url(
    platform: Platform, key: str | None, content_type: str | None = None, filename: str | None = None
) -> str | None: ...


def sign_url(
    platform: Platform, key: str | None, content_type: str | None = None, filename: str | None = None
) -> str | None:
    """Return a URL of the object that is valid for at least `URL_LIFETIME_S`, or None if `key` is None."""
    if key is None:
        return None
    return _presign(platform.store.presign_get, key, content_type, filename, int(time.time()) // URL_REUSE_S)


@functools.lru_cache(10_000)
def _presign(presign: Callable[..., str], key: str, content_type: str | None, filename: str | None, period: int) -> str:
    """Sign the URL. `period` is only a part of the cache key, so that a URL is reused within a period."""
    return presign(key, URL_REUSE_S + URL_LIFETIME_S, content_type=content_type, filename=filename)


def sign_source_url(platform: Platform, clip_id: str) -> str:
    """Return the public URL of a clip's source video: `.../source-video?token=...`."""
    token = sign_token(platform.settings, {"typ": "source", "clip": clip_id, "exp": _compute_expiry()})
    return f"{platform.settings.public_url}/api/v1/clips/{clip_id}/source-video?token={token}"


def sign_rendition_url(platform: Platform, segment_id: str) -> str:
    """Return the public URL of a segment's rendition: `/api/segment/{id}/rendition?token=...`."""
    token = sign_token(platform.settings, {"typ": "rendition", "segment": segment_id, "exp": _compute_expiry()})
    return f"{platform.settings.public_url}/api/segment/{segment_id}/rendition?token={token}"


def is_valid_rendition_token(platform: Platform, segment_id: str, token: str) -> bool:
    """Tell whether `sign_rendition_url` issued the token for this segment, and it has not expired."""
    claims = _decode(platform, token)
    return claims.get("typ") == "rendition" and claims.get("segment") == segment_id


def is_valid_source_token(platform: Platform, clip_id: str, token: str) -> bool:
    """Tell whether `sign_source_url` issued the token for this clip, and it has not expired."""
    claims = _decode(platform, token)
    return claims.get("typ") == "source" and claims.get("clip") == clip_id


def _compute_expiry() -> int:
    """Return the expiry time of a URL that is signed now. The time is constant for `SOURCE_URL_REUSE_S`."""
    return (int(time.time()) // SOURCE_URL_REUSE_S + 1) * SOURCE_URL_REUSE_S + URL_LIFETIME_S


def _decode(platform: Platform, token: str) -> dict[str, Any]:
    try:
        claims = read_token(platform.settings, token)
    except jwt.InvalidTokenError:
        return {}
    return claims
