"""Projects: videos from upload to clips. Each change of state is one conditional UPDATE and its event.

A status only moves forward. A late process (a retry, a backfill, a second worker) changes nothing.
"""

from __future__ import annotations

import functools
import re
import uuid
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, or_, select, update

from resources import ledger, outbox, state_transitions
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import clips, projects

ForwardStatus = Literal[
    "PENDING_UPLOAD",
    "UPLOADING",
    "DOWNLOADING",
    "TRANSCRIBING",
    "PROCESSING",
    "FACE_TRACKING",
    "CLIPS_READY",
    "COMPLETED",
]
FailedStatus = Literal["FAILED", "FAILED_DOWNLOAD", "FAILED_NO_SPEECH", "FAILED_BILLING", "FAILED_CORRUPT_VIDEO"]
Status = Literal[ForwardStatus, FailedStatus, "CANCELLED"]
STATUS_ORDER: tuple[str, ...] = get_args(ForwardStatus)
FAILED_STATUSES: tuple[str, ...] = get_args(FailedStatus)
ACTIVE_STATUSES = STATUS_ORDER[: STATUS_ORDER.index("CLIPS_READY")]
STREAM_END_STATUSES = ("CLIPS_READY", "COMPLETED", "CANCELLED", *FAILED_STATUSES)


class Project(msgspec.Struct, frozen=True):
    """A row of `projects`; resources/database/tables.py describes the columns."""

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
    audio_track: str  # "auto", "mix" or a number
    video_type: str
    enable_multimodal: bool
    custom_instructions: str | None
    trim_start_s: float | None
    trim_end_s: float | None
    clip_bounds: dict[str, Any] | None
    template_id: str | None
    generation_id: str | None
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
    """The values of a new project, before its video is probed."""

    title: str
    filename: str
    content_type: str
    filesize: int = 0
    source_url: str | None = None
    duration_s: float | None = None
    language: str | None = None
    language_mode: str = "single"
    audio_track: str = "auto"
    video_type: str = "auto"
    enable_multimodal: bool = False
    custom_instructions: str | None = None
    trim_start_s: float | None = None
    trim_end_s: float | None = None
    clip_bounds: dict[str, Any] | None = None
    template_id: str | None = None  # of clips that were never edited
    generation_id: str | None = None


MAX_SEARCH_TEXT_BYTES = 2400  # enough for any title and file name; PostgreSQL cannot index a row over 2.7 kB

_COLUMNS = select_columns(projects, Project)
# Statements of most requests are built once, because building takes longer than running them
_BY_ID = select(*_COLUMNS).where(projects.c.id == bindparam("id"), projects.c.deleted_at.is_(None))
_CLIP_COUNTS = (
    select(clips.c.project_id, func.count())
    .where(clips.c.project_id.in_(bindparam("ids", expanding=True)), clips.c.retired_at.is_(None))
    .group_by(clips.c.project_id)
)


def key_prefix(workspace_id: str, project_id: str) -> str:
    """Return the prefix of all store keys of the project. Deleting it purges the project's objects."""
    return f"workspaces/{workspace_id}/projects/{project_id}/"


def build_search_text(title: str, filename: str) -> str:
    """Return the case-folded text in which `search` looks.

    Python folds it, because SQLite's lower() changes ASCII letters only.
    """
    text = f"{title}\n{filename}".casefold()
    return text.encode()[:MAX_SEARCH_TEXT_BYTES].decode(errors="ignore")


