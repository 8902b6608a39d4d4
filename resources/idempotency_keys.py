"""Idempotency-Key: the first request with a key runs, later ones get its stored response for 24 hours.

A response may contain secrets (a new API key is shown once), so callers pass bodies that are already encrypted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from resources.database.engine import now
from resources.database.queries import insert_on_conflict
from resources.database.tables import idempotency

RETENTION = timedelta(hours=24)
ABANDONED_AFTER = timedelta(seconds=90)  # a request that runs for longer has died with its process


class StoredResponse(msgspec.Struct, frozen=True):
    """The response of the first request. `body` is encrypted."""

    status: int
    headers: dict[str, str]
    body: str


ClaimResult = StoredResponse | Literal["claimed", "running", "body_mismatch"]


def claim(connection: Connection, scope: str, key: str, request_hash: str) -> ClaimResult:
    """Claim the key for a request.

    Returns:
        "claimed" if the caller is to run the request, "running" while the first request runs, "body_mismatch" if the
        first request was a different one, otherwise the response of the first request.
    """
    row_filter = _filter(scope, key)
    is_stale = or_(
        idempotency.c.created_at < now() - RETENTION,
        and_(idempotency.c.status.is_(None), idempotency.c.created_at < now() - ABANDONED_AFTER),
    )
    connection.execute(delete(idempotency).where(row_filter, is_stale))
    row = insert_on_conflict(connection, idempotency).values(
        scope=scope, key=key, request_hash=request_hash, created_at=now()
    )
    if connection.scalar(row.on_conflict_do_nothing().returning(idempotency.c.key)) is not None:
        return "claimed"
    first = connection.execute(select(idempotency).where(row_filter)).one_or_none()
    if first is None:  # PostgreSQL: released between the two statements; the caller claims again
        return "running"
    if first.request_hash != request_hash:
        return "body_mismatch"
    return "running" if first.status is None else StoredResponse(first.status, first.headers, first.body)


def finish(connection: Connection, scope: str, key: str, response: StoredResponse) -> None:
    """Store the response of the request that claimed the key."""
    values = {"status": response.status, "headers": response.headers, "body": response.body}
    connection.execute(update(idempotency).where(_filter(scope, key)).values(**values))


def release(connection: Connection, scope: str, key: str) -> None:
    """Free the key after the request was refused or failed."""
    connection.execute(delete(idempotency).where(_filter(scope, key), idempotency.c.status.is_(None)))


def _filter(scope: str, key: str) -> ColumnElement[bool]:
    return and_(idempotency.c.scope == scope, idempotency.c.key == key)
