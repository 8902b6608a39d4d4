"""Clips: the segments that the scorer selects and clients edit.

Renders and exports of clips are in `resources.renders` and `resources.exports`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, insert_row, select_columns
from resources.database.tables import clips


class ClipContent(msgspec.Struct, frozen=True):
    """The columns of a clip that the scorer sets. Bounds are in seconds of the source video."""

    title: str
    start_s: float
    end_s: float
    virality_score: int
    score_breakdown: dict[str, int]
    reasoning: str
    hashtags: list[str]
    broll_suggestions: list[dict[str, Any]]


class NewClip(ClipContent, frozen=True):
    """A clip to add."""

    thumbnail_key: str | None = None


class Clip(ClipContent, frozen=True):
    """A row of `clips`. `template_config` is None until the first edit by a client."""

    id: str
    project_id: str
    workspace_id: str
    status: str
    template_config: dict[str, Any] | None
    version: int
    edited: bool
    render_id: str | None
    video_key: str | None
    thumbnail_key: str | None
    error_message: str | None
    retired_at: datetime | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = select_columns(clips, Clip)
# Built once, because building takes longer than running it
_BY_ID = select(*_COLUMNS).where(clips.c.id == bindparam("id"), clips.c.retired_at.is_(None))
_IS_UNTOUCHED = (clips.c.edited.is_(False), clips.c.status == "DETECTED")  # neither edited nor rendered by clients
_NAMESPACE = uuid.UUID("5b1c2f3e-7f3a-4f6e-9d54-0d2c8a5a8f10")
MIN_CUTAWAY_S = 1.0  # a shorter remainder of a suggested cutaway is dropped


def clip_id(project_id: str, start_s: float, end_s: float) -> str:
    """Return the ID of the clip with these bounds. The same bounds in the same project give the same ID."""
    return str(uuid.uuid5(_NAMESPACE, f"{project_id}:{start_s:.2f}:{end_s:.2f}"))


def get(connection: Connection, clip_id: str) -> Clip | None:
    """Return the clip unless it is retired."""
    return fetch_one(connection, _BY_ID, Clip, {"id": clip_id})


def list_for_project(connection: Connection, project_id: str) -> list[Clip]:
    """Return the project's clips that are not retired, highest score first."""
    query = (
        select(*_COLUMNS)
        .where(clips.c.project_id == project_id, clips.c.retired_at.is_(None))
        .order_by(clips.c.virality_score.desc(), clips.c.start_s)
    )
    return fetch_all(connection, query, Clip)


def list_broll_suggestions(clip: Clip) -> list[dict[str, Any]]:
    """Return the suggested cutaways within the clip's present bounds; `start_time` is relative to the clip's start.

    A cutaway that extends past the clip's end is shortened. One with less than MIN_CUTAWAY_S left is dropped.
    """
    clip_s = clip.end_s - clip.start_s
    inside = (s for s in clip.broll_suggestions if 0 <= s["start_time"] <= clip_s - MIN_CUTAWAY_S)
    return [{**s, "duration": round(min(s["duration"], clip_s - s["start_time"]), 3)} for s in inside]


def add(connection: Connection, project_id: str, workspace_id: str, new_clips: Iterable[NewClip]) -> list[str]:
    """Add clips and return their IDs in order.

    A clip with the same bounds that exists already (retired, or added by a run that crashed) is updated and no longer
    retired.
    """
    ids = []
    for new in new_clips:
        identity = clip_id(project_id, new.start_s, new.end_s)
        values = msgspec.structs.asdict(new)
        existing = fetch_one(connection, select(*_COLUMNS).where(clips.c.id == identity), Clip)
        if existing is not None and _is_deleted(connection, identity):
            ids.append(identity)  # a person has deleted it: it stays so
            continue
        if existing is not None and existing.retired_at is None and _has_moved(existing, new):
            # The existing clip was moved to other bounds and keeps the ID of its first bounds
            identity, existing = str(uuid.uuid5(_NAMESPACE, f"{identity}:{existing.version}")), None
        if existing is None:
            key = {"id": identity, "project_id": project_id, "workspace_id": workspace_id, "status": "DETECTED"}
            connection.execute(insert(clips).values(**key, **values, version=1, created_at=now(), updated_at=now()))
        else:
            query = update(clips).where(clips.c.id == identity)
            connection.execute(query.values(**values, retired_at=None, updated_at=now()))
        ids.append(identity)
    return ids


