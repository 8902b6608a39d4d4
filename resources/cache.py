"""A cache of short texts with an expiry time, shared by all processes.

It holds responses of external services, store keys of previews, and file names of unconfirmed uploads. An
entry may be deleted at any time.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from resources.database.engine import now
from resources.database.queries import insert_on_conflict
from resources.database.tables import cache


def get(connection: Connection, key: str) -> str | None:
    """Return the text under `key`, or None if there is none or it has expired."""
    query = select(cache.c.body).where(cache.c.key == key, cache.c.expires_at > now())
    return connection.scalar(query)


def list_by_prefix(connection: Connection, prefix: str) -> dict[str, str]:
    """Return the unexpired texts whose keys start with `prefix`, by key."""
    query = select(cache.c.key, cache.c.body).where(
        cache.c.key.startswith(prefix, autoescape=True), cache.c.expires_at > now()
    )
    return {row.key: row.body for row in connection.execute(query)}


def put(connection: Connection, key: str, body: str, lifetime: timedelta) -> None:
    """Store `body` under `key` for `lifetime`. An existing entry is replaced."""
    values = {"body": body, "expires_at": now() + lifetime}
    row = insert_on_conflict(connection, cache).values(key=key, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[cache.c.key], set_=values))
