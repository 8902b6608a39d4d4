"""What is kept for a while, in rows that may vanish at any time: answers of outside services, where previews are, what
files are called whose upload waits to be confirmed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from resources.database.engine import now
from resources.database.tables import cache


def get(connection: Connection, key: str) -> str | None:
    query = select(cache.c.body).where(cache.c.key == key, cache.c.expires_at > now())
    return connection.scalar(query)


def starting(connection: Connection, prefix: str) -> dict[str, str]:
    """All that is kept under keys that start with `prefix`."""
    query = select(cache.c.key, cache.c.body).where(
        cache.c.key.startswith(prefix, autoescape=True), cache.c.expires_at > now()
    )
    return {row.key: row.body for row in connection.execute(query)}


def put(connection: Connection, key: str, body: str, life: timedelta) -> None:
    values = {"body": body, "expires_at": now() + life}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(cache).values(key=key, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[cache.c.key], set_=values))
