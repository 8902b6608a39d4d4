"""The asset of AI edits: the variants of a range of a timeline. A partition is a timeline.

A run executes the jobs that name it. A run that no client queued finds none and builds nothing, because a job holds the
state of the timeline at the time of its request.
"""

import time

import dagster as dg

from carmic_assets.assets import checks
from carmic_assets.assets.metadata_images import store_timeline_jpegs
from carmic_assets.assets.metadata_limits import first_items
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.timeline_pipeline import run_jobs, timeline_sources
from carmic_assets.assets.timeline_step import open_timeline_step, timeline_partitions
from carmic_assets.assets.video_step import OWNERS, StepResult, cost_metadata


@dg.asset(
    partitions_def=timeline_partitions,
    deps=[timeline_sources],
    group_name="timelines",
    code_version="1",
    pool="encode",
    check_specs=checks.check_specs("edit_variants", checks.VARIANT_CHECKS),
    owners=OWNERS,
    kinds={"video"},
)
def edit_variants(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Render the variants of AI edits, score them, and store them with pictures of before and after."""
    started_s = time.monotonic()
    with open_timeline_step(context, platform.open()) as step:
        from carmic_assets.assets.variant_building import BuiltVariant, build_variants

        built: list[BuiltVariant] = []
        jobs = step.list_jobs(("generate",))
        failures = run_jobs(context, step, jobs, lambda job: built.extend(build_variants(step, job)))
        scores = {variant.file.name: variant.overall_score for variant in built}
        return dg.MaterializeResult(
            check_results=checks.check_variants([variant.file for variant in built]),
            metadata={
                **cost_metadata(started_s, sum(variant.file.facts.duration_s for variant in built)),
                "timeline": step.timeline.name,
                "variants": len(built),
                "scores": dg.MetadataValue.json(scores),
                "before above after": dg.MetadataValue.md(
                    store_timeline_jpegs(step, "variants", [variant.comparison for variant in built[:3]])
                ),
                "failed": dg.MetadataValue.json(first_items(failures)),
            },
        )