def create(connection: Connection, workspace_id: str, user_id: str | None, new: NewProject, suffix: str) -> Project:
    """Insert the project and reserve its minutes. `suffix` is the file ending (".mp4") of the source's store key.

    Raises:
        ledger.InsufficientMinutesError: if the balance does not cover it. Nothing is written.
    """
    project_id = str(uuid.uuid4())
    created_at = now()
    values = msgspec.structs.asdict(new)
    values["declared_duration_s"] = values.pop("duration_s")
    project = insert_row(
        connection,
        projects,
        Project,
        {
            **values,
            "id": project_id,
            "workspace_id": workspace_id,
            "created_by": user_id,
            "search_text": build_search_text(new.title, new.filename),
            "object_key": f"{key_prefix(workspace_id, project_id)}source/video{suffix}",
            "status": "PENDING_UPLOAD",
            "progress": 0,
            "current_step": "Waiting for the upload" if new.source_url is None else "Queued",
            "created_at": created_at,
            "updated_at": created_at,
        },
    )
    if new.duration_s:
        ledger.reserve_project(connection, workspace_id, project_id, new.duration_s)
    return project


def rename(connection: Connection, project: Project, title: str) -> Project:
    """Set the project's title, which `search` then finds."""
    values = {"title": title, "search_text": build_search_text(title, project.filename), "updated_at": now()}
    connection.execute(update(projects).where(projects.c.id == project.id).values(**values))
    return msgspec.structs.replace(project, title=title)


def get(connection: Connection, project_id: str) -> Project | None:
    """Return the project unless it is deleted."""
    return fetch_one(connection, _BY_ID, Project, {"id": project_id})


def find_for_generation(connection: Connection, generation_id: str) -> Project | None:
    """Return the project of a generation job."""
    query = select(*_COLUMNS).where(projects.c.generation_id == generation_id, projects.c.deleted_at.is_(None))
    return fetch_one(connection, query, Project)


def list_page(
    connection: Connection,
    workspace_id: str,
    *,
    limit: int = 20,
    offset: int = 0,
    search: str = "",
    status: str = "",
) -> tuple[list[Project], int]:
    """Return one page of the workspace's projects, newest first, and their total number.

    `search` matches a part of titles and file names and ignores case.
    """
    filters: dict[str, Any] = {"workspace": workspace_id}
    if status:
        filters["status"] = status
    if search:
        filters["search"] = re.sub("[/%_]", r"/\g<0>", search.casefold())
    page_query, count_query = _build_page_queries("status" in filters, "search" in filters)
    page = fetch_all(connection, page_query, Project, {**filters, "limit": limit, "offset": offset})
    if 0 < len(page) < limit or (not page and offset == 0):
        return page, offset + len(page)  # this is the last page, so no count is needed
    return page, connection.scalar(count_query, filters) or 0


@functools.cache
def _build_page_queries(by_status: bool, by_search: bool) -> tuple[Select[Any], Select[Any]]:
    """Return the query of a page and the query of the total number."""
    conditions = [projects.c.workspace_id == bindparam("workspace"), projects.c.deleted_at.is_(None)]
    if by_status:
        conditions.append(projects.c.status == bindparam("status"))
    if by_search:
        conditions.append(projects.c.search_text.contains(bindparam("search"), escape="/"))
    order = (projects.c.created_at.desc(), projects.c.id.desc())
    # The subquery selects IDs from a covering index; only the rows of the page are read from the table
    page_ids = (
        select(projects.c.id).where(*conditions).order_by(*order).limit(bindparam("limit")).offset(bindparam("offset"))
    )
    page_query = select(*_COLUMNS).where(projects.c.id.in_(page_ids)).order_by(*order)
    return page_query, select(func.count()).select_from(projects).where(*conditions)


def find_by_file(connection: Connection, workspace_id: str, filename: str, filesize: int) -> Project | None:
    """Return the workspace's newest project of a file with this name and size."""
    conditions = (
        projects.c.workspace_id == workspace_id,
        projects.c.filename == filename,
        projects.c.filesize == filesize,
        projects.c.deleted_at.is_(None),
    )
    query = select(*_COLUMNS).where(*conditions).order_by(projects.c.created_at.desc()).limit(1)
    return fetch_one(connection, query, Project)


