"""A stage: one asset at work on one video. Finds its inputs, reports how far it is, and ends the project when it fails.

Order of writing, everywhere: the artifact is made durable first, then one transaction tells of it. A crash between the
two leaves an artifact that the next attempt writes again, byte for byte.
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
from typing import Any, TypeVar

import dagster as dg
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from carmic_assets.model.errors import CarmicError
from resources import artifacts, projects, run_intents
from resources.platform import Platform
from resources.run_submission import VIDEOS

videos = dg.DynamicPartitionsDefinition(name=VIDEOS)

REPORT_EVERY_S = 0.7
BEAT_EVERY_S = 5.0
STARTED = time.monotonic()  # of this process, which is one run's
UNEXPECTED = "Something went wrong on our side while this video was processed. Its minutes were given back; try again."

T = TypeVar("T")


class Stage:
    """What an asset's code holds while it works on the project of its partition."""

    def __init__(self, platform: Platform, project: projects.Project, run_id: str, scratch: Path):
        self.platform = platform
        self.project = project
        self.run_id = run_id
        self.scratch = scratch
        self._reported = 0.0

    # --- artifacts

    def key(self, name: str) -> str:
        return artifacts.key(self.project.workspace_id, self.project.id, name)

    def load(self, name: str, kind: type[T]) -> T:
        """An artifact that an earlier asset wrote. Raises dagster.Failure naming what to materialize first."""
        try:
            data = self.platform.store.get_bytes(self.key(name))
        except KeyError:
            raise dg.Failure(
                f"{name} of this video does not exist yet: materialize the assets before this one."
            ) from None
        decode = msgspec.msgpack.decode if name.endswith(".msgpack") else msgspec.json.decode
        return decode(data, type=kind)

    def save(self, name: str, value: Any) -> int:
        """Keep a Struct as an artifact, the same bytes for the same value; returns how many."""
        encode = msgspec.msgpack.encode if name.endswith(".msgpack") else msgspec.json.encode
        data = encode(value, order="deterministic")
        kind = "application/msgpack" if name.endswith(".msgpack") else "application/json"
        self.platform.store.put_bytes(self.key(name), data, kind)
        return len(data)

    def local(self, name: str) -> AbstractContextManager[Path]:
        """An artifact as a file to read."""
        return self.platform.store.local(self.key(name))

    def source(self) -> AbstractContextManager[Path]:
        return self.platform.store.local(self.project.object_key)

    @property
    def span(self) -> tuple[float, float] | None:
        """The part of the video that is looked at, source clock, or None for all of it."""
        start, end = self.project.trim_start_s, self.project.trim_end_s
        if start is None and end is None:
            return None
        return (start or 0.0, end if end is not None else (self.project.duration_s or 1e9))

    # --- telling

    def advance(self, status: str, progress: float, step: str, **columns: Any) -> None:
        """One step forward, told to the stream. Does nothing to a project that has been through here before."""
        with self.platform.database.write() as connection:
            told = {"eta_s": _eta(progress)}
            projects.advance(connection, self.project.id, status, int(progress), step, extra=told, **columns)

    def progress(self, status: str, step: str, start: float, end: float) -> Callable[[float], None]:
        """A reporter for the room at work: its 0..1 becomes `start`..`end` percent of the project."""

        def report(fraction: float) -> None:
            now = time.monotonic()
            if now - self._reported >= REPORT_EVERY_S:
                self._reported = now
                self.advance(status, start + (end - start) * min(max(fraction, 0.0), 1.0), step)

        return report


def _eta(progress: float) -> int | None:
    """Seconds until the clips are ready, if the rest goes as what this run has done so far."""
    if progress < 5:
        return None
    return round((time.monotonic() - STARTED) * (100 - progress) / progress)


@contextmanager
def stage(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Stage]:
    """The stage for this step's partition. On the way out: scratch removed; a user's fault ends the project with its
    sentence, anything else with an apology; both give the minutes back."""
    with platform.database.read() as connection:
        project = projects.get(connection, context.partition_key)
    if project is None:
        raise dg.Failure(f"There is no project {context.partition_key}: it was deleted.", allow_retries=False)
    if project.run_id == context.run.run_id and project.status in (*projects.FAILURES, "CANCELLED"):
        raise dg.Failure(
            f"The project has ended as {project.status}; there is nothing to go on with.", allow_retries=False
        )
    scratch = platform.settings.scratch_dir / context.run.run_id / context.op_execution_context.op_handle.name
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        with alive(platform, context.run.run_id):
            yield Stage(platform, project, context.run.run_id, scratch)
        with platform.database.write() as connection:
            run_intents.got_on(connection, context.run.run_id)
    except CarmicError as error:
        _end(platform, project, error.state, error.sentence)
        raise dg.Failure(error.sentence, allow_retries=False) from error
    except (dg.Failure, dg.DagsterExecutionInterruptedError):
        raise  # said already, or stopped from outside: who stopped it says why
    except Exception as error:
        if not interrupted(error):
            _end(platform, project, "FAILED", UNEXPECTED)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        _remove_if_empty(scratch.parent)


@contextmanager
def alive(platform: Platform, run_id: str) -> Iterator[None]:
    """Beat while the block lasts, from a thread: the reconciling sensor takes a silent run for dead.

    A run that has been cancelled or replaced without Dagster's word reaching it is interrupted from here, and one whose
    code server was killed: nobody could stop it any more.
    """
    done = threading.Event()
    parent = multiprocessing.parent_process()  # none where a command line runs the job in its own process

    def beat() -> None:
        unwanted = 0
        while True:
            with suppress(SQLAlchemyError), platform.database.write() as connection:
                unwanted = 0 if run_intents.beat(connection, run_id) else unwanted + 1
            # The second time: Dagster's own word is on its way, and two would cut short the cleaning up
            if unwanted == 2 or (parent is not None and not parent.is_alive()):
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if done.wait(BEAT_EVERY_S):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(BEAT_EVERY_S)


def interrupted(error: BaseException | None) -> bool:
    """Whether the step was stopped from outside, also where something else failed while it was cleaning up."""
    while error is not None:
        if isinstance(error, dg.DagsterExecutionInterruptedError | KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _end(platform: Platform, project: projects.Project, state: str, sentence: str) -> None:
    with platform.database.write() as connection:
        projects.end(connection, project.id, state, sentence)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def cost(started: float, media_s: float) -> dict[str, dg.MetadataValue]:
    """What people ask first of a materialization: how long it took, and against the length of the video."""
    took = time.monotonic() - started
    metadata: dict[str, dg.MetadataValue] = {"seconds": dg.MetadataValue.float(round(took, 2))}
    if media_s > 0:
        metadata["x real time"] = dg.MetadataValue.float(round(took / media_s, 4))
    return metadata
