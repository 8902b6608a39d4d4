"""The zip of one clip for one program: project file, media, captions, a list of fonts, a README and checksums.

The same edit gives the same bytes. Media are cut beside the zip and streamed into it; nothing large is held in memory,
and a zip that is not whole never stands under its name.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

import msgspec

from carmic_assets.captions.caption_track import CaptionEvent, Picture
from carmic_assets.captions.subtitles import srt
from carmic_assets.exports import after_effects, fcpxml, fcpxml_lint, otio, xmeml
from carmic_assets.exports.font_names import caption_typeface
from carmic_assets.exports.nle_timeline import Timeline, exact, stretches, used
from carmic_assets.exports.package_media import (
    HANDLE_S,
    Footage,
    Image,
    Sound,
    cut_footage,
    cut_image,
    cut_sound,
    proxy_facts,
)
from carmic_assets.exports.readme import fonts_text, readme_text
from carmic_assets.exports.timecode import sequence_rate
from carmic_assets.exports.timeline_building import Media, timeline
from carmic_assets.media.containers import LIBRARY_FORMATS
from carmic_assets.media.probe import facts_of
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.rendering.render import draw_captions, effects_of
from carmic_assets.rendering.sound_effects import thinned, write_track

Target = Literal["premiere", "davinci", "fcpx", "after_effects"]
TARGETS: tuple[Target, ...] = ("premiere", "davinci", "fcpx", "after_effects")
RESOLVE_VERSION = "1.10"  # Resolve 18 and later
FINAL_CUT_VERSION = "1.11"  # Final Cut Pro 10.7 and later
MEDIA = "media"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can say
PIECE = 1 << 20


class PackedFile(msgspec.Struct, frozen=True):
    """A file in the zip."""

    name: str
    size: int
    sha256: str


class PackageReport(msgspec.Struct, frozen=True):
    """What was packed. `warnings` say in whole sentences what is not as the edit would have it."""

    target: str
    size: int
    files: tuple[PackedFile, ...]
    warnings: tuple[str, ...]
    frames: int
    keyframes: int
    conformed: tuple[str, ...]  # media that had to be re-encoded, and why


def package(
    edit: Edit,
    target: Target,
    out_zip: str | Path,
    work_dir: str | Path,
    *,
    include_proxy: bool,
    proxy_path: str | Path | None = None,
    captions: Sequence[CaptionEvent] = (),
    cache: str | Path | None = None,
    threads: int = 2,
    progress: Progress = ignore,
) -> PackageReport:
    """Write the package of `edit` for `target` to `out_zip`.

    With `include_proxy` the picture is cut from `proxy_path`, else from the source. `captions` are of
    `captions.track.caption_events`.
    `cache` keeps fonts and emoji pictures, which all clips may share (a folder in `work_dir` when not given); else
    `work_dir` is left as it was. Raises `RenderFailed` where media cannot be read or cut.
    """
    if target not in TARGETS:
        raise RenderFailed(f"There is no export for {target!r}. Choose one of {', '.join(TARGETS)}.")
    out_zip, work = Path(out_zip), Path(work_dir) / "package"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    aside = out_zip.with_name(out_zip.name + ".part")
    try:
        held = Path(cache) if cache is not None else Path(work_dir) / "cache"
        line, warnings = _prepare(
            edit, work, include_proxy, proxy_path, captions, held, threads, lambda p: progress(0.8 * p)
        )
        texts = project_texts(line, target)
        texts |= _beside(line, edit, target, warnings, proxied=include_proxy and proxy_path is not None)
        files = _zip(aside, texts, line, lambda p: progress(0.8 + 0.2 * p))
        aside.replace(out_zip)
    finally:
        aside.unlink(missing_ok=True)
        shutil.rmtree(work, ignore_errors=True)
    progress(1.0)
    return PackageReport(
        target=target,
        size=out_zip.stat().st_size,
        files=files,
        warnings=tuple(warnings),
        frames=line.frames,
        keyframes=sum(len(piece.keys) for piece in (*line.main, *line.second)),
        conformed=tuple(f"{file.name}: {file.conformed}" for file in line.footage if file.conformed),
    )


def project_texts(line: Timeline, target: Target) -> dict[str, str]:
    """The project files of a target by name. Raises `ValueError` where an FCPXML would not open: that is a bug."""
    stem = slug(line.name)
    if target == "premiere":
        return {f"{stem}.xml": xmeml.write(line, MEDIA)}
    if target == "after_effects":
        return {f"{stem}.jsx": after_effects.write(line, MEDIA)}
    text = fcpxml.write(line, RESOLVE_VERSION if target == "davinci" else FINAL_CUT_VERSION, f"./{MEDIA}")
    problems = fcpxml_lint.lint(text)
    if problems:
        raise ValueError("; ".join(problems))
    if target == "fcpx":
        return {f"{stem}.fcpxml": text}
    return {
        f"{stem}.fcpxml": text,
        f"{stem}.otio": otio.write(line, MEDIA),
        f"{stem}.xml": xmeml.write(line, MEDIA),
    }


def slug(text: str) -> str:
    """A name for a file that every system and every relinker takes: ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "clip"


