"""Invitations: OWNERs send, resend and withdraw them; the invited user accepts one with the token of the mail."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Ok, Page, unpaginated
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.mail_links import enqueue_invitation, send_mail_task
from api.rate_limits import INVITATION_MAILS
from api.request_fields import Email, Line, Role, Token
from resources import accounts, invitations
from resources.caps import check_cap
from resources.database.tables import invitations as invitations_table
from resources.email_addresses import check_email
from resources.hidden_repr import HiddenRepr
from resources.platform import Platform

TAGS = ["Profile and workspaces"]
INVITATIONS: dict[str, Any] = {"access": Access.OWNER, "api_keys": False, "sync_to_thread": True, "tags": TAGS}


class InviteRequest(msgspec.Struct):
    """The email address to invite, the role, and the page that the link in the mail opens."""

    email: Annotated[Email, Meta(description="Email address of the person to invite.")]
    role: Annotated[Role, Meta(description="The role that the person gets.")] = "EDITOR"
    redirect_base: Annotated[
        Line | None,
        Meta(
            description="Page that the link in the mail opens, on this server or an allowed origin.",
            examples=["https://carmic.example/join"],
        ),
    ] = None


class ResendRequest(msgspec.Struct):
    """The page that the link in the mail opens."""

    redirect_base: Annotated[
        Line | None,
        Meta(
            description="Page that the link in the mail opens, on this server or an allowed origin.",
            examples=["https://carmic.example/join"],
        ),
    ] = None


class AcceptRequest(HiddenRepr, frozen=True):
    """The token from the mail."""

    token: Annotated[Token, Meta(description="Token from the link in the mail.")]


@post(
    "/v1/{workspace_id:uuid}/invite",
    rate_limit=INVITATION_MAILS,
    idempotent=True,
    error_statuses=(409,),
    **INVITATIONS,
)
def invite_member(
    platform: PlatformDep, caller: CallerDep, workspace_id: PathId, data: JSONBody[InviteRequest]
) -> Response[Data[invitations.Invitation]]:
    """Invite a person by email. They become a member by accepting with the link in the mail within seven days.

    A second invitation of an address replaces the first. The origin of `redirect_base` must be this server's or one of
    `CARMIC_CORS_ORIGINS`; otherwise the link leads to this server.
    """
    check_email(data.email)
    with platform.database.write() as connection:
        is_pending = invitations_table.c.accepted_at.is_(None)
        check_cap(connection, "pending invitations", invitations_table, caller.workspace, is_pending)
        invitation, token = invitations.create(connection, caller.workspace, caller.user, data.email, data.role)
        _enqueue(connection, platform, caller, (invitation, token), data.redirect_base)
        content = record_response(connection, Data(invitation))
    return Response(content, status_code=201, background=send_mail_task(platform))


@get("/v1/{workspace_id:uuid}/invitations", access=Access.OWNER, sync_to_thread=True, tags=TAGS)
def list_invitations(platform: PlatformDep, caller: CallerDep, workspace_id: PathId) -> Page[invitations.Invitation]:
    """List the pending invitations, oldest first."""
    with platform.database.read() as connection:
        return unpaginated(invitations.list_pending(connection, caller.workspace))


@post(
    "/v1/{workspace_id:uuid}/invitations/{invitation_id:uuid}/resend",
    rate_limit=INVITATION_MAILS,
    status_code=200,
    **INVITATIONS,
)
def resend_invitation(
    platform: PlatformDep,
    caller: CallerDep,
    workspace_id: PathId,
    invitation_id: PathId,
    data: JSONBody[ResendRequest | None] = None,
) -> Response[Data[invitations.Invitation]]:
    """Send the mail of a pending invitation again, with a new link that is valid for seven days.

    The old link becomes invalid.
    """
    with platform.database.write() as connection:
        invitation_and_token = invitations.resend(connection, caller.workspace, caller.user, str(invitation_id))
        if invitation_and_token is None:
            raise not_found("invitation")
        _enqueue(connection, platform, caller, invitation_and_token, data.redirect_base if data else None)
    return Response(Data(invitation_and_token[0]), status_code=200, background=send_mail_task(platform))


@delete("/v1/{workspace_id:uuid}/invitations/{invitation_id:uuid}", status_code=200, **INVITATIONS)
def withdraw_invitation(
    platform: PlatformDep, caller: CallerDep, workspace_id: PathId, invitation_id: PathId
) -> Data[Ok]:
    """Withdraw a pending invitation. Its link no longer works."""
    with platform.database.write() as connection:
        if not invitations.withdraw(connection, caller.workspace, str(invitation_id)):
            raise not_found("invitation")
    return Data(Ok())


@post(
    "/v1/invitations/accept",
    access=Access.USER,
    api_keys=False,
    status_code=200,
    error_statuses=(403,),
    sync_to_thread=True,
    tags=TAGS,
)
def accept_invitation(
    platform: PlatformDep, caller: CallerDep, data: JSONBody[AcceptRequest]
) -> Data[accounts.Membership]:
    """Become a member of the workspace that invited your address. It also verifies the address."""
    with platform.database.write() as connection:
        user = accounts.get_user(connection, caller.user)
        offer = invitations.find_offer(connection, data.token)
        if offer is not None and user is not None and offer.email != user.email:
            raise ApiError(403, "This invitation is for another address. Log in under the address it was sent to.")
        membership = invitations.accept(connection, data.token, user) if user is not None else None
        if membership is None:
            raise ApiError(400, "`token` was used before, was withdrawn or has expired. Ask for a new invitation.")
        return Data(membership)


def _enqueue(
    connection: Connection,
    platform: Platform,
    caller: Caller,
    renewed: tuple[invitations.Invitation, str],
    redirect_base: str | None,
) -> None:
    name = accounts.get_workspace_name(connection, caller.workspace) or "a workspace"
    enqueue_invitation(connection, platform, name, *renewed, redirect_base)


ROUTES: list[HTTPRouteHandler] = [
    invite_member,
    list_invitations,
    resend_invitation,
    withdraw_invitation,
    accept_invitation,
]
