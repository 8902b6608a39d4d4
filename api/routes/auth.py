"""/v1/auth: register, log in, refresh, log out, reset a password.

No response reveals whether an address has an account, except the 409 of a second registration, which the reference
requires.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.access import Access, issue_access_token, unauthorized
from api.dependencies import PlatformDep
from api.envelope import Data, Ok
from api.errors import ApiError
from api.rate_limits import LOGIN_EMAIL, LOGIN_IP, REGISTER_EMAIL, REGISTER_IP, RESET_EMAIL, RESET_IP, consume
from api.request_fields import Email, Line, Name, Password, Token
from resources import accounts, mail, passwords, sessions
from resources.platform import Platform
from resources.rate_counters import RateLimit

HASH_POOL = asyncio.Semaphore(2)  # a password hash takes a core and 64 MiB while it is computed
MIN_RESET_S = 0.25  # a reset takes at least this long, whether or not the address is registered
AUTH: dict[str, Any] = {"access": Access.PUBLIC, "tags": ["Auth"]}


class Registration(msgspec.Struct):
    """A new user."""

    email: Email
    password: Password
    first_name: Name = ""
    last_name: Name = ""


class Login(msgspec.Struct):
    """The credentials of a user."""

    email: Email
    password: Password


class RefreshRequest(msgspec.Struct):
    """The refresh token of a session."""

    refresh: Token


class ResetRequest(msgspec.Struct):
    """The account whose password to reset, and the page that the link in the mail opens."""

    email: Email
    redirect_base: Line | None = None


class ResetConfirmation(msgspec.Struct):
    """The token of the mail, and the new password."""

    token: Token
    new_password: Password


class Tokens(msgspec.Struct):
    """An access token, and the refresh token to replace it with."""

    access: str
    refresh: str


class SessionOut(Tokens):
    """A new session."""

    user: accounts.User


@post(
    "/v1/auth/register",
    rate_limit=REGISTER_IP,
    counted_by_handler=True,
    error_statuses=(409,),
    idempotent=True,
    **AUTH,
)
async def register_user(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[Registration]
) -> Data[SessionOut]:
    """Register a user, and create a workspace that the user owns.

    At most 3 in 15 minutes for an IP address, and for an e-mail address.
    """
    _check_password(data.password, "password")
    await sync_to_thread(_count_attempt, platform, request, REGISTER_IP, REGISTER_EMAIL, data.email)
    async with HASH_POOL:
        password_hash = await sync_to_thread(passwords.hash_password, data.password)

    def create_user() -> SessionOut:
        with platform.database.write() as connection:
            user, _ = accounts.register(connection, data.email, password_hash, data.first_name, data.last_name)
            return _build_session(platform, user, sessions.start(connection, user.id))

    return Data(await sync_to_thread(create_user))


@post(
    "/v1/auth/login",
    rate_limit=LOGIN_IP,
    counted_by_handler=True,
    error_statuses=(401,),
    status_code=200,
    **AUTH,
)
async def log_in(request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[Login]) -> Data[SessionOut]:
    """Log in. At most 10 a minute for an IP address, and 5 a minute for an e-mail address.

    The access token is valid for 30 minutes, the refresh token for 30 days.
    """
    account = await sync_to_thread(_count_attempt, platform, request, LOGIN_IP, LOGIN_EMAIL, data.email)
    password_hash = account[1] if account else None
    async with HASH_POOL:
        is_correct = await sync_to_thread(passwords.verify_password, password_hash, data.password)
    if not is_correct or account is None:
        raise unauthorized("The e-mail address or the password is wrong.")
    user = account[0]

    def start_session() -> SessionOut:
        with platform.database.write() as connection:
            return _build_session(platform, user, sessions.start(connection, user.id))

    return Data(await sync_to_thread(start_session))


@post("/v1/auth/refresh", error_statuses=(401,), status_code=200, sync_to_thread=True, **AUTH)
def refresh_session(platform: PlatformDep, data: JSONBody[RefreshRequest]) -> Data[Tokens]:
    """Exchange a refresh token for a new pair. A refresh token that is used twice ends its session."""
    with platform.database.write() as connection:
        session = sessions.rotate(connection, data.refresh)
    if session is None:
        raise unauthorized("`refresh` is unknown, expired or was used before. Log in again.")
    access = issue_access_token(platform.settings.secret_key, session.user_id, session.id)
    return Data(Tokens(access, session.refresh_token))


@post("/v1/auth/logout", status_code=200, sync_to_thread=True, **AUTH)
def log_out(platform: PlatformDep, data: JSONBody[RefreshRequest]) -> Data[Ok]:
    """End the session of a refresh token, with its access tokens. The path needs no other credential."""
    with platform.database.write() as connection:
        sessions.revoke(connection, data.refresh)
    return Data(Ok())


@post("/v1/auth/password-reset", rate_limit=RESET_IP, counted_by_handler=True, status_code=200, **AUTH)
async def request_password_reset(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[ResetRequest]
) -> Response[Data[Ok]]:
    """Send a mail with a link (`...?token=...`) to set a new password. The response is the same for any address.

    At most 3 an hour for an IP address, and for an e-mail address. The origin of `redirect_base` must be this server's
    or one of `CARMIC_CORS_ORIGINS`; otherwise the link leads to this server.
    """
    started_at = time.monotonic()
    account = await sync_to_thread(_count_attempt, platform, request, RESET_IP, RESET_EMAIL, data.email)

    def enqueue_mail(user: accounts.User) -> None:
        with platform.database.write() as connection:
            token = sessions.start_reset(connection, user.id)
            link = f"{_resolve_reset_page(platform, data.redirect_base)}?token={token}"
            body = f"Set a new password within one hour:\n\n{link}\n\nIf you did not ask for this, ignore this mail.\n"
            mail.enqueue(connection, user.email, "Set a new Carmic password", body)

    if account is not None:
        await sync_to_thread(enqueue_mail, account[0])
    await asyncio.sleep(max(0.0, MIN_RESET_S - (time.monotonic() - started_at)))
    task = BackgroundTask(sync_to_thread, mail.send_pending, platform.database, platform.settings)
    return Response(Data(Ok()), background=task)


@post("/v1/auth/password-reset/confirm", status_code=200, **AUTH)
async def confirm_password_reset(platform: PlatformDep, data: JSONBody[ResetConfirmation]) -> Data[Ok]:
    """Set the new password, and end every session of the user."""
    _check_password(data.new_password, "new_password")
    invalid_token = ApiError(400, "`token` was used before or has expired. Ask for a new password reset.")

    def is_token_valid() -> bool:
        with platform.database.read() as connection:
            return sessions.is_reset_token_valid(connection, data.token)

    def set_password(password_hash: str) -> None:
        with platform.database.write() as connection:
            user_id = sessions.finish_reset(connection, data.token)
            if user_id is None:
                raise invalid_token
            accounts.update_user(connection, user_id, password_hash=password_hash)

    if not await sync_to_thread(is_token_valid):  # guessed tokens must not occupy the hash pool
        raise invalid_token
    async with HASH_POOL:
        password_hash = await sync_to_thread(passwords.hash_password, data.new_password)
    await sync_to_thread(set_password, password_hash)
    return Data(Ok())


def _count_attempt(
    platform: Platform, request: Request[Any, Any, Any], ip_limit: RateLimit, email_limit: RateLimit, email: str
) -> tuple[accounts.User, str] | None:
    """Count the attempt against both limits, and return the address's user and password hash, if there is one."""
    with platform.database.write() as connection:
        consume(connection, request, ip_limit, request.scope["state"]["client_ip"])
        consume(connection, request, email_limit, accounts.normalize_email(email))
        return accounts.find_user_by_email(connection, email)


def _build_session(platform: Platform, user: accounts.User, session: sessions.Session) -> SessionOut:
    access = issue_access_token(platform.settings.secret_key, user.id, session.id)
    return SessionOut(access, session.refresh_token, user)


def _check_password(password: str, field: str) -> None:
    if not passwords.is_acceptable(password):
        raise ApiError(400, f"`{field}` is too weak. {passwords.RULE}")


def _resolve_reset_page(platform: Platform, redirect_base: str | None) -> str:
    """Return the page that the mail links to: `redirect_base` only on a trusted origin, which receives the token."""
    allowed = {*platform.settings.cors_origins, platform.settings.public_url}
    with suppress(ValueError):  # not a URL
        parts = urlsplit(redirect_base or "")
        if redirect_base and f"{parts.scheme}://{parts.netloc}" in {origin.rstrip("/") for origin in allowed}:
            return redirect_base.partition("?")[0].partition("#")[0]
    return f"{platform.settings.public_url}/reset-password"


ROUTES: list[HTTPRouteHandler] = [
    register_user,
    log_in,
    refresh_session,
    log_out,
    request_password_reset,
    confirm_password_reset,
]
