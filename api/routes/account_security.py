"""Paths by which a user manages their own account: sessions, password, email, deletion. API keys are not accepted.

Changes that can lock a user out require the password. A session alone is not enough: a browser may be left open.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.credentials import hash_password, require_acceptable_password, require_password
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok, Page, unpaginated
from api.errors import ApiError
from api.mail_links import enqueue_verification, send_mail_task
from api.rate_limits import VERIFICATION_MAILS
from api.request_fields import Email, Password
from resources import accounts, mail, sessions, workspace_deletion
from resources.email_addresses import check_email, normalize_email
from resources.hidden_repr import HiddenRepr

ACCOUNT: dict[str, Any] = {"access": Access.USER, "api_keys": False, "tags": ["Auth"]}


class SessionItem(sessions.SessionInfo, frozen=True, kw_only=True):
    """A session. `is_current` marks the session of this request."""

    is_current: Annotated[bool, Meta(description="Whether this is the session of the request itself.")]


class PasswordChange(HiddenRepr, frozen=True):
    """The current password, and the new one."""

    current_password: Annotated[Password, Meta(description="The password until now.")]
    new_password: Annotated[
        Password, Meta(description="The password from now on: at least 8 characters, upper and lower case and a digit.")
    ]


class EmailChange(HiddenRepr, frozen=True):
    """The new email address, and the current password."""

    email: Annotated[Email, Meta(description="The new email address. It replaces the old one once it is verified.")]
    password: Annotated[Password, Meta(description="The current password.")]


class PasswordConfirmation(HiddenRepr, frozen=True):
    """The current password."""

    password: Annotated[Password, Meta(description="The current password.")]


@get("/v1/auth/sessions", sync_to_thread=True, **ACCOUNT)
def list_sessions(platform: PlatformDep, caller: CallerDep) -> Page[SessionItem]:
    """List your sessions, most recently used first."""
    with platform.database.read() as connection:
        active = sessions.list_active(connection, caller.user)
    items = [SessionItem(**msgspec.structs.asdict(item), is_current=item.id == caller.session_id) for item in active]
    return unpaginated(items)


@delete("/v1/auth/sessions/{session_id:uuid}", status_code=200, sync_to_thread=True, **ACCOUNT)
def revoke_session(platform: PlatformDep, caller: CallerDep, session_id: PathId) -> Data[Ok]:
    """End one of your sessions, with its access tokens."""
    with platform.database.write() as connection:
        if not sessions.revoke(connection, caller.user, str(session_id)):
            raise ApiError(404, "You have no such session.")
    return Data(Ok())


@delete("/v1/auth/sessions", status_code=200, sync_to_thread=True, **ACCOUNT)
def revoke_other_sessions(platform: PlatformDep, caller: CallerDep) -> Data[Ok]:
    """End all of your sessions except the one of this request."""
    with platform.database.write() as connection:
        sessions.revoke_all(connection, caller.user, except_session=caller.session_id)
    return Data(Ok())


@post("/v1/auth/password", status_code=200, error_statuses=(403, 429), **ACCOUNT)
async def change_password(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, data: JSONBody[PasswordChange]
) -> Data[Ok]:
    """Change your password. Ends your other sessions."""
    require_acceptable_password(data.new_password, "new_password")
    user = await require_password(request, platform, caller, data.current_password)
    password_hash = await hash_password(data.new_password)

    def store() -> None:
        with platform.database.write() as connection:
            accounts.update_user(connection, user.id, password_hash=password_hash)
            sessions.cancel_resets(connection, user.id)
            sessions.revoke_all(connection, user.id, except_session=caller.session_id)

    await sync_to_thread(store)
    return Data(Ok())


@post("/v1/auth/email", rate_limit=VERIFICATION_MAILS, status_code=200, error_statuses=(403,), **ACCOUNT)
async def change_email(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, data: JSONBody[EmailChange]
) -> Response[Data[Ok]]:
    """Change your email address.

    It takes effect when you open the link sent to the new address; the old one is notified.
    """
    check_email(data.email)
    user = await require_password(request, platform, caller, data.password)
    new_email = normalize_email(data.email)

    def enqueue() -> None:
        with platform.database.write() as connection:
            if accounts.find_user_by_email(connection, new_email) is not None:
                return  # the response does not reveal whether an address has an account
            enqueue_verification(connection, platform, user, new_email)
            body = (
                f"The address of your Carmic account is about to become {new_email}.\n\n"
                "If you did not ask for this, change your password.\n"
            )
            mail.enqueue(connection, user.email, "Your Carmic address is about to change", body)

    await sync_to_thread(enqueue)
    return Response(Data(Ok()), status_code=200, background=send_mail_task(platform))


@post("/v1/auth/verify-email/resend", rate_limit=VERIFICATION_MAILS, status_code=200, sync_to_thread=True, **ACCOUNT)
def resend_verification(platform: PlatformDep, caller: CallerDep) -> Response[Data[Ok]]:
    """Send the mail that verifies your address again. The link of an earlier mail becomes invalid."""
    with platform.database.write() as connection:
        user = accounts.get_user(connection, caller.user)
        if user is not None and user.email_verified_at is None:
            enqueue_verification(connection, platform, user, user.email)
    return Response(Data(Ok()), status_code=200, background=send_mail_task(platform))


@delete("/v1/me", status_code=200, error_statuses=(403, 409, 429), **ACCOUNT)
async def delete_account(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, data: JSONBody[PasswordConfirmation]
) -> Data[Ok]:
    """Delete your account, and the workspaces that have no other member, with all their data.

    409 while you are the only OWNER of a workspace with other members: make one of them an OWNER, or delete the
    workspace.
    """
    user = await require_password(request, platform, caller, data.password)

    def erase() -> None:
        with platform.database.write() as connection:
            for membership in accounts.list_memberships(connection, user.id):
                if len(accounts.list_members(connection, membership.id)) == 1:
                    workspace_deletion.delete_workspace(connection, membership.id)
                else:
                    accounts.remove_member(connection, membership.id, user.id)
            accounts.delete_user(connection, user.id)

    await sync_to_thread(erase)
    return Data(Ok())


@delete(
    "/v1/{workspace_id:uuid}",
    access=Access.OWNER,
    api_keys=False,
    status_code=200,
    error_statuses=(403, 429),
    tags=["Profile and workspaces"],
)
async def delete_workspace(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    caller: CallerDep,
    workspace_id: PathId,
    data: JSONBody[PasswordConfirmation],
) -> Data[Ok]:
    """Delete the workspace with all its data. All access ends at once; files are erased within a day."""
    await require_password(request, platform, caller, data.password)

    def erase() -> None:
        with platform.database.write() as connection:
            workspace_deletion.delete_workspace(connection, caller.workspace)

    await sync_to_thread(erase)
    return Data(Ok())


ROUTES: list[HTTPRouteHandler] = [
    list_sessions,
    revoke_session,
    revoke_other_sessions,
    change_password,
    change_email,
    resend_verification,
    delete_account,
    delete_workspace,
]
