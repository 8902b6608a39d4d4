"""Accounts: users, workspaces, members and invitations. Authorization is the API's task.

Email addresses are compared in lower case. A member is OWNER or EDITOR; a workspace always has an OWNER.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import invitations, members, users, workspaces


class EmailTakenError(Exception):
    """The email address has an account."""


class AlreadyMemberError(Exception):
    """The invited email address belongs to a member."""


class LastOwnerError(Exception):
    """The change would leave the workspace without an OWNER."""


class User(msgspec.Struct, frozen=True):
    """A row of `users` without the password hash."""

    id: str
    email: str
    first_name: str
    last_name: str
    avatar_url: str | None


class Membership(msgspec.Struct, frozen=True):
    """A workspace of a user, with the user's role."""

    id: str
    name: str
    role: str
    tier: str


class Member(msgspec.Struct, frozen=True):
    """A user of a workspace, with the user's role."""

    user_id: str
    email: str
    first_name: str
    last_name: str
    role: str
    joined_at: datetime


class Invitation(msgspec.Struct, frozen=True):
    """An invitation. `accepted_at` is None while the email address has no account."""

    id: str
    email: str
    role: str
    accepted_at: datetime | None
    created_at: datetime


_USER = select_columns(users, User)
_INVITATION = select_columns(invitations, Invitation)
_MEMBERSHIPS = select(workspaces.c.id, workspaces.c.name, members.c.role, workspaces.c.tier).join(
    members, members.c.workspace_id == workspaces.c.id
)
# Built once, because every request runs it
_MEMBERSHIP = _MEMBERSHIPS.where(
    members.c.user_id == bindparam("user"), members.c.workspace_id == bindparam("workspace")
)


# --- users


def normalize_email(email: str) -> str:
    """Return the address in the form in which it is stored and compared."""
    return email.strip().lower()


def register(
    connection: Connection, email: str, password_hash: str, first_name: str = "", last_name: str = ""
) -> tuple[User, str]:
    """Create a user with a workspace of their own and accept the invitations of the address.

    Returns:
        The user and the ID of the new workspace.

    Raises:
        EmailTakenError: if the address has an account.
    """
    email = normalize_email(email)
    if connection.scalar(select(exists().where(users.c.email == email))):
        raise EmailTakenError(email)
    values = {"email": email, "password_hash": password_hash, "first_name": first_name, "last_name": last_name}
    try:
        user = insert_row(connection, users, User, {"id": str(uuid.uuid4()), **values, "created_at": now()})
    except IntegrityError as error:  # PostgreSQL: a concurrent registration inserted it after the query above
        raise EmailTakenError(email) from error
    owner = first_name.strip() or email.partition("@")[0]
    workspace_id = create_workspace(connection, f"{owner}'s workspace", user.id)
    pending = select(invitations).where(invitations.c.email == email, invitations.c.accepted_at.is_(None))
    for invitation in connection.execute(pending).all():
        _accept(connection, invitation.id, invitation.workspace_id, user.id, invitation.role)
    return user, workspace_id


def get_user(connection: Connection, user_id: str) -> User | None:
    """Return the user."""
    return fetch_one(connection, select(*_USER).where(users.c.id == user_id), User)


def find_user_by_email(connection: Connection, email: str) -> tuple[User, str] | None:
    """Return the user with this address and the password hash."""
    query = select(*_USER, users.c.password_hash).where(users.c.email == normalize_email(email))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return User(row.id, row.email, row.first_name, row.last_name, row.avatar_url), row.password_hash


def update_user(connection: Connection, user_id: str, **columns: object) -> User | None:
    """Set first_name, last_name, avatar_url or password_hash, and return the user."""
    if columns:
        connection.execute(update(users).where(users.c.id == user_id).values(**columns))
    return get_user(connection, user_id)


# --- workspaces


def create_workspace(connection: Connection, name: str, owner_id: str) -> str:
    """Create a workspace of the tier FREE and return its ID."""
    workspace_id = str(uuid.uuid4())
    connection.execute(insert(workspaces).values(id=workspace_id, name=name, tier="FREE", created_at=now()))
    _add_member(connection, workspace_id, owner_id, "OWNER")
    return workspace_id


def get_tier(connection: Connection, workspace_id: str) -> str | None:
    """Return the workspace's tier."""
    return connection.scalar(select(workspaces.c.tier).where(workspaces.c.id == workspace_id))


def get_workspace_name(connection: Connection, workspace_id: str) -> str | None:
    """Return the workspace's name."""
    return connection.scalar(select(workspaces.c.name).where(workspaces.c.id == workspace_id))


def set_tier(connection: Connection, workspace_id: str, tier: str) -> bool:
    """Set the workspace's tier. Return False if there is no such workspace."""
    query = update(workspaces).where(workspaces.c.id == workspace_id).values(tier=tier)
    return connection.execute(query).rowcount == 1


def get_webhook_url(connection: Connection, workspace_id: str) -> str | None:
    """Return the URL of the generation API's one webhook."""
    return connection.scalar(select(workspaces.c.webhook_url).where(workspaces.c.id == workspace_id))


def set_webhook_url(connection: Connection, workspace_id: str, url: str | None) -> None:
    """Set the URL of the generation API's one webhook."""
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(webhook_url=url))


def lock_workspace(connection: Connection, workspace_id: str) -> None:
    """Serialize changes that depend on one another: of members, of the ledger, of stored objects.

    On SQLite the write lock of the whole database already does. The row lock does not block foreign key checks, because
    rows of the workspace may be inserted before it is taken.
    """
    if connection.dialect.name == "postgresql":
        query = select(workspaces.c.id).where(workspaces.c.id == workspace_id)
        connection.execute(query.with_for_update(key_share=True))