def find_for_operator(
    connection: Connection, *, search: str, workspace_id: str, status: str, limit: int
) -> list[Project]:
    """Return the newest projects of all workspaces; an empty filter matches all.

    `search` matches a part of titles and file names and ignores case, or the beginning of a project's id.
    """
    conditions: list[ColumnElement[bool]] = [projects.c.deleted_at.is_(None)]
    if search:
        has_text = projects.c.search_text.contains(search.casefold(), autoescape=True)
        conditions.append(has_text | projects.c.id.startswith(search.lower(), autoescape=True))
    if workspace_id:
        conditions.append(projects.c.workspace_id == workspace_id)
    if status:
        conditions.append(projects.c.status == status)
    query = select(*_COLUMNS).where(*conditions).order_by(projects.c.created_at.desc(), projects.c.id.desc())
    return fetch_all(connection, query.limit(limit), Project)


def count_clips(connection: Connection, project_ids: list[str]) -> dict[str, int]:
    """Return the number of clips by project ID. Projects without clips are omitted."""
    return {row[0]: row[1] for row in connection.execute(_CLIP_COUNTS, {"ids": project_ids})}


def list_active_ids(connection: Connection, workspace_id: str) -> list[str]:
    """Return the IDs of the workspace's projects that hold reserved minutes."""
    query = select(projects.c.id).where(projects.c.workspace_id == workspace_id, projects.c.status.in_(ACTIVE_STATUSES))
    return list(connection.scalars(query))


def list_ids(connection: Connection) -> list[str]:
    """Return the IDs of all projects that have a row, deleted ones too."""
    return list(connection.scalars(select(projects.c.id)))


def list_scored_ids(connection: Connection) -> list[str]:
    """Return the IDs of all projects that have been scored, oldest first."""
    query = select(projects.c.id).where(
        projects.c.status.in_(("CLIPS_READY", "COMPLETED")), projects.c.deleted_at.is_(None)
    )
    return list(connection.scalars(query.order_by(projects.c.created_at, projects.c.id)))


def assign_run(connection: Connection, project_id: str, run_id: str) -> Project | None:
    """Assign the ingest run to a project that has not started. Return None if it has a run or has ended."""
    conditions = (projects.c.run_id.is_(None), projects.c.status.in_(("PENDING_UPLOAD", "UPLOADING")))
    project = _transition(connection, project_id, *conditions, run_id=run_id, status="UPLOADING", current_step="Queued")
    if project is not None:
        publish(connection, project)
    return project


def mark_uploading(connection: Connection, object_key: str) -> None:
    """Set UPLOADING when the first bytes of a source arrive at the folder store."""
    query = (
        update(projects)
        .where(
            projects.c.object_key == object_key,
            projects.c.status == "PENDING_UPLOAD",
            projects.c.deleted_at.is_(None),
        )
        .values(status="UPLOADING", current_step="Uploading", updated_at=now())
        .returning(*_COLUMNS)
    )
    for project in fetch_all(connection, query, Project):
        publish(connection, project)


def advance(
    connection: Connection,
    project_id: str,
    status: str,
    progress: int,
    step: str,
    *,
    extra: dict[str, Any] | None = None,
    **columns: object,
) -> bool:
    """Move the project forward to `status` and `progress` (percent), set `columns`, and publish the change.

    Args:
        connection: a write transaction.
        project_id: the project.
        status: one of STATUS_ORDER.
        progress: percent, which never decreases.
        step: the current step, shown to users.
        extra: data that is added to the event.
        columns: further columns to set.

    Returns:
        False, with nothing changed, if the project has a later status or more progress, has ended or is deleted.
    """
    project = _transition(
        connection,
        project_id,
        projects.c.status.in_(STATUS_ORDER[: STATUS_ORDER.index(status) + 1]),
        or_(projects.c.status != status, projects.c.progress < progress, projects.c.current_step != step),
        projects.c.progress <= progress,
        status=status,
        progress=progress,
        current_step=step,
        **columns,
    )
    if project is None:
        return False
    publish(connection, project, extra)
    return True


