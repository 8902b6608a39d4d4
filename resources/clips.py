"""Clips: what the scorer chose and the client edits. Renders and packages of them are modules of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from resources.database.engine import now
from resources.database.tables import clips
from resources.state_transitions import columns


class Clip(msgspec.Struct, frozen=True):
    """A row of `clips`. Bounds are on the source clock; `template_config` is None until a client has edited."""

    id: str
    project_id: str
    workspace_id: str
    title: str
    start_s: float
    end_s: float
    virality_score: int
    score_breakdown: dict[str, int]
    reasoning: str
    hashtags: list[str]
    broll_suggestions: list[dict[str, Any]]
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


class NewClip(msgspec.Struct, frozen=True):
    """What the scorer says of a clip."""

    title: str
    start_s: float
    end_s: float
    virality_score: int
    score_breakdown: dict[str, int]
    reasoning: str
    hashtags: list[str]
    broll_suggestions: list[dict[str, Any]]
    thumbnail_key: str | None = None


_FIELDS = columns(clips, Clip)
_ONE = select(*_FIELDS).where(
    clips.c.id == bindparam("id"), clips.c.retired_at.is_(None)
)  # built once: see projects.py
_UNTOUCHED = (clips.c.edited.is_(False), clips.c.status == "DETECTED")
SHORTEST_CUTAWAY_S = 1.0
_NAMESPACE = uuid.UUID("5b1c2f3e-7f3a-4f6e-9d54-0d2c8a5a8f10")


def clip_id(project_id: str, start_s: float, end_s: float) -> str:
    """The same cut of the same video is the same clip, however often it is found."""
    return str(uuid.uuid5(_NAMESPACE, f"{project_id}:{start_s:.2f}:{end_s:.2f}"))


def get(connection: Connection, clip_id: str) -> Clip | None:
    row = connection.execute(_ONE, {"id": clip_id}).one_or_none()
    return None if row is None else Clip(*row)


def of_project(connection: Connection, project_id: str) -> list[Clip]:
    """Best first; a re-scoring's leftovers are not among them."""
    query = (
        select(*_FIELDS)
        .where(clips.c.project_id == project_id, clips.c.retired_at.is_(None))
        .order_by(clips.c.virality_score.desc(), clips.c.start_s)
    )
    return [Clip(**row._mapping) for row in connection.execute(query)]


def suggestions(clip: Clip) -> list[dict[str, Any]]:
    """The suggested cutaways that lie in the clip as it is cut now, on its clock; one that runs out is shortened."""
    length = clip.end_s - clip.start_s
    within = (s for s in clip.broll_suggestions if 0 <= s["start_time"] <= length - SHORTEST_CUTAWAY_S)
    return [{**s, "duration": round(min(s["duration"], length - s["start_time"]), 3)} for s in within]


def add(connection: Connection, project_id: str, workspace_id: str, found: Iterable[NewClip]) -> list[str]:
    """Insert clips; one that was there before (retired, or of a run that crashed) comes back with its new words.

    Returns the ids in order.
    """
    ids = []
    for clip in found:
        identity = clip_id(project_id, clip.start_s, clip.end_s)
        values = {name: getattr(clip, name) for name in NewClip.__struct_fields__}
        known = connection.execute(select(*_FIELDS).where(clips.c.id == identity)).one_or_none()
        if (
            known is not None
            and known.retired_at is None
            and (known.start_s, known.end_s) != (clip.start_s, clip.end_s)
        ):
            # a clip that was moved since keeps the id that its first bounds gave it
            identity, known = str(uuid.uuid5(_NAMESPACE, f"{identity}:{known.version}")), None
        if known is None:
            of = {"id": identity, "project_id": project_id, "workspace_id": workspace_id, "status": "DETECTED"}
            connection.execute(insert(clips).values(**of, **values, version=1, created_at=now(), updated_at=now()))
        else:
            revived = update(clips).where(clips.c.id == identity)
            connection.execute(revived.values(**values, retired_at=None, updated_at=now()))
        ids.append(identity)
    return ids


def rescore(connection: Connection, identity: str, clip: NewClip) -> None:
    """New score and reasons for a clip that keeps its id, bounds, title, suggested cutaways and edits."""
    values = {
        "virality_score": clip.virality_score,
        "score_breakdown": clip.score_breakdown,
        "reasoning": clip.reasoning,
        "hashtags": clip.hashtags,
    }
    connection.execute(update(clips).where(clips.c.id == identity).values(**values, updated_at=now()))


def describe(connection: Connection, identity: str, clip: NewClip) -> bool:
    """New bounds and words for a clip, which keeps its id. False, and nothing changes, when somebody touched it."""
    values = {name: getattr(clip, name) for name in NewClip.__struct_fields__ if name != "thumbnail_key"}
    changed = update(clips).where(clips.c.id == identity, *_UNTOUCHED)
    return connection.execute(changed.values(**values, version=clips.c.version + 1, updated_at=now())).rowcount == 1


def retire(connection: Connection, identities: Iterable[str]) -> None:
    """Take clips that a re-scoring dropped out of the lists. One that somebody touched meanwhile stays."""
    gone = update(clips).where(clips.c.id.in_(list(identities)), clips.c.retired_at.is_(None), *_UNTOUCHED)
    connection.execute(gone.values(retired_at=now(), updated_at=now()))


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
    """Replace the config, and the title or bounds where given. None when the clip has changed since `if_version`.

    A new start moves the suggested cutaways, which are on the clip's clock.
    """
    values: dict[str, Any] = {"template_config": template_config, "edited": True, "version": clips.c.version + 1}
    given = {"title": title, "start_s": start_s, "end_s": end_s}
    values.update({name: value for name, value in given.items() if value is not None})
    if start_s is not None:
        values["broll_suggestions"] = _moved(connection, identity, start_s)
    query = update(clips).where(clips.c.id == identity, clips.c.retired_at.is_(None))
    if if_version is not None:
        query = query.where(clips.c.version == if_version)
    if connection.execute(query.values(**values, updated_at=now())).rowcount == 0:
        return None
    return get(connection, identity)


def _moved(connection: Connection, identity: str, start_s: float) -> list[dict[str, Any]]:
    """The clip's cutaways where they lie once it starts at `start_s`; those outside are kept too: it may grow again."""
    row = select(clips.c.start_s, clips.c.broll_suggestions).where(clips.c.id == identity).with_for_update()
    found = connection.execute(row).one_or_none()
    if found is None:
        return []
    later = found.start_s - start_s
    return [{**s, "start_time": round(s["start_time"] + later, 3)} for s in found.broll_suggestions]
