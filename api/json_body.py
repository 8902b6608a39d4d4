"""Decodes a JSON body into the type that its handler declares. Types are strict: a number sent as text is an error."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from api.errors import ApiError
from api.validation_messages import describe_error


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded strictly."""

    async def json(self) -> Any:  # noqa: ANN401 - the type is the handler's
        """Return the body as the handler's `data`.

        Raises:
            ApiError: 400, naming the field and what it must be.
        """
        field = self.route_handler.parsed_fn_signature.parameters["data"]
        body = await self.body()
        try:
            return _get_decoder(field.annotation).decode(body)
        except msgspec.ValidationError as error:
            raise ApiError(400, describe_error(error, field.annotation)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, "The body must be valid JSON.") from error


@lru_cache(maxsize=256)
def _get_decoder(body_type: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any annotation
    return msgspec.json.Decoder(body_type)
