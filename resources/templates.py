"""A workspace's own templates: a name, a ratio, a config. The shipped ones are code, in the captions room."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from resources.database.tables import templates


def configs(connection: Connection, workspace_id: str) -> dict[str, dict[str, Any]]:
    """Their configs by name, as the clients sent them."""
    query = select(templates.c.name, templates.c.template_config).where(templates.c.workspace_id == workspace_id)
    return {row.name: row.template_config for row in connection.execute(query.order_by(templates.c.created_at))}
