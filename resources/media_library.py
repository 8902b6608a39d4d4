"""The rows of the media library: files that a workspace keeps for use in its clips. The files are in the store."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Text, cast, delete, or_, select, update

from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, fetch_page, insert_row, select_columns
from resources.database.tables import clips, media, templates

MAX_USAGES = 10  # listed per kind


class Media(msgspec.Struct, frozen=True):
    """A row of `media`. `clip_id` is set for a file that belongs to one clip and is not in the library."""

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


# Earlier versions stored the files of clips beside the projects, not below them.
_KEY = re.compile(r"workspaces/([^/]+)/(?:media|(?:projects/[^/]+/)?clips/([^/]+))/[^/]+")
_COLUMNS = select_columns(media, Media)
_NEWEST_FIRST = (media.c.created_at.desc(), media.c.id)


def new_key(workspace_id: str, suffix: str, clip: tuple[str, str] | None = None) -> str:
    """Return the store key for a new file. `suffix` is the file ending, such as ".png".

    `clip` is (project id, clip id) for a file of a clip, which is stored below its project and purged with it.
    """
    folder = "media" if clip is None else f"projects/{clip[0]}/clips/{clip[1]}"
    return f"workspaces/{workspace_id}/{folder}/{uuid.uuid4()}{suffix}"


def parse_owner(key: str) -> tuple[str, str | None] | None:
    """Return the workspace and clip of a key from `new_key`, or None for any other key."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else None


def get_converted_key(key: str) -> str:
    """Return the store key of the converted file of a font, the only one that captions open."""
    return f"{key.rpartition('.')[0]}.converted.ttf"


def add(connection: Connection, workspace_id: str, **columns: object) -> Media:
    """Insert a file with these columns."""
    values = {"id": str(uuid.uuid4()), "workspace_id": workspace_id, "created_at": now(), "facts": {}, **columns}
    return insert_row(connection, media, Media, values)


def get(connection: Connection, workspace_id: str, media_id: str) -> Media | None:
    """Return the workspace's file."""
    query = select(*_COLUMNS).where(media.c.id == media_id, media.c.workspace_id == workspace_id)
    return fetch_one(connection, query, Media)


def find_by_key(connection: Connection, workspace_id: str, object_key: str) -> Media | None:
    """Return the workspace's file with this store key."""
    query = select(*_COLUMNS).where(media.c.object_key == object_key, media.c.workspace_id == workspace_id)
    return fetch_one(connection, query, Media)


def resolve_key(workspace_id: str, reference: str) -> str | None:
    """Return the store key that a reference names, if it is one of the workspace's.

    A reference is a store key or a URL of the store, which ends with the key. The object may not exist.
    """
    try:
        path = unquote(urlsplit(reference).path)
    except ValueError:
        return None
    prefix = f"workspaces/{workspace_id}/"
    _, separator, rest = f"/{path}".partition(f"/{prefix}")
    return prefix + rest if separator else None


def resolve_references(connection: Connection, workspace_id: str, references: Iterable[str]) -> dict[str, Media]:
    """Return the workspace's files by reference: an ID, a store key or a URL of the store.

    References that name no file of the workspace are omitted.
    """
    keys = {reference: resolve_key(workspace_id, reference) or reference for reference in references}
    query = select(*_COLUMNS).where(
        media.c.workspace_id == workspace_id,
        or_(media.c.id.in_(keys.keys()), media.c.object_key.in_(keys.values())),
    )
    files: dict[str, Media] = {}
    for file in fetch_all(connection, query, Media):
        files |= {file.id: file, file.object_key: file}
    return {reference: files[key] for reference, key in keys.items() if key in files}


def list_keys_of_project(connection: Connection, project_id: str) -> list[str]:
    """Return the store keys of the files that belong to clips of the project."""
    of_project = select(clips.c.id).where(clips.c.project_id == project_id)
    return list(connection.scalars(select(media.c.object_key).where(media.c.clip_id.in_(of_project))))


