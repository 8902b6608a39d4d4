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

    data: Annotated[T, msgspec.Meta(description="The object that the request asked for, created or changed.")]


class Meta(msgspec.Struct):
    """The position of a page in its list. `total` counts all rows of the list."""

    total: Annotated[int, msgspec.Meta(description="How many rows the whole list has, on all pages.", examples=[42])]
    limit: Annotated[
        int, msgspec.Meta(description="The largest number of rows of a page, as requested.", examples=[20])
    ]
    offset: Annotated[int, msgspec.Meta(description="How many rows were skipped, as requested.", examples=[0])]
    has_more: Annotated[bool, msgspec.Meta(description="Whether rows follow after this page.")]
    next_cursor: Annotated[
        str | msgspec.UnsetType | None,
        msgspec.Meta(
            description="Cursor of the next page; null on the last one, absent in lists without cursors.",
            examples=["WyItY3JlYXRlZF9hdCIsIjIwMjYtMDMtMTQiLCI4ZjE0Il0"],
        ),
    ] = msgspec.UNSET


class Page(msgspec.Struct, Generic[T]):
    """The envelope of a list."""

    data: Annotated[list[T], msgspec.Meta(description="The rows of the page.")]
    meta: Annotated[Meta, msgspec.Meta(description="Where the page stands in its list.")]


class Ok(msgspec.Struct):
    """The body of an action that returns nothing else."""

    ok: Annotated[bool, msgspec.Meta(description="Always true: what failed is an error response.")] = True


def unpaginated(rows: list[T]) -> Page[T]:
    """Wrap a complete list. `limit` is at least 1, because clients divide by it."""
    return Page(rows, Meta(len(rows), max(len(rows), 1), 0, False))


def paginated(rows: list[T], total: int, limit: int, offset: int) -> Page[T]:
    """Wrap the rows of one page out of `total`."""
    return Page(rows, Meta(total, limit, offset, offset + len(rows) < total))
