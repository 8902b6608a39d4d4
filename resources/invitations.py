"""Invitations to a workspace. The mailed token proves that its holder receives mail at the address.

Only the token's hash is stored. An invited user becomes a member by accepting the invitation with the token, while
logged in with the invited address.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from resources import accounts
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import invitations
from resources.email_addresses import normalize_email
from resources.field_types import EmailAddress, Timestamp, Uuid
from resources.sessions import hash_token

LIFETIME = timedelta(days=7)


class AlreadyMemberError(Exception):
    """The invited email address belongs to a member."""


class Invitation(msgspec.Struct, frozen=True):
    """An invitation. After `expires_at` its link no longer works; it can be resent."""

    id: Annotated[Uuid, Meta(description="Id of the invitation.")]
    email: Annotated[EmailAddress, Meta(description="Email address of the invited person.")]
    role: Annotated[str, Meta(description="The role that the person gets: OWNER or EDITOR.", examples=["EDITOR"])]
    expires_at: Annotated[Timestamp | None, Meta(description="When its link stops working; null once it is accepted.")]
    accepted_at: Annotated[Timestamp | None, Meta(description="When it was accepted; null until then.")]
    created_at: Annotated[Timestamp, Meta(description="When it was sent first.")]


class Offer(msgspec.Struct, frozen=True):
    """The invitation of a token: the workspace, the role, and the invited address."""

    id: str
    workspace_id: str
    email: str
    role: str


_COLUMNS = select_columns(invitations, Invitation)


def list_pending(connection: Connection, workspace_id: str) -> list[Invitation]:
    """Return the workspace's invitations that are not accepted, oldest first."""
    query = select(*_COLUMNS).where(invitations.c.workspace_id == workspace_id, invitations.c.accepted_at.is_(None))
    return fetch_all(connection, query.order_by(invitations.c.created_at, invitations.c.id), Invitation)


def create(connection: Connection, workspace_id: str, invited_by: str, email: str, role: str) -> tuple[Invitation, str]:
    """Invite the owner of the address. A second invitation replaces the first. Return it with its token.

    Raises:
        AlreadyMemberError: if the address belongs to a member.
    """
    accounts.lock_workspace(connection, workspace_id)
    email = normalize_email(email)
    account = accounts.find_user_by_email(connection, email)
    if account is not None and accounts.get_membership(connection, workspace_id, account[0].id) is not None:
        raise AlreadyMemberError(email)
    token, values = _renew(invited_by)
    values |= {"role": role, "accepted_at": None, "created_at": now()}
    is_same = and_(invitations.c.workspace_id == workspace_id, invitations.c.email == email)
    renew = update(invitations).where(is_same).values(**values).returning(*_COLUMNS)
    invitation = fetch_one(connection, renew, Invitation)
    if invitation is None:
        key = {"id": str(uuid.uuid4()), "workspace_id": workspace_id, "email": email}
        invitation = insert_row(connection, invitations, Invitation, {**key, **values})
    return invitation, token


def resend(
    connection: Connection, workspace_id: str, invited_by: str, invitation_id: str
) -> tuple[Invitation, str] | None:
    """Replace the token of a pending invitation. Return None if there is no such invitation."""
    token, values = _renew(invited_by)
    query = update(invitations).where(*_is_pending(workspace_id, invitation_id)).values(**values)
    invitation = fetch_one(connection, query.returning(*_COLUMNS), Invitation)
    return None if invitation is None else (invitation, token)


def withdraw(connection: Connection, workspace_id: str, invitation_id: str) -> bool:
    """Delete a pending invitation. Return False if there is none."""
    return connection.execute(delete(invitations).where(*_is_pending(workspace_id, invitation_id))).rowcount == 1


def find_offer(connection: Connection, token: str) -> Offer | None:
    """Return the invitation of the token, or None if the token is unknown, used, replaced or expired."""
    query = select(*select_columns(invitations, Offer))
    return fetch_one(connection, query.where(*_is_valid(token)), Offer)


def accept(connection: Connection, token: str, user: accounts.User) -> accounts.Membership | None:
    """Consume the token, and make the user a member. Return None unless the token is valid and for their address.

    The token was mailed to the address, so it also verifies the address. A member keeps their role.
    """
    query = update(invitations).where(*_is_valid(token), invitations.c.email == user.email)
    columns = select_columns(invitations, Offer)
    offer = fetch_one(connection, query.values(accepted_at=now(), token_hash=None).returning(*columns), Offer)
    if offer is None:
        return None
    accounts.lock_workspace(connection, offer.workspace_id)
    if accounts.get_membership(connection, offer.workspace_id, user.id) is None:
        accounts.add_member(connection, offer.workspace_id, user.id, offer.role)
    accounts.verify_email(connection, user.id, user.email)
    return accounts.get_membership(connection, offer.workspace_id, user.id)


def _renew(invited_by: str) -> tuple[str, dict[str, object]]:
    token = secrets.token_urlsafe(32)
    return token, {"invited_by": invited_by, "token_hash": hash_token(token), "expires_at": now() + LIFETIME}


def _is_pending(workspace_id: str, invitation_id: str) -> tuple[ColumnElement[bool], ...]:
    is_one = (invitations.c.id == invitation_id, invitations.c.workspace_id == workspace_id)
    return *is_one, invitations.c.accepted_at.is_(None)


def _is_valid(token: str) -> tuple[ColumnElement[bool], ...]:
    is_open = (invitations.c.accepted_at.is_(None), invitations.c.expires_at > now())
    return invitations.c.token_hash == hash_token(token), *is_open