def _prepare(
    edit: Edit,
    work: Path,
    include_proxy: bool,
    proxy_path: str | Path | None,
    captions: Sequence[CaptionEvent],
    cache: Path,
    threads: int,
    progress: Progress,
) -> tuple[Timeline, list[str]]:
    """Cut all media into `work` and lay the timeline over them."""
    rate = sequence_rate(edit.rate.fraction)
    warnings: list[str] = list(edit.notes)
    if rate != edit.rate.fraction:
        warnings.append(
            f"No editing program has sequences of {float(edit.rate.fraction):g} frames a second: "
            f"this one runs at {float(rate):g}."
        )
    path, facts, kind = edit.source_path, edit.source, "source"
    if include_proxy and proxy_path is None:
        warnings.append("There is no proxy of this video: the original is in the package.")
    elif include_proxy and proxy_path is not None:
        path, facts, kind = str(proxy_path), proxy_facts(proxy_path, edit.source_path, edit.source), "proxy"
    stem = slug(edit.title)
    start, end = used(edit)
    main = cut_footage(
        path,
        facts,
        start,
        end,
        work / f"{stem}-{kind}.mov",
        rate=rate,
        threads=threads,
        progress=lambda p: progress(0.7 * p),
    )
    if main.channels > 2:
        warnings.append(f"The sound has {main.channels} channels; the sequence is stereo.")
    broll, images = _broll(edit, work, stem, rate, threads)
    progress(0.9)
    length = end - start
    reactions = _reactions(edit, work, cache, stem, threads)
    media = Media(
        main=main,
        broll=broll,
        broll_images=images,
        music=_music(edit, work, stem, length, threads),
        effects=_effects(edit, work, stem, rate, [picture for picture, _ in reactions]),
        watermark=_watermark(edit, work, stem, threads),
        pictures=reactions,
        font=caption_typeface(edit, cache),
    )
    line = timeline(edit, media, captions)
    for file in line.footage:
        if file.conformed:
            warnings.append(f"{file.name} was re-encoded: {file.conformed}.")
    progress(1.0)
    return line, warnings


def _broll(
    edit: Edit, work: Path, stem: str, rate: Fraction, threads: int
) -> tuple[dict[int, Footage], dict[int, Image]]:
    """Each cutaway's stretch with handles, without its sound (the talk's goes on), or its image."""
    films: dict[int, Footage] = {}
    images: dict[int, Image] = {}
    for number, cutaway in enumerate(edit.cutaways):
        name = f"{stem}-broll-{number + 1}"
        if cutaway.media.duration_s is None:
            images[number] = cut_image(cutaway.media.path, work / f"{name}.png", threads=threads)
            continue
        facts = facts_of(cutaway.media.path, LIBRARY_FORMATS, RenderFailed)
        start = exact(cutaway.source_start_s)
        end = start + exact(cutaway.duration_s)
        out = work / f"{name}.mov"
        films[number] = cut_footage(cutaway.media.path, facts, start, end, out, rate=rate, sound=False, threads=threads)
    return films, images


