"""Sessions and one-time tokens: password resets, email verifications, SSE tickets. Only hashes are stored.

A refresh token of a session is exchanged once for the next one. Every access token names its session (`sid`), so
revoking the session also ends its access tokens.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, select, update

from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, select_columns
from resources.database.tables import email_verifications, password_resets, refresh_tokens, sessions, sse_tickets
from resources.field_types import Timestamp, Uuid
from resources.hidden_repr import HiddenRepr

SESSION_LIFETIME = timedelta(days=90)  # from the login; refreshing does not extend it
REFRESH_LIFETIME = timedelta(days=30)
REFRESH_GRACE = timedelta(seconds=30)  # a used token is accepted for this time, because two tabs or a retry may use it
RESET_LIFETIME = timedelta(hours=1)
VERIFICATION_LIFETIME = timedelta(days=1)
TICKET_LIFETIME = timedelta(seconds=30)
MAX_USER_AGENT_LENGTH = 300  # characters


class Session(HiddenRepr, frozen=True):
    """A session with its newest refresh token in clear text, which is not stored."""

    id: str
    user_id: str
    refresh_token: str


class SessionInfo(msgspec.Struct, frozen=True):
    """A session in the user's list. `user_agent` and `ip_address` are those of the login."""

    id: Annotated[Uuid, Meta(description="Id of the session.")]
    user_agent: Annotated[str, Meta(description="Browser or program of the login.", examples=["Mozilla/5.0"])]
    ip_address: Annotated[str, Meta(description="IP address of the login.", examples=["203.0.113.7"])]
    last_used_at: Annotated[Timestamp, Meta(description="When the session was last refreshed.")]
    expires_at: Annotated[Timestamp, Meta(description="When the session ends unless it is refreshed.")]
    created_at: Annotated[Timestamp, Meta(description="When the user logged in.")]


class Ticket(msgspec.Struct, frozen=True):
    """The bearer of an SSE ticket. `user_id` is None for tickets that an API key requested."""

    user_id: str | None
    workspace_id: str


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token. One unsalted round is enough for 256 random bits and allows look-up by hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(connection: Connection, user_id: str, user_agent: str = "", ip_address: str = "") -> Session:
    """Start a session for the user."""
    session_id, started_at = str(uuid.uuid4()), now()
    expires_at = started_at + SESSION_LIFETIME
    values = {
        "id": session_id,
        "user_id": user_id,
        "user_agent": user_agent.replace("\0", "")[:MAX_USER_AGENT_LENGTH],
        "ip_address": ip_address,
        "last_used_at": started_at,
        "expires_at": expires_at,
        "created_at": started_at,
    }
    connection.execute(insert(sessions).values(**values))
    return _issue(connection, session_id, user_id, expires_at)


