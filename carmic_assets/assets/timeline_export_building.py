"""Builds one export of a timeline, or the rendition of one segment, from chunks that the store caches.

Imports the computing packages at its top; `timeline_pipeline` imports it inside the asset.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from carmic_assets.assets.checks import ExportedFile
from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.editing import stored_segments
from carmic_assets.editing.export_chunks import (
    ENCODER_VERSION,
    Chunk,
    encode_chunk,
    join_chunks,
    plan_chunks,
    write_sound,
)
from carmic_assets.editing.footage import Footage
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
    store = step.platform.store
    with ExitStack() as open_files:
        footage = _open_footage(step, segments, open_files)
        chunks = plan_chunks(segments, footage, canvas)
        encoded = _encode_missing(step, chunks, report)
        sound_key = _write_sound(step, segments, footage, canvas)
        parts = [open_files.enter_context(store.local_file(_build_chunk_key(step, chunk))) for chunk in chunks]
        sound = open_files.enter_context(store.local_file(sound_key))
        path = step.scratch_dir / f"{job.id}.mp4"
        frames = join_chunks(parts, sound, canvas.rate, path)
    expected_frames = sum(chunk.shot.count for chunk in chunks)
    if frames != expected_frames:
        raise RenderError(f"The export has {frames} frames instead of {expected_frames}. Try again.")
    probed = probe(path)
    key = job.object_key or step.store_key(f"exports/{job.id}.mp4")
    facts: dict[str, Any] = {
        "size_bytes": probed.size_bytes,
        "duration_s": float(frames / canvas.rate.fraction),
        "frames": frames,
        "width": canvas.width,
        "height": canvas.height,
        "fps": float(canvas.rate.fraction),
        "chunks": len(chunks),
        "chunks_encoded": encoded,
        "sha256": probed.sha256,
    }
    store.put_file(key, path, "video/mp4")
    path.unlink()
    with step.platform.database.write() as connection:
        timeline_jobs.finish(connection, job.id, key, facts)
    return ExportedFile(job.id, probed, frames, expected_frames)


def _open_footage(step: TimelineStep, segments: Segments, open_files: ExitStack) -> dict[str, Footage]:
    assets = {asset.id: asset for asset in step.list_assets()}
    footage = {}
    for asset_id in sorted({segment.asset_id for segment in segments if segment.asset_id}):
        asset = assets.get(asset_id)
        if asset is None or asset.facts is None:
            raise RenderError("An asset of this project was deleted. Export it again.")
        path = open_files.enter_context(step.platform.store.local_file(asset.object_key))
        footage[asset_id] = Footage(str(path), msgspec.convert(asset.facts, SourceFacts))
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
