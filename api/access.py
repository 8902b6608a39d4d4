"""Who may call what. Every route says it once, by the keyword `access`; without it the app does not start.

Bearers are access tokens (JWT, HS256) or API keys. Which workspace a caller acts in comes from the path where it names
one, else from `X-Workspace-ID`, else from the key.
"""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Any

import jwt
import msgspec
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy import Connection

from api import client_ip
from api.errors import ApiError
from api.rate_limits import RateLimited, note
from resources import accounts, api_keys, rate_counters, sessions
from resources.database.engine import now
from resources.platform import Platform

ACCESS_LIFE = timedelta(minutes=30)


class Access(enum.Enum):
    PUBLIC = "anybody"
    USER = "who is logged in; an API key may read"
    EDITOR = "members of the workspace"
    OWNER = "owners of the workspace, and keys with the scope admin"
    TICKET = "who holds a stream ticket; the handler redeems it"
    SIGNED = "who holds the signed address; the handler checks it"
    SIGNED_OR_EDITOR = "who holds the signed address (`?token=`), else members of the workspace"


class Caller(msgspec.Struct, frozen=True):
    """Who calls. `user_id` is None for a key whose maker is gone; the workspace is None where a path needs none."""

    user_id: str | None = None
    session_id: str | None = None
    key_id: str | None = None
    workspace_id: str | None = None
    role: str | None = None
    tier: str | None = None

    @property
    def workspace(self) -> str:
        assert self.workspace_id is not None  # the route is workspace-scoped
        return self.workspace_id

    @property
    def user(self) -> str:
        assert self.user_id is not None  # the route is for users
        return self.user_id


def access_token(secret: str, user_id: str, session_id: str) -> str:
    made = now()
    claims = {"sub": user_id, "sid": session_id, "typ": "access", "iat": made, "exp": made + ACCESS_LIFE}
    return jwt.encode(claims, secret, algorithm="HS256")


def unauthorized(sentence: str) -> ApiError:
    return ApiError(401, sentence, {"WWW-Authenticate": "Bearer"})


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """The dependency `caller`."""
    return request.scope["state"]["caller"]


class AccessMiddleware:
    """Lets a request through to its handler, with its `Caller`, or refuses it. Counts it where the route is limited."""

    def __init__(self, app: ASGIApp, platform: Platform):
        self.app = app
        self.platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "OPTIONS":  # type: ignore[typeddict-item]
            request: Request[Any, Any, Any] = Request(scope)
            scope["state"]["client_ip"] = client_ip.of(scope, self.platform.settings.trusted_proxies)
            scope["state"]["caller"] = await sync_to_thread(self._admit, request, scope["route_handler"].opt)
        await self.app(scope, receive, send)

    def _admit(self, request: Request[Any, Any, Any], opt: dict[str, Any]) -> Caller:
        with self.platform.database.read() as connection:
            caller, stale_key = self._authenticate(connection, request, opt)
        if stale_key or opt.get("limit"):
            self._count(request, opt, caller, stale_key)
        return caller

    def _authenticate(
        self, connection: Connection, request: Request[Any, Any, Any], opt: dict[str, Any]
    ) -> tuple[Caller, str | None]:
        access: Access = opt["access"]
        if access in (Access.PUBLIC, Access.TICKET, Access.SIGNED):
            return Caller(), None
        if access is Access.SIGNED_OR_EDITOR and request.query_params.get("token"):
            return Caller(), None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("Log in first: send `Authorization: Bearer <access token or API key>`.")
        if token.startswith(api_keys.PREFIX):
            return self._by_key(connection, request, opt, token)
        caller = self._by_token(connection, token)
        if access is Access.USER:
            return caller, None
        return _in_workspace(connection, caller, _workspace_named(request), access), None

    def _by_token(self, connection: Connection, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self.platform.settings.secret_key,
                algorithms=["HS256"],
                options={"require": ["exp", "sub", "sid", "typ"]},
            )
        except jwt.ExpiredSignatureError:
            raise unauthorized("The access token has expired. Get a new one from /v1/auth/refresh.") from None
        except jwt.InvalidTokenError:
            raise unauthorized("The access token is not valid. Log in again.") from None
        if claims["typ"] != "access" or not sessions.live(connection, claims["sid"]):
            raise unauthorized("This session has ended. Log in again.")
        return Caller(user_id=claims["sub"], session_id=claims["sid"])

    def _by_key(
        self, connection: Connection, request: Request[Any, Any, Any], opt: dict[str, Any], token: str
    ) -> tuple[Caller, str | None]:
        access: Access = opt["access"]
        key = api_keys.find(connection, token)
        if key is None:
            raise unauthorized("The API key is unknown, revoked or expired.")
        reading = request.method in ("GET", "HEAD")
        needed = "admin" if access is Access.OWNER else opt.get("scope", "read" if reading else "write")
        if access is Access.USER and not reading:
            raise ApiError(403, "An API key cannot act for a user here. Log in instead.")
        if not _scoped(key.scopes, needed):
            raise ApiError(403, f"This API key lacks the scope `{needed}`.")
        if access is not Access.USER and _workspace_named(request) not in (None, key.workspace_id):
            raise ApiError(403, "This API key belongs to another workspace than the one named.")
        caller = Caller(
            user_id=key.created_by,
            key_id=key.id,
            workspace_id=key.workspace_id,
            role="OWNER" if "admin" in key.scopes else "EDITOR",
            tier=accounts.tier(connection, key.workspace_id),
        )
        return caller, key.id if key.stale else None

    def _count(
        self, request: Request[Any, Any, Any], opt: dict[str, Any], caller: Caller, stale_key: str | None
    ) -> None:
        limit: rate_counters.Limit | None = opt.get("limit")
        count = rate_counters.peek if opt.get("counted_by_handler") else rate_counters.take
        database = self.platform.database
        with database.write() if stale_key or count is rate_counters.take else database.read() as connection:
            if stale_key:
                api_keys.touch(connection, stale_key)
            verdict = count(connection, limit, self._subject(request, caller)) if limit else None
        if limit is not None and verdict is not None:
            note(request, limit, verdict)
            if not verdict.allowed:
                raise RateLimited(verdict)

    def _subject(self, request: Request[Any, Any, Any], caller: Caller) -> str:
        return caller.workspace_id or caller.user_id or request.scope["state"]["client_ip"]


def _workspace_named(request: Request[Any, Any, Any]) -> str | None:
    named = request.scope["path_params"].get("workspace_id") or request.headers.get("x-workspace-id")
    return str(named).strip().lower() if named else None


def _in_workspace(connection: Connection, caller: Caller, named: str | None, access: Access) -> Caller:
    if not named:
        raise ApiError(403, "Workspace context required (X-Workspace-ID)")
    membership = accounts.membership(connection, named, caller.user)
    if membership is None:
        raise ApiError(403, "You are not a member of this workspace (X-Workspace-ID, or the path).")
    if access is Access.OWNER and membership.role != "OWNER":
        raise ApiError(403, "Only an OWNER of the workspace may do this.")
    return msgspec.structs.replace(caller, workspace_id=membership.id, role=membership.role, tier=membership.tier)


def _scoped(scopes: list[str], needed: str) -> bool:
    return needed in scopes or "admin" in scopes or (needed == "read" and "write" in scopes)
