"""Scores a variant by deterministic measurements on its frames and those of the source.

`fidelity` is the geometric mean of one predicate per operation, each clip(measured / target, 0, 1), in percent.
`visual_quality` is 100 * (0.4 sharpness + 0.3 (1 - flicker) + 0.3 seam): sharpness = min(1, ratio of Laplacian energy),
flicker = excess of the temporal difference over the source's, seam = similarity of the first and last frame to those of
the source outside the changed region. `overall` is the geometric mean of the two. At most `SAMPLES` evenly spaced
frames are measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.edit_plan import EditPlan, EditStep
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.region_effects import colour_vector, key_weight, patch_chroma
from carmic_assets.ai_edits.region_masks import Patch, PixelBox, Window, cut_patch, to_pixels, window_around
from carmic_assets.ai_edits.region_tracking import to_rgb
from carmic_assets.ai_edits.working_clip import Planes, WorkingClip, read_frames, read_samples
from carmic_assets.editing import colour_grade
from carmic_assets.media import ffmpeg
from carmic_assets.model.direction import Box
from carmic_assets.model.errors import RenderError
from carmic_assets.vision.centerface import CenterFace

SAMPLES = 16
_EPSILON = 1e-6
_SOFTENING = frozenset({"blur", "pixelate", "blur_faces", "background_blur", "denoise", "zoom_in", "remove"})
_BAD_SCORE = 40.0
_GOOD_SCORE = 70.0

Gray = NDArray[np.float32]


class Score(msgspec.Struct, frozen=True):
    """Percentages 0..100, the measures behind them, and a sentence that names the lowest measure."""

    fidelity: float
    visual_quality: float
    overall: float
    details: str
    measures: dict[str, float]

    @property
    def overall_rating(self) -> str:
        """The overall score with a word, such as "87/100 good"."""
        word = "good" if self.overall >= _GOOD_SCORE else "fair" if self.overall >= _BAD_SCORE else "poor"
        return f"{self.overall:.0f}/100 {word}"


class ScoreInputs(msgspec.Struct, frozen=True):
    """The clips to compare: a lossless source, the variant that `plan` produced, and measurements of the rendering.

    `variant.sound` is the audio before encoding. `covered` holds the region's boxes in each frame, in pixels.
    """

    plan: EditPlan
    source: WorkingClip
    variant: WorkingClip
    box: Box | None
    covered: list[list[PixelBox]]
    unseen_ratio: float | None = None
    key_hue: float | None = None


class _Pair(msgspec.Struct, frozen=True):
    """A frame of the variant and the source frame of the same number."""

    number: int
    source: Planes
    variant: Planes


class _Motion(msgspec.Struct, frozen=True):
    """Changes of a clip from frame to frame: means over all neighbouring frames, measured at 160 x 90 pixels.

    `change` is the difference of luma; `jitter_px` the change of the camera's shift (phase correlation);
    `pulse` the change of the mean luma.
    """

    change: float
    jitter_px: float
    pulse: float


class _Sampled(msgspec.Struct):
    inputs: ScoreInputs
    pairs: list[_Pair]
    ends: tuple[Planes, Planes, Planes, Planes]  # first and last of the source, first and last of the variant
    motion: tuple[_Motion, _Motion]  # source, variant

    def windows(self, pair: _Pair) -> list[Window]:
        """Return the windows that the operation changes in a frame: the tracked boxes, the box, or the full frame."""
        width, height = self.inputs.source.width, self.inputs.source.height
        if self.inputs.covered and pair.number < len(self.inputs.covered):
            boxes = self.inputs.covered[pair.number]
        elif self.inputs.box is not None:
            boxes = [to_pixels(self.inputs.box, width, height)]
        else:
            boxes = [PixelBox(0, 0, width, height)]
        return [w for w in (window_around(b, width, height, 0) for b in boxes) if not w.is_empty]

    def patches(self) -> Iterable[tuple[Patch, Patch]]:
        """Yield source and variant patch of each window of each sampled frame."""
        for pair in self.pairs:
            for window in self.windows(pair):
                yield cut_patch(pair.source, window), cut_patch(pair.variant, window)

    def mean(self, measure: Callable[[Patch, Patch], float]) -> float:
        """Return the mean of a measure over all patches; 0 if there are no patches."""
        values = [measure(before, after) for before, after in self.patches()]
        return float(np.mean(values)) if values else 0.0


def measure_step(step: EditStep, inputs: ScoreInputs) -> float:
    """Return how close one step came to its target, 0..1. `inputs` are the clips before and after that step."""
    return _clip(_PREDICATES[step.operation](_sample(inputs), step))


def score_variant(inputs: ScoreInputs, predicates: dict[str, float]) -> Score:
    """Combine the predicates, by operation, with the visual quality of the finished variant relative to its source."""
    sampled = _sample(inputs)
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


def compare_to_source(source: Path, variant: Path, width: int, height: int) -> dict[str, float]:
    """Return SSIM and VMAF (the model without enhancement gain, scaled to 1080 lines) of a variant of equal length.

    Raises:
        RenderError: the files differ in size or cannot be decoded.
    """
    scale = f"scale={2 * round(width * 1080 / height / 2)}:1080:flags=bicubic"
    graph = (
        f"[0:v]split[a][b];[1:v]split[c][d];[a][c]ssim[s];[b]{scale}[x];[d]{scale}[y];"
        "[x][y]libvmaf=model=version=vmaf_v0.6.1neg:n_threads=2[v]"
    )
    inputs = [ffmpeg.Input(str(variant)), ffmpeg.Input(str(source))]
    outputs = ["-map", "[s]", "-f", "null", "-", "-map", "[v]", "-f", "null", "-"]
    log = ffmpeg.run(ffmpeg.build_command(inputs, outputs, graph=graph), error=RenderError).log
    text = "\n".join(log)
    return {
        "ssim": float(text.rsplit("All:", 1)[1].split()[0]),
        "vmaf_neg": float(text.rsplit("VMAF score:", 1)[1].split()[0]),
    }


# Sampling and quality


def _sample(inputs: ScoreInputs) -> _Sampled:
    source, variant = inputs.source, inputs.variant
    shared = min(source.count, variant.count)
    wanted = set(np.unique(np.linspace(0, shared - 1, min(SAMPLES, shared)).round().astype(int)).tolist())
    kept, first, last, source_motion = _scan(source.path, wanted)
    result_frames, result_first, result_last, motion = _scan(variant.path, wanted)
    pairs = [_Pair(n, kept[n], result_frames[n]) for n in sorted(wanted)]
    return _Sampled(inputs, pairs, (first, last, result_first, result_last), (source_motion, motion))


def _scan(path: Path, wanted: set[int]) -> tuple[dict[int, Planes], Planes, Planes, _Motion]:
    """Return the frames with the numbers `wanted`, the first and the last frame, and the motion of the clip."""
    kept: dict[int, Planes] = {}
    first = last = None
    previous: Gray | None = None
    differences, shifts, means = [], [], []
    taper = cv2.createHanningWindow((160, 90), cv2.CV_32F)
    for number, planes in enumerate(read_frames(path)):
        first = first or planes
        last = planes
        if number in wanted:
            kept[number] = planes
        small = np.asarray(cv2.resize(planes.y, (160, 90), interpolation=cv2.INTER_AREA), dtype=np.float32)
        if previous is not None:
            differences.append(float(np.abs(small - previous).mean()))
            shifts.append(cv2.phaseCorrelate(previous, small, np.asarray(taper))[0])
        means.append(float(small.mean()))
        previous = small
    if first is None or last is None:
        raise ValueError(f"{path} has no frames")
    jitter = np.abs(np.diff(np.array(shifts), axis=0)).mean() if len(shifts) > 1 else 0.0
    pulse = np.abs(np.diff(means)).mean() if len(means) > 1 else 0.0
    change = np.mean(differences) if differences else 0.0
    return kept, first, last, _Motion(float(change), float(jitter), float(pulse))


def _quality(sampled: _Sampled) -> dict[str, float]:
    names = set(sampled.inputs.plan.operations)
    ratios = [_energy(pair.variant.y) / max(_energy(pair.source.y), _EPSILON) for pair in sampled.pairs]
    # Operations that soften on purpose do not lose sharpness; fades change the energy of their frames by design.
    softens = names & (
        _SOFTENING | {"fade_in", "fade_out", "moody", "vintage", "darker", "less_contrast", "slow_motion"}
    )
    sharpness = 1.0 if softens else min(1.0, float(np.median(ratios)))
    before, after = (motion.change for motion in sampled.motion)
    speed = len(names & {"speed_up", "zoom_in", "fade_in", "fade_out", "reverse", "freeze", "grain", "mirror"})
    flicker = 0.0 if speed else _clip((after - before * 1.15) / max(before, 1.0))
    return {"sharpness": sharpness, "flicker": flicker, "seam": _seam(sampled, names)}


def _seam(sampled: _Sampled, names: set[str]) -> float:
    """Return 1 if first and last frame equal the source's outside the changed windows, 0 from 32 code values on."""
    if sampled.inputs.box is None or names & {"reverse", "speed_up", "slow_motion", "freeze", "zoom_in", "mirror"}:
        return 1.0
    first, last, result_first, result_last = sampled.ends
    worst = 0.0
    for number, before, after in ((0, first, result_first), (sampled.inputs.source.count - 1, last, result_last)):
        outside = np.ones(before.y.shape, bool)
        for window in sampled.windows(_Pair(number, before, after)):
            outside[max(0, window.top - 12) : window.bottom + 12, max(0, window.left - 12) : window.right + 12] = False
        if outside.any():
            worst = max(worst, float(np.abs(before.y.astype(float) - after.y)[outside].mean()))
    return 1 - _clip(worst / 32)


