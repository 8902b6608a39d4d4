"""Predicates of operations: how far a step reached its target, measured / target. `PREDICATES` maps names to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.edit_plan import HOSTED, EditStep
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.picture_measures import (
    EPSILON,
    chroma_of,
    clip_ratio,
    energy,
    noise_sigma,
    sound_levels,
    ssim,
)
from carmic_assets.ai_edits.region_effects import colour_vector, key_weight, patch_chroma
from carmic_assets.ai_edits.region_masks import Patch, Window, cut_patch
from carmic_assets.ai_edits.region_tracking import to_rgb
from carmic_assets.ai_edits.score_sampling import Sampled
from carmic_assets.ai_edits.working_clip import read_samples
from carmic_assets.editing import colour_grade
from carmic_assets.vision.centerface import CenterFace


def _luma_shift(sampled: Sampled) -> float:
    return sampled.mean(lambda a, b: float(b[..., 0].mean()) - float(a[..., 0].mean())) / 219


def _contrast_ratio(sampled: Sampled) -> float:
    return sampled.mean(lambda a, b: float(b[..., 0].std()) / max(float(a[..., 0].std()), 1.0))


def _chroma_ratio(sampled: Sampled) -> float:
    return sampled.mean(lambda a, b: chroma_of(b) / max(chroma_of(a), 0.5))


def _warmth_shift(sampled: Sampled) -> float:
    """Rise of mean R' - B', 0..1: both are linear in Cr and Cb."""

    def warmth(patch: Patch) -> float:
        chroma = patch_chroma(patch).mean()
        return float(1.5748 * chroma.imag - 1.8556 * chroma.real) / 224

    return sampled.mean(lambda a, b: warmth(b) - warmth(a))


def _look(sampled: Sampled, step: EditStep) -> float:
    """Return 1 - (distance to the frame graded by the formula) / (distance of that frame to the source)."""
    grade = BY_NAME[step.operation].grade
    if step.operation != "black_and_white":
        numbers = {n: max(-1.0, min(1.0, getattr(grade, n) * step.strength)) for n in grade.__struct_fields__}
        grade = type(grade)(**numbers)

    def closeness(before: Patch, after: Patch) -> float:
        size = (min(64, before.shape[1]), min(36, before.shape[0]))
        small, result_frames = (
            np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in (before, after)
        )
        source, result = _full_range(small), _full_range(result_frames)
        wanted = colour_grade.apply(grade, source)
        return 1 - float(np.abs(result - wanted).mean()) / max(float(np.abs(wanted - source).mean()), 0.01)

    return sampled.mean(closeness)


def _full_range(patch: NDArray[np.uint8]) -> NDArray[np.float64]:
    """R'G'B' in 0..1 of BT.709 limited-range codes."""
    y, cb, cr = (patch[..., 0] - 16.0) / 219, (patch[..., 1] - 128.0) / 224, (patch[..., 2] - 128.0) / 224
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    return np.clip(np.stack([red, (y - 0.2126 * red - 0.0722 * blue) / 0.7152, blue], axis=-1), 0, 1)


def _sepia(sampled: Sampled, step: EditStep) -> float:
    """Return the fraction of pixels whose hue is within 30 degrees of brown."""
    brown = complex(-20, 14)

    def share(_: Patch, after: Patch) -> float:
        chroma = patch_chroma(after)
        lit = (after[..., 0] > 40) & (after[..., 0] < 225)
        return float((np.abs(np.angle(chroma[lit] / brown)) < 0.52).mean()) if lit.any() else 1.0

    return sampled.mean(share) / (0.8 * min(1.0, step.strength))


def _vignette(sampled: Sampled, step: EditStep) -> float:
    def fall(before: Patch, after: Patch) -> float:
        h, w = before.shape[0] // 8, before.shape[1] // 8
        corner = (after[:h, :w, 0].mean() - 16) / max(1.0, float(before[:h, :w, 0].mean() - 16))
        return float(1 - corner)

    return sampled.mean(fall) / (0.2 * step.strength)


def _grain(sampled: Sampled, step: EditStep) -> float:
    return sampled.mean(lambda a, b: noise_sigma(b) - noise_sigma(a)) / (2.0 * step.strength)


def _denoise(sampled: Sampled, step: EditStep) -> float:
    """Return the reduction of noise relative to 30 %, at an SSIM of at least 0.9; 1 for noise below one code value."""
    if sampled.mean(lambda a, _: noise_sigma(a)) < 1:
        return 1.0
    fall = sampled.mean(lambda a, b: 1 - noise_sigma(b) / max(noise_sigma(a), 0.05))
    similar = sampled.mean(lambda a, b: ssim(a[..., 0], b[..., 0]))
    return fall / 0.3 * min(1.0, similar / 0.9)


def _energy_ratio(sampled: Sampled) -> float:
    return sampled.mean(lambda a, b: energy(b[..., 0]) / max(energy(a[..., 0]), 0.5))


