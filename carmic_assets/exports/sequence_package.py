"""Writes the export package of an editor's project for one program: project files, media, grades and README in a zip.

The media are cut from the footage as for clips. Editing programs have no grade of our formula, so a grade is a `.cube`
in the folder `grades` and a note at its clip, or it is baked: the clip's media then are the segment's rendition.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from carmic_assets.editing.colour_grade import write_cube
from carmic_assets.exports.nle_timeline import Timeline
from carmic_assets.exports.package import (
    CUT_PROGRESS,
    PackageReport,
    Target,
    build_project_files,
    make_file_stem,
    write_zip,
)
from carmic_assets.exports.package_media import CutJob, PackagedVideo, cut_video
from carmic_assets.exports.readme import OPENING_STEPS, format_heading, format_notes, format_steps
from carmic_assets.exports.sequence_building import (
    EditorSequence,
    ItemMedia,
    SequenceItem,
    build_sequence_timeline,
    list_items,
)
from carmic_assets.media.probe import probe
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.model.timeline import Grade

MERGE_DISTANCE_S = 10  # parts of a file that are closer than this are packed as one file, with what lies between them
GRADES_FOLDER = "grades"
CUBE_SIZE = 33


class SequenceOptions(msgspec.Struct, frozen=True):
    """Options of `write_sequence_package`. `renditions` are the MP4s of baked segments, by segment id."""

    renditions: Mapping[str, Path] = {}
    subtitles: str = ""  # SRT
    threads: int = 2
    progress: ProgressCallback = ignore_progress


def write_sequence_package(
    sequence: EditorSequence, target: Target, out_zip: Path, work_dir: Path, options: SequenceOptions
) -> PackageReport:
    """Write the package of a project for `target` to `out_zip`.

    Temporary files go to `work_dir` and are deleted. No zip is written if an error is raised.

    Raises:
        RenderError: the project shows no footage, or media cannot be read or cut.
    """
    folder = work_dir / "package"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    staging_path = out_zip.with_name(out_zip.name + ".part")
    try:
        items = list_items(sequence)
        media = _cut_media(sequence, items, folder, options)
        grades = _name_grades(items, options.renditions)
        names = {item.segment.id: grades.get(item.segment.effects.grade) for item in items}
        notes = {
            item.segment.id: f"Grade {names[item.segment.id]}: {_describe_grade(item.segment.effects.grade)}"
            for item in items
            if names[item.segment.id] and item.segment.id not in options.renditions
        }
        timeline = build_sequence_timeline(sequence, media, notes)
        warnings = _list_warnings(sequence, timeline, grades)
        texts = build_project_files(timeline, target)
        texts |= {name: write_cube(grade, CUBE_SIZE) for grade, name in grades.items()}
        steps = OPENING_STEPS[target]
        if options.subtitles:
            texts[f"{make_file_stem(timeline.name)}.srt"] = options.subtitles
            steps = (*steps, "Subtitles: import {stem}.srt.")
        texts["README.txt"] = _format_readme(timeline, target, steps, warnings)
        report = options.progress
        files = write_zip(
            staging_path, texts, timeline, lambda fraction: report(CUT_PROGRESS + (1 - CUT_PROGRESS) * fraction)
        )
        staging_path.replace(out_zip)
    finally:
        staging_path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    return PackageReport(
        target=target,
        size=out_zip.stat().st_size,
        files=files,
        warnings=tuple(warnings),
        frames=timeline.frames,
        keyframes=len(timeline.main),
        conformed=tuple(f"{file.name}: {file.conform_reason}" for file in timeline.videos if file.conform_reason),
    )


def merge_spans(spans: Iterable[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
    """Return the spans in order, joined where they are at most `MERGE_DISTANCE_S` apart."""
    merged: list[tuple[Fraction, Fraction]] = []
    for start_s, end_s in sorted(spans):
        if merged and start_s - merged[-1][1] <= MERGE_DISTANCE_S:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((start_s, end_s))
    return merged


def _cut_media(
    sequence: EditorSequence, items: Sequence[SequenceItem], folder: Path, options: SequenceOptions
) -> dict[str, ItemMedia]:
    """Cut the parts of the footage that the items show. Returns the media of each item by its segment's id."""
    spans: dict[str, list[tuple[Fraction, Fraction]]] = {}
    for item in items:
        if item.segment.id not in options.renditions:
            spans.setdefault(item.asset_id, []).append(_find_span(sequence, item))
    parts = [(asset_id, span) for asset_id, own in spans.items() for span in merge_spans(own)]
    total = len(parts) + len(options.renditions)
    files: list[tuple[str, tuple[Fraction, Fraction], PackagedVideo]] = []
    for number, (asset_id, span) in enumerate(parts):
        stem = make_file_stem(Path(sequence.file_names[asset_id]).stem)
        footage = sequence.footage[asset_id]
        out = folder / f"{number + 1:02d}-{stem}.mov"
        progress = _share_progress(options.progress, number, total)
        job = CutJob(footage.path, footage.facts, out, threads=options.threads, progress=progress)
        files.append((asset_id, span, cut_video(job, *span, sequence.rate)))
    media: dict[str, ItemMedia] = {}
    for number, item in enumerate(items):
        rendition = options.renditions.get(item.segment.id)
        if rendition is not None:
            out = folder / f"graded-{number + 1:03d}.mov"
            facts = probe(rendition)
            job = CutJob(str(rendition), facts, out, threads=options.threads)
            length_s = (item.end - item.start) / sequence.rate
            media[item.segment.id] = ItemMedia(cut_video(job, Fraction(0), length_s, sequence.rate), Fraction(0))
            continue
        start_s, end_s = _find_span(sequence, item)
        file = next(f for asset_id, s, f in files if asset_id == item.asset_id and s[0] <= start_s and end_s <= s[1])
        media[item.segment.id] = ItemMedia(file, start_s)
    return media


