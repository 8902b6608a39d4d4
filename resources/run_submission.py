"""Submits runs to Dagster's queue and terminates them. The only module that uses Dagster's workspace API.

Dagster has no public function that submits a run under a chosen ID, and with a chosen ID a second submission has no
effect. So this module uses names of `dagster._core`, like `resources.compute_logs` and no other module of this
package. Dagster takes about a second to import, so it is imported by the functions that use it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from resources import run_intents
from resources.platform import Platform

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun
    from dagster._core.workspace.context import BaseWorkspaceRequestContext, WorkspaceProcessContext

CODE_LOCATION = "carmic"


class SubmissionError(Exception):
    """Dagster cannot be reached or refused the run. The intent stays WAITING and the sensor submits it later."""


class Submitter:
    """The connection of a process to Dagster. Thread-safe; create one per process.

    The first use connects. Call `connect` to do so earlier.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._lock = threading.Lock()
        self._context: WorkspaceProcessContext | None = None

    def connect(self) -> WorkspaceProcessContext:
        """Return the workspace context of the code server."""
        with self._lock:
            if self._context is None:
                from dagster import DagsterInstance  # noqa: PLC0415 - see the module docstring
                from dagster._core.workspace.context import WorkspaceProcessContext  # noqa: PLC0415
                from dagster._core.workspace.load_target import GrpcServerTarget  # noqa: PLC0415

                host, _, port = self.platform.settings.code_server.rpartition(":")
                target = GrpcServerTarget(host=host, port=int(port), socket=None, location_name=CODE_LOCATION)
                self._context = WorkspaceProcessContext(DagsterInstance.get(), target)
            return self._context

    @property
    def instance(self) -> DagsterInstance:
        """The Dagster instance."""
        return self.connect().instance

    def submit(self, run_id: str) -> bool:
        """Submit the run of a WAITING intent to Dagster's queue. Return False if the intent is in another state.

        Raises:
            SubmissionError: if Dagster does not accept the run. The intent stays WAITING.
        """
        with self.platform.database.read() as connection:
            intent = run_intents.get(connection, run_id)
        if intent is None or intent.state != "WAITING":
            return False
        try:
            self._submit(intent)
        except Exception as error:
            with self.platform.database.write() as connection:
                run_intents.record_failed_submission(connection, run_id)
            raise SubmissionError(f"Dagster did not accept run {run_id}: {error}") from error
        with self.platform.database.write() as connection:
            is_submitted = run_intents.set_state(connection, run_id, "SUBMITTED")
            current = run_intents.get(connection, run_id)
        if not is_submitted and current is not None and current.state == "CANCELLED":
            self.terminate(run_id)  # it was cancelled while Dagster accepted it
        return is_submitted

    def _submit(self, intent: run_intents.RunIntent) -> None:
        from dagster import DagsterRunStatus  # noqa: PLC0415 - see the module docstring

        instance = self.instance
        run = instance.get_run_by_id(intent.run_id)
        if run is None:
            partitions = run_intents.get_partitions_name(intent.job_name)
            instance.add_dynamic_partitions(partitions, [intent.project_id])
            run = self._create_run(intent)
        if run.status == DagsterRunStatus.NOT_STARTED:
            instance.submit_run(run.run_id, self._create_request_context())

    def _create_request_context(self) -> BaseWorkspaceRequestContext:
        context = self.connect()
        request = context.create_request_context()
        entry = request.get_location_entry(CODE_LOCATION)
        if entry is None or entry.load_error is not None:
            context.refresh_code_location(CODE_LOCATION)  # the code server was down when the location was loaded
            request = context.create_request_context()
        return request

    def _create_run(self, intent: run_intents.RunIntent) -> DagsterRun:
        from dagster import DagsterRunStatus  # noqa: PLC0415 - see the module docstring
        from dagster._core.definitions.selector import JobSubsetSelector  # noqa: PLC0415

        request = self._create_request_context()
        location = request.get_code_location(CODE_LOCATION)
        repository = next(iter(location.get_repositories().values()))
        selector = JobSubsetSelector(
            location_name=CODE_LOCATION,
            repository_name=repository.name,
            job_name=intent.job_name,
            asset_selection=None,
            op_selection=None,
        )
        job = location.get_job(selector)
        step_keys, crashed_run = self._get_remaining_steps(intent)
        plan = location.get_execution_plan(
            remote_job=job,
            run_config=intent.run_config,
            step_keys_to_execute=step_keys,
            known_state=None,
            instance=self.instance,
        )
        parent_run_id = crashed_run.run_id if crashed_run is not None else None
        root_run_id = (crashed_run.root_run_id if crashed_run is not None else None) or parent_run_id
        return self.instance.create_run(
            job_name=intent.job_name,
            run_id=intent.run_id,
            run_config=intent.run_config,
            status=DagsterRunStatus.NOT_STARTED,
            tags={**job.tags, **build_run_tags(intent)},
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

    def _get_remaining_steps(self, intent: run_intents.RunIntent) -> tuple[list[str] | None, DagsterRun | None]:
        """Return the unfinished steps of the crashed run that the intent resumes, and that run.

        No steps means all steps of the job.
        """
        crashed_run = self.instance.get_run_by_id(intent.resumes) if intent.resumes else None
        if crashed_run is None:
            return None, None
        stats = self.instance.get_run_step_stats(crashed_run.run_id)
        finished = {step.step_key for step in stats if step.status is not None and step.status.value == "SUCCESS"}
        step_keys = crashed_run.step_keys_to_execute or ()
        return [key for key in step_keys if key not in finished] or None, crashed_run

    def terminate(self, run_id: str) -> None:
        """Stop the run, whether it is queued, starting or executing. Ended and unknown runs are ignored."""
        run = self.instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self.instance.run_coordinator.cancel_run(run_id)

    def delete_run(self, run_id: str) -> None:
        """Delete the run with its event log and output, which contain names from the video.

        Unknown runs are ignored.
        """
        if self.instance.get_run_by_id(run_id) is not None:
            self.instance.delete_run(run_id)
            self.instance.compute_log_manager.delete_logs(prefix=[run_id])

    def check(self) -> None:
        """Check that the code server responds.

        Raises:
            SubmissionError: if it does not respond, or if the Dagster instance cannot be opened.
        """
        try:
            entry = self._create_request_context().get_location_entry(CODE_LOCATION)
        except Exception as error:
            raise SubmissionError("the Dagster instance cannot be opened") from error
        if entry is None or entry.load_error is not None:
            raise SubmissionError("the Dagster code server does not respond")


def build_run_tags(intent: run_intents.RunIntent) -> dict[str, str]:
    """Return the tags of the run: its partition, its IDs, and the tag by which the queue limits its workspace."""
    tags = {
        "dagster/partition": intent.project_id,
        run_intents.get_partition_tag(intent.job_name): intent.project_id,
        run_intents.WORKSPACE_TAG: intent.workspace_id,
        run_intents.SUBJECT_TAG: intent.subject_id,
    }
    if intent.job_name == "ingest_video" and intent.tier != "ENTERPRISE":
        tags[f"carmic/ingest-{intent.tier.lower()}"] = intent.workspace_id
    return tags