def _blur(sampled: Sampled, step: EditStep) -> float:
    """Return 1 if the Laplacian energy in the region is at most a quarter of the source's."""
    return (1 - _energy_ratio(sampled)) / 0.75


def _pixelate(sampled: Sampled, step: EditStep) -> float:
    """Return the fraction of pixels that equal their right neighbour within the coding error, relative to 0.6."""

    def flat(_: Patch, after: Patch) -> float:
        luma = after[..., 0].astype(np.int16)
        return float((np.abs(np.diff(luma, axis=1)) <= 2).mean())

    return sampled.mean(flat) / 0.6


def _blur_faces(sampled: Sampled, step: EditStep) -> float:
    """Return 1 - (faces still detected / faces of the source)."""
    detector = CenterFace()
    before = sum(len(detector.detect(to_rgb(pair.source))) for pair in sampled.pairs)
    after = sum(len(detector.detect(to_rgb(pair.variant))) for pair in sampled.pairs)
    return 1 - after / max(1, before)


def _background_blur(sampled: Sampled, step: EditStep) -> float:
    """Return the reduction of Laplacian energy in the left and right eighth of the frame, relative to one half."""

    def fall(before: Patch, after: Patch) -> float:
        edge = before.shape[1] // 8
        ratio = [
            energy(after[:, s, 0]) / max(energy(before[:, s, 0]), 0.5) for s in (slice(0, edge), slice(-edge, None))
        ]
        return 1 - float(np.mean(ratio))

    return sampled.mean(fall) / 0.5


