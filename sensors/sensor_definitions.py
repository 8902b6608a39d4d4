"""Defines the Dagster sensors. Each calls functions of sibling modules and reports their outcome.

Sibling modules are imported at the first tick, because every run loads this module and no run needs an HTTP client.
"""

import functools
import threading
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from resources.platform import Platform
    from resources.run_submission import Submitter
    from sensors.webhook_delivery import WebhookDeliverer

DAEMON_INTERVAL_S = 5  # Dagster's daemon evaluates sensors this often
MIN_INTERVAL_S = 3  # less than the daemon's interval, so that a sensor is due again at every evaluation
POLL_RATIO = 0.8  # the webhook sensor polls for this fraction of the daemon's interval
RUNNING = dg.DefaultSensorStatus.RUNNING


_OPENING = threading.Lock()


def _open() -> "tuple[Platform, Submitter]":
    """Return the platform and the submitter, opened once per code server. All sensors tick first at the same time."""
    with _OPENING:
        return _open_once()


@functools.cache
def _open_once() -> "tuple[Platform, Submitter]":
    from resources.platform import open_platform
    from resources.run_submission import Submitter

    platform = open_platform()
    return platform, Submitter(platform)


def _build_skip_reason(outcome: str) -> dg.SkipReason:
    return dg.SkipReason(outcome or "Nothing to do.")


@dg.sensor(minimum_interval_seconds=MIN_INTERVAL_S, default_status=RUNNING)
def reconcile_runs() -> dg.SkipReason:
    """Submits enqueued runs that were not submitted; requeues or fails the unfinished subjects of crashed runs."""
    from sensors.run_reconciliation import reconcile_intents

    return _build_skip_reason(reconcile_intents(*_open()))


@dg.sensor(minimum_interval_seconds=MIN_INTERVAL_S, default_status=RUNNING)
def purge_projects() -> dg.SkipReason:
    """Removes objects and partitions of deleted projects, then their rows, then the rows of deleted workspaces."""
    from sensors.project_purge import erase_purged_projects, purge_deleted_projects
    from sensors.workspace_purge import purge_deleted_workspaces

    outcomes = (
        purge_deleted_projects(*_open()),
        erase_purged_projects(_open()[0]),
        purge_deleted_workspaces(_open()[0]),
    )
    return _build_skip_reason("; ".join(filter(None, outcomes)))


@functools.cache
def _open_deliverer() -> "WebhookDeliverer":
    from sensors.webhook_delivery import WebhookDeliverer

    return WebhookDeliverer(_open()[0])


@dg.sensor(minimum_interval_seconds=MIN_INTERVAL_S, default_status=RUNNING)
def deliver_webhooks() -> dg.SkipReason:
    """Creates signed deliveries for new events and sends due deliveries; polls for most of the daemon's interval."""
    return _build_skip_reason(_open_deliverer().poll(POLL_RATIO * DAEMON_INTERVAL_S))


@dg.sensor(minimum_interval_seconds=60, default_status=RUNNING)
def sweep() -> dg.SkipReason:
    """Deletes expired rows and files, and sends pending mail."""
    from sensors.housekeeping import run_housekeeping

    return _build_skip_reason(run_housekeeping(*_open()))


@dg.sensor(minimum_interval_seconds=20, default_status=RUNNING)
def ingest_uploads() -> dg.SkipReason:
    """Takes in footage of timelines that clients have uploaded to a bucket."""
    from sensors.upload_ingestion import ingest_bucket_uploads

    return _build_skip_reason(ingest_bucket_uploads(_open_once()[0]))


SENSORS = [reconcile_runs, purge_projects, deliver_webhooks, sweep, ingest_uploads]