def _details(predicates: dict[str, float], quality: dict[str, float]) -> str:
    parts = {f"the operation {name.replace('_', ' ')}": value for name, value in predicates.items()}
    parts |= {"sharpness": quality["sharpness"], "flicker": 1 - quality["flicker"], "the seam": quality["seam"]}
    name, value = min(parts.items(), key=lambda part: part[1])
    if value >= 0.98:
        return "Every measure reached its target."
    return f"The lowest measure is {name}: {value:.0%} of its target."


# Predicates: one per operation, measured / target


def _luma_shift(sampled: _Sampled) -> float:
    return sampled.mean(lambda a, b: float(b[..., 0].mean()) - float(a[..., 0].mean())) / 219


def _contrast_ratio(sampled: _Sampled) -> float:
    return sampled.mean(lambda a, b: float(b[..., 0].std()) / max(float(a[..., 0].std()), 1.0))


def _chroma_ratio(sampled: _Sampled) -> float:
    return sampled.mean(lambda a, b: _chroma(b) / max(_chroma(a), 0.5))


def _chroma(patch: Patch) -> float:
    return float(np.abs(patch_chroma(patch)).mean())


def _warmth_shift(sampled: _Sampled) -> float:
    """Rise of mean R' - B', 0..1: both are linear in Cr and Cb."""

    def warmth(patch: Patch) -> float:
        chroma = patch_chroma(patch).mean()
        return float(1.5748 * chroma.imag - 1.8556 * chroma.real) / 224

    return sampled.mean(lambda a, b: warmth(b) - warmth(a))


