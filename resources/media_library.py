"""The media library: files that a workspace keeps to use in clips. Rows only; the bytes are in the store."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from sqlalchemy import Connection, Text, and_, cast, delete, func, insert, or_, select

from resources.database.engine import now
from resources.database.tables import clips, media, templates


class Media(msgspec.Struct, frozen=True):
    """A row of `media`. `clip_id` is set for media that belong to one clip."""

    id: str
    workspace_id: str
    clip_id: str | None
    object_key: str
    filename: str
    media_type: str
    content_type: str
    size_bytes: int
    duration_s: float | None
    width: int | None
    height: int | None
    facts: dict[str, Any]
    created_at: datetime


_KEY = re.compile(r"workspaces/([^/]+)/(?:media|clips/([^/]+))/[^/]+")
_FIELDS = [media.c[name] for name in Media.__struct_fields__]


def new_key(workspace_id: str, suffix: str, clip_id: str | None = None) -> str:
    """Where a new file goes. `suffix` is ".png" or the like."""
    room = "media" if clip_id is None else f"clips/{clip_id}"
    return f"workspaces/{workspace_id}/{room}/{uuid.uuid4()}{suffix}"


def owner_of(key: str) -> tuple[str, str | None] | None:
    """The workspace that `new_key` made the key for, and the clip where it is for one; None for any other key."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else None


def add(connection: Connection, workspace_id: str, **columns: Any) -> Media:
    media_id = str(uuid.uuid4())
    row = {"id": media_id, "workspace_id": workspace_id, "created_at": now(), "facts": {}, **columns}
    connection.execute(insert(media).values(**row))
    made = get(connection, workspace_id, media_id)
    assert made is not None
    return made


def get(connection: Connection, workspace_id: str, media_id: str) -> Media | None:
    query = select(*_FIELDS).where(media.c.id == media_id, media.c.workspace_id == workspace_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Media(**row._mapping)


def by_key(connection: Connection, workspace_id: str, object_key: str) -> Media | None:
    query = select(*_FIELDS).where(media.c.object_key == object_key, media.c.workspace_id == workspace_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Media(**row._mapping)


def key_in(workspace_id: str, reference: str) -> str | None:
    """The key of the workspace's own object that a reference is, or that its address leads to. None where it has none.

    The object need not exist. An address is one of the store's: it ends in the key, whoever serves it.
    """
    try:
        path = unquote(urlsplit(reference).path)
    except ValueError:
        return None
    room = f"workspaces/{workspace_id}/"
    _, found, rest = f"/{path}".partition(f"/{room}")
    return room + rest if found else None


def named(connection: Connection, workspace_id: str, references: Iterable[str]) -> dict[str, Media]:
    """The files of the workspace that references mean, each by its id, its object key or an address of the store. What
    means none is left out."""
    keys = {reference: key_in(workspace_id, reference) or reference for reference in references}
    query = select(*_FIELDS).where(
        media.c.workspace_id == workspace_id,
        or_(media.c.id.in_(keys.keys()), media.c.object_key.in_(keys.values())),
    )
    found: dict[str, Media] = {}
    for row in connection.execute(query):
        file = Media(**row._mapping)
        found |= {file.id: file, file.object_key: file}
    return {reference: found[key] for reference, key in keys.items() if key in found}


def fonts(connection: Connection, workspace_id: str) -> list[Media]:
    """The workspace's font files, newest first: of two of one family the newer counts."""
    query = select(*_FIELDS).where(media.c.workspace_id == workspace_id, media.c.media_type == "font")
    return [Media(**row._mapping) for row in connection.execute(query.order_by(media.c.created_at.desc(), media.c.id))]


def listing(
    connection: Connection,
    workspace_id: str,
    *,
    media_type: str = "",
    search: str = "",
    clip_id: str | None = None,
    limit: int = 20,
    offset: int = 0,
) -> tuple[list[Media], int]:
    """Newest first, and how many there are in all. Without `clip_id`: the library; with it: that clip's own."""
    conditions = [media.c.workspace_id == workspace_id]
    conditions.append(media.c.clip_id.is_(None) if clip_id is None else media.c.clip_id == clip_id)
    if media_type:
        conditions.append(media.c.media_type == media_type)
    if search:
        conditions.append(media.c.filename.icontains(search, autoescape=True))
    query = select(*_FIELDS).where(and_(*conditions)).order_by(media.c.created_at.desc(), media.c.id)
    rows = connection.execute(query.limit(limit).offset(offset))
    total = connection.scalar(select(func.count()).select_from(media).where(and_(*conditions)))
    return [Media(**row._mapping) for row in rows], total or 0


def search(
    connection: Connection, workspace_id: str, words: str, media_types: tuple[str, ...], limit: int = 20
) -> list[Media]:
    """Files of these types whose name holds the words, newest first."""
    query = select(*_FIELDS).where(
        media.c.workspace_id == workspace_id,
        media.c.media_type.in_(media_types),
        media.c.filename.icontains(words, autoescape=True),
    )
    rows = connection.execute(query.order_by(media.c.created_at.desc(), media.c.id).limit(limit))
    return [Media(**row._mapping) for row in rows]


def users_of(connection: Connection, workspace_id: str, file: Media) -> list[str]:
    """Which clips and templates name the file, by id or key: what must change before it may go."""

    def named(column: Any) -> Any:
        text = cast(column, Text)
        return or_(text.contains(file.id), text.contains(file.object_key))

    of_clips = select(clips.c.title).where(
        clips.c.workspace_id == workspace_id, clips.c.retired_at.is_(None), named(clips.c.template_config)
    )
    of_templates = select(templates.c.name).where(
        templates.c.workspace_id == workspace_id, named(templates.c.template_config)
    )
    found = [f"the clip “{title}”" for title in connection.scalars(of_clips.limit(10))]
    return found + [f"the template “{name}”" for name in connection.scalars(of_templates.limit(10))]


def captioned(connection: Connection, workspace_id: str) -> list[tuple[str, str]]:
    """The caption fonts that clips and templates name, each with who names it."""
    found: list[tuple[str, str]] = []
    for what, table, name in (("clip", clips, clips.c.title), ("template", templates, templates.c.name)):
        font = table.c.template_config["style"]["captionFont"].as_string()
        query = select(font, name).where(table.c.workspace_id == workspace_id, font.is_not(None))
        if table is clips:
            query = query.where(clips.c.retired_at.is_(None))
        found += [(font, f"the {what} “{title}”") for font, title in connection.execute(query)]
    return found


def remove(connection: Connection, workspace_id: str, media_id: str) -> None:
    connection.execute(delete(media).where(media.c.id == media_id, media.c.workspace_id == workspace_id))
