"""Hands promised runs to Dagster after the answer has gone out, in two threads of its own.

What is lost here (a crash, Dagster not up yet) stays promised in the database, and the reconciling sensor submits it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from resources.run_submission import SubmissionError, Submitter

log = structlog.get_logger("carmic.api")


class Launcher:
    def __init__(self, submitter: Submitter):
        self.submitter = submitter
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="launch")

    @contextlib.asynccontextmanager
    async def running(self, app: object) -> AsyncIterator[None]:
        self._threads.submit(self._warm)
        try:
            yield
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def launch(self, run_id: str) -> None:
        """Submit the run soon."""
        self._threads.submit(self._submit, run_id)

    def stop(self, run_ids: Iterable[str]) -> None:
        """Terminate the runs soon."""
        for run_id in run_ids:
            self._threads.submit(self._terminate, run_id)

    def _warm(self) -> None:
        with contextlib.suppress(Exception):  # health tells of it
            self.submitter.connect()

    def _submit(self, run_id: str) -> None:
        try:
            self.submitter.submit(run_id)
        except SubmissionError as error:
            log.warning("submission", run=run_id, error=str(error))
        except Exception as error:  # nobody waits for this thread's answer
            log.error("submission", run=run_id, exc_info=error)

    def _terminate(self, run_id: str) -> None:
        try:
            self.submitter.terminate(run_id)
        except Exception as error:
            log.warning("termination", run=run_id, error=str(error))
