"""/v1/templates: the built-in templates for each aspect ratio, the workspace's own, and its defaults."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter, RawBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access
from api.builtin_templates import ASPECT_RATIOS, get_builtin_config, list_builtin_templates
from api.dependencies import CallerDep, PlatformDep, WorkersDep
from api.edit_validation import (
    TEMPLATE_CONFIG_SCHEMA,
    check_config,
    check_media,
    describe_fonts,
    fill_defaults,
    hash_content,
    load_workspace_fonts,
    open_fonts,
    parse_config,
    parse_document,
)
from api.envelope import Data, Ok, Page, unpaginated
from api.errors import ApiError, not_found
from api.idempotency import record_response
from api.optional_nulls import drop_optional_nulls
from api.previews import draw_template
from api.rate_limits import PREVIEWS
from api.request_fields import NO_NUL_PATTERN
from api.signed_urls import sign_url
from carmic_assets.captions.caption_styles import describe_presets, list_style_names
from carmic_assets.model.template import TemplateConfig
from resources import cache, templates
from resources.caps import check_cap
from resources.database.tables import templates as templates_table
from resources.platform import Platform
from resources.templates import Template

Ratio = Literal["9_16", "1_1", "4_5", "16_9"]
TemplateId = Annotated[str, PathParameter(pattern=NO_NUL_PATTERN, max_length=80)]
TEMPLATES: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Templates"]}
PREVIEW_PREFIX = "preview:"  # cache keys under which the object keys of built-in templates' previews are stored
PREVIEW_LIFETIME = timedelta(days=3650)  # in effect unlimited
CHECKED_DURATION_S = 60.0  # a template is validated for a clip of this length


class TemplateRequest(msgspec.Struct):
    """A template. `ratio` is by default the config's `layout.aspectRatio`."""

    name: Annotated[
        str,
        Meta(
            pattern=NO_NUL_PATTERN,
            min_length=1,
            max_length=100,
            description="Name of the template; also a value of `caption_style`.",
            examples=["Brand"],
        ),
    ]
    template_config: Annotated[TemplateConfig, Meta(description="The config that the template holds.")]
    ratio: Annotated[
        Ratio | None,
        Meta(description="The aspect ratio that it is for; that of the config's `layout.aspectRatio` if omitted."),
    ] = None


class TemplateOut(msgspec.Struct):
    """A template; `is_system` marks a built-in one."""

    id: Annotated[
        str,
        Meta(
            description="Id of the template: a UUID, or `system:<style>:<ratio>` of a built-in one.",
            examples=["system:HORMOZI:9_16"],
        ),
    ]
    name: Annotated[
        str, Meta(description="Name of the template; also a value of `caption_style`.", examples=["HORMOZI"])
    ]
    ratio: Annotated[
        str, Meta(description="The aspect ratio that it is for: 9_16, 1_1, 4_5 or 16_9.", examples=["9_16"])
    ]
    template_config: Annotated[
        dict[str, Any],
        Meta(
            extra_json_schema=TEMPLATE_CONFIG_SCHEMA,
            description="The config of the template, with fields that this version does not know.",
        ),
    ]
    is_system: Annotated[bool, Meta(description="Whether the template is a built-in one.")]
    preview_urls: Annotated[
        list[str],
        Meta(
            description="Signed URLs of preview images of the template.",
            examples=[["https://carmic.example/api/store/preview.jpg?signature=4f1d"]],
        ),
    ]


class DefaultRequest(msgspec.Struct):
    """The template that becomes the default."""

    template_id: Annotated[
        str,
        Meta(
            pattern=NO_NUL_PATTERN,
            max_length=80,
            description="Id of a template of the workspace, or of a built-in one.",
            examples=["system:HORMOZI:9_16"],
        ),
    ]


class CaptionTemplate(msgspec.Struct):
    """A value of `caption_style`."""

    id: Annotated[str, Meta(description="The value of `caption_style`.", examples=["HORMOZI"])]
    name: Annotated[str, Meta(description="Name of the style for people.", examples=["Hormozi"])]
    description: Annotated[
        str, Meta(description="What the style looks like.", examples=["Bold capitals, one highlighted word."])
    ]
    is_system: Annotated[bool, Meta(description="Whether the style is a built-in one.")]
    style: Annotated[
        dict[str, Any],
        Meta(description="The fields of `style` that it sets.", examples=[{"fontSize": 88, "uppercase": True}]),
    ]


