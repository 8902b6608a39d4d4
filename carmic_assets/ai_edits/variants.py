"""Renders a plan over a range of footage: one to three variants (methods or strengths) with their scores."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterator
from pathlib import Path

import msgspec

from carmic_assets.ai_edits.edit_plan import EditPlan, EditStep
from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.grammar import check_box
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.score_sampling import ScoreInputs
from carmic_assets.ai_edits.source_comparison import Comparison, compare
from carmic_assets.ai_edits.step_rendering import StepContext, apply_step
from carmic_assets.ai_edits.variant_score import Score, measure_step, score_variant
from carmic_assets.ai_edits.working_clip import WorkingClip, encode_variant
from carmic_assets.model.direction import Box
from carmic_assets.model.errors import RenderError
from carmic_assets.speech.transcription import DEFAULT_OPTIONS, TranscriptionOptions

_STRENGTHS = (("as asked", 1.0), ("stronger", 1.6), ("weaker", 0.6))
_METHODS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "remove": (("background of other frames", None), ("surroundings", "spatial"), ("blurred instead", "blur")),
    "slow_motion": (("motion interpolated", None), ("frames blended", "blended")),
    "blur_faces": (("blurred", None), ("pixelated", "pixelate")),
}

# The limit of fidelity of a variant that uses another method than the prompt names: "blur the faces", pixelated.
_OTHER_METHOD_LIMIT = {"blur_faces": 0.5}


class Variant(msgspec.Struct, frozen=True):
    """One rendered variant: a playable file, its plan, its score, its comparison with the source, and its limits."""

    path: str
    label: str
    plan: EditPlan
    frames: int
    score: Score
    comparison: Comparison
    notes: tuple[str, ...] = ()


class Take(msgspec.Struct, frozen=True):
    """One method or strength of a plan: its variant, or the error that kept it from being rendered."""

    number: int
    label: str
    variant: Variant | None
    error: RenderError | None = None


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


def render_variants(
    plan: EditPlan,
    source: WorkingClip,
    box: Box | None,
    folder: Path,
    finished: Container[int] = (),
    speech: TranscriptionOptions = DEFAULT_OPTIONS,
) -> Iterator[Take]:
    """Render the variants of a plan one after another into `folder`, in the order of `list_takes`.

    `box` is in fractions of the frame, at the first frame of `source`; None means the full frame. The variants whose
    numbers are in `finished` are left out. `speech` are the options of captions.

    Raises:
        AiEditError: the plan needs a box, or refuses one.
    """
    refusal = check_box(plan, box is not None)
    if refusal is not None:
        raise AiEditError(refusal.sentence)
    for number, (label, variant_plan) in enumerate(list_takes(plan)):
        if number in finished:
            continue
        try:
            out_path = folder / f"variant-{number + 1}.mp4"
            yield Take(number, label, _render_variant(variant_plan, label, source, box, out_path, plan, speech))
        except RenderError as cause:
            yield Take(number, label, None, cause)


def _render_variant(
    plan: EditPlan,
    label: str,
    source: WorkingClip,
    box: Box | None,
    out_path: Path,
    requested: EditPlan,
    speech: TranscriptionOptions,
) -> Variant:
    with tempfile.TemporaryDirectory(prefix="take-", dir=source.path.parent) as name:
        context = StepContext(box, Path(name), speech=speech)
        clip, predicates = source, {}
        inputs = ScoreInputs(plan, source, source, box, [])
        for step in plan.steps:
            # A chain may mix region and full-frame steps: only steps that accept a box receive it. After a reframe, the
            # box is no longer where it was drawn.
            is_moved = (clip.width, clip.height) != (source.width, source.height)
            context.box = None if is_moved or BY_NAME[step.operation].box == "refused" else box
            context.covered = []
            edited = apply_step(clip, step, context)
            inputs = ScoreInputs(
                EditPlan((step,)), clip, edited, context.box, context.covered, context.unseen_ratio, context.key_hue
            )
            limit = 1.0 if step in requested.steps else _OTHER_METHOD_LIMIT.get(step.operation, 1.0)
            predicates[step.operation] = min(limit, measure_step(step, inputs))
            clip = edited
        encode_variant(clip, out_path)
        final_inputs = msgspec.structs.replace(
            inputs, plan=plan, source=source, variant=msgspec.structs.replace(clip, path=out_path), box=box
        )
        score, comparison = score_variant(final_inputs, predicates), compare(final_inputs)
    return Variant(str(out_path), label, plan, clip.count, score, comparison, tuple(context.notes))
