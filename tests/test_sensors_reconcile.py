"""The sensors over a real Dagster instance: which runs are taken for dead, and which only for late; what is swept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
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
from sensors.housekeeping import sweep_up


@dg.op(pool="encode")
def work() -> None: ...


@dg.job
def render_clips() -> None:
    work()


class System:
    """A home, a Dagster instance, and one project whose run is in the state a test wants."""

    def __init__(self, home: Path, instance: dg.DagsterInstance):
        self.platform: Platform = open_platform({"CARMIC_HOME": str(home)})
        self.instance = instance
        self.submitter = Submitter(self.platform)
        self.submitter._context = SimpleNamespace(instance=instance)
        with self.platform.database.write() as connection:
            user, self.workspace = accounts.register(connection, "a@example.com", "hash")
            new = projects.NewProject(title="Talk", filename="talk.mp4", content_type="video/mp4")
            self.project = projects.create(connection, self.workspace, user.id, new, ".mp4").id

    def promised(self, submitted_ago_s: float, heard_ago_s: float | None = None) -> str:
        """The project's run as Dagster's queue took it so long ago."""
        run_id = run_intents.new_run_id()
        heard = None if heard_ago_s is None else now() - timedelta(seconds=heard_ago_s)
        values = {"updated_at": now() - timedelta(seconds=submitted_ago_s), "heartbeat_at": heard}
        with self.platform.database.write() as connection:
            projects.claim(connection, self.project, run_id)
            run_intents.promise(connection, run_id, "ingest_video", self.workspace, self.project, self.project)
            run_intents.move(connection, run_id, "SUBMITTED")
            connection.execute(update(tables.run_intents).where(tables.run_intents.c.run_id == run_id).values(**values))
        return run_id

    def started(self, run_id: str) -> None:
        """Dagster's word that the run has begun just now."""
        self.instance.create_run_for_job(render_clips, run_id=run_id)
        began = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, "render_clips")
        self.instance.report_dagster_event(began, run_id)

    def reconcile(self) -> str:
        return sensor.reconcile(self.platform, self.submitter)

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """A code server that has been up for an hour."""
    monkeypatch.setattr(sensor, "STARTED", now() - timedelta(hours=1))
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield System(tmp_path, instance)


def test_a_run_that_waited_long_in_the_queue_is_not_taken_for_dead_as_it_starts(system: System) -> None:
    run_id = system.promised(submitted_ago_s=600)
    system.started(run_id)
    assert system.reconcile() == ""
    assert system.status(run_id) == dg.DagsterRunStatus.STARTED


def test_a_run_whose_heart_stops_is_resumed_under_a_new_id(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = system.promised(submitted_ago_s=600, heard_ago_s=50)
    system.started(run_id)
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(seconds=50))
    assert "was lost (the worker went silent)" in system.reconcile()
    assert system.status(run_id) == dg.DagsterRunStatus.FAILURE
    with system.platform.database.read() as connection:
        project = projects.get(connection, system.project)
    assert project is not None and project.run_id not in (None, run_id)


def test_a_run_that_waits_for_a_place_in_a_pool_is_not_taken_for_dead(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = system.promised(submitted_ago_s=600)
    system.started(run_id)
    pools = system.instance.event_log_storage
    pools.set_concurrency_slots("encode", 1)
    pools.claim_concurrency_slot("encode", "another run", "work")
    pools.claim_concurrency_slot("encode", run_id, "work")
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(minutes=20))
    assert system.reconcile() == ""
    pools.free_concurrency_slots_for_run("another run")
    pools.claim_concurrency_slot("encode", run_id, "work")
    assert "the worker went silent" in system.reconcile(), "it has its place and does not work"


def test_a_run_that_the_command_line_is_about_to_start_is_not_taken_for_lost(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = system.promised(submitted_ago_s=1)
    assert system.reconcile() == ""
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(minutes=1))
    assert f"{run_id} was lost (Dagster does not know the run)" in system.reconcile()


def test_runs_that_nobody_promised_end_with_the_code_server_that_they_were_children_of(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = run_intents.new_run_id()  # a backfill's, or the nightly one
    system.started(run_id)
    assert system.reconcile() == ""
    monkeypatch.setattr(sensor, "STARTED", now() + timedelta(seconds=1))  # the next code server's
    assert system.reconcile() == "", "it may be stopping"
    monkeypatch.setattr(sensor, "now", lambda: now() + timedelta(seconds=20))
    assert f"{run_id} ended with its code server" in system.reconcile()
    assert system.status(run_id) == dg.DagsterRunStatus.FAILURE, "or it would hold one of the places of the queue"


def test_what_a_killed_request_was_receiving_is_swept(system: System) -> None:
    scratch = system.platform.settings.scratch_dir
    scratch.mkdir()
    for name, age_s in (("old.mp4", 7200), ("young.mp4", 60)):
        (scratch / name).write_bytes(b"half")
        os.utime(scratch / name, (time.time() - age_s,) * 2)
    assert "1 files of dead requests" in sweep_up(system.platform, system.submitter)
    assert [path.name for path in scratch.iterdir()] == ["young.mp4"]
