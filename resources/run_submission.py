"""Submits runs to Dagster's queue and terminates them.

The run has the ID of its intent, which makes a second submission harmless. Dagster takes about a second to import, so
`resources.dagster_internals` is imported by the functions that use it.
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
MAX_TITLE_LENGTH = 200  # characters of a run's tag
# What a job is for. A render, which a user waits for, starts before the next video; so does speech or an AI edit.
LANES = {
    "ingest_video": "ingest",
    "render_clips": "render",
    "export_packages": "export",
    "ingest_timeline_asset": "ingest",
    "export_timeline": "export",
    "make_variants": "render",
    "generate_voice": "render",
    "generate_clip": "ingest",
    "generate_hosted_media": "render",
}
LANE_PRIORITIES = {"render": 20, "export": 15, "ingest": 10, run_intents.BACKFILL_LANE: -10}
DAEMON_TIMEOUT_S = 90.0  # a daemon sends a heartbeat every 30 s


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

                from resources.dagster_internals import open_workspace  # noqa: PLC0415

                code_server = self.platform.settings.code_server
                self._context = open_workspace(DagsterInstance.get(), code_server, CODE_LOCATION)
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
        from resources.dagster_internals import is_location_loaded  # noqa: PLC0415 - see the module docstring

        context = self.connect()
        request = context.create_request_context()
        if not is_location_loaded(request, CODE_LOCATION):
            context.refresh_code_location(CODE_LOCATION)  # the code server was down when the location was loaded
            request = context.create_request_context()
        return request

    def _create_run(self, intent: run_intents.RunIntent) -> DagsterRun:
        from resources import dagster_internals  # noqa: PLC0415 - see the module docstring

        with self.platform.database.read() as connection:
            title = run_intents.get_title(connection, intent)
        crashed_run = self.instance.get_run_by_id(intent.resumes) if intent.resumes else None
        step_keys = dagster_internals.list_unfinished_steps(self.instance, crashed_run) if crashed_run else []
        new = dagster_internals.NewRun(
            run_id=intent.run_id,
            job_name=intent.job_name,
            run_config=intent.run_config,
            tags=build_run_tags(intent, title),
            step_keys=step_keys or None,
            resumes=crashed_run,
        )
        return dagster_internals.create_run(self._create_request_context(), CODE_LOCATION, new)

    def terminate(self, run_id: str) -> None:
        """Stop the run, whether it is queued, starting or executing. Ended and unknown runs are ignored."""
        from resources import dagster_internals  # noqa: PLC0415 - see the module docstring

        dagster_internals.cancel_run(self.instance, run_id)

    def delete_run(self, run_id: str) -> None:
        """Delete the run with its event log and its output, which name what it worked on. Unknown runs are ignored."""
        from resources import dagster_internals  # noqa: PLC0415 - see the module docstring

        dagster_internals.delete_run(self.instance, run_id)

    def check(self) -> None:
        """Check that the code server responds.

        Raises:
            SubmissionError: if it does not respond, or if the Dagster instance cannot be opened.
        """
        from resources.dagster_internals import is_location_loaded  # noqa: PLC0415 - see the module docstring

        try:
            is_loaded = is_location_loaded(self._create_request_context(), CODE_LOCATION)
        except Exception as error:
            raise SubmissionError("the Dagster instance cannot be opened") from error
        if not is_loaded:
            raise SubmissionError("the Dagster code server does not respond")

    def get_daemon_silence_s(self) -> float | None:
        """Return the seconds since Dagster's daemon last sent a heartbeat, or None if it never did."""
        from resources import dagster_internals  # noqa: PLC0415 - see the module docstring

        return dagster_internals.get_daemon_silence_s(self.instance)


def build_run_tags(intent: run_intents.RunIntent, title: str) -> dict[str, str]:
    """Return the tags of the run: its partition, its IDs, its title, and what the queue orders and limits it by.

    `title` is the title of the project or timeline at this time. Dagster's queue starts runs of a higher
    `dagster/priority` first.
    """
    lane = intent.lane or LANES[intent.job_name]
    tags = {
        run_intents.TITLE_TAG: title[:MAX_TITLE_LENGTH],
        run_intents.LANE_TAG: lane,
        "dagster/priority": str(LANE_PRIORITIES[lane]),
        "dagster/partition": intent.project_id,
        run_intents.get_partition_tag(intent.job_name): intent.project_id,
        run_intents.WORKSPACE_TAG: intent.workspace_id,
        run_intents.SUBJECT_TAG: intent.subject_id,
    }
    if intent.job_name == "ingest_video" and intent.tier != "ENTERPRISE":
        tags[f"carmic/ingest-{intent.tier.lower()}"] = intent.workspace_id
    if intent.job_name == "make_variants" and intent.tier == "FREE":
        tags["carmic/variants-free"] = intent.workspace_id
    return tags
