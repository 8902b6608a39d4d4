"""Run intents: what Dagster is to do, written with the state that promises it, so that no crash can forget it.

The life of an intent: WAITING (promised) -> SUBMITTED (Dagster has it) -> DONE, or CANCELLED on the way. The run id is
ours: to submit an intent twice is to submit it once. `resources.run_submission` talks to Dagster; this module never does.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from resources.database.engine import now
from resources.database.tables import exports, projects, renders, run_intents, workspaces

# Tags by which the queue bounds runs and people find them
PROJECT_TAG = "carmic/project"
WORKSPACE_TAG = "carmic/workspace"
SUBJECT_TAG = "carmic/subject"

# A video that kills its worker each time must not be tried for ever; one that was under way while the whole system was
# started again and again is less to blame.
ALONE, TOGETHER = 4, 1  # what a loss counts
ENOUGH = 12  # of those, since the last finished asset


class Intent(msgspec.Struct, frozen=True):
    """A row of `run_intents`. `subject_id` is the project, render or export the run is for."""

    run_id: str
    job_name: str
    project_id: str
    workspace_id: str
    subject_id: str
    tier: str
    run_config: dict[str, Any]
    state: str
    attempts: int
    resumes: str | None
    heartbeat_at: datetime | None
    created_at: datetime
    updated_at: datetime


_FIELDS = [run_intents.c[name] for name in Intent.__struct_fields__]


def new_run_id() -> str:
    return str(uuid.uuid4())


def promise(
    connection: Connection,
    run_id: str,
    job_name: str,
    workspace_id: str,
    project_id: str,
    subject_id: str,
    run_config: dict[str, Any] | None = None,
) -> None:
    """Write down that `run_id` must run, in the transaction that changes the subject's state."""
    tier = connection.scalar(select(workspaces.c.tier).where(workspaces.c.id == workspace_id))
    connection.execute(
        insert(run_intents).values(
            run_id=run_id,
            job_name=job_name,
            project_id=project_id,
            workspace_id=workspace_id,
            subject_id=subject_id,
            tier=tier,
            run_config=run_config or {},
            state="WAITING",
            attempts=0,
            created_at=now(),
            updated_at=now(),
        )
    )


def get(connection: Connection, run_id: str) -> Intent | None:
    row = connection.execute(select(*_FIELDS).where(run_intents.c.run_id == run_id)).one_or_none()
    return None if row is None else Intent(**row._mapping)


def waiting(connection: Connection, older_than: timedelta, limit: int = 50) -> list[Intent]:
    """Promised, and not submitted since: whoever promised them may have died."""
    query = (
        select(*_FIELDS)
        .where(run_intents.c.state == "WAITING", run_intents.c.updated_at < now() - older_than)
        .order_by(run_intents.c.created_at)
    )
    return [Intent(**row._mapping) for row in connection.execute(query.limit(limit))]


def submitted(connection: Connection, limit: int = 500) -> list[Intent]:
    """Given to Dagster and not known to have ended."""
    query = select(*_FIELDS).where(run_intents.c.state == "SUBMITTED").order_by(run_intents.c.updated_at)
    return [Intent(**row._mapping) for row in connection.execute(query.limit(limit))]


def open_of_project(connection: Connection, project_id: str) -> list[Intent]:
    query = select(*_FIELDS).where(
        run_intents.c.project_id == project_id, run_intents.c.state.in_(("WAITING", "SUBMITTED"))
    )
    return [Intent(**row._mapping) for row in connection.execute(query)]


def move(connection: Connection, run_id: str, state: str) -> bool:
    """Forward only: what is DONE or CANCELLED stays so."""
    earlier = {"SUBMITTED": ("WAITING",), "CANCELLED": ("WAITING", "SUBMITTED"), "DONE": ("WAITING", "SUBMITTED")}
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.state.in_(earlier[state]))
    return connection.execute(query.values(state=state, updated_at=now())).rowcount == 1


def tried(connection: Connection, run_id: str) -> None:
    """A submission failed; the intent waits on."""
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.state == "WAITING")
    connection.execute(query.values(updated_at=now()))


def again(connection: Connection, intent: Intent, loss: int = ALONE) -> str | None:
    """Promise the rest of a lost run, under a new id that the subject takes over; None when it was lost too often.

    `attempts` adds up the losses across the runs of one subject since one of them finished an asset.
    """
    if intent.attempts + loss > ENOUGH or not move(connection, intent.run_id, "DONE"):
        return None
    run_id = new_run_id()
    of = (intent.workspace_id, intent.project_id, intent.subject_id)
    promise(connection, run_id, intent.job_name, *of, intent.run_config)
    values = {"attempts": intent.attempts + loss, "resumes": intent.run_id}
    connection.execute(update(run_intents).where(run_intents.c.run_id == run_id).values(**values))
    for table in (projects, renders, exports):
        connection.execute(update(table).where(table.c.run_id == intent.run_id).values(run_id=run_id))
    return run_id


def got_on(connection: Connection, run_id: str) -> None:
    """The run finished an asset: what was lost before is no sign that the video itself kills its workers."""
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.attempts > 0)
    connection.execute(query.values(attempts=0))


def beat(connection: Connection, run_id: str) -> bool:
    """The run is alive. False when it is not wanted any more: cancelled, or taken for dead and replaced."""
    query = update(run_intents).where(run_intents.c.run_id == run_id).values(heartbeat_at=now())
    state = connection.scalar(query.returning(run_intents.c.state))
    return state in (None, "WAITING", "SUBMITTED")  # None: nobody promised it, an operator started it


def depth(connection: Connection) -> dict[str, int]:
    """Open intents by state: the queue that `/health` shows."""
    query = (
        select(run_intents.c.state, func.count())
        .where(run_intents.c.state.in_(("WAITING", "SUBMITTED")))
        .group_by(run_intents.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
