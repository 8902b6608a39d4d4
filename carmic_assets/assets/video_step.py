"""Runs one asset's step on one video: loads artifacts, reports progress, and fails the project if the step fails.

The order of writes is the same everywhere. The artifact is stored first. Then one transaction changes the state and
records the event. After a crash between the two, the next attempt overwrites the artifact with the same bytes.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from carmic_assets.assets.transient_errors import retry_transient_errors, will_retry
from carmic_assets.model.errors import CarmicError
from resources import artifacts, projects, run_intents
from resources.artifacts import format_uri
from resources.platform import Platform
from resources.run_intents import VIDEO_PARTITIONS

OWNERS = ["team:carmic"]  # shown by the Dagster UI; an installation may name its own team
video_partitions = dg.DynamicPartitionsDefinition(name=VIDEO_PARTITIONS)

REPORT_INTERVAL_S = 0.7  # minimum time between two progress reports
HEARTBEAT_INTERVAL_S = 5.0  # a ninth of the reconciliation sensor's timeout
PROCESS_STARTED_S = time.monotonic()  # also the start of the run, because each run has its own process
UNEXPECTED_ERROR = (
    "Something went wrong on our side while this video was processed. Its minutes were refunded. Try again."
)

T = TypeVar("T")

if TYPE_CHECKING:
    StepResult = dg.MaterializeResult[None]
else:  # Dagster only recognises the class without type parameters
    StepResult = dg.MaterializeResult


class VideoStep:
    """The project, its artifacts and a scratch directory for one asset's step."""

    def __init__(self, platform: Platform, project: projects.Project, run_id: str, scratch_dir: Path) -> None:
        self.platform = platform
        self.project = project
        self.run_id = run_id
        self.scratch_dir = scratch_dir
        self._last_report_s = 0.0

    # --- artifacts

    def artifact_key(self, name: str) -> str:
        """Return the store key of an artifact of this video."""
        return artifacts.artifact_key(self.project.workspace_id, self.project.id, name)

    def has_artifact(self, name: str) -> bool:
        """Return whether the store holds this artifact."""
        return self.platform.store.stat(self.artifact_key(name)) is not None

    def load_artifact(self, name: str, kind: type[T]) -> T:
        """Return an artifact that an earlier asset stored, decoded as `kind`.

        Raises:
            dagster.Failure: the artifact does not exist yet.
        """
        try:
            data = self.platform.store.get_bytes(self.artifact_key(name))
        except KeyError:
            raise dg.Failure(
                f"{name} of this video does not exist yet: materialize the assets before this one."
            ) from None
        decode = msgspec.msgpack.decode if name.endswith(".msgpack") else msgspec.json.decode
        return decode(data, type=kind)

    def save_artifact(self, name: str, value: msgspec.Struct) -> int:
        """Encode a Struct and store it. The same value gives the same bytes. Returns the size in bytes."""
        encode = msgspec.msgpack.encode if name.endswith(".msgpack") else msgspec.json.encode
        data = encode(value, order="deterministic")
        content_type = "application/msgpack" if name.endswith(".msgpack") else "application/json"
        self.platform.store.put_bytes(self.artifact_key(name), data, content_type)
        return len(data)

    def open_artifact(self, name: str) -> AbstractContextManager[Path]:
        """Make an artifact available as a local file, which must not be changed."""
        return self.platform.store.local_file(self.artifact_key(name))

    def open_source(self) -> AbstractContextManager[Path]:
        """Make the source video (the conformed source, if any) available as a local file, which must not be changed."""
        return self.platform.store.local_file(self.source_key)

    @property
    def source_key(self) -> str:
        """The store key of the conformed source if the upload needed one, or else of the upload itself."""
        return artifacts.find_source_key(self.platform.store, self.project)

    @property
    def trim_span_s(self) -> tuple[float, float] | None:
        """Start and end of the part to analyse, in seconds of the source clock; None for the complete video."""
        start_s, end_s = self.project.trim_start_s, self.project.trim_end_s
        if start_s is None and end_s is None:
            return None
        return (start_s or 0.0, end_s if end_s is not None else (self.project.duration_s or 1e9))

    # --- progress

    def advance(
        self,
        status: str,
        percent: float,
        label: str,
        **columns: Any,  # noqa: ANN401 - column values
    ) -> None:
        """Set the project's status and progress and publish them. Nothing happens if the project has more progress."""
        with self.platform.database.write() as connection:
            event_fields = {"eta_s": _estimate_remaining_s(percent)}
            projects.advance(connection, self.project.id, status, int(percent), label, extra=event_fields, **columns)

    def progress_reporter(
        self, status: str, label: str, start_percent: float, end_percent: float
    ) -> Callable[[float], None]:
        """Return a callback that maps the completed fraction of the step to the project's percentage.

        The percentage runs from `start_percent` to `end_percent`.
        """

        def report(fraction: float) -> None:
            now_s = time.monotonic()
            if now_s - self._last_report_s >= REPORT_INTERVAL_S:
                self._last_report_s = now_s
                clamped = min(max(fraction, 0.0), 1.0)
                self.advance(status, start_percent + (end_percent - start_percent) * clamped, label)

        return report


