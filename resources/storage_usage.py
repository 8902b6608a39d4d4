"""Storage: the bytes that a workspace's media library uses, and the limit of each tier."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from resources.database.tables import media

GB = 1024**3
STORAGE_LIMITS_BYTES = {
    "FREE": GB,
    "STANDARD": 10 * GB,
    "PROFESSIONAL": 50 * GB,
    "BUSINESS": 100 * GB,
    "ENTERPRISE": 500 * GB,
}


def get_stored_bytes(connection: Connection, workspace_id: str) -> int:
    """Return the total size of the workspace's media library."""
    total = select(func.coalesce(func.sum(media.c.size_bytes), 0)).where(media.c.workspace_id == workspace_id)
    return int(connection.scalar(total) or 0)
