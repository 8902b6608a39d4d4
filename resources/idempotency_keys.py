"""Idempotency-Key: the first request with a key runs, later ones get its stored response for 24 hours.

A request holds its key by a claim, which expires unless it is renewed. If the process dies, the key becomes free. A
request that has lost its claim can store neither a response nor the effect of the same transaction.

A response may contain secrets (a new API key is shown once), so callers pass bodies that are already encrypted.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from resources.database.engine import now
from resources.database.queries import insert_on_conflict
from resources.database.tables import idempotency

RETENTION = timedelta(hours=24)
CLAIM_DURATION = timedelta(seconds=60)


class ClaimLostError(Exception):
    """The claim has expired, and another request may have taken the key."""


class KeyClaim(msgspec.Struct, frozen=True):
    """A request's hold on a key."""

    scope: str
    key: str
    id: str


class StoredResponse(msgspec.Struct, frozen=True):
    """The response of the first request. `body` is encrypted."""

    status: int
    headers: dict[str, str]
    body: str


FirstRequest = StoredResponse | Literal["running", "body_mismatch"]


def claim(connection: Connection, scope: str, key: str, request_hash: str) -> KeyClaim | FirstRequest:
    """Claim the key for a request, or return the state of the first request with this key."""
    connection.execute(delete(idempotency).where(_filter(scope, key), _is_stale()))
    new = KeyClaim(scope, key, str(uuid.uuid4()))
    row = insert_on_conflict(connection, idempotency).values(
        scope=scope,
        key=key,
        request_hash=request_hash,
        claim_id=new.id,
        claimed_until=now() + CLAIM_DURATION,
        created_at=now(),
    )
    if connection.scalar(row.on_conflict_do_nothing().returning(idempotency.c.key)) is not None:
        return new
    # On PostgreSQL the row may have been deleted between the two statements; the caller tries again
    return look_up(connection, scope, key, request_hash) or "running"


def look_up(connection: Connection, scope: str, key: str, request_hash: str) -> FirstRequest | None:
    """Return the response of the first request, "running" while it runs, "body_mismatch" if it was a different one.

    None if the key can be claimed.
    """
    first = connection.execute(select(idempotency).where(_filter(scope, key), ~_is_stale())).one_or_none()
    if first is None:
        return None
    if first.request_hash != request_hash:
        return "body_mismatch"
    return "running" if first.status is None else StoredResponse(first.status, first.headers, first.body)


def renew(connection: Connection, claim: KeyClaim) -> None:
    """Extend the claim of a request that is still running."""
    connection.execute(update(idempotency).where(_is_held(claim)).values(claimed_until=now() + CLAIM_DURATION))


def finish(connection: Connection, claim: KeyClaim, response: StoredResponse) -> None:
    """Store the response. Call it in the transaction of the request's effect, so that both are stored or neither.

    Raises:
        ClaimLostError: the claim was lost. Roll the transaction back.
    """
    values = {"status": response.status, "headers": response.headers, "body": response.body}
    if connection.execute(update(idempotency).where(_is_held(claim)).values(**values)).rowcount == 0:
        raise ClaimLostError


def release(connection: Connection, claim: KeyClaim) -> None:
    """Free the key after the request was rejected or failed. A stored response is kept."""
    connection.execute(delete(idempotency).where(_is_held(claim)))


def _filter(scope: str, key: str) -> ColumnElement[bool]:
    return and_(idempotency.c.scope == scope, idempotency.c.key == key)


def _is_held(claim: KeyClaim) -> ColumnElement[bool]:
    return and_(_filter(claim.scope, claim.key), idempotency.c.claim_id == claim.id, idempotency.c.status.is_(None))


def _is_stale() -> ColumnElement[bool]:
    is_abandoned = or_(idempotency.c.claimed_until.is_(None), idempotency.c.claimed_until < now())
    return or_(
        and_(idempotency.c.status.is_not(None), idempotency.c.created_at < now() - RETENTION),
        and_(idempotency.c.status.is_(None), is_abandoned),
    )
