"""Sends SIGKILLs, in an order given by a seed, to every part of a running system, and checks the invariants afterwards.

Used by the end-to-end test (a few kills) and by `python -m benchmarks.kills` (any number).
"""

from __future__ import annotations

import contextlib
import http.server
import json
import random
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import func, select

from resources import ledger
from resources.database.tables import clips, events, exports, projects, renders, run_intents, webhooks
from resources.database.tables import deliveries as delivery_rows
from resources.database.tables import ledger as ledger_rows
from resources.outbox import WEBHOOK_EVENTS
from whole_system import RunningSystem

# Relative frequency of kills. The code server also delivers the webhooks.
PART_WEIGHTS = {"worker": 6, "code server": 2, "api": 2, "daemon": 2, "dagster ui": 1, "up": 1}
FINAL_STATUSES = ("CLIPS_READY", "COMPLETED", "FAILED", "CANCELLED")
CONCURRENT_PROJECTS = 3
LEDGER_SUM_MS = select(func.coalesce(func.sum(ledger_rows.c.amount_ms), 0))


class WebhookReceiver:
    """A webhook receiver that is never killed; holds the bodies of each message by `webhook-id`."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}
        self.delays_s: list[float] = []  # from the event to each arrival
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                event_time = datetime.fromisoformat(json.loads(body)["timestamp"])
                receiver.delays_s.append((datetime.now(UTC) - event_time).total_seconds())
                receiver.bodies.setdefault(self.headers["webhook-id"], []).append(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # the default backlog of 5 would refuse simultaneous deliveries

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"


class FaultInjector:
    """Keeps `CONCURRENT_PROJECTS` projects active, renders and exports the best clips, and kills parts of it."""

    def __init__(self, system: RunningSystem, talk: Path, seed: int) -> None:
        self.system, self.talk = system, talk
        self.random = random.Random(seed)
        self.receiver = WebhookReceiver()
        self.projects: list[str] = []
        self.ordered: set[str] = set()  # projects whose best clip was rendered
        self.kills: Counter[str] = Counter()
        with system.database.read() as connection:
            self.first_event_id = connection.scalar(select(func.coalesce(func.max(events.c.id), 0)))
        self.webhook_id = system.call("POST", "webhooks", json={"url": self.receiver.url})["id"]

    def run(self, kills: int, pause_s: tuple[float, float] = (1.0, 6.0)) -> None:
        """Send `kills` SIGKILLs; a part that is not running at the moment does not count."""
        while sum(self.kills.values()) < kills:
            self.submit_work()
            time.sleep(self.random.uniform(*pause_s))
            self.kill(self.random.choices([*PART_WEIGHTS], [*PART_WEIGHTS.values()])[0])

    def kill(self, part: str) -> None:
        system = self.system
        words = {
            "api": ("uvicorn",),
            "daemon": ("dagster-daemon",),
            "code server": ("dagster", "api", "grpc"),
            "dagster ui": ("carmic_assets.cli.dagster_ui",),
        }
        if part == "up":
            assert system.process is not None
            system.process.send_signal(signal.SIGKILL)
            system.process.wait(60)
            system.start()
            self.kills[part] += 1
            return
        processes = system.find_workers() if part == "worker" else system.find_processes(*words[part])
        if processes:
            self.random.choice(processes).send_signal(signal.SIGKILL)
            self.kills[part] += 1

    def submit_work(self) -> None:
        """Replace ended projects and request renders and exports of ready ones; does nothing while the API is down."""
        try:
            states = {p: self.system.get_status(p)["status"] for p in self.projects}
            for project, state in states.items():
                if state in ("CLIPS_READY", "COMPLETED") and project not in self.ordered:
                    clip = self.system.call("GET", f"projects/{project}")["clips"][0]["id"]
                    self.system.call("POST", f"clips/{clip}/render")
                    self.ordered.add(project)
                    self.system.call("POST", f"clips/{clip}/exports", json={"target_format": "fcpx"})
            if sum(not _is_final(state) for state in states.values()) < CONCURRENT_PROJECTS:
                project = self.system.upload(self.talk, duration=45)
                self.projects.append(project)
                self.system.process_video(project)
        except (httpx.HTTPError, AssertionError):
            return  # the API is restarting, or the access token has expired
        finally:
            self.renew_login()

    def renew_login(self) -> None:
        try:
            if httpx.get(f"{self.system.base}/v1/me", headers=self.system.headers, timeout=5).status_code == 401:
                self.system.login()
        except (httpx.HTTPError, AssertionError):
            return

    # --- afterwards

    def wait_until_quiet(self, timeout_s: float = 900) -> None:
        """Wait until every run has ended; projects whose `process` call was lost are processed first."""
        system = self.system
        system.wait_until(system.is_healthy, 120, "the API is healthy")
        system.login()
        for project in self.projects:
            with contextlib.suppress(AssertionError):  # 409: the call had succeeded
                system.process_video(project)
        database = self.system.database

        def is_quiet() -> bool:
            with database.read() as connection:
                waiting = run_intents.c.state.in_(("WAITING", "SUBMITTED"))
                to_receiver = delivery_rows.c.webhook_id == self.webhook_id
                due = (to_receiver & (delivery_rows.c.state == "DUE")) | events.c.dispatched.is_(False)
                open_runs = connection.scalar(select(func.count()).select_from(run_intents).where(waiting))
                undelivered = connection.scalar(
                    select(func.count())
                    .select_from(events.outerjoin(delivery_rows, delivery_rows.c.event_id == events.c.id))
                    .where(due)
                )
                return not open_runs and not undelivered

        system.wait_until(is_quiet, timeout_s, "every run has ended and every webhook is delivered")

    def check_invariants(self) -> Counter[str]:
        """Assert the invariants that hold after any crash; returns the number of projects by status."""
        database = self.system.database
        with database.read() as connection:
            rows = connection.execute(select(projects).where(projects.c.id.in_(self.projects))).all()
            for row in rows:
                assert _is_final(row.status), f"{row.id} is stuck in {row.status}"
                for_analysis = (ledger_rows.c.project_id == row.id) & ledger_rows.c.clip_id.is_(None)
                charged_ms = connection.scalar(LEDGER_SUM_MS.where(for_analysis))
                is_ready = row.status in ("CLIPS_READY", "COMPLETED")
                assert charged_ms == (-ledger.MINUTE_MS if is_ready else 0), (
                    f"{row.id} {row.status}: charged {charged_ms}"
                )
                keys = list(
                    connection.scalars(select(events.c.event_key).where(events.c.subject == f"project:{row.id}"))
                )
                event_keys = [key for key in keys if key]
                assert len(event_keys) == len(set(event_keys)), f"{row.id} has a duplicate event"
                assert f"project.status:{row.id}:{row.status}" in event_keys, f"{row.id}: no event for {row.status}"
            for table, good, bad in (
                (renders, "RENDERED", "FAILED_RENDER"),
                (exports, "COMPLETED", "FAILED"),
            ):
                states = set(connection.scalars(select(table.c.status)))
                assert states <= {good, bad}, f"{table.name}: {states}"
            for row in connection.execute(select(renders)).all():
                entries = (f"render:{row.id}", f"refund:{row.id}")
                spent = connection.scalar(LEDGER_SUM_MS.where(ledger_rows.c.entry_key.in_(entries)))
                assert (spent < 0) == (row.status == "RENDERED"), f"render {row.id} {row.status}: charged {spent}"
            expected = select(events.c.id).where(events.c.event.in_(WEBHOOK_EVENTS), events.c.id > self.first_event_id)
            event_ids = set(connection.scalars(expected))
            sent = connection.execute(select(delivery_rows).where(delivery_rows.c.webhook_id == self.webhook_id)).all()
            undelivered = event_ids - {row.event_id for row in sent}
            assert not undelivered, f"events without a delivery: {undelivered}"
            for row in sent:
                bodies = self.receiver.bodies.get(row.id)
                assert bodies, f"webhook {row.id} never arrived"
                assert {body.decode() for body in bodies} == {row.body}, f"webhook {row.id} changed between attempts"
            assert set(self.receiver.bodies) == {row.id for row in sent}, "a webhook arrived without a delivery"
            assert connection.scalar(select(func.count()).select_from(webhooks).where(~webhooks.c.enabled)) == 0
            assert connection.scalar(select(func.count()).select_from(clips)) > 0
        return Counter(row.status for row in rows)

    def find_leftover_files(self) -> list[str]:
        """Return the files that no running process needs, after waiting up to 90 s for housekeeping."""
        home = self.system.home
        scratch, store = home / "scratch", home / "store"

        def list_files() -> list[str]:
            files = [*scratch.rglob("*")] if scratch.exists() else []
            live_processes = {path.with_suffix("").name for path in (store / "aside").glob("*.lock")}
            files += [p for p in (store / "aside").glob("*/*") if p.parent.name in live_processes]
            files += [*(store / "incoming").iterdir()]
            return [str(path.relative_to(home)) for path in files]

        end = time.monotonic() + 90
        while list_files() and time.monotonic() < end:
            time.sleep(1)
        return list_files()


def _is_final(state: str) -> bool:
    return state.startswith(FINAL_STATUSES)


def count_received_events(receiver: WebhookReceiver) -> Counter[str]:
    """Count the distinct messages of each event that arrived."""
    return Counter(json.loads(bodies[0])["event"] for bodies in receiver.bodies.values())
