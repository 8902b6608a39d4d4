"""Assets of a timeline: the files of footage that its segments use. An asset that is `ready` stays ready."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from resources import state_transitions, timelines
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import segments, timeline_assets
from resources.timelines import Timeline, key_prefix

Status = Literal["awaiting_upload", "downloading", "ready", "failed"]


class TimelineAsset(msgspec.Struct, frozen=True):
    """A row of `timeline_assets`. `facts` and `proxy_facts` are probe results as JSON types."""

    id: str
    timeline_id: str
    workspace_id: str
    file_name: str
    content_type: str
    origin: dict[str, Any]
    object_key: str
    proxy_key: str | None
    status: str
    facts: dict[str, Any] | None
    proxy_facts: dict[str, Any] | None
    error_message: str | None
    created_at: datetime

    @property
    def clock_offset(self) -> int:
        """Number of the file's first frame on the footage's clock. A variant continues the clock of its range."""
        return int(self.origin.get("first_frame", 0))


class NewAsset(msgspec.Struct, frozen=True):
    """An asset before it is stored. `suffix` is the end of the store key; `origin` is the source of the file."""

    file_name: str
    content_type: str
    suffix: str
    origin: dict[str, Any]
    status: Status


class GeneratedFile(msgspec.Struct, frozen=True):
    """The file of an accepted variant, and the number of its first frame on the clock of the range that it replaces."""

    variant_id: str
    name: str
    object_key: str
    facts: dict[str, Any]
    first_frame: int


class AcceptedFootage(msgspec.Struct, frozen=True):
    """A probed file to add to its timeline: facts and canvas as JSON types, and the difference of the segments."""

    facts: dict[str, Any]
    canvas: dict[str, Any]
    difference: timelines.SegmentDifference


_COLUMNS = select_columns(timeline_assets, TimelineAsset)


def create(connection: Connection, timeline: Timeline, new: NewAsset) -> TimelineAsset:
    """Insert an asset of the timeline. Its file does not exist yet."""
    asset_id = str(uuid.uuid4())
    prefix = asset_prefix(timeline.workspace_id, timeline.id, asset_id)
    values = {"id": asset_id, "timeline_id": timeline.id, "workspace_id": timeline.workspace_id, "created_at": now()}
    values |= {"object_key": f"{prefix}source{new.suffix}", "origin": new.origin, "status": new.status}
    values |= {"file_name": new.file_name, "content_type": new.content_type}
    return insert_row(connection, timeline_assets, TimelineAsset, values)


def asset_prefix(workspace_id: str, timeline_id: str, asset_id: str) -> str:
    """Return the prefix of the store keys of the asset's files."""
    return f"{key_prefix(workspace_id, timeline_id)}assets/{asset_id}/"


def get(connection: Connection, asset_id: str) -> TimelineAsset | None:
    """Return the asset."""
    return fetch_one(connection, select(*_COLUMNS).where(timeline_assets.c.id == asset_id), TimelineAsset)


def find_by_key(connection: Connection, object_key: str) -> TimelineAsset | None:
    """Return the asset whose source has this store key."""
    return fetch_one(connection, select(*_COLUMNS).where(timeline_assets.c.object_key == object_key), TimelineAsset)


def list_for_timelines(connection: Connection, timeline_ids: Iterable[str]) -> list[TimelineAsset]:
    """Return the assets of several timelines, oldest first."""
    query = select(*_COLUMNS).where(timeline_assets.c.timeline_id.in_(list(timeline_ids)))
    query = query.order_by(timeline_assets.c.created_at, timeline_assets.c.id)
    return fetch_all(connection, query, TimelineAsset)


def list_awaited(connection: Connection, newer_than: timedelta, limit: int) -> list[TimelineAsset]:
    """Return assets whose upload was announced within `newer_than` and has not been taken in, oldest first."""
    is_awaited = (timeline_assets.c.status == "awaiting_upload", timeline_assets.c.created_at > now() - newer_than)
    query = select(*_COLUMNS).where(*is_awaited).order_by(timeline_assets.c.created_at).limit(limit)
    return fetch_all(connection, query, TimelineAsset)


