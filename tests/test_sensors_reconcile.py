"""Reconciliation with a real Dagster instance: which runs count as crashed and which as late; housekeeping."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from sqlalchemy import update

from resources import accounts, projects, run_intents
from resources.database import tables
from resources.database.engine import now
from resources.platform import Platform, open_platform
from resources.run_submission import Submitter
from sensors import run_reconciliation as sensor
from sensors import sensor_definitions
from sensors.housekeeping import run_housekeeping


@dg.op(pool="encode")
def work() -> None: ...


@dg.job
def render_clips() -> None:
    work()


class ReconciliationFixture:
    """A home, a Dagster instance, and one project whose run is in the state that a test needs."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        self.platform: Platform = open_platform({"CARMIC_HOME": str(home)})
        self.instance = instance
        self.submitter = Submitter(self.platform)
        self.submitter._context = SimpleNamespace(instance=instance)
        with self.platform.database.write() as connection:
            user, self.workspace = accounts.register(connection, "a@example.com", "hash")
            new = projects.NewProject(title="Talk", filename="talk.mp4", content_type="video/mp4")
            self.project = projects.create(connection, self.workspace, user.id, new, ".mp4").id

    def submit_run(self, submitted_ago_s: float, heartbeat_ago_s: float | None = None) -> str:
        """Write the project's run intent as it was submitted `submitted_ago_s` ago; returns the run id."""
        run_id = run_intents.new_run_id()
        heartbeat_at = None if heartbeat_ago_s is None else now() - timedelta(seconds=heartbeat_ago_s)
        values = {"updated_at": now() - timedelta(seconds=submitted_ago_s), "heartbeat_at": heartbeat_at}
        with self.platform.database.write() as connection:
            projects.assign_run(connection, self.project, run_id)
            run_intents.enqueue(connection, run_id, "ingest_video", self.workspace, self.project, self.project)
            run_intents.set_state(connection, run_id, "SUBMITTED")
            connection.execute(update(tables.run_intents).where(tables.run_intents.c.run_id == run_id).values(**values))
        return run_id

    def start_run(self, run_id: str) -> None:
        """Record in Dagster that the run has started just now."""
        self.instance.create_run_for_job(render_clips, run_id=run_id)
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "render_clips")
        self.instance.report_dagster_event(event, run_id)

    def reconcile(self) -> str:
        return sensor.reconcile_intents(self.platform, self.submitter)

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReconciliationFixture]:
    """A system whose code server has been running for an hour."""
    monkeypatch.setattr(sensor, "CODE_SERVER_STARTED_AT", now() - timedelta(hours=1))
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield ReconciliationFixture(tmp_path, instance)


def test_a_run_that_waited_long_in_the_queue_has_not_timed_out_when_it_starts(system: ReconciliationFixture) -> None:
    run_id = system.submit_run(submitted_ago_s=600)
    system.start_run(run_id)
    assert system.reconcile() == ""
    assert system.status(run_id) == dg.DagsterRunStatus.STARTED


def test_a_run_without_heartbeats_is_requeued_under_a_new_id(
    system: ReconciliationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = system.submit_run(submitted_ago_s=600, heartbeat_ago_s=50)
    system.start_run(run_id)
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(seconds=50))
    assert "crashed (no heartbeat)" in system.reconcile()
    assert system.status(run_id) == dg.DagsterRunStatus.FAILURE
    with system.platform.database.read() as connection:
        project = projects.get(connection, system.project)
    assert project is not None and project.run_id not in (None, run_id)


def test_a_run_that_waits_for_a_pool_slot_has_not_timed_out(
    system: ReconciliationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = system.submit_run(submitted_ago_s=600)
    system.start_run(run_id)
    pools = system.instance.event_log_storage
    pools.set_concurrency_slots("encode", 1)
    pools.claim_concurrency_slot("encode", "another run", "work")
    pools.claim_concurrency_slot("encode", run_id, "work")
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(minutes=20))
    assert system.reconcile() == ""
    pools.free_concurrency_slots_for_run("another run")
    pools.claim_concurrency_slot("encode", run_id, "work")
    assert "no heartbeat" in system.reconcile(), "it has its slot and sends no heartbeat"


def test_a_run_that_the_command_line_is_about_to_create_is_not_a_crash(
    system: ReconciliationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = system.submit_run(submitted_ago_s=1)
    assert system.reconcile() == ""
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(minutes=1))
    assert f"{run_id} crashed (Dagster has no such run)" in system.reconcile()


