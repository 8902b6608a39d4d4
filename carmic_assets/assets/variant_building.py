"""Builds the variants of one AI edit: extracts the range, renders and scores each variant, stores it, then its row.

Imports the computing packages at its top; `edit_variants` imports it inside the asset.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from carmic_assets.ai_edits.before_after import draw_comparison, draw_strip
from carmic_assets.ai_edits.edit_plan import EditPlan
from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.range_extraction import box_on_clip, choose_canvas, extract_range
from carmic_assets.ai_edits.variant_judge import judge_variant
from carmic_assets.ai_edits.variants import Take, Variant, list_takes, render_variants
from carmic_assets.ai_edits.working_clip import WorkingClip
from carmic_assets.assets.checks import VariantFile
from carmic_assets.assets.hosted_edit_building import build_hosted_edit
from carmic_assets.assets.timeline_export_building import open_footage
from carmic_assets.assets.timeline_step import TimelineStep
from carmic_assets.editing import stored_segments
from carmic_assets.editing.export_chunks import count_frames
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import Box
from carmic_assets.model.errors import RenderError
from carmic_assets.model.timeline import Canvas
from carmic_assets.scoring.llm import Endpoint
from carmic_assets.speech.transcription import TranscriptionOptions
from resources import hosted_edits, timeline_jobs, timeline_variants
from resources.settings import Settings
from resources.timeline_jobs import TimelineJob
from resources.timeline_variants import NewVariant

EXTRACT_RATIO = 0.1  # of a job's progress


class BuiltVariant(msgspec.Struct, frozen=True):
    """A stored variant: the input of the checks, its score, and its picture of before and after on disk."""

    file: VariantFile
    overall_score: float
    comparison: Path


class EditRequest(msgspec.Struct, frozen=True):
    """What a job is made from. `box` is in fractions of the timeline's canvas. `service` is local, fal or runway."""

    service: str
    plan: EditPlan
    box: Box | None
    canvas: Canvas


def build_variants(step: TimelineStep, job: TimelineJob) -> list[BuiltVariant]:
    """Build the variants that the job has not, and complete the job. Variants of an earlier attempt stay.

    A variant that fails is left out, and recorded as an event; the job fails only if it has none.

    Raises:
        RenderError: the footage cannot be decoded, or no variant could be rendered.
    """
    report = step.report_progress(job)
    report(0.0)
    request = msgspec.convert(job.request, EditRequest)
    spans = stored_segments.from_rows(job.request["spans"])
    with step.platform.database.read() as connection:
        finished = {variant.number for variant in timeline_variants.list_for_job(connection, job.id)}
    folder = step.scratch_dir / job.id
    (folder / "source").mkdir(parents=True)
    built: list[BuiltVariant] = []
    errors: list[RenderError] = []
    with ExitStack() as open_files:
        footage = open_footage(step, spans, open_files)
        clip_canvas = choose_canvas(spans, footage, request.canvas)
        box = None if request.box is None else box_on_clip(request.box, clip_canvas, request.canvas)
        source = extract_range(spans, footage, clip_canvas, folder / "source")
        takes = len(list_takes(request.plan)) if request.service == "local" else 1
        for take in _render(step, job, request, source, box, finished):
            if take.variant is not None:
                built.append(_store_variant(step, job, source, take, take.variant))
            elif take.error is not None:
                errors.append(take.error)
                with step.platform.database.write() as connection:
                    sentence = take.error.sentence
                    timeline_variants.record_failure(connection, job, take.number, take.label, sentence)
            report(EXTRACT_RATIO + (1 - EXTRACT_RATIO) * (take.number + 1) / takes)
    if not built and not finished:
        raise errors[-1] if errors else AiEditError("No variant could be rendered. Try another prompt.")
    notes = [f"One variant could not be rendered: {error.sentence}" for error in errors]
    facts = {"variants": len(built) + len(finished), "notes": notes}
    with step.platform.database.write() as connection:
        timeline_jobs.finish(connection, job.id, None, facts)
    return built


def _render(
    step: TimelineStep,
    job: TimelineJob,
    request: EditRequest,
    source: WorkingClip,
    box: Box | None,
    finished: Container[int],
) -> Iterator[Take]:
    """Yield the variants of the job: those of this machine, or the one of a hosted model."""
    if request.service == "local":
        settings = step.platform.settings
        speech = TranscriptionOptions(
            model=settings.whisper_model,
            device=settings.device,
            threads=settings.threads,
            cache_dir=settings.cache_dir / "whisper",
        )
        yield from render_variants(request.plan, source, box, step.scratch_dir / job.id, finished, speech)
    elif 0 not in finished:
        variant = build_hosted_edit(step, job, source, box, step.report_progress(job, EXTRACT_RATIO))
        yield Take(0, variant.label, variant)


def find_judge(settings: Settings) -> Endpoint | None:
    """Return the language model that judges variants: Gemini, which sees pictures, before CARMIC_LLM_URL."""
    if settings.gemini_api_key:
        url = f"{settings.gemini_url.rstrip('/')}/v1beta"
        return Endpoint("gemini", url, settings.gemini_model, settings.gemini_api_key)
    if settings.llm_url:
        return Endpoint("openai", settings.llm_url.rstrip("/"), settings.llm_model, settings.llm_api_key)
    return None


def _store_variant(
    step: TimelineStep, job: TimelineJob, source: WorkingClip, take: Take, variant: Variant
) -> BuiltVariant:
    """Store the files of a variant, then insert its row."""
    path, store = Path(variant.path), step.platform.store
    facts = probe(path)
    video = facts.video
    if video is None:
        raise AiEditError("The variant has no picture. Try again.")
    size = {"width": video.width, "height": video.height}
    clip = msgspec.structs.replace(source, path=path, count=variant.frames, **size)
    strip, comparison = path.with_suffix(".strip.jpg"), path.with_suffix(".before-after.jpg")
    draw_strip(clip, strip)
    draw_comparison(source, clip, comparison)
    prefix = step.store_key(f"variants/{job.id}/{take.number}")
    keys = (f"{prefix}.mp4", f"{prefix}.jpg", f"{prefix}-before-after.jpg")
    for key, artifact in zip(keys, (path, strip, comparison), strict=True):
        store.put_file(key, artifact, "video/mp4" if artifact is path else "image/jpeg")
    measures = {"prompt": msgspec.to_builtins(variant.score), "original": msgspec.to_builtins(variant.comparison)}
    endpoint = find_judge(step.platform.settings)
    if endpoint is not None:
        judgement = judge_variant(variant, job.request["prompt"], comparison.read_bytes(), endpoint)
        measures["judge"] = msgspec.to_builtins(judgement)
    row = NewVariant(
        take.number, variant.label, msgspec.to_builtins(variant.plan), *keys, msgspec.to_builtins(facts),
        variant.frames, measures, variant.score.overall, list(variant.notes),
    )  # fmt: skip
    with step.platform.database.write() as connection:
        hosted = hosted_edits.get_for_job(connection, job.id)
        timeline_variants.create(connection, job, row, hosted.id if hosted else None)
        if hosted is not None:
            hosted_edits.advance(connection, hosted.id, "RUNNING", "COMPLETED")
    written = count_frames(path)
    path.unlink()
    psnr_db = variant.comparison.psnr_outside_db
    file = VariantFile(variant.label, facts, written, variant.frames, psnr_db, source.sound is not None)
    return BuiltVariant(file, variant.score.overall, comparison)
