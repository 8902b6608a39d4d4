"""Envelopes of successful responses: `{"data": ...}`, and `{"data": [...], "meta": {...}}` for lists."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

T = TypeVar("T")

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="Maximum number of rows, 1 to 100.")]
Offset = Annotated[int, QueryParameter(ge=0, le=1_000_000_000, description="Number of rows to skip.")]


class Data(msgspec.Struct, Generic[T]):
    """The envelope of one object."""

    data: T


class Meta(msgspec.Struct):
    """The position of a page in its list. `total` counts all rows of the list."""

    total: int
    limit: int
    offset: int
    has_more: bool


class Page(msgspec.Struct, Generic[T]):
    """The envelope of a list."""

    data: list[T]
    meta: Meta


class Ok(msgspec.Struct):
    """The body of an action that returns nothing else."""

    ok: bool = True


def unpaginated(rows: list[T]) -> Page[T]:
    """Wrap a complete list. `limit` is at least 1, because clients divide by it."""
    return Page(rows, Meta(len(rows), max(len(rows), 1), 0, False))


def paginated(rows: list[T], total: int, limit: int, offset: int) -> Page[T]:
    """Wrap the rows of one page out of `total`."""
    return Page(rows, Meta(total, limit, offset, offset + len(rows) < total))
