"""Exports: packages of a clip for an editing program.

Equal requests (content, target, proxy choice) share one export.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from resources import accounts
from resources.clip_jobs import ClipJob, ClipJobTable, record_job_event
from resources.clips import Clip
from resources.database.engine import now
from resources.database.queries import fetch_one
from resources.database.tables import exports

ACTIVE_STATUSES = ("PENDING", "PROCESSING")


class Export(ClipJob, frozen=True):
    """A row of `exports`. Statuses: PENDING, PROCESSING, COMPLETED, FAILED."""

    target_format: str
    include_proxy: bool
    content_digest: str
    file_size: int | None


_jobs = ClipJobTable(exports, Export, ACTIVE_STATUSES)
get = _jobs.get
list_for_clip = _jobs.list_for_clip
list_active_for_run = _jobs.list_active_for_run


def content_digest(clip: Clip) -> str:
    """Return the digest of all fields of a clip that a client can change."""
    content = {"start": clip.start_s, "end": clip.end_s, "title": clip.title, "config": clip.template_config}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def request(connection: Connection, clip: Clip, target: str, include_proxy: bool, run_id: str) -> tuple[Export, bool]:
    """Return the export of the clip's current state, and whether it is new.

    If it is new, the caller enqueues `run_id` in the same transaction.
    """
    accounts.lock_workspace(connection, clip.workspace_id)
    key = {"target_format": target, "include_proxy": include_proxy, "content_digest": content_digest(clip)}
    same_request = select(*_jobs.columns).filter_by(clip_id=clip.id, **key).where(exports.c.status != "FAILED")
    existing = fetch_one(connection, same_request, Export)
    if existing is not None:
        return existing, False
    export = _jobs.create(connection, clip, run_id, "PENDING", **key)
    _publish(connection, export, "export.progress")
    return export, True


def advance(connection: Connection, export_id: str, progress: int) -> bool:
    """Set PROCESSING and the progress in percent. Return False if the export has ended or has more progress."""
    conditions = (_jobs.is_active, exports.c.progress <= progress)
    return _transition(connection, export_id, "export.progress", *conditions, status="PROCESSING", progress=progress)


def finish(connection: Connection, export_id: str, object_key: str, file_size: int) -> bool:
    """Complete the export, whose package is in the store. Return False if it has ended already."""
    values = {"status": "COMPLETED", "progress": 100, "object_key": object_key, "file_size": file_size}
    return _transition(connection, export_id, "export.completed", _jobs.is_active, **values, finished_at=now())


def mark_rebuilt(connection: Connection, export_id: str, file_size: int) -> bool:
    """Record that a backfill replaced the package of a completed export. Return False if it is not completed."""
    is_completed = exports.c.status == "COMPLETED"
    return _transition(connection, export_id, "export.completed", is_completed, file_size=file_size, finished_at=now())


def fail(connection: Connection, export_id: str, error_message: str) -> bool:
    """Fail the export. Return False if it has ended already."""
    values = {"status": "FAILED", "error_message": error_message, "finished_at": now()}
    return _transition(connection, export_id, "export.failed", _jobs.is_active, **values)


def _transition(
    connection: Connection, export_id: str, event: str, *conditions: ColumnElement[bool], **values: object
) -> bool:
    export = _jobs.transition(connection, export_id, *conditions, **values)
    if export is None:
        return False
    _publish(connection, export, event)
    return True


def build_event_data(export: Export) -> dict[str, Any]:
    """Return the data of streams and webhooks. The API adds the download URL, because it expires."""
    return {
        "id": export.id,
        "export_id": export.id,
        "clip_id": export.clip_id,
        "project_id": export.project_id,
        "target_format": export.target_format,
        "status": export.status,
        "progress": export.progress,
        "file_size": export.file_size,
        "error_message": export.error_message,
    }


def _publish(connection: Connection, export: Export, event: str) -> None:
    record_job_event(connection, export, f"export:{export.id}", event, build_event_data(export))
