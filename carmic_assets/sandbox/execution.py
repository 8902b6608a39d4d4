"""Executes the jobs of the workers. Only workers import this module, because it loads all parsers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import msgspec

from carmic_assets.captions.caption_track import list_caption_events, write_ass
from carmic_assets.captions.subtitles import format_srt, format_vtt
from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.footage import Footage, natural_canvas, whole_segment
from carmic_assets.editing.segment_graph import Shot
from carmic_assets.editing.sequence_import import ImportTarget
from carmic_assets.editing.still_frames import draw_frame, draw_strip
from carmic_assets.exports.sequence_otio import read_otio
from carmic_assets.media import ffmpeg
from carmic_assets.media.excerpt import cut_excerpt
from carmic_assets.media.file_kinds import describe_file
from carmic_assets.media.probe import probe
from carmic_assets.media.waveform import measure_peaks
from carmic_assets.model.direction import CANVAS_SIZES
from carmic_assets.model.edit import Edit, MediaFile, Span
from carmic_assets.model.errors import CorruptVideoError, RenderError
from carmic_assets.model.media import FrameRate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.still import render_still
from carmic_assets.sandbox.worker_jobs import (
    ClipPreview,
    DrawFrames,
    DrawTemplate,
    InspectFile,
    Job,
    MeasurePeaks,
    PreviewClip,
    ProbedFootage,
    ProbeFootage,
    ReadOtio,
    ReadSequence,
    WarmUp,
    Waveform,
)

TEMPLATE_WIDTH_PX = 360  # of a template's preview
TEMPLATE_TIME_S = 1.0  # time of the preview frame in the sample edit
SAMPLE_WORDS = ("This", "is", "how", "your", "captions", "look")
SAMPLE_DURATION_S = 3.0
FFMPEG_TIME_LIMIT_S = 30.0


Result = MediaFile | ClipPreview | ProbedFootage | ReadSequence | Waveform | list[str] | None


def execute(job: Job, source: BinaryIO) -> Result:
    """Run a job and return its result. `source` reads the source that the pool has open.

    Raises:
        CarmicError: the input is invalid.
        ValueError: the input is invalid; the message is for the user.
    """
    match job:
        case InspectFile():
            return describe_file(job.path, job.name, job.converted_font or None)
        case DrawTemplate():
            _draw_template(job)
            return None
        case PreviewClip():
            return _preview_clip(job, source)
        case ProbeFootage():
            return _probe_footage(job)
        case DrawFrames():
            return _draw_frames(job)
        case MeasurePeaks():
            return Waveform(measure_peaks(job.path, job.peaks_per_s))
        case ReadOtio():
            return _read_otio(job)
        case WarmUp():
            list_caption_events(_build_sample_edit(TemplateConfig()), Path(job.cache))
            return None


def _probe_footage(job: ProbeFootage) -> ProbedFootage:
    facts = probe(job.path)
    try:
        return ProbedFootage(facts, whole_segment(facts, job.asset_id, job.segment_id), natural_canvas(facts))
    except ImpossibleEditError as error:
        raise CorruptVideoError(error.sentence) from error


def _read_otio(job: ReadOtio) -> ReadSequence:
    targets = [ImportTarget(f.asset_id, f.file_name, whole_segment(f.facts, f.asset_id, "")) for f in job.footage]
    return ReadSequence(read_otio(job.text), tuple(targets))


def _draw_frames(job: DrawFrames) -> list[str]:
    footage = None if job.facts is None else Footage(job.path, job.facts, job.clock_offset)
    start_s = Fraction(0) if footage is None else footage.seconds(job.first_frame)
    shot = Shot(footage, start_s, 1, job.effects, job.canvas)
    try:
        if len(job.offsets) > 1:
            return [
                str(path) for path in draw_strip(shot, job.offsets, Path(job.folder), job.width or job.canvas.width)
            ]
        path = Path(job.folder) / "picture"
        draw_frame(shot, path, job.format, job.width, Path(job.ungraded_path) if job.ungraded_path else None)
    except ImpossibleEditError as error:
        raise RenderError(error.sentence) from error
    return [str(path)]


def _preview_clip(job: PreviewClip, source: BinaryIO) -> ClipPreview:
    captions = list_caption_events(job.edit, Path(job.cache))
    has_still = bool(job.still_path) and _draw_still(job, source)
    return ClipPreview(tuple(captions), format_srt(job.edit), format_vtt(job.edit), has_still)


def _draw_still(job: PreviewClip, source: BinaryIO) -> bool:
    """Render the still; return False if the video has no frame at that time or cannot be decoded."""
    try:
        with tempfile.TemporaryDirectory(prefix="carmic-still-") as folder, _open_footage(job, source) as edit:
            render_still(edit, job.still_time_s, job.still_path, folder, threads=1, cache=job.cache)
    except (RenderError, CorruptVideoError):
        return False
    return True


@contextmanager
def _open_footage(job: PreviewClip, source: BinaryIO) -> Iterator[Edit]:
    """Yield the edit with a local file. Of a remote source only the part around the frame is downloaded."""
    edit = job.edit
    if edit.source_path:
        yield edit
        return
    with tempfile.TemporaryDirectory(prefix="carmic-excerpt-") as folder:
        path = Path(folder) / "excerpt.mkv"
        cut = cut_excerpt(source, edit.source, edit.start_s + job.still_time_s, path)
        yield msgspec.structs.replace(edit, source_path=str(path), source=cut.facts, start_s=edit.start_s - cut.start_s)


def _draw_template(job: DrawTemplate) -> None:
    edit = _build_sample_edit(job.config, job.fonts)
    width, height = edit.width, edit.height
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        track = write_ass(edit, Path(folder), Path(job.cache))
        background = (
            f"gradients=s={width}x{height}:c0=0x24345c:c1=0x7a4a6a:x0=0:y0=0:x1={width}:y1={height}:r=25:d=2:seed=1"
        )
        captions = f"ass=filename={ffmpeg.quote(track.ass_path)}:fontsdir={ffmpeg.quote(track.fonts_dir)}"
        output = ["-map", "[out]", "-ss", str(TEMPLATE_TIME_S), "-frames:v", "1", "-f", "image2", "-c:v", "png"]
        command = ffmpeg.build_command(
            [ffmpeg.Input(background, format="lavfi")],
            [*output, job.path],
            graph=f"[0:v]{captions},scale={TEMPLATE_WIDTH_PX}:-2[out]",
            threads=1,
        )
        ffmpeg.run(command, timeout_s=FFMPEG_TIME_LIMIT_S)


def _build_sample_edit(config: TemplateConfig, fonts: tuple[MediaFile, ...] = ()) -> Edit:
    """Build a three-second edit without a source video, to render captions alone."""
    width, height = CANVAS_SIZES[config.layout.aspect_ratio]
    return Edit(
        clip_id="preview",
        title="",
        source_path="",
        source=SourceFacts("", 0, "", SAMPLE_DURATION_S, 0.0, None, None),
        start_s=0.0,
        duration_s=SAMPLE_DURATION_S,
        rate=FrameRate(25, 1),
        width=width,
        height=height,
        kept_spans=(Span(0.0, SAMPLE_DURATION_S),),
        shots=(),
        words=tuple(Word(word, n * 0.4, n * 0.4 + 0.38, 1.0) for n, word in enumerate(SAMPLE_WORDS)),
        config=config,
        fonts=fonts,
    )
