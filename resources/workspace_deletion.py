"""Deletion of workspaces: access and outgoing connections end at once, rows and objects are erased by a sensor."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, select, update

from resources import projects
from resources.database.engine import now
from resources.database.tables import (
    api_keys,
    idempotency,
    invitations,
    members,
    run_intents,
    social_accounts,
    sse_tickets,
    webhooks,
    workspaces,
)
from resources.database.tables import projects as projects_table


def key_prefix(workspace_id: str) -> str:
    """Return the prefix of all store keys of the workspace."""
    return f"workspaces/{workspace_id}/"


def delete_workspace(connection: Connection, workspace_id: str) -> None:
    """Hide the workspace and its projects at once; members, keys, webhooks and connected accounts are deleted."""
    for table in (members, api_keys, invitations, webhooks, social_accounts, sse_tickets):
        connection.execute(delete(table).where(table.c.workspace_id == workspace_id))
    visible = select(projects_table.c.id).where(
        projects_table.c.workspace_id == workspace_id, projects_table.c.deleted_at.is_(None)
    )
    for project_id in connection.scalars(visible).all():
        projects.delete(connection, project_id)
    connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(deleted_at=now()))


def list_erasable(connection: Connection, limit: int = 20) -> list[str]:
    """Return deleted workspaces whose projects are all purged."""
    unpurged = exists().where(projects_table.c.workspace_id == workspaces.c.id, projects_table.c.purged_at.is_(None))
    query = select(workspaces.c.id).where(workspaces.c.deleted_at.is_not(None), ~unpurged)
    return list(connection.scalars(query.limit(limit)))


def erase(connection: Connection, workspace_id: str) -> None:
    """Delete every row of the workspace. Delete its objects first, because nothing refers to them afterwards."""
    connection.execute(delete(run_intents).where(run_intents.c.workspace_id == workspace_id))
    connection.execute(delete(idempotency).where(idempotency.c.scope == workspace_id))
    connection.execute(delete(workspaces).where(workspaces.c.id == workspace_id))
