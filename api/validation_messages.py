"""What msgspec says of a value that does not fit, told to people: which field, what is wrong, what will do."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from api.request_fields import MEANT

AT = re.compile(r" - at `\$?\.?(.*)`$")
MISSING = re.compile(r"Object missing required field `(.*?)`")
OF_PATH = re.compile(r"\[\.\.\.\]|[^.\[\]]+")


def sentence(error: msgspec.ValidationError, kind: Any) -> str:
    """The field in front: "`layout.layoutType`: 'wide' is none of face-track, fit." or "`email` is missing."

    `kind` is what was wanted.
    """
    message = str(error)
    match = AT.search(message)
    where = match[1] if match else ""
    if missing := MISSING.match(message):
        return f"`{where}{'.' if where else ''}{missing[1]}` is missing."[:1000]
    said = wording(AT.sub("", message), kind, where)
    return f"{f'`{where}`: ' if where else ''}{said}."[:1000]


def wording(message: str, kind: Any, where: str = "") -> str:
    """msgspec's own words, but patterns and enumerations say what will do. `where` is the path in `kind`."""
    message = message.rstrip(".")
    if message in _MEANT:
        return _MEANT[message]
    if message.startswith("Invalid enum value") and (allowed := _allowed(kind, where)):
        return f"{message.removeprefix('Invalid enum value ')} is none of {', '.join(allowed)}"
    return message


_MEANT = {f"Expected `str` matching regex {pattern!r}": words for pattern, words in MEANT.items()}


@lru_cache(maxsize=512)
def _allowed(kind: Any, where: str) -> tuple[str, ...]:
    return tuple(str(value) for value in _values(inspect.type_info(kind), OF_PATH.findall(where)))


def _values(node: inspect.Type, path: list[str]) -> tuple[Any, ...]:
    """Of the enumeration at the end of the path; empty where none is there."""
    match node:
        case inspect.Metadata():
            return _values(node.type, path)
        case inspect.UnionType():
            return tuple(value for kind in node.types for value in _values(kind, path))
        case inspect.LiteralType() if not path:
            return tuple(node.values)
        case inspect.IntType() | inspect.FloatType() if not path:
            return ("a number",)
        case inspect.StructType() if path:
            return next((_values(f.type, path[1:]) for f in node.fields if f.encode_name == path[0]), ())
        case inspect.ListType() | inspect.VarTupleType() if path:
            return _values(node.item_type, path[1:])
    return ()
