"""The assets of the timeline editor: its footage with editing proxies, and its exports. A partition is a timeline.

A run executes the jobs that have its id. A run that no client queued (of an operator or a backfill) builds missing
proxies only. It does not repeat exports, because their files are still in the store.
"""

import time
from collections.abc import Callable

import dagster as dg

from carmic_assets.assets import checks
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.timeline_step import TimelineStep, open_timeline_step, timeline_partitions
from carmic_assets.assets.video_step import StepResult, cost_metadata, is_interruption
from carmic_assets.model.errors import CarmicError
from resources import timeline_jobs
from resources.timeline_jobs import TimelineJob

UNEXPECTED_JOB_ERROR = "Something went wrong on our side. Please try again."


@dg.asset(partitions_def=timeline_partitions, group_name="timelines", code_version="1", pool="decode", kinds={"video"})
def timeline_sources(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Download footage, probe it, and build the editing proxies that previews read."""
    started_s = time.monotonic()
    with open_timeline_step(context, platform.open()) as step:
        from carmic_assets.assets.footage_ingest import ingest_assets, make_missing_proxies

        failures = _run_jobs(step, step.list_jobs(("ingest",)), lambda job: ingest_assets(step, job))
        if not step.is_requested:
            make_missing_proxies(step)
        assets = step.list_assets()
        ready = [asset for asset in assets if asset.status == "ready"]
        return dg.MaterializeResult(
            metadata={
                **cost_metadata(started_s, 0),
                "timeline": step.timeline.name,
                "assets": len(assets),
                "ready": len(ready),
                "proxies": sum(asset.proxy_key is not None for asset in ready),
                "failed": dg.MetadataValue.json(failures),
            }
        )


@dg.asset(
    partitions_def=timeline_partitions,
    deps=[timeline_sources],
    group_name="timelines",
    code_version="1",
    pool="encode",
    check_specs=checks.check_specs("timeline_exports", checks.TIMELINE_EXPORT_CHECKS),
)
def timeline_exports(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Export timelines and renditions of graded segments as MP4, from chunks that are encoded once and cached."""
    started_s = time.monotonic()
    with open_timeline_step(context, platform.open()) as step:
        from carmic_assets.assets.timeline_export_building import build_export

        built: list[checks.ExportedFile] = []
        jobs = step.list_jobs(("export", "grade"))
        failures = _run_jobs(step, jobs, lambda job: built.append(build_export(step, job)))
        return dg.MaterializeResult(
            check_results=checks.check_exported_files(built),
            metadata={
                **cost_metadata(started_s, sum(file.facts.duration_s for file in built)),
                "timeline": step.timeline.name,
                "exports": len(built),
                "failed": dg.MetadataValue.json(failures),
            },
        )


def _run_jobs(step: TimelineStep, jobs: list[TimelineJob], execute: Callable[[TimelineJob], object]) -> list[str]:
    """Execute each job; a CarmicError fails its own job only. Returns a sentence for each failure.

    Raises:
        dagster.Failure: there were jobs and all of them failed.
    """
    failures = []
    for job in jobs:
        try:
            execute(job)
        except Exception as error:
            if is_interruption(error):
                raise
            sentence = error.sentence if isinstance(error, CarmicError) else UNEXPECTED_JOB_ERROR
            with step.platform.database.write() as connection:
                timeline_jobs.fail(connection, job.id, sentence)
            if not isinstance(error, CarmicError):
                raise
            failures.append(f"{job.kind} {job.id}: {sentence}")
    if failures and len(failures) == len(jobs):
        raise dg.Failure("; ".join(failures), allow_retries=False)
    return failures
