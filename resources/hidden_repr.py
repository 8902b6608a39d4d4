"""The representation of Structs that hold secrets, which must reach neither a log nor a traceback."""

from __future__ import annotations

import msgspec


def hidden_repr(value: object) -> str:
    """Return the type's name and no field. A Struct with another base sets `__repr__ = hidden_repr`."""
    return f"{type(value).__name__}(...)"


class HiddenRepr(msgspec.Struct, frozen=True):
    """A Struct whose `repr` gives its type and no field."""

    __repr__ = hidden_repr