@get("/v1/templates", **TEMPLATES)
def list_templates(
    platform: PlatformDep,
    caller: CallerDep,
    ratio: Annotated[Ratio | None, QueryParameter(description="Only templates of this aspect ratio.")] = None,
) -> Page[TemplateOut]:
    """List the built-in templates, then the workspace's own."""
    with platform.database.read() as connection:
        own = templates.list_all(connection, caller.workspace)
        builtin = _list_builtin(platform, connection)
    items = [*builtin, *(_build_template(platform, template) for template in own)]
    return unpaginated([template for template in items if ratio in (None, template.ratio)])


@post("/v1/templates", idempotent=True, error_statuses=(409,), **TEMPLATES)
def create_template(
    platform: PlatformDep, caller: CallerDep, data: JSONBody[TemplateRequest], body: RawBody
) -> Data[TemplateOut]:
    """Save a template. Clips can then use its name as `caption_style`. Unknown fields are stored."""
    config = data.template_config
    if data.name in list_style_names():
        raise ApiError(409, f"`name` must not be a built-in style, such as {data.name}. Choose another name.")
    with platform.database.read() as connection:
        fonts = load_workspace_fonts(connection, caller.workspace, config, {})
    check_config(config, CHECKED_DURATION_S, {}, describe_fonts(fonts))
    check_media(platform, caller.workspace, config)
    aspect_ratio = config.layout.aspect_ratio
    ratio: str = data.ratio or next(name for name, value in ASPECT_RATIOS.items() if value == aspect_ratio)
    raw = drop_optional_nulls(parse_document(body)["template_config"], TemplateConfig)
    raw["layout"] = {**raw.get("layout", {}), "aspectRatio": ASPECT_RATIOS[ratio]}
    with platform.database.write() as connection:
        check_cap(connection, "templates", templates_table, caller.workspace)
        template = templates.create(connection, caller.workspace, data.name, ratio, raw)
        if template is None:
            raise ApiError(409, f"`name`: a template {data.name} already exists for this ratio. Choose another name.")
        return record_response(connection, Data(_build_template(platform, template)))


@delete("/v1/templates/{template_id:str}", status_code=200, **TEMPLATES)
def delete_template(platform: PlatformDep, caller: CallerDep, template_id: TemplateId) -> Data[Ok]:
    """Delete one of the workspace's own templates. 403 for a built-in one."""
    if get_builtin_config(template_id) is not None:
        raise ApiError(403, "Built-in templates cannot be deleted.")
    with platform.database.write() as connection:
        if not templates.remove(connection, caller.workspace, template_id):
            raise not_found("template")
    return Data(Ok())


@get("/v1/templates/defaults", **TEMPLATES)
def get_default_templates(platform: PlatformDep, caller: CallerDep) -> Data[dict[str, TemplateOut | None]]:
    """Return the default template of new clips for each ratio, or null."""
    with platform.database.read() as connection:
        default_ids = templates.get_defaults(connection, caller.workspace)
        own = templates.list_all(connection, caller.workspace)
        by_id = {template.id: template for template in _list_builtin(platform, connection)}
    by_id.update({template.id: _build_template(platform, template) for template in own})
    return Data({ratio: by_id.get(default_ids.get(ratio, "")) for ratio in ASPECT_RATIOS})


@put("/v1/templates/defaults/{ratio:str}", error_statuses=(402,), **TEMPLATES)
def set_default_template(
    platform: PlatformDep, caller: CallerDep, ratio: FromPath[str], data: JSONBody[DefaultRequest]
) -> Data[TemplateOut]:
    """Set the default template of new clips for a ratio. 402 for FREE workspaces."""
    _check_ratio(ratio)
    if caller.tier == "FREE":
        raise ApiError(402, "Default templates need a tier above FREE. Upgrade the workspace.")
    with platform.database.write() as connection:
        own = templates.get(connection, caller.workspace, data.template_id)
        template = _build_template(platform, own) if own else _find_builtin(platform, connection, data.template_id)
        if template is None:
            raise not_found("template")
        if template.ratio != ratio:
            raise ApiError(422, f"`template_id` must name a template for {ratio}; this one is for {template.ratio}.")
        templates.set_default(connection, caller.workspace, ratio, data.template_id)
    return Data(template)


