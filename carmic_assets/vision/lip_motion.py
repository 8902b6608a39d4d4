"""Whose mouth moves: motion of the mouth against the rest of the face, and the speaking score made of it.

Looks at the small copy only. Head motion is taken out by aligning the upper face of neighbouring frames.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy as np

SIDE = 64  # px of the square that a face is brought to


class Face(msgspec.Struct, frozen=True):
    """A face and the middle of its mouth, fractions of the picture; the box runs from brow to chin."""

    x: float
    y: float
    w: float
    h: float
    mouth_x: float
    mouth_y: float

    def moved(self, dx: float, dy: float) -> Face:
        """The face elsewhere, by fractions of the picture."""
        return Face(self.x + dx, self.y + dy, self.w, self.h, self.mouth_x + dx, self.mouth_y + dy)


def face_of(
    kind: str, box: tuple[float, float, float, float], marks: tuple[float, ...] | None, aspect: float
) -> Face | None:
    """The face within a detected box, by its landmarks where they are known; None where no face can be told: a head
    turned away, a person without landmarks. `aspect` is width / height of the picture."""
    x, y, w, h = box
    if marks is None:
        return Face(x, y, w, h, x + 0.5 * w, y + 0.77 * h) if kind == "face" else None
    mouth_x, mouth_y = (marks[6] + marks[8]) / 2, (marks[7] + marks[9]) / 2
    if kind == "face":
        return Face(x, y, w, h, mouth_x, mouth_y)
    eyes_x, eyes_y = (marks[0] + marks[2]) / 2, (marks[1] + marks[3]) / 2
    # Eyes lie 0.37 and mouth 0.73 down a CenterFace box, which is 0.75 as wide as high (measured on talks).
    tall = 2.8 * max(((mouth_x - eyes_x) * aspect) ** 2 + (mouth_y - eyes_y) ** 2, 1e-8) ** 0.5
    wide = 0.75 * tall / aspect
    return Face((mouth_x + eyes_x - wide) / 2, eyes_y - 0.37 * tall, wide, tall, mouth_x, mouth_y)


def mouth_motion(
    before: np.ndarray, now: np.ndarray, face: Face, camera: tuple[float, float] = (0.0, 0.0)
) -> tuple[float, float]:
    """How much mouth and upper face changed between two grey pictures, in units of the face's contrast. `camera` is how
    far the camera moved the picture in between, fractions of it."""
    import cv2
    import numpy as np

    height, width = now.shape
    x, y, w, h = face.x * width, face.y * height, face.w * width, face.h * height
    if w < 8 or h < 8:
        return 0.0, 0.0
    a: Any
    b: Any
    a, b = (
        _levelled(picture, left, top, w, h)
        for picture, left, top in ((before, x - camera[0] * width, y - camera[1] * height), (now, x, y))
    )
    upper = slice(int(0.15 * SIDE), int(0.62 * SIDE)), slice(int(0.1 * SIDE), int(0.9 * SIDE))
    (dx, dy), _ = cv2.phaseCorrelate(a[upper], b[upper], hanning((a[upper].shape[1], a[upper].shape[0])))
    if abs(dx) < 8 and abs(dy) < 8:
        a = cv2.warpAffine(
            a, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
        )
    a, b = (cv2.blur(p, (3, 3)) for p in (a, b))
    contrast = max(float(b[8:-4, 8:-8].std()), 4.0)
    across, down = (face.mouth_x - face.x) / face.w, (face.mouth_y - face.y) / face.h
    left, top = int(np.clip(across * SIDE - 14, 2, SIDE - 30)), int(np.clip(down * SIDE - 9, 2, SIDE - 22))
    change = np.abs(a - b)
    return float(change[top : top + 20, left : left + 28].mean()) / contrast, float(change[upper].mean()) / contrast


def _levelled(picture: np.ndarray, x: float, y: float, w: float, h: float) -> np.ndarray:
    """The box (px) of a grey picture brought to `SIDE` x `SIDE`, float32."""
    import cv2
    import numpy as np

    matrix = np.array([[SIDE / w, 0, -x * SIDE / w], [0, SIDE / h, -y * SIDE / h]], np.float32)
    square = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return square.astype(np.float32)


@functools.cache
def hanning(size: tuple[int, int]) -> np.ndarray:
    """The window (width, height) that phase correlation wants."""
    import cv2

    return cv2.createHanningWindow(size, cv2.CV_32F)


def speaking_scores(
    motion: list[tuple[float, float, float]],
    t: np.ndarray,
    speech: tuple[tuple[float, float], ...] | None,
    *,
    heard: Sequence[tuple[float, float]] = (),
) -> np.ndarray:
    """0..1 at each of the times `t`: how much the mouth moves like speech in the half second around.

    `motion` holds (time, mouth, upper face) by frame; `heard` (time, probability) of an audio-visual model, which then
    is the score; `speech` the spans in which anybody speaks: outside them the score is at most a quarter.
    """
    import numpy as np

    when, score = _smoothed_model(heard) if heard else _lips(motion)
    if not len(when):
        return np.zeros(len(t))
    nearest = np.searchsorted(when, t)
    away = np.minimum(
        np.abs(when[np.clip(nearest, 0, len(when) - 1)] - t), np.abs(when[np.clip(nearest - 1, 0, len(when) - 1)] - t)
    )
    score = np.where(away > 0.75, 0.0, np.interp(t, when, score))  # not measured: a gap in the track
    if speech is not None:
        spoken = np.zeros(len(t), bool)
        for start, end in speech:
            spoken |= (t >= start - 0.15) & (t <= end + 0.15)
        score = np.where(spoken, score, 0.25 * score)
    return score


def _lips(motion: list[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """The mouth against the upper face: grain, compression and what is left of head motion move both alike.
    Coefficients: logistic regression on ten talks with known turns, a little less steep (docs/vision.md)."""
    import numpy as np

    when, mouth, upper = np.array(motion).reshape(-1, 3).T
    mouth, upper = _running_mean(mouth, 7), _running_mean(upper, 7)
    logit = 12.0 * np.log((mouth + 0.01) / (upper + 0.01)) - 3.8
    return when, 1 / (1 + np.exp(-np.clip(logit, -8, 8)))


def _smoothed_model(heard: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    when, score = np.array(heard).T
    return when, _running_mean(score, 11)


def _running_mean(values: np.ndarray, width: int) -> np.ndarray:
    import numpy as np

    if not len(values):
        return values
    kernel = np.ones(min(width, len(values)))
    mean: np.ndarray = np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
    return mean