def _find_span(sequence: EditorSequence, item: SequenceItem) -> tuple[Fraction, Fraction]:
    """Return the span of the footage's file that an item shows, as long as the item is on the sequence."""
    start_s = sequence.footage[item.asset_id].seconds(item.segment.in_frame)
    return start_s, start_s + (item.end - item.start) / sequence.rate


def _share_progress(progress: ProgressCallback, place: int, total: int) -> ProgressCallback:
    return lambda fraction: progress(CUT_PROGRESS * (place + fraction) / total)


def _name_grades(items: Sequence[SequenceItem], renditions: Mapping[str, Path]) -> dict[Grade, str]:
    """Return the file of each different grade that is not baked."""
    grades = dict.fromkeys(
        item.segment.effects.grade
        for item in items
        if item.segment.id not in renditions and not item.segment.effects.grade.is_neutral
    )
    return {grade: f"{GRADES_FOLDER}/grade-{number}.cube" for number, grade in enumerate(grades, 1)}


def _describe_grade(grade: Grade) -> str:
    return ", ".join(f"{name} {getattr(grade, name):g}" for name in Grade.__struct_fields__ if getattr(grade, name))


def _list_warnings(sequence: EditorSequence, timeline: Timeline, grades: Mapping[Grade, str]) -> list[str]:
    warnings = [
        f"{file.name} was re-encoded: {file.conform_reason}." for file in timeline.videos if file.conform_reason
    ]
    canvas_rate = sequence.canvas.rate.fraction
    if timeline.fps != canvas_rate:
        warnings.append(
            f"Editing programs have no sequences of {float(canvas_rate):g} frames a second: this one runs at "
            f"{float(timeline.fps):g}."
        )
    if grades:
        warnings.append(
            f"The grades are not applied to the media. Apply each file of the folder {GRADES_FOLDER} as a LUT to the "
            "clips whose note names it, or export with `bake`."
        )
    return warnings


def _format_readme(timeline: Timeline, target: Target, steps: Sequence[str], warnings: Sequence[str]) -> str:
    sections = [
        format_heading(timeline, target),
        format_steps(steps, make_file_stem(timeline.name), timeline.name),
        "Media\n-----\nThe folder media holds the parts of the footage that the project uses, with up to two seconds "
        "more on both sides.\n",
        *format_notes(warnings),
    ]
    return "\n".join(sections)
