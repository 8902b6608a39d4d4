"""Types of request fields that several areas share. No field takes a NUL character: PostgreSQL cannot keep one."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar.params import QueryParameter
from msgspec import Meta

NO_NUL = r"^[^\x00]*$"
EMAIL = r"^\s*[^@\s\x00]{1,64}@[^@\s\x00.]+(\.[^@\s\x00.]+)*\s*$"
URL = r"^https?://[^\s\x00/?#\[\]]+([/?#][^\s\x00]*)?$"  # by a host's name: no address in brackets
LANGUAGE = r"^([a-z]{2}|auto)$"
MEANT = {  # what a refusal says, for nobody reads expressions
    NO_NUL: "must not hold a NUL character",
    EMAIL: "must be an e-mail address",
    URL: "must be an http(s) address, such as https://example.com/page",
    LANGUAGE: "must be a language by ISO 639-1, such as en, or auto",
}

Email = Annotated[str, Meta(pattern=EMAIL, max_length=320, examples=["ada@example.com"])]
Password = Annotated[str, Meta(max_length=1024, examples=["Correct7horse"])]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(pattern=NO_NUL, max_length=200)]
Title = Annotated[str, Meta(pattern=NO_NUL, min_length=1, max_length=500)]
Search = Annotated[str, QueryParameter(pattern=NO_NUL, max_length=200, description="In names, case ignored.")]
Line = Annotated[str, Meta(pattern=NO_NUL, max_length=2000)]
Url = Annotated[str, Meta(pattern=URL, max_length=4096)]
Role = Literal["OWNER", "EDITOR"]
