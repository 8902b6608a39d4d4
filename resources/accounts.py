"""Accounts: users, workspaces and members. The API authorises requests.

A member is OWNER or EDITOR; a workspace always has an OWNER. The access that a member granted in a workspace (API keys,
pending invitations) ends with the membership.
"""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from resources import api_keys
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import idempotency, invitations, mail, members, users, workspaces
from resources.email_addresses import normalize_email
from resources.field_types import EmailAddress, FirstName, LastName, Timestamp, Uuid


class EmailTakenError(Exception):
    """The email address has an account."""


class LastOwnerError(Exception):
    """The change would leave the workspace without an OWNER."""


class User(msgspec.Struct, frozen=True):
    """A row of `users` without the password hash.

    `email_verified_at` is when the user first opened a link that was mailed to the address.
    """

    id: Annotated[Uuid, Meta(description="Id of the user.")]
    email: Annotated[EmailAddress, Meta(description="Email address of the user.")]
    email_verified_at: Annotated[
        Timestamp | None, Meta(description="When the email address was first verified; null before that.")
    ]
    first_name: Annotated[FirstName, Meta(description="First name; may be empty.")]
    last_name: Annotated[LastName, Meta(description="Last name; may be empty.")]
    avatar_url: Annotated[
        str | None,
        Meta(
            description="URL of the user's avatar; null if there is none.",
            examples=["https://example.com/ada.png"],
        ),
    ]


class Membership(msgspec.Struct, frozen=True):
    """A workspace of a user, with the user's role."""

    id: Annotated[Uuid, Meta(description="Id of the workspace.")]
    name: Annotated[str, Meta(description="Name of the workspace.", examples=["Ada's workspace"])]
    role: Annotated[str, Meta(description="Role of the user in it: OWNER or EDITOR.", examples=["OWNER"])]
    tier: Annotated[str, Meta(description="Tier of the workspace.", examples=["FREE"])]


class Member(msgspec.Struct, frozen=True):
    """A user of a workspace, with the user's role."""

    user_id: Annotated[Uuid, Meta(description="Id of the user.")]
    email: Annotated[EmailAddress, Meta(description="Email address of the user.")]
    first_name: Annotated[FirstName, Meta(description="First name; may be empty.")]
    last_name: Annotated[LastName, Meta(description="Last name; may be empty.")]
    role: Annotated[str, Meta(description="Role of the user: OWNER or EDITOR.", examples=["EDITOR"])]
    joined_at: Annotated[Timestamp, Meta(description="When the user joined.")]


_USER = select_columns(users, User)
_MEMBERSHIPS = select(workspaces.c.id, workspaces.c.name, members.c.role, workspaces.c.tier).join(
    members, members.c.workspace_id == workspaces.c.id
)
# Built once, because every request runs it
_MEMBERSHIP = _MEMBERSHIPS.where(
    members.c.user_id == bindparam("user"), members.c.workspace_id == bindparam("workspace")
)


# --- users


def register(
    connection: Connection, email: str, password_hash: str, first_name: str = "", last_name: str = ""
) -> tuple[User, str]:
    """Create a user with a workspace of their own.

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
    return User(*row[:-1]), row.password_hash


def verify_email(connection: Connection, user_id: str, email: str) -> User | None:
    """Set the address as the user's verified address. Return None if there is no such user.

    Raises:
        EmailTakenError: if the address has another account.
    """
    is_taken = select(exists().where(users.c.email == email, users.c.id != user_id))
    if connection.scalar(is_taken):
        raise EmailTakenError(email)
    first_time = case((users.c.email == email, func.coalesce(users.c.email_verified_at, now())), else_=now())
    query = update(users).where(users.c.id == user_id).values(email=email, email_verified_at=first_time)
    try:
        return fetch_one(connection, query.returning(*_USER), User)
    except IntegrityError as error:  # PostgreSQL: a concurrent transaction took the address after the query above
        raise EmailTakenError(email) from error


def replace_password_hash(connection: Connection, user_id: str, old_hash: str, new_hash: str) -> None:
    """Replace the hash of an unchanged password by one with current parameters."""
    query = update(users).where(users.c.id == user_id, users.c.password_hash == old_hash)
    connection.execute(query.values(password_hash=new_hash))


def delete_user(connection: Connection, user_id: str) -> None:
    """Delete the user with sessions, memberships, API keys, invitations and mail. Delete their own workspaces first."""
    user = get_user(connection, user_id)
    if user is not None:
        connection.execute(delete(mail).where(mail.c.recipient == user.email))
        connection.execute(delete(idempotency).where(idempotency.c.scope == user_id))
        connection.execute(delete(users).where(users.c.id == user_id))


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
    add_member(connection, workspace_id, owner_id, "OWNER")
    return workspace_id


def rename_workspace(connection: Connection, workspace_id: str, name: str) -> None:
    """Set the workspace's name."""
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(name=name))


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
    """Return the workspace's webhook URL of the generation API."""
    return connection.scalar(select(workspaces.c.webhook_url).where(workspaces.c.id == workspace_id))


def set_webhook_url(connection: Connection, workspace_id: str, url: str | None) -> None:
    """Set the workspace's webhook URL of the generation API."""
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(webhook_url=url))


def lock_workspace(connection: Connection, workspace_id: str) -> None:
    """Serialise changes of the workspace's members, ledger and stored objects.

    On SQLite the write lock of the database already serialises them. The row lock does not block foreign key checks,
    because rows of the workspace may be inserted before it is taken.
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


def get_default_workspace_id(connection: Connection, user_id: str) -> str | None:
    """Return the oldest workspace that the user owns."""
    owned_ids = (membership.id for membership in list_memberships(connection, user_id) if membership.role == "OWNER")
    return next(owned_ids, None)


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
    """Set the member's role. Return False if the user is not a member. A new EDITOR's keys lose the scope `admin`.

    Raises:
        LastOwnerError: if no OWNER would be left.
    """
    if not _lock_member(connection, workspace_id, user_id, loses_ownership=role != "OWNER"):
        return False
    connection.execute(update(members).where(_is_member(workspace_id, user_id)).values(role=role))
    if role != "OWNER":
        api_keys.drop_admin_of_member(connection, workspace_id, user_id)
        _withdraw_invitations_of(connection, workspace_id, user_id)
    return True


def remove_member(connection: Connection, workspace_id: str, user_id: str) -> bool:
    """Remove the member, with their API keys and pending invitations. Return False if the user is not a member.

    Raises:
        LastOwnerError: if no OWNER would be left.
    """
    if not _lock_member(connection, workspace_id, user_id, loses_ownership=True):
        return False
    connection.execute(delete(members).where(_is_member(workspace_id, user_id)))
    api_keys.revoke_of_member(connection, workspace_id, user_id)
    _withdraw_invitations_of(connection, workspace_id, user_id)
    return True


def _is_member(workspace_id: str, user_id: str) -> ColumnElement[bool]:
    return and_(members.c.workspace_id == workspace_id, members.c.user_id == user_id)


def add_member(connection: Connection, workspace_id: str, user_id: str, role: str) -> None:
    """Make the user a member."""
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


def _withdraw_invitations_of(connection: Connection, workspace_id: str, user_id: str) -> None:
    connection.execute(
        delete(invitations).where(
            invitations.c.workspace_id == workspace_id,
            invitations.c.invited_by == user_id,
            invitations.c.accepted_at.is_(None),
        )
    )
