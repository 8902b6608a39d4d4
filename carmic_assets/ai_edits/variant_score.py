"""Scores a variant by deterministic measurements on its frames and those of the source.

`fidelity` is the geometric mean of one predicate per operation, each clip(measured / target, 0, 1), in percent.
`visual_quality` is 100 * (0.4 sharpness + 0.3 (1 - flicker) + 0.3 seam): sharpness = min(1, ratio of Laplacian energy),
flicker = excess of the temporal difference over the source's, seam = similarity of the first and last frame to those of
the source outside the changed region. `overall` is the geometric mean of the two. At most `SAMPLES` evenly spaced
frames are measured.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from carmic_assets.ai_edits.edit_plan import EditStep
from carmic_assets.ai_edits.picture_measures import EPSILON, clip_ratio, energy
from carmic_assets.ai_edits.score_predicates import PREDICATES
from carmic_assets.ai_edits.score_sampling import Pair, Sampled, ScoreInputs, sample

_SOFTENING = frozenset({"blur", "pixelate", "blur_faces", "background_blur", "denoise", "zoom_in", "remove"})


class Score(msgspec.Struct, frozen=True):
    """Percentages 0..100, the measures behind them, and a sentence that names the lowest measure."""

    fidelity: float
    visual_quality: float
    overall: float
    details: str
    measures: dict[str, float]


def measure_step(step: EditStep, inputs: ScoreInputs) -> float:
    """Return how close one step came to its target, 0..1. `inputs` are the clips before and after that step."""
    return clip_ratio(PREDICATES[step.operation](sample(inputs), step))


def score_variant(inputs: ScoreInputs, predicates: dict[str, float]) -> Score:
    """Combine the predicates, by operation, with the visual quality of the finished variant relative to its source."""
    sampled = sample(inputs)
    measures = {f"fidelity_{name}": round(value, 4) for name, value in predicates.items()}
    fidelity = 100 * _geometric_mean(list(predicates.values()))
    quality = _quality(sampled)
    measures |= {name: round(value, 4) for name, value in quality.items()}
    visual = 100 * (0.4 * quality["sharpness"] + 0.3 * (1 - quality["flicker"]) + 0.3 * quality["seam"])
    overall = math.sqrt(fidelity * visual)
    if inputs.unseen_ratio is not None:
        measures["unseen_ratio"] = round(inputs.unseen_ratio, 4)
    details = _details(predicates, quality)
    return Score(round(fidelity, 1), round(visual, 1), round(overall, 1), details, measures)


def _quality(sampled: Sampled) -> dict[str, float]:
    names = set(sampled.inputs.plan.operations)
    ratios = [energy(pair.variant.y) / max(energy(pair.source.y), EPSILON) for pair in sampled.pairs]
    # Operations that soften on purpose do not lose sharpness; fades change the energy of their frames by design.
    softens = names & (
        _SOFTENING | {"fade_in", "fade_out", "moody", "vintage", "darker", "less_contrast", "slow_motion"}
    )
    sharpness = 1.0 if softens else min(1.0, float(np.median(ratios)))
    before, after = (motion.change for motion in sampled.motion)
    speed = len(names & {"speed_up", "zoom_in", "fade_in", "fade_out", "reverse", "freeze", "grain", "mirror"})
    flicker = 0.0 if speed else clip_ratio((after - before * 1.15) / max(before, 1.0))
    return {"sharpness": sharpness, "flicker": flicker, "seam": _seam(sampled, names)}


def _seam(sampled: Sampled, names: set[str]) -> float:
    """Return 1 if first and last frame equal the source's outside the changed windows, 0 from 32 code values on."""
    if sampled.inputs.box is None or names & {"reverse", "speed_up", "slow_motion", "freeze", "zoom_in", "mirror"}:
        return 1.0
    first, last, result_first, result_last = sampled.ends
    worst = 0.0
    for number, before, after in ((0, first, result_first), (sampled.inputs.source.count - 1, last, result_last)):
        outside = np.ones(before.y.shape, bool)
        for window in sampled.windows(Pair(number, before, after)):
            outside[max(0, window.top - 12) : window.bottom + 12, max(0, window.left - 12) : window.right + 12] = False
        if outside.any():
            worst = max(worst, float(np.abs(before.y.astype(float) - after.y)[outside].mean()))
    return 1 - clip_ratio(worst / 32)


def _details(predicates: dict[str, float], quality: dict[str, float]) -> str:
    parts = {f"the operation {name.replace('_', ' ')}": value for name, value in predicates.items()}
    parts |= {"sharpness": quality["sharpness"], "flicker": 1 - quality["flicker"], "the seam": quality["seam"]}
    name, value = min(parts.items(), key=lambda part: part[1])
    if value >= 0.98:
        return "Every measure reached its target."
    return f"The lowest measure is {name}: {value:.0%} of its target."


def _geometric_mean(values: list[float]) -> float:
    return math.exp(float(np.mean([math.log(max(value, 0.01)) for value in values]))) if values else 0.0
