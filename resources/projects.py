"""Projects: a video on its way from upload to clips. Each change of state is one conditional UPDATE plus its event.

A status only moves forward; whoever comes late (a retry, a backfill, a second worker) changes nothing.
"""

from __future__ import annotations

import functools
import re
import uuid
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, insert, or_, select, update

from resources import ledger, outbox
from resources.database.engine import now
from resources.database.tables import clips, projects
from resources.state_transitions import columns

Forward = Literal[
    "PENDING_UPLOAD",
    "UPLOADING",
    "DOWNLOADING",
    "TRANSCRIBING",
    "PROCESSING",
    "FACE_TRACKING",
    "CLIPS_READY",
    "COMPLETED",
]
Failure = Literal["FAILED", "FAILED_DOWNLOAD", "FAILED_NO_SPEECH", "FAILED_BILLING", "FAILED_CORRUPT_VIDEO"]
Status = Literal[Forward, Failure, "CANCELLED"]
ORDER: tuple[str, ...] = get_args(Forward)
FAILURES: tuple[str, ...] = get_args(Failure)
WORKING = ORDER[: ORDER.index("CLIPS_READY")]
STREAM_END = ("CLIPS_READY", "COMPLETED", "CANCELLED", *FAILURES)


class Project(msgspec.Struct, frozen=True):
    """A row of `projects`; see resources/database/tables.py for what each column means."""

    id: str
    workspace_id: str
    created_by: str | None
    title: str
    filename: str
    filesize: int
    content_type: str
    source_url: str | None
    object_key: str
    declared_duration_s: float | None
    duration_s: float | None
    language: str | None
    language_mode: str
    video_type: str
    enable_multimodal: bool
    custom_instructions: str | None
    trim_start_s: float | None
    trim_end_s: float | None
    clip_bounds: dict[str, Any] | None
    status: str
    progress: int
    current_step: str
    error_message: str | None
    thumbnail_key: str | None
    proxy_key: str | None
    visual_pipeline_ready: bool
    clips_ready_at: datetime | None
    run_id: str | None
    created_at: datetime
    updated_at: datetime


class NewProject(msgspec.Struct, frozen=True):
    """What a caller may say of a video before it is known."""

    title: str
    filename: str
    content_type: str
    filesize: int = 0
    source_url: str | None = None
    duration_s: float | None = None
    language: str | None = None
    language_mode: str = "single"
    video_type: str = "auto"
    enable_multimodal: bool = False
    custom_instructions: str | None = None
    trim_start_s: float | None = None
    trim_end_s: float | None = None
    clip_bounds: dict[str, Any] | None = None


_FIELDS = columns(projects, Project)
# Statements that most requests need are built once: that takes longer than running them.
_ONE = select(*_FIELDS).where(projects.c.id == bindparam("id"), projects.c.deleted_at.is_(None))
_CLIP_COUNTS = (
    select(clips.c.project_id, func.count())
    .where(clips.c.project_id.in_(bindparam("ids", expanding=True)), clips.c.retired_at.is_(None))
    .group_by(clips.c.project_id)
)


def prefix(workspace_id: str, project_id: str) -> str:
    """Everything a project keeps in the store is under this key prefix; deleting it purges the project."""
    return f"workspaces/{workspace_id}/projects/{project_id}/"


def search_text(title: str, filename: str) -> str:
    """What `search` is looked for in: both, folded here, for SQLite's own lower() knows no letters but English ones.

    At most 2,400 bytes, which hold any title and any real file's name: PostgreSQL indexes no row over 2.7 kB.
    """
    return f"{title}\n{filename}".casefold().encode()[:2400].decode(errors="ignore")


def create(connection: Connection, workspace_id: str, user_id: str | None, new: NewProject, suffix: str) -> Project:
    """Insert the project and reserve its minutes. `suffix` is the file ending (".mp4") the source is kept under.

    Raises ledger.InsufficientMinutes; then nothing is written.
    """
    project_id = str(uuid.uuid4())
    made = now()
    connection.execute(
        insert(projects).values(
            id=project_id,
            workspace_id=workspace_id,
            created_by=user_id,
            title=new.title,
            filename=new.filename,
            search_text=search_text(new.title, new.filename),
            filesize=new.filesize,
            content_type=new.content_type,
            source_url=new.source_url,
            object_key=f"{prefix(workspace_id, project_id)}source/video{suffix}",
            declared_duration_s=new.duration_s,
            language=new.language,
            language_mode=new.language_mode,
            video_type=new.video_type,
            enable_multimodal=new.enable_multimodal,
            custom_instructions=new.custom_instructions,
            trim_start_s=new.trim_start_s,
            trim_end_s=new.trim_end_s,
            clip_bounds=new.clip_bounds,
            status="PENDING_UPLOAD",
            progress=0,
            current_step="Waiting for the upload" if new.source_url is None else "Queued",
            created_at=made,
            updated_at=made,
        )
    )
    if new.duration_s:
        ledger.reserve_project(connection, workspace_id, project_id, new.duration_s)
    project = get(connection, project_id)
    assert project is not None
    return project


