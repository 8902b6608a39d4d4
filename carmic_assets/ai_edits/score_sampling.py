"""The clips that a score compares, and what it measures of them: motion, and `SAMPLES` evenly spaced frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.edit_plan import EditPlan
from carmic_assets.ai_edits.region_masks import Patch, PixelBox, Window, cut_patch, to_pixels, window_around
from carmic_assets.ai_edits.working_clip import Planes, WorkingClip, read_frames
from carmic_assets.model.direction import Box

SAMPLES = 16

Gray = NDArray[np.float32]


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


class Pair(msgspec.Struct, frozen=True):
    """A frame of the variant and the source frame of the same number."""

    number: int
    source: Planes
    variant: Planes


class Motion(msgspec.Struct, frozen=True):
    """Changes of a clip from frame to frame: means over all neighbouring frames, measured at 160 x 90 pixels.

    `change` is the difference of luma; `jitter_px` the change of the camera's shift (phase correlation);
    `pulse` the change of the mean luma.
    """

    change: float
    jitter_px: float
    pulse: float


class Sampled(msgspec.Struct):
    """What both clips show: frame pairs, first and last frames, and motion."""

    inputs: ScoreInputs
    pairs: list[Pair]
    ends: tuple[Planes, Planes, Planes, Planes]  # first and last of the source, first and last of the variant
    motion: tuple[Motion, Motion]  # source, variant

    def windows(self, pair: Pair) -> list[Window]:
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


def sample(inputs: ScoreInputs) -> Sampled:
    """Decode both clips once and keep what the measures need."""
    source, variant = inputs.source, inputs.variant
    shared = min(source.count, variant.count)
    wanted = set(np.unique(np.linspace(0, shared - 1, min(SAMPLES, shared)).round().astype(int)).tolist())
    kept, first, last, source_motion = _scan(source.path, wanted)
    result_frames, result_first, result_last, motion = _scan(variant.path, wanted)
    pairs = [Pair(n, kept[n], result_frames[n]) for n in sorted(wanted)]
    return Sampled(inputs, pairs, (first, last, result_first, result_last), (source_motion, motion))


def _scan(path: Path, wanted: set[int]) -> tuple[dict[int, Planes], Planes, Planes, Motion]:
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
    return kept, first, last, Motion(float(change), float(jitter), float(pulse))