@delete("/v1/templates/defaults/{ratio:str}", status_code=200, **TEMPLATES)
def clear_default_template(platform: PlatformDep, caller: CallerDep, ratio: FromPath[str]) -> Data[Ok]:
    """Remove the default template of a ratio. New clips then start with the built-in default."""
    _check_ratio(ratio)
    with platform.database.write() as connection:
        templates.clear_default(connection, caller.workspace, ratio)
    return Data(Ok())


@post("/v1/templates/{template_id:str}/regenerate-previews", status_code=200, rate_limit=PREVIEWS, **TEMPLATES)
def regenerate_template_previews(
    platform: PlatformDep, workers: WorkersDep, caller: CallerDep, template_id: TemplateId
) -> Data[TemplateOut]:
    """Render the template's preview image: its captions over a plain background, in its aspect ratio.

    Each version of the server renders a config with the same fonts only once.
    """
    with platform.database.read() as connection:
        own = templates.get(connection, caller.workspace, template_id)
        raw = own.template_config if own is not None else get_builtin_config(template_id)
        if raw is None:
            raise not_found("template")
        config = parse_config(raw)
        fonts = load_workspace_fonts(connection, caller.workspace, config, {})
    prefix = f"workspaces/{caller.workspace}/templates" if own is not None else "shared/templates"
    key = f"{prefix}/{hash_content(version('carmic'), config, [font.object_key for font in fonts])}.png"
    if platform.store.stat(key) is None:
        with (
            tempfile.TemporaryDirectory(prefix="carmic-preview-") as folder,
            open_fonts(platform, fonts) as files,
        ):
            path = Path(folder) / "preview.png"
            cache_dir = platform.settings.cache_dir / "captions"
            draw_template(workers, caller.workspace, config, files, path, cache_dir)
            platform.store.put_file(key, path, "image/png")
    with platform.database.write() as connection:
        if own is not None:
            templates.set_previews(connection, own.id, [key])
            return Data(_build_template(platform, msgspec.structs.replace(own, preview_keys=[key])))
        cache.put(connection, PREVIEW_PREFIX + template_id, key, PREVIEW_LIFETIME)
        builtin = _find_builtin(platform, connection, template_id)
    if builtin is None:
        raise not_found("template")
    return Data(builtin)


@get("/v1/projects/caption-templates", **{**TEMPLATES, "tags": ["Projects"]})
def list_caption_templates(platform: PlatformDep, caller: CallerDep) -> Page[CaptionTemplate]:
    """List the values of `caption_style`: the built-in styles, then the workspace's own templates."""
    with platform.database.read() as connection:
        own = templates.list_all(connection, caller.workspace)
    items = [msgspec.convert(style, CaptionTemplate) for style in describe_presets()]
    for template in own:
        style = fill_defaults(template.template_config)["style"]
        items.append(CaptionTemplate(template.id, template.name, "Your own template.", False, style))
    return unpaginated(items)


def _list_builtin(platform: Platform, connection: Connection) -> list[TemplateOut]:
    preview_keys = cache.list_by_prefix(connection, PREVIEW_PREFIX)
    items = []
    for template in list_builtin_templates():
        url = sign_url(platform, preview_keys.get(PREVIEW_PREFIX + template.id), "image/png")
        urls = [url] if url else []
        items.append(TemplateOut(template.id, template.name, template.ratio, template.config, True, urls))
    return items


def _find_builtin(platform: Platform, connection: Connection, template_id: str) -> TemplateOut | None:
    return next((template for template in _list_builtin(platform, connection) if template.id == template_id), None)


def _build_template(platform: Platform, template: Template) -> TemplateOut:
    urls = [sign_url(platform, key, "image/png") for key in template.preview_keys]
    return TemplateOut(
        template.id,
        template.name,
        template.ratio,
        template.template_config,
        False,
        [url for url in urls if url],
    )


def _check_ratio(ratio: str) -> None:
    if ratio not in ASPECT_RATIOS:
        raise ApiError(400, f"`ratio` must be one of {', '.join(ASPECT_RATIOS)}.")


ROUTES: list[HTTPRouteHandler] = [
    list_templates,
    create_template,
    delete_template,
    get_default_templates,
    set_default_template,
    clear_default_template,
    regenerate_template_previews,
    list_caption_templates,
]
