"""/v1/auth: register, log in, refresh, log out, verify an email address, reset a password.

No response reveals whether an address has an account, except the 409 of a second registration, which the API contract
requires.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, unauthorized
from api.credentials import find_user_by_password, hash_password, require_acceptable_password
from api.dependencies import PlatformDep
from api.envelope import Data, Ok
from api.errors import ApiError
from api.idempotency import record_response
from api.mail_links import build_link, enqueue_verification, send_mail_task
from api.rate_limits import LOGIN_IP, REGISTER_EMAIL, REGISTER_IP, RESET_EMAIL, RESET_IP, consume
from api.request_fields import Email, Line, Name, Password, Token
from api.session_cookies import (
    RefreshRequest,
    Tokens,
    build_expired_cookie,
    build_tokens,
    is_cookie_session,
    read_refresh_token,
)
from resources import accounts, invitations, mail, sessions
from resources.email_addresses import check_email, normalize_email
from resources.hidden_repr import HiddenRepr
from resources.platform import Platform
from resources.rate_counters import RateLimit

# Minimum duration of a reset request, so that its timing does not reveal whether the address is registered
MIN_RESET_S = 0.25
AUTH: dict[str, Any] = {"access": Access.PUBLIC, "tags": ["Auth"]}


class Registration(HiddenRepr, frozen=True):
    """A new user.

    `invitation_token` is from the mail of an invitation; required if registration is by invitation only.
    """

    email: Annotated[Email, Meta(description="Email address of the new user.")]
    password: Annotated[Password, Meta(description="At least 8 characters, with upper case, lower case and a digit.")]
    first_name: Annotated[Name, Meta(description="First name.", examples=["Ada"])] = ""
    last_name: Annotated[Name, Meta(description="Last name.", examples=["Lovelace"])] = ""
    invitation_token: Annotated[
        Token | None,
        Meta(description="Token from the mail of an invitation; needed where registration is by invitation only."),
    ] = None


class Login(HiddenRepr, frozen=True):
    """The credentials of a user."""

    email: Annotated[Email, Meta(description="Email address of the user.")]
    password: Annotated[Password, Meta(description="Password of the user.")]


class VerificationRequest(HiddenRepr, frozen=True):
    """The token from the mail."""

    token: Annotated[Token, Meta(description="Token from the link in the mail.")]


class ResetRequest(msgspec.Struct):
    """The account whose password is reset, and the page that the link in the mail opens."""

    email: Annotated[Email, Meta(description="Email address of the account.")]
    redirect_base: Annotated[
        Line | None,
        Meta(
            description="Page that the link in the mail opens, on this server or an allowed origin.",
            examples=["https://carmic.example/reset"],
        ),
    ] = None


class ResetConfirmation(HiddenRepr, frozen=True):
    """The token from the mail, and the new password."""

    token: Annotated[Token, Meta(description="Token from the link in the mail.")]
    new_password: Annotated[
        Password, Meta(description="At least 8 characters, with upper case, lower case and a digit.")
    ]


class SessionOut(Tokens, kw_only=True):
    """A new session."""

    user: Annotated[accounts.User, Meta(description="The user who has logged in.")]


@post(
    "/v1/auth/register",
    rate_limit=REGISTER_IP,
    counted_by_handler=True,
    error_statuses=(403, 409),
    idempotent=True,
    reads_headers=("X-Carmic-Session",),
    **AUTH,
)
async def register_user(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[Registration]
) -> Response[Data[SessionOut]]:
    """Register a user, and create a workspace that the user owns. A mail asks the user to verify the address.

    At most 3 in 15 minutes per IP address and per email address. `CARMIC_REGISTRATION` may require an
    `invitation_token` or close registration (403).
    """
    require_acceptable_password(data.password, "password")
    check_email(data.email)
    await sync_to_thread(_count_attempt, platform, request, REGISTER_IP, REGISTER_EMAIL, data.email)
    await sync_to_thread(_check_registration, platform, data)
    password_hash = await hash_password(data.password)

    def create_user() -> Response[Data[SessionOut]]:
        with platform.database.write() as connection:
            user, _ = accounts.register(connection, data.email, password_hash, data.first_name, data.last_name)
            enqueue_verification(connection, platform, user, user.email)
            return _start_session(connection, request, platform, user, 201)

    return await sync_to_thread(create_user)


@post(
    "/v1/auth/login",
    rate_limit=LOGIN_IP,
    counted_by_handler=True,
    error_statuses=(401,),
    status_code=200,
    reads_headers=("X-Carmic-Session",),
    **AUTH,
)
async def log_in(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[Login]
) -> Response[Data[SessionOut]]:
    """Log in. At most 10 a minute per IP address, and 5 failures a minute per email address and network.

    The access token is valid for 30 minutes, the refresh token for 30 days, the session for 90 days. With
    `X-Carmic-Session: cookie` the refresh token is set as an HttpOnly cookie instead.
    """
    await sync_to_thread(_count_login, platform, request)
    user = await find_user_by_password(request, platform, data.email, data.password)
    if user is None:
        raise unauthorized("The email address or the password is wrong.")

    def start_session() -> Response[Data[SessionOut]]:
        with platform.database.write() as connection:
            return _start_session(connection, request, platform, user, 200)

    return await sync_to_thread(start_session)


@post(
    "/v1/auth/refresh",
    error_statuses=(401,),
    status_code=200,
    sync_to_thread=True,
    reads_headers=("X-Carmic-Session",),
    **AUTH,
)
def refresh_session(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[RefreshRequest | None] = None
) -> Response[Data[Tokens]]:
    """Exchange a refresh token for a new pair.

    A token that was exchanged less than 30 s ago returns one more pair. A later use ends the session.
    """
    token = read_refresh_token(request, data)
    with platform.database.write() as connection:
        session = sessions.rotate(connection, token)
    if session is None:
        raise unauthorized("`refresh` is unknown, expired or was used before. Log in again.")
    tokens, cookies = build_tokens(request, platform, session)
    return Response(Data(tokens), status_code=200, cookies=cookies)


@post("/v1/auth/logout", status_code=200, sync_to_thread=True, **AUTH)
def log_out(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[RefreshRequest | None] = None
) -> Response[Data[Ok]]:
    """End the session of a refresh token, with its access tokens. No other credential is needed."""
    token = read_refresh_token(request, data)
    with platform.database.write() as connection:
        sessions.log_out(connection, token)
    cookies = [build_expired_cookie(platform)] if is_cookie_session(request) else []
    return Response(Data(Ok()), status_code=200, cookies=cookies)


@post("/v1/auth/verify-email", status_code=200, error_statuses=(409,), sync_to_thread=True, **AUTH)
def verify_email(platform: PlatformDep, data: JSONBody[VerificationRequest]) -> Data[accounts.User]:
    """Verify an email address with the token that was mailed to it. A new address then replaces the old one."""
    with platform.database.write() as connection:
        verification = sessions.finish_verification(connection, data.token)
        user = accounts.verify_email(connection, verification.user_id, verification.email) if verification else None
        if user is None:
            raise ApiError(400, "`token` was used before, was replaced or has expired. Ask for a new mail.")
        sessions.cancel_resets(connection, user.id)
        return Data(user)


@post("/v1/auth/password-reset", rate_limit=RESET_IP, counted_by_handler=True, status_code=200, **AUTH)
async def request_password_reset(
    request: Request[Any, Any, Any], platform: PlatformDep, data: JSONBody[ResetRequest]
) -> Response[Data[Ok]]:
    """Send a mail with a link (`...?token=...`) to set a new password. The response is the same for any address.

    At most 3 an hour per IP address and per email address. The origin of `redirect_base` must be this server's
    or one of `CARMIC_CORS_ORIGINS`; otherwise the link leads to this server.
    """
    started_at = time.monotonic()
    await sync_to_thread(_count_attempt, platform, request, RESET_IP, RESET_EMAIL, data.email)

    def find_user() -> tuple[accounts.User, str] | None:
        with platform.database.read() as connection:
            return accounts.find_user_by_email(connection, data.email)

    account = await sync_to_thread(find_user)

    def enqueue_mail(user: accounts.User) -> None:
        with platform.database.write() as connection:
            token = sessions.start_reset(connection, user.id)
            link = build_link(platform, "reset-password", token, data.redirect_base)
            body = f"Set a new password within one hour:\n\n{link}\n\nIf you did not ask for this, ignore this mail.\n"
            mail.enqueue(connection, user.email, "Set a new Carmic password", body)

    if account is not None:
        await sync_to_thread(enqueue_mail, account[0])
    await asyncio.sleep(max(0.0, MIN_RESET_S - (time.monotonic() - started_at)))
    return Response(Data(Ok()), background=send_mail_task(platform))


@post("/v1/auth/password-reset/confirm", status_code=200, **AUTH)
async def confirm_password_reset(platform: PlatformDep, data: JSONBody[ResetConfirmation]) -> Data[Ok]:
    """Set the new password, and end every session of the user."""
    require_acceptable_password(data.new_password, "new_password")
    invalid_token = ApiError(400, "`token` was used before or has expired. Ask for a new password reset.")

    def is_token_valid() -> bool:
        with platform.database.read() as connection:
            return sessions.is_reset_token_valid(connection, data.token)

    def set_password(password_hash: str) -> None:
        with platform.database.write() as connection:
            user_id = sessions.finish_reset(connection, data.token)
            if user_id is None:
                raise invalid_token
            user = accounts.update_user(connection, user_id, password_hash=password_hash)
            if user is not None:  # the token was mailed to the address
                accounts.verify_email(connection, user.id, user.email)

    # Check the token first, so that guessed tokens do not occupy the hash pool
    if not await sync_to_thread(is_token_valid):
        raise invalid_token
    await sync_to_thread(set_password, await hash_password(data.new_password))
    return Data(Ok())


def _count_attempt(
    platform: Platform, request: Request[Any, Any, Any], ip_limit: RateLimit, email_limit: RateLimit, email: str
) -> None:
    """Count the attempt against the limits of the network and of the email address."""
    with platform.database.write() as connection:
        consume(connection, request, ip_limit, request.scope["state"]["client_network"])
        consume(connection, request, email_limit, normalize_email(email))


def _count_login(platform: Platform, request: Request[Any, Any, Any]) -> None:
    with platform.database.write() as connection:
        consume(connection, request, LOGIN_IP, request.scope["state"]["client_network"])


def _check_registration(platform: Platform, data: Registration) -> None:
    """Raise ApiError 403 unless the settings allow this address to register."""
    if platform.settings.registration == "open":
        return
    if platform.settings.registration == "closed":
        raise ApiError(403, "Registration is closed on this server. Ask its operator for an account.")
    with platform.database.read() as connection:
        offer = invitations.find_offer(connection, data.invitation_token) if data.invitation_token else None
    if offer is None or offer.email != normalize_email(data.email):
        sentence = "Registration on this server needs an invitation to this address. Send its `invitation_token`."
        raise ApiError(403, sentence)


def _start_session(
    connection: Connection, request: Request[Any, Any, Any], platform: Platform, user: accounts.User, status: int
) -> Response[Data[SessionOut]]:
    user_agent = request.headers.get("user-agent", "")
    session = sessions.start(connection, user.id, user_agent, request.scope["state"]["client_ip"])
    tokens, cookies = build_tokens(request, platform, session)
    body = record_response(connection, Data(SessionOut(tokens.access, tokens.refresh, user=user)))
    return Response(body, status_code=status, cookies=cookies, background=send_mail_task(platform))


ROUTES: list[HTTPRouteHandler] = [
    register_user,
    log_in,
    refresh_session,
    log_out,
    verify_email,
    request_password_reset,
    confirm_password_reset,
]
