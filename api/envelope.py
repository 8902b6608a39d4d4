"""What successful answers look like: `{"data": ...}`, and for lists `{"data": [...], "meta": {...}}`."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

T = TypeVar("T")

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many to answer, 1 to 100.")]
Offset = Annotated[int, QueryParameter(ge=0, le=1_000_000_000, description="How many to skip.")]


class Data(msgspec.Struct, Generic[T]):
    data: T


class Meta(msgspec.Struct):
    total: int
    limit: int
    offset: int
    has_more: bool


class Page(msgspec.Struct, Generic[T]):
    data: list[T]
    meta: Meta


class Ok(msgspec.Struct):
    ok: bool = True


def whole(rows: list[T]) -> Page[T]:
    """A list that is never cut into pages. (Its `limit` is no zero, for clients divide by it.)"""
    return Page(rows, Meta(len(rows), max(len(rows), 1), 0, False))


def page(rows: list[T], total: int, limit: int, offset: int) -> Page[T]:
    return Page(rows, Meta(total, limit, offset, offset + len(rows) < total))
