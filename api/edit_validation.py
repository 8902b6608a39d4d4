"""Validates an edit of a clip: a `TemplateConfig` against the clip, the workspace and itself.

Status 400 is for a single invalid value, 422 for an invalid combination of values.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import msgspec
from sqlalchemy import Connection

from api.errors import ApiError
from api.json_body import check_depth, strip_byte_order_mark, too_deep
from api.outbound_urls import check_outbound_url
from api.validation_messages import describe_error
from carmic_assets.captions.caption_styles import list_style_names, parse_custom_styles
from carmic_assets.captions.font_families import list_shipped_families
from carmic_assets.captions.style_validation import MAX_CAPTION_WORDS, validate_captions
from carmic_assets.direction.override import find_shots_problem
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderError
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import MAX_CUTAWAYS, MAX_EMOJIS
from carmic_assets.rendering.file_references import (
    OVERRUN_TOLERANCE_S,
    FileReference,
    check_reference,
    compute_cutaway_shortfall_s,
    list_references,
)
from resources import media_library
from resources import templates as workspace_templates
from resources.media_library import Media
from resources.platform import Platform

MIN_CLIP_S = 0.5
MAX_CLIP_S = 30 * 60
MAX_SHOTS = 2000  # entries of `shots` in a config
# A config is returned as it is stored, because it may have fields that this version does not know
TEMPLATE_CONFIG_SCHEMA = {"$ref": "#/components/schemas/TemplateConfig"}
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # `\u0000` in JSON, unless its backslash is itself escaped


def parse_config(raw: dict[str, Any] | None) -> TemplateConfig:
    """Decode a stored config. Omitted fields have their defaults.

    Raises:
        ApiError: 409 if an older server stored a value that is no longer allowed.
    """
    try:
        return msgspec.convert(raw or {}, TemplateConfig)
    except msgspec.ValidationError as error:
        reason = describe_error(error, TemplateConfig)
        raise ApiError(409, f"The saved config is no longer valid: {reason} Save a valid config.") from error


def parse_document(body: bytes) -> dict[str, Any]:
    """Decode a request body, with its unknown fields, into the document to store.

    Raises:
        ApiError: 400 for a value that cannot be stored: a NUL character, a number outside the range of a double, too
            many levels.
    """
    body = strip_byte_order_mark(body)
    if ESCAPED_NUL.search(body):
        raise ApiError(400, "The body must not contain a NUL character.")
    try:
        document: dict[str, Any] = msgspec.json.decode(body)
    except msgspec.DecodeError as error:  # in an unknown field, because known fields were decoded before
        raise ApiError(400, "The body contains a number outside the range of a double. Use a smaller one.") from error
    except RecursionError as error:
        raise too_deep() from error
    check_depth(document)
    return document


def load_workspace_styles(connection: Connection, workspace_id: str) -> dict[str, TemplateConfig]:
    """Return the workspace's own templates by name. `caption_style` can refer to them."""
    return parse_custom_styles(workspace_templates.get_configs_by_name(connection, workspace_id))


