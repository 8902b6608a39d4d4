"""Gauges of the installation for monitoring, read from the database: what waits, for how long, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from resources.database.engine import now
from resources.database.tables import deliveries, events, media, projects, run_intents


class Gauge(msgspec.Struct, frozen=True):
    """A metric with its value by label; the label is "" for a metric without one."""

    name: str
    help: str
    label: str
    values: dict[str, float]


def collect(connection: Connection) -> Iterator[Gauge]:
    """Yield the gauges. Each costs one query over an index or a small table."""
    states = ("WAITING", "SUBMITTED")
    oldest = dict.fromkeys(states, 0.0)
    lost = 0
    query = select(run_intents.c.state, func.min(run_intents.c.created_at), func.sum(run_intents.c.attempts))
    query = query.where(run_intents.c.state.in_(states), run_intents.c.lane.is_(None))  # backfills wait by design
    for state, created_at, attempts in connection.execute(query.group_by(run_intents.c.state)):
        oldest[state] = _age_s(created_at)
        lost += attempts
    yield Gauge(
        "carmic_oldest_run_seconds",
        "Age of the oldest run that Dagster has not accepted (waiting) or not finished (submitted), without backfills.",
        "state",
        {state.lower(): age_s for state, age_s in oldest.items()},
    )
    yield Gauge("carmic_run_losses", "Losses of the open runs by crashes.", "", {"": lost})
    by_status = select(projects.c.status, func.count()).where(projects.c.deleted_at.is_(None))
    counts = {row[0]: float(row[1]) for row in connection.execute(by_status.group_by(projects.c.status))}
    yield Gauge("carmic_projects", "Projects by status.", "status", counts)
    undispatched = select(events.c.created_at).where(events.c.dispatched.is_(False)).order_by(events.c.id).limit(1)
    lag_s = _age_s(connection.scalar(undispatched))
    yield Gauge("carmic_outbox_lag_seconds", "Age of the oldest event that webhooks have not seen.", "", {"": lag_s})
    due = select(func.min(deliveries.c.next_attempt_at)).where(deliveries.c.state == "DUE")
    lag_s = max(0.0, _age_s(connection.scalar(due)))
    yield Gauge("carmic_webhook_lag_seconds", "Delay of the oldest webhook delivery that is due.", "", {"": lag_s})
    size_bytes = connection.scalar(select(func.coalesce(func.sum(media.c.size_bytes), 0))) or 0
    yield Gauge("carmic_media_library_bytes", "Size of all media libraries.", "", {"": size_bytes})


def _age_s(moment: datetime | None) -> float:
    return 0.0 if moment is None else (now() - moment).total_seconds()
