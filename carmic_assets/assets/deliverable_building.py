"""Builds one deliverable: a clip's MP4 with its subtitles and thumbnail, or a clip's project package.

The module imports the computing packages at its top, so `deliverables` imports it inside the assets only.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
from sqlalchemy import Connection

from carmic_assets.assets.checks import RenderedFile, has_wrong_length
from carmic_assets.assets.edit_loading import VideoArtifacts, load_edit, snapshot_clip
from carmic_assets.assets.video_step import REPORT_INTERVAL_S, VideoStep
from carmic_assets.captions.caption_track import list_caption_events
from carmic_assets.captions.subtitles import format_srt, format_vtt
from carmic_assets.direction.crop_metrics import measure_crops
from carmic_assets.exports.fcpxml_lint import lint_fcpxml
from carmic_assets.exports.package import PackageOptions, Target, write_package
from carmic_assets.media.probe import probe
from carmic_assets.media.thumbnail import make_thumbnail
from carmic_assets.model.progress import ProgressCallback
from carmic_assets.rendering.render import render
from resources import artifacts, exports, renders

INCOMPLETE_RENDER = "The rendered file is not as long as the clip, so it was discarded. Render the clip again."
BROKEN_PACKAGE = (
    "The package has project files that editing programs reject, so it was discarded. Export the clip again."
)


class BuiltRender(msgspec.Struct, frozen=True):
    """A render: its report as JSON types, the store key of its thumbnail, and the input of the checks.

    `defect` is a sentence for the user if the file is broken. A broken file is not stored and its row is not finished.
    """

    facts: dict[str, Any]
    thumbnail_key: str | None
    file: RenderedFile
    defect: str | None = None


class BuiltPackage(msgspec.Struct, frozen=True):
    """A package: its report as JSON types, and the problems of its project files as sentences.

    `defect` is a sentence for the user if there are problems. Such a package is not stored and its row is not finished.
    """

    facts: dict[str, Any]
    problems: list[str]
    defect: str | None = None


def build_render(step: VideoStep, video: VideoArtifacts, source: Path, row: renders.Render) -> BuiltRender:
    """Render one clip; unless the file is broken, store it and mark the row as rendered.

    Raises:
        RenderError: the clip cannot be rendered; the message states the reason.
    """
    settings, store = step.platform.settings, step.platform.store
    progress = _start_progress_reporter(step, row.id, renders.advance)
    scratch_dir = step.scratch_dir / row.id
    scratch_dir.mkdir()
    with ExitStack() as open_files:
        edit = load_edit(step, video, source, snapshot_clip(step, row), scratch_dir, open_files)
        path = scratch_dir / "clip.mp4"
        report = render(
            edit,
            path,
            scratch_dir,
            progress,
            settings.video_encoder,  # type: ignore[arg-type]  # the settings allow no other
            settings.threads,
            cache=settings.cache_dir / "captions",
        )
    thumbnail = scratch_dir / "clip.jpg"
    probed = probe(path)
    file = RenderedFile(row.title, probed, report.duration_s)
    if has_wrong_length(file):
        return BuiltRender(msgspec.to_builtins(report), None, file, INCOMPLETE_RENDER)
    make_thumbnail(path, probed, report.duration_s / 3, thumbnail)

    def key(suffix: str) -> str:
        return step.artifact_key(artifacts.render_file_name(row.id, suffix))

    store.put_bytes(key(".srt"), format_srt(edit).encode(), "application/x-subrip")
    store.put_bytes(key(".vtt"), format_vtt(edit).encode(), "text/vtt")
    store.put_file(key(".jpg"), thumbnail, "image/jpeg")
    store.put_file(key(".mp4"), path, "video/mp4")
    metrics = measure_crops(edit.shots, video.scene, edit.start_s)
    facts = {**msgspec.to_builtins(report), "crop_metrics": msgspec.to_builtins(metrics)}
    with step.platform.database.write() as connection:
        if not renders.finish(connection, row.id, key(".mp4"), facts, key(".jpg")):
            renders.mark_rebuilt(connection, row.id, facts)
    return BuiltRender(facts, key(".jpg"), file)


def build_package(step: VideoStep, video: VideoArtifacts, source: Path, row: exports.Export) -> BuiltPackage:
    """Write one project package; unless it is broken, store it and mark the row as completed.

    Raises:
        RenderError: the clip cannot be packaged; the message states the reason.
    """
    settings, store = step.platform.settings, step.platform.store
    progress = _start_progress_reporter(step, row.id, exports.advance)
    scratch_dir = step.scratch_dir / row.id
    scratch_dir.mkdir()
    with ExitStack() as open_files:
        edit = load_edit(step, video, source, snapshot_clip(step, row), scratch_dir, open_files)
        proxy = None
        if row.include_proxy and step.project.proxy_key:
            proxy = open_files.enter_context(store.local_file(step.project.proxy_key))
        path = scratch_dir / "package.zip"
        cache_dir = settings.cache_dir / "captions"
        options = PackageOptions(
            include_proxy=row.include_proxy,
            proxy_path=proxy,
            captions=list_caption_events(edit, cache_dir),
            cache=cache_dir,
            threads=settings.threads,
            progress=progress,
        )
        target: Target = row.target_format  # type: ignore[assignment]  # the API allows no other
        report = write_package(edit, target, path, scratch_dir, options)
    if problems := find_package_problems(path):
        return BuiltPackage(msgspec.to_builtins(report), problems, BROKEN_PACKAGE)
    key = step.artifact_key(artifacts.export_package_name(row.id))
    size_bytes = store.put_file(key, path, "application/zip")
    with step.platform.database.write() as connection:
        if not exports.finish(connection, row.id, key, size_bytes):
            exports.mark_rebuilt(connection, row.id, size_bytes)
    return BuiltPackage(msgspec.to_builtins(report), [])


def find_package_problems(package_path: Path) -> list[str]:
    """Return the problems of the XML project files of a package, one sentence each."""
    problems = []
    with zipfile.ZipFile(package_path) as archive:
        for name in archive.namelist():
            if not name.endswith((".xml", ".fcpxml")):
                continue
            text = archive.read(name).decode()
            try:
                ElementTree.fromstring(text)  # noqa: S314 - this process has written the file
            except ElementTree.ParseError as error:
                problems.append(f"{name}: {error}")
                continue
            if name.endswith(".fcpxml"):
                problems += [f"{name}: {problem}" for problem in lint_fcpxml(text)]
    return problems


def _start_progress_reporter(
    step: VideoStep, row_id: str, advance: Callable[[Connection, str, int], object]
) -> ProgressCallback:
    """Mark the row as started, and return a callback that writes its percentage, at most every REPORT_INTERVAL_S."""
    last_report_s = 0.0

    def report(fraction: float) -> None:
        nonlocal last_report_s
        if time.monotonic() - last_report_s >= REPORT_INTERVAL_S:
            last_report_s = time.monotonic()
            with step.platform.database.write() as connection:
                advance(connection, row_id, int(99 * fraction))

    report(0.0)
    return report