def _estimate_remaining_s(percent: float) -> int | None:
    """Return the seconds until the clips are ready, extrapolated from this process's pace; None below 5 %."""
    if percent < 5:
        return None
    return round((time.monotonic() - PROCESS_STARTED_S) * (100 - percent) / percent)


@contextmanager
def open_video_step(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[VideoStep]:
    """Yield the step of the partition of `context`, and remove its scratch directory afterwards.

    A CarmicError fails the project with the error's state and sentence. Any other exception fails it with
    UNEXPECTED_ERROR. Both refund the minutes. A transient error does so at the last attempt only.

    Raises:
        dagster.Failure: the project was deleted or has ended, or the step raised a CarmicError.
        dagster.RetryRequested: the step runs again after a transient error.
    """
    with retry_transient_errors(context), _open_step(context, platform) as step:
        yield step


@contextmanager
def _open_step(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[VideoStep]:
    with platform.database.read() as connection:
        project = projects.get(connection, context.partition_key)
    if project is None:
        raise dg.Failure(f"Project {context.partition_key} does not exist: it was deleted.", allow_retries=False)
    if project.run_id == context.run.run_id and project.status in (*projects.FAILED_STATUSES, "CANCELLED"):
        raise dg.Failure(
            f"The project has already ended as {project.status}; there is nothing to continue.", allow_retries=False
        )
    try:
        with open_scratch_dir(context, platform) as scratch_dir:
            yield VideoStep(platform, project, context.run.run_id, scratch_dir)
    except CarmicError as error:
        _end_project(platform, project, error.state, error.sentence)
        raise dg.Failure(error.sentence, allow_retries=False) from error
    except (dg.Failure, dg.DagsterExecutionInterruptedError):
        raise  # a Failure has its own message, and the code that interrupts a run records the reason
    except Exception as error:
        if not is_interruption(error) and not will_retry(context, error):
            _end_project(platform, project, "FAILED", UNEXPECTED_ERROR)
        raise


@contextmanager
def open_scratch_dir(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Path]:
    """Provide a scratch directory for the step, and send heartbeats of its run while the block runs.

    A block that ends without an exception has finished an asset, so the count of crashes of the run's subject is reset.
    """
    scratch_dir = platform.settings.scratch_dir / context.run.run_id / context.op_execution_context.op_handle.name
    scratch_dir.mkdir(parents=True, exist_ok=True)
    try:
        with send_heartbeats(platform, context.run.run_id):
            yield scratch_dir
        with platform.database.write() as connection:
            run_intents.reset_attempts(connection, context.run.run_id)
    finally:
        shutil.rmtree(scratch_dir, ignore_errors=True)
        _remove_if_empty(scratch_dir.parent)


@contextmanager
def send_heartbeats(platform: Platform, run_id: str) -> Iterator[None]:
    """Record a heartbeat of the run every HEARTBEAT_INTERVAL_S from a thread, while the `with` block runs.

    The reconciliation sensor treats a run without heartbeats as crashed. The thread sends SIGTERM to its own process in
    two cases. The first is a run that was cancelled or replaced without Dagster's own signal. The second is a killed
    code server, because then no other process can stop the run.
    """
    finished = threading.Event()
    parent = multiprocessing.parent_process()  # None if the command line runs the job in its own process

    def send_until_finished() -> None:
        rejected_heartbeats = 0
        while True:
            with suppress(SQLAlchemyError), platform.database.write() as connection:
                rejected_heartbeats = 0 if run_intents.heartbeat(connection, run_id) else rejected_heartbeats + 1
            # After the first rejection Dagster's own signal may still arrive; a second signal would abort the cleanup.
            if rejected_heartbeats == 2 or (parent is not None and not parent.is_alive()):
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if finished.wait(HEARTBEAT_INTERVAL_S):
                return

    thread = threading.Thread(target=send_until_finished, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join(HEARTBEAT_INTERVAL_S)


def is_interruption(error: BaseException | None) -> bool:
    """Return whether the step was interrupted by a signal, even if its cleanup then raised another error."""
    while error is not None:
        if isinstance(error, dg.DagsterExecutionInterruptedError | KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _end_project(platform: Platform, project: projects.Project, status: str, sentence: str) -> None:
    with platform.database.write() as connection:
        projects.end(connection, project.id, status, sentence)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def location_metadata(step: VideoStep, name: str) -> dict[str, dg.MetadataValue]:
    """Return where the artifact `name` is stored, under the key by which Dagster's UI knows it."""
    return {"dagster/uri": dg.MetadataValue.text(format_uri(step.platform.settings, step.artifact_key(name)))}


def cost_metadata(started_s: float, media_s: float) -> dict[str, dg.MetadataValue]:
    """Return the elapsed time since `started_s` (monotonic) and its ratio to `media_s`, as asset metadata."""
    elapsed_s = time.monotonic() - started_s
    metadata: dict[str, dg.MetadataValue] = {"seconds": dg.MetadataValue.float(round(elapsed_s, 2))}
    if media_s > 0:
        metadata["x real time"] = dg.MetadataValue.float(round(elapsed_s / media_s, 4))
    return metadata
