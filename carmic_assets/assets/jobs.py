"""Jobs: what can be asked for, by the API, by an operator or by the clock."""

import dagster as dg

from carmic_assets.assets.clips import scored_clips
from carmic_assets.assets.ingest import analysis_media, proxy_video, source_video
from carmic_assets.assets.stage import videos
from carmic_assets.assets.understanding import layout_timeline, spatial_matrix, transcript

INGEST = (source_video, analysis_media, transcript, spatial_matrix, layout_timeline, scored_clips, proxy_video)

ingest_video = dg.define_asset_job("ingest_video", selection=list(INGEST), partitions_def=videos)

JOBS = (ingest_video,)
