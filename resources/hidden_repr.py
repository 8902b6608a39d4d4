"""A `repr` without fields for Structs that hold secrets, so that no secret appears in a log or traceback."""

from __future__ import annotations

import msgspec


def hidden_repr(value: object) -> str:
    """Return only the name of the type. A Struct with another base sets `__repr__ = hidden_repr`."""
    return f"{type(value).__name__}(...)"


class HiddenRepr(msgspec.Struct, frozen=True):
    """A Struct whose `repr` is only the name of its type."""

    __repr__ = hidden_repr
