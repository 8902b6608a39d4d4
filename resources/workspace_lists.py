"""Lists over all projects of a workspace: clips, renders, exports and recorded events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, func, select

from resources.clips import Clip
from resources.database.keyset_pages import Order, PageRequest, fetch_keyset_page
from resources.database.queries import fetch_all, select_columns
from resources.database.tables import clips, events, exports, projects, renders
from resources.exports import Export
from resources.outbox import WEBHOOK_EVENTS, Event
from resources.renders import Render

CLIP_ORDERS = {
    "created_at": clips.c.created_at,
    "updated_at": clips.c.updated_at,
    "virality_score": clips.c.virality_score,
}


class ClipFilter(msgspec.Struct, frozen=True):
    """Which clips to list. What is None does not filter."""

    project_id: str | None = None
    status: str | None = None
    min_score: int | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: str = ""


class JobFilter(msgspec.Struct, frozen=True):
    """Which renders or exports to list. What is None does not filter."""

    project_id: str | None = None
    clip_id: str | None = None
    status: str | None = None


def list_clips(
    connection: Connection, workspace_id: str, filters: ClipFilter, order: Order, page: PageRequest
) -> tuple[list[Clip], int, bool]:
    """Return a page of the workspace's clips that can be listed, their number, and whether more follow."""
    is_listed = (projects.c.deleted_at.is_(None), projects.c.visual_pipeline_ready)
    query = (
        select(*select_columns(clips, Clip))
        .join(projects, projects.c.id == clips.c.project_id)
        .where(clips.c.workspace_id == workspace_id, clips.c.retired_at.is_(None), *is_listed)
    )
    conditions: dict[str, Any] = {"project_id": filters.project_id, "status": filters.status}
    for name, value in conditions.items():
        if value is not None:
            query = query.where(clips.c[name] == value)
    if filters.min_score is not None:
        query = query.where(clips.c.virality_score >= filters.min_score)
    if filters.created_after is not None:
        query = query.where(clips.c.created_at >= filters.created_after)
    if filters.created_before is not None:
        query = query.where(clips.c.created_at < filters.created_before)
    if filters.search:
        query = query.where(func.lower(clips.c.title).contains(filters.search.lower(), autoescape=True))
    return fetch_keyset_page(connection, query, Clip, order, page)


def order_clips(name: str, is_descending: bool) -> Order:
    """Return the order of clips by a name of `CLIP_ORDERS`."""
    return Order(CLIP_ORDERS[name], clips.c.id, is_descending)


def list_renders(
    connection: Connection, workspace_id: str, filters: JobFilter, page: PageRequest
) -> tuple[list[Render], int, bool]:
    """Return a page of the workspace's renders, newest first, their number, and whether more follow."""
    query = _filter_jobs(select(*select_columns(renders, Render)), renders, workspace_id, filters)
    return fetch_keyset_page(connection, query, Render, Order(renders.c.created_at, renders.c.id, True), page)


def list_exports(
    connection: Connection, workspace_id: str, filters: JobFilter, page: PageRequest
) -> tuple[list[Export], int, bool]:
    """Return a page of the workspace's exports, newest first, their number, and whether more follow."""
    query = _filter_jobs(select(*select_columns(exports, Export)), exports, workspace_id, filters)
    return fetch_keyset_page(connection, query, Export, Order(exports.c.created_at, exports.c.id, True), page)


def _filter_jobs(query: Select[Any], table: Table, workspace_id: str, filters: JobFilter) -> Select[Any]:
    query = query.join(projects, projects.c.id == table.c.project_id)
    query = query.where(table.c.workspace_id == workspace_id, projects.c.deleted_at.is_(None))
    for name, value in msgspec.structs.asdict(filters).items():
        if value is not None:
            query = query.where(table.c[name] == value)
    return query


def list_events(
    connection: Connection, workspace_id: str, after_id: int, limit: int, names: tuple[str, ...] = WEBHOOK_EVENTS
) -> list[Event]:
    """Return the workspace's events for webhooks after an id, oldest first. The outbox keeps events for seven days."""
    query = select(*select_columns(events, Event)).where(
        events.c.workspace_id == workspace_id, events.c.id > after_id, events.c.event.in_(names)
    )
    return fetch_all(connection, query.order_by(events.c.id).limit(limit), Event)
