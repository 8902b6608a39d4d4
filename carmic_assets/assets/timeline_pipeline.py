"""The assets of the timeline editor: its footage with editing proxies, and its exports. A partition is a timeline.

A run executes the jobs that have its id. A run that no client queued (of an operator or a backfill) builds missing
proxies only. It does not repeat exports, because their files are still in the store.
"""

import time
from collections.abc import Callable

import dagster as dg
import msgspec

from carmic_assets.assets import checks
from carmic_assets.assets.metadata_images import store_timeline_jpegs
from carmic_assets.assets.metadata_limits import first_items
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.timeline_step import TimelineStep, open_timeline_step, timeline_partitions
from carmic_assets.assets.transient_errors import will_retry
from carmic_assets.assets.video_step import OWNERS, StepResult, cost_metadata, is_interruption
from carmic_assets.model.errors import CarmicError
from resources import timeline_jobs
from resources.timeline_jobs import TimelineJob

UNEXPECTED_JOB_ERROR = "Something went wrong on our side. Please try again."


@dg.asset(
    partitions_def=timeline_partitions,
    group_name="timelines",
    code_version="1",
    pool="decode",
    owners=OWNERS,
    kinds={"video"},
)
def timeline_sources(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Download footage, probe it, and build the editing proxies that previews read."""
    started_s = time.monotonic()
    with open_timeline_step(context, platform.open()) as step:
        from carmic_assets.assets.footage_ingest import draw_newest_footage, ingest_assets, make_missing_proxies

        failures = run_jobs(context, step, step.list_jobs(("ingest",)), lambda job: ingest_assets(step, job))
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
                "failed": dg.MetadataValue.json(first_items(failures)),
                "frames": dg.MetadataValue.md(store_timeline_jpegs(step, "footage", draw_newest_footage(step))),
            }
        )


@dg.asset(
    partitions_def=timeline_partitions,
    deps=[timeline_sources],
    group_name="timelines",
    code_version="1",
    pool="encode",
    owners=OWNERS,
    kinds={"ffmpeg", "video"},
    check_specs=checks.check_specs("timeline_exports", checks.TIMELINE_EXPORT_CHECKS),
)
def timeline_exports(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Export timelines as MP4, from chunks that are encoded once and cached, or as files for editing programs.

    The renditions of graded segments are built in the same way.
    """
    started_s = time.monotonic()
    with open_timeline_step(context, platform.open()) as step:
        from carmic_assets.assets.timeline_export_building import build_export
        from carmic_assets.assets.timeline_package_building import BuiltPackage, build_package

        built: list[checks.ExportedFile] = []
        packages: list[BuiltPackage] = []

        def build(job: TimelineJob) -> None:
            if job.request.get("format", "mp4") == "mp4":
                built.append(build_export(step, job))
            else:
                packages.append(build_package(step, job))

        failures = run_jobs(context, step, step.list_jobs(("export", "grade")), build)
        return dg.MaterializeResult(
            check_results=checks.check_exported_files(built),
            metadata={
                **cost_metadata(started_s, sum(file.facts.duration_s for file in built)),
                "timeline": step.timeline.name,
                "exports": len(built),
                "frames": dg.MetadataValue.md(store_timeline_jpegs(step, "export", built[-1].strip if built else ())),
                "packages": dg.MetadataValue.json(first_items(msgspec.to_builtins(packages))),
                "failed": dg.MetadataValue.json(first_items(failures)),
            },
        )


def run_jobs(
    context: dg.AssetExecutionContext,
    step: TimelineStep,
    jobs: list[TimelineJob],
    execute: Callable[[TimelineJob], object],
) -> list[str]:
    """Execute each job; a CarmicError fails its own job only. Returns a sentence for each failure.

    A transient error leaves its job open for the next attempt of the step.

    Raises:
        dagster.Failure: there were jobs and all of them failed.
    """
    failures = []
    for job in jobs:
        try:
            execute(job)
        except Exception as error:
            if is_interruption(error) or (not isinstance(error, CarmicError) and will_retry(context, error)):
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
