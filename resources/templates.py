"""Templates of a workspace: a name, an aspect ratio and a config. The built-in templates are code in `api`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, exists, select, update

from resources import accounts
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_on_conflict, insert_row, select_columns
from resources.database.tables import template_defaults, templates


class Template(msgspec.Struct, frozen=True):
    """A row of `templates`. `ratio` is written 9_16; `template_config` is stored as the client sent it."""

    id: str
    name: str
    ratio: str
    template_config: dict[str, Any]
    preview_keys: list[str]
    created_at: datetime


_COLUMNS = select_columns(templates, Template)


def get_configs_by_name(connection: Connection, workspace_id: str) -> dict[str, dict[str, Any]]:
    """Return the configs by template name, which a `caption_style` may refer to."""
    return {template.name: template.template_config for template in list_all(connection, workspace_id)}


def list_all(connection: Connection, workspace_id: str) -> list[Template]:
    """Return the workspace's templates, oldest first."""
    query = select(*_COLUMNS).where(templates.c.workspace_id == workspace_id)
    return fetch_all(connection, query.order_by(templates.c.created_at, templates.c.id), Template)


def get(connection: Connection, workspace_id: str, template_id: str) -> Template | None:
    """Return the workspace's template."""
    query = select(*_COLUMNS).where(templates.c.id == template_id, templates.c.workspace_id == workspace_id)
    return fetch_one(connection, query, Template)


def create(connection: Connection, workspace_id: str, name: str, ratio: str, config: dict[str, Any]) -> Template | None:
    """Create a template. Return None if the workspace has one of this name and ratio."""
    accounts.lock_workspace(connection, workspace_id)
    same_name = exists().where(
        templates.c.workspace_id == workspace_id, templates.c.name == name, templates.c.ratio == ratio
    )
    if connection.scalar(select(same_name)):
        return None
    values = {
        "id": str(uuid.uuid4()),
        "workspace_id": workspace_id,
        "name": name,
        "ratio": ratio,
        "template_config": config,
        "preview_keys": [],
        "created_at": now(),
    }
    return insert_row(connection, templates, Template, values)


def set_previews(connection: Connection, template_id: str, keys: list[str]) -> None:
    """Set the store keys of the template's previews."""
    connection.execute(update(templates).where(templates.c.id == template_id).values(preview_keys=keys))


def remove(connection: Connection, workspace_id: str, template_id: str) -> bool:
    """Delete the template and the defaults that name it. Return False if there is no such template."""
    is_default = (template_defaults.c.workspace_id == workspace_id) & (template_defaults.c.template_id == template_id)
    connection.execute(delete(template_defaults).where(is_default))
    query = delete(templates).where(templates.c.id == template_id, templates.c.workspace_id == workspace_id)
    return connection.execute(query).rowcount == 1


def get_defaults(connection: Connection, workspace_id: str) -> dict[str, str]:
    """Return the ID of the default template by ratio: one of the workspace's, or `system:...`."""
    query = select(template_defaults).where(template_defaults.c.workspace_id == workspace_id)
    return {row.ratio: row.template_id for row in connection.execute(query)}


def set_default(connection: Connection, workspace_id: str, ratio: str, template_id: str) -> None:
    """Make the template the default of the ratio."""
    row = insert_on_conflict(connection, template_defaults).values(
        workspace_id=workspace_id, ratio=ratio, template_id=template_id
    )
    key = [template_defaults.c.workspace_id, template_defaults.c.ratio]
    connection.execute(row.on_conflict_do_update(index_elements=key, set_={"template_id": template_id}))


def clear_default(connection: Connection, workspace_id: str, ratio: str) -> None:
    """Remove the default of the ratio."""
    is_default = (template_defaults.c.workspace_id == workspace_id) & (template_defaults.c.ratio == ratio)
    connection.execute(delete(template_defaults).where(is_default))
