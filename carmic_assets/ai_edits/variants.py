"""Renders a plan over a range of footage: one to three variants (methods or strengths), scored, best first."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec

from carmic_assets.ai_edits.edit_plan import EditPlan, EditStep
from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.grammar import check_box
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.step_rendering import StepContext, apply_step
from carmic_assets.ai_edits.variant_score import Score, ScoreInputs, measure_step, score_variant
from carmic_assets.ai_edits.working_clip import WorkingClip, encode_variant, extract_clip
from carmic_assets.editing.footage import Footage
from carmic_assets.model.direction import Box
from carmic_assets.model.progress import ProgressCallback, ignore_progress

MAX_RANGE_S = 60.0
_STRENGTHS = (("as asked", 1.0), ("stronger", 1.6), ("weaker", 0.6))
_METHODS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "remove": (("background of other frames", None), ("surroundings", "spatial"), ("blurred instead", "blur")),
    "slow_motion": (("motion interpolated", None), ("frames blended", "blended")),
    "blur_faces": (("blurred", None), ("pixelated", "pixelate")),
}


class Variant(msgspec.Struct, frozen=True):
    """One rendered variant: a playable file, its plan, its score, and sentences about its limits."""

    path: str
    label: str
    plan: EditPlan
    frames: int
    score: Score
    notes: tuple[str, ...] = ()


def list_takes(plan: EditPlan) -> list[tuple[str, EditPlan]]:
    """Return the plans of all variants with their labels.

    They differ in the method of the first step that has several methods, or else in the strength of the first step that
    has one. Otherwise the plan itself is the only variant.
    """
    for index, step in enumerate(plan.steps):
        if step.operation in _METHODS:
            methods = _METHODS[step.operation]
            if step.style is not None:  # the prompt names the method: it comes first
                methods = tuple(sorted(methods, key=lambda method: method[1] != step.style))
            return [(label, _with_step(plan, index, msgspec.structs.replace(step, style=s))) for label, s in methods]
    for index, step in enumerate(plan.steps):
        operation = BY_NAME[step.operation]
        if operation.parameters[:1] == ("strength",) and step.operation not in ("mute", "black_and_white"):
            count = 3 if operation.family == "grade" else 2
            return [
                (label, _with_step(plan, index, msgspec.structs.replace(step, strength=step.strength * ratio)))
                for label, ratio in _STRENGTHS[:count]
            ]
    return [("as asked", plan)]


def _with_step(plan: EditPlan, index: int, step: EditStep) -> EditPlan:
    return EditPlan((*plan.steps[:index], step, *plan.steps[index + 1 :]))


def render(
    plan: EditPlan,
    footage: Footage,
    span: tuple[int, int],
    box: Box | None,
    folder: Path,
    progress: ProgressCallback = ignore_progress,
) -> list[Variant]:
    """Render the frames `span` (half-open, on the footage's clock) as variants in `folder`, best score first.

    `box` is in fractions of the upright frame, at the first frame of the range; None means the full frame. A variant
    that fails is omitted; the call fails only if all variants fail.

    Raises:
        AiEditError: the plan needs or refuses a box, the range is too long, or no variant could be rendered.
    """
    refusal = check_box(plan, box is not None)
    if refusal is not None:
        raise AiEditError(refusal.sentence)
    if not 0 < (span[1] - span[0]) / footage.rate.fraction <= MAX_RANGE_S:
        raise AiEditError(f"The range must be one frame to {MAX_RANGE_S:.0f} s long. Choose another range.")
    planned = list_takes(plan)
    variants: list[Variant] = []
    failure: AiEditError | None = None
    scratch = Path(tempfile.mkdtemp(prefix="edit-", dir=folder))
    try:
        source = extract_clip(footage, span, scratch)
        for number, (label, variant_plan) in enumerate(planned):
            try:
                out_path = folder / f"variant-{number + 1}.mp4"
                variants.append(_render_variant(variant_plan, label, source, box, out_path))
            except AiEditError as cause:
                failure = cause
            progress((number + 1) / len(planned))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not variants:
        raise failure or AiEditError("No variant could be rendered. Try another prompt.")
    return sorted(variants, key=lambda variant: -variant.score.overall)


def _render_variant(plan: EditPlan, label: str, source: WorkingClip, box: Box | None, out_path: Path) -> Variant:
    with tempfile.TemporaryDirectory(prefix="take-", dir=source.path.parent) as name:
        context = StepContext(box, Path(name))
        clip, predicates = source, {}
        inputs = ScoreInputs(plan, source, source, box, [])
        for step in plan.steps:
            # A chain may mix region and full-frame steps: only steps that accept a box receive it.
            context.box = None if BY_NAME[step.operation].box == "refused" else box
            context.covered = []
            edited = apply_step(clip, step, context)
            inputs = ScoreInputs(
                EditPlan((step,)), clip, edited, context.box, context.covered, context.unseen_ratio, context.key_hue
            )
            predicates[step.operation] = measure_step(step, inputs)
            clip = edited
        encode_variant(clip, out_path)
        final_inputs = msgspec.structs.replace(
            inputs, plan=plan, source=source, variant=msgspec.structs.replace(clip, path=out_path), box=box
        )
        score = score_variant(final_inputs, predicates)
    return Variant(str(out_path), label, plan, clip.count, score, tuple(context.notes))
