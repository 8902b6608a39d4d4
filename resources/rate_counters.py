"""Rate limits: a sliding window per bucket, counted by the second. Every process counts in the same table."""

from __future__ import annotations

import math
import time

import msgspec
from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite

from resources.database.tables import rate_limits


class Limit(msgspec.Struct, frozen=True):
    """At most `hits` in any `window_s` seconds."""

    name: str
    hits: int
    window_s: int


class Verdict(msgspec.Struct, frozen=True):
    """`reset_at` (Unix seconds) is when the window has room for one hit more than now."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int

    @property
    def retry_after_s(self) -> int:
        return max(1, self.reset_at - math.floor(time.time()))


def peek(connection: Connection, limit: Limit, subject: str) -> Verdict:
    """How it stands, without counting."""
    return _verdict(connection, limit, subject, int(time.time()))


def take(connection: Connection, limit: Limit, subject: str) -> Verdict:
    """Count one hit if there is room for it. Call inside `Database.write()`: a rollback takes the hit back."""
    second, bucket = int(time.time()), _bucket(limit, subject)
    if connection.dialect.name == "postgresql":  # SQLite's writer is alone already
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:bucket))"), {"bucket": bucket})
    before = _verdict(connection, limit, subject, second)
    if not before.allowed:
        return before
    connection.execute(
        delete(rate_limits).where(rate_limits.c.bucket == bucket, rate_limits.c.window_start <= second - limit.window_s)
    )
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(rate_limits).values(bucket=bucket, window_start=second, hits=1)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[rate_limits.c.bucket, rate_limits.c.window_start], set_={"hits": rate_limits.c.hits + 1}
        )
    )
    return Verdict(True, limit.hits, before.remaining - 1, min(before.reset_at, second + limit.window_s))


def prune(connection: Connection, older_than_s: int = 86_400) -> None:
    connection.execute(delete(rate_limits).where(rate_limits.c.window_start < int(time.time()) - older_than_s))


def _verdict(connection: Connection, limit: Limit, subject: str, second: int) -> Verdict:
    inside = select(rate_limits.c.window_start, rate_limits.c.hits).where(
        rate_limits.c.bucket == _bucket(limit, subject), rate_limits.c.window_start > second - limit.window_s
    )
    rows = connection.execute(inside.order_by(rate_limits.c.window_start)).all()
    used = sum(row.hits for row in rows)
    oldest = rows[0].window_start if rows else second
    return Verdict(used < limit.hits, limit.hits, max(0, limit.hits - used), oldest + limit.window_s)


def _bucket(limit: Limit, subject: str) -> str:
    return f"{limit.name}:{subject}"[:200]