def rotate(connection: Connection, refresh_token: str) -> Session | None:
    """Exchange the token for the next one of its session. Return None if it is unknown, expired or revoked.

    A token that was exchanged less than REFRESH_GRACE ago can be exchanged once more. If it was exchanged earlier, its
    session is revoked, because one of the token's two holders may have stolen it (RFC 9700, section 4.14.2).
    """
    moment = now()
    digest = hash_token(refresh_token)
    query = (
        select(
            refresh_tokens.c.spent_at,
            refresh_tokens.c.expires_at,
            sessions.c.id,
            sessions.c.user_id,
            sessions.c.expires_at.label("session_expires_at"),
        )
        .join(sessions, sessions.c.id == refresh_tokens.c.session_id)
        .where(refresh_tokens.c.token_hash == digest, sessions.c.revoked_at.is_(None), sessions.c.expires_at > moment)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.spent_at is not None and row.spent_at <= moment - REFRESH_GRACE:
        revoke(connection, row.user_id, row.id)
        return None
    unspent = (refresh_tokens.c.token_hash == digest, refresh_tokens.c.expires_at > moment)
    spend = update(refresh_tokens).where(*unspent, refresh_tokens.c.spent_at.is_(None)).values(spent_at=moment)
    reissue = update(refresh_tokens).where(*unspent, refresh_tokens.c.reissued_at.is_(None)).values(reissued_at=moment)
    if not (connection.execute(spend).rowcount or connection.execute(reissue).rowcount):
        return None
    connection.execute(update(sessions).where(sessions.c.id == row.id).values(last_used_at=moment))
    return _issue(connection, row.id, row.user_id, row.session_expires_at)


def list_active(connection: Connection, user_id: str) -> list[SessionInfo]:
    """Return the user's sessions that can still be refreshed, most recently used first."""
    query = select(*_SESSION_INFO).where(
        sessions.c.user_id == user_id,
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > now(),
        sessions.c.last_used_at > now() - REFRESH_LIFETIME,
    )
    return fetch_all(connection, query.order_by(sessions.c.last_used_at.desc(), sessions.c.id), SessionInfo)


def log_out(connection: Connection, refresh_token: str) -> None:
    """Revoke the token's session. An unknown token is ignored."""
    session = select(refresh_tokens.c.session_id).where(refresh_tokens.c.token_hash == hash_token(refresh_token))
    _revoke(connection, sessions.c.id.in_(session))


def revoke(connection: Connection, user_id: str, session_id: str) -> bool:
    """Revoke the user's session. Return False if there is no such session, or it is revoked."""
    return _revoke(connection, sessions.c.user_id == user_id, sessions.c.id == session_id) == 1


def revoke_all(connection: Connection, user_id: str, except_session: str | None = None) -> None:
    """Revoke all sessions of the user except `except_session`."""
    others = [sessions.c.id != except_session] if except_session is not None else []
    _revoke(connection, sessions.c.user_id == user_id, *others)


_SESSION_INFO = select_columns(sessions, SessionInfo)
# Built once, because every request runs it
_IS_ACTIVE = select(
    exists().where(
        sessions.c.id == bindparam("session"),
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > bindparam("moment", type_=sessions.c.expires_at.type),
    )
)


def is_active(connection: Connection, session_id: str) -> bool:
    """Return whether the session exists, has not expired and is not revoked."""
    return bool(connection.scalar(_IS_ACTIVE, {"session": session_id, "moment": now()}))


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
        cancel_resets(connection, user_id)
        revoke_all(connection, user_id)
    return user_id


def cancel_resets(connection: Connection, user_id: str) -> None:
    """End the user's password resets: their links were sent before the password or the address changed."""
    connection.execute(delete(password_resets).where(password_resets.c.user_id == user_id))


class EmailVerification(msgspec.Struct, frozen=True):
    """Proof that a user received a message at `email`."""

    user_id: str
    email: str


def start_verification(connection: Connection, user_id: str, email: str) -> str:
    """Return a token that proves that the user receives the address's mail. It replaces an earlier one."""
    connection.execute(delete(email_verifications).where(email_verifications.c.user_id == user_id))
    token = secrets.token_urlsafe(32)
    values = {"token_hash": hash_token(token), "user_id": user_id, "email": email, "created_at": now()}
    connection.execute(insert(email_verifications).values(**values, expires_at=now() + VERIFICATION_LIFETIME))
    return token


def finish_verification(connection: Connection, token: str) -> EmailVerification | None:
    """Consume the token. Return None if it is unknown, used or expired."""
    query = delete(email_verifications).where(
        email_verifications.c.token_hash == hash_token(token), email_verifications.c.expires_at > now()
    )
    columns = select_columns(email_verifications, EmailVerification)
    return fetch_one(connection, query.returning(*columns), EmailVerification)


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


def _issue(connection: Connection, session_id: str, user_id: str, session_expires_at: datetime) -> Session:
    refresh_token = secrets.token_urlsafe(32)
    values = {
        "token_hash": hash_token(refresh_token),
        "session_id": session_id,
        "expires_at": min(now() + REFRESH_LIFETIME, session_expires_at),
        "created_at": now(),
    }
    connection.execute(insert(refresh_tokens).values(**values))
    return Session(session_id, user_id, refresh_token)


def _revoke(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    query = update(sessions).where(*conditions, sessions.c.revoked_at.is_(None))
    return connection.execute(query.values(revoked_at=now())).rowcount
