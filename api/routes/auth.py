"""/v1/auth: register, log in, refresh, log out, reset a password.

No answer tells whether an address has an account, except a second registration (the reference wants a 409 there).
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
from litestar.params import JSONBody

from api.access import Access, access_token, unauthorized
from api.dependencies import ThePlatform
from api.envelope import Data, Ok
from api.errors import ApiError
from api.rate_limits import LOGIN_EMAIL, LOGIN_IP, REGISTER_EMAIL, REGISTER_IP, RESET_EMAIL, RESET_IP, spend
from api.request_fields import Email, Line, Name, Password, Token
from resources import accounts, mail, passwords, sessions
from resources.platform import Platform
from resources.rate_counters import Limit

HASHERS = asyncio.Semaphore(2)  # each takes a core and 64 MiB while it runs
RESET_FLOOR_S = 0.25  # a reset takes this long whether or not the address is known


class Registration(msgspec.Struct):
    email: Email
    password: Password
    first_name: Name = ""
    last_name: Name = ""


class Login(msgspec.Struct):
    email: Email
    password: Password


class RefreshIn(msgspec.Struct):
    refresh: Token


class ResetIn(msgspec.Struct):
    email: Email
    redirect_base: Line | None = None


class ResetConfirmation(msgspec.Struct):
    token: Token
    new_password: Password


class SessionOut(msgspec.Struct):
    access: str
    refresh: str
    user: accounts.User


class Tokens(msgspec.Struct):
    access: str
    refresh: str


@post(
    "/v1/auth/register",
    access=Access.PUBLIC,
    limit=REGISTER_IP,
    counted_by_handler=True,
    refuses=(409,),
    idempotent=True,
    tags=["Auth"],
)
async def register(
    request: Request[Any, Any, Any], platform: ThePlatform, data: JSONBody[Registration]
) -> Data[SessionOut]:
    """Register: a user, and a first workspace that the user owns.

    3 per 15 minutes, for an IP address and for an e-mail address.
    """
    _keep_rule(data.password)
    await sync_to_thread(_spend, platform, request, REGISTER_IP, REGISTER_EMAIL, data.email)
    async with HASHERS:
        digest = await sync_to_thread(passwords.hashed, data.password)

    def work() -> SessionOut:
        with platform.database.write() as connection:
            user, _ = accounts.register(connection, data.email, digest, data.first_name, data.last_name)
            return _session_out(platform, user, sessions.start(connection, user.id))

    return Data(await sync_to_thread(work))


@post(
    "/v1/auth/login",
    access=Access.PUBLIC,
    limit=LOGIN_IP,
    counted_by_handler=True,
    refuses=(401,),
    status_code=200,
    tags=["Auth"],
)
async def login(request: Request[Any, Any, Any], platform: ThePlatform, data: JSONBody[Login]) -> Data[SessionOut]:
    """Log in: 10 a minute for an IP address, 5 a minute for an e-mail address.

    The access token lives 30 minutes, the refresh token 30 days.
    """
    found = await sync_to_thread(_spend, platform, request, LOGIN_IP, LOGIN_EMAIL, data.email)
    async with HASHERS:
        right = await sync_to_thread(passwords.matches, found[1] if found else None, data.password)
    if not right or found is None:
        raise unauthorized("The e-mail address or the password is wrong.")
    user = found[0]

    def work() -> SessionOut:
        with platform.database.write() as connection:
            return _session_out(platform, user, sessions.start(connection, user.id))

    return Data(await sync_to_thread(work))


@post("/v1/auth/refresh", access=Access.PUBLIC, refuses=(401,), status_code=200, sync_to_thread=True, tags=["Auth"])
def refresh(platform: ThePlatform, data: JSONBody[RefreshIn]) -> Data[Tokens]:
    """Spend a refresh token for a new pair. A token used twice ends its session: log in again."""
    with platform.database.write() as connection:
        session = sessions.rotate(connection, data.refresh)
    if session is None:
        raise unauthorized("The refresh token is unknown, expired or was used before. Log in again.")
    return Data(Tokens(access_token(platform.settings.secret_key, session.user_id, session.id), session.refresh))


@post("/v1/auth/logout", access=Access.PUBLIC, status_code=200, sync_to_thread=True, tags=["Auth"])
def logout(platform: ThePlatform, data: JSONBody[RefreshIn]) -> Data[Ok]:
    """End the session of a refresh token: its access tokens end with it. The token itself is all the proof needed."""
    with platform.database.write() as connection:
        sessions.revoke(connection, data.refresh)
    return Data(Ok())


@post(
    "/v1/auth/password-reset",
    access=Access.PUBLIC,
    limit=RESET_IP,
    counted_by_handler=True,
    status_code=200,
    tags=["Auth"],
)
async def reset_password(
    request: Request[Any, Any, Any], platform: ThePlatform, data: JSONBody[ResetIn]
) -> Response[Data[Ok]]:
    """Ask for a mail with a link (`...?token=...`) to set a new password. Always ok, whoever has an account.

    3 an hour, for an IP address and for an e-mail address. `redirect_base` must be on this server or an origin that
    the operator allows (`CARMIC_CORS_ORIGINS`); any other is replaced by this server's own address.
    """
    began = time.monotonic()
    found = await sync_to_thread(_spend, platform, request, RESET_IP, RESET_EMAIL, data.email)

    def work(user: accounts.User) -> None:
        with platform.database.write() as connection:
            token = sessions.start_reset(connection, user.id)
            link = f"{_reset_base(platform, data.redirect_base)}?token={token}"
            body = f"Set a new password within an hour:\n\n{link}\n\nIf you did not ask for this, ignore it.\n"
            mail.write(connection, user.email, "Set a new Carmic password", body)

    if found is not None:
        await sync_to_thread(work, found[0])
    await asyncio.sleep(max(0.0, RESET_FLOOR_S - (time.monotonic() - began)))
    task = BackgroundTask(sync_to_thread, mail.send_waiting, platform.database, platform.settings)
    return Response(Data(Ok()), background=task)


@post("/v1/auth/password-reset/confirm", access=Access.PUBLIC, status_code=200, tags=["Auth"])
async def confirm_reset(platform: ThePlatform, data: JSONBody[ResetConfirmation]) -> Data[Ok]:
    """Set the new password. Ends every session of the user."""
    _keep_rule(data.new_password)
    spent = ApiError(400, "This link was used before or has expired. Ask for a new one.")

    def look() -> bool:
        with platform.database.read() as connection:
            return sessions.may_reset(connection, data.token)

    def work(digest: str) -> None:
        with platform.database.write() as connection:
            user_id = sessions.finish_reset(connection, data.token)
            if user_id is None:
                raise spent
            accounts.change_user(connection, user_id, password_hash=digest)

    if not await sync_to_thread(look):  # guesses must not keep the hashers from those who log in
        raise spent
    async with HASHERS:
        digest = await sync_to_thread(passwords.hashed, data.new_password)
    await sync_to_thread(work, digest)
    return Data(Ok())


def _spend(
    platform: Platform, request: Request[Any, Any, Any], by_ip: Limit, by_email: Limit, email: str
) -> tuple[accounts.User, str] | None:
    """Count the attempt against both limits; the user of the address, if there is one, with the password's hash."""
    with platform.database.write() as connection:
        spend(connection, request, by_ip, request.scope["state"]["client_ip"])
        spend(connection, request, by_email, accounts.normal_email(email))
        return accounts.user_by_email(connection, email)


def _session_out(platform: Platform, user: accounts.User, session: sessions.Session) -> SessionOut:
    access = access_token(platform.settings.secret_key, user.id, session.id)
    return SessionOut(access, session.refresh, user)


def _keep_rule(password: str) -> None:
    if not passwords.acceptable(password):
        raise ApiError(400, passwords.RULE)


def _reset_base(platform: Platform, wanted: str | None) -> str:
    """A link in our mail must not lead where a stranger chose: they would be sent the token."""
    allowed = {*platform.settings.cors_origins, platform.settings.public_url}
    with suppress(ValueError):  # not an address at all
        parts = urlsplit(wanted or "")
        if wanted and f"{parts.scheme}://{parts.netloc}" in {origin.rstrip("/") for origin in allowed}:
            return wanted.partition("?")[0].partition("#")[0]
    return f"{platform.settings.public_url}/reset-password"


ROUTES = [register, login, refresh, logout, reset_password, confirm_reset]
