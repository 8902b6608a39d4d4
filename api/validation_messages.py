"""Converts msgspec's validation messages to sentences that name the field and its valid values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from api.request_fields import FIELD_HINTS

MAX_SENTENCE = 1000  # characters

_PATH = re.compile(r" - at `\$?\.?(.*)`$")
_PATH_STEP = re.compile(r"\[\.\.\.\]|[^.\[\]]+")
_MISSING_FIELD = re.compile(r"Object missing required field `(.*?)`")
_TYPE_MISMATCH = re.compile(r"Expected `([^`]*)`(.*)")
_PATTERN_HINTS = {f"Expected `str` matching regex {pattern!r}": hint for pattern, hint in FIELD_HINTS.items()}
_TYPE_NAMES = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "uuid": "a UUID",
    "datetime": "a time in ISO 8601",
}


def describe_error(error: msgspec.ValidationError, expected_type: Any) -> str:  # noqa: ANN401 - any annotation
    """Return a sentence such as "`layout.layoutType` must be one of face-track, fit." or "`email` is missing."

    `expected_type` is the annotation that the value was decoded into.
    """
    message = str(error)
    match = _PATH.search(message)
    path = match[1] if match else ""
    if missing := _MISSING_FIELD.match(message):
        return f"`{path}{'.' if path else ''}{missing[1]}` is missing."[:MAX_SENTENCE]
    field = f"`{path}`" if path else "The body"
    return f"{field} {describe_message(_PATH.sub('', message), expected_type, path)}."[:MAX_SENTENCE]


def describe_message(message: str, expected_type: Any, path: str = "") -> str:  # noqa: ANN401 - any annotation
    """Rewrite one message of msgspec as "must be ...", to follow the name of the field.

    `path` leads from `expected_type` to the field. A message of another form is returned as it is, after a colon.
    """
    message = message.rstrip(".")
    if message in _PATTERN_HINTS:
        return _PATTERN_HINTS[message]
    if message.startswith("Invalid enum value") and (allowed := _find_allowed_values(expected_type, path)):
        return f"must be one of {', '.join(allowed)}, not {message.removeprefix('Invalid enum value ')}"
    if mismatch := _TYPE_MISMATCH.fullmatch(message):
        return f"must be {_name_type(mismatch[1])}{_describe_limit(mismatch[2])}"
    return f"is not valid: {message}"


def _name_type(union: str) -> str:
    """Return the name of a type in words: `int | null` is "an integer or null"."""
    return " or ".join(_TYPE_NAMES.get(name, f"`{name}`") for name in union.split(" | "))


def _describe_limit(text: str) -> str:
    """Return the limit after the type in msgspec's message: ", got `str`", " >= 1" or " of length <= 200"."""
    if got := re.fullmatch(r", got `([^`]*)`", text):
        return f", not {_name_type(got[1])}"
    return text


@lru_cache(maxsize=512)
def _find_allowed_values(expected_type: Any, path: str) -> tuple[str, ...]:  # noqa: ANN401 - any annotation
    return tuple(str(value) for value in _list_enum_values(inspect.type_info(expected_type), _PATH_STEP.findall(path)))


def _list_enum_values(node: inspect.Type, path: list[str]) -> tuple[Any, ...]:
    """Return the values of the enumeration at the end of the path, or an empty list if there is none."""
    match node:
        case inspect.Metadata():
            return _list_enum_values(node.type, path)
        case inspect.UnionType():
            return tuple(value for member in node.types for value in _list_enum_values(member, path))
        case inspect.LiteralType() if not path:
            return tuple(node.values)
        case inspect.IntType() | inspect.FloatType() if not path:
            return ("a number",)
        case inspect.StructType() if path:
            return next((_list_enum_values(f.type, path[1:]) for f in node.fields if f.encode_name == path[0]), ())
        case inspect.ListType() | inspect.VarTupleType() if path:
            return _list_enum_values(node.item_type, path[1:])
    return ()
