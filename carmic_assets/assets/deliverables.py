"""Defines the assets that clients request: rendered MP4s and project packages.

A run that a client queued builds only the database rows that refer to it, not the complete partition. Any other run (of
an operator or a backfill) rebuilds the finished files in place.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import dagster as dg
from pydantic import Field
from sqlalchemy import Connection

from carmic_assets.assets import checks
from carmic_assets.assets.metadata_images import link_pictures
from carmic_assets.assets.metadata_limits import first_items
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.scored_clips import scored_clips
from carmic_assets.assets.transient_errors import will_retry
from carmic_assets.assets.video_step import (
    OWNERS,
    UNEXPECTED_ERROR,
    StepResult,
    VideoStep,
    cost_metadata,
    is_interruption,
    open_video_step,
    video_partitions,
)
from carmic_assets.model.errors import CarmicError
from resources import clips as clip_rows
from resources import exports, renders, run_intents

if TYPE_CHECKING:
    from carmic_assets.assets.deliverable_building import BuiltPackage, BuiltRender

Row = TypeVar("Row", renders.Render, exports.Export)
Built = TypeVar("Built", bound="BuiltRender | BuiltPackage")


class RebuildConfig(dg.Config):
    """Configuration of runs that no client queued: the clips whose finished files are rebuilt; empty for all clips."""

    clip_ids: list[str] = Field(default_factory=list)


@dg.asset(
    partitions_def=video_partitions,
    deps=[scored_clips],
    group_name="deliverables",
    code_version="2",
    pool="encode",
    owners=OWNERS,
    kinds={"ffmpeg", "video"},
    check_specs=checks.check_specs("rendered_clips", checks.RENDER_CHECKS),
)
def rendered_clips(context: dg.AssetExecutionContext, config: RebuildConfig, platform: PlatformResource) -> StepResult:
    """Render vertical MP4s with captions, and their SRT and VTT, from the clips as they were when queued."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.assets.deliverable_building import build_render
        from carmic_assets.assets.edit_loading import load_video_artifacts

        rows = _select_renders(step, context, config)
        video = load_video_artifacts(step)
        with step.open_source() as source:
            built, failures = _build_each(
                context, step, rows, lambda row: build_render(step, video, source, row), renders.fail
            )
        facts = [{"clip": row.title, **result.facts} for row, result in built]
        return dg.MaterializeResult(
            check_results=checks.check_rendered_files([result.file for _, result in built]),
            metadata={
                **cost_metadata(started_s, sum(row.end_s - row.start_s for row in rows)),
                "clips": len(built),
                "failed": dg.MetadataValue.json(first_items(failures)),
                "frames": dg.MetadataValue.md(
                    link_pictures(step, [r.thumbnail_key for _, r in built if r.thumbnail_key])
                ),
                "facts": dg.MetadataValue.json(first_items(facts)),
            },
        )


@dg.asset(
    partitions_def=video_partitions,
    deps=[scored_clips],
    group_name="deliverables",
    code_version="2",
    pool="encode",
    owners=OWNERS,
    kinds={"xml"},
    check_specs=checks.check_specs("nle_packages", checks.PACKAGE_CHECKS),
)
def nle_packages(context: dg.AssetExecutionContext, config: RebuildConfig, platform: PlatformResource) -> StepResult:
    """Write project packages for editing programs: the rendered cut and crop, as editable keyframes."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.assets.deliverable_building import build_package
        from carmic_assets.assets.edit_loading import load_video_artifacts

        rows = _select_exports(step, context, config)
        video = load_video_artifacts(step)
        with step.open_source() as source:
            built, failures = _build_each(
                context, step, rows, lambda row: build_package(step, video, source, row), exports.fail
            )
        facts = [{"clip": row.title, "target": row.target_format, **result.facts} for row, result in built]
        return dg.MaterializeResult(
            check_results=checks.check_packages([problem for _, result in built for problem in result.problems]),
            metadata={
                **cost_metadata(started_s, sum(row.end_s - row.start_s for row in rows)),
                "packages": len(built),
                "failed": dg.MetadataValue.json(first_items(failures)),
                "facts": dg.MetadataValue.json(first_items(facts)),
            },
        )


def _build_each(
    context: dg.AssetExecutionContext,
    step: VideoStep,
    rows: list[Row],
    build: Callable[[Row], Built],
    fail: Callable[[Connection, str, str], object],
) -> tuple[list[tuple[Row, Built]], list[str]]:
    """Build every row. Returns the built rows, broken files among them for the checks, and a sentence for each failure.

    A CarmicError fails its own row only; any other error also ends the run. A transient error leaves its row open for
    the next attempt of the step.

    Raises:
        dagster.Failure: all rows failed, and there was at least one.
    """
    built: list[tuple[Row, Built]] = []
    failures: list[str] = []
    for row in rows:
        try:
            result = build(row)
        except Exception as error:
            if is_interruption(error) or (not isinstance(error, CarmicError) and will_retry(context, error)):
                raise
            sentence = error.sentence if isinstance(error, CarmicError) else UNEXPECTED_ERROR
            with step.platform.database.write() as connection:
                fail(connection, row.id, sentence)
            if not isinstance(error, CarmicError):
                raise
            failures.append(f"{row.title}: {sentence}")
            continue
        built.append((row, result))
        if result.defect is not None:
            with step.platform.database.write() as connection:
                fail(connection, row.id, result.defect)
            failures.append(f"{row.title}: {result.defect}")
    if failures and not built:
        raise dg.Failure("; ".join(failures), allow_retries=False)
    return built, failures


def _select_renders(step: VideoStep, context: dg.AssetExecutionContext, config: RebuildConfig) -> list[renders.Render]:
    """Return the renders queued for this run, or the finished ones to rebuild if no client queued the run."""
    with step.platform.database.read() as connection:
        if run_intents.get(connection, context.run.run_id) is not None:
            return renders.list_active_for_run(connection, context.run.run_id)
        newest = [renders.get_newest(connection, clip.id) for clip in _list_clips(connection, step, config)]
    finished = [row for row in newest if row is not None and row.status == "RENDERED"]
    return _filter_by_subject_tag(context, finished)


def _select_exports(step: VideoStep, context: dg.AssetExecutionContext, config: RebuildConfig) -> list[exports.Export]:
    """Return the exports queued for this run, or the finished ones to rebuild if no client queued the run."""
    with step.platform.database.read() as connection:
        if run_intents.get(connection, context.run.run_id) is not None:
            return exports.list_active_for_run(connection, context.run.run_id)
        clips = _list_clips(connection, step, config)
        rows = [row for clip in clips for row in exports.list_for_clip(connection, clip.id)]
    return _filter_by_subject_tag(context, [row for row in rows if row.status == "COMPLETED"])


def _list_clips(connection: Connection, step: VideoStep, config: RebuildConfig) -> list[clip_rows.Clip]:
    clips = clip_rows.list_for_project(connection, step.project.id)
    return [clip for clip in clips if not config.clip_ids or clip.id in config.clip_ids]


def _filter_by_subject_tag(context: dg.AssetExecutionContext, rows: list[Row]) -> list[Row]:
    """Return all rows, or only the tagged row if the run has a subject tag.

    A run has this tag if an operator re-executes a client's run in Dagster, which copies the tags.

    Raises:
        dagster.Failure: the tagged row was never finished.
    """
    subject_id = context.run.tags.get(run_intents.SUBJECT_TAG)
    if subject_id is None:
        return rows
    if not (tagged := [row for row in rows if row.id == subject_id]):
        raise dg.Failure(
            f"{subject_id} has no finished file to rebuild: request a new render or export through the API."
        )
    return tagged
