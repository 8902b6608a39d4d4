"""The sensors as Dagster sees them: each calls one function of a neighbour and says what it did.

Neighbours are imported at the first tick: every run loads this module and none of them needs an HTTP client.
"""

import functools
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from resources.platform import Platform
    from resources.run_submission import Submitter
    from sensors.webhook_delivery import Deliverer

ROUND_S = 5  # between two looks of Dagster's daemon at its sensors
EVERY_S = 3  # less than that: a sensor that is not due by a hair waits another round
RUNNING = dg.DefaultSensorStatus.RUNNING


@functools.cache
def _opened() -> "tuple[Platform, Submitter]":
    """Opened once per code server, whose threads evaluate the sensors."""
    from resources.platform import open_platform
    from resources.run_submission import Submitter

    platform = open_platform()
    return platform, Submitter(platform)


def _said(outcome: str) -> dg.SkipReason:
    return dg.SkipReason(outcome or "Nothing to do.")


@dg.sensor(minimum_interval_seconds=EVERY_S, default_status=RUNNING)
def reconcile_runs() -> dg.SkipReason:
    """Submits promised runs whose submitter died; ends or resumes what a dead run left behind."""
    from sensors.run_reconciliation import reconcile

    return _said(reconcile(*_opened()))


@dg.sensor(minimum_interval_seconds=EVERY_S, default_status=RUNNING)
def purge_projects() -> dg.SkipReason:
    """Removes objects and partitions of deleted projects."""
    from sensors.project_purge import purge

    return _said(purge(*_opened()))


@functools.cache
def _deliverer() -> "Deliverer":
    from sensors.webhook_delivery import Deliverer

    return Deliverer(_opened()[0])


@dg.sensor(minimum_interval_seconds=EVERY_S, default_status=RUNNING)
def deliver_webhooks() -> dg.SkipReason:
    """Turns new events into signed deliveries and sends those that are due; watches for them most of the round."""
    return _said(_deliverer().watch(0.8 * ROUND_S))


@dg.sensor(minimum_interval_seconds=60, default_status=RUNNING)
def sweep() -> dg.SkipReason:
    """Forgets what has served its time, and sends waiting mail."""
    from sensors.housekeeping import sweep_up

    return _said(sweep_up(*_opened()))


SENSORS = [reconcile_runs, purge_projects, deliver_webhooks, sweep]
