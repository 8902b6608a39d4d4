"""Builds the exports of a timeline that are no video: packages for editing programs, OTIO, EDL and subtitles.

Imports the computing packages at its top; `timeline_pipeline` imports it inside the asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from carmic_assets.assets.timeline_export_building import open_footage, write_picture
from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.assets.timeline_transcripts import find_words, load_words
from carmic_assets.captions.subtitles import Cue, build_word_cues, format_srt_cues
from carmic_assets.editing import stored_segments
from carmic_assets.editing.timeline_clock import active, duration_s, placements
from carmic_assets.exports import edl
from carmic_assets.exports.package import TARGETS, Target
from carmic_assets.exports.sequence_building import (
    EditorSequence,
    build_sequence_timeline,
    describe_originals,
    list_color_decisions,
)
from carmic_assets.exports.sequence_otio import write_otio
from carmic_assets.exports.sequence_package import SequenceOptions, write_sequence_package
from carmic_assets.model.errors import RenderError
from carmic_assets.model.progress import ProgressCallback
from carmic_assets.model.speech import Word
from carmic_assets.model.timeline import Canvas, Effects, Segment
from resources import timeline_jobs
from resources.timeline_assets import TimelineAsset
from resources.timeline_jobs import EXPORT_FILES, TimelineJob

BAKE_RATIO = 0.6  # of a job's progress, where segments are baked


class BuiltPackage(msgspec.Struct, frozen=True):
    """A finished export: its format, and notes about the file."""

    format: str
    facts: dict[str, Any]


def build_package(step: TimelineStep, job: TimelineJob) -> BuiltPackage:
    """Build the file of an export, store it and complete the job.

    Raises:
        RenderError: the project cannot be exported in this format, or the footage cannot be read.
    """
    report = step.report_progress(job)
    report(0.0)
    file_format: str = job.request["format"]
    suffix, content_type = EXPORT_FILES[file_format]
    path = step.scratch_dir / f"{job.id}{suffix}"
    with ExitStack() as open_files:
        sequence = _load_sequence(step, job, open_files)
        if file_format in TARGETS:
            facts = _write_package(step, job, sequence, path, report)
        else:
            path.write_text(_write_text(step, sequence, file_format, report), encoding="utf-8")
            facts = {"notes": _list_notes(sequence, file_format)}
    facts |= {"size_bytes": path.stat().st_size, "duration_s": float(duration_s(sequence.segments))}
    key = step.store_key(f"exports/{job.id}{suffix}")
    step.platform.store.put_file(key, path, content_type)
    path.unlink()
    with step.platform.database.write() as connection:
        timeline_jobs.finish(connection, job.id, key, facts)
    return BuiltPackage(file_format, facts)


def _load_sequence(step: TimelineStep, job: TimelineJob, open_files: ExitStack) -> EditorSequence:
    segments = active(stored_segments.from_rows(job.request["segments"]))
    return EditorSequence(
        name=step.timeline.name,
        segments=segments,
        canvas=msgspec.convert(job.request["canvas"], Canvas),
        footage=open_footage(step, segments, open_files),
        file_names={asset.id: asset.file_name for asset in step.list_assets()},
    )


def _write_package(
    step: TimelineStep, job: TimelineJob, sequence: EditorSequence, path: Path, report: ProgressCallback
) -> dict[str, Any]:
    baked = [segment for segment in sequence.segments if _is_baked(segment, bake=job.request.get("bake", False))]
    bake_ratio = BAKE_RATIO if baked else 0.0
    renditions = {}
    for number, segment in enumerate(baked):
        start = bake_ratio * number / len(baked)

        def report_part(fraction: float, start: float = start) -> None:
            report(start + bake_ratio / len(baked) * fraction)

        renditions[segment.id] = step.scratch_dir / f"{segment.id}.mp4"
        write_picture(step, (segment,), dict(sequence.footage), sequence.canvas, renditions[segment.id], report_part)
    options = SequenceOptions(
        renditions=renditions,
        subtitles=format_srt_cues(_find_cues(step, sequence)),
        threads=step.platform.settings.threads,
        progress=lambda fraction: report(bake_ratio + (1 - bake_ratio) * fraction),
    )
    report_facts = write_sequence_package(
        sequence, cast(Target, job.request["format"]), path, step.scratch_dir, options
    )
    for rendition in renditions.values():
        rendition.unlink()
    return {
        "frames": report_facts.frames,
        "files": [file.name for file in report_facts.files],
        "notes": list(report_facts.warnings),
    }


def _is_baked(segment: Segment, *, bake: bool) -> bool:
    """Return whether a segment is packed as its rendition: all effects if `bake`, else those that are no grade."""
    if segment.asset_id is None or segment.effects.is_neutral:
        return False
    return bake or replace(segment.effects, grade=Effects().grade) != Effects()


def _write_text(step: TimelineStep, sequence: EditorSequence, file_format: str, report: ProgressCallback) -> str:
    if file_format == "otio":
        return write_otio(sequence)
    if file_format == "edl":
        timeline = build_sequence_timeline(sequence, describe_originals(sequence))
        return edl.serialize(timeline, list_color_decisions(sequence))
    used = _list_used_assets(step, sequence)
    spoken = {}
    for number, asset in enumerate(used):

        def report_part(fraction: float, number: int = number) -> None:
            report((number + fraction) / len(used))

        spoken[asset.id] = load_words(step, asset, report_part)
    cues = _build_cues(sequence, spoken)
    if not cues:
        raise RenderError("Nobody speaks in this project, so it has no subtitles. Export it in another format.")
    return format_srt_cues(cues)


def _find_cues(step: TimelineStep, sequence: EditorSequence) -> list[Cue]:
    """Return the subtitles of footage that has a transcript already. A package waits for no other."""
    words_by_asset = {asset.id: find_words(step, asset) for asset in _list_used_assets(step, sequence)}
    return _build_cues(sequence, {asset_id: words or () for asset_id, words in words_by_asset.items()})


def _list_used_assets(step: TimelineStep, sequence: EditorSequence) -> list[TimelineAsset]:
    return [asset for asset in step.list_assets() if asset.id in sequence.footage]


def _build_cues(sequence: EditorSequence, spoken: Mapping[str, Sequence[Word]]) -> list[Cue]:
    """Return the subtitles of all segments on the timeline's clock. A word belongs where its middle is heard."""
    words = []
    for place in placements(sequence.segments):
        segment = place.segment
        if segment.asset_id is None:
            continue
        file = sequence.footage[segment.asset_id]
        first_s, end_s = float(file.seconds(segment.in_frame)), float(file.seconds(segment.out_frame))
        shift_s = float(place.start_s) - first_s
        for word in spoken[segment.asset_id]:
            if first_s <= (word.start_s + word.end_s) / 2 < end_s:
                start, end = max(word.start_s, first_s) + shift_s, min(word.end_s, end_s) + shift_s
                words.append(replace(word, start_s=start, end_s=end))
    return build_word_cues(words, (), float(duration_s(sequence.segments)))


def _list_notes(sequence: EditorSequence, file_format: str) -> list[str]:
    """Return sentences on what the text does not hold."""
    effects = [segment.effects for segment in sequence.segments]
    notes = []
    if file_format == "edl" and any(e.grade.hue_shift for e in effects):
        notes.append("A grade that shifts the hue is no ASC CDL and is left out. Export a package, or bake the grade.")
    if file_format in ("edl", "otio") and any(replace(e, grade=Effects().grade) != Effects() for e in effects):
        notes.append("Edits of the picture other than grades are not part of this format. Export a package.")
    if file_format in ("edl", "otio"):
        notes.append("The file refers to the uploaded files by their names. Put them beside it.")
    return notes