def get(connection: Connection, project_id: str) -> Project | None:
    """The project, unless it was deleted."""
    row = connection.execute(_ONE, {"id": project_id}).one_or_none()
    return None if row is None else Project(*row)


def listing(
    connection: Connection,
    workspace_id: str,
    *,
    limit: int = 20,
    offset: int = 0,
    search: str = "",
    status: str = "",
) -> tuple[list[Project], int]:
    """Newest first, and how many there are in all. `search` looks into titles and file names, case ignored."""
    given: dict[str, Any] = {"workspace": workspace_id}
    if status:
        given["status"] = status
    if search:
        given["sought"] = re.sub("[/%_]", r"/\g<0>", search.casefold())
    page_of, count_of = _listing("status" in given, "sought" in given)
    page = [Project(*row) for row in connection.execute(page_of, {**given, "most": limit, "from": offset})]
    if 0 < len(page) < limit or (not page and offset == 0):
        return page, offset + len(page)  # the page shows the end, so nothing is left to be counted
    return page, connection.scalar(count_of, given) or 0


@functools.cache
def _listing(by_status: bool, by_search: bool) -> tuple[Select[Any], Select[Any]]:
    """What reads a page, and what counts all of them."""
    conditions = [projects.c.workspace_id == bindparam("workspace"), projects.c.deleted_at.is_(None)]
    if by_status:
        conditions.append(projects.c.status == bindparam("status"))
    if by_search:
        conditions.append(projects.c.search_text.contains(bindparam("sought"), escape="/"))
    order = (projects.c.created_at.desc(), projects.c.id.desc())
    # ids first: an index holds all that chooses them, and only the page itself is read from the table
    chosen = (
        select(projects.c.id).where(*conditions).order_by(*order).limit(bindparam("most")).offset(bindparam("from"))
    )
    page = select(*_FIELDS).where(projects.c.id.in_(chosen)).order_by(*order)
    return page, select(func.count()).select_from(projects).where(*conditions)


def clip_counts(connection: Connection, project_ids: list[str]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(_CLIP_COUNTS, {"ids": project_ids})}


def unfinished(connection: Connection, workspace_id: str) -> list[str]:
    """Ids of projects that hold reserved minutes."""
    query = select(projects.c.id).where(projects.c.workspace_id == workspace_id, projects.c.status.in_(WORKING))
    return list(connection.scalars(query))


def with_clips(connection: Connection) -> list[str]:
    """Ids of all projects that have been scored, oldest first: the library."""
    query = select(projects.c.id).where(
        projects.c.status.in_(("CLIPS_READY", "COMPLETED")), projects.c.deleted_at.is_(None)
    )
    return list(connection.scalars(query.order_by(projects.c.created_at, projects.c.id)))


def claim(connection: Connection, project_id: str, run_id: str) -> Project | None:
    """Give an unstarted project its run: the answer to `process`. None when it has one already or has ended."""
    step = "Queued"
    query = (
        update(projects)
        .where(
            projects.c.id == project_id,
            projects.c.deleted_at.is_(None),
            projects.c.run_id.is_(None),
            projects.c.status.in_(("PENDING_UPLOAD", "UPLOADING")),
        )
        .values(run_id=run_id, status="UPLOADING", current_step=step, updated_at=now())
    )
    if connection.execute(query).rowcount == 0:
        return None
    project = get(connection, project_id)
    assert project is not None
    tell(connection, project)
    return project


def upload_began(connection: Connection, object_key: str) -> None:
    """The first bytes of a source arrive at the embedded store."""
    query = (
        update(projects)
        .where(projects.c.object_key == object_key, projects.c.status == "PENDING_UPLOAD")
        .values(status="UPLOADING", current_step="Uploading", updated_at=now())
        .returning(projects.c.id)
    )
    for project_id in list(connection.scalars(query)):
        project = get(connection, project_id)
        if project is not None:
            tell(connection, project)


