"""Defines the assets that read an upload or a URL: source facts, analysis media and the proxy."""

import time
from contextlib import AbstractContextManager
from pathlib import Path, PurePath

import dagster as dg

from carmic_assets.assets.metadata_images import link_pictures
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.video_step import (
    OWNERS,
    StepResult,
    VideoStep,
    cost_metadata,
    location_metadata,
    open_video_step,
    video_partitions,
)
from carmic_assets.model.errors import BillingError, CarmicError, CorruptVideoError, SourceDownloadError
from carmic_assets.model.media import AnalysisFacts, AudioTrack, SourceFacts
from resources import artifacts, ledger, projects
from resources.artifacts import format_uri


@dg.asset(partitions_def=video_partitions, group_name="ingest", code_version="2", owners=OWNERS, kinds={"video"})
def source_video(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Probe the source file (streams, rotation, colour, duration, hash). A source with a URL is downloaded first."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        _download_source(step)
        step.advance("TRANSCRIBING", 3, "Reading the video")
        with _open_upload(step) as path:
            facts = _read_source(step, path)
        _charge_minutes(step, facts)
        step.save_artifact(artifacts.SOURCE_FACTS, facts)
        video = facts.video
        if video is None:
            raise CorruptVideoError("The file has no video stream. Upload a video.")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(facts.sha256),
            metadata={
                **cost_metadata(started_s, facts.duration_s),
                **location_metadata(step, artifacts.SOURCE_FACTS),
                "title": step.project.title,
                "duration_s": facts.duration_s,
                "size": f"{video.width} x {video.height}",
                "frame rate": f"{video.rate.num}/{video.rate.den}",
                "codecs": f"{video.codec}, {facts.audio.codec if facts.audio else 'no audio'}",
                "rotation": video.rotation,
                "hdr": video.hdr,
                "bytes": facts.size_bytes,
                "notes": " ".join(facts.notes) or "none",
            },
        )


def _read_source(step: VideoStep, path: Path) -> SourceFacts:
    """Return the properties of the upload or, if it is irregular, of the conformed source, which is then stored.

    They list the selected audio tracks: those of the project's setting, or else those with speech.
    """
    from carmic_assets.media.conforming import conform
    from carmic_assets.media.probe import probe
    from carmic_assets.media.source_audio import select_audio_track
    from carmic_assets.media.stream_scan import describe_channels, scan_streams

    facts = probe(path)
    scan = scan_streams(path, facts)
    key = step.artifact_key(artifacts.CONFORMED_SOURCE)
    conformed = conform(
        path,
        facts,
        scan,
        step.scratch_dir,
        step.progress_reporter("TRANSCRIBING", "Reading the video", 3, 4),
        threads=step.platform.settings.threads,
    )
    if conformed is None:
        step.platform.store.delete(key)
    else:
        path, facts = conformed.path, conformed.facts
        step.platform.store.put_file(key, path, "application/octet-stream")
        scan = scan_streams(path, facts)
    facts = describe_channels(facts, scan)
    if step.project.audio_track == "auto":
        return _choose_track_with_speech(path, facts, step.scratch_dir) if len(facts.audio_tracks) > 1 else facts
    track: AudioTrack = "mix" if step.project.audio_track == "mix" else int(step.project.audio_track)
    return select_audio_track(facts, track, CarmicError)


def _choose_track_with_speech(path: Path, facts: SourceFacts, scratch_dir: Path) -> SourceFacts:
    from carmic_assets.media.analysis import write_track_audio
    from carmic_assets.media.source_audio import choose_track
    from carmic_assets.speech.voice_activity import find_speech_in_file

    track_paths = write_track_audio(path, facts, scratch_dir)
    speech = [find_speech_in_file(track_path) for track_path in track_paths]
    for track_path in track_paths:
        track_path.unlink()
    return choose_track(facts, speech)


def _download_source(step: VideoStep) -> None:
    """Download the source of a project that was created from a URL, unless an earlier attempt stored it."""
    project, store = step.project, step.platform.store
    if project.source_url is None or store.stat(project.object_key) is not None:
        return
    from carmic_assets.media.ffmpeg import locate_binary
    from resources.outbound import OutboundPolicy
    from resources.video_download import DownloadError, download_video

    settings = step.platform.settings
    step.advance("DOWNLOADING", 0, "Downloading the video")
    try:
        download = download_video(
            project.source_url,
            step.scratch_dir,
            max_bytes=settings.max_upload_bytes,
            outbound=OutboundPolicy(settings.outbound_allow),
            ffmpeg=locate_binary(),
            progress=step.progress_reporter("DOWNLOADING", "Downloading the video", 0, 3),
        )
    except DownloadError as error:
        raise SourceDownloadError(str(error)) from error
    has_default_title = project.title in (project.filename, PurePath(project.filename).stem)
    title = download.title if download.title and has_default_title else project.title
    # Write the row before the object, because a later attempt that finds the object does not reach this line.
    with step.platform.database.write() as connection:
        projects.update_details(connection, project.id, filesize=download.path.stat().st_size, title=title)
    store.put_file(project.object_key, download.path, project.content_type)