def add_chosen(
    connection: Connection,
    project_id: str,
    workspace_id: str,
    new: NewClip,
    template_config: dict[str, Any] | None = None,
) -> Clip:
    """Add a clip that a person has chosen. It counts as edited, so that no re-scoring changes or retires it."""
    values = msgspec.structs.asdict(new)
    key = {"id": str(uuid.uuid4()), "project_id": project_id, "workspace_id": workspace_id, "status": "DETECTED"}
    state = {"template_config": template_config, "edited": True, "version": 1}
    times = {"created_at": now(), "updated_at": now()}
    return insert_row(connection, clips, Clip, {**key, **values, **state, **times})


def delete(connection: Connection, identity: str) -> bool:
    """Delete the clip: hide it for good. Return False if it is hidden already."""
    query = update(clips).where(clips.c.id == identity, clips.c.retired_at.is_(None))
    values = {"retired_at": now(), "deleted_at": now(), "video_key": None, "updated_at": now()}
    return connection.execute(query.values(**values)).rowcount == 1


def _is_deleted(connection: Connection, identity: str) -> bool:
    return connection.scalar(select(clips.c.deleted_at).where(clips.c.id == identity)) is not None


def _has_moved(existing: Clip, new: NewClip) -> bool:
    return (existing.start_s, existing.end_s) != (new.start_s, new.end_s)


def rescore(connection: Connection, identity: str, new: ClipContent) -> None:
    """Set a new score and its reasons. The clip keeps its bounds, title, cutaways and edits."""
    values = {
        "virality_score": new.virality_score,
        "score_breakdown": new.score_breakdown,
        "reasoning": new.reasoning,
        "hashtags": new.hashtags,
    }
    connection.execute(update(clips).where(clips.c.id == identity).values(**values, updated_at=now()))


def redefine(connection: Connection, identity: str, new: NewClip) -> bool:
    """Set all columns of the scorer except the thumbnail. Return False if a client has edited or rendered the clip.

    The clip keeps its ID although its bounds change.
    """
    values = msgspec.structs.asdict(new)
    del values["thumbnail_key"]
    query = update(clips).where(clips.c.id == identity, *_IS_UNTOUCHED)
    return connection.execute(query.values(**values, version=clips.c.version + 1, updated_at=now())).rowcount == 1


def retire(connection: Connection, identities: Iterable[str]) -> None:
    """Hide clips that a re-scoring no longer selects. A clip that a client has edited or rendered stays visible."""
    query = update(clips).where(clips.c.id.in_(list(identities)), clips.c.retired_at.is_(None), *_IS_UNTOUCHED)
    connection.execute(query.values(retired_at=now(), updated_at=now()))


def edit(
    connection: Connection,
    identity: str,
    template_config: dict[str, Any],
    *,
    title: str | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    if_version: int | None = None,
) -> Clip | None:
    """Replace the config, and the title and bounds that are not None.

    A new start shifts the suggested cutaways, whose times are relative to it. Returns None if there is no such clip or
    its version is not `if_version`.
    """
    values: dict[str, Any] = {"template_config": template_config, "edited": True, "version": clips.c.version + 1}
    optional = {"title": title, "start_s": start_s, "end_s": end_s}
    values.update({name: value for name, value in optional.items() if value is not None})
    if start_s is not None:
        values["broll_suggestions"] = _shift_broll_suggestions(connection, identity, start_s)
    query = update(clips).where(clips.c.id == identity, clips.c.retired_at.is_(None))
    if if_version is not None:
        query = query.where(clips.c.version == if_version)
    return fetch_one(connection, query.values(**values, updated_at=now()).returning(*_COLUMNS), Clip)


def _shift_broll_suggestions(connection: Connection, identity: str, start_s: float) -> list[dict[str, Any]]:
    """Return the clip's cutaways with times relative to a new start.

    Cutaways outside the clip are kept, because a later edit may extend it.
    """
    query = select(clips.c.start_s, clips.c.broll_suggestions).where(clips.c.id == identity).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return []
    shift_s = row.start_s - start_s
    return [{**s, "start_time": round(s["start_time"] + shift_s, 3)} for s in row.broll_suggestions]
