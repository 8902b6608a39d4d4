"""Rows that are jobs: they only move forward, each step one conditional UPDATE. Whoever comes late changes nothing."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, update

T = TypeVar("T", bound=msgspec.Struct)


def columns(table: Table, kind: type[T]) -> list[Any]:
    """The table's columns that the Struct has fields for, in its order."""
    return [table.c[name] for name in kind.__struct_fields__]


def move(
    connection: Connection, table: Table, kind: type[T], row_id: str, *where: ColumnElement[bool], **values: Any
) -> T | None:
    """Set `values` on the row if `where` holds; the row as it stands then, or None when it did not hold."""
    query = update(table).where(table.c.id == row_id, *where).values(**values).returning(*columns(table, kind))
    row = connection.execute(query).one_or_none()
    return None if row is None else kind(**row._mapping)
