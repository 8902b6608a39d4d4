"""Pending uploads: files for which a workspace has an upload URL and which are not part of its library yet.

Each counts against the storage limit with its declared size. An upload that is not confirmed within `LIFETIME` is
deleted together with its object.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, func, select

from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import pending_uploads

LIFETIME = timedelta(days=1)


class PendingUpload(msgspec.Struct, frozen=True):
    """A row of `pending_uploads`. `clip_id` is set for a file that will belong to one clip."""

    id: str
    workspace_id: str
    clip_id: str | None
    object_key: str
    filename: str
    declared_bytes: int
    expires_at: datetime
    created_at: datetime


_COLUMNS = select_columns(pending_uploads, PendingUpload)


def add(
    connection: Connection,
    workspace_id: str,
    object_key: str,
    filename: str,
    declared_bytes: int,
    clip_id: str | None = None,
) -> PendingUpload:
    """Insert the upload of an object."""
    created_at = now()
    values = {
        "id": str(uuid.uuid4()),
        "workspace_id": workspace_id,
        "clip_id": clip_id,
        "object_key": object_key,
        "filename": filename,
        "declared_bytes": declared_bytes,
        "expires_at": created_at + LIFETIME,
        "created_at": created_at,
    }
    return insert_row(connection, pending_uploads, PendingUpload, values)


def find_by_key(connection: Connection, workspace_id: str, object_key: str) -> PendingUpload | None:
    """Return the workspace's pending upload of the object."""
    query = select(*_COLUMNS).where(
        pending_uploads.c.object_key == object_key, pending_uploads.c.workspace_id == workspace_id
    )
    return fetch_one(connection, query, PendingUpload)


def list_all(connection: Connection, workspace_id: str) -> list[PendingUpload]:
    """Return the workspace's pending uploads, newest first."""
    query = select(*_COLUMNS).where(pending_uploads.c.workspace_id == workspace_id)
    return fetch_all(connection, query.order_by(pending_uploads.c.created_at.desc()), PendingUpload)


def list_expired(connection: Connection, limit: int = 200) -> list[PendingUpload]:
    """Return the expired pending uploads of all workspaces."""
    query = select(*_COLUMNS).where(pending_uploads.c.expires_at < now())
    return fetch_all(connection, query.limit(limit), PendingUpload)


def get_declared_bytes(connection: Connection, workspace_id: str) -> int:
    """Return the total declared size of the workspace's pending uploads."""
    total = select(func.coalesce(func.sum(pending_uploads.c.declared_bytes), 0))
    return int(connection.scalar(total.where(pending_uploads.c.workspace_id == workspace_id)) or 0)


def remove(connection: Connection, workspace_id: str, object_key: str) -> None:
    """Delete the row of a pending upload whose object has become part of the library or was deleted."""
    connection.execute(
        delete(pending_uploads).where(
            pending_uploads.c.object_key == object_key, pending_uploads.c.workspace_id == workspace_id
        )
    )
