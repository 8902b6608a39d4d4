"""Decodes a JSON body into the type that its handler declares. Types are strict: a number in a string is an error.

Bodies are UTF-8, with or without a byte order mark (RFC 8259). Another encoding returns 415, and the message names it.
"""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from api.errors import ApiError
from api.optional_nulls import drop_optional_nulls
from api.validation_messages import describe_error

MAX_DEPTH = 64  # for documents that are stored; the decoder limits the depth of all others
WIDE_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, because its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
WIDE_PATTERNS: dict[tuple[bool, ...], str] = {
    (True, True, True, False): "UTF-32",
    (False, True, True, True): "UTF-32",
    (True, False, True, False): "UTF-16",
    (False, True, False, True): "UTF-16",
}


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded strictly."""

    async def json(self) -> Any:  # noqa: ANN401 - the type is the handler's
        """Return the body as the handler's `data`. In an optional field, null counts as omitted.

        Raises:
            ApiError: 400, naming the field and what it must be.
        """
        field = self.route_handler.parsed_fn_signature.parameters["data"]
        body = strip_byte_order_mark(await self.body())
        try:
            try:
                return _get_decoder(field.annotation).decode(body)
            except msgspec.ValidationError:
                document = drop_optional_nulls(msgspec.json.decode(body), field.annotation)
                return msgspec.convert(document, field.annotation)
        except msgspec.ValidationError as error:
            raise ApiError(400, describe_error(error, field.annotation)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, "The body must be valid JSON.") from error
        except RecursionError as error:
            raise too_deep() from error


def strip_byte_order_mark(body: bytes) -> bytes:
    """Return the body without the byte order mark of UTF-8.

    Raises:
        ApiError: 415, naming the encoding, if it is UTF-16 or UTF-32.
    """
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    encoding = next((name for mark, name in WIDE_ENCODINGS if body.startswith(mark) and body != mark), None)
    # Without a mark, the positions of zero bytes show the encoding, because JSON begins with an ASCII character.
    zeros = tuple(byte == 0 for byte in body[:4])
    encoding = encoding or WIDE_PATTERNS.get(zeros)
    if encoding is not None:
        raise ApiError(415, f"The body must be JSON in UTF-8, not {encoding}. Encode it as UTF-8.")
    return body


def check_depth(document: Any) -> None:  # noqa: ANN401 - JSON values
    """Raise ApiError 400 for a document that is nested deeper than `MAX_DEPTH`."""
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise too_deep()
        containers = [node for node in level if isinstance(node, (dict, list))]
        level = [child for node in containers for child in (node.values() if isinstance(node, dict) else node)]


def too_deep() -> ApiError:
    """Build the 400 of a body that is nested too deeply."""
    return ApiError(400, f"The body must be nested at most {MAX_DEPTH} levels deep. Flatten it.")


@lru_cache(maxsize=256)
def _get_decoder(body_type: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any annotation
    return msgspec.json.Decoder(body_type)
