"""Queries that read or write rows as Structs. A Struct of a row has fields named after columns of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Executable, Select, Table, func, insert
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T", bound=msgspec.Struct)


def select_columns(table: Table, struct: type[T]) -> list[Column[Any]]:
    """Return the columns for the fields of `struct`, in their order."""
    return [table.c[name] for name in struct.__struct_fields__]


def fetch_one(
    connection: Connection, query: Executable, struct: type[T], parameters: Mapping[str, object] | None = None
) -> T | None:
    """Return the only row as a `struct`, or None. The query returns `select_columns(table, struct)`."""
    row = connection.execute(query, parameters).one_or_none()
    return None if row is None else struct(*row)


def fetch_all(
    connection: Connection, query: Executable, struct: type[T], parameters: Mapping[str, object] | None = None
) -> list[T]:
    """Return all rows, each as a `struct`. The query returns `select_columns(table, struct)`."""
    return [struct(*row) for row in connection.execute(query, parameters)]


def fetch_page(
    connection: Connection, query: Select[Any], struct: type[T], limit: int, offset: int
) -> tuple[list[T], int]:
    """Return one page of the query and the number of rows on all pages."""
    total = connection.scalar(query.with_only_columns(func.count()).order_by(None)) or 0
    return fetch_all(connection, query.limit(limit).offset(offset), struct), total


def insert_row(connection: Connection, table: Table, struct: type[T], values: Mapping[str, object]) -> T:
    """Insert one row and return it as stored."""
    query = insert(table).values(values).returning(*select_columns(table, struct))
    return struct(*connection.execute(query).one())


def insert_on_conflict(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT with the ON CONFLICT clauses of the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
