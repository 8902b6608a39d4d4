"""The sensors as Dagster sees them: each calls one function of a neighbour and says what it did."""

import functools

import dagster as dg

from resources.platform import Platform, open_platform
from resources.submission import Submitter
from sensors.deliver import Deliverer
from sensors.purge import purge
from sensors.reconcile import reconcile
from sensors.sweep import sweep_up

EVERY_S = 5
RUNNING = dg.DefaultSensorStatus.RUNNING


@functools.cache
def _opened() -> tuple[Platform, Submitter]:
    """Opened once per code server, whose threads evaluate the sensors."""
    platform = open_platform()
    return platform, Submitter(platform)


def _said(outcome: str) -> dg.SkipReason:
    return dg.SkipReason(outcome or "Nothing to do.")


@dg.sensor(minimum_interval_seconds=EVERY_S, default_status=RUNNING)
def reconcile_runs() -> dg.SkipReason:
    """Submits promised runs whose submitter died; ends or resumes what a dead run left behind."""
    return _said(reconcile(*_opened()))


@dg.sensor(minimum_interval_seconds=EVERY_S, default_status=RUNNING)
def purge_projects() -> dg.SkipReason:
    """Removes objects and partitions of deleted projects."""
    return _said(purge(*_opened()))


@functools.cache
def _deliverer() -> Deliverer:
    return Deliverer(_opened()[0])


@dg.sensor(minimum_interval_seconds=EVERY_S, default_status=RUNNING)
def deliver_webhooks() -> dg.SkipReason:
    """Turns new events into signed deliveries and sends those that are due."""
    return _said(_deliverer().tick())


@dg.sensor(minimum_interval_seconds=60, default_status=RUNNING)
def sweep() -> dg.SkipReason:
    """Forgets what has served its time, and sends waiting mail."""
    return _said(sweep_up(_opened()[0]))


SENSORS = [reconcile_runs, purge_projects, deliver_webhooks, sweep]
