"""Whether an edit of a clip can be saved: `TemplateConfig` against the clip, the workspace and itself.

400: a value that is none of those known. 422: well-formed, but it does not fit together.
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
from api.validation_messages import sentence
from carmic_assets.captions.caption_styles import known_styles, styles_of
from carmic_assets.captions.fonts import shipped_families
from carmic_assets.captions.style_validation import MOST_WORDS, check_captions
from carmic_assets.direction.override import problem_of
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import MOST_CUTAWAYS, MOST_EMOJIS
from carmic_assets.rendering.file_references import OVERHANG_S, Reference, checked, missing_s, references
from resources import media_library
from resources import templates as own_templates
from resources.media_library import Media
from resources.outbound import Outbound, Refused
from resources.platform import Platform

SHORTEST_S = 0.5
LONGEST_S = 30 * 60
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # written out in JSON, and no escaped backslash before u0000
MOST = {"words": MOST_WORDS, "b_roll": MOST_CUTAWAYS, "emojis": MOST_EMOJIS, "shots": 2000}


def parsed(raw: dict[str, Any] | None) -> TemplateConfig:
    """The stored document as a config; what it leaves out takes its default."""
    try:
        return msgspec.convert(raw or {}, TemplateConfig)
    except msgspec.ValidationError as error:  # saved by an older server with wider ranges
        raise ApiError(
            409, f"The saved config no longer fits: {sentence(error, TemplateConfig)} Save it anew."
        ) from error


def document(body: bytes) -> dict[str, Any]:
    """A request's body as the document to keep, unknown fields included. Raises ApiError 400 for what a database cannot
    keep: a number past the range of a double, a NUL character."""
    if NUL.search(body):
        raise ApiError(400, "The body holds a NUL character.")
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:  # in a field that is unknown to us: the known ones were read already
        raise ApiError(400, "The body holds a number that is too large.") from error


def own_styles(connection: Connection, workspace_id: str) -> dict[str, TemplateConfig]:
    """The workspace's own templates, by the name that `caption_style` calls them."""
    return styles_of(own_templates.configs(connection, workspace_id))


def digest(*parts: Any) -> str:
    """What to call that which is drawn from these parts alone: the same parts, the same name."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:32]


def filled(raw: dict[str, Any] | None) -> dict[str, Any]:
    """The stored document over the defaults: every known field is there, unknown ones are kept."""
    defaults = msgspec.to_builtins(TemplateConfig())
    del defaults["shots"], defaults["transcript"]
    return _over(defaults, raw or {})


def own_fonts(
    connection: Connection, workspace_id: str, config: TemplateConfig, styles: dict[str, TemplateConfig]
) -> list[Media]:
    """The workspace's fonts, newest first, where the config, or the one of its `styles` that it is captioned in, names
    a family that is not shipped; else none need be opened."""
    looks = [config, *([styles[config.caption_style]] if config.caption_style in styles else [])]
    if {look.style.caption_font for look in looks} <= set(shipped_families()):
        return []
    return media_library.fonts(connection, workspace_id)


@contextmanager
def opened(platform: Platform, fonts: Sequence[Media]) -> Iterator[list[MediaFile]]:
    """The font files, local until the block ends."""
    with ExitStack() as held:
        files = []
        for font in fonts:
            with suppress(KeyError):  # deleted from the store behind our back: as good as absent
                path = held.enter_context(platform.store.local(font.object_key))
                files.append(MediaFile(path=str(path), name=font.filename))
        yield files


def check(
    config: TemplateConfig, duration_s: float, styles: dict[str, TemplateConfig], fonts: Sequence[MediaFile] = ()
) -> None:
    """Raises ApiError. `styles` are the workspace's own templates by name, `fonts` its own font files; `duration_s` is
    the clip's length."""
    known = known_styles(styles)
    if config.caption_style not in known:
        raise ApiError(400, f"`caption_style` must be one of {', '.join(known)}.")
    words = config.transcript.words if config.transcript else ()
    counts = {"words": words, "b_roll": config.b_roll, "emojis": config.elements.emojis, "shots": config.shots or ()}
    for name, items in counts.items():
        if len(items) > MOST[name]:
            raise ApiError(422, f"`{name}` has {len(items)} entries; {MOST[name]} are the most.")
    for number, word in enumerate(words):
        if not (0 <= word.start <= word.end < math.inf):
            raise ApiError(422, f"`transcript.words[{number}]` ({word.word[:40]}) ends before it starts.")
    try:
        check_captions(config, fonts, styles)
    except ValueError as error:
        raise ApiError(400, str(error)) from error
    if config.shots and (problem := problem_of(config.shots, duration_s)) is not None:
        raise ApiError(422, f"`shots`: {problem}")
    for number, item in enumerate(config.b_roll):
        end = item.start_time + item.duration
        if end > duration_s + OVERHANG_S:
            raise ApiError(
                422,
                f"`b_roll[{number}]` ends at {end:g} s, after the clip's end at {duration_s:.3f} s. "
                "Move or shorten it.",
            )
    for number, emoji in enumerate(config.elements.emojis):
        if emoji.start_time >= duration_s:
            raise ApiError(422, f"`elements.emojis[{number}]` starts after the clip's end at {duration_s:.3f} s.")


