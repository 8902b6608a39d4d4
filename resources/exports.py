"""Project packages of clips: one per clip, target, proxy choice and content; the same request gives the same export."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, insert, select

from resources import accounts, outbox, state_transitions
from resources.clips import Clip
from resources.database.engine import now
from resources.database.tables import exports

LIVE = ("PENDING", "PROCESSING")


class Export(msgspec.Struct, frozen=True):
    """A row of `exports`."""

    id: str
    clip_id: str
    project_id: str
    workspace_id: str
    run_id: str
    target_format: str
    include_proxy: bool
    content_digest: str
    status: str
    progress: int
    start_s: float
    end_s: float
    title: str
    template_config: dict[str, Any] | None
    object_key: str | None
    file_size: int | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None


_FIELDS = state_transitions.columns(exports, Export)
_LIVE = exports.c.status.in_(LIVE)


def get(connection: Connection, export_id: str) -> Export | None:
    row = connection.execute(select(*_FIELDS).where(exports.c.id == export_id)).one_or_none()
    return None if row is None else Export(**row._mapping)


def of_clip(connection: Connection, clip_id: str) -> list[Export]:
    """Newest first."""
    query = select(*_FIELDS).where(exports.c.clip_id == clip_id).order_by(exports.c.created_at.desc(), exports.c.id)
    return [Export(**row._mapping) for row in connection.execute(query)]


def live_of_run(connection: Connection, run_id: str) -> list[Export]:
    query = select(*_FIELDS).where(exports.c.run_id == run_id, _LIVE)
    return [Export(**row._mapping) for row in connection.execute(query)]


def content_digest(clip: Clip) -> str:
    """Of all that a client can change about a clip."""
    content = {"start": clip.start_s, "end": clip.end_s, "title": clip.title, "config": clip.template_config}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def request(connection: Connection, clip: Clip, target: str, include_proxy: bool, run_id: str) -> tuple[Export, bool]:
    """The export of the clip as it stands, and whether it is new (then the caller writes its run intent with it)."""
    accounts.lock(connection, clip.workspace_id)
    digest = content_digest(clip)
    same = select(*_FIELDS).where(
        exports.c.clip_id == clip.id,
        exports.c.target_format == target,
        exports.c.include_proxy == include_proxy,
        exports.c.content_digest == digest,
        exports.c.status != "FAILED",
    )
    row = connection.execute(same).one_or_none()
    if row is not None:
        return Export(**row._mapping), False
    export_id = str(uuid.uuid4())
    connection.execute(
        insert(exports).values(
            id=export_id,
            clip_id=clip.id,
            project_id=clip.project_id,
            workspace_id=clip.workspace_id,
            run_id=run_id,
            target_format=target,
            include_proxy=include_proxy,
            content_digest=digest,
            status="PENDING",
            progress=0,
            start_s=clip.start_s,
            end_s=clip.end_s,
            title=clip.title,
            template_config=clip.template_config,
            created_at=now(),
        )
    )
    made = get(connection, export_id)
    assert made is not None
    _tell(connection, made, "export.progress")
    return made, True


def advance(connection: Connection, export_id: str, progress: int) -> bool:
    """PENDING becomes PROCESSING, progress only grows. False when the export has ended."""
    further = (_LIVE, exports.c.progress <= progress)
    return _move(connection, export_id, "export.progress", *further, status="PROCESSING", progress=progress)


def finish(connection: Connection, export_id: str, object_key: str, file_size: int) -> bool:
    """The package is durable under `object_key`. False when the export had ended."""
    done = {"status": "COMPLETED", "progress": 100, "object_key": object_key, "file_size": file_size}
    return _move(connection, export_id, "export.completed", _LIVE, **done, finished_at=now())


def remade(connection: Connection, export_id: str, file_size: int) -> bool:
    """A finished package was made again in place, by a backfill. False when it is not finished."""
    finished = exports.c.status == "COMPLETED"
    return _move(connection, export_id, "export.completed", finished, file_size=file_size, finished_at=now())


def fail(connection: Connection, export_id: str, sentence: str) -> bool:
    done = {"status": "FAILED", "error_message": sentence, "finished_at": now()}
    return _move(connection, export_id, "export.failed", _LIVE, **done)


def _move(connection: Connection, export_id: str, event: str, *where: ColumnElement[bool], **values: Any) -> bool:
    export = state_transitions.move(connection, exports, Export, export_id, *where, **values)
    if export is None:
        return False
    _tell(connection, export, event)
    return True


def data(export: Export) -> dict[str, Any]:
    """What the stream and the webhooks carry; the download address is added by the API, for it expires."""
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


def _tell(connection: Connection, export: Export, event: str) -> None:
    told = data(export)
    if export.object_key:
        told["object_key"] = export.object_key
    outbox.record(connection, export.workspace_id, f"export:{export.id}", event, told)
