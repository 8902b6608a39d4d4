"""The deletion of one clip: its row is hidden, what runs for it is cancelled and refunded, its files are released."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Table, select, update

from resources import clips, exports, renders, run_intents
from resources.clips import Clip
from resources.database import tables
from resources.projects import key_prefix

DELETED = "The clip was deleted."


class DeletedClip(msgspec.Struct, frozen=True):
    """What is to be done after the commit: the runs to terminate, and the prefixes of the store to delete."""

    run_ids: list[str]
    prefixes: list[str]


def delete_clip(connection: Connection, clip: Clip) -> DeletedClip:
    """Delete the clip. What its renders and exports have stored no longer belongs to them."""
    run_ids = []
    for render_id in _list_ids(connection, tables.renders, clip.id, renders.ACTIVE_STATUSES):
        run_ids += cancel_render(connection, render_id, DELETED)
    for export_id in _list_ids(connection, tables.exports, clip.id, exports.ACTIVE_STATUSES):
        run_ids += cancel_export(connection, export_id, DELETED)
    clips.delete(connection, clip.id)
    folder = key_prefix(clip.workspace_id, clip.project_id)
    prefixes = []
    for table, name, ending in ((tables.renders, "renders", "/"), (tables.exports, "exports", ".zip")):
        prefixes += [f"{folder}{name}/{job_id}{ending}" for job_id in _list_ids(connection, table, clip.id)]
        connection.execute(update(table).where(table.c.clip_id == clip.id).values(object_key=None))
    return DeletedClip(run_ids, prefixes)


def cancel_render(connection: Connection, render_id: str, reason: str = "The render was cancelled.") -> list[str]:
    """Fail the render with the reason and refund it. Returns the runs to terminate; none if it has ended already."""
    render = renders.get(connection, render_id)
    if render is None or not renders.fail(connection, render_id, reason):
        return []
    return _cancel_run(connection, render.run_id)


def cancel_export(connection: Connection, export_id: str, reason: str = "The export was cancelled.") -> list[str]:
    """Fail the export with the reason. Returns the runs to terminate; none if it has ended already."""
    export = exports.get(connection, export_id)
    if export is None or not exports.fail(connection, export_id, reason):
        return []
    return _cancel_run(connection, export.run_id)


def _cancel_run(connection: Connection, run_id: str) -> list[str]:
    """Cancel the run unless it also builds something else."""
    others = [*renders.list_active_for_run(connection, run_id), *exports.list_active_for_run(connection, run_id)]
    if others:
        return []
    run_intents.set_state(connection, run_id, "CANCELLED")
    return [run_id]


def _list_ids(connection: Connection, table: Table, clip_id: str, statuses: tuple[str, ...] | None = None) -> list[str]:
    query = select(table.c.id).where(table.c.clip_id == clip_id)
    if statuses is not None:
        query = query.where(table.c.status.in_(statuses))
    return list(connection.scalars(query))
