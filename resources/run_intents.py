"""Run intents: stored requests for Dagster runs, each written in the transaction that makes the run necessary.

An intent goes from WAITING (enqueued) to SUBMITTED (in Dagster's queue) to DONE, or from either to CANCELLED. Carmic
chooses the run ID, so submitting an intent twice creates one run. `resources.run_submission` talks to Dagster; this
module does not.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from resources import accounts
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, select_columns
from resources.database.tables import exports, generation_jobs, projects, renders, run_intents, timeline_jobs, timelines

# Tags of Dagster runs, by which the run queue limits runs and operators find them
PROJECT_TAG = "carmic/project"
TIMELINE_TAG = "carmic/timeline"
GENERATION_TAG = "carmic/generation"
WORKSPACE_TAG = "carmic/workspace"
SUBJECT_TAG = "carmic/subject"
TITLE_TAG = "carmic/title"
LANE_TAG = "carmic/lane"
BACKFILL_LANE = "backfill"  # of work that no one waits for

# The dynamic partitions definitions, and the jobs that are not partitioned by video
VIDEO_PARTITIONS = "videos"
TIMELINE_PARTITIONS = "timelines"
TIMELINE_JOBS = ("ingest_timeline_asset", "export_timeline", "make_variants")
GENERATION_PARTITIONS = "generations"
GENERATION_JOBS = ("generate_voice", "generate_clip", "generate_hosted_media")

# A video that crashes its worker must not be retried forever. A run that crashed together with others was probably
# stopped by an external cause, so its loss counts less.
ISOLATED_LOSS = 4
CORRELATED_LOSS = 1
ATTEMPT_LIMIT = 12  # sum of the losses since the last finished asset

_OPEN_STATES = ("WAITING", "SUBMITTED")


class RunIntent(msgspec.Struct, frozen=True):
    """A row of `run_intents`. `subject_id` is the project, render, export or job that the run is for.

    `project_id` is the key of the run's partition: a project, a timeline for the jobs of `TIMELINE_JOBS`, or a
    generation job for those of `GENERATION_JOBS`.
    """

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
    lane: str | None
    heartbeat_at: datetime | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = select_columns(run_intents, RunIntent)


def get_partitions_name(job_name: str) -> str:
    """Return the name of the dynamic partitions definition of the job."""
    return _get_partitions(job_name)[0]


def get_partition_tag(job_name: str) -> str:
    """Return the tag that names the run's partition."""
    return _get_partitions(job_name)[1]


def _get_partitions(job_name: str) -> tuple[str, str]:
    if job_name in TIMELINE_JOBS:
        return TIMELINE_PARTITIONS, TIMELINE_TAG
    if job_name in GENERATION_JOBS:
        return GENERATION_PARTITIONS, GENERATION_TAG
    return VIDEO_PARTITIONS, PROJECT_TAG


def new_run_id() -> str:
    """Return a new run ID."""
    return str(uuid.uuid4())


def enqueue(
    connection: Connection,
    run_id: str,
    job_name: str,
    workspace_id: str,
    project_id: str,
    subject_id: str,
    run_config: dict[str, Any] | None = None,
) -> None:
    """Write a WAITING intent. Call it in the transaction that changes the subject's state."""
    connection.execute(
        insert(run_intents).values(
            run_id=run_id,
            job_name=job_name,
            project_id=project_id,
            workspace_id=workspace_id,
            subject_id=subject_id,
            tier=accounts.get_tier(connection, workspace_id),
            run_config=run_config or {},
            state="WAITING",
            attempts=0,
            created_at=now(),
            updated_at=now(),
        )
    )


def set_lane(connection: Connection, run_id: str, lane: str) -> None:
    """Put a WAITING run into another lane than that of its job."""
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.state == "WAITING")
    connection.execute(query.values(lane=lane))


def get(connection: Connection, run_id: str) -> RunIntent | None:
    """Return the intent of the run."""
    return fetch_one(connection, select(*_COLUMNS).where(run_intents.c.run_id == run_id), RunIntent)


def list_waiting(
    connection: Connection, older_than: timedelta, limit: int = 50, lane: str | None = None
) -> list[RunIntent]:
    """Return WAITING intents of a lane whose last submission attempt is older than `older_than`.

    They are taken in turn by workspace. Without a lane, they are those in the lanes of their jobs.
    """
    conditions = (
        run_intents.c.state == "WAITING",
        run_intents.c.updated_at < now() - older_than,
        run_intents.c.lane == lane,
    )
    return _take_in_turns(connection, run_intents.c.updated_at, limit, *conditions)


def list_silent(connection: Connection, since: datetime) -> list[RunIntent]:
    """Return the SUBMITTED intents whose runs have sent heartbeats, but none after `since`."""
    query = select(*_COLUMNS).where(run_intents.c.state == "SUBMITTED", run_intents.c.heartbeat_at < since)
    return fetch_all(connection, query.order_by(run_intents.c.heartbeat_at), RunIntent)


def list_unstarted(connection: Connection, since: datetime, limit: int) -> list[RunIntent]:
    """Return SUBMITTED intents whose runs have sent no heartbeat yet, and that were not checked after `since`.

    Thousands may wait in Dagster's queue, so the intents are taken in turn by workspace, the least recently checked
    ones first. `mark_checked` lets the next call return others.
    """
    checked_at = func.coalesce(run_intents.c.checked_at, run_intents.c.updated_at)
    conditions = (run_intents.c.state == "SUBMITTED", run_intents.c.heartbeat_at.is_(None), checked_at < since)
    return _take_in_turns(connection, checked_at, limit, *conditions)