def _effects(edit: Edit, work: Path, stem: str, rate: Fraction, reactions: Sequence[Picture]) -> Sound | None:
    """The sound effects that the renderer would make, as a track as long as the sequence."""
    if not edit.config.audio.auto_sfx_enabled:
        return None
    found = thinned(effects_of(edit, reactions))
    if not found:
        return None
    duration = stretches(edit)[-1].end / rate
    out = work / f"{stem}-effects.wav"
    write_track(found, float(duration), out)
    return Sound(out.name, str(out), 1, duration)


def _watermark(edit: Edit, work: Path, stem: str, threads: int) -> Image | None:
    if edit.watermark is None or edit.config.elements.watermark.opacity <= 0:
        return None
    return cut_image(edit.watermark.path, work / f"{stem}-watermark.png", threads=threads)


def _reactions(edit: Edit, work: Path, cache: Path, stem: str, threads: int) -> tuple[tuple[Picture, Image], ...]:
    """The emoji reactions where the renderer places them; emoji in a caption's text are in the text here."""
    if not edit.config.elements.emojis:
        return ()
    drawn = draw_captions(edit, work / "captions", cache).pictures
    made: dict[str, Image] = {}
    placed = []
    for picture in drawn:
        if picture.reaction:
            if picture.path not in made:
                out = work / f"{stem}-emoji-{len(made) + 1}.png"
                made[picture.path] = cut_image(picture.path, out, threads=threads)
            placed.append((picture, made[picture.path]))
    return tuple(placed)


def _music(edit: Edit, work: Path, stem: str, length: Fraction, threads: int) -> Sound | None:
    if edit.music is None or edit.config.audio.music_volume <= 0:
        return None
    return cut_sound(edit.music.path, length + HANDLE_S, work / f"{stem}-music.wav", threads=threads)


def _beside(line: Timeline, edit: Edit, target: Target, warnings: Sequence[str], *, proxied: bool) -> dict[str, str]:
    stem = slug(line.name)
    readme = readme_text(line, edit, target, stem, warnings, proxied=proxied)
    texts = {"README.txt": readme, "FONTS.txt": fonts_text(line, edit)}
    subtitles = srt(edit)
    if subtitles:
        texts[f"{stem}.srt"] = subtitles
    return texts


def _zip(path: Path, texts: dict[str, str], line: Timeline, progress: Progress) -> tuple[PackedFile, ...]:
    """Stored, in order of name, texts first, the checksums last."""
    media = {f"{MEDIA}/{file.name}": Path(file.path) for file in line.footage}
    media |= {f"{MEDIA}/{file.name}": Path(file.path) for file in line.sounds}
    media |= {f"{MEDIA}/{file.name}": Path(file.path) for track in line.stills for file in track}
    total = sum(file.stat().st_size for file in media.values()) or 1
    done = 0
    packed: list[PackedFile] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in sorted(texts.items()):
            packed.append(_add_text(archive, name, text))
        for name, file in sorted(media.items()):
            size, digest = file.stat().st_size, hashlib.sha256()
            with file.open("rb") as source, archive.open(_info(name), "w", force_zip64=size >= 1 << 31) as sink:
                while piece := source.read(PIECE):
                    sink.write(piece)
                    digest.update(piece)
                    done += len(piece)
                    progress(done / total)
            packed.append(PackedFile(name, size, digest.hexdigest()))
        sums = "".join(f"{file.sha256}  {file.name}\n" for file in packed)
        packed.append(_add_text(archive, "SHA256SUMS.txt", sums))
    return tuple(packed)


def _add_text(archive: zipfile.ZipFile, name: str, text: str) -> PackedFile:
    data = text.encode()
    archive.writestr(_info(name), data)
    return PackedFile(name, len(data), hashlib.sha256(data).hexdigest())


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = 0o644 << 16
    info.create_system = 3
    return info
