"""Authentication and authorisation. Every route declares its `access`; otherwise the app does not start.

A bearer token is an access token (JWT, HS256) or an API key. A route with `api_keys=False` rejects API keys: members,
invitations, keys and sessions can be managed only after a login. The workspace of a request comes from the path if
the path names one, otherwise from `X-Workspace-ID`, otherwise from the API key. If none of these names a workspace, a
route with `default_workspace=True` uses the oldest workspace that the user owns.
"""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Any

import jwt
import msgspec
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy import Connection

from api.client_ip import resolve_client_ip, resolve_client_network
from api.errors import ApiError
from api.rate_limits import RateLimitedError, record_status
from resources import accounts, api_keys, rate_counters, sessions, signing_keys
from resources.database.engine import now
from resources.platform import Platform
from resources.settings import Settings

ACCESS_TOKEN_LIFETIME = timedelta(minutes=30)


class Access(enum.Enum):
    """Who may call a route."""

    PUBLIC = "anyone"
    USER = "a logged-in user; an API key may only read"
    EDITOR = "members of the workspace"
    OWNER = "owners of the workspace, and API keys with the scope admin"
    TICKET = "the holder of a stream ticket; the handler redeems it"
    SIGNED = "the holder of a signed URL; the handler verifies it"
    SIGNED_OR_EDITOR = "the holder of a signed URL (`?token=`), or members of the workspace"


class Caller(msgspec.Struct, frozen=True):
    """The caller of a request. `user_id` of an API key is its creator.

    `workspace_id` is None if the route needs none.
    """

    user_id: str | None = None
    session_id: str | None = None
    key_id: str | None = None
    workspace_id: str | None = None
    role: str | None = None
    tier: str | None = None

    @property
    def workspace(self) -> str:
        """The workspace id, on a route that requires one."""
        if self.workspace_id is None:
            raise RuntimeError("this route is not workspace-scoped")
        return self.workspace_id

    @property
    def user(self) -> str:
        """The user id, on a route that requires a user."""
        if self.user_id is None:
            raise RuntimeError("this route does not require a user")
        return self.user_id


def issue_access_token(settings: Settings, user_id: str, session_id: str) -> str:
    """Sign an access token that is valid for `ACCESS_TOKEN_LIFETIME`, as long as its session is."""
    issued_at = now()
    claims = {
        "sub": user_id,
        "sid": session_id,
        "typ": "access",
        "iat": issued_at,
        "exp": issued_at + ACCESS_TOKEN_LIFETIME,
    }
    return signing_keys.sign_token(settings, claims)


def unauthorized(sentence: str) -> ApiError:
    """Build a 401 with the header `WWW-Authenticate`."""
    return ApiError(401, sentence, {"WWW-Authenticate": "Bearer"})


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Provide the dependency `caller`."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


