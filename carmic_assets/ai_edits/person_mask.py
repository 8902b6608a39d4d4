"""Segments persons with GrabCut, seeded from the detected faces with two different body shapes.

GrabCut is accurate on plain backgrounds and inaccurate on busy ones. If the masks from the two seeds differ too much,
the outline counts as uncertain and the operation fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.region_tracking import to_rgb
from carmic_assets.ai_edits.working_clip import Planes
from carmic_assets.vision.detection import Detection, Detector

KEY_S = 0.4  # interval between segmented frames; the masks of frames in between are interpolated
MIN_AGREEMENT = 0.9  # intersection over union of the masks from two seeds
WORK_WIDTH_PX = 320
_SEEDS = ((2.6, 0.5), (3.4, 0.75))  # widths of the body and of its definite foreground, as multiples of the face width
_ITERATIONS = 4


def person_masks(frames: Iterable[Planes], detector: Detector, fps: float) -> Iterator[NDArray[np.float32]]:
    """Yield a mask for each frame: 0..1 at the working size, 1 on persons.

    Raises:
        AiEditError: a segmented frame has no face, or the person's outline is uncertain.
    """
    spacing = max(1, round(KEY_S * fps))
    pending = 0
    last: NDArray[np.float32] | None = None
    for number, planes in enumerate(frames):
        pending += 1
        if number % spacing:
            continue
        mask = _segment(planes, detector, number / fps)
        for i in range(pending):
            fraction = (i + 1) / pending
            yield mask if last is None else last + (mask - last) * np.float32(fraction)
        last, pending = mask, 0
    if last is not None:
        for _ in range(pending):
            yield last


def _segment(planes: Planes, detector: Detector, time_s: float) -> NDArray[np.float32]:
    rgb = to_rgb(planes)
    height = max(2, round(WORK_WIDTH_PX * rgb.shape[0] / rgb.shape[1]))
    faces = detector.detect(rgb)
    if not faces:
        raise AiEditError(
            f"No face was detected at {time_s:.1f} s of the range, so the person cannot be separated from the "
            "background. Choose a range with a face, or draw a box and ask for blur."
        )
    small = np.asarray(cv2.resize(rgb, (WORK_WIDTH_PX, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    first, second = (_grab(small, faces, *seed) for seed in _SEEDS)
    agreement = np.logical_and(first, second).sum() / max(1, np.logical_or(first, second).sum())
    if agreement < MIN_AGREEMENT:
        raise AiEditError(
            f"The person's outline is uncertain at {time_s:.1f} s of the range (two masks agree on {agreement:.0%}). "
            "The background is too busy for background blur; draw a box and ask for blur instead."
        )
    person = cv2.morphologyEx(first.astype(np.uint8) * 255, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.GaussianBlur(person, (0, 0), 1.5) / 255.0, dtype=np.float32)


def _grab(picture: NDArray[np.uint8], faces: list[Detection], body: float, core: float) -> NDArray[np.bool_]:
    height, width = picture.shape[:2]
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    for face in faces:
        x, y, w, h = face.x * width, face.y * height, face.w * width, face.h * height
        middle = x + w / 2
        _fill(mask, middle - w * 0.9, y - h * 0.5, w * 1.8, h * 1.9, cv2.GC_PR_FGD)
        _fill(mask, middle - w * body / 2, y + h * 1.1, w * body, height, cv2.GC_PR_FGD)
        _fill(mask, middle - w * body, y + h * 1.5, w * body * 2, height, cv2.GC_PR_BGD, only=cv2.GC_BGD)
    for face in faces:
        x, y, w, h = face.x * width, face.y * height, face.w * width, face.h * height
        middle = x + w / 2
        _fill(mask, x + w * 0.15, y + h * 0.1, w * 0.7, h * 0.85, cv2.GC_FGD)
        _fill(mask, middle - w * core / 2, y + h * 1.6, w * core, height, cv2.GC_FGD)
    cv2.setRNGSeed(1)
    cv2.grabCut(
        np.ascontiguousarray(picture),
        mask,
        (0, 0, 1, 1),
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        _ITERATIONS,
        cv2.GC_INIT_WITH_MASK,
    )
    return np.asarray((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD))


def _fill(mask: NDArray[np.uint8], x: float, y: float, w: float, h: float, value: int, only: int | None = None) -> None:
    rows, columns = slice(max(0, int(y)), max(0, int(y + h))), slice(max(0, int(x)), max(0, int(x + w)))
    area = mask[rows, columns]
    area[...] = value if only is None else np.where(area == only, value, area)
