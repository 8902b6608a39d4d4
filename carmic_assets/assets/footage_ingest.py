"""Ingests footage into a timeline: downloads it, probes it, appends its segments, and builds the editing proxy.

Imports the computing packages at its top; `timeline_pipeline` imports it inside the asset.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import msgspec

from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.assets.timeline_strips import draw_operator_strip
from carmic_assets.editing import segment_edits, stored_segments
from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.footage import natural_canvas, whole_segment
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.probe import probe
from carmic_assets.media.proxy import EDITING, make_proxy
from carmic_assets.model.errors import CorruptVideoError, SourceDownloadError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from resources import timeline_assets, timeline_jobs, timelines
from resources.outbound import OutboundPolicy
from resources.timeline_assets import AcceptedFootage, TimelineAsset, asset_prefix
from resources.timeline_jobs import TimelineJob
from resources.video_download import DownloadError, download_video

FETCH_RATIO = 0.3  # fraction of a job's progress


def ingest_assets(step: TimelineStep, job: TimelineJob) -> None:
    """Ingest the job's assets in order and build their proxies. Work that an earlier attempt finished is not repeated.

    Raises:
        CarmicError: the footage cannot be downloaded, read or used.
    """
    asset_ids: list[str] = job.request["asset_ids"]
    report = step.report_progress(job, 0.0, FETCH_RATIO)
    report(0.0)
    for asset_id in asset_ids:
        asset = _get_asset(step, asset_id)
        if asset.status != "ready":
            _fetch(step, asset, report)
            _accept(step, asset)
    for place, asset_id in enumerate(asset_ids):
        asset = _get_asset(step, asset_id)
        if asset.proxy_key is None:
            start, share = place / len(asset_ids), 1 / len(asset_ids)
            ratios = (FETCH_RATIO + (1 - FETCH_RATIO) * fraction for fraction in (start, start + share))
            _make_proxy(step, asset, step.report_progress(job, *ratios))
    with step.platform.database.write() as connection:
        timeline_jobs.finish(connection, job.id, None, {"asset_ids": asset_ids})


def make_missing_proxies(step: TimelineStep) -> None:
    """Build the missing proxies of the timeline's ready assets."""
    for asset in step.list_assets():
        if asset.status == "ready" and asset.proxy_key is None:
            _make_proxy(step, asset, ignore_progress)


def draw_newest_footage(step: TimelineStep) -> tuple[Path, ...]:
    """Return small frames of the newest footage that has a proxy, for the Dagster UI; none if there is none."""
    assets = [asset for asset in step.list_assets() if asset.proxy_key is not None]
    if not assets or assets[-1].proxy_key is None:
        return ()
    facts = msgspec.convert(assets[-1].proxy_facts, SourceFacts)
    with step.platform.store.local_file(assets[-1].proxy_key) as path:
        return draw_operator_strip(path, facts, step.scratch_dir / "strip")


def _get_asset(step: TimelineStep, asset_id: str) -> TimelineAsset:
    with step.platform.database.read() as connection:
        asset = timeline_assets.get(connection, asset_id)
    if asset is None:
        raise CorruptVideoError("The asset was deleted while it was ingested. Upload it again.")
    return asset


def _fetch(step: TimelineStep, asset: TimelineAsset, report: ProgressCallback) -> None:
    """Store the footage, unless an earlier attempt has stored it."""
    store = step.platform.store
    if store.stat(asset.object_key) is not None:
        return
    if asset.origin["kind"] == "clips":
        with store.local_file(asset.origin["object_key"]) as path:
            store.put_file(asset.object_key, path, asset.content_type)
        return
    settings = step.platform.settings
    folder = step.scratch_dir / asset.id
    folder.mkdir()
    try:
        download = download_video(
            asset.origin["url"],
            folder,
            max_bytes=settings.max_upload_bytes,
            outbound=OutboundPolicy(settings.outbound_allow),
            ffmpeg=locate_binary(),
            progress=report,
        )
    except DownloadError as error:
        raise SourceDownloadError(str(error)) from error
    store.put_file(asset.object_key, download.path, asset.content_type)


def _accept(step: TimelineStep, asset: TimelineAsset) -> None:
    """Probe the footage and append its segments: the spans that the asset lists, or the complete file."""
    with step.platform.store.local_file(asset.object_key) as path:
        facts = probe(path)
    try:
        segment = whole_segment(facts, asset.id, _new_id())
        with step.platform.database.write() as connection:
            timeline = timelines.lock(connection, step.timeline.id)
            if timeline is None:
                raise CorruptVideoError("The project was deleted.")
            before = stored_segments.from_rows(timelines.list_segments(connection, timeline.id))
            spans_s = asset.origin.get("spans_s")
            after = (
                segment_edits.append(before, segment)
                if spans_s is None
                else segment_edits.append_spans(before, segment, spans_s, _new_id)
            )
            canvas = msgspec.to_builtins(natural_canvas(facts))
            difference = stored_segments.compare(before, after)
            footage = AcceptedFootage(msgspec.to_builtins(facts), canvas, difference)
            timeline_assets.accept(connection, timeline, asset, footage, timeline.created_by)
    except ImpossibleEditError as error:
        raise CorruptVideoError(error.sentence) from error


def _make_proxy(step: TimelineStep, asset: TimelineAsset, report: ProgressCallback) -> None:
    store = step.platform.store
    proxy = step.scratch_dir / f"{asset.id}.mp4"
    with store.local_file(asset.object_key) as path:
        facts = msgspec.convert(asset.facts, SourceFacts)
        make_proxy(path, facts, proxy, report, threads=step.platform.settings.threads, profile=EDITING)
    key = asset_prefix(asset.workspace_id, asset.timeline_id, asset.id) + "proxy.mp4"
    proxy_facts = probe(proxy)
    store.put_file(key, proxy, "video/mp4")
    proxy.unlink()
    with step.platform.database.write() as connection:
        timeline_assets.set_proxy(connection, asset.id, key, msgspec.to_builtins(proxy_facts))


def _new_id() -> str:
    return str(uuid.uuid4())