def _transition(
    connection: Connection, project_id: str, *conditions: ColumnElement[bool], **values: object
) -> Project | None:
    return state_transitions.transition(
        connection,
        projects,
        Project,
        project_id,
        projects.c.deleted_at.is_(None),
        *conditions,
        **values,
        updated_at=now(),
    )


def update_details(connection: Connection, project_id: str, **columns: object) -> None:
    """Set columns that are not part of the state: title, probed duration, thumbnail, proxy."""
    if "title" in columns:
        filename = connection.scalar(select(projects.c.filename).where(projects.c.id == project_id))
        columns["search_text"] = build_search_text(str(columns["title"]), filename or "")
    connection.execute(update(projects).where(projects.c.id == project_id).values(**columns, updated_at=now()))


def end(connection: Connection, project_id: str, status: str, error_message: str | None) -> bool:
    """Fail or cancel an active project and refund its minutes. Return False if the project is not active."""
    step = "Cancelled" if status == "CANCELLED" else "Failed"
    project = state_transitions.transition(
        connection,
        projects,
        Project,
        project_id,
        projects.c.status.in_(ACTIVE_STATUSES),
        status=status,
        error_message=error_message,
        current_step=step,
        updated_at=now(),
    )
    if project is None:
        return False
    ledger.refund_project(connection, project.workspace_id, project_id, error_message or step)
    publish(connection, project)
    return True


def delete(connection: Connection, project_id: str) -> Project | None:
    """Hide the project at once. The caller terminates its runs; a sensor later deletes its objects and partitions."""
    project = get(connection, project_id)
    if project is None:
        return None
    end(connection, project_id, "CANCELLED", None)
    connection.execute(update(projects).where(projects.c.id == project_id).values(deleted_at=now(), updated_at=now()))
    return project


def list_unpurged(connection: Connection, limit: int = 20) -> list[Project]:
    """Return deleted projects whose objects may still exist."""
    query = select(*_COLUMNS).where(projects.c.deleted_at.is_not(None), projects.c.purged_at.is_(None))
    return fetch_all(connection, query.limit(limit), Project)


def mark_purged(connection: Connection, project_id: str) -> None:
    """Record that the deleted project's objects and partition no longer exist."""
    connection.execute(update(projects).where(projects.c.id == project_id).values(purged_at=now()))


def build_status_data(project: Project, clip_count: int) -> dict[str, Any]:
    """Return the data of `GET /projects/{id}/status`, the stream and the webhooks."""
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


def publish(connection: Connection, project: Project, extra: dict[str, Any] | None = None) -> None:
    """Record the project's state in the outbox: every change for its stream, a new status also for webhooks."""
    data = {**_get_status_data(connection, project), **(extra or {})}
    subject = f"project:{project.id}"
    status_key = f"project.status:{project.id}:{project.status}"
    is_new_status = outbox.record(connection, project.workspace_id, subject, "project.status", data, status_key)
    if not is_new_status:
        outbox.record(connection, project.workspace_id, subject, "project.progress", data)
    elif project.status == "CLIPS_READY":
        outbox.record(connection, project.workspace_id, f"{subject}:ready", "project.clips_ready", data)
    elif project.status in FAILED_STATUSES:
        outbox.record(connection, project.workspace_id, f"{subject}:failed", "project.failed", data)


def refresh_listing(connection: Connection, project_id: str) -> None:
    """Publish `project.clips_ready` once more after a re-scoring has changed the list of clips of a ready project."""
    project = get(connection, project_id)
    if project is not None and project.status in ("CLIPS_READY", "COMPLETED"):
        data = _get_status_data(connection, project)
        outbox.record(connection, project.workspace_id, f"project:{project.id}:ready", "project.clips_ready", data)


def _get_status_data(connection: Connection, project: Project) -> dict[str, Any]:
    return build_status_data(project, count_clips(connection, [project.id]).get(project.id, 0))


def complete(connection: Connection, project_id: str) -> bool:
    """Move a project with ready clips to COMPLETED, when its first clip is rendered."""
    return advance(connection, project_id, "COMPLETED", 100, "Completed")
