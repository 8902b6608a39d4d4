"""Contract tests: each name of Dagster that is not public still does what `resources.dagster_internals` needs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
import yaml
from dagster._core.events import StepSuccessData
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.types import DaemonHeartbeat
from sqlalchemy import update

from api.routes.system import HealthProber
from real_servers import find_free_port, run_postgres
from resources import accounts, run_intents
from resources import dagster_internals as internals
from resources.database import tables
from resources.database.engine import now
from resources.platform import open_platform
from resources.run_submission import Submitter

LOCATION = "contract"
DEFINITIONS = """
import dagster as dg

@dg.asset(pool="encode")
def first() -> None: ...

@dg.asset(deps=[first])
def second() -> None: ...

defs = dg.Definitions([first, second], jobs=[dg.define_asset_job("both", selection=[first, second])])
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceProcessContext]:
    """A workspace over an instance with a run queue, stored in PostgreSQL, and a gRPC code server."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "definitions.py").write_text(DEFINITIONS)
    port = find_free_port()
    command = [sys.executable, "-m", "dagster", "api", "grpc", "-f", str(home / "definitions.py"), "-p", str(port)]
    command += ["-h", "127.0.0.1", "--location-name", LOCATION]
    with run_postgres(tmp_path_factory.mktemp("postgres")) as url:
        storage = {"postgres": {"postgres_url": url.replace("+psycopg:", "+psycopg2:")}}
        (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}, "storage": storage}))
        server = subprocess.Popen(command, env={**os.environ, "DAGSTER_HOME": str(home)})
        try:
            deadline_s = time.monotonic() + 60
            while not _is_listening(port):
                assert time.monotonic() < deadline_s and server.poll() is None
                time.sleep(0.1)
            with (
                dg.DagsterInstance.from_config(str(home)) as instance,
                internals.open_workspace(instance, f"127.0.0.1:{port}", LOCATION) as opened,
            ):
                yield opened
        finally:
            server.kill()  # after SIGTERM it would wait for its clients
            server.wait()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def create_run(workspace: WorkspaceProcessContext, **fields: object) -> dg.DagsterRun:
    request = workspace.create_request_context()
    new = internals.NewRun(run_intents.new_run_id(), "both", {}, {"carmic/subject": "s"}, **fields)
    return internals.create_run(request, LOCATION, new)


def test_a_run_is_created_under_its_id_queued_and_cancelled(workspace: WorkspaceProcessContext) -> None:
    request = workspace.create_request_context()
    assert internals.is_location_loaded(request, LOCATION)
    assert not internals.is_location_loaded(request, "another")
    run = create_run(workspace)
    assert run.status == dg.DagsterRunStatus.NOT_STARTED and run.tags["carmic/subject"] == "s"
    workspace.instance.submit_run(run.run_id, request)
    queued = workspace.instance.get_run_by_id(run.run_id)
    assert queued is not None and queued.status == dg.DagsterRunStatus.QUEUED
    internals.cancel_run(workspace.instance, run.run_id)
    internals.cancel_run(workspace.instance, run.run_id)
    internals.cancel_run(workspace.instance, "unknown")
    cancelled = workspace.instance.get_run_by_id(run.run_id)
    assert cancelled is not None and cancelled.status == dg.DagsterRunStatus.CANCELED
    internals.delete_run(workspace.instance, run.run_id)
    internals.delete_run(workspace.instance, run.run_id)
    assert workspace.instance.get_run_by_id(run.run_id) is None


def test_a_run_resumes_the_unfinished_steps_of_another(workspace: WorkspaceProcessContext) -> None:
    crashed = create_run(workspace)
    kind, data = dg.DagsterEventType.STEP_SUCCESS.value, StepSuccessData(duration_ms=1.0)
    success = dg.DagsterEvent(kind, "both", step_key="first", event_specific_data=data)
    assert internals.list_unfinished_steps(workspace.instance, crashed) == ["first", "second"]
    workspace.instance.report_dagster_event(success, crashed.run_id)
    assert internals.list_unfinished_steps(workspace.instance, crashed) == ["second"]
    resumed = create_run(workspace, step_keys=["second"], resumes=crashed)
    assert resumed.step_keys_to_execute == ["second"]
    assert (resumed.parent_run_id, resumed.root_run_id) == (crashed.run_id, crashed.run_id)


def test_a_run_that_waits_for_a_pool_is_listed(workspace: WorkspaceProcessContext) -> None:
    pools = workspace.instance.event_log_storage
    pools.set_concurrency_slots("encode", 1)
    pools.claim_concurrency_slot("encode", "holder", "first")
    pools.claim_concurrency_slot("encode", "waiter", "first")
    assert internals.list_runs_waiting_for_pools(workspace.instance) == {"waiter"}
    assert not internals.does_launcher_check_health(workspace.instance)


def test_health_is_degraded_while_the_daemon_is_silent_or_a_run_waits(
    workspace: WorkspaceProcessContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster may refuse every run while database, store and code server respond."""
    platform = open_platform({"CARMIC_HOME": str(tmp_path)})
    submitter = Submitter(platform)
    monkeypatch.setattr(submitter, "_context", SimpleNamespace(instance=workspace.instance))
    monkeypatch.setattr(submitter, "check", lambda: None)

    def send_heartbeats(ago_s: float) -> None:
        for name in internals.NEEDED_DAEMONS:
            workspace.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago_s, name, "id", []))

    assert HealthProber(platform, submitter).check().daemon == "silent", "it never started"
    send_heartbeats(ago_s=600)
    silent = HealthProber(platform, submitter).check()
    assert (silent.status, silent.daemon) == ("degraded", "silent")
    send_heartbeats(ago_s=1)
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        user, workspace_id = accounts.register(connection, "a@example.com", "hash")
        run_intents.enqueue(connection, run_id, "ingest_video", workspace_id, user.id, user.id)
    assert HealthProber(platform, submitter).check().status == "ok"
    with platform.database.write() as connection:
        connection.execute(update(tables.run_intents).values(created_at=now() - timedelta(minutes=1)))
    waiting = HealthProber(platform, submitter).check()
    assert (waiting.status, waiting.daemon) == ("degraded", "ok") and waiting.oldest_waiting_s > 59
