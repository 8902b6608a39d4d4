"""A step on one timeline: its jobs, its assets and a scratch directory.

Like the step of a video, it sends heartbeats.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from carmic_assets.assets.transient_errors import retry_transient_errors
from carmic_assets.assets.video_step import REPORT_INTERVAL_S, open_scratch_dir
from carmic_assets.model.progress import ProgressCallback
from resources import run_intents, timeline_assets, timeline_jobs, timelines
from resources.platform import Platform
from resources.timeline_assets import TimelineAsset
from resources.timeline_jobs import TimelineJob
from resources.timelines import Timeline

timeline_partitions = dg.DynamicPartitionsDefinition(name=run_intents.TIMELINE_PARTITIONS)


class TimelineStep:
    """The timeline and a scratch directory for one asset's step. `is_requested` is True if a client queued the run."""

    def __init__(self, platform: Platform, timeline: Timeline, run_id: str, scratch_dir: Path) -> None:
        self.platform = platform
        self.timeline = timeline
        self.run_id = run_id
        self.scratch_dir = scratch_dir
        with platform.database.read() as connection:
            self.is_requested = run_intents.get(connection, run_id) is not None

    def list_jobs(self, kinds: tuple[str, ...]) -> list[TimelineJob]:
        """Return the jobs of these kinds that the run was queued for and that have not ended."""
        with self.platform.database.read() as connection:
            jobs = timeline_jobs.list_active_for_run(connection, self.run_id)
        return [job for job in jobs if job.kind in kinds]

    def list_assets(self) -> list[TimelineAsset]:
        """Return the timeline's assets, oldest first."""
        with self.platform.database.read() as connection:
            return timeline_assets.list_for_timelines(connection, [self.timeline.id])

    def store_key(self, name: str) -> str:
        """Return the store key of an object of the timeline."""
        return timelines.key_prefix(self.timeline.workspace_id, self.timeline.id) + name

    def report_progress(self, job: TimelineJob, start_ratio: float = 0.0, end_ratio: float = 1.0) -> ProgressCallback:
        """Return a callback that maps the completed fraction of a task, 0..1, to this range of the job's progress."""
        last_report_s = 0.0

        def report(fraction: float) -> None:
            nonlocal last_report_s
            if time.monotonic() - last_report_s >= REPORT_INTERVAL_S:
                last_report_s = time.monotonic()
                ratio = start_ratio + (end_ratio - start_ratio) * min(max(fraction, 0.0), 1.0)
                with self.platform.database.write() as connection:
                    timeline_jobs.advance(connection, job.id, int(99 * ratio))

        return report


@contextmanager
def open_timeline_step(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[TimelineStep]:
    """Open the step of `context`'s partition; remove its scratch directory afterwards.

    Raises:
        dagster.Failure: the timeline was deleted.
        dagster.RetryRequested: the step runs again after a transient error.
    """
    with retry_transient_errors(context):
        with platform.database.read() as connection:
            timeline = timelines.get(connection, context.partition_key)
        if timeline is None:
            raise dg.Failure(f"Timeline {context.partition_key} does not exist: it was deleted.", allow_retries=False)
        with open_scratch_dir(context, platform) as scratch_dir:
            yield TimelineStep(platform, timeline, context.run.run_id, scratch_dir)
