"""Gives promised runs to Dagster, and stops them. The one module that knows Dagster's workspace API.

Dagster offers no public call that submits a run under an id of ours, and the id is what makes a second submission
harmless; so three names of `dagster._core` are used here (and some in `compute_logs`, nowhere else). Importing Dagster
takes about a second, hence inside `connect`.
"""

from __future__ import annotations

import threading
from typing import Any

from resources import run_intents
from resources.platform import Platform

VIDEOS = "videos"  # the dynamic partition set: one partition a project
LOCATION = "carmic"


class SubmissionError(Exception):
    """Dagster could not be reached or refused the run; the intent stays WAITING and the sensor tries again."""


class Submitter:
    """One per process, shared by threads. `connect` is called by the first use, or early by who wants it warm."""

    def __init__(self, platform: Platform):
        self.platform = platform
        self._lock = threading.Lock()
        self._context: Any = None

    def connect(self) -> Any:
        """The workspace context of the shared code server. Raises SubmissionError."""
        with self._lock:
            if self._context is None:
                from dagster import DagsterInstance
                from dagster._core.workspace.context import WorkspaceProcessContext
                from dagster._core.workspace.load_target import GrpcServerTarget

                host, _, port = self.platform.settings.code_server.rpartition(":")
                target = GrpcServerTarget(host=host, port=int(port), socket=None, location_name=LOCATION)
                self._context = WorkspaceProcessContext(DagsterInstance.get(), target)
            return self._context

    @property
    def instance(self) -> Any:
        return self.connect().instance

    def submit(self, run_id: str) -> bool:
        """Hand a WAITING intent to Dagster's queue; False when it is not waiting (any more).

        Raises SubmissionError, and the intent waits on.
        """
        with self.platform.database.read() as connection:
            intent = run_intents.get(connection, run_id)
        if intent is None or intent.state != "WAITING":
            return False
        try:
            self._submit(intent)
        except Exception as error:
            with self.platform.database.write() as connection:
                run_intents.tried(connection, run_id)
            raise SubmissionError(f"Dagster did not take run {run_id}: {error}") from error
        with self.platform.database.write() as connection:
            kept = run_intents.move(connection, run_id, "SUBMITTED")
            cancelled = (
                not kept and (now := run_intents.get(connection, run_id)) is not None and now.state == "CANCELLED"
            )
        if cancelled:  # cancelled between our look and Dagster's answer
            self.terminate(run_id)
        return kept

    def _submit(self, intent: run_intents.Intent) -> None:
        from dagster._core.storage.dagster_run import DagsterRunStatus

        instance = self.instance
        run = instance.get_run_by_id(intent.run_id)
        if run is None:
            instance.add_dynamic_partitions(VIDEOS, [intent.project_id])
            run = self._create(intent)
        if run.status == DagsterRunStatus.NOT_STARTED:
            instance.submit_run(run.run_id, self._request())

    def _request(self) -> Any:
        context = self.connect()
        request = context.create_request_context()
        if request.get_location_entry(LOCATION).load_error is not None:
            context.refresh_code_location(LOCATION)  # the code server was not up when we first looked
            request = context.create_request_context()
        return request

    def _create(self, intent: run_intents.Intent) -> Any:
        from dagster._core.definitions.selector import JobSubsetSelector
        from dagster._core.storage.dagster_run import DagsterRunStatus

        request = self._request()
        location = request.get_code_location(LOCATION)
        repository = next(iter(location.get_repositories().values()))
        selector = JobSubsetSelector(
            location_name=LOCATION,
            repository_name=repository.name,
            job_name=intent.job_name,
            asset_selection=None,
            op_selection=None,
        )
        job = location.get_job(selector)
        steps, parent = self._left(intent)
        plan = location.get_execution_plan(
            remote_job=job,
            run_config=intent.run_config,
            step_keys_to_execute=steps,
            known_state=None,
            instance=self.instance,
        )
        return self.instance.create_run(
            job_name=intent.job_name,
            run_id=intent.run_id,
            run_config=intent.run_config,
            status=DagsterRunStatus.NOT_STARTED,
            tags={**job.tags, **tags(intent)},
            root_run_id=parent and (parent.root_run_id or parent.run_id),
            parent_run_id=parent and parent.run_id,
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

    def _left(self, intent: run_intents.Intent) -> tuple[list[str] | None, Any]:
        """The steps that the lost run before this one left undone, and that run; no steps named means all of them."""
        lost = intent.resumes and self.instance.get_run_by_id(intent.resumes)
        if not lost:
            return None, None
        stats = self.instance.get_run_step_stats(lost.run_id)
        done = {each.step_key for each in stats if each.status is not None and each.status.value == "SUCCESS"}
        planned = lost.step_keys_to_execute or ()
        return [key for key in planned if key not in done] or None, lost

    def terminate(self, run_id: str) -> None:
        """Stop a run wherever it is: in the queue, starting or working. No error when it has ended or is unknown."""
        run = self.instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self.instance.run_coordinator.cancel_run(run_id)

    def check(self) -> None:
        """Raises SubmissionError unless the code server answers: for health."""
        try:
            entry = self._request().get_location_entry(LOCATION)
        except Exception as error:
            raise SubmissionError("the Dagster instance cannot be opened") from error
        if entry.load_error is not None:
            raise SubmissionError("the Dagster code server does not answer")


def tags(intent: run_intents.Intent) -> dict[str, str]:
    """What the run is found by, its partition, and the tag by which its workspace's tier bounds it."""
    found = {
        "dagster/partition": intent.project_id,
        run_intents.PROJECT_TAG: intent.project_id,
        run_intents.WORKSPACE_TAG: intent.workspace_id,
        run_intents.SUBJECT_TAG: intent.subject_id,
    }
    if intent.job_name == "ingest_video" and intent.tier != "ENTERPRISE":
        found[f"carmic/ingest-{intent.tier.lower()}"] = intent.workspace_id
    return found
