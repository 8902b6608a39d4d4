"""State transitions: rows with a status that only moves forward, each step as one conditional UPDATE.

A late process (a retry, a backfill, a second worker) changes nothing.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, update

from resources.database.queries import fetch_one, select_columns

T = TypeVar("T", bound=msgspec.Struct)


def transition(
    connection: Connection,
    table: Table,
    struct: type[T],
    row_id: str,
    *conditions: ColumnElement[bool],
    **values: object,
) -> T | None:
    """Set `values` on the row if all `conditions` hold. Return the updated row, or None if they do not hold."""
    query = update(table).where(table.c.id == row_id, *conditions).values(**values)
    return fetch_one(connection, query.returning(*select_columns(table, struct)), struct)
