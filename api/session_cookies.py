"""Cookie sessions: a browser that sends `X-Carmic-Session: cookie` receives the refresh token in an HttpOnly cookie.

The header is required with every use of the cookie. A page of another site cannot send the header, which prevents
cross-site request forgery.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.datastructures import Cookie
from msgspec import Meta

from api.access import issue_access_token
from api.errors import ApiError
from resources import sessions
from resources.hidden_repr import hidden_repr
from resources.platform import Platform

HEADER = "x-carmic-session"
COOKIE = "carmic_refresh"
PATH = "/api/v1/auth"


class Tokens(msgspec.Struct):
    """An access token and a refresh token. The refresh token is omitted in cookie sessions."""

    __repr__ = hidden_repr

    access: Annotated[
        str,
        Meta(
            description="Access token, valid for 30 minutes.",
            examples=["eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJhY2Nlc3MifQ.4f1d"],
        ),
    ]
    refresh: Annotated[
        str | msgspec.UnsetType,
        Meta(
            description="Refresh token, valid once within 30 days. Omitted where a cookie holds it.",
            examples=["rt_Zq3vX0cJm1Yt"],
        ),
    ] = msgspec.UNSET


class RefreshRequest(msgspec.Struct):
    """The refresh token of a session. It is omitted in cookie sessions."""

    __repr__ = hidden_repr

    refresh: Annotated[
        str | msgspec.UnsetType,
        Meta(description="The refresh token. Omitted where a cookie holds it.", examples=["rt_Zq3vX0cJm1Yt"]),
    ] = msgspec.UNSET


def is_cookie_session(request: Request[Any, Any, Any]) -> bool:
    """Tell whether the client requests or uses a cookie session."""
    value: str = request.headers.get(HEADER, "")
    return value.strip().lower() == "cookie"


def read_refresh_token(request: Request[Any, Any, Any], data: RefreshRequest | None) -> str:
    """Return the refresh token of the body, or of the cookie.

    Raises:
        ApiError: 400 if there is none.
    """
    if data is not None and isinstance(data.refresh, str) and data.refresh:
        return data.refresh
    cookie = request.cookies.get(COOKIE) if is_cookie_session(request) else None
    if not cookie:
        sentence = "`refresh` is missing. Send it in the body, or the cookie with `X-Carmic-Session: cookie`."
        raise ApiError(400, sentence)
    return cookie


def build_tokens(
    request: Request[Any, Any, Any], platform: Platform, session: sessions.Session
) -> tuple[Tokens, list[Cookie]]:
    """Return the tokens for the body, and in a cookie session the cookie with the refresh token."""
    access = issue_access_token(platform.settings, session.user_id, session.id)
    if not is_cookie_session(request):
        return Tokens(access, session.refresh_token), []
    return Tokens(access), [
        _build_cookie(platform, session.refresh_token, int(sessions.REFRESH_LIFETIME.total_seconds()))
    ]


def build_expired_cookie(platform: Platform) -> Cookie:
    """Return the cookie that removes a session's cookie."""
    return _build_cookie(platform, "", 0)


def _build_cookie(platform: Platform, value: str, max_age_s: int) -> Cookie:
    return Cookie(
        COOKIE,
        path=PATH,
        value=value,
        max_age=max_age_s,
        httponly=True,
        samesite="strict",
        secure=platform.settings.public_url.startswith("https://"),
    )