def _remove(sampled: Sampled, step: EditStep) -> float:
    """Return the similarity of hole and ring in colour and texture, lowered by the ratio of inpainted pixels."""
    similarities = []
    width, height = sampled.inputs.source.width, sampled.inputs.source.height
    for pair in sampled.pairs:
        for window in sampled.windows(pair):
            margin = max(8, min(window.right - window.left, window.bottom - window.top) // 4)
            ring = Window(
                max(0, window.left - margin) // 2 * 2, max(0, window.top - margin) // 2 * 2,
                min(width, window.right + margin) // 2 * 2, min(height, window.bottom + margin) // 2 * 2,
            )  # fmt: skip
            around = cut_patch(pair.variant, ring)
            hole = np.zeros(around.shape[:2], bool)
            top, left = window.top - ring.top, window.left - ring.left
            hole[top : top + window.bottom - window.top, left : left + window.right - window.left] = True
            if hole.all():
                continue
            colour = np.abs(around[hole].mean(axis=0) - around[~hole].mean(axis=0)).mean() / 48
            texture = cv2.Laplacian(around[..., 0].astype(np.float32), cv2.CV_32F)
            inner, outer = float(np.abs(texture[hole]).mean()), float(np.abs(texture[~hole]).mean())
            similarities.append((1 - clip_ratio(colour)) * min(1.0, (inner + 1) / (outer + 1)) ** 0.5)
    seen = 1.0 if sampled.inputs.unseen_ratio is None else 1 - 0.7 * sampled.inputs.unseen_ratio
    # Inpainting, and a blur, which hides instead of removing, score lower than background from other frames.
    limit = {"spatial": 0.6, "blur": 0.3}.get(step.style or "", 1.0)
    return (float(np.mean(similarities)) if similarities else 0.0) * min(seen, limit)


def _recolour(sampled: Sampled, step: EditStep) -> float:
    """Return the fraction of the key colour's pixels within 15 degrees of the new hue, relative to 0.7."""
    target, key = colour_vector(step.colour or "red"), sampled.inputs.key_hue or 0.0

    def share(before: Patch, after: Patch) -> float:
        keyed = key_weight(patch_chroma(before), key) > 0.8
        if not keyed.any():
            return 0.0
        return float((np.abs(np.angle(patch_chroma(after)[keyed] / target)) < math.radians(15)).mean())

    return sampled.mean(share) / 0.7


def _duration(sampled: Sampled, step: EditStep) -> float:
    """Return how closely the ratio of lengths matches the factor, with a tolerance of one frame."""
    source, variant = sampled.inputs.source.count, sampled.inputs.variant.count
    longer = variant > source
    wants_longer = step.operation in ("slow_motion", "freeze")
    if source == 1:
        return 1.0
    if step.factor is None:
        return 1.0 if longer == wants_longer else 0.0
    wanted = source * step.factor if wants_longer else source / step.factor
    return 1.0 if abs(variant - round(wanted)) <= 1 else 1 - abs(variant - wanted) / wanted


def _reverse(sampled: Sampled, step: EditStep) -> float:
    """Return how much closer the first frame is to the source's last frame than to its first."""
    first, last, result_first, _ = sampled.ends
    to_last = float(np.abs(result_first.y.astype(float) - last.y).mean())
    to_first = float(np.abs(result_first.y.astype(float) - first.y).mean())
    return 1.0 if to_last < 2 else to_first / (to_first + to_last)


def _mirror(sampled: Sampled, step: EditStep) -> float:
    return sampled.mean(lambda a, b: ssim(np.ascontiguousarray(a[:, ::-1, 0]), b[..., 0]))


def _stabilise(sampled: Sampled, step: EditStep) -> float:
    """Return the reduction of camera jitter relative to 30 %; 1 for a steady source (0.1 px of 160)."""
    before, after = (motion.jitter_px for motion in sampled.motion)
    return 1.0 if before < 0.1 else (1 - after / before) / 0.3


def _deflicker(sampled: Sampled, step: EditStep) -> float:
    """Return the reduction of changes in mean luma relative to 30 %; 1 for a source of constant brightness."""
    before, after = (motion.pulse for motion in sampled.motion)
    return 1.0 if before < 0.3 else (1 - after / before) / 0.3


def _fade(sampled: Sampled, step: EditStep) -> float:
    """Return how close the faded end is to the colour of the fade."""
    _, _, first, last = sampled.ends
    luma = float((first if step.operation == "fade_in" else last).y.mean())
    wanted = 235.0 if step.colour == "white" else 16.0
    return 1 - max(0.0, abs(luma - wanted) - 20) / 100


def _title(sampled: Sampled, step: EditStep) -> float:
    """Return the area of white letters that the source does not have, relative to 0.05 % of the frame."""

    def share(before: Patch, after: Patch) -> float:
        return float(((after[..., 0] > 225) & (before[..., 0] < 200)).mean())

    return sampled.mean(share) / 0.0005


def _reframe(sampled: Sampled, step: EditStep) -> float:
    """Whether the picture has the aspect ratio, within a hundredth."""
    width, _, height = (step.aspect or "9:16").partition(":")
    variant = sampled.inputs.variant
    return 1.0 if abs(variant.width / variant.height * int(height) / int(width) - 1) <= 0.01 else 0.0


def _changed(sampled: Sampled, step: EditStep) -> float:
    return 1.0 if sampled.mean(lambda a, b: float(np.abs(a[..., 0].astype(float) - b[..., 0]).mean())) > 1.0 else 0.0


def _sound(sampled: Sampled, step: EditStep) -> float:
    """Ratios of the root mean square: silence, the gain, or a lower noise floor (10th percentile of 50 ms blocks)."""
    source, variant = sampled.inputs.source.sound, sampled.inputs.variant.sound
    if source is None or variant is None:
        return 0.0
    before, after = (read_samples(path).astype(np.float64) for path in (source, variant))
    loud, now = (math.sqrt(float(np.square(s).mean())) + EPSILON for s in (before, after))
    if step.operation == "mute":
        return 1.0 if now < 1 else 0.0
    if loud < 1:
        return 1.0
    if step.operation == "louder":
        return (now / loud - 1) / 0.3
    if step.operation == "quieter":
        return (1 - now / loud) / 0.2
    floors = [float(np.percentile(sound_levels(s), 10)) + 1 for s in (before, after)]
    return (1 - floors[1] / floors[0]) / 0.3 if floors[0] > 4 else 1.0


Predicate = Callable[[Sampled, EditStep], float]
PREDICATES: dict[str, Predicate] = {
    "brighter": lambda s, step: _luma_shift(s) / (0.05 * step.strength),
    "darker": lambda s, step: -_luma_shift(s) / (0.05 * step.strength),
    "more_contrast": lambda s, step: (_contrast_ratio(s) - 1) / (0.1 * step.strength),
    "less_contrast": lambda s, step: (1 - _contrast_ratio(s)) / (0.1 * step.strength),
    "more_saturation": lambda s, step: (_chroma_ratio(s) - 1) / (0.2 * step.strength),
    "less_saturation": lambda s, step: (1 - _chroma_ratio(s)) / (0.2 * step.strength),
    "warmer": lambda s, step: _warmth_shift(s) / (0.04 * step.strength),
    "cooler": lambda s, step: -_warmth_shift(s) / (0.04 * step.strength),
    **dict.fromkeys(("black_and_white", "cinematic", "vintage", "moody"), _look),
    **dict.fromkeys(("slow_motion", "speed_up", "freeze"), _duration),
    **dict.fromkeys(("fade_in", "fade_out"), _fade),
    **dict.fromkeys(("mute", "louder", "quieter", "clean_voice"), _sound),
    "sepia": _sepia,
    "vignette": _vignette,
    "grain": _grain,
    "denoise": _denoise,
    "sharpen": lambda s, step: (_energy_ratio(s) - 1) / (0.3 * step.strength),
    "deflicker": _deflicker,
    "mirror": _mirror,
    "stabilise": _stabilise,
    **dict.fromkeys(("zoom_in", HOSTED), _changed),
    "blur": _blur,
    "pixelate": _pixelate,
    "blur_faces": _blur_faces,
    "background_blur": _background_blur,
    "remove": _remove,
    "recolour": _recolour,
    "reverse": _reverse,
    "title": _title,
    "captions": _title,
    "reframe": _reframe,
}
