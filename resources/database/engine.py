"""The database engine of a process, and its two kinds of transaction: `read` and `write`.

Functions of this package take a connection and never commit: the `with` block that opened the connection does. API
handlers call them in worker threads, Dagster steps call them directly.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection, DateTime, Engine, TypeDecorator, create_engine, event


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime in Python, stored as UTC without an offset (SQLite stores none)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        """Convert an aware datetime to naive UTC.

        Raises:
            ValueError: if `value` is naive.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime for the database must have a timezone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        """Convert a stored naive UTC datetime to an aware one."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Database:
    """A SQLite or PostgreSQL database.

    On SQLite, a `read()` transaction is a snapshot and a `write()` transaction takes the write lock at its start. On
    PostgreSQL, each statement sees what has been committed before it (READ COMMITTED).
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=10,
            pool_pre_ping=not self.is_sqlite,
            pool_use_lifo=True,
            json_deserializer=msgspec.json.decode,  # a timeline of 500 segments has thousands of small JSON values
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction for reading."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction for writing; it commits when the block ends without an exception."""
        with self.engine.connect().execution_options(writer=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _configure_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # the sqlite3 module must not open transactions, because `_begin_sqlite` does
    cursor = connection.cursor()
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # BEGIN IMMEDIATE, because a deferred transaction that reads and then writes fails if another one wrote in between
    is_writer = connection.get_execution_options().get("writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")
