"""MP4s and project packages. A run makes what was queued for it; the rest of the partition is left alone.

A run that nobody queued (an operator's, a backfill's) makes again, in place, what is there already.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import dagster as dg
import msgspec
from pydantic import Field
from sqlalchemy import Connection

from carmic_assets.assets import checks
from carmic_assets.assets.metadata_images import strip
from carmic_assets.assets.platform_resource import PlatformResource
from carmic_assets.assets.scored_clips import scored_clips
from carmic_assets.assets.video_step import REPORT_EVERY_S, UNEXPECTED, Stage, cost, interrupted, stage, videos
from carmic_assets.model.errors import CarmicError
from carmic_assets.model.progress import Progress
from resources import artifacts, exports, renders, run_intents
from resources import clips as clip_rows

Row = TypeVar("Row", renders.Render, exports.Export)


class Again(dg.Config):
    """For runs that nobody queued: whose finished files to make again; empty means those of every clip of the video."""

    clip_ids: list[str] = Field(default_factory=list)


@dg.asset(
    partitions_def=videos,
    deps=[scored_clips],
    group_name="deliverables",
    code_version="1",
    pool="encode",
    check_specs=checks.specs("rendered_clips", checks.FILES),
)
def rendered_clips(
    context: dg.AssetExecutionContext, config: Again, platform: PlatformResource
) -> dg.MaterializeResult:
    """Vertical MP4s with captions, and their SRT and VTT, from the clips as they stood when they were queued."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.assets.edit_loading import video_of

        rows = _renders(at, context, config)
        video = video_of(at)
        made: list[dict[str, Any]] = []
        pictures = []
        found: list[checks.Made] = []
        with at.source() as source:

            def one(row: renders.Render) -> None:
                facts, picture, as_probed = _render(at, video, source, row)
                found.append(as_probed)
                made.append({"clip": row.title, **facts})
                pictures.append(picture)

            failed = _each(at, rows, one, renders.fail)
        return dg.MaterializeResult(
            check_results=checks.of_files(found),
            metadata={
                **cost(started, sum(row.end_s - row.start_s for row in rows)),
                "clips": len(made),
                "failed": dg.MetadataValue.json(failed),
                "frames": dg.MetadataValue.md(strip(pictures)),
                "facts": dg.MetadataValue.json(made),
            },
        )


def _renders(at: Stage, context: dg.AssetExecutionContext, again: Again) -> list[renders.Render]:
    with at.platform.database.read() as connection:
        if run_intents.get(connection, context.run.run_id) is not None:
            return renders.live_of_run(connection, context.run.run_id)
        newest = [renders.newest(connection, clip.id) for clip in _chosen(connection, at, again)]
    return _of_subject(context, [row for row in newest if row is not None and row.status == "RENDERED"])


def _each(
    at: Stage, rows: list[Row], make: Callable[[Row], None], fail: Callable[[Connection, str, str], object]
) -> list[str]:
    """Make every row; one that cannot be made tells its client and leaves the others be. Returns what failed, and why.

    Raises dagster.Failure when nothing could be made.
    """
    failed: list[str] = []
    for row in rows:
        try:
            make(row)
        except Exception as error:
            if interrupted(error):
                raise
            sentence = error.sentence if isinstance(error, CarmicError) else UNEXPECTED
            with at.platform.database.write() as connection:
                fail(connection, row.id, sentence)
            if not isinstance(error, CarmicError):
                raise
            failed.append(f"{row.title}: {sentence}")
    if failed and len(failed) == len(rows):
        raise dg.Failure("; ".join(failed), allow_retries=False)
    return failed


def _reporter(at: Stage, row_id: str, advance: Callable[[Connection, str, int], object]) -> Progress:
    """Says that the row is being made, and from then on how far it is, at most every REPORT_EVERY_S."""
    reported = 0.0

    def progress(fraction: float) -> None:
        nonlocal reported
        if time.monotonic() - reported >= REPORT_EVERY_S:
            reported = time.monotonic()
            with at.platform.database.write() as connection:
                advance(connection, row_id, int(99 * fraction))

    progress(0.0)
    return progress


def _chosen(connection: Connection, at: Stage, again: Again) -> list[clip_rows.Clip]:
    found = clip_rows.of_project(connection, at.project.id)
    return [clip for clip in found if not again.clip_ids or clip.id in again.clip_ids]


