"""Writes the export package of a clip for one program: a zip with project files, media, captions, font list and README.

Equal edits give equal bytes. Media are cut to temporary files and streamed into the zip, so that memory does not grow
with their size. The zip is written to a staging file and renamed when it is complete.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec

from carmic_assets.captions.caption_events import CaptionEvent
from carmic_assets.captions.caption_track import EmojiOverlay
from carmic_assets.captions.subtitles import format_srt
from carmic_assets.exports import after_effects, fcpxml, fcpxml_lint, otio, xmeml
from carmic_assets.exports.font_names import resolve_caption_font
from carmic_assets.exports.nle_timeline import Timeline, find_source_range, split_segments
from carmic_assets.exports.package_media import (
    HANDLE_S,
    CutJob,
    PackagedAudio,
    PackagedImage,
    PackagedVideo,
    cut_audio,
    cut_image,
    cut_video,
    read_proxy_facts,
)
from carmic_assets.exports.readme import format_fonts, format_readme
from carmic_assets.exports.timecode import choose_sequence_rate, to_fraction
from carmic_assets.exports.timeline_building import PackagedMedia, build_timeline
from carmic_assets.media.demuxers import LIBRARY_FORMATS
from carmic_assets.media.probe import read_facts
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderError
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.rendering.render import plan_sound_effects, write_captions
from carmic_assets.rendering.sound_effects import drop_crowded_effects, write_effects_track

Target = Literal["premiere", "davinci", "fcpx", "after_effects"]
TARGETS: tuple[Target, ...] = ("premiere", "davinci", "fcpx", "after_effects")
RESOLVE_FCPXML_VERSION = "1.10"  # Resolve 18 and later
FINAL_CUT_FCPXML_VERSION = "1.11"  # Final Cut Pro 10.7 and later
MEDIA_FOLDER = "media"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that the zip format can hold
ZIP64_LIMIT_BYTES = 1 << 31  # entries from this size need zip64
COPY_CHUNK_BYTES = 1 << 20
CUT_PROGRESS = 0.8  # fraction of the progress for cutting the media; the rest is for the zip


class PackageOptions(msgspec.Struct, frozen=True):
    """The options of `write_package`.

    With `include_proxy` the video is cut from the proxy at `proxy_path`, otherwise from the source. `captions` come
    from `list_caption_events`. Fonts and emoji images go to the folder `cache`, which clips may share, or to the work
    folder without it.
    """

    include_proxy: bool
    proxy_path: str | Path | None = None
    captions: Sequence[CaptionEvent] = ()
    cache: str | Path | None = None
    threads: int = 2
    progress: ProgressCallback = ignore_progress


class PackedFile(msgspec.Struct, frozen=True):
    """A file in the zip. `size` is in bytes."""

    name: str
    size: int
    sha256: str


class PackageReport(msgspec.Struct, frozen=True):
    """The result of `write_package`. `size` is in bytes; `warnings` are sentences on differences from the edit."""

    target: str
    size: int
    files: tuple[PackedFile, ...]
    warnings: tuple[str, ...]
    frames: int
    keyframes: int  # how the source's frames were written
    conformed: tuple[str, ...]  # re-encoded media: "<file>: <reason>"


class _CutContext(msgspec.Struct, frozen=True):
    """The folders, names and options with which the media of a package are cut."""

    folder: Path
    stem: str  # the start of the media's file names
    rate: Fraction  # of the sequence
    threads: int
    cache: Path


def write_package(
    edit: Edit, target: Target, out_zip: str | Path, work_dir: str | Path, options: PackageOptions
) -> PackageReport:
    """Write the package of `edit` for `target` to `out_zip`.

    Temporary files go to `work_dir` and are deleted. No zip is written if an error is raised.

    Raises:
        RenderError: `target` is unknown, or media cannot be read or cut.
    """
    if target not in TARGETS:
        raise RenderError(f"`target_format` must be one of {', '.join(TARGETS)}, not {target!r}.")
    out_zip, folder = Path(out_zip), Path(work_dir) / "package"
    progress = options.progress
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    staging_path = out_zip.with_name(out_zip.name + ".part")
    try:
        cache = Path(options.cache) if options.cache is not None else Path(work_dir) / "cache"
        rate = choose_sequence_rate(edit.rate.fraction)
        context = _CutContext(folder, make_file_stem(edit.title), rate, options.threads, cache)
        timeline, warnings = _prepare_timeline(edit, context, options)
        texts = build_project_files(timeline, target)
        is_proxy = options.include_proxy and options.proxy_path is not None
        texts |= _build_text_files(timeline, edit, target, warnings, is_proxy=is_proxy)
        files = write_zip(
            staging_path, texts, timeline, lambda fraction: progress(CUT_PROGRESS + (1 - CUT_PROGRESS) * fraction)
        )
        staging_path.replace(out_zip)
    finally:
        staging_path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    progress(1.0)
    return PackageReport(
        target=target,
        size=out_zip.stat().st_size,
        files=files,
        warnings=tuple(warnings),
        frames=timeline.frames,
        keyframes=sum(len(item.keyframes) for item in (*timeline.main, *chain(*timeline.panels))),
        conformed=tuple(f"{file.name}: {file.conform_reason}" for file in timeline.videos if file.conform_reason),
    )


def build_project_files(timeline: Timeline, target: Target) -> dict[str, str]:
    """Return the text of each project file of a target by file name.

    Raises:
        ValueError: the linter finds problems in the FCPXML. This is a bug of the writer.
    """
    stem = make_file_stem(timeline.name)
    if target == "premiere":
        return {f"{stem}.xml": xmeml.serialize(timeline, MEDIA_FOLDER)}
    if target == "after_effects":
        return {f"{stem}.jsx": after_effects.serialize(timeline, MEDIA_FOLDER)}
    version = RESOLVE_FCPXML_VERSION if target == "davinci" else FINAL_CUT_FCPXML_VERSION
    text = fcpxml.serialize(timeline, version, f"./{MEDIA_FOLDER}")
    problems = fcpxml_lint.lint_fcpxml(text)
    if problems:
        raise ValueError("; ".join(problems))
    if target == "fcpx":
        return {f"{stem}.fcpxml": text}
    return {
        f"{stem}.fcpxml": text,
        f"{stem}.otio": otio.serialize(timeline, MEDIA_FOLDER),
        f"{stem}.xml": xmeml.serialize(timeline, MEDIA_FOLDER),
    }


def make_file_stem(text: str) -> str:
    """Return `text` as a file name of ASCII letters, digits and hyphens, which all systems and programs accept."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", ascii_text).strip("-")[:60].strip("-") or "clip"


