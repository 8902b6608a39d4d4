"""Seeded SIGKILLs over every part of a running system while it works, and the promises that must hold afterwards.

Used by the test of the whole (some kills) and by `python -m benchmarks.kills` (as many as wanted).
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
from whole_system import System

# How often each part is hit. The deliverer of webhooks lives in the code server.
PARTS = {"worker": 6, "code server": 2, "api": 2, "daemon": 2, "dagster ui": 1, "up": 1}
ENDED = ("CLIPS_READY", "COMPLETED", "FAILED", "CANCELLED")
AT_ONCE = 3  # projects under way
SPENT = select(func.coalesce(func.sum(ledger_rows.c.amount_ms), 0))


class Inbox:
    """A receiver of webhooks that lives as long as the havoc: bodies by `webhook-id`."""

    def __init__(self) -> None:
        self.got: dict[str, list[bytes]] = {}
        self.late_s: list[float] = []  # from the event to each arrival
        inbox = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                happened = datetime.fromisoformat(json.loads(body)["timestamp"])
                inbox.late_s.append((datetime.now(UTC) - happened).total_seconds())
                inbox.got.setdefault(self.headers["webhook-id"], []).append(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # a burst of deliveries is not refused

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"


class Havoc:
    """Keeps `AT_ONCE` projects at work, renders and exports what they find, and kills parts meanwhile."""

    def __init__(self, system: System, talk: Path, seed: int):
        self.system, self.talk = system, talk
        self.luck = random.Random(seed)
        self.inbox = Inbox()
        self.projects: list[str] = []
        self.asked: set[str] = set()  # projects whose best clip was ordered
        self.kills: Counter[str] = Counter()
        with system.database.read() as connection:
            self.since = connection.scalar(select(func.coalesce(func.max(events.c.id), 0)))
        self.webhook = system.call("POST", "webhooks", json={"url": self.inbox.url})["id"]

    def run(self, kills: int, pause_s: tuple[float, float] = (1.0, 6.0)) -> None:
        while sum(self.kills.values()) < kills:  # a part that is not there at the moment is not counted
            self.feed()
            time.sleep(self.luck.uniform(*pause_s))
            self.kill(self.luck.choices([*PARTS], [*PARTS.values()])[0])

    def kill(self, part: str) -> None:
        system = self.system
        words = {
            "api": ("uvicorn",),
            "daemon": ("dagster-daemon",),
            "code server": ("dagster", "api", "grpc"),
            "dagster ui": ("dagster_webserver",),
        }
        if part == "up":
            assert system.process is not None
            system.process.send_signal(signal.SIGKILL)
            system.process.wait(60)
            system.start()
            self.kills[part] += 1
            return
        found = system.workers() if part == "worker" else system.processes(*words[part])
        if found:
            self.luck.choice(found).send_signal(signal.SIGKILL)
            self.kills[part] += 1

    def feed(self) -> None:
        """New projects for those that have ended, and orders for what is ready. Does nothing while the API is down."""
        try:
            states = {p: self.system.status(p)["status"] for p in self.projects}
            for project, state in states.items():
                if state in ("CLIPS_READY", "COMPLETED") and project not in self.asked:
                    clip = self.system.call("GET", f"projects/{project}")["clips"][0]["id"]
                    self.system.call("POST", f"clips/{clip}/render")
                    self.asked.add(project)
                    self.system.call("POST", f"clips/{clip}/exports", json={"target_format": "fcpx"})
            if sum(not _ended(state) for state in states.values()) < AT_ONCE:
                project = self.system.upload(self.talk, duration=45)
                self.projects.append(project)
                self.system.process_video(project)
        except (httpx.HTTPError, AssertionError):
            return  # the API is being started again, or the access token has run out
        finally:
            self.renew()

    def renew(self) -> None:
        try:
            if httpx.get(f"{self.system.base}/v1/me", headers=self.system.headers, timeout=5).status_code == 401:
                self.system.login()
        except (httpx.HTTPError, AssertionError):
            return

    # --- afterwards

    def settle(self, within_s: float = 900) -> None:
        """Wait until nothing is under way any more. Projects whose `process` call was lost are processed now."""
        system = self.system
        system.until(system.answers, 120, "the API answers")
        system.login()
        for project in self.projects:
            with contextlib.suppress(AssertionError):  # 409: it was heard after all
                system.process_video(project)
        database = self.system.database

        def quiet() -> bool:
            with database.read() as connection:
                waiting = run_intents.c.state.in_(("WAITING", "SUBMITTED"))
                ours = delivery_rows.c.webhook_id == self.webhook
                due = (ours & (delivery_rows.c.state == "DUE")) | events.c.dispatched.is_(False)
                open_runs = connection.scalar(select(func.count()).select_from(run_intents).where(waiting))
                undelivered = connection.scalar(
                    select(func.count())
                    .select_from(events.outerjoin(delivery_rows, delivery_rows.c.event_id == events.c.id))
                    .where(due)
                )
                return not open_runs and not undelivered

        system.until(quiet, within_s, "every run has ended and every webhook is delivered")

    def verdict(self) -> Counter[str]:
        """Assert the promises; returns how many projects ended in which state."""
        database = self.system.database
        with database.read() as connection:
            rows = connection.execute(select(projects).where(projects.c.id.in_(self.projects))).all()
            for row in rows:
                assert _ended(row.status), f"{row.id} is stuck in {row.status}"
                of = (ledger_rows.c.project_id == row.id) & ledger_rows.c.clip_id.is_(None)
                analysed = connection.scalar(SPENT.where(of))
                ready = row.status in ("CLIPS_READY", "COMPLETED")
                assert analysed == (-ledger.MINUTE_MS if ready else 0), f"{row.id} {row.status}: charged {analysed}"
                keys = list(
                    connection.scalars(select(events.c.event_key).where(events.c.subject == f"project:{row.id}"))
                )
                told = [key for key in keys if key]
                assert len(told) == len(set(told)), f"{row.id} was told of something twice"
                assert f"project.status:{row.id}:{row.status}" in told, f"{row.id}: nobody was told of {row.status}"
            for table, good, bad in (
                (renders, "RENDERED", "FAILED_RENDER"),
                (exports, "COMPLETED", "FAILED"),
            ):
                states = set(connection.scalars(select(table.c.status)))
                assert states <= {good, bad}, f"{table.name}: {states}"
            for row in connection.execute(select(renders)).all():
                entries = (f"render:{row.id}", f"refund:{row.id}")
                spent = connection.scalar(SPENT.where(ledger_rows.c.entry_key.in_(entries)))
                assert (spent < 0) == (row.status == "RENDERED"), f"render {row.id} {row.status}: charged {spent}"
            wanted = select(events.c.id).where(events.c.event.in_(WEBHOOK_EVENTS), events.c.id > self.since)
            happened = set(connection.scalars(wanted))
            sent = connection.execute(select(delivery_rows).where(delivery_rows.c.webhook_id == self.webhook)).all()
            untold = happened - {row.event_id for row in sent}  # (the last event before `since` may have been sent too)
            assert not untold, f"events without a delivery: {untold}"
            for row in sent:
                bodies = self.inbox.got.get(row.id)
                assert bodies, f"webhook {row.id} never arrived"
                assert {body.decode() for body in bodies} == {row.body}, f"webhook {row.id} changed between attempts"
            assert set(self.inbox.got) == {row.id for row in sent}, "a webhook arrived that nobody wrote"
            assert connection.scalar(select(func.count()).select_from(webhooks).where(~webhooks.c.enabled)) == 0
            assert connection.scalar(select(func.count()).select_from(clips)) > 0
        return Counter(row.status for row in rows)

    def clean(self) -> list[str]:
        """Files that no living process needs, a minute after the last run ended: there must be none."""
        home = self.system.home
        scratch, store = home / "scratch", home / "store"

        def left() -> list[str]:
            files = [*scratch.rglob("*")] if scratch.exists() else []
            living = {path.with_suffix("").name for path in (store / "aside").glob("*.lock")}
            files += [p for p in (store / "aside").glob("*/*") if p.parent.name in living]
            files += [*(store / "incoming").iterdir()]
            return [str(path.relative_to(home)) for path in files]

        end = time.monotonic() + 90
        while left() and time.monotonic() < end:
            time.sleep(1)
        return left()


def _ended(state: str) -> bool:
    return state.startswith(ENDED)


def told_to(inbox: Inbox) -> Counter[str]:
    """How many different messages of each event arrived."""
    return Counter(json.loads(bodies[0])["event"] for bodies in inbox.got.values())
