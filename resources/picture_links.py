"""Links to pictures of materializations, which operators open from the Dagster UI.

A materialization stays in Dagster for months, so its links do not expire. They end with the picture, which is deleted
with its project, and with the secret key that signed them. `api.routes.pictures` serves them.
"""

from __future__ import annotations

import jwt

from resources.settings import Settings
from resources.signing_keys import read_token, sign_token


def sign_picture_url(settings: Settings, key: str) -> str:
    """Return a URL of the API that shows the JPEG at the store key `key`; the same key gives the same URL."""
    token = sign_token(settings, {"typ": "picture", "key": key})
    return f"{settings.public_url}/api/v1/pictures?token={token}"


def read_picture_key(settings: Settings, token: str) -> str | None:
    """Return the store key that `sign_picture_url` signed, or None for any other token."""
    try:
        claims = read_token(settings, token, required=("key",))
    except jwt.InvalidTokenError:
        return None
    return str(claims["key"]) if claims.get("typ") == "picture" else None