def _open_upload(step: VideoStep) -> AbstractContextManager[Path]:
    if step.platform.store.stat(step.project.object_key) is None:
        raise CorruptVideoError("The video was never uploaded. Upload it to the URL that `projects/create` returned.")
    return step.platform.store.local_file(step.project.object_key)


def _charge_minutes(step: VideoStep, facts: SourceFacts) -> None:
    """Charge the probed duration. A second attempt charges nothing more, and a generation job's credits pay for all.

    Raises:
        BillingError: the workspace has too few minutes.
    """
    project = step.project
    try:
        with step.platform.database.write() as connection:
            projects.update_details(connection, project.id, duration_s=round(facts.duration_s, 3))
            if project.status in projects.ACTIVE_STATUSES and project.generation_id is None:
                ledger.settle_project(connection, project.workspace_id, project.id, facts.duration_s)
    except ledger.InsufficientMinutesError as error:
        raise BillingError(f"The video is {facts.duration_s / 60:.1f} minutes long. {error}") from error


@dg.asset(
    partitions_def=video_partitions,
    deps=[source_video],
    group_name="ingest",
    code_version="3",
    owners=OWNERS,
    kinds={"ffmpeg", "video"},
    pool="decode",
)
def analysis_media(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Decode the source once: 16 kHz audio, a small copy for the detector, scene cuts and thumbnails."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.media.analysis import AUDIO_FILENAME, FRAMES_FILENAME, analyse

        facts = step.load_artifact(artifacts.SOURCE_FACTS, SourceFacts)
        with step.open_source() as path:
            analysis: AnalysisFacts = analyse(
                path,
                facts,
                step.scratch_dir,
                span=step.trim_span_s,
                threads=step.platform.settings.threads,
                progress=step.progress_reporter("TRANSCRIBING", "Reading the video", 4, 20),
            )
        store = step.platform.store
        store.put_file(step.artifact_key(artifacts.ANALYSIS_FRAMES), step.scratch_dir / FRAMES_FILENAME, "video/mp4")
        if (step.scratch_dir / AUDIO_FILENAME).exists():
            store.put_file(step.artifact_key(artifacts.ANALYSIS_AUDIO), step.scratch_dir / AUDIO_FILENAME, "audio/flac")
        thumbnails = sorted(step.scratch_dir.glob("thumb_*.jpg"))
        thumbnail_keys = [step.artifact_key(artifacts.thumbnail_name(number)) for number in range(len(thumbnails))]
        for thumbnail_key, thumbnail in zip(thumbnail_keys, thumbnails, strict=True):
            store.put_file(thumbnail_key, thumbnail, "image/jpeg")
        step.save_artifact(artifacts.ANALYSIS_FACTS, analysis)
        key = thumbnail_keys[len(thumbnails) // 3] if thumbnails else None
        step.advance("TRANSCRIBING", 20, "Transcribing", thumbnail_key=key)
        return dg.MaterializeResult(
            metadata={
                **cost_metadata(started_s, analysis.duration_s),
                **location_metadata(step, artifacts.ANALYSIS_FACTS),
                "cuts": len(analysis.cuts_s),
                "frames": analysis.frames,
                "analysis size": f"{analysis.width} x {analysis.height} at {analysis.fps:g} fps",
                "thumbnails": dg.MetadataValue.md(link_pictures(step, thumbnail_keys)),
            }
        )


@dg.asset(
    partitions_def=video_partitions,
    deps=[source_video],
    group_name="ingest",
    code_version="2",
    owners=OWNERS,
    kinds={"ffmpeg", "video"},
    pool="encode",
    op_tags={"dagster/priority": "-1"},  # after every asset that the clips depend on
)
def proxy_video(context: dg.AssetExecutionContext, platform: PlatformResource) -> StepResult:
    """Build a 720p copy that browsers and editors can play, or use the source if it is suitable."""
    started_s = time.monotonic()
    with open_video_step(context, platform.open()) as step:
        from carmic_assets.media.proxy import is_proxy, make_proxy

        facts = step.load_artifact(artifacts.SOURCE_FACTS, SourceFacts)
        store = step.platform.store
        with step.open_source() as path:
            uses_source = is_proxy(path, facts)
            key = step.source_key if uses_source else step.artifact_key(artifacts.PROXY)
            if not uses_source:
                proxy = step.scratch_dir / "proxy.mp4"
                make_proxy(path, facts, proxy, threads=step.platform.settings.threads)
                store.put_file(key, proxy, "video/mp4")
        with step.platform.database.write() as connection:
            projects.update_details(connection, step.project.id, proxy_key=key)
        stored_object = store.stat(key)
        return dg.MaterializeResult(
            metadata={
                **cost_metadata(started_s, facts.duration_s),
                "dagster/uri": format_uri(step.platform.settings, key),
                "the source itself": uses_source,
                "bytes": stored_object.size if stored_object else 0,
            }
        )
