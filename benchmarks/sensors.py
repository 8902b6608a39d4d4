"""Measures a tick of each sensor with a year of use in the database: 10,000 projects, their runs and events.

    python -m benchmarks.sensors [--projects 10000] [--ticks 20]

Runs in this process, on SQLite, with a Dagster instance of its own. Prints the median and the longest tick of each
sensor. Webhook delivery is also timed with 500 new events for ten webhooks, which need several ticks.
"""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from benchmarks.harness import create_parser, measure_usage, print_line
from benchmarks.temporary_platform import open_temporary_platform
from resources import accounts, outbox, webhooks
from resources.database.engine import now
from resources.database.tables import deliveries, events, projects, run_intents
from resources.platform import Platform
from resources.run_submission import Submitter
from resources.signing_keys import Cipher
from sensors.housekeeping import run_housekeeping
from sensors.project_purge import purge_deleted_projects
from sensors.run_reconciliation import reconcile_intents
from sensors.webhook_delivery import WebhookDeliverer

WEBHOOKS = 10
ACTIVE_RUNS = 30
EVENTS_PER_PROJECT = 3
NEW_EVENTS, NEW_EVENT_TICKS = 500, 5

Row = dict[str, Any]


def fill_database(platform: Platform, count: int) -> str:
    """Insert `count` completed projects with a run, three events and ten deliveries each; return their workspace.

    The first 30 runs are still active.
    """
    with platform.database.write() as connection:
        workspace = accounts.register(connection, "owner@example.com", "hash")[1]
        urls = [f"https://192.0.2.{n}/" for n in range(WEBHOOKS)]
        cipher = Cipher(platform.settings, webhooks.CIPHER_PURPOSE)
        webhook_ids = [webhooks.create(connection, cipher, workspace, url).id for url in urls]
    project_ids = [str(uuid.uuid4()) for _ in range(count)]
    two_days_ago = now() - timedelta(days=2)
    timestamps = {"created_at": two_days_ago, "updated_at": two_days_ago}
    project_rows: list[Row] = [
        {
            "id": project_id, "workspace_id": workspace, "title": "A talk", "filename": "a.mp4", "filesize": 1,
            "content_type": "video/mp4", "object_key": f"{project_id}.mp4", "status": "COMPLETED", "progress": 100,
            "current_step": "Done", **timestamps,
        }
        for project_id in project_ids
    ]  # fmt: skip
    intent_rows: list[Row] = [
        {
            "run_id": str(uuid.uuid4()), "job_name": "ingest_video", "project_id": project_id,
            "workspace_id": workspace, "subject_id": project_id, "tier": "BUSINESS", "run_config": {}, "attempts": 0,
            "state": "SUBMITTED" if n < ACTIVE_RUNS else "DONE", **timestamps,
        }
        for n, project_id in enumerate(project_ids)
    ]  # fmt: skip
    event_rows: list[Row] = [
        {
            "id": EVENTS_PER_PROJECT * n + k + 1, "workspace_id": workspace, "subject": f"project:{project_id}",
            "event": "project.status", "event_key": f"{project_id}:{k}", "data": {"id": project_id},
            "dispatched": True, "created_at": two_days_ago,
        }
        for n, project_id in enumerate(project_ids)
        for k in range(EVENTS_PER_PROJECT)
    ]  # fmt: skip
    delivery_rows: list[Row] = [
        {
            "id": str(uuid.uuid4()), "webhook_id": webhook_id, "workspace_id": workspace,
            "event_id": EVENTS_PER_PROJECT * n + 1, "event": "project.status", "body": "{}", "state": "DELIVERED",
            "attempts": 1, "next_attempt_at": two_days_ago, "log": [], "created_at": two_days_ago,
        }
        for n in range(count)
        for webhook_id in webhook_ids
    ]  # fmt: skip
    with platform.database.write() as connection:
        connection.execute(insert(projects), project_rows)
        connection.execute(insert(run_intents), intent_rows)
        connection.execute(insert(events), event_rows)
        connection.execute(insert(deliveries), delivery_rows)
    return workspace


def record_events(platform: Platform, workspace: str) -> None:
    """Record new events that every webhook receives."""
    with platform.database.write() as connection:
        for n in range(NEW_EVENTS):
            outbox.record(connection, workspace, "project:1", "project.clips_ready", {"id": "1", "n": n})


def print_ticks(name: str, tick: Callable[[], object], ticks: int) -> None:
    """Run ticks and print the median and the longest one."""
    times_ms = []
    for _ in range(ticks):
        with measure_usage() as usage:
            tick()
        times_ms.append(1000 * usage.wall_s)
    print_line(f"{name:<36} median {statistics.median(times_ms):6.1f} ms   max {max(times_ms):6.1f} ms")


def main() -> None:
    """Fill the database and time each sensor."""
    parser = create_parser("sensors", __doc__)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--ticks", type=int, default=20)
    arguments = parser.parse_args()
    with open_temporary_platform() as platform:
        submitter = Submitter(platform)
        workspace = fill_database(platform, arguments.projects)
        deliverer = WebhookDeliverer(platform)
        reconcile_intents(platform, submitter)  # Dagster does not know the active runs: the first tick ends them
        print_ticks("reconcile_runs", lambda: reconcile_intents(platform, submitter), arguments.ticks)
        print_ticks("purge_projects", lambda: purge_deleted_projects(platform, submitter), arguments.ticks)
        print_ticks("deliver_webhooks, nothing new", deliverer.tick, arguments.ticks)
        print_ticks("sweep", lambda: run_housekeeping(platform, submitter), arguments.ticks)
        record_events(platform, workspace)
        print_ticks(f"deliver_webhooks, {NEW_EVENTS * WEBHOOKS} new", deliverer.tick, NEW_EVENT_TICKS)
        deliverer.pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    main()