def _look(sampled: _Sampled, step: EditStep) -> float:
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


def _sepia(sampled: _Sampled, step: EditStep) -> float:
    """Return the fraction of pixels whose hue is within 30 degrees of brown."""
    brown = complex(-20, 14)

    def share(_: Patch, after: Patch) -> float:
        chroma = patch_chroma(after)
        lit = (after[..., 0] > 40) & (after[..., 0] < 225)
        return float((np.abs(np.angle(chroma[lit] / brown)) < 0.52).mean()) if lit.any() else 1.0

    return sampled.mean(share) / (0.8 * min(1.0, step.strength))


def _vignette(sampled: _Sampled, step: EditStep) -> float:
    def fall(before: Patch, after: Patch) -> float:
        h, w = before.shape[0] // 8, before.shape[1] // 8
        corner = (after[:h, :w, 0].mean() - 16) / max(1.0, float(before[:h, :w, 0].mean() - 16))
        return float(1 - corner)

    return sampled.mean(fall) / (0.2 * step.strength)


def _noise_sigma(patch: Patch) -> float:
    """Standard deviation of the noise by Immerkaer's method (1996)."""
    luma = patch[..., 0].astype(np.float32)
    if min(luma.shape) < 5:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(luma, -1, kernel))[1:-1, 1:-1]
    return float(response.mean() * math.sqrt(math.pi / 2) / 6)


