"""Sessions and one-time tokens: refresh families, password resets, stream tickets. Only hashes are kept.

A session is a family of refresh tokens: each is spent by the next. Its id is in every access token (`sid`), so revoking
the family ends the access tokens too.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from resources.database.engine import now
from resources.database.tables import password_resets, refresh_tokens, sse_tickets

REFRESH_LIFE = timedelta(days=30)
RESET_LIFE = timedelta(hours=1)
TICKET_LIFE = timedelta(seconds=30)


class Session(msgspec.Struct, frozen=True):
    """`refresh` is the token's only appearance in the clear."""

    id: str
    user_id: str
    refresh: str


class Ticket(msgspec.Struct, frozen=True):
    """Who redeemed a stream ticket; no user where an API key asked for it."""

    user_id: str | None
    workspace_id: str


def token_hash(token: str) -> str:
    """Tokens are 256 random bits: one round of SHA-256 is enough, and can be looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(connection: Connection, user_id: str) -> Session:
    return _issue(connection, str(uuid.uuid4()), user_id)


def rotate(connection: Connection, refresh: str) -> Session | None:
    """Spend the token for the next of its family. None when it is unknown, expired or revoked.

    A token that was spent before revokes the family: of two who hold it, one is a thief (RFC 9700, 4.14.2).
    """
    digest = token_hash(refresh)
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
    family = connection.scalar(reused)
    if family is not None:
        _revoke(connection, refresh_tokens.c.family_id == family)
    return None


def revoke(connection: Connection, refresh: str) -> None:
    """Log out: end the token's family. An unknown token is no error."""
    family = select(refresh_tokens.c.family_id).where(refresh_tokens.c.token_hash == token_hash(refresh))
    _revoke(connection, refresh_tokens.c.family_id.in_(family))


def revoke_all(connection: Connection, user_id: str) -> None:
    _revoke(connection, refresh_tokens.c.user_id == user_id)


_LIVE = select(  # built once: every request asks
    exists().where(refresh_tokens.c.family_id == bindparam("session"), refresh_tokens.c.revoked_at.is_(None))
)


def live(connection: Connection, session_id: str) -> bool:
    """Whether the session has not been ended."""
    return bool(connection.scalar(_LIVE, {"session": session_id}))


def start_reset(connection: Connection, user_id: str) -> str:
    """A token that lets the user set a new password, once, for an hour."""
    token = secrets.token_urlsafe(32)
    row = {"token_hash": token_hash(token), "user_id": user_id, "expires_at": now() + RESET_LIFE, "created_at": now()}
    connection.execute(insert(password_resets).values(**row))
    return token


def may_reset(connection: Connection, token: str) -> bool:
    """Whether the token is good still; `finish_reset` uses it up."""
    query = exists().where(password_resets.c.token_hash == token_hash(token), password_resets.c.expires_at > now())
    return bool(connection.scalar(select(query)))


def finish_reset(connection: Connection, token: str) -> str | None:
    """The user whose token it is; all their resets and sessions end. None when it is unknown, used or expired."""
    query = (
        delete(password_resets)
        .where(password_resets.c.token_hash == token_hash(token), password_resets.c.expires_at > now())
        .returning(password_resets.c.user_id)
    )
    user_id = connection.scalar(query)
    if user_id is not None:
        connection.execute(delete(password_resets).where(password_resets.c.user_id == user_id))
        revoke_all(connection, user_id)
    return user_id


def issue_ticket(connection: Connection, workspace_id: str, user_id: str | None) -> str:
    ticket = secrets.token_urlsafe(32)
    row = {"ticket_hash": token_hash(ticket), "user_id": user_id, "workspace_id": workspace_id}
    connection.execute(insert(sse_tickets).values(**row, expires_at=now() + TICKET_LIFE))
    return ticket


def redeem_ticket(connection: Connection, ticket: str) -> Ticket | None:
    """Use the ticket up. None when it is unknown, used or expired."""
    query = (
        delete(sse_tickets)
        .where(sse_tickets.c.ticket_hash == token_hash(ticket))
        .returning(sse_tickets.c.user_id, sse_tickets.c.workspace_id, sse_tickets.c.expires_at)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None or row.expires_at <= now() else Ticket(row.user_id, row.workspace_id)


def _issue(connection: Connection, family: str, user_id: str) -> Session:
    refresh = secrets.token_urlsafe(32)
    row = {"token_hash": token_hash(refresh), "family_id": family, "user_id": user_id}
    connection.execute(insert(refresh_tokens).values(**row, expires_at=now() + REFRESH_LIFE, created_at=now()))
    return Session(family, user_id, refresh)


def _revoke(connection: Connection, whose: object) -> None:
    query = update(refresh_tokens).where(whose, refresh_tokens.c.revoked_at.is_(None))  # type: ignore[arg-type]
    connection.execute(query.values(revoked_at=now()))
