"""/v1/templates: the shipped presets for each aspect ratio, a workspace's own, and its defaults."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter, RawBody
from msgspec import Meta
from sqlalchemy import Connection

from api import edit_validation
from api.access import Access
from api.builtin_templates import RATIOS, shipped_config, shipped_templates
from api.dependencies import TheCaller, ThePlatform
from api.envelope import Data, Ok, Page, whole
from api.errors import ApiError, not_found
from api.previews import draw
from api.request_fields import NO_NUL
from api.signed_urls import link
from carmic_assets.captions.caption_styles import caption_templates, known_styles
from carmic_assets.model.template import TemplateConfig
from resources import cache, templates
from resources.platform import Platform
from resources.templates import Template

Ratio = Literal["9_16", "1_1", "4_5", "16_9"]
TemplateId = Annotated[str, PathParameter(pattern=NO_NUL, max_length=80)]
TAGS = ["Templates"]
PREVIEW = "preview:"  # of shipped templates: where their pictures are
PREVIEW_LIFE = timedelta(days=3650)
LONG_S = 60.0  # templates are checked as for a clip of this length


class TemplateIn(msgspec.Struct):
    """`ratio` left out is that of the config's `layout.aspectRatio`."""

    name: Annotated[str, Meta(pattern=NO_NUL, min_length=1, max_length=100)]
    template_config: TemplateConfig
    ratio: Ratio | None = None


class TemplateOut(msgspec.Struct):
    id: str
    name: str
    ratio: str
    template_config: dict[str, Any]
    is_system: bool
    preview_urls: list[str]


class DefaultIn(msgspec.Struct):
    template_id: Annotated[str, Meta(pattern=NO_NUL, max_length=80)]


class CaptionTemplate(msgspec.Struct):
    id: str
    name: str
    description: str
    is_system: bool
    style: dict[str, Any]


@get("/v1/templates", access=Access.EDITOR, sync_to_thread=True, tags=TAGS)
def listing(
    platform: ThePlatform,
    caller: TheCaller,
    ratio: Annotated[Ratio | None, QueryParameter(description="Of this aspect ratio alone.")] = None,
) -> Page[TemplateOut]:
    """The shipped templates, then the workspace's own."""
    with platform.database.read() as connection:
        own = templates.listing(connection, caller.workspace)
        system = _system(platform, connection)
    found = [*system, *(_shown(platform, template) for template in own)]
    return whole([template for template in found if ratio in (None, template.ratio)])


@post("/v1/templates", access=Access.EDITOR, idempotent=True, refuses=(409,), sync_to_thread=True, tags=TAGS)
def create(platform: ThePlatform, caller: TheCaller, data: JSONBody[TemplateIn], body: RawBody) -> Data[TemplateOut]:
    """Save a template. `caption_style` of a clip may then be its name. Unknown fields are kept."""
    if data.name in known_styles():
        raise ApiError(409, f"{data.name} is the name of a shipped style. Choose another.")
    with platform.database.read() as connection:
        fonts = edit_validation.own_fonts(connection, caller.workspace, data.template_config, {})
    with edit_validation.opened(platform, fonts) as files:
        edit_validation.check(data.template_config, LONG_S, {}, files)
    edit_validation.check_media(platform, caller.workspace, data.template_config)
    aspect = data.template_config.layout.aspect_ratio
    ratio: str = data.ratio or next(name for name, value in RATIOS.items() if value == aspect)
    raw = edit_validation.document(body)["template_config"]
    raw["layout"] = {**raw.get("layout", {}), "aspectRatio": RATIOS[ratio]}
    with platform.database.write() as connection:
        made = templates.create(connection, caller.workspace, data.name, ratio, raw)
    if made is None:
        raise ApiError(409, f"There is a template {data.name} for this ratio already. Choose another name.")
    return Data(_shown(platform, made))


@delete("/v1/templates/{template_id:str}", access=Access.EDITOR, status_code=200, sync_to_thread=True, tags=TAGS)
def remove(platform: ThePlatform, caller: TheCaller, template_id: TemplateId) -> Data[Ok]:
    """Delete one of the workspace's own templates. The shipped ones stay: 403."""
    if shipped_config(template_id) is not None:
        raise ApiError(403, "The shipped templates cannot be deleted.")
    with platform.database.write() as connection:
        if not templates.remove(connection, caller.workspace, template_id):
            raise not_found("template")
    return Data(Ok())


@get("/v1/templates/defaults", access=Access.EDITOR, sync_to_thread=True, tags=TAGS)
def defaults(platform: ThePlatform, caller: TheCaller) -> Data[dict[str, TemplateOut | None]]:
    """For each ratio the template that new clips start with, or null."""
    with platform.database.read() as connection:
        chosen = templates.defaults(connection, caller.workspace)
        own = {template.id: template for template in templates.listing(connection, caller.workspace)}
        known = {template.id: template for template in _system(platform, connection)}
    known.update({identity: _shown(platform, template) for identity, template in own.items()})
    return Data({ratio: known.get(chosen.get(ratio, "")) for ratio in RATIOS})