def _grain(sampled: _Sampled, step: EditStep) -> float:
    return sampled.mean(lambda a, b: _noise_sigma(b) - _noise_sigma(a)) / (2.0 * step.strength)


def _denoise(sampled: _Sampled, step: EditStep) -> float:
    """Return the reduction of noise relative to 30 %, at an SSIM of at least 0.9; 1 for noise below one code value."""
    if sampled.mean(lambda a, _: _noise_sigma(a)) < 1:
        return 1.0
    fall = sampled.mean(lambda a, b: 1 - _noise_sigma(b) / max(_noise_sigma(a), 0.05))
    similar = sampled.mean(lambda a, b: _ssim(a[..., 0], b[..., 0]))
    return fall / 0.3 * min(1.0, similar / 0.9)


def _ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean structural similarity (Wang et al. 2004) with an 8-pixel box window."""
    x, y = a.astype(np.float32), b.astype(np.float32)
    mx, my = cv2.blur(x, (8, 8)), cv2.blur(y, (8, 8))
    vx, vy = cv2.blur(x * x, (8, 8)) - mx * mx, cv2.blur(y * y, (8, 8)) - my * my
    cov = cv2.blur(x * y, (8, 8)) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())


def _energy(luma: NDArray[np.uint8]) -> float:
    return float(np.square(cv2.Laplacian(luma.astype(np.float32), cv2.CV_32F)).mean())


def _energy_ratio(sampled: _Sampled) -> float:
    return sampled.mean(lambda a, b: _energy(b[..., 0]) / max(_energy(a[..., 0]), 0.5))


def _blur(sampled: _Sampled, step: EditStep) -> float:
    """Return 1 if the Laplacian energy in the region is at most a quarter of the source's."""
    return (1 - _energy_ratio(sampled)) / 0.75


def _pixelate(sampled: _Sampled, step: EditStep) -> float:
    """Return the fraction of pixels that equal their right neighbour within the coding error, relative to 0.6."""

    def flat(_: Patch, after: Patch) -> float:
        luma = after[..., 0].astype(np.int16)
        return float((np.abs(np.diff(luma, axis=1)) <= 2).mean())

    return sampled.mean(flat) / 0.6


def _blur_faces(sampled: _Sampled, step: EditStep) -> float:
    """Return 1 - (faces still detected / faces of the source)."""
    detector = CenterFace()
    before = sum(len(detector.detect(to_rgb(pair.source))) for pair in sampled.pairs)
    after = sum(len(detector.detect(to_rgb(pair.variant))) for pair in sampled.pairs)
    return 1 - after / max(1, before)


def _background_blur(sampled: _Sampled, step: EditStep) -> float:
    """Return the reduction of Laplacian energy in the left and right eighth of the frame, relative to one half."""

    def fall(before: Patch, after: Patch) -> float:
        edge = before.shape[1] // 8
        ratio = [
            _energy(after[:, s, 0]) / max(_energy(before[:, s, 0]), 0.5) for s in (slice(0, edge), slice(-edge, None))
        ]
        return 1 - float(np.mean(ratio))

    return sampled.mean(fall) / 0.5


def _remove(sampled: _Sampled, step: EditStep) -> float:
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
            similarities.append((1 - _clip(colour)) * min(1.0, (inner + 1) / (outer + 1)) ** 0.5)
    seen = 1.0 if sampled.inputs.unseen_ratio is None else 1 - 0.7 * sampled.inputs.unseen_ratio
    # Inpainting, and a blur, which hides instead of removing, score lower than background from other frames.
    limit = {"spatial": 0.6, "blur": 0.3}.get(step.style or "", 1.0)
    return (float(np.mean(similarities)) if similarities else 0.0) * min(seen, limit)


def _recolour(sampled: _Sampled, step: EditStep) -> float:
    """Return the fraction of the key colour's pixels within 15 degrees of the new hue, relative to 0.7."""
    target, key = colour_vector(step.colour or "red"), sampled.inputs.key_hue or 0.0

    def share(before: Patch, after: Patch) -> float:
        keyed = key_weight(patch_chroma(before), key) > 0.8
        if not keyed.any():
            return 0.0
        return float((np.abs(np.angle(patch_chroma(after)[keyed] / target)) < math.radians(15)).mean())

    return sampled.mean(share) / 0.7