def _prepare_timeline(edit: Edit, context: _CutContext, options: PackageOptions) -> tuple[Timeline, list[str]]:
    """Cut all media. Returns the timeline that refers to them, and the warnings."""
    rate, progress = context.rate, options.progress
    warnings: list[str] = list(edit.notes)
    if rate != edit.rate.fraction:
        warnings.append(
            f"Editing programs do not support {float(edit.rate.fraction):g} frames per second: "
            f"this one runs at {float(rate):g}."
        )
    path, facts, kind = edit.source_path, edit.source, "source"
    if options.include_proxy and options.proxy_path is None:
        warnings.append("There is no proxy of this video: the package contains the original.")
    elif options.include_proxy and options.proxy_path is not None:
        path, kind = str(options.proxy_path), "proxy"
        facts = read_proxy_facts(options.proxy_path, edit.source_path, edit.source)
    start, end = find_source_range(edit)
    job = CutJob(
        path,
        facts,
        context.folder / f"{context.stem}-{kind}.mov",
        threads=context.threads,
        progress=lambda fraction: progress(CUT_PROGRESS * 0.7 * fraction),
    )
    main = cut_video(job, start, end, rate)
    if main.channels > 2:
        warnings.append(f"The audio has {main.channels} channels; the sequence is stereo.")
    broll, images = _cut_broll(edit, context)
    progress(CUT_PROGRESS * 0.9)
    reactions = _cut_reactions(edit, context)
    media = PackagedMedia(
        main=main,
        broll=broll,
        broll_images=images,
        music=_cut_music(edit, context, end - start),
        effects=_write_effects(edit, context, [emoji for emoji, _ in reactions]),
        watermark=_cut_watermark(edit, context),
        reactions=reactions,
        caption_font=resolve_caption_font(edit, context.cache),
    )
    timeline = build_timeline(edit, media, options.captions)
    warnings += [
        f"{file.name} was re-encoded: {file.conform_reason}." for file in timeline.videos if file.conform_reason
    ]
    progress(CUT_PROGRESS)
    return timeline, warnings


def _cut_broll(edit: Edit, context: _CutContext) -> tuple[dict[int, PackagedVideo], dict[int, PackagedImage]]:
    """Cut the media of each cutaway. Returns the videos (without audio) and the images, each by the cutaway's index."""
    videos: dict[int, PackagedVideo] = {}
    images: dict[int, PackagedImage] = {}
    for number, cutaway in enumerate(edit.cutaways):
        path, out = cutaway.media.path, context.folder / f"{context.stem}-broll-{number + 1}"
        if cutaway.media.duration_s is None:
            images[number] = cut_image(path, out.with_suffix(".png"), threads=context.threads)
            continue
        facts = read_facts(path, LIBRARY_FORMATS, RenderError)
        start = to_fraction(cutaway.source_start_s)
        end = start + to_fraction(cutaway.duration_s)
        job = CutJob(path, facts, out.with_suffix(".mov"), with_audio=False, threads=context.threads)
        videos[number] = cut_video(job, start, end, context.rate)
    return videos, images


