"""People and workspaces: users, members, invitations. Decides nothing about who may call it: the API does.

Addresses are compared in lower case. Roles are OWNER and EDITOR; a workspace always keeps an OWNER.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from resources.database.engine import now
from resources.database.tables import invitations, members, users, workspaces


class EmailTaken(Exception):
    """Somebody has registered with this address."""


class AlreadyMember(Exception):
    """The invited address belongs to a member."""


class LastOwner(Exception):
    """The workspace would be left without an OWNER."""


class User(msgspec.Struct, frozen=True):
    id: str
    email: str
    first_name: str
    last_name: str
    avatar_url: str | None


class Membership(msgspec.Struct, frozen=True):
    """A workspace as one of its members sees it."""

    id: str
    name: str
    role: str
    tier: str


class Member(msgspec.Struct, frozen=True):
    """A member as the workspace sees it."""

    user_id: str
    email: str
    first_name: str
    last_name: str
    role: str
    joined_at: datetime


class Invitation(msgspec.Struct, frozen=True):
    """`accepted_at` is null while the address has no account."""

    id: str
    email: str
    role: str
    accepted_at: datetime | None
    created_at: datetime


_USER = [users.c[name] for name in User.__struct_fields__]


def normal_email(email: str) -> str:
    return email.strip().lower()


def register(
    connection: Connection, email: str, password_hash: str, first_name: str = "", last_name: str = ""
) -> tuple[User, str]:
    """A user, a first workspace of their own (its id is the second value), and what they were invited to meanwhile.

    Raises EmailTaken.
    """
    email = normal_email(email)
    if connection.scalar(select(exists().where(users.c.email == email))):
        raise EmailTaken(email)
    user_id, made = str(uuid.uuid4()), now()
    names = {"first_name": first_name, "last_name": last_name}
    try:
        connection.execute(
            insert(users).values(id=user_id, email=email, password_hash=password_hash, created_at=made, **names)
        )
    except IntegrityError as error:  # another registration won between our look and our write (PostgreSQL)
        raise EmailTaken(email) from error
    owner = first_name.strip() or email.partition("@")[0]
    workspace_id = create_workspace(connection, f"{owner}'s workspace", user_id)
    waiting = select(invitations).where(invitations.c.email == email, invitations.c.accepted_at.is_(None))
    for invitation in connection.execute(waiting).all():
        _accept(connection, invitation.id, invitation.workspace_id, user_id, invitation.role)
    return User(user_id, email, first_name, last_name, None), workspace_id


def create_workspace(connection: Connection, name: str, owner_id: str) -> str:
    workspace_id, made = str(uuid.uuid4()), now()
    connection.execute(insert(workspaces).values(id=workspace_id, name=name, tier="FREE", created_at=made))
    _add_member(connection, workspace_id, owner_id, "OWNER")
    return workspace_id


def user(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(*_USER).where(users.c.id == user_id)).one_or_none()
    return None if row is None else User(**row._mapping)


def user_by_email(connection: Connection, email: str) -> tuple[User, str] | None:
    """The user and the password's hash."""
    query = select(*_USER, users.c.password_hash).where(users.c.email == normal_email(email))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return User(row.id, row.email, row.first_name, row.last_name, row.avatar_url), row.password_hash


def change_user(connection: Connection, user_id: str, **columns: Any) -> User | None:
    """Set first_name, last_name, avatar_url or password_hash."""
    if columns:
        connection.execute(update(users).where(users.c.id == user_id).values(**columns))
    return user(connection, user_id)


def memberships(connection: Connection, user_id: str) -> list[Membership]:
    """The user's workspaces; the one they got by registering comes first."""
    query = (
        select(workspaces.c.id, workspaces.c.name, members.c.role, workspaces.c.tier)
        .join(members, members.c.workspace_id == workspaces.c.id)
        .where(members.c.user_id == user_id)
        .order_by(members.c.created_at, workspaces.c.id)
    )
    return [Membership(**row._mapping) for row in connection.execute(query)]


_MEMBERSHIP = (  # built once: every request asks
    select(workspaces.c.id, workspaces.c.name, members.c.role, workspaces.c.tier)
    .join(members, members.c.workspace_id == workspaces.c.id)
    .where(members.c.user_id == bindparam("user"), members.c.workspace_id == bindparam("workspace"))
)


def membership(connection: Connection, workspace_id: str, user_id: str) -> Membership | None:
    row = connection.execute(_MEMBERSHIP, {"user": user_id, "workspace": workspace_id}).one_or_none()
    return None if row is None else Membership(*row)


def tier(connection: Connection, workspace_id: str) -> str | None:
    return connection.scalar(select(workspaces.c.tier).where(workspaces.c.id == workspace_id))


def workspace_name(connection: Connection, workspace_id: str) -> str | None:
    return connection.scalar(select(workspaces.c.name).where(workspaces.c.id == workspace_id))


def set_tier(connection: Connection, workspace_id: str, tier: str) -> bool:
    """For operators. False when there is no such workspace."""
    query = update(workspaces).where(workspaces.c.id == workspace_id).values(tier=tier)
    return connection.execute(query).rowcount == 1