class AccessMiddleware:
    """Authorises each request and counts it against the route's rate limit. Handlers receive the `Caller`."""

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self.app = app
        self.platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authorise the request, then call the app."""
        if scope["type"] == ScopeType.HTTP and scope["method"] != "OPTIONS":
            request: Request[Any, Any, Any] = Request(scope)
            scope["state"]["client_ip"] = resolve_client_ip(scope, self.platform.settings.trusted_proxies)
            scope["state"]["client_network"] = resolve_client_network(scope["state"]["client_ip"])
            scope["state"]["caller"] = await sync_to_thread(self._authorize, request, scope["route_handler"].opt)
        await self.app(scope, receive, send)

    def _authorize(self, request: Request[Any, Any, Any], opt: dict[str, Any]) -> Caller:
        try:
            with self.platform.database.read() as connection:
                caller, key_to_touch = self._authenticate(connection, request, opt)
        except ApiError:
            if opt.get("rate_limit"):  # the headers tell the limit even where nobody is counted
                self._count_request(request, {**opt, "counted_by_handler": True}, Caller(), None)
            raise
        if key_to_touch or opt.get("rate_limit"):
            self._count_request(request, opt, caller, key_to_touch)
        return caller

    def _authenticate(
        self, connection: Connection, request: Request[Any, Any, Any], opt: dict[str, Any]
    ) -> tuple[Caller, str | None]:
        """Return the caller, and the id of the API key if its time of last use has to be updated."""
        access: Access = opt["access"]
        if access in (Access.PUBLIC, Access.TICKET, Access.SIGNED):
            return Caller(), None
        if access is Access.SIGNED_OR_EDITOR and request.query_params.get("token"):
            return Caller(), None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("This path needs a login. Send `Authorization: Bearer <access token or API key>`.")
        if token.startswith(api_keys.PREFIX):
            return self._authenticate_api_key(connection, request, opt, token)
        caller = self._authenticate_access_token(connection, token)
        if access is Access.USER:
            return caller, None
        workspace_id = _find_requested_workspace_id(request)
        if workspace_id is None and opt.get("default_workspace"):
            workspace_id = accounts.get_default_workspace_id(connection, caller.user)
        return _enter_workspace(connection, caller, workspace_id, access), None

    def _authenticate_access_token(self, connection: Connection, token: str) -> Caller:
        try:
            claims = signing_keys.read_token(self.platform.settings, token, ("exp", "sub", "sid", "typ"))
        except jwt.ExpiredSignatureError:
            raise unauthorized("The access token has expired. Get a new one from /v1/auth/refresh.") from None
        except jwt.InvalidTokenError:
            raise unauthorized("The access token is not valid. Log in again.") from None
        if claims["typ"] != "access" or not sessions.is_active(connection, claims["sid"]):
            raise unauthorized("This session has ended. Log in again.")
        return Caller(user_id=claims["sub"], session_id=claims["sid"])

    def _authenticate_api_key(
        self, connection: Connection, request: Request[Any, Any, Any], opt: dict[str, Any], token: str
    ) -> tuple[Caller, str | None]:
        access: Access = opt["access"]
        key = api_keys.authenticate(connection, token)
        if key is None:
            raise unauthorized("The API key is unknown, revoked or expired. Ask an OWNER for a new one.")
        is_read = request.method in ("GET", "HEAD")
        required_scope = "admin" if access is Access.OWNER else opt.get("scope", "read" if is_read else "write")
        if not opt.get("api_keys", access is not Access.USER or is_read):
            raise ApiError(403, "This path does not accept API keys. Log in as a user instead.")
        if not _has_scope(key.scopes, required_scope):
            raise ApiError(403, f"This API key lacks the scope `{required_scope}`. Use a key that has it.")
        if access is not Access.USER and _find_requested_workspace_id(request) not in (None, key.workspace_id):
            raise ApiError(403, "This API key belongs to another workspace. Leave `X-Workspace-ID` out.")
        caller = Caller(
            user_id=key.created_by,
            key_id=key.id,
            workspace_id=key.workspace_id,
            role="OWNER" if "admin" in key.scopes else "EDITOR",
            tier=accounts.get_tier(connection, key.workspace_id),
        )
        return caller, key.id if key.is_use_due else None

    def _count_request(
        self, request: Request[Any, Any, Any], opt: dict[str, Any], caller: Caller, key_to_touch: str | None
    ) -> None:
        limit: rate_counters.RateLimit | None = opt.get("rate_limit")
        count = rate_counters.peek if opt.get("counted_by_handler") else rate_counters.hit
        database = self.platform.database
        with database.write() if key_to_touch or count is rate_counters.hit else database.read() as connection:
            if key_to_touch:
                api_keys.record_use(connection, key_to_touch)
            status = count(connection, limit, _rate_limit_subject(request, caller)) if limit else None
        if limit is not None and status is not None:
            record_status(request, limit, status)
            if not status.allowed:
                raise RateLimitedError(status)


def _rate_limit_subject(request: Request[Any, Any, Any], caller: Caller) -> str:
    client_network: str = request.scope["state"]["client_network"]
    return caller.workspace_id or caller.user_id or client_network


def _find_requested_workspace_id(request: Request[Any, Any, Any]) -> str | None:
    workspace_id = request.scope["path_params"].get("workspace_id") or request.headers.get("x-workspace-id")
    return str(workspace_id).strip().lower() if workspace_id else None


def _enter_workspace(connection: Connection, caller: Caller, workspace_id: str | None, access: Access) -> Caller:
    """Add the workspace and the caller's role in it. Raises ApiError 403 unless the role gives access."""
    if not workspace_id:
        raise ApiError(403, "Workspace context required (X-Workspace-ID)")
    membership = accounts.get_membership(connection, workspace_id, caller.user)
    if membership is None:
        raise ApiError(403, "You are not a member of this workspace. Check `X-Workspace-ID`, or the id in the path.")
    if access is Access.OWNER and membership.role != "OWNER":
        raise ApiError(403, "This path is for OWNERs of the workspace. Ask an OWNER to do this.")
    return msgspec.structs.replace(caller, workspace_id=membership.id, role=membership.role, tier=membership.tier)


def _has_scope(scopes: list[str], required: str) -> bool:
    return required in scopes or "admin" in scopes or (required == "read" and "write" in scopes)