def list_fonts(connection: Connection, workspace_id: str) -> list[Media]:
    """Return the workspace's font files, newest first. If two files have the same family, captions use the newer."""
    query = select(*_COLUMNS).where(media.c.workspace_id == workspace_id, media.c.media_type == "font")
    return fetch_all(connection, query.order_by(*_NEWEST_FIRST), Media)


def list_unconverted_fonts(connection: Connection) -> list[Media]:
    """Return the font files of all workspaces that have not been converted: their facts lack the font's properties."""
    query = select(*_COLUMNS).where(media.c.media_type == "font")
    return [font for font in fetch_all(connection, query, Media) if not font.facts.get("font")]


def set_facts(connection: Connection, media_id: str, facts: dict[str, Any]) -> None:
    """Replace the facts of a file."""
    connection.execute(update(media).where(media.c.id == media_id).values(facts=facts))


def list_page(
    connection: Connection,
    workspace_id: str,
    *,
    media_type: str = "",
    search: str = "",
    clip_id: str | None = None,
    limit: int = 20,
    offset: int = 0,
) -> tuple[list[Media], int]:
    """Return one page of the library, or of the files of `clip_id`, newest first, and their total number."""
    query = select(*_COLUMNS).where(
        media.c.workspace_id == workspace_id,
        media.c.clip_id.is_(None) if clip_id is None else media.c.clip_id == clip_id,
    )
    if media_type:
        query = query.where(media.c.media_type == media_type)
    if search:
        query = query.where(media.c.filename.icontains(search, autoescape=True))
    return fetch_page(connection, query.order_by(*_NEWEST_FIRST), Media, limit, offset)


def search(
    connection: Connection, workspace_id: str, text: str, media_types: tuple[str, ...], limit: int = 20
) -> list[Media]:
    """Return the files of these types whose name contains the text, newest first."""
    query = select(*_COLUMNS).where(
        media.c.workspace_id == workspace_id,
        media.c.media_type.in_(media_types),
        media.c.filename.icontains(text, autoescape=True),
    )
    return fetch_all(connection, query.order_by(*_NEWEST_FIRST).limit(limit), Media)


def list_usages(connection: Connection, workspace_id: str, file: Media) -> list[str]:
    """Return the clips and templates whose config contains the file's ID or key, in the form `the clip “title”`."""

    def mentions(column: Column[Any]) -> ColumnElement[bool]:
        text = cast(column, Text)
        return or_(text.contains(file.id), text.contains(file.object_key))

    clip_titles = select(clips.c.title).where(
        clips.c.workspace_id == workspace_id, clips.c.retired_at.is_(None), mentions(clips.c.template_config)
    )
    template_names = select(templates.c.name).where(
        templates.c.workspace_id == workspace_id, mentions(templates.c.template_config)
    )
    usages = [f"the clip “{title}”" for title in connection.scalars(clip_titles.limit(MAX_USAGES))]
    return usages + [f"the template “{name}”" for name in connection.scalars(template_names.limit(MAX_USAGES))]


def list_caption_fonts(connection: Connection, workspace_id: str) -> list[tuple[str, str]]:
    """Return the caption fonts that clips and templates use, each with its user in the form `the clip “title”`."""
    font = clips.c.template_config["style"]["captionFont"].as_string()
    in_clips = select(font, clips.c.title).where(
        clips.c.workspace_id == workspace_id, clips.c.retired_at.is_(None), font.is_not(None)
    )
    font = templates.c.template_config["style"]["captionFont"].as_string()
    in_templates = select(font, templates.c.name).where(templates.c.workspace_id == workspace_id, font.is_not(None))
    by_clips = [(name, f"the clip “{title}”") for name, title in connection.execute(in_clips)]
    return by_clips + [(name, f"the template “{title}”") for name, title in connection.execute(in_templates)]


def remove(connection: Connection, workspace_id: str, media_id: str) -> None:
    """Delete the workspace's file from the library; its object stays in the store."""
    connection.execute(delete(media).where(media.c.id == media_id, media.c.workspace_id == workspace_id))
