"""Edits of a timeline over HTTP: one transaction that loads the segments, applies a pure edit and writes a revision."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from litestar import Request, Response
from sqlalchemy import Connection

from api.access import Caller
from api.errors import ApiError, not_found
from carmic_assets.editing import history, stored_segments
from carmic_assets.editing.errors import EditConflictError
from carmic_assets.model.timeline import Segments
from resources import timeline_assets, timelines
from resources.platform import Platform
from resources.timeline_assets import TimelineAsset
from resources.timelines import Timeline

T = TypeVar("T")


class TimelineState:
    """A timeline with its segments and its assets by id.

    `segments` are all of them, active and inactive, unless a `segment_id` is given that is active: then they are the
    active ones. A timeline that was edited often has far more inactive ones.
    """

    def __init__(self, connection: Connection, timeline: Timeline, segment_id: str | None = None) -> None:
        self.timeline = timeline
        rows = None if segment_id is None else timelines.list_active_segments(connection, [timeline.id])
        active_rows = (rows or {}).get(timeline.id, [])
        if not any(row.id == segment_id for row in active_rows):
            active_rows = timelines.list_segments(connection, timeline.id)
        self.segments: Segments = stored_segments.from_rows(active_rows)
        self.assets: dict[str, TimelineAsset] = {
            asset.id: asset for asset in timeline_assets.list_for_timelines(connection, [timeline.id])
        }

    def respond(self, content: T, status: int = 200) -> Response[T]:
        """Build the response with the timeline's revision as `ETag`."""
        return Response(content, status_code=status, headers={"ETag": f'"{self.timeline.revision}"'})


class TimelineEdit(TimelineState):
    """A timeline that is locked for one edit, within an open transaction."""

    def __init__(
        self, connection: Connection, timeline: Timeline, op: str, actor: str | None, segment_id: str | None = None
    ) -> None:
        super().__init__(connection, timeline, segment_id)
        self.connection = connection
        self.op = op
        self.actor = actor

    def save(self, after: Segments) -> None:
        """Write the segments as a new revision, unless they are unchanged."""
        if after != self.segments:
            self._record(after, history.change(history.Step(self.timeline.revision)))

    def jump(self, jump: history.Jump) -> None:
        """Restore the content of an earlier revision, as a new one."""
        revision = timelines.get_revision(self.connection, self.timeline.id, jump.content_of)
        if revision is None:
            raise RuntimeError(f"revision {jump.content_of} of {self.timeline.id} is missing")
        self._record(stored_segments.restore_content(self.segments, revision.content), jump.step)

    def load_steps(self) -> dict[int, history.Step]:
        """Return the revisions that undo and redo lead to from each revision."""
        rows = timelines.list_steps(self.connection, self.timeline.id)
        return {row.revision: history.Step(row.revision, row.undo_to, row.redo_to) for row in rows}

    def _record(self, after: Segments, step: history.Step) -> None:
        change = timelines.Change(self.op, self.actor, step.undo_to, step.redo_to)
        difference = stored_segments.compare(self.segments, after)
        updated_timeline = timelines.record_change(self.connection, self.timeline, difference, change)
        if updated_timeline is None:
            raise ApiError(409, "Another request changed this project at the same time. Read it again and repeat.")
        self.timeline, self.segments = updated_timeline, after


def new_id() -> str:
    """Return the id of a new segment."""
    return str(uuid.uuid4())


def require_timeline(connection: Connection, caller: Caller, project_id: UUID | str) -> Timeline:
    """Return a timeline of the caller's workspace. Raises ApiError 404 if there is none."""
    return _require_own(timelines.get(connection, str(project_id)), caller, "project")


def load_timeline(platform: Platform, caller: Caller, project_id: UUID | str) -> TimelineState:
    """Load a timeline of the caller's workspace. Raises ApiError 404 if there is none."""
    with platform.database.read() as connection:
        return TimelineState(connection, require_timeline(connection, caller, project_id))


def load_by_segment(platform: Platform, caller: Caller, segment_id: UUID) -> TimelineState:
    """Load the timeline that has the segment. Raises ApiError 404 if the caller's workspace has no such segment."""
    with platform.database.read() as connection:
        timeline_id = timelines.find_by_segment(connection, str(segment_id))
        timeline = timelines.get(connection, timeline_id) if timeline_id else None
        return TimelineState(connection, _require_own(timeline, caller, "segment"))


@contextmanager
def edit_timeline(
    request: Request[Any, Any, Any], platform: Platform, caller: Caller, project_id: UUID, op: str
) -> Iterator[TimelineEdit]:
    """Open an edit of a timeline. The transaction is committed if the block ends without an exception.

    Raises:
        ApiError: 404 if the workspace has no such timeline, 412 if `If-Match` names another revision.
    """
    with platform.database.write() as connection:
        timeline = _require_own(timelines.lock(connection, str(project_id)), caller, "project")
        _check_if_match(request, timeline)
        with _name_revision(timeline):
            yield TimelineEdit(connection, timeline, op, caller.user_id)


@contextmanager
def edit_segment(
    request: Request[Any, Any, Any], platform: Platform, caller: Caller, segment_id: UUID, op: str
) -> Iterator[TimelineEdit]:
    """Open an edit of the timeline that has the segment, like `edit_timeline`."""
    with platform.database.write() as connection:
        timeline_id = timelines.find_by_segment(connection, str(segment_id))
        timeline = timelines.lock(connection, timeline_id) if timeline_id else None
        timeline = _require_own(timeline, caller, "segment")
        _check_if_match(request, timeline)
        with _name_revision(timeline):
            yield TimelineEdit(connection, timeline, op, caller.user_id, str(segment_id))


@contextmanager
def _name_revision(timeline: Timeline) -> Iterator[None]:
    """Add the timeline's revision to the response of a conflict, so that the client knows what to read."""
    try:
        yield
    except EditConflictError as error:
        sentence = f"{error.sentence} The project is at revision {timeline.revision}."
        raise ApiError(409, sentence, {"ETag": f'"{timeline.revision}"'}) from error


def _require_own(timeline: Timeline | None, caller: Caller, resource: str) -> Timeline:
    if timeline is None or timeline.workspace_id != caller.workspace:
        raise not_found(resource)
    return timeline


def _check_if_match(request: Request[Any, Any, Any], timeline: Timeline) -> None:
    header = request.headers.get("if-match", "*").strip()
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    if header != "*" and str(timeline.revision) not in tags:
        sentence = f"`If-Match` must be the project's revision, which is {timeline.revision}."
        headers = {"ETag": f'"{timeline.revision}"'}
        raise ApiError(412, f"{sentence} Read the project again and repeat your change.", headers)
