"""Idempotency-Key: the first request with a key runs, the others get its answer. Kept for 24 hours.

Answers may hold secrets (a new API key is shown once), so the caller hands in what is already encrypted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec
from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from resources.database.engine import now
from resources.database.tables import idempotency

KEPT = timedelta(hours=24)
ABANDONED = timedelta(seconds=90)  # a request that has run for longer died with its process


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: str


Claim = Answer | Literal["yours", "running", "other body"]


def claim(connection: Connection, scope: str, key: str, request_hash: str) -> Claim:
    """Become the one who runs the request ("yours"), or learn what became of it."""
    mine = and_(idempotency.c.scope == scope, idempotency.c.key == key)
    stale = or_(
        idempotency.c.created_at < now() - KEPT,
        and_(idempotency.c.status.is_(None), idempotency.c.created_at < now() - ABANDONED),
    )
    connection.execute(delete(idempotency).where(mine, stale))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(idempotency).values(scope=scope, key=key, request_hash=request_hash, created_at=now())
    if connection.scalar(row.on_conflict_do_nothing().returning(idempotency.c.key)) is not None:
        return "yours"
    found = connection.execute(select(idempotency).where(mine)).one_or_none()
    if found is None:  # released between the two statements (PostgreSQL): ask again
        return "running"
    if found.request_hash != request_hash:
        return "other body"
    return "running" if found.status is None else Answer(found.status, found.headers, found.body)


def finish(connection: Connection, scope: str, key: str, answer: Answer) -> None:
    values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    mine = and_(idempotency.c.scope == scope, idempotency.c.key == key)
    connection.execute(update(idempotency).where(mine).values(**values))


def release(connection: Connection, scope: str, key: str) -> None:
    """The request was refused or failed: the key may be used again."""
    connection.execute(
        delete(idempotency).where(
            idempotency.c.scope == scope, idempotency.c.key == key, idempotency.c.status.is_(None)
        )
    )