def check_bounds(start_s: float, end_s: float, source_s: float | None) -> None:
    if not (math.isfinite(start_s) and math.isfinite(end_s)) or start_s < 0:
        raise ApiError(400, "`start_time` and `end_time` must be seconds of the source, from 0 on.")
    if end_s <= start_s:
        raise ApiError(422, "`end_time` must be after `start_time`.")
    if source_s is not None and end_s > source_s + OVERHANG_S:
        raise ApiError(422, f"`end_time` lies past the end of the video at {source_s:.3f} s.")
    if not SHORTEST_S <= end_s - start_s <= LONGEST_S:
        raise ApiError(422, f"A clip is {SHORTEST_S} to {LONGEST_S} seconds long.")


def check_media(platform: Platform, workspace_id: str, config: TemplateConfig) -> None:
    """Files that the config names must be of the workspace's own and of the kind that is wanted there, or at an address
    that may be reached. What such an address holds, the render will see; so with a file that was never confirmed.

    Raises ApiError 422 for a file that is not there or will not do, 400 for an address that may not be reached.
    """
    named = references(config)
    with platform.database.read() as connection:
        own = media_library.named(connection, workspace_id, {reference.value for reference in named})
    for reference in named:
        known = own.get(reference.value)
        if known is None and _is_elsewhere(platform, workspace_id, reference):
            continue
        try:
            file = checked(reference, msgspec.convert(known.facts, MediaFile) if known else None)
        except RenderFailed as error:
            raise ApiError(422, error.sentence) from error
        if missing := missing_s(reference, file):
            raise ApiError(
                422,
                f"{reference.place} shows {reference.shown_s:g} s from {reference.from_s:g} s on of {file.name}, which "
                f"ends {missing:.1f} s too early. Shorten it or begin earlier.",
            )


def _is_elsewhere(platform: Platform, workspace_id: str, reference: Reference) -> bool:
    """Whether there is a file for it that the library does not know: in the workspace's part of the store, or on the
    web. Raises ApiError 400 for an address that may not be reached."""
    key = media_library.key_in(workspace_id, reference.value)
    if key is not None:
        return platform.store.stat(key) is not None
    if "://" not in reference.value or reference.value.startswith(f"{platform.settings.public_url}/api/store/"):
        return False
    try:
        Outbound(platform.settings.outbound_allow).check(reference.value)
    except Refused as error:
        raise ApiError(400, f"{reference.place}: {error}") from error
    return True


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{name: _over(below.get(name), value) for name, value in above.items()}}
    return above
