"""Defines the asset that selects a video's clips, and the op that scores all stored videos again."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from carmic_assets.assets import checks
from carmic_assets.assets.metadata_images import store_picture
from carmic_assets.assets.metadata_limits import first_items, first_lines
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.understanding import layout_timeline, transcript
from carmic_assets.assets.video_step import (
    OWNERS,
    StepResult,
    VideoStep,
    cost_metadata,
    location_metadata,
    open_video_step,
    video_partitions,
)
from carmic_assets.model.speech import Transcript
from resources import artifacts, projects, run_intents
from resources.platform import Platform

if TYPE_CHECKING:
    from carmic_assets.scoring.llm import Refinement

# Raise it together with `clip_scoring.SCORER_VERSION`; the Dagster UI then shows the clips of all videos as stale.
SCORER_CODE_VERSION = "5"
MAX_AGE = timedelta(days=7)  # without a newly scored video, the Dagster UI shows the asset as not fresh
HEARTBEAT_EVERY_VIDEOS = 20  # a re-scoring of the library sends a heartbeat after this number of videos


@dg.asset(
    partitions_def=video_partitions,
    deps=[transcript, layout_timeline],
    group_name="clips",
    code_version=SCORER_CODE_VERSION,
    owners=OWNERS,
    kinds={"json"},
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=MAX_AGE),
    check_specs=checks.check_specs("scored_clips", checks.CLIP_CHECKS),
)
def scored_clips(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Select the best clips of the video, best first, each with its score, sub-scores and a one-sentence reason."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.assets import clip_publishing
        from carmic_assets.scoring.audio_features import extract_audio_features
        from carmic_assets.scoring.score_plots import format_candidates, plot_score_curve
        from carmic_assets.scoring.talk_features import extract_features

        step.advance("FACE_TRACKING", 90, "Choosing the clips")
        words = step.load_artifact(artifacts.TRANSCRIPT, Transcript)
        with step.open_artifact(artifacts.ANALYSIS_AUDIO) as audio:
            features = extract_features(words, extract_audio_features(audio))
        step.save_artifact(artifacts.SCORING_FEATURES, features)
        brief = clip_publishing.build_brief(step)
        scored = clip_publishing.score_from_artifacts(step, words, features, brief)
        step.advance("FACE_TRACKING", 96, "Choosing the clips")
        refinement = clip_publishing.refine_with_language_model(step, scored, words, brief)
        if refinement is not None:
            scored = refinement.scored_clips
        clip_publishing.publish_clips(step, scored, clip_publishing.save_clip_thumbnails(step, scored))
        curve = store_picture(step, "score-curve", plot_score_curve(scored), "score over the talk")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(clip_publishing.digest_clips(scored)),
            check_results=checks.check_clips(scored, words),
            metadata={
                **cost_metadata(started_s, step.project.duration_s or 0),
                **location_metadata(step, artifacts.SCORED_CLIPS),
                "dagster/row_count": len(scored.clips),
                "best score": scored.clips[0].score if scored.clips else 0,
                "score curve": dg.MetadataValue.md(curve),
                "candidates": dg.MetadataValue.md(first_lines(format_candidates(scored))),
                **_build_refinement_metadata(refinement),
            },
        )


def _build_refinement_metadata(refinement: "Refinement | None") -> dict[str, dg.MetadataValue]:
    if refinement is None:
        return {}
    return {
        "language model": dg.MetadataValue.text(refinement.model),
        "language model outcome": dg.MetadataValue.text(refinement.failure or "used"),
        "language model cost, USD": dg.MetadataValue.float(refinement.cost_usd),
        "language model seconds": dg.MetadataValue.float(refinement.duration_s),
    }


class RescoreConfig(dg.Config):
    """Configuration of a re-scoring: the videos `project_ids`, or all videos if the list is empty.

    Videos whose clips come from the current scorer are skipped unless `again` (the attribute `force`) is true.
    """

    project_ids: list[str] = Field(default_factory=list)
    force: bool = Field(default=False, alias="again")


@dg.op(pool="models")
def rescore_all(context: dg.OpExecutionContext, config: RescoreConfig, platform: PlatformResource) -> None:
    """Score stored videos again, each in its own transaction; a video that fails does not stop the others."""
    opened = platform.open()
    with opened.database.read() as connection:
        project_ids = config.project_ids or projects.list_scored_ids(connection)
    scored = changed = skipped = 0
    failed_ids: list[str] = []
    for count, project_id in enumerate(project_ids, 1):
        try:
            changes = rescore_video(context, opened, project_id, force=config.force)
        except dg.DagsterExecutionInterruptedError:
            raise
        except Exception:
            failed_ids.append(project_id)
            context.log.exception(f"{project_id} could not be scored again")
            continue
        if changes is None:
            skipped += 1
        else:
            scored += 1
            changed += changes
        if count % HEARTBEAT_EVERY_VIDEOS == 0:
            context.log.info(f"{count} of {len(project_ids)} videos")
            with opened.database.write() as connection:
                run_intents.heartbeat(connection, context.run_id)
    failed = dg.MetadataValue.json(first_items(failed_ids))
    context.add_output_metadata({"scored": scored, "changes": changed, "passed over": skipped, "failed": failed})
    if failed_ids:
        raise dg.Failure(
            f"{len(failed_ids)} of {len(project_ids)} videos could not be scored again; the others were.",
            metadata={"failed": failed, "scored": scored},
            allow_retries=False,
        )


def rescore_video(context: dg.OpExecutionContext, platform: Platform, project_id: str, *, force: bool) -> int | None:
    """Score one stored video again. Returns how many of its clips changed, or None if it was skipped."""
    from carmic_assets.assets import clip_publishing

    with platform.database.read() as connection:
        project = projects.get(connection, project_id)
    if project is None:
        return None
    step = VideoStep(platform, project, context.run_id, platform.settings.scratch_dir)
    if not force and clip_publishing.has_current_scores(step):
        return None
    scored = clip_publishing.rescore(step)
    changes = clip_publishing.publish_clips(step, scored, {})
    context.log_event(
        dg.AssetMaterialization(
            asset_key=scored_clips.key,
            partition=project_id,
            description="Scored again from stored artifacts",
            metadata={"clips": len(scored.clips), "changes": changes},
            tags={
                "dagster/code_version": SCORER_CODE_VERSION,
                "dagster/data_version": clip_publishing.digest_clips(scored),
                **_read_input_version_tags(context.instance, project_id),
            },
        )
    )
    return changes


def _read_input_version_tags(instance: dg.DagsterInstance, project_id: str) -> dict[str, str]:
    """Return the tags by which Dagster records the versions of an asset's inputs.

    Without them the Dagster UI assumes that the inputs are newer than the clips, and shows the clips as stale.
    """
    tags = {}
    for key in (transcript.key, layout_timeline.key):
        records_filter = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[project_id])
        for record in instance.fetch_materializations(records_filter, limit=1).records:
            materialization = record.asset_materialization
            version = (materialization.tags or {}).get("dagster/data_version") if materialization else None
            tags[f"dagster/input_data_version/{key.to_user_string()}"] = version or "INITIAL"
            tags[f"dagster/input_event_pointer/{key.to_user_string()}"] = str(record.storage_id)
    return tags