def _take_in_turns(
    connection: Connection, order: ColumnElement[Any], limit: int, *conditions: ColumnElement[bool]
) -> list[RunIntent]:
    """Return the first intent of each workspace in this order, then the second of each, and so on."""
    turn = func.row_number().over(partition_by=run_intents.c.workspace_id, order_by=order).label("turn")
    ranked = select(run_intents.c.run_id, turn, order.label("position")).where(*conditions).subquery()
    query = select(*_COLUMNS).join(ranked, ranked.c.run_id == run_intents.c.run_id)
    return fetch_all(connection, query.order_by(ranked.c.turn, ranked.c.position).limit(limit), RunIntent)


def mark_checked(connection: Connection, run_ids: list[str]) -> None:
    """Record that the reconciliation has looked at these intents."""
    connection.execute(update(run_intents).where(run_intents.c.run_id.in_(run_ids)).values(checked_at=now()))


def list_run_ids(connection: Connection, project_id: str) -> list[str]:
    """Return the ids of all runs of the project, ended ones too."""
    return list(connection.scalars(select(run_intents.c.run_id).where(run_intents.c.project_id == project_id)))


def list_open(connection: Connection, project_id: str) -> list[RunIntent]:
    """Return the project's WAITING and SUBMITTED intents."""
    query = select(*_COLUMNS).where(run_intents.c.project_id == project_id, run_intents.c.state.in_(_OPEN_STATES))
    return fetch_all(connection, query, RunIntent)


def set_state(connection: Connection, run_id: str, state: str) -> bool:
    """Move the intent forward to SUBMITTED, CANCELLED or DONE. Return False if it is not in an earlier state."""
    earlier_states = ("WAITING",) if state == "SUBMITTED" else _OPEN_STATES
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.state.in_(earlier_states))
    return connection.execute(query.values(state=state, updated_at=now())).rowcount == 1


def get_title(connection: Connection, intent: RunIntent) -> str:
    """Return the title of the intent's project, or the name of its timeline; "" if it is deleted."""
    column = timelines.c.name if intent.job_name in TIMELINE_JOBS else projects.c.title
    return connection.scalar(select(column).where(column.table.c.id == intent.project_id)) or ""


def record_failed_submission(connection: Connection, run_id: str) -> None:
    """Postpone the next submission of a WAITING intent."""
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.state == "WAITING")
    connection.execute(query.values(updated_at=now()))


def requeue(connection: Connection, intent: RunIntent, loss: int = ISOLATED_LOSS) -> str | None:
    """Enqueue a new run for the remaining steps of a crashed one, and assign it to the subject.

    Args:
        connection: a write transaction.
        intent: the intent of the crashed run.
        loss: ISOLATED_LOSS or CORRELATED_LOSS. Losses add up over the runs of a subject until one finishes an asset.

    Returns:
        The new run ID, or None if the losses exceed ATTEMPT_LIMIT or the intent has ended.
    """
    attempts = intent.attempts + loss
    if attempts > ATTEMPT_LIMIT or not set_state(connection, intent.run_id, "DONE"):
        return None
    run_id = new_run_id()
    enqueue(
        connection,
        run_id,
        intent.job_name,
        intent.workspace_id,
        intent.project_id,
        intent.subject_id,
        intent.run_config,
    )
    resumed = update(run_intents).where(run_intents.c.run_id == run_id)
    connection.execute(resumed.values(attempts=attempts, resumes=intent.run_id, lane=intent.lane))
    for table in (projects, renders, exports, timeline_jobs, generation_jobs):
        connection.execute(update(table).where(table.c.run_id == intent.run_id).values(run_id=run_id))
    return run_id


def reset_attempts(connection: Connection, run_id: str) -> None:
    """Reset the losses to zero, because the run has finished an asset."""
    query = update(run_intents).where(run_intents.c.run_id == run_id, run_intents.c.attempts > 0)
    connection.execute(query.values(attempts=0))


def heartbeat(connection: Connection, run_id: str) -> bool:
    """Record that the run is alive. Return False if the run must stop: it was cancelled or replaced.

    A run without an intent was started by an operator and may continue.
    """
    query = update(run_intents).where(run_intents.c.run_id == run_id).values(heartbeat_at=now())
    state = connection.scalar(query.returning(run_intents.c.state))
    return state is None or state in _OPEN_STATES


def count_open(connection: Connection) -> dict[str, int]:
    """Return the number of WAITING and SUBMITTED intents by state."""
    query = (
        select(run_intents.c.state, func.count())
        .where(run_intents.c.state.in_(_OPEN_STATES))
        .group_by(run_intents.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def get_oldest_waiting_s(connection: Connection) -> float:
    """Return the age in seconds of the oldest intent that Dagster has not accepted, or 0 if there is none.

    Backfills do not count, because they are submitted as Dagster's queue empties.
    """
    query = select(func.min(run_intents.c.created_at))
    oldest = connection.scalar(query.where(run_intents.c.state == "WAITING", run_intents.c.lane.is_(None)))
    return 0.0 if oldest is None else (now() - oldest).total_seconds()