@put("/v1/templates/defaults/{ratio:str}", access=Access.EDITOR, refuses=(402,), sync_to_thread=True, tags=TAGS)
def set_default(
    platform: ThePlatform, caller: TheCaller, ratio: FromPath[str], data: JSONBody[DefaultIn]
) -> Data[TemplateOut]:
    """Choose the template that new clips of a ratio start with. 402 for FREE."""
    _check_ratio(ratio)
    if caller.tier == "FREE":
        raise ApiError(402, "Default templates need a tier above FREE.")
    with platform.database.write() as connection:
        own = templates.get(connection, caller.workspace, data.template_id)
        found = _shown(platform, own) if own else _of_system(platform, connection, data.template_id)
        if found is None:
            raise not_found("template")
        if found.ratio != ratio:
            raise ApiError(422, f"This template is for {found.ratio}, not for {ratio}.")
        templates.set_default(connection, caller.workspace, ratio, data.template_id)
    return Data(found)


@delete("/v1/templates/defaults/{ratio:str}", access=Access.EDITOR, status_code=200, sync_to_thread=True, tags=TAGS)
def clear_default(platform: ThePlatform, caller: TheCaller, ratio: FromPath[str]) -> Data[Ok]:
    """Let new clips of a ratio start with what the server ships."""
    _check_ratio(ratio)
    with platform.database.write() as connection:
        templates.clear_default(connection, caller.workspace, ratio)
    return Data(Ok())


@post(
    "/v1/templates/{template_id:str}/regenerate-previews",
    access=Access.EDITOR,
    status_code=200,
    sync_to_thread=True,
    tags=TAGS,
)
def regenerate_previews(platform: ThePlatform, caller: TheCaller, template_id: TemplateId) -> Data[TemplateOut]:
    """Draw the template's preview picture: its captions on a plain ground, in its aspect ratio.

    The same config in the same fonts is drawn once by each version of the server.
    """
    with platform.database.read() as connection:
        own = templates.get(connection, caller.workspace, template_id)
        raw = own.template_config if own is not None else shipped_config(template_id)
        if raw is None:
            raise not_found("template")
        config = edit_validation.parsed(raw)
        fonts = edit_validation.own_fonts(connection, caller.workspace, config, {})
    room = f"workspaces/{caller.workspace}/templates" if own is not None else "shared/templates"
    key = f"{room}/{edit_validation.digest(version('carmic'), config, [font.object_key for font in fonts])}.png"
    if platform.store.stat(key) is None:
        with (
            tempfile.TemporaryDirectory(prefix="carmic-preview-") as folder,
            edit_validation.opened(platform, fonts) as files,
        ):
            path = Path(folder) / "preview.png"
            draw(config, files, path, platform.settings.cache_dir / "captions")
            platform.store.put_file(key, path, "image/png")
    with platform.database.write() as connection:
        if own is not None:
            templates.set_previews(connection, own.id, [key])
            return Data(_shown(platform, msgspec.structs.replace(own, preview_keys=[key])))
        cache.put(connection, PREVIEW + template_id, key, PREVIEW_LIFE)
        found = _of_system(platform, connection, template_id)
    assert found is not None  # its config was found among the shipped
    return Data(found)


@get("/v1/projects/caption-templates", access=Access.EDITOR, sync_to_thread=True, tags=["Projects"])
def captions(platform: ThePlatform, caller: TheCaller) -> Page[CaptionTemplate]:
    """The values that `caption_style` may take: the shipped styles, then the workspace's own templates."""
    with platform.database.read() as connection:
        own = templates.listing(connection, caller.workspace)
    found = [msgspec.convert(style, CaptionTemplate) for style in caption_templates()]
    for template in own:
        style = edit_validation.filled(template.template_config)["style"]
        found.append(CaptionTemplate(template.id, template.name, "Your own template.", False, style))
    return whole(found)


def _system(platform: Platform, connection: Connection) -> list[TemplateOut]:
    drawn = cache.starting(connection, PREVIEW)
    found = []
    for shipped in shipped_templates():
        url = link(platform, drawn.get(PREVIEW + shipped[0]), "image/png")
        found.append(TemplateOut(*shipped, True, [url] if url else []))
    return found


def _of_system(platform: Platform, connection: Connection, template_id: str) -> TemplateOut | None:
    return next((template for template in _system(platform, connection) if template.id == template_id), None)


def _shown(platform: Platform, template: Template) -> TemplateOut:
    urls = [link(platform, key, "image/png") for key in template.preview_keys]
    return TemplateOut(
        template.id,
        template.name,
        template.ratio,
        template.template_config,
        False,
        [url for url in urls if url],
    )


def _check_ratio(ratio: str) -> None:
    if ratio not in RATIOS:
        raise ApiError(400, f"The ratio must be one of {', '.join(RATIOS)}.")


ROUTES: list[Any] = [
    listing, create, remove, defaults, set_default, clear_default, regenerate_previews, captions,
]  # fmt: skip
