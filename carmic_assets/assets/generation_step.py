"""A step of one generation job: its row, its artifacts and a scratch directory. It sends heartbeats as all steps do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import dagster as dg
import msgspec

from carmic_assets.assets.video_step import REPORT_INTERVAL_S, is_interruption, open_scratch_dir
from carmic_assets.generation.errors import ErrorCode, GenerationError
from carmic_assets.model.errors import CarmicError, CorruptVideoError, NoSpeechError, SourceDownloadError
from carmic_assets.model.progress import ProgressCallback
from resources import generation_jobs, run_intents
from resources.generation_jobs import GenerationJob
from resources.platform import Platform

generation_partitions = dg.DynamicPartitionsDefinition(name=run_intents.GENERATION_PARTITIONS)

T = TypeVar("T")

_CODES: tuple[tuple[type[CarmicError], ErrorCode], ...] = (
    (CorruptVideoError, "INPUT_UNREADABLE"),
    (SourceDownloadError, "INPUT_UNREADABLE"),
    (NoSpeechError, "NO_SPEECH"),
)


class GenerationStep:
    """The job and a scratch directory for one asset's step."""

    def __init__(self, platform: Platform, job: GenerationJob, scratch_dir: Path) -> None:
        self.platform = platform
        self.job = job
        self.scratch_dir = scratch_dir

    def store_key(self, name: str) -> str:
        """Return the store key of an object of the job."""
        return generation_jobs.key_prefix(self.job.workspace_id, self.job.id) + name

    def has_artifact(self, name: str) -> bool:
        """Return whether the store holds this artifact."""
        return self.platform.store.stat(self.store_key(name)) is not None

    def save_artifact(self, name: str, value: object) -> None:
        """Encode a value as JSON and store it. The same value gives the same bytes."""
        data = msgspec.json.encode(value, order="deterministic")
        self.platform.store.put_bytes(self.store_key(name), data, "application/json")

    def load_artifact(self, name: str, kind: type[T]) -> T:
        """Return an artifact that an earlier asset stored.

        Raises:
            dagster.Failure: it does not exist yet.
        """
        try:
            return msgspec.json.decode(self.platform.store.get_bytes(self.store_key(name)), type=kind)
        except KeyError:
            raise dg.Failure(
                f"{name} of this job does not exist yet: materialize the assets before this one."
            ) from None

    def open_artifact(self, name: str) -> AbstractContextManager[Path]:
        """Make an artifact available as a local file, which must not be changed."""
        return self.platform.store.local_file(self.store_key(name))

    def advance(self, progress: int) -> None:
        """Publish the job's progress in percent."""
        with self.platform.database.write() as connection:
            generation_jobs.advance(connection, self.job.id, progress)

    def report_progress(self, start: float, end: float) -> ProgressCallback:
        """Return a callback that maps 0..1 of some work to this range of the job's percentage."""
        last_report_s = 0.0

        def report(fraction: float) -> None:
            nonlocal last_report_s
            if time.monotonic() - last_report_s >= REPORT_INTERVAL_S:
                last_report_s = time.monotonic()
                self.advance(int(start + (end - start) * min(max(fraction, 0.0), 1.0)))

        return report

    def is_active(self) -> bool:
        """Return whether the job has not ended meanwhile."""
        with self.platform.database.read() as connection:
            job = generation_jobs.get(connection, self.job.id)
        return job is not None and job.status in generation_jobs.ACTIVE_STATUSES


@contextmanager
def open_generation_step(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[GenerationStep]:
    """Open the step of `context`'s partition; remove its scratch directory afterwards.

    An exception fails the job with the code that belongs to it, and gives its credits back.

    Raises:
        dagster.Failure: the job does not exist or has failed, or the step raised an error with a code.
    """
    with platform.database.read() as connection:
        job = generation_jobs.get(connection, context.partition_key)
    if job is None:
        raise dg.Failure(f"Generation job {context.partition_key} does not exist.", allow_retries=False)
    if job.status == "failed" or job.expired_at is not None:
        raise dg.Failure("The job has failed or its files have expired; nothing can continue it.", allow_retries=False)
    try:
        with open_scratch_dir(context, platform) as scratch_dir:
            yield GenerationStep(platform, job, scratch_dir)
    except (dg.Failure, dg.DagsterExecutionInterruptedError):
        raise
    except GenerationError as error:
        _fail(platform, job, error.code)
        raise dg.Failure(str(error), allow_retries=False) from error
    except CarmicError as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL")
        _fail(platform, job, code)
        raise dg.Failure(f"{code}: {error.sentence}", allow_retries=False) from error
    except Exception as error:
        if not is_interruption(error):
            _fail(platform, job, "INTERNAL")
        raise


def _fail(platform: Platform, job: GenerationJob, code: str) -> None:
    with platform.database.write() as connection:
        generation_jobs.fail(connection, job.id, code)
