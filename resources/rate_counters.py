"""Rate counters: a sliding window per limit and subject, counted by the second in a table that all processes share."""

from __future__ import annotations

import math
import time

import msgspec
from sqlalchemy import Connection, delete, func, select, text, update

from resources.database.queries import insert_on_conflict
from resources.database.tables import rate_limits

DAY_S = 86_400


class RateLimit(msgspec.Struct, frozen=True):
    """At most `hits` in any `window_s` seconds."""

    name: str
    hits: int
    window_s: int


class RateLimitStatus(msgspec.Struct, frozen=True):
    """The state of a window. `reset_at` is the Unix time in seconds at which the oldest hit leaves it."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int

    @property
    def retry_after_s(self) -> int:
        """Seconds until `reset_at`, at least 1."""
        return max(1, self.reset_at - math.floor(time.time()))


def peek(connection: Connection, limit: RateLimit, subject: str) -> RateLimitStatus:
    """Return the state of the window without counting a hit."""
    return _get_status(connection, limit, subject, int(time.time()))


def hit(connection: Connection, limit: RateLimit, subject: str) -> RateLimitStatus:
    """Count one hit if the limit allows it.

    Call it inside `Database.write()`. A rollback undoes the hit.
    """
    second, bucket = int(time.time()), _build_bucket_key(limit, subject)
    if connection.dialect.name == "postgresql":  # SQLite has a single writer
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:bucket))"), {"bucket": bucket})
    before = _get_status(connection, limit, subject, second)
    if not before.allowed:
        return before
    connection.execute(
        delete(rate_limits).where(rate_limits.c.bucket == bucket, rate_limits.c.window_start <= second - limit.window_s)
    )
    row = insert_on_conflict(connection, rate_limits).values(bucket=bucket, window_start=second, hits=1)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[rate_limits.c.bucket, rate_limits.c.window_start], set_={"hits": rate_limits.c.hits + 1}
        )
    )
    return RateLimitStatus(True, limit.hits, before.remaining - 1, min(before.reset_at, second + limit.window_s))


def give_back(connection: Connection, limit: RateLimit, subject: str) -> None:
    """Undo the newest hit, for limits that count failures only."""
    newest = select(func.max(rate_limits.c.window_start)).where(
        rate_limits.c.bucket == _build_bucket_key(limit, subject), rate_limits.c.hits > 0
    )
    is_newest = (
        rate_limits.c.bucket == _build_bucket_key(limit, subject),
        rate_limits.c.window_start == newest.scalar_subquery(),
    )
    connection.execute(update(rate_limits).where(*is_newest).values(hits=rate_limits.c.hits - 1))


def prune(connection: Connection, older_than_s: int = DAY_S) -> None:
    """Delete counters of seconds that lie more than `older_than_s` in the past."""
    connection.execute(delete(rate_limits).where(rate_limits.c.window_start < int(time.time()) - older_than_s))


def _get_status(connection: Connection, limit: RateLimit, subject: str, second: int) -> RateLimitStatus:
    counters = select(rate_limits.c.window_start, rate_limits.c.hits).where(
        rate_limits.c.bucket == _build_bucket_key(limit, subject), rate_limits.c.window_start > second - limit.window_s
    )
    rows = connection.execute(counters.order_by(rate_limits.c.window_start)).all()
    hit_count = sum(row.hits for row in rows)
    oldest = rows[0].window_start if rows else second
    return RateLimitStatus(hit_count < limit.hits, limit.hits, max(0, limit.hits - hit_count), oldest + limit.window_s)


def _build_bucket_key(limit: RateLimit, subject: str) -> str:
    return f"{limit.name}:{subject}"[:200]