def _render(at: Stage, video: Any, source: Any, row: renders.Render) -> tuple[dict[str, Any], Any, "checks.Made"]:
    """One MP4, its subtitles and its thumbnail: the facts of it, the thumbnail's path, and what the probe says."""
    from carmic_assets.assets.edit_loading import edit_of
    from carmic_assets.captions.subtitles import srt, vtt
    from carmic_assets.direction.measures import measure
    from carmic_assets.media.probe import probe
    from carmic_assets.media.thumbnail import make_thumbnail
    from carmic_assets.rendering.render import render

    settings, store = at.platform.settings, at.platform.store
    progress = _reporter(at, row.id, renders.advance)
    scratch = at.scratch / row.id
    scratch.mkdir()
    with ExitStack() as held:
        edit = edit_of(at, video, source, _cut(at, row), scratch, held)
        path = scratch / "clip.mp4"
        report = render(
            edit,
            path,
            scratch,
            progress,
            settings.video_encoder,  # type: ignore[arg-type]  # the settings allow no other
            settings.threads,
            cache=settings.cache_dir / "captions",
        )
    picture = scratch / "clip.jpg"
    as_probed = probe(path)
    make_thumbnail(path, as_probed, report.duration_s / 3, picture)
    key = at.key(artifacts.rendered(row.id, ".mp4"))
    store.put_bytes(at.key(artifacts.rendered(row.id, ".srt")), srt(edit).encode(), "application/x-subrip")
    store.put_bytes(at.key(artifacts.rendered(row.id, ".vtt")), vtt(edit).encode(), "text/vtt")
    thumbnail = at.key(artifacts.rendered(row.id, ".jpg"))
    store.put_file(thumbnail, picture, "image/jpeg")
    store.put_file(key, path, "video/mp4")
    metrics = measure(edit.shots, video.scene, edit.start_s)
    facts = {**msgspec.to_builtins(report), "crop_metrics": msgspec.to_builtins(metrics)}
    with at.platform.database.write() as connection:
        if not renders.finish(connection, row.id, key, facts, thumbnail):
            renders.remade(connection, row.id, facts)
    return facts, picture, checks.Made(row.title, as_probed, report.duration_s)


@dg.asset(
    partitions_def=videos,
    deps=[scored_clips],
    group_name="deliverables",
    code_version="1",
    pool="encode",
    check_specs=checks.specs("nle_packages", checks.PACKAGES),
)
def nle_packages(context: dg.AssetExecutionContext, config: Again, platform: PlatformResource) -> dg.MaterializeResult:
    """Project packages for the editing programs: the cut and the crop that is rendered, as editable keyframes."""
    started = time.monotonic()
    with stage(context, platform.open()) as at:
        from carmic_assets.assets.edit_loading import video_of

        rows = _exports(at, context, config)
        video = video_of(at)
        made: list[dict[str, Any]] = []
        problems: list[str] = []
        with at.source() as source:

            def one(row: exports.Export) -> None:
                facts, wrong = _package(at, video, source, row)
                made.append({"clip": row.title, "target": row.target_format, **facts})
                problems.extend(wrong)

            failed = _each(at, rows, one, exports.fail)
        return dg.MaterializeResult(
            check_results=checks.of_packages(problems),
            metadata={
                **cost(started, sum(row.end_s - row.start_s for row in rows)),
                "packages": len(made),
                "failed": dg.MetadataValue.json(failed),
                "facts": dg.MetadataValue.json(made),
            },
        )


def _exports(at: Stage, context: dg.AssetExecutionContext, again: Again) -> list[exports.Export]:
    with at.platform.database.read() as connection:
        if run_intents.get(connection, context.run.run_id) is not None:
            return exports.live_of_run(connection, context.run.run_id)
        clips = _chosen(connection, at, again)
        done = [row for clip in clips for row in exports.of_clip(connection, clip.id)]
    return _of_subject(context, [row for row in done if row.status == "COMPLETED"])


def _of_subject(context: dg.AssetExecutionContext, rows: list[Row]) -> list[Row]:
    """The rows that a run which nobody queued makes again: of an operator's re-execution, which has the tags of the run
    that it repeats, only that run's own. Raises dagster.Failure when that one never was finished."""
    subject = context.run.tags.get(run_intents.SUBJECT_TAG)
    if subject is None:
        return rows
    if not (own := [row for row in rows if row.id == subject]):
        raise dg.Failure(f"{subject} has no finished file to make again: ask for it anew through the API.")
    return own


def _package(at: Stage, video: Any, source: Any, row: exports.Export) -> tuple[dict[str, Any], list[str]]:
    from carmic_assets.assets.edit_loading import edit_of
    from carmic_assets.captions.caption_track import caption_events
    from carmic_assets.exports.package import package

    settings = at.platform.settings
    progress = _reporter(at, row.id, exports.advance)
    scratch = at.scratch / row.id
    scratch.mkdir()
    with ExitStack() as held:
        edit = edit_of(at, video, source, _cut(at, row), scratch, held)
        proxy = None
        if row.include_proxy and at.project.proxy_key:
            proxy = held.enter_context(at.platform.store.local(at.project.proxy_key))
        path = scratch / "package.zip"
        cache = settings.cache_dir / "captions"
        report = package(
            edit,
            row.target_format,  # type: ignore[arg-type]  # the API allows no other
            path,
            scratch,
            include_proxy=row.include_proxy,
            proxy_path=proxy,
            captions=caption_events(edit, cache),
            cache=cache,
            threads=settings.threads,
            progress=progress,
        )
    wrong = checks.problems_of(path)
    key = at.key(artifacts.package(row.id))
    size = at.platform.store.put_file(key, path, "application/zip")
    with at.platform.database.write() as connection:
        if not exports.finish(connection, row.id, key, size):
            exports.remade(connection, row.id, size)
    return msgspec.to_builtins(report), wrong


def _cut(at: Stage, row: renders.Render | exports.Export) -> Any:
    from carmic_assets.assets.edit_loading import Cut

    with at.platform.database.read() as connection:
        clip = clip_rows.get(connection, row.clip_id)
    score, reasoning = (clip.virality_score, clip.reasoning) if clip else (0, "")
    return Cut(row.clip_id, row.title, row.start_s, row.end_s, row.template_config, score, reasoning)
