"""Types of request fields that several routes share. No field accepts a NUL character: PostgreSQL cannot store it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta

from carmic_assets.generation.requests import PATTERN_HINTS

NO_NUL_PATTERN = r"^[^\x00]*$"
EMAIL_PATTERN = r"^\s*[^@\s\x00]{1,64}@[^@\s\x00.]+(\.[^@\s\x00.]+)*\s*$"
URL_PATTERN = (
    r"^[hH][tT][tT][pP][sS]?://"  # schemes are case-insensitive: RFC 3986, section 3.1
    r"([^\s\x00/?#\[\]]+|[^\s\x00/?#\[\]]*\[[0-9A-Fa-f:.]+\](:[0-9]+)?)"  # a host, or an IPv6 address in brackets
    r"([/?#][^\s\x00]*)?$"
)
LANGUAGE_PATTERN = r"^([a-z]{2}|auto)$"

# The text in an error message that replaces the regular expression.
FIELD_HINTS = {
    NO_NUL_PATTERN: "must not contain a NUL character",
    EMAIL_PATTERN: "must be an email address, such as ada@example.com",
    URL_PATTERN: "must be an http(s) URL, such as https://example.com/page",
    LANGUAGE_PATTERN: "must be an ISO 639-1 language code, such as en, or auto",
    **PATTERN_HINTS,
}

Email = Annotated[str, Meta(pattern=EMAIL_PATTERN, max_length=320, examples=["ada@example.com"])]
Password = Annotated[str, Meta(max_length=1024, examples=["Correct7horse"])]
Token = Annotated[str, Meta(min_length=1, max_length=4096, examples=["Zq3vX0cJm1YtGQ2fLbN8"])]
Name = Annotated[str, Meta(pattern=NO_NUL_PATTERN, max_length=200)]
Title = Annotated[str, Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=500)]
Search = Annotated[
    str, QueryParameter(pattern=NO_NUL_PATTERN, max_length=200, description="Text in the name; case is ignored.")
]
Line = Annotated[str, Meta(pattern=NO_NUL_PATTERN, max_length=2000)]
Url = Annotated[str, Meta(pattern=URL_PATTERN, max_length=4096, examples=["https://example.com/page"])]
Filename = Annotated[str, Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=500, examples=["logo.png"])]
ObjectKey = Annotated[
    str,
    Meta(pattern=NO_NUL_PATTERN, min_length=1, max_length=900, examples=["workspaces/7b1c/media/logo.png"]),
]
Seconds = Annotated[float, Meta(ge=0, le=864_000)]
Role = Literal["OWNER", "EDITOR"]


def list_changes(body: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that a PATCH body sets; omitted fields are UNSET."""
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
