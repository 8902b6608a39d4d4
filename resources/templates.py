"""A workspace's own templates: a name, a ratio, a config. The shipped ones are code, in the captions room."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from resources import accounts
from resources.database.engine import now
from resources.database.tables import template_defaults, templates


class Template(msgspec.Struct, frozen=True):
    """A row of `templates`. `ratio` is written 9_16; `template_config` is as the client sent it."""

    id: str
    name: str
    ratio: str
    template_config: dict[str, Any]
    preview_keys: list[str]
    created_at: datetime


_FIELDS = [templates.c[name] for name in Template.__struct_fields__]


def configs(connection: Connection, workspace_id: str) -> dict[str, dict[str, Any]]:
    """Their configs by name: what `caption_style` may call."""
    return {template.name: template.template_config for template in listing(connection, workspace_id)}


def listing(connection: Connection, workspace_id: str) -> list[Template]:
    """Oldest first."""
    query = select(*_FIELDS).where(templates.c.workspace_id == workspace_id)
    rows = connection.execute(query.order_by(templates.c.created_at, templates.c.id))
    return [Template(**row._mapping) for row in rows]


def get(connection: Connection, workspace_id: str, template_id: str) -> Template | None:
    query = select(*_FIELDS).where(templates.c.id == template_id, templates.c.workspace_id == workspace_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Template(**row._mapping)


def create(connection: Connection, workspace_id: str, name: str, ratio: str, config: dict[str, Any]) -> Template | None:
    """None when the workspace has a template of this name and ratio."""
    accounts.lock(connection, workspace_id)
    same = exists().where(
        templates.c.workspace_id == workspace_id, templates.c.name == name, templates.c.ratio == ratio
    )
    if connection.scalar(select(same)):
        return None
    template_id = str(uuid.uuid4())
    row = {"id": template_id, "workspace_id": workspace_id, "name": name, "ratio": ratio, "template_config": config}
    connection.execute(insert(templates).values(**row, preview_keys=[], created_at=now()))
    return get(connection, workspace_id, template_id)


def set_previews(connection: Connection, template_id: str, keys: list[str]) -> None:
    connection.execute(update(templates).where(templates.c.id == template_id).values(preview_keys=keys))


def remove(connection: Connection, workspace_id: str, template_id: str) -> bool:
    """Also where it was a default."""
    of = (template_defaults.c.workspace_id == workspace_id) & (template_defaults.c.template_id == template_id)
    connection.execute(delete(template_defaults).where(of))
    gone = delete(templates).where(templates.c.id == template_id, templates.c.workspace_id == workspace_id)
    return connection.execute(gone).rowcount == 1


def defaults(connection: Connection, workspace_id: str) -> dict[str, str]:
    """Template ids (own, or `system:...`) by ratio."""
    query = select(template_defaults).where(template_defaults.c.workspace_id == workspace_id)
    return {row.ratio: row.template_id for row in connection.execute(query)}


def set_default(connection: Connection, workspace_id: str, ratio: str, template_id: str) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(template_defaults).values(workspace_id=workspace_id, ratio=ratio, template_id=template_id)
    key = [template_defaults.c.workspace_id, template_defaults.c.ratio]
    connection.execute(row.on_conflict_do_update(index_elements=key, set_={"template_id": template_id}))


def clear_default(connection: Connection, workspace_id: str, ratio: str) -> None:
    of = (template_defaults.c.workspace_id == workspace_id) & (template_defaults.c.ratio == ratio)
    connection.execute(delete(template_defaults).where(of))
