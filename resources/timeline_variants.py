"""Variants: the results of an AI edit's job. A row is inserted when its files are in the store, and never changes them.

A job has one to three variants. They are listed best score first.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, insert, select, update

from resources import outbox
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, fetch_page, select_columns
from resources.database.tables import timeline_jobs, timeline_variants
from resources.timeline_jobs import TimelineJob


class Variant(msgspec.Struct, frozen=True):
    """A row of `timeline_variants`; resources/database/tables.py describes the columns."""

    id: str
    job_id: str
    timeline_id: str
    workspace_id: str
    number: int
    label: str
    plan: dict[str, Any]
    object_key: str
    preview_key: str
    comparison_key: str
    facts: dict[str, Any]
    frames: int
    score: dict[str, Any]
    overall_score: float
    notes: list[str]
    accepted_at: datetime | None
    created_at: datetime


class NewVariant(msgspec.Struct, frozen=True):
    """A variant whose files are in the store. `score` holds the measures for both values of `compare_to`."""

    number: int
    label: str
    plan: dict[str, Any]
    object_key: str
    preview_key: str
    comparison_key: str
    facts: dict[str, Any]
    frames: int
    score: dict[str, Any]
    overall_score: float
    notes: list[str]


_COLUMNS = select_columns(timeline_variants, Variant)


def create(connection: Connection, job: TimelineJob, new: NewVariant, variant_id: str | None = None) -> str | None:
    """Insert a variant and record `timeline_variant.ready`. Return its id, or None if the job has this number already.

    Two workers may build one job after a crash. Their files are equal, and the first row counts.
    """
    is_same = and_(timeline_variants.c.job_id == job.id, timeline_variants.c.number == new.number)
    if connection.scalar(select(timeline_variants.c.id).where(is_same)) is not None:
        return None
    variant_id = variant_id or str(uuid.uuid4())
    values = {"id": variant_id, "job_id": job.id, "timeline_id": job.timeline_id, "workspace_id": job.workspace_id}
    connection.execute(
        insert(timeline_variants).values(**values, **msgspec.structs.asdict(new), created_at=now())
    )  # fmt: skip
    data = {
        "event": "timeline_variant.ready",
        "id": variant_id,
        "job_id": job.id,
        "project_id": job.timeline_id,
        "label": new.label,
        "overall_score": new.overall_score,
        "error": None,
        "object_key": new.object_key,
    }
    key = f"timeline_variant.ready:{job.id}:{new.number}"
    outbox.record(connection, job.workspace_id, f"timeline:{job.timeline_id}", "timeline_variant.ready", data, key)
    return variant_id


def record_failure(connection: Connection, job: TimelineJob, number: int, label: str, error_message: str) -> None:
    """Record `timeline_variant.failed`, once for each variant of the job. No row is inserted."""
    data = {
        "event": "timeline_variant.failed",
        "id": None,
        "job_id": job.id,
        "project_id": job.timeline_id,
        "label": label,
        "overall_score": None,
        "error": error_message,
    }
    key = f"timeline_variant.failed:{job.id}:{number}"
    outbox.record(connection, job.workspace_id, f"timeline:{job.timeline_id}", "timeline_variant.failed", data, key)


def get(connection: Connection, variant_id: str) -> Variant | None:
    """Return the variant, or None if there is none or its job has not completed."""
    return fetch_one(connection, _query().where(timeline_variants.c.id == variant_id), Variant)


def list_for_job(connection: Connection, job_id: str) -> list[Variant]:
    """Return the variants of a job, best score first, whether the job has completed or not."""
    query = select(*_COLUMNS).where(timeline_variants.c.job_id == job_id)
    return fetch_all(
        connection, query.order_by(timeline_variants.c.overall_score.desc(), timeline_variants.c.number), Variant
    )


def list_page(connection: Connection, timeline_id: str, limit: int, offset: int) -> tuple[list[Variant], int]:
    """Return one page of the variants of the timeline's completed jobs, newest first, and their total number."""
    query = _query().where(timeline_variants.c.timeline_id == timeline_id)
    order = (timeline_variants.c.created_at.desc(), timeline_variants.c.id)
    return fetch_page(connection, query.order_by(*order), Variant, limit, offset)


def mark_accepted(connection: Connection, variant_id: str) -> None:
    """Record when the variant was accepted last."""
    query = update(timeline_variants).where(timeline_variants.c.id == variant_id)
    connection.execute(query.values(accepted_at=now()))


def _query() -> Select[Any]:
    completed = select(timeline_jobs.c.id).where(timeline_jobs.c.status == "completed")
    return select(*_COLUMNS).where(timeline_variants.c.job_id.in_(completed))
