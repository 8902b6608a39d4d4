"""Sessions and one-time tokens: refresh token families, password resets, SSE tickets. Only hashes are stored.

A session is a family of refresh tokens, of which each is exchanged once for the next. Every access token names its
session (`sid`), so revoking the family also ends its access tokens.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, select, update

from resources.database.engine import now
from resources.database.tables import password_resets, refresh_tokens, sse_tickets

REFRESH_LIFETIME = timedelta(days=30)
RESET_LIFETIME = timedelta(hours=1)
TICKET_LIFETIME = timedelta(seconds=30)


class Session(msgspec.Struct, frozen=True):
    """A session with its newest refresh token in clear text, which is not stored."""

    id: str
    user_id: str
    refresh_token: str


class Ticket(msgspec.Struct, frozen=True):
    """The bearer of an SSE ticket. `user_id` is None for tickets that an API key requested."""

    user_id: str | None
    workspace_id: str


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token. One unsalted round is enough for 256 random bits and allows look-up by hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(connection: Connection, user_id: str) -> Session:
    """Start a session for the user."""
    return _issue(connection, str(uuid.uuid4()), user_id)


def rotate(connection: Connection, refresh_token: str) -> Session | None:
    """Exchange the token for the next one of its family. Return None if it is unknown, expired or revoked.

    A token that was exchanged before revokes its family, because one of its two bearers has stolen it (RFC 9700,
    section 4.14.2).
    """
    digest = hash_token(refresh_token)
    spend = (
        update(refresh_tokens)
        .where(
            refresh_tokens.c.token_hash == digest,
            refresh_tokens.c.spent_at.is_(None),
            refresh_tokens.c.revoked_at.is_(None),
            refresh_tokens.c.expires_at > now(),
        )
        .values(spent_at=now())
        .returning(refresh_tokens.c.family_id, refresh_tokens.c.user_id)
    )
    spent = connection.execute(spend).one_or_none()
    if spent is not None:
        return _issue(connection, spent.family_id, spent.user_id)
    reused = select(refresh_tokens.c.family_id).where(
        refresh_tokens.c.token_hash == digest, refresh_tokens.c.spent_at.is_not(None)
    )
    family_id = connection.scalar(reused)
    if family_id is not None:
        _revoke(connection, refresh_tokens.c.family_id == family_id)
    return None


def revoke(connection: Connection, refresh_token: str) -> None:
    """Log out: revoke the token's family. An unknown token is ignored."""
    family = select(refresh_tokens.c.family_id).where(refresh_tokens.c.token_hash == hash_token(refresh_token))
    _revoke(connection, refresh_tokens.c.family_id.in_(family))


def revoke_all(connection: Connection, user_id: str) -> None:
    """Revoke all sessions of the user."""
    _revoke(connection, refresh_tokens.c.user_id == user_id)


# Built once, because every request runs it
_IS_ACTIVE = select(
    exists().where(refresh_tokens.c.family_id == bindparam("session"), refresh_tokens.c.revoked_at.is_(None))
)


def is_active(connection: Connection, session_id: str) -> bool:
    """Return whether the session exists and is not revoked."""
    return bool(connection.scalar(_IS_ACTIVE, {"session": session_id}))


def start_reset(connection: Connection, user_id: str) -> str:
    """Return a token with which the user can set a new password once within RESET_LIFETIME."""
    token = secrets.token_urlsafe(32)
    values = {"token_hash": hash_token(token), "user_id": user_id}
    connection.execute(insert(password_resets).values(**values, expires_at=now() + RESET_LIFETIME, created_at=now()))
    return token


def is_reset_token_valid(connection: Connection, token: str) -> bool:
    """Return whether `finish_reset` would accept the token."""
    query = exists().where(password_resets.c.token_hash == hash_token(token), password_resets.c.expires_at > now())
    return bool(connection.scalar(select(query)))


def finish_reset(connection: Connection, token: str) -> str | None:
    """Consume the token, end all resets and sessions of its user, and return the user's ID.

    Returns None if the token is unknown, used or expired.
    """
    query = (
        delete(password_resets)
        .where(password_resets.c.token_hash == hash_token(token), password_resets.c.expires_at > now())
        .returning(password_resets.c.user_id)
    )
    user_id = connection.scalar(query)
    if user_id is not None:
        connection.execute(delete(password_resets).where(password_resets.c.user_id == user_id))
        revoke_all(connection, user_id)
    return user_id


def issue_ticket(connection: Connection, workspace_id: str, user_id: str | None) -> str:
    """Return a ticket that opens one SSE stream of the workspace within TICKET_LIFETIME."""
    ticket = secrets.token_urlsafe(32)
    values = {"ticket_hash": hash_token(ticket), "user_id": user_id, "workspace_id": workspace_id}
    connection.execute(insert(sse_tickets).values(**values, expires_at=now() + TICKET_LIFETIME))
    return ticket


def redeem_ticket(connection: Connection, ticket: str) -> Ticket | None:
    """Consume the ticket. Return None if it is unknown, used or expired."""
    query = (
        delete(sse_tickets)
        .where(sse_tickets.c.ticket_hash == hash_token(ticket))
        .returning(sse_tickets.c.user_id, sse_tickets.c.workspace_id, sse_tickets.c.expires_at)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None or row.expires_at <= now() else Ticket(row.user_id, row.workspace_id)


def _issue(connection: Connection, family_id: str, user_id: str) -> Session:
    refresh_token = secrets.token_urlsafe(32)
    values = {"token_hash": hash_token(refresh_token), "family_id": family_id, "user_id": user_id}
    connection.execute(insert(refresh_tokens).values(**values, expires_at=now() + REFRESH_LIFETIME, created_at=now()))
    return Session(family_id, user_id, refresh_token)


def _revoke(connection: Connection, condition: ColumnElement[bool]) -> None:
    query = update(refresh_tokens).where(condition, refresh_tokens.c.revoked_at.is_(None))
    connection.execute(query.values(revoked_at=now()))
