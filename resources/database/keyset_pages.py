"""Keyset pages: a page begins after a row, not at a number of rows, so that rows added meanwhile shift nothing.

The order is a column, then the id. A key is the value and the id of the last row of a page.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Select, and_, func, or_

from resources.database.queries import fetch_all

T = TypeVar("T", bound=msgspec.Struct)


class Order(msgspec.Struct, frozen=True):
    """How a list is sorted: by `column`, and by `id_column` where that is equal."""

    column: Column[Any]
    id_column: Column[Any]
    is_descending: bool


class Key(msgspec.Struct, frozen=True):
    """The row that a page begins after."""

    value: Any
    id: str


class PageRequest(msgspec.Struct, frozen=True):
    """Which rows of a list to read. `after` takes precedence over `offset`."""

    limit: int
    offset: int = 0
    after: Key | None = None


def fetch_keyset_page(
    connection: Connection, query: Select[Any], struct: type[T], order: Order, page: PageRequest
) -> tuple[list[T], int, bool]:
    """Return the rows of a page, the number of rows of the whole list, and whether more rows follow."""
    total = connection.scalar(query.with_only_columns(func.count()).order_by(None)) or 0
    columns = (order.column, order.id_column)
    query = query.order_by(*(column.desc() if order.is_descending else column.asc() for column in columns))
    query = query.offset(page.offset) if page.after is None else query.where(_follows(order, page.after))
    rows = fetch_all(connection, query.limit(page.limit + 1), struct)
    return rows[: page.limit], total, len(rows) > page.limit


def _follows(order: Order, key: Key) -> Any:  # noqa: ANN401 - SQLAlchemy's expression
    column, id_column = order.column, order.id_column
    if order.is_descending:
        return or_(column < key.value, and_(column == key.value, id_column < key.id))
    return or_(column > key.value, and_(column == key.value, id_column > key.id))
