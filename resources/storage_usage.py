"""How much a workspace keeps in its media library, and how much its tier allows."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from resources.database.tables import media

GB = 1024**3
STORAGE_CAPS = {"FREE": GB, "STANDARD": 10 * GB, "PROFESSIONAL": 50 * GB, "BUSINESS": 100 * GB, "ENTERPRISE": 500 * GB}


def stored_bytes(connection: Connection, workspace_id: str) -> int:
    total = select(func.coalesce(func.sum(media.c.size_bytes), 0)).where(media.c.workspace_id == workspace_id)
    return int(connection.scalar(total) or 0)