# --- members


def list_memberships(connection: Connection, user_id: str) -> list[Membership]:
    """Return the user's workspaces in the order they joined; the first is the one created at registration."""
    query = _MEMBERSHIPS.where(members.c.user_id == user_id).order_by(members.c.created_at, workspaces.c.id)
    return fetch_all(connection, query, Membership)


def get_membership(connection: Connection, workspace_id: str, user_id: str) -> Membership | None:
    """Return the user's membership in the workspace."""
    return fetch_one(connection, _MEMBERSHIP, Membership, {"user": user_id, "workspace": workspace_id})


def list_members(connection: Connection, workspace_id: str) -> list[Member]:
    """Return the workspace's members in the order they joined."""
    query = (
        select(
            members.c.user_id,
            users.c.email,
            users.c.first_name,
            users.c.last_name,
            members.c.role,
            members.c.created_at,
        )
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.workspace_id == workspace_id)
        .order_by(members.c.created_at, members.c.user_id)
    )
    return fetch_all(connection, query, Member)


def set_role(connection: Connection, workspace_id: str, user_id: str, role: str) -> bool:
    """Set the member's role. Return False if the user is not a member.

    Raises:
        LastOwnerError: if no OWNER would be left.
    """
    if not _lock_member(connection, workspace_id, user_id, loses_ownership=role != "OWNER"):
        return False
    connection.execute(update(members).where(_is_member(workspace_id, user_id)).values(role=role))
    return True


def remove_member(connection: Connection, workspace_id: str, user_id: str) -> bool:
    """Remove the member. Return False if the user is not a member.

    Raises:
        LastOwnerError: if no OWNER would be left.
    """
    if not _lock_member(connection, workspace_id, user_id, loses_ownership=True):
        return False
    connection.execute(delete(members).where(_is_member(workspace_id, user_id)))
    return True


def _is_member(workspace_id: str, user_id: str) -> ColumnElement[bool]:
    return and_(members.c.workspace_id == workspace_id, members.c.user_id == user_id)


def _add_member(connection: Connection, workspace_id: str, user_id: str, role: str) -> None:
    values = {"workspace_id": workspace_id, "user_id": user_id, "role": role, "created_at": now()}
    connection.execute(insert(members).values(**values))


def _lock_member(connection: Connection, workspace_id: str, user_id: str, *, loses_ownership: bool) -> bool:
    """Lock the workspace for a change of the member. Return False if the user is not a member.

    Raises:
        LastOwnerError: if the member is the only OWNER and loses the ownership.
    """
    lock_workspace(connection, workspace_id)
    membership = get_membership(connection, workspace_id, user_id)
    if membership is None:
        return False
    if membership.role == "OWNER" and loses_ownership:
        other_owners = select(func.count()).where(
            members.c.workspace_id == workspace_id, members.c.role == "OWNER", members.c.user_id != user_id
        )
        if not connection.scalar(other_owners):
            raise LastOwnerError(workspace_id)
    return True


# --- invitations


def list_pending_invitations(connection: Connection, workspace_id: str) -> list[Invitation]:
    """Return the workspace's invitations that are not accepted, oldest first."""
    query = select(*_INVITATION).where(invitations.c.workspace_id == workspace_id, invitations.c.accepted_at.is_(None))
    return fetch_all(connection, query.order_by(invitations.c.created_at), Invitation)


def invite(connection: Connection, workspace_id: str, invited_by: str | None, email: str, role: str) -> Invitation:
    """Make the owner of the address a member, now or when they register. A second invitation replaces the first.

    Raises:
        AlreadyMemberError: if the address belongs to a member.
    """
    lock_workspace(connection, workspace_id)
    email = normalize_email(email)
    account = find_user_by_email(connection, email)
    user_id = account[0].id if account is not None else None
    if user_id is not None and get_membership(connection, workspace_id, user_id) is not None:
        raise AlreadyMemberError(email)
    values = {"role": role, "invited_by": invited_by, "accepted_at": None, "created_at": now()}
    is_same = and_(invitations.c.workspace_id == workspace_id, invitations.c.email == email)
    renew = update(invitations).where(is_same).values(**values).returning(*_INVITATION)
    invitation = fetch_one(connection, renew, Invitation)
    if invitation is None:
        key = {"id": str(uuid.uuid4()), "workspace_id": workspace_id, "email": email}
        invitation = insert_row(connection, invitations, Invitation, {**key, **values})
    if user_id is None:
        return invitation
    accepted_at = _accept(connection, invitation.id, workspace_id, user_id, role)
    return msgspec.structs.replace(invitation, accepted_at=accepted_at)


def withdraw_invitation(connection: Connection, workspace_id: str, invitation_id: str) -> bool:
    """Delete a pending invitation. Return False if there is none."""
    query = delete(invitations).where(
        invitations.c.id == invitation_id,
        invitations.c.workspace_id == workspace_id,
        invitations.c.accepted_at.is_(None),
    )
    return connection.execute(query).rowcount == 1


def _accept(connection: Connection, invitation_id: str, workspace_id: str, user_id: str, role: str) -> datetime:
    if get_membership(connection, workspace_id, user_id) is None:
        _add_member(connection, workspace_id, user_id, role)
    accepted_at = now()
    connection.execute(update(invitations).where(invitations.c.id == invitation_id).values(accepted_at=accepted_at))
    return accepted_at
