"""A client's edit of a clip as a JSON document: unwraps it, merges it, and lists fields that have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, inspect

from api.errors import ApiError
from api.optional_nulls import drop_optional_nulls
from api.request_fields import Seconds, Title
from api.validation_messages import describe_error
from carmic_assets.model.template import TemplateConfig

Document = dict[str, Any]

WRAPPER = "template_config"
MAX_WARNINGS = 50  # of one response


class ClipEdit(TemplateConfig, frozen=True, kw_only=True):
    """A `TemplateConfig`, and the clip's other editable fields. Bounds are seconds of the source.

    Times within the config are on the clip's clock as it was before a change of `start_time`.
    """

    title: Annotated[
        Title | None,
        Meta(description="The clip's title. Omitted, it stays as it is.", examples=["Why small teams ship faster"]),
    ] = None
    start_time: Annotated[
        Seconds | None,
        Meta(
            description="New start of the clip, in seconds of the source; moved to the nearest frame.", examples=[612.4]
        ),
    ] = None
    end_time: Annotated[
        Seconds | None,
        Meta(
            description="New end of the clip, in seconds of the source; at most 30 minutes after the start.",
            examples=[655.0],
        ),
    ] = None


CLIP_FIELDS = ("title", "start_time", "end_time")  # the fields of a ClipEdit that are not part of the config


def unwrap_config(body: Document) -> tuple[Document, list[str]]:
    """Return the body as a flat `ClipEdit`, and warnings about fields that are not used.

    A client may send the clip as it was read: the config in `template_config`, beside the clip's other fields.

    Raises:
        ApiError: 400 if the wrapped config is not an object.
    """
    if body.get(WRAPPER) is None:
        return {name: value for name, value in body.items() if name != WRAPPER}, []
    config = body[WRAPPER]
    if not isinstance(config, dict):
        raise ApiError(400, f"`{WRAPPER}` must be an object.")
    clip_fields = {name: body[name] for name in CLIP_FIELDS if name in body}
    ignored = [name for name in body if name not in (*CLIP_FIELDS, WRAPPER)]
    warnings = [f"`{name}` is ignored, because it is beside `{WRAPPER}` and not in it." for name in ignored]
    return {**config, **clip_fields}, warnings[:MAX_WARNINGS]


def parse_edit(document: Document) -> tuple[ClipEdit, Document]:
    """Return the edit, and its config as a document to store, with unknown fields.

    Raises:
        ApiError: 400, naming the field.
    """
    document = drop_optional_nulls(document, ClipEdit)
    try:
        edit = msgspec.convert(document, ClipEdit)
    except msgspec.ValidationError as error:
        raise ApiError(400, describe_error(error, ClipEdit)) from error
    return edit, {name: value for name, value in document.items() if name not in CLIP_FIELDS}


def merge_patch(target: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON values
    """Apply a JSON merge patch (RFC 7396): objects are merged, null deletes a field, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def list_warnings(config: Document) -> list[str]:
    """Return a warning for each unknown field of a stored config, with the most similar known field."""
    warnings: dict[str, None] = {}
    for path, field_names in _find_unknown(config, _describe_config(), ""):
        by_lower_case = {name.lower(): name for name in field_names}
        similar = get_close_matches(path.rpartition(".")[2].lower(), by_lower_case, 1)
        hint = f" Did you mean `{by_lower_case[similar[0]]}`?" if similar else ""
        warnings[f"`{path}` is an unknown field. It is stored and has no effect.{hint}"] = None
        if len(warnings) >= MAX_WARNINGS:
            break
    return list(warnings)


@cache
def _describe_config() -> inspect.Type:
    return inspect.type_info(TemplateConfig)


def _find_unknown(value: Any, node: inspect.Type, path: str) -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401 - JSON
    """Yield the path of each unknown field, and the known names beside it."""
    match node:
        case inspect.Metadata():
            yield from _find_unknown(value, node.type, path)
        case inspect.UnionType():
            for member in node.types:
                yield from _find_unknown(value, member, path)
        case inspect.StructType() if isinstance(value, dict):
            fields = {field.encode_name: field for field in node.fields}
            for name, item in value.items():
                if name in fields:
                    yield from _find_unknown(item, fields[name].type, f"{path}{name}.")
                else:
                    yield path + name, list(fields)
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, list):
            # A transcript has thousands of words with the same fields: of items without nested values only the first is
            # checked
            by_names = {tuple(item) if _is_flat(item) else number: item for number, item in enumerate(value)}
            for item in by_names.values():
                yield from _find_unknown(item, node.item_type, f"{path.removesuffix('.')}[].")


def _is_flat(item: Any) -> bool:  # noqa: ANN401 - a JSON value
    return isinstance(item, dict) and not any(isinstance(value, dict | list) for value in item.values())