def _duration(sampled: _Sampled, step: EditStep) -> float:
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


def _reverse(sampled: _Sampled, step: EditStep) -> float:
    """Return how much closer the first frame is to the source's last frame than to its first."""
    first, last, result_first, _ = sampled.ends
    to_last = float(np.abs(result_first.y.astype(float) - last.y).mean())
    to_first = float(np.abs(result_first.y.astype(float) - first.y).mean())
    return 1.0 if to_last < 2 else to_first / (to_first + to_last)


def _mirror(sampled: _Sampled, step: EditStep) -> float:
    return sampled.mean(lambda a, b: _ssim(np.ascontiguousarray(a[:, ::-1, 0]), b[..., 0]))


def _stabilise(sampled: _Sampled, step: EditStep) -> float:
    """Return the reduction of camera jitter relative to 30 %; 1 for a steady source (0.1 px of 160)."""
    before, after = (motion.jitter_px for motion in sampled.motion)
    return 1.0 if before < 0.1 else (1 - after / before) / 0.3


def _deflicker(sampled: _Sampled, step: EditStep) -> float:
    """Return the reduction of changes in mean luma relative to 30 %; 1 for a source of constant brightness."""
    before, after = (motion.pulse for motion in sampled.motion)
    return 1.0 if before < 0.3 else (1 - after / before) / 0.3


def _fade(sampled: _Sampled, step: EditStep) -> float:
    """Return how close the faded end is to the colour of the fade."""
    _, _, first, last = sampled.ends
    luma = float((first if step.operation == "fade_in" else last).y.mean())
    wanted = 235.0 if step.colour == "white" else 16.0
    return 1 - max(0.0, abs(luma - wanted) - 20) / 100


def _title(sampled: _Sampled, step: EditStep) -> float:
    """Return the area of white letters that the source does not have, relative to 0.05 % of the frame."""

    def share(before: Patch, after: Patch) -> float:
        return float(((after[..., 0] > 225) & (before[..., 0] < 200)).mean())

    return sampled.mean(share) / 0.0005


def _changed(sampled: _Sampled, step: EditStep) -> float:
    return 1.0 if sampled.mean(lambda a, b: float(np.abs(a[..., 0].astype(float) - b[..., 0]).mean())) > 1.0 else 0.0


def _sound(sampled: _Sampled, step: EditStep) -> float:
    """Ratios of the root mean square: silence, the gain, or a lower noise floor (10th percentile of 50 ms blocks)."""
    source, variant = sampled.inputs.source.sound, sampled.inputs.variant.sound
    if source is None or variant is None:
        return 0.0
    before, after = (read_samples(path).astype(np.float64) for path in (source, variant))
    loud, now = (math.sqrt(float(np.square(s).mean())) + _EPSILON for s in (before, after))
    if step.operation == "mute":
        return 1.0 if now < 1 else 0.0
    if loud < 1:
        return 1.0
    if step.operation == "louder":
        return (now / loud - 1) / 0.3
    if step.operation == "quieter":
        return (1 - now / loud) / 0.2
    floors = [float(np.percentile(_levels(s), 10)) + 1 for s in (before, after)]
    return (1 - floors[1] / floors[0]) / 0.3 if floors[0] > 4 else 1.0


def _levels(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    length = max(1, len(samples) // 2400) * 2400
    blocks = samples[:length].reshape(-1, min(2400, length), 2) if len(samples) >= 2400 else samples[None]
    return np.asarray(np.sqrt(np.square(blocks).mean(axis=(1, 2))), dtype=np.float64)


_Predicate = Callable[[_Sampled, EditStep], float]
_PREDICATES: dict[str, _Predicate] = {
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
    "zoom_in": _changed,
    "blur": _blur,
    "pixelate": _pixelate,
    "blur_faces": _blur_faces,
    "background_blur": _background_blur,
    "remove": _remove,
    "recolour": _recolour,
    "reverse": _reverse,
    "title": _title,
}


def _clip(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def _geometric_mean(values: list[float]) -> float:
    return math.exp(float(np.mean([math.log(max(value, 0.01)) for value in values]))) if values else 0.0