def _write_effects(edit: Edit, context: _CutContext, reactions: Sequence[EmojiOverlay]) -> PackagedAudio | None:
    """Write the render's sound effects as one file as long as the sequence. Returns None if there are none."""
    if not edit.config.audio.auto_sfx_enabled:
        return None
    effects = drop_crowded_effects(plan_sound_effects(edit, reactions))
    if not effects:
        return None
    duration = split_segments(edit)[-1].sequence_end / context.rate
    out = context.folder / f"{context.stem}-effects.wav"
    write_effects_track(effects, float(duration), out)
    return PackagedAudio(out.name, str(out), 1, duration)


def _cut_watermark(edit: Edit, context: _CutContext) -> PackagedImage | None:
    if edit.watermark is None or edit.config.elements.watermark.opacity <= 0:
        return None
    out = context.folder / f"{context.stem}-watermark.png"
    return cut_image(edit.watermark.path, out, threads=context.threads)


def _cut_reactions(edit: Edit, context: _CutContext) -> tuple[tuple[EmojiOverlay, PackagedImage], ...]:
    """Return the emoji reactions with their images. Emoji in captions are not included: they are text of the titles."""
    if not edit.config.elements.emojis:
        return ()
    overlays = write_captions(edit, context.folder / "captions", context.cache).overlays
    images: dict[str, PackagedImage] = {}
    reactions = []
    for overlay in overlays:
        if overlay.reaction:
            if overlay.path not in images:
                out = context.folder / f"{context.stem}-emoji-{len(images) + 1}.png"
                images[overlay.path] = cut_image(overlay.path, out, threads=context.threads)
            reactions.append((overlay, images[overlay.path]))
    return tuple(reactions)


def _cut_music(edit: Edit, context: _CutContext, length: Fraction) -> PackagedAudio | None:
    if edit.music is None or edit.config.audio.music_volume <= 0:
        return None
    out = context.folder / f"{context.stem}-music.wav"
    return cut_audio(edit.music.path, length + HANDLE_S, out, threads=context.threads)


def _build_text_files(
    timeline: Timeline, edit: Edit, target: Target, warnings: Sequence[str], *, is_proxy: bool
) -> dict[str, str]:
    stem = make_file_stem(timeline.name)
    readme = format_readme(timeline, edit, target, stem, warnings, is_proxy=is_proxy)
    texts = {"README.txt": readme, "FONTS.txt": format_fonts(timeline, edit)}
    subtitles = format_srt(edit)
    if subtitles:
        texts[f"{stem}.srt"] = subtitles
    return texts


def write_zip(
    path: Path, texts: dict[str, str], timeline: Timeline, progress: ProgressCallback
) -> tuple[PackedFile, ...]:
    """Write uncompressed entries: texts ordered by name, media ordered by name, and the checksums last."""
    media = {f"{MEDIA_FOLDER}/{video.name}": Path(video.path) for video in timeline.videos}
    media |= {f"{MEDIA_FOLDER}/{audio.name}": Path(audio.path) for audio in timeline.audio_files}
    media |= {f"{MEDIA_FOLDER}/{still.media}": Path(still.path) for track in timeline.stills for still in track}
    total_bytes = sum(file.stat().st_size for file in media.values()) or 1
    written_bytes = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        packed_files = [_add_text(archive, name, text) for name, text in sorted(texts.items())]
        for name, file in sorted(media.items()):
            size, digest = file.stat().st_size, hashlib.sha256()
            force_zip64 = size >= ZIP64_LIMIT_BYTES
            with (
                file.open("rb") as source,
                archive.open(_build_entry_info(name), "w", force_zip64=force_zip64) as entry,
            ):
                while chunk := source.read(COPY_CHUNK_BYTES):
                    entry.write(chunk)
                    digest.update(chunk)
                    written_bytes += len(chunk)
                    progress(written_bytes / total_bytes)
            packed_files.append(PackedFile(name, size, digest.hexdigest()))
        checksums = "".join(f"{file.sha256}  {file.name}\n" for file in packed_files)
        packed_files.append(_add_text(archive, "SHA256SUMS.txt", checksums))
    return tuple(packed_files)


def _add_text(archive: zipfile.ZipFile, name: str, text: str) -> PackedFile:
    data = text.encode()
    archive.writestr(_build_entry_info(name), data)
    return PackedFile(name, len(data), hashlib.sha256(data).hexdigest())


def _build_entry_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ZIP_EPOCH)
    info.external_attr = 0o644 << 16
    info.create_system = 3  # Unix
    return info
