"""Submits queued runs to Dagster after the response was sent, in two threads of its own.

A run that is not submitted here (the process crashed, Dagster is unreachable) stays queued in the database, and the
sensor `reconcile_runs` submits it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from resources.run_submission import SubmissionError, Submitter

log = structlog.get_logger("carmic.api")


class RunDispatcher:
    """Submits and terminates runs in the background."""

    def __init__(self, submitter: Submitter) -> None:
        self.submitter = submitter
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="dispatch")

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Connect to Dagster at the start of the app. Runs that are unsubmitted at its end are left to the sensor."""
        self._threads.submit(self._connect)
        try:
            yield
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def submit(self, run_id: str) -> None:
        """Submit the run in the background."""
        self._threads.submit(self._submit, run_id)

    def terminate(self, run_ids: Iterable[str]) -> None:
        """Terminate the runs in the background."""
        for run_id in run_ids:
            self._threads.submit(self._terminate, run_id)

    def _connect(self) -> None:
        with contextlib.suppress(Exception):  # /v1/health reports it
            self.submitter.connect()

    def _submit(self, run_id: str) -> None:
        try:
            self.submitter.submit(run_id)
        except SubmissionError as error:
            log.warning("submission", run=run_id, error=str(error))
        except Exception:  # log here, because nothing reads this thread's result
            log.exception("submission", run=run_id)

    def _terminate(self, run_id: str) -> None:
        try:
            self.submitter.terminate(run_id)
        except Exception as error:
            log.warning("termination", run=run_id, error=str(error))
