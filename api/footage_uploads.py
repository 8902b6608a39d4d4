"""Uploads of footage into a timeline: the upload request probes the file before it responds.

A worker process probes the file, because the API never parses media; see carmic_assets/sandbox.
"""

from __future__ import annotations

import msgspec

from api.errors import ApiError
from api.run_dispatch import RunDispatcher
from api.timeline_edits import new_id
from carmic_assets.editing import segment_edits, stored_segments
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.timeline import Canvas, Segment
from carmic_assets.sandbox.pool import JobLimitError, JobRefusedError, WorkerPool
from carmic_assets.sandbox.worker_jobs import ProbedFootage, ProbeFootage
from resources import timeline_assets, timeline_jobs, timelines
from resources.platform import Platform
from resources.timeline_assets import AcceptedFootage, TimelineAsset


def complete_upload(platform: Platform, dispatcher: RunDispatcher, workers: WorkerPool, object_key: str) -> None:
    """Probe an uploaded object and append it to its timeline. Does nothing for objects that are not footage.

    Raises:
        ApiError: 415 if it is not a readable video. The object is deleted and the asset fails.
        ImpossibleEditError: the timeline has the maximum number of segments.
        PoolBusyError: too many files are being probed. The object remains, and the next attempt probes it.
    """
    with platform.database.read() as connection:
        asset = timeline_assets.find_by_key(connection, object_key)
    if asset is None or asset.status == "ready":
        return
    try:
        with platform.store.local_file(object_key) as path:
            job = ProbeFootage(str(path), asset.id, new_id())
            probed = workers.run(job, ProbedFootage, owner=asset.workspace_id)
    except (JobRefusedError, JobLimitError) as error:
        message = str(error) or f"{asset.file_name} cannot be read. Upload another file."
        platform.store.delete(object_key)
        with platform.database.write() as connection:
            timeline_assets.fail(connection, asset.id, message)
        raise ApiError(415, message) from error
    run_id = _accept(platform, asset, probed.facts, probed.segment, probed.canvas)
    if run_id is not None:
        dispatcher.submit(run_id)


def _accept(
    platform: Platform, asset: TimelineAsset, facts: SourceFacts, segment: Segment, canvas: Canvas
) -> str | None:
    """Append the segment and enqueue the proxy's run. Returns the run's id, or None if the asset is ready."""
    with platform.database.write() as connection:
        timeline = timelines.lock(connection, asset.timeline_id)
        if timeline is None:
            raise ApiError(409, "The project of this upload was deleted. Create a new project.")
        before = stored_segments.from_rows(timelines.list_segments(connection, timeline.id))
        difference = stored_segments.compare(before, segment_edits.append(before, segment))
        footage = AcceptedFootage(msgspec.to_builtins(facts), msgspec.to_builtins(canvas), difference)
        updated_timeline = timeline_assets.accept(connection, timeline, asset, footage, timeline.created_by)
        if updated_timeline is None:
            return None
        return timeline_jobs.enqueue(connection, updated_timeline, "ingest", {"asset_ids": [asset.id]}).run_id