def team(connection: Connection, workspace_id: str) -> list[Member]:
    """Members in the order they joined."""
    query = (
        select(
            members.c.user_id,
            users.c.email,
            users.c.first_name,
            users.c.last_name,
            members.c.role,
            members.c.created_at.label("joined_at"),
        )
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.workspace_id == workspace_id)
        .order_by(members.c.created_at, members.c.user_id)
    )
    return [Member(**row._mapping) for row in connection.execute(query)]


def waiting_invitations(connection: Connection, workspace_id: str) -> list[Invitation]:
    query = select(*_INVITATION).where(invitations.c.workspace_id == workspace_id, invitations.c.accepted_at.is_(None))
    return [Invitation(**row._mapping) for row in connection.execute(query.order_by(invitations.c.created_at))]


_INVITATION = [invitations.c[name] for name in Invitation.__struct_fields__]


def invite(connection: Connection, workspace_id: str, invited_by: str | None, email: str, role: str) -> Invitation:
    """Make the owner of the address a member, now or when they register. Asking again renews what waits.

    Raises AlreadyMember.
    """
    lock(connection, workspace_id)
    email = normal_email(email)
    found = user_by_email(connection, email)
    if found is not None and membership(connection, workspace_id, found[0].id) is not None:
        raise AlreadyMember(email)
    key = (invitations.c.workspace_id == workspace_id) & (invitations.c.email == email)
    invitation_id = connection.scalar(select(invitations.c.id).where(key))
    values = {"role": role, "invited_by": invited_by, "accepted_at": None, "created_at": now()}
    if invitation_id is None:
        invitation_id = str(uuid.uuid4())
        row = {"id": invitation_id, "workspace_id": workspace_id, "email": email, **values}
        connection.execute(insert(invitations).values(**row))
    else:
        connection.execute(update(invitations).where(key).values(**values))
    if found is not None:
        _accept(connection, invitation_id, workspace_id, found[0].id, role)
    row_now = connection.execute(select(*_INVITATION).where(invitations.c.id == invitation_id)).one()
    return Invitation(**row_now._mapping)


def set_role(connection: Connection, workspace_id: str, user_id: str, role: str) -> bool:
    """False when that user is no member. Raises LastOwner."""
    lock(connection, workspace_id)
    present = membership(connection, workspace_id, user_id)
    if present is None:
        return False
    if present.role == "OWNER" and role != "OWNER":
        _another_owner(connection, workspace_id, user_id)
    key = (members.c.workspace_id == workspace_id) & (members.c.user_id == user_id)
    connection.execute(update(members).where(key).values(role=role))
    return True


def remove_member(connection: Connection, workspace_id: str, user_id: str) -> bool:
    """False when that user is no member. Raises LastOwner."""
    lock(connection, workspace_id)
    present = membership(connection, workspace_id, user_id)
    if present is None:
        return False
    if present.role == "OWNER":
        _another_owner(connection, workspace_id, user_id)
    key = (members.c.workspace_id == workspace_id) & (members.c.user_id == user_id)
    connection.execute(delete(members).where(key))
    return True


def withdraw_invitation(connection: Connection, workspace_id: str, invitation_id: str) -> bool:
    """Forget an invitation that waits. False when there is none."""
    query = delete(invitations).where(
        invitations.c.id == invitation_id,
        invitations.c.workspace_id == workspace_id,
        invitations.c.accepted_at.is_(None),
    )
    return connection.execute(query).rowcount == 1


def _accept(connection: Connection, invitation_id: str, workspace_id: str, user_id: str, role: str) -> None:
    if membership(connection, workspace_id, user_id) is None:
        _add_member(connection, workspace_id, user_id, role)
    connection.execute(update(invitations).where(invitations.c.id == invitation_id).values(accepted_at=now()))


def _add_member(connection: Connection, workspace_id: str, user_id: str, role: str) -> None:
    row = {"workspace_id": workspace_id, "user_id": user_id, "role": role, "created_at": now()}
    connection.execute(insert(members).values(**row))


def _another_owner(connection: Connection, workspace_id: str, user_id: str) -> None:
    owners = select(func.count()).where(
        members.c.workspace_id == workspace_id, members.c.role == "OWNER", members.c.user_id != user_id
    )
    if not connection.scalar(owners):
        raise LastOwner(workspace_id)


def lock(connection: Connection, workspace_id: str) -> None:
    """Changes that must see one another (of members, of the pool, of what is stored) are made one after the other.
    SQLite's writer holds the whole database already.

    The lock is one that foreign keys do not wait for: rows of the workspace may have been written before it is taken.
    """
    if connection.dialect.name == "postgresql":
        query = select(workspaces.c.id).where(workspaces.c.id == workspace_id)
        connection.execute(query.with_for_update(key_share=True))


def webhook_url(connection: Connection, workspace_id: str) -> str | None:
    """The generation surface's single address."""
    return connection.scalar(select(workspaces.c.webhook_url).where(workspaces.c.id == workspace_id))


def set_webhook_url(connection: Connection, workspace_id: str, url: str | None) -> None:
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(webhook_url=url))
