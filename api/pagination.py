"""Pages of lists: `limit` and `offset`, or a cursor that continues after the last row, and the `Link` header."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response
from litestar.params import QueryParameter

from api.envelope import Limit, Meta, Offset, Page
from api.errors import ApiError
from resources.database.keyset_pages import Key, PageRequest

T = TypeVar("T")

CursorParameter = Annotated[
    str,
    QueryParameter(
        name="cursor", max_length=500, description="`meta.next_cursor` of the page before. Replaces `offset`."
    ),
]
_INVALID = "`cursor` must be `meta.next_cursor` of an earlier page of the same list. Leave it out to begin again."


class _Cursor(msgspec.Struct, array_like=True):
    """What a cursor holds: the order of the list, and the last row of a page."""

    order: str
    value: int | float | str
    id: Annotated[str, msgspec.Meta(max_length=64)]


class Paging(msgspec.Struct, frozen=True):
    """The parameters of a page."""

    limit: int
    offset: int
    cursor: str

    def parse(self, order: str) -> PageRequest:
        """Return which rows to read, as `parse_page` does."""
        return parse_page(self.limit, self.offset, self.cursor, order)


def provide_paging(limit: Limit = 20, offset: Offset = 0, cursor: CursorParameter = "") -> Paging:
    """Provide the dependency `paging`."""
    return Paging(limit, offset, cursor)


def parse_page(limit: int, offset: int, cursor: str, order: str) -> PageRequest:
    """Return which rows to read. `order` names the order of the list, which a cursor must belong to.

    Raises:
        ApiError: 400 if the cursor is not one of this list.
    """
    if not cursor:
        return PageRequest(limit, offset)
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
        is_time = isinstance(decoded.value, str)
        value = datetime.fromisoformat(str(decoded.value)) if is_time else decoded.value
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise ApiError(400, _INVALID) from error
    is_naive = isinstance(value, datetime) and value.tzinfo is None
    if decoded.order != order or is_naive or is_time != order.removeprefix("-").endswith("_at") or "\0" in decoded.id:
        raise ApiError(400, _INVALID)
    return PageRequest(limit, after=Key(value, decoded.id))


def respond_with_page(
    request: Request[Any, Any, Any], rows: Sequence[T], page: PageRequest, total: int, next_cursor: str | None
) -> Response[Page[T]]:
    """Respond with the rows. `Link` leads to the next page, if there is one."""
    meta = Meta(total, page.limit, page.offset, next_cursor is not None, next_cursor)
    headers = {}
    if next_cursor is not None:
        query = [(name, value) for name, value in _list_query(request) if name not in ("cursor", "offset")]
        base = request.app.state.platform.settings.public_url.rstrip("/") + request.scope["path"]
        headers["Link"] = f'<{base}?{urlencode([*query, ("cursor", next_cursor)])}>; rel="next"'
    return Response(Page(list(rows), meta), headers=headers)


def build_cursor(order: str, value: datetime | float, row_id: str) -> str:
    """Return the cursor of the page after a row."""
    text = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(order, text, row_id))).decode().rstrip("=")


def _list_query(request: Request[Any, Any, Any]) -> list[tuple[str, str]]:
    return parse_qsl(request.scope["query_string"].decode("latin-1"))
