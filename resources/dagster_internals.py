"""The names of Dagster that are not public and that Carmic uses, each behind one function.

Dagster has no public call that submits a run under a given ID, cancels a queued one, asks for a daemon's heartbeat or
tells that a step waits for a pool. `tests/test_dagster_internals.py` checks each function against the installed
Dagster, so that an upgrade that changes one of these names fails a test and not a run. `resources.compute_logs` is the
other module with such names, because Dagster loads its class by itself.

Dagster takes about a second to import, so the API imports this module inside functions.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.workspace.context import BaseWorkspaceRequestContext, WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

# The daemons without which accepted work waits: the run queue, and the sensors that submit and reconcile runs
NEEDED_DAEMONS = ("QUEUED_RUN_COORDINATOR", "SENSOR")


class NewRun(msgspec.Struct, frozen=True):
    """A run to create. `step_keys` are the steps to execute, None for all; `resumes` is the run that it continues."""

    run_id: str
    job_name: str
    run_config: dict[str, Any]
    tags: dict[str, str]
    step_keys: list[str] | None = None
    resumes: DagsterRun | None = None


def open_workspace(instance: DagsterInstance, code_server: str, location_name: str) -> WorkspaceProcessContext:
    """Return the workspace with the one code location that the gRPC server at `code_server` (host:port) serves."""
    host, _, port = code_server.rpartition(":")
    target = GrpcServerTarget(host=host, port=int(port), socket=None, location_name=location_name)
    return WorkspaceProcessContext(instance, target)


def is_location_loaded(request: BaseWorkspaceRequestContext, location_name: str) -> bool:
    """Return whether the code server answered when the location was loaded."""
    entry = request.get_location_entry(location_name)
    return entry is not None and entry.load_error is None


def create_run(request: BaseWorkspaceRequestContext, location_name: str, new: NewRun) -> DagsterRun:
    """Create the run in state NOT_STARTED, with the execution plan that the code server builds."""
    location = request.get_code_location(location_name)
    repository = next(iter(location.get_repositories().values()))
    selector = JobSubsetSelector(
        location_name=location_name,
        repository_name=repository.name,
        job_name=new.job_name,
        asset_selection=None,
        op_selection=None,
    )
    job = location.get_job(selector)
    plan = location.get_execution_plan(
        remote_job=job,
        run_config=new.run_config,
        step_keys_to_execute=new.step_keys,
        known_state=None,
        instance=request.instance,
    )
    parent_run_id = new.resumes.run_id if new.resumes is not None else None
    root_run_id = (new.resumes.root_run_id if new.resumes is not None else None) or parent_run_id
    return request.instance.create_run(
        job_name=new.job_name,
        run_id=new.run_id,
        run_config=new.run_config,
        status=DagsterRunStatus.NOT_STARTED,
        tags={**job.tags, **new.tags},
        root_run_id=root_run_id,
        parent_run_id=parent_run_id,
        step_keys_to_execute=plan.execution_plan_snapshot.step_keys_to_execute,
        execution_plan_snapshot=plan.execution_plan_snapshot,
        job_snapshot=job.job_snapshot,
        parent_job_snapshot=job.parent_job_snapshot,
        asset_selection=None,
        asset_check_selection=None,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        asset_graph=request.asset_graph,
    )


def list_unfinished_steps(instance: DagsterInstance, run: DagsterRun) -> list[str]:
    """Return the keys of the run's steps that have not succeeded, in the order of its plan."""
    stats = instance.get_run_step_stats(run.run_id)
    finished = {step.step_key for step in stats if step.status is not None and step.status.value == "SUCCESS"}
    return [key for key in run.step_keys_to_execute or () if key not in finished]


def cancel_run(instance: DagsterInstance, run_id: str) -> None:
    """Stop the run, whether it is queued, starting or executing. Ended and unknown runs are ignored."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.run_coordinator.cancel_run(run_id)


def delete_run(instance: DagsterInstance, run_id: str) -> None:
    """Delete the run with its event log and its output. Unknown runs are ignored."""
    if instance.get_run_by_id(run_id) is not None:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])


def list_runs_waiting_for_pools(instance: DagsterInstance) -> set[str]:
    """Return the IDs of the runs whose next step waits for a pool slot."""
    storage = instance.event_log_storage
    pools = (storage.get_concurrency_info(pool) for pool in storage.get_concurrency_keys())
    return {step.run_id for pool in pools for step in pool.pending_steps if step.assigned_timestamp is None}


def does_launcher_check_health(instance: DagsterInstance) -> bool:
    """Return whether Dagster's run monitoring itself fails the runs of dead workers."""
    return instance.run_launcher.supports_check_run_worker_health


def get_daemon_silence_s(instance: DagsterInstance) -> float | None:
    """Return the seconds since the last heartbeat of the needed daemon that is silent longest.

    Returns None if one of them has never sent a heartbeat.
    """
    heartbeats = instance.get_daemon_heartbeats()
    times = [heartbeats[name].timestamp for name in NEEDED_DAEMONS if name in heartbeats]
    return time.time() - min(times) if len(times) == len(NEEDED_DAEMONS) else None
