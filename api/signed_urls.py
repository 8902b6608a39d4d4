"""Addresses that answers carry: signed, expiring, and stable for a while so that players and caches can keep them."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import jwt

from resources.platform import Platform

LIFE_S = 6 * 3600
STABLE_S = 300  # the same address is given for so long; passing credentials of a bucket outlive that


def link(
    platform: Platform, key: str | None, content_type: str | None = None, filename: str | None = None
) -> str | None:
    """A signed address of the object, valid for LIFE_S at least; None where there is none."""
    if key is None:
        return None
    return _signed(platform.store.presign_get, key, content_type, filename, int(time.time()) // STABLE_S)


@functools.lru_cache(10_000)
def _signed(presign: Callable[..., str], key: str, content_type: str | None, filename: str | None, period: int) -> str:
    return presign(key, STABLE_S + LIFE_S, content_type=content_type, filename=filename)


def source_link(platform: Platform, clip_id: str) -> str:
    """The public address of a clip's source video: `.../source-video?token=...`."""
    expires = (int(time.time()) // 3600 + 1) * 3600 + LIFE_S  # the same address for an hour
    claims = {"typ": "source", "clip": clip_id, "exp": expires}
    token = jwt.encode(claims, platform.settings.secret_key, algorithm="HS256")
    return f"{platform.settings.public_url}/api/v1/clips/{clip_id}/source-video?token={token}"


def opens_source(platform: Platform, clip_id: str, token: str) -> bool:
    """Whether the token is of `source_link` for this clip, and has not expired."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token, platform.settings.secret_key, algorithms=["HS256"], options={"require": ["exp"]}
        )
    except jwt.InvalidTokenError:
        return False
    return claims.get("typ") == "source" and claims.get("clip") == clip_id
