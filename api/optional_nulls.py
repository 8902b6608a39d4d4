"""Removes `null` from optional fields of a JSON document, in which null counts as omitted.

A field whose type includes null keeps it. A required field keeps it too, so that decoding reports the error.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import inspect


def drop_optional_nulls(document: Any, expected_type: Any) -> Any:  # noqa: ANN401 - a JSON value and any annotation
    """Return the document without the nulls of optional fields whose type excludes null.

    `expected_type` is the annotation that the document will be decoded into. Unknown fields are kept.
    """
    return _drop(document, _describe_type(expected_type))


@lru_cache(maxsize=256)
def _describe_type(expected_type: Any) -> inspect.Type:  # noqa: ANN401 - any annotation
    return inspect.type_info(expected_type)


def _drop(value: Any, node: inspect.Type) -> Any:  # noqa: ANN401 - JSON values
    match node:
        case inspect.Metadata():
            return _drop(value, node.type)
        case inspect.UnionType():
            for member in node.types:
                value = _drop(value, member)
        case inspect.StructType() if isinstance(value, dict):
            fields = {field.encode_name: field for field in node.fields}
            return {
                name: _drop(item, fields[name].type) if name in fields else item
                for name, item in value.items()
                if not (item is None and name in fields and _is_left_out_by_null(fields[name]))
            }
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, list):
            return [_drop(item, node.item_type) for item in value]
    return value


def _is_left_out_by_null(field: inspect.Field) -> bool:
    return not field.required and not _takes_null(field.type)


def _takes_null(node: inspect.Type) -> bool:
    match node:
        case inspect.Metadata():
            return _takes_null(node.type)
        case inspect.UnionType():
            return any(_takes_null(member) for member in node.types)
    return isinstance(node, inspect.NoneType | inspect.AnyType)
