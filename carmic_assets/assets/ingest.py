"""From an upload or an address to something the pipeline can read: source facts, the analysis copy, the proxy."""

import time
from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg

from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.video_step import Stage, cost, stage, videos
from carmic_assets.model.errors import BillingFailed, CorruptVideo, DownloadFailed
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from resources import artifacts, ledger, projects


@dg.asset(partitions_def=videos, group_name="ingest", code_version="1", kinds={"video"})
def source_video(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """What the source file is: streams, rotation, colour, duration, start time, hash. Downloads it first if need be."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        _fetch(at)
        at.advance("TRANSCRIBING", 3, "Reading the video")
        from carmic_assets.media.probe import probe

        with _uploaded(at) as path:
            facts = probe(path)
        _settle(at, facts)
        at.save(artifacts.SOURCE_FACTS, facts)
        video = facts.video
        assert video is not None  # the probe refuses files without a picture
        return dg.MaterializeResult(
            data_version=dg.DataVersion(facts.sha256),
            metadata={
                **cost(started, facts.duration_s),
                "title": at.project.title,
                "duration_s": facts.duration_s,
                "size": f"{video.width} x {video.height}",
                "frame rate": f"{video.rate.num}/{video.rate.den}",
                "codecs": f"{video.codec}, {facts.audio.codec if facts.audio else 'no sound'}",
                "rotation": video.rotation,
                "hdr": video.hdr,
                "bytes": facts.size_bytes,
            },
        )


def _fetch(at: Stage) -> None:
    """Download what came as an address, unless an earlier attempt finished it."""
    if at.project.source_url is None or at.platform.store.stat(at.project.object_key) is not None:
        return
    from carmic_assets.media.ffmpeg import binary
    from resources.outbound import Outbound
    from resources.video_download import DownloadError, download

    settings = at.platform.settings
    at.advance("DOWNLOADING", 0, "Downloading the video")
    try:
        fetched = download(
            at.project.source_url,
            at.scratch,
            max_bytes=settings.max_upload_bytes,
            outbound=Outbound(settings.outbound_allow),
            ffmpeg=binary(),
            progress=at.progress("DOWNLOADING", "Downloading the video", 0, 3),
        )
    except DownloadError as error:
        raise DownloadFailed(str(error)) from error
    unnamed = at.project.title in (at.project.filename, at.project.source_url)
    title = fetched.title if fetched.title and unnamed else at.project.title
    # Told first: once the object is there, no later attempt comes through here
    with at.platform.database.write() as connection:
        projects.amend(connection, at.project.id, filesize=fetched.path.stat().st_size, title=title)
    at.platform.store.put_file(at.project.object_key, fetched.path, at.project.content_type)


def _uploaded(at: Stage) -> AbstractContextManager[Path]:
    if at.platform.store.stat(at.project.object_key) is None:
        raise CorruptVideo("The video never arrived. Upload it to the address that the project's creation gave.")
    return at.source()


def _settle(at: Stage, facts: SourceFacts) -> None:
    """Charge by the probed length, once."""
    try:
        with at.platform.database.write() as connection:
            projects.amend(connection, at.project.id, duration_s=round(facts.duration_s, 3))
            if at.project.status in projects.WORKING:
                ledger.settle_project(connection, at.project.workspace_id, at.project.id, facts.duration_s)
    except ledger.InsufficientMinutes as error:
        raise BillingFailed(f"The video is {facts.duration_s / 60:.1f} minutes long. {error}") from error


@dg.asset(
    partitions_def=videos, deps=[source_video], group_name="ingest", code_version="2", kinds={"video"}, pool="decode"
)
def analysis_media(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """The one decode: 16 kHz sound, a small copy for the detector, scene cuts, thumbnails."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.media.analysis import AUDIO_NAME, FRAMES_NAME, analyse

        facts = at.load(artifacts.SOURCE_FACTS, SourceFacts)
        with at.source() as path:
            analysis: AnalysisFacts = analyse(
                path,
                facts,
                at.scratch,
                span=at.span,
                threads=at.platform.settings.threads,
                progress=at.progress("TRANSCRIBING", "Reading the video", 4, 20),
            )
        store = at.platform.store
        store.put_file(at.key(artifacts.ANALYSIS_FRAMES), at.scratch / FRAMES_NAME, "video/mp4")
        if (at.scratch / AUDIO_NAME).exists():
            store.put_file(at.key(artifacts.ANALYSIS_AUDIO), at.scratch / AUDIO_NAME, "audio/flac")
        thumbnails = sorted(at.scratch.glob("thumb_*.jpg"))
        for number, thumbnail in enumerate(thumbnails):
            store.put_file(at.key(artifacts.thumbnail(number)), thumbnail, "image/jpeg")
        at.save(artifacts.ANALYSIS_FACTS, analysis)
        key = at.key(artifacts.thumbnail(len(thumbnails) // 3)) if thumbnails else None
        at.advance("TRANSCRIBING", 20, "Transcribing", thumbnail_key=key)
        from carmic_assets.assets.metadata_images import strip

        return dg.MaterializeResult(
            metadata={
                **cost(started, analysis.duration_s),
                "cuts": len(analysis.cuts_s),
                "frames": analysis.frames,
                "analysis size": f"{analysis.width} x {analysis.height} at {analysis.fps:g} fps",
                "thumbnails": dg.MetadataValue.md(strip(thumbnails)),
            }
        )


@dg.asset(
    partitions_def=videos,
    deps=[source_video],
    group_name="ingest",
    code_version="1",
    kinds={"video"},
    pool="encode",
    op_tags={"dagster/priority": "-1"},  # after all that the clips wait for
)
def proxy_video(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:
    """A 720p copy that plays everywhere, or the source itself where it already is one."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.media.proxy import is_proxy, make_proxy

        facts = at.load(artifacts.SOURCE_FACTS, SourceFacts)
        with at.source() as path:
            same = is_proxy(path, facts)
            key = at.project.object_key if same else at.key(artifacts.PROXY)
            if not same:
                made = at.scratch / "proxy.mp4"
                make_proxy(path, facts, made, threads=at.platform.settings.threads)
                at.platform.store.put_file(key, made, "video/mp4")
        with at.platform.database.write() as connection:
            projects.amend(connection, at.project.id, proxy_key=key)
        size = at.platform.store.stat(key)
        return dg.MaterializeResult(
            metadata={
                **cost(started, facts.duration_s),
                "the source itself": same,
                "bytes": size.size if size else 0,
            }
        )