def advance(
    connection: Connection,
    project_id: str,
    status: str,
    progress: int,
    step: str,
    *,
    extra: dict[str, Any] | None = None,
    **columns: Any,
) -> bool:
    """Move forward to `status` and `progress`, with whatever `columns` become true by it; tell the stream.

    False, and nothing changes, when the project is already past that, has ended or was deleted. `extra` goes into
    the event.
    """
    reachable = ORDER[: ORDER.index(status) + 1]
    query = (
        update(projects)
        .where(
            projects.c.id == project_id,
            projects.c.deleted_at.is_(None),
            projects.c.status.in_(reachable),
            or_(projects.c.status != status, projects.c.progress < progress, projects.c.current_step != step),
            projects.c.progress <= progress,
        )
        .values(status=status, progress=progress, current_step=step, updated_at=now(), **columns)
    )
    if connection.execute(query).rowcount == 0:
        return False
    project = get(connection, project_id)
    assert project is not None
    tell(connection, project, extra)
    return True


def amend(connection: Connection, project_id: str, **columns: Any) -> None:
    """Facts that are no change of state: title, probed duration, thumbnail, proxy."""
    if "title" in columns:
        filename = connection.scalar(select(projects.c.filename).where(projects.c.id == project_id))
        columns["search_text"] = search_text(columns["title"], filename or "")
    connection.execute(update(projects).where(projects.c.id == project_id).values(**columns, updated_at=now()))


def end(connection: Connection, project_id: str, status: str, sentence: str | None) -> bool:
    """Fail or cancel a project that is still being worked on, and give its minutes back. False when it has ended."""
    query = (
        update(projects)
        .where(projects.c.id == project_id, projects.c.status.in_(WORKING))
        .values(status=status, error_message=sentence, current_step=_ENDINGS.get(status, "Failed"), updated_at=now())
        .returning(projects.c.workspace_id)
    )
    workspace_id = connection.scalar(query)
    if workspace_id is None:
        return False
    ledger.refund_project(connection, workspace_id, project_id, sentence or _ENDINGS.get(status, "Failed"))
    row = connection.execute(select(*_FIELDS).where(projects.c.id == project_id)).one()
    tell(connection, Project(**row._mapping))
    return True


_ENDINGS = {"CANCELLED": "Cancelled"}


def delete(connection: Connection, project_id: str) -> Project | None:
    """Hide the project at once; the caller stops its runs, and the purging sensor removes objects and partitions."""
    project = get(connection, project_id)
    if project is None:
        return None
    end(connection, project_id, "CANCELLED", None)
    connection.execute(update(projects).where(projects.c.id == project_id).values(deleted_at=now(), updated_at=now()))
    return project


def to_purge(connection: Connection, limit: int = 20) -> list[Project]:
    """Deleted projects whose objects may still exist."""
    query = select(*_FIELDS).where(projects.c.deleted_at.is_not(None), projects.c.purged_at.is_(None))
    return [Project(**row._mapping) for row in connection.execute(query.limit(limit))]


def purged(connection: Connection, project_id: str) -> None:
    connection.execute(update(projects).where(projects.c.id == project_id).values(purged_at=now()))


def status_data(project: Project, clip_count: int) -> dict[str, Any]:
    """What `GET /projects/{id}/status` answers, and what the stream and the webhook carry."""
    return {
        "id": project.id,
        "project_id": project.id,
        "status": project.status,
        "title": project.title,
        "progress": project.progress,
        "current_step": project.current_step,
        "clip_count": clip_count,
        "error_message": project.error_message,
        "visual_pipeline_ready": project.visual_pipeline_ready,
    }


def tell(connection: Connection, project: Project, extra: dict[str, Any] | None = None) -> None:
    """Write the project's state to the outbox: every change to its stream, a change of status to the webhooks too."""
    count = clip_counts(connection, [project.id]).get(project.id, 0)
    data = {**status_data(project, count), **(extra or {})}
    subject = f"project:{project.id}"
    told = outbox.record(
        connection,
        project.workspace_id,
        subject,
        "project.status",
        data,
        f"project.status:{project.id}:{project.status}",
    )
    if not told:
        outbox.record(connection, project.workspace_id, subject, "project.progress", data)
    elif project.status == "CLIPS_READY":
        outbox.record(connection, project.workspace_id, f"{subject}:ready", "project.clips_ready", data)
    elif project.status in FAILURES:
        outbox.record(connection, project.workspace_id, f"{subject}:failed", "project.failed", data)


def relist(connection: Connection, project_id: str) -> None:
    """Another scoring changed the list of clips of a project that was ready: tell whoever has read the old one."""
    project = get(connection, project_id)
    if project is not None and project.status in ("CLIPS_READY", "COMPLETED"):
        data = status_data(project, clip_counts(connection, [project.id]).get(project.id, 0))
        outbox.record(connection, project.workspace_id, f"project:{project.id}:ready", "project.clips_ready", data)


def complete(connection: Connection, project_id: str) -> bool:
    """CLIPS_READY becomes COMPLETED, with the first rendered clip."""
    return advance(connection, project_id, "COMPLETED", 100, "Completed")