def test_runs_without_an_intent_are_failed_after_their_code_server_died(
    system: ReconciliationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = run_intents.new_run_id()  # of a backfill or of the nightly schedule
    system.start_run(run_id)
    assert system.reconcile() == ""
    monkeypatch.setattr(sensor, "CODE_SERVER_STARTED_AT", now() + timedelta(seconds=1))  # a new code server has started
    assert system.reconcile() == "", "the run may still be stopping"
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(seconds=20))
    assert f"{run_id} ended with its code server" in system.reconcile()
    assert system.status(run_id) == dg.DagsterRunStatus.FAILURE, "it would occupy a place in the run queue"


def test_a_backlog_of_one_workspace_hides_no_run_of_another(system: ReconciliationFixture) -> None:
    """The 500 least recently updated intents used to be all that was looked at."""
    with system.platform.database.write() as connection:
        crowded, quiet = (accounts.register(connection, f"{n}@example.com", "hash")[1] for n in ("crowded", "quiet"))

    def submit(workspace_id: str, ago_s: float) -> str:
        run_id = run_intents.new_run_id()
        changed = update(tables.run_intents).where(tables.run_intents.c.run_id == run_id)
        with system.platform.database.write() as connection:
            run_intents.enqueue(connection, run_id, "ingest_video", workspace_id, system.project, system.project)
            run_intents.set_state(connection, run_id, "SUBMITTED")
            connection.execute(changed.values(updated_at=now() - timedelta(seconds=ago_s)))
        return run_id

    backlog = [submit(crowded, ago_s=600 - number) for number in range(6)]
    other = submit(quiet, ago_s=60)
    since = now() - sensor.SILENCE
    with system.platform.database.write() as connection:
        first = [intent.run_id for intent in run_intents.list_unstarted(connection, since, 3)]
        assert first == [backlog[0], other, backlog[1]]
        run_intents.mark_checked(connection, first)
        second = [intent.run_id for intent in run_intents.list_unstarted(connection, since, 3)]
        assert second == backlog[2:5], "the next pass continues where this one ended"
        run_intents.heartbeat(connection, backlog[5])
        later = now() + sensor.HEARTBEAT_TIMEOUT
        assert [intent.run_id for intent in run_intents.list_silent(connection, later)] == [backlog[5]]
        assert run_intents.list_silent(connection, since) == []


def test_backfills_are_submitted_only_while_dagsters_queue_is_short(
    system: ReconciliationFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enqueue(lane: str | None) -> str:
        run_id = run_intents.new_run_id()
        changed = update(tables.run_intents).where(tables.run_intents.c.run_id == run_id)
        with system.platform.database.write() as connection:
            run_intents.enqueue(connection, run_id, "ingest_video", system.workspace, system.project, system.project)
            connection.execute(changed.values(lane=lane, updated_at=now() - timedelta(minutes=1)))
        return run_id

    submitted: list[str] = []
    monkeypatch.setattr(system.submitter, "submit", submitted.append)
    monkeypatch.setattr(sensor, "MAX_QUEUED", 1)
    backfill, upload = enqueue(run_intents.BACKFILL_LANE), enqueue(None)
    system.reconcile()
    assert submitted == [upload, backfill]
    system.submit_run(submitted_ago_s=1)
    system.reconcile()
    assert submitted == [upload, backfill, upload]


def test_sensors_that_tick_first_together_open_one_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They used to migrate one database in parallel, which Alembic does not support within a process."""
    monkeypatch.setenv("CARMIC_HOME", str(tmp_path / "home"))
    sensor_definitions._open_once.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        opened = {id(future.result()) for future in [threads.submit(sensor_definitions._open) for _ in range(4)]}
    sensor_definitions._open_once.cache_clear()
    assert len(opened) == 1


def test_files_of_killed_requests_are_removed(system: ReconciliationFixture) -> None:
    scratch = system.platform.settings.scratch_dir
    scratch.mkdir()
    for name, age_s in (("old.mp4", 7200), ("young.mp4", 60)):
        (scratch / name).write_bytes(b"half")
        os.utime(scratch / name, (time.time() - age_s,) * 2)
    assert "1 files of crashed requests" in run_housekeeping(system.platform, system.submitter)
    assert [path.name for path in scratch.iterdir()] == ["young.mp4"]
