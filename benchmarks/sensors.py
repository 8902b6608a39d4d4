"""How long a tick of each sensor takes with a year of use in the database: 10,000 projects, their runs and events.

    python -m benchmarks.sensors [--projects 10000] [--ticks 20]

In process, on SQLite, against a Dagster instance of its own; prints the median and the worst tick of each in ms. The
deliverer is also timed with 500 new events for ten receivers (it takes several ticks for them).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from carmic_assets.cli import home as homes
from resources import accounts, webhooks
from resources import outbox as outbox
from resources.database.engine import now
from resources.database.tables import deliveries, events, projects, run_intents
from resources.platform import Platform, open_platform
from resources.run_submission import Submitter
from sensors.housekeeping import sweep_up
from sensors.project_purge import purge
from sensors.run_reconciliation import reconcile
from sensors.webhook_delivery import Deliverer

SUBSCRIBERS = 10


def fill(platform: Platform, count: int) -> str:
    """`count` finished projects with a run, three events and ten deliveries each; thirty runs under way."""
    with platform.database.write() as connection:
        workspace = accounts.register(connection, "owner@example.com", "hash")[1]
        hooks = [webhooks.create(connection, workspace, f"https://192.0.2.{n}/", []).id for n in range(SUBSCRIBERS)]
    moment = now()
    ids = [str(uuid.uuid4()) for _ in range(count)]
    stamp = {"created_at": moment - timedelta(days=2), "updated_at": moment - timedelta(days=2)}
    made = [
        {
            "id": each, "workspace_id": workspace, "title": "A talk", "filename": "a.mp4", "filesize": 1,
            "content_type": "video/mp4", "object_key": f"{each}.mp4", "status": "COMPLETED", "progress": 100,
            "current_step": "Done", **stamp,
        }
        for each in ids
    ]  # fmt: skip
    runs = [
        {
            "run_id": str(uuid.uuid4()), "job_name": "ingest_video", "project_id": each, "workspace_id": workspace,
            "subject_id": each, "tier": "BUSINESS", "run_config": {}, "attempts": 0,
            "state": "SUBMITTED" if n < 30 else "DONE", **stamp,
        }
        for n, each in enumerate(ids)
    ]  # fmt: skip
    told = [
        {
            "id": 3 * n + k + 1, "workspace_id": workspace, "subject": f"project:{each}", "event": "project.status",
            "event_key": f"{each}:{k}", "data": {"id": each}, "dispatched": True, "created_at": stamp["created_at"],
        }
        for n, each in enumerate(ids)
        for k in range(3)
    ]  # fmt: skip
    sent = [
        {
            "id": str(uuid.uuid4()), "webhook_id": hook, "workspace_id": workspace, "event_id": 3 * n + 1,
            "event": "project.status", "body": "{}", "state": "DELIVERED", "attempts": 1,
            "next_attempt_at": stamp["created_at"], "log": [], "created_at": stamp["created_at"],
        }
        for n in range(count)
        for hook in hooks
    ]  # fmt: skip
    with platform.database.write() as connection:
        for table, rows in ((projects, made), (run_intents, runs), (events, told), (deliveries, sent)):
            connection.execute(insert(table), rows)
    return workspace


def timed(tick: Callable[[], object], ticks: int) -> str:
    took = []
    for _ in range(ticks):
        began = time.perf_counter()
        tick()
        took.append(1000 * (time.perf_counter() - began))
    return f"median {statistics.median(took):6.1f} ms   worst {max(took):6.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--ticks", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes.prepare(Path(folder))
        os.environ.update(homes.environment(Path(folder)))
        platform = open_platform()
        submitter = Submitter(platform)
        workspace = fill(platform, asked.projects)
        deliverer = Deliverer(platform)

        def burst() -> None:
            with platform.database.write() as connection:
                for n in range(500):
                    outbox.record(connection, workspace, "project:1", "project.clips_ready", {"id": "1", "n": n})
            print_line("deliver_webhooks, 5000 new", timed(deliverer.tick, 5))

        reconcile(platform, submitter)  # the thirty runs are unknown to Dagster: the first tick deals with them
        print_line("reconcile_runs", timed(lambda: reconcile(platform, submitter), asked.ticks))
        print_line("purge_projects", timed(lambda: purge(platform, submitter), asked.ticks))
        print_line("deliver_webhooks, nothing new", timed(deliverer.tick, asked.ticks))
        print_line("sweep", timed(lambda: sweep_up(platform, submitter), asked.ticks))
        burst()
        deliverer.pool.shutdown(cancel_futures=True)
        platform.database.close()


def print_line(name: str, figures: str) -> None:
    sys.stdout.write(f"{name:<36} {figures}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
