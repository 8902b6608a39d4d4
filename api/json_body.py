"""Reads a JSON body straight into the type its handler declares: a number sent as text is an error, not a guess."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from api.errors import ApiError
from api.validation_messages import sentence


class StrictRequest(Request[Any, Any, Any]):
    async def json(self) -> Any:
        """The body as the handler's `data`. Raises ApiError 400 with the field and what is wrong with it."""
        field = self.route_handler.parsed_fn_signature.parameters["data"]
        body = await self.body()
        try:
            return _decoder(field.annotation).decode(body)
        except msgspec.ValidationError as error:
            raise ApiError(400, sentence(error, field.annotation)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, "The body is not valid JSON.") from error


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
