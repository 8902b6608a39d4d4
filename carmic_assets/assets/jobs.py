"""Defines the jobs and the nightly schedule. Jobs are started by the API, an operator or the schedule."""

import dagster as dg

from carmic_assets.assets.deliverables import nle_packages, rendered_clips
from carmic_assets.assets.edit_variants import edit_variants
from carmic_assets.assets.generation_pipeline import GENERATION_ASSETS, GENERATION_DAGSTER_JOBS, LOCAL_TAGS
from carmic_assets.assets.ingest import analysis_media, proxy_video, source_video
from carmic_assets.assets.scored_clips import rescore_all, scored_clips
from carmic_assets.assets.timeline_pipeline import timeline_exports, timeline_sources
from carmic_assets.assets.understanding import layout_timeline, spatial_matrix, transcript

INGEST_ASSETS = (source_video, analysis_media, transcript, spatial_matrix, layout_timeline, scored_clips, proxy_video)
ASSETS = (
    *INGEST_ASSETS,
    rendered_clips,
    nle_packages,
    timeline_sources,
    timeline_exports,
    edit_variants,
    *GENERATION_ASSETS,
)

ingest_video = dg.define_asset_job("ingest_video", selection=list(INGEST_ASSETS), tags=LOCAL_TAGS)
render_clips = dg.define_asset_job("render_clips", selection=[rendered_clips], tags=LOCAL_TAGS)
export_packages = dg.define_asset_job("export_packages", selection=[nle_packages], tags=LOCAL_TAGS)
ingest_timeline_asset = dg.define_asset_job("ingest_timeline_asset", selection=[timeline_sources], tags=LOCAL_TAGS)
export_timeline = dg.define_asset_job("export_timeline", selection=[timeline_exports], tags=LOCAL_TAGS)
make_variants = dg.define_asset_job("make_variants", selection=[edit_variants], tags=LOCAL_TAGS)


@dg.job(description="Score stored videos again from their artifacts alone: the configured ones, or all of them.")
def rescore_clips() -> None:
    """Run the only op, which iterates over all stored videos."""
    rescore_all()


JOBS = (
    ingest_video,
    render_clips,
    export_packages,
    ingest_timeline_asset,
    export_timeline,
    make_variants,
    rescore_clips,
    *GENERATION_DAGSTER_JOBS,
)

nightly_rescoring = dg.ScheduleDefinition(
    name="nightly_rescoring",
    job=rescore_clips,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Updates all videos' clips to the current scorer version; rendered and edited clips keep their bounds.",
)