def begin_ingest(connection: Connection, asset_id: str) -> bool:
    """Mark an uploaded asset as being taken in by a run. Return False if that is no longer awaited."""
    query = update(timeline_assets).where(timeline_assets.c.id == asset_id)
    query = query.where(timeline_assets.c.status == "awaiting_upload").values(status="downloading")
    return connection.execute(query).rowcount == 1


def count(connection: Connection, timeline_id: str) -> int:
    """Return the number of assets of the timeline, without accepted variants."""
    is_counted = timeline_assets.c.origin["kind"].as_string() != "generated"
    query = select(func.count()).where(timeline_assets.c.timeline_id == timeline_id, is_counted)
    return connection.scalar(query) or 0


def ensure_generated(connection: Connection, timeline: Timeline, variant: GeneratedFile) -> TimelineAsset:
    """Return the ready asset that shows an accepted variant; insert it if there is none.

    The variant's file has a keyframe every half second and no B-frames, so it is its own editing proxy.
    """
    stored = find_by_key(connection, variant.object_key)
    if stored is not None:
        return stored
    values: dict[str, Any] = {"timeline_id": timeline.id, "workspace_id": timeline.workspace_id}
    values |= {
        "id": str(uuid.uuid4()),
        "file_name": variant.name,
        "content_type": "video/mp4",
        "status": "ready",
        "created_at": now(),
    }
    values |= {"object_key": variant.object_key, "proxy_key": variant.object_key}
    values |= {"facts": variant.facts, "proxy_facts": variant.facts}
    values |= {"origin": {"kind": "generated", "variant_id": variant.variant_id, "first_frame": variant.first_frame}}
    return insert_row(connection, timeline_assets, TimelineAsset, values)


def accept(
    connection: Connection,
    timeline: Timeline,
    asset: TimelineAsset,
    footage: AcceptedFootage,
    actor: str | None,
) -> Timeline | None:
    """Make the asset ready and put its segments into the timeline, in one revision.

    The first asset of a timeline sets its canvas. Return the timeline, or None if the asset is ready already or
    a concurrent change came first. If the caller has locked the timeline, None means that the asset is ready.
    """
    values = {"status": "ready", "facts": footage.facts, "error_message": None}
    if _transition(connection, asset.id, **values) is None:
        return None
    if timeline.canvas is None:
        timelines.update_details(connection, timeline.id, canvas=footage.canvas)
    change = timelines.Change(asset.origin["kind"], actor, undo_to=timeline.revision)
    return timelines.record_change(connection, timeline, footage.difference, change)


def fail(connection: Connection, asset_id: str, error_message: str) -> TimelineAsset | None:
    """Record why the file cannot be used. Return the asset, or None if it is ready already."""
    return _transition(connection, asset_id, status="failed", error_message=error_message)


def set_proxy(connection: Connection, asset_id: str, proxy_key: str, proxy_facts: dict[str, Any]) -> None:
    """Record the editing proxy, which is in the store."""
    query = update(timeline_assets).where(timeline_assets.c.id == asset_id)
    connection.execute(query.values(proxy_key=proxy_key, proxy_facts=proxy_facts))


def is_used(connection: Connection, asset_id: str) -> bool:
    """Return whether an active segment uses the asset."""
    query = select(segments.c.id).where(segments.c.asset_id == asset_id, segments.c.active).limit(1)
    return connection.scalar(query) is not None


def remove(connection: Connection, asset_id: str) -> None:
    """Delete the asset, with the inactive segments that used it."""
    connection.execute(delete(timeline_assets).where(timeline_assets.c.id == asset_id))


def _transition(connection: Connection, asset_id: str, **values: object) -> TimelineAsset | None:
    is_open = timeline_assets.c.status != "ready"
    return state_transitions.transition(connection, timeline_assets, TimelineAsset, asset_id, is_open, **values)
