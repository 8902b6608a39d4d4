"""Builds one export of a timeline, or the rendition of one segment, from chunks that the store caches.

Imports the computing packages at its top; `timeline_pipeline` imports it inside the asset.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from carmic_assets.assets.checks import ExportedFile
from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.assets.timeline_strips import draw_operator_strip
from carmic_assets.editing import smart_copy, stored_segments
from carmic_assets.editing.export_chunks import (
    ENCODER_VERSION,
    Chunk,
    encode_chunk,
    join_chunks,
    plan_chunks,
    write_sound,
)
from carmic_assets.editing.footage import Footage
from carmic_assets.editing.timeline_clock import active
from carmic_assets.media.probe import probe
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.progress import ProgressCallback
from carmic_assets.model.timeline import Canvas, Segments
from resources import timeline_jobs
from resources.timeline_jobs import TimelineJob

ENCODE_RATIO = 0.95  # fraction of a job's progress; the audio and the concatenation are the rest


def build_export(step: TimelineStep, job: TimelineJob) -> ExportedFile:
    """Build the MP4 of a job, store it and complete the job. Chunks that the store holds are not encoded again.

    Raises:
        RenderError: the footage cannot be decoded or no longer exists.
    """
    report = step.report_progress(job)
    report(0.0)
    segments = stored_segments.from_rows(job.request["segments"])
    canvas = msgspec.convert(job.request["canvas"], Canvas)
    path = step.scratch_dir / f"{job.id}.mp4"
    with ExitStack() as open_files:
        footage = open_footage(step, segments, open_files)
        write = write_copied_picture if job.request.get("mode") == "smart" else write_picture
        picture = write(step, segments, footage, canvas, path, report)
    probed = probe(path)
    key = job.object_key or step.store_key(f"exports/{job.id}.mp4")
    facts: dict[str, Any] = {
        "size_bytes": probed.size_bytes,
        "duration_s": float(picture.frames / canvas.rate.fraction),
        "frames": picture.frames,
        "width": canvas.width,
        "height": canvas.height,
        "fps": float(canvas.rate.fraction),
        "chunks": picture.chunks,
        "chunks_encoded": picture.chunks_encoded,
        "frames_copied": picture.frames_copied,
        "notes": list(picture.notes),
        "sha256": probed.sha256,
    }
    step.platform.store.put_file(key, path, "video/mp4")
    with step.platform.database.write() as connection:
        timeline_jobs.finish(connection, job.id, key, facts)
    strip = draw_operator_strip(path, probed, step.scratch_dir / job.id) if job.kind == "export" else ()
    path.unlink()
    return ExportedFile(job.id, probed, picture.frames, picture.frames, strip)


class WrittenPicture(msgspec.Struct, frozen=True):
    """A written MP4: its frames and chunks, and how many chunks the store did not hold.

    `frames_copied` counts the frames whose packets are those of the footage. `notes` are sentences for the user.
    """

    frames: int
    chunks: int = 0
    chunks_encoded: int = 0
    frames_copied: int = 0
    notes: tuple[str, ...] = ()


def write_picture(
    step: TimelineStep,
    segments: Segments,
    footage: dict[str, Footage],
    canvas: Canvas,
    path: Path,
    report: ProgressCallback,
) -> WrittenPicture:
    """Write picture and sound of the segments as MP4.

    Raises:
        RenderError: the footage cannot be decoded, or the number of frames is not the sum of the segments.
    """
    store = step.platform.store
    chunks = plan_chunks(segments, footage, canvas)
    encoded = _encode_missing(step, chunks, report)
    sound_key = _write_sound(step, segments, footage, canvas)
    with ExitStack() as open_files:
        parts = [open_files.enter_context(store.local_file(_build_chunk_key(step, chunk))) for chunk in chunks]
        sound = open_files.enter_context(store.local_file(sound_key))
        frames = join_chunks(parts, sound, canvas.rate, path)
    planned = sum(chunk.shot.count for chunk in chunks)
    if frames != planned:
        raise RenderError(f"The export has {frames} frames instead of {planned}. Try again.")
    return WrittenPicture(frames, len(chunks), encoded)


def write_copied_picture(
    step: TimelineStep,
    segments: Segments,
    footage: dict[str, Footage],
    canvas: Canvas,
    path: Path,
    report: ProgressCallback,
) -> WrittenPicture:
    """Write picture and sound by copying packets, or as `write_picture` does where that is impossible.

    Raises:
        RenderError: as `write_picture`.
    """
    try:
        plan = smart_copy.plan_copy(active(segments), footage, canvas)
        sound_key = _write_sound(step, segments, footage, canvas)
        report(0.5)
        with step.platform.store.local_file(sound_key) as sound:
            copied = smart_copy.write_copy(plan, sound, path, step.platform.settings.threads)
    except smart_copy.NotCopyableError as error:
        written = write_picture(step, segments, footage, canvas, path, report)
        return replace(written, notes=(f"The export was encoded, not copied, because {error.reason}.",))
    return WrittenPicture(copied.frames, frames_copied=copied.frames_copied)


def open_footage(step: TimelineStep, segments: Segments, open_files: ExitStack) -> dict[str, Footage]:
    """Return the footage of the segments by asset id, as local files that stay open with `open_files`.

    Raises:
        RenderError: an asset was deleted.
    """
    assets = {asset.id: asset for asset in step.list_assets()}
    footage = {}
    for asset_id in sorted({segment.asset_id for segment in segments if segment.asset_id}):
        asset = assets.get(asset_id)
        if asset is None or asset.facts is None:
            raise RenderError("An asset of this project was deleted. Start again without it.")
        path = open_files.enter_context(step.platform.store.local_file(asset.object_key))
        footage[asset_id] = Footage(str(path), msgspec.convert(asset.facts, SourceFacts), asset.clock_offset)
    return footage


def _encode_missing(step: TimelineStep, chunks: list[Chunk], report: ProgressCallback) -> int:
    """Encode the chunks that the store does not hold; returns their number."""
    store = step.platform.store
    total = sum(chunk.shot.count for chunk in chunks)
    done, encoded = 0, 0
    for chunk in chunks:
        key = _build_chunk_key(step, chunk)
        if store.stat(key) is None:
            start, share = done / total, chunk.shot.count / total

            def report_chunk(fraction: float, start: float = start, share: float = share) -> None:
                report(ENCODE_RATIO * (start + share * fraction))

            path = step.scratch_dir / f"{chunk.key}.mp4"
            encode_chunk(chunk, path, step.platform.settings.threads, report_chunk)
            store.put_file(key, path, "video/mp4")
            path.unlink()
            encoded += 1
        done += chunk.shot.count
    return encoded


def _write_sound(step: TimelineStep, segments: Segments, footage: dict[str, Footage], canvas: Canvas) -> str:
    """Write the audio of the segments, unless the store holds it; returns its store key."""
    content = [
        [ENCODER_VERSION, canvas.rate],
        [[footage[s.asset_id].facts.sha256 if s.asset_id else None, s.in_frame, s.out_frame, s.rate] for s in segments],
    ]
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    key = step.store_key(f"sound/{digest}.mp4")
    if step.platform.store.stat(key) is None:
        path: Path = step.scratch_dir / f"{digest}.mp4"
        write_sound(segments, footage, canvas, path, step.platform.settings.threads)
        step.platform.store.put_file(key, path, "audio/mp4")
        path.unlink()
    return key


def _build_chunk_key(step: TimelineStep, chunk: Chunk) -> str:
    return step.store_key(f"chunks/{chunk.key}.mp4")