def hash_content(*parts: Any) -> str:  # noqa: ANN401 - anything that msgspec encodes
    """Return a name derived from everything that a preview depends on: equal inputs give equal names."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:32]


def fill_defaults(raw: dict[str, Any] | None) -> dict[str, Any]:
    """Merge the stored config over the defaults. Unknown fields stay."""
    defaults = msgspec.to_builtins(TemplateConfig())
    del defaults["shots"], defaults["transcript"]
    merged: dict[str, Any] = _merge(defaults, raw or {})
    return merged


def load_workspace_fonts(
    connection: Connection, workspace_id: str, config: TemplateConfig, styles: dict[str, TemplateConfig]
) -> list[Media]:
    """Return the workspace's fonts, newest first, if the captions need one of them; otherwise nothing.

    Captions need one if the config, or the workspace style that it names, uses a font family that is not installed.
    """
    configs = [config, *([styles[config.caption_style]] if config.caption_style in styles else [])]
    if {named.style.caption_font for named in configs} <= set(list_shipped_families()):
        return []
    return media_library.list_fonts(connection, workspace_id)


def describe_fonts(fonts: Sequence[Media]) -> list[MediaFile]:
    """Return the stored properties of the fonts, which were read at their upload, without opening the files."""
    return [msgspec.convert(font.facts, MediaFile) for font in fonts]


@contextmanager
def open_fonts(platform: Platform, fonts: Sequence[Media]) -> Iterator[list[MediaFile]]:
    """Yield local paths of the converted fonts, valid until the block ends."""
    with ExitStack() as stack:
        files = []
        for font, facts in zip(fonts, describe_fonts(fonts), strict=True):
            with suppress(KeyError):  # a font whose object was deleted from the store is skipped
                key = media_library.get_converted_key(font.object_key)
                path = stack.enter_context(platform.store.local_file(key))
                files.append(msgspec.structs.replace(facts, path=str(path), name=font.filename))
        yield files


def check_config(
    config: TemplateConfig, duration_s: float, styles: dict[str, TemplateConfig], fonts: Sequence[MediaFile] = ()
) -> None:
    """Check a config against a clip of `duration_s`.

    Args:
        config: the config to check.
        duration_s: the length of the clip.
        styles: the workspace's own templates, by name.
        fonts: the workspace's own fonts.

    Raises:
        ApiError: 400 or 422, naming the field.
    """
    style_names = list_style_names(styles)
    if config.caption_style not in style_names:
        raise ApiError(400, f"`caption_style` must be one of {', '.join(style_names)}.")
    _check_counts(config)
    _check_transcript(config)
    try:
        validate_captions(config, fonts, styles)
    except ValueError as error:
        raise ApiError(400, str(error)) from error
    if config.shots and (problem := find_shots_problem(config.shots, duration_s)) is not None:
        raise ApiError(422, f"`shots`: {problem}")
    _check_times(config, duration_s)


def _check_counts(config: TemplateConfig) -> None:
    counts = (
        ("transcript.words", config.transcript.words if config.transcript else (), MAX_CAPTION_WORDS),
        ("b_roll", config.b_roll, MAX_CUTAWAYS),
        ("elements.emojis", config.elements.emojis, MAX_EMOJIS),
        ("shots", config.shots or (), MAX_SHOTS),
    )
    for field, items, limit in counts:
        if len(items) > limit:
            raise ApiError(422, f"`{field}` must have at most {limit} entries, not {len(items)}. Remove some.")


def _check_transcript(config: TemplateConfig) -> None:
    for number, word in enumerate(config.transcript.words if config.transcript else ()):
        if not (0 <= word.start <= word.end < math.inf):
            name = f"`transcript.words[{number}]`"
            raise ApiError(422, f"{name} ({word.word[:40]}) must start at 0 s or later, and end after its start.")


def _check_times(config: TemplateConfig, duration_s: float) -> None:
    for number, item in enumerate(config.b_roll):
        end = item.start_time + item.duration
        if end > duration_s + OVERRUN_TOLERANCE_S:
            raise ApiError(
                422,
                f"`b_roll[{number}]` must end within the clip, by {duration_s:.3f} s, not at {end:g} s. "
                "Move or shorten it.",
            )
    for number, emoji in enumerate(config.elements.emojis):
        if emoji.start_time >= duration_s:
            field = f"`elements.emojis[{number}]`"
            raise ApiError(422, f"{field} must start within the clip, before {duration_s:.3f} s. Move it.")


def check_bounds(start_s: float, end_s: float, source_s: float | None) -> None:
    """Check a clip's bounds against its source, whose length may be unknown.

    Raises:
        ApiError: 400 or 422, naming the field.
    """
    if not (math.isfinite(start_s) and math.isfinite(end_s)) or start_s < 0:
        raise ApiError(400, "`start_time` and `end_time` must be seconds of the source, 0 or more.")
    if end_s <= start_s:
        raise ApiError(422, "`end_time` must be after `start_time`.")
    if source_s is not None and end_s > source_s + OVERRUN_TOLERANCE_S:
        raise ApiError(422, f"`end_time` must not lie after the end of the video at {source_s:.3f} s.")
    if not MIN_CLIP_S <= end_s - start_s <= MAX_CLIP_S:
        raise ApiError(422, f"`end_time` must lie {MIN_CLIP_S} to {MAX_CLIP_S} seconds after `start_time`.")


def check_media(platform: Platform, workspace_id: str, config: TemplateConfig) -> None:
    """Check the files that the config refers to.

    A file must be in the workspace's library and of the right kind, or at a public URL. The content of a URL, and of
    an upload that is not confirmed yet, is checked by the render.

    Raises:
        ApiError: 422 for a file that does not exist or is of the wrong kind or too short, 400 for a URL that is not
            allowed.
    """
    file_references = list_references(config)
    values = {reference.value for reference in file_references}
    with platform.database.read() as connection:
        library = media_library.resolve_references(connection, workspace_id, values)
    for reference in file_references:
        media = library.get(reference.value)
        if media is None and _exists_outside_library(platform, workspace_id, reference):
            continue
        try:
            file = check_reference(reference, msgspec.convert(media.facts, MediaFile) if media else None)
        except RenderError as error:
            raise ApiError(422, error.sentence) from error
        if shortfall_s := compute_cutaway_shortfall_s(reference, file):
            excerpt = f"{reference.source_duration_s:g} s of {file.name} from {reference.source_start_s:g} s on"
            raise ApiError(
                422,
                f"{reference.location} uses {excerpt}, but the file ends {shortfall_s:.1f} s too early. "
                "Shorten the excerpt or start it earlier.",
            )


def _exists_outside_library(platform: Platform, workspace_id: str, reference: FileReference) -> bool:
    """Tell whether the file is an unconfirmed upload of the workspace, or at a public URL.

    Raises:
        ApiError: 400 for a URL that is not allowed.
    """
    key = media_library.resolve_key(workspace_id, reference.value)
    if key is not None:
        return platform.store.stat(key) is not None
    if "://" not in reference.value or reference.value.startswith(f"{platform.settings.public_url}/api/store/"):
        return False
    check_outbound_url(platform.settings, reference.value, reference.location)
    return True


def _merge(base: Any, override: Any) -> Any:  # noqa: ANN401 - JSON values
    """Merge two JSON values: objects field by field, anything else is replaced."""
    if isinstance(base, dict) and isinstance(override, dict):
        return {**base, **{name: _merge(base.get(name), value) for name, value in override.items()}}
    return override
