"""One engine per process, and the two ways to use it: `read` and `write`. Knows no table.

Functions elsewhere take a connection and never commit: the `with` that opened the connection decides. The API calls
them in worker threads, Dagster steps directly: one set of functions for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, DateTime, Engine, TypeDecorator, create_engine, event


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; what the database keeps is UTC without an offset (SQLite has no other)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without an offset must not reach the database")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


class Database:
    """`read()` gives one transaction to look in: a snapshot on SQLite, while on PostgreSQL each statement sees what is
    committed by then. `write()` commits at the end; on SQLite it takes the writer's lock at once."""

    def __init__(self, url: str, pool_size: int = 10):
        self.url = url
        self.sqlite = url.startswith("sqlite")
        if self.sqlite:
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            url, pool_size=pool_size, max_overflow=10, pool_pre_ping=not self.sqlite, pool_use_lifo=True
        )
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        # SQLite: BEGIN IMMEDIATE, for a transaction that reads before it writes may not find its reading stale.
        with self.engine.connect().execution_options(writer=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: object, record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # BEGIN is ours, see _begin_sqlite
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get("writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
