"""Whose mouth moves: motion of the mouth against the rest of the face, and the speaking score made of it.

Looks at the small copy only. Head motion is taken out by aligning the upper face of neighbouring frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SIDE = 64  # px of the square that a face is brought to


def mouth_motion(
    before: np.ndarray, now: np.ndarray, box: tuple[float, float, float, float], mouth: tuple[float, float] | None
) -> tuple[float, float]:
    """How much mouth and upper face changed between two grey pictures, in units of the face's contrast.

    `box` is x, y, w, h in fractions of the picture, `mouth` the middle of the mouth in fractions of the box.
    """
    import cv2
    import numpy as np

    height, width = now.shape
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    if w < 8 or h < 8:
        return 0.0, 0.0
    matrix = np.array([[SIDE / w, 0, -x * SIDE / w], [0, SIDE / h, -y * SIDE / h]], np.float32)
    a, b = (
        cv2.warpAffine(p, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
            np.float32
        )
        for p in (before, now)
    )
    upper = slice(int(0.15 * SIDE), int(0.62 * SIDE)), slice(int(0.1 * SIDE), int(0.9 * SIDE))
    (dx, dy), _ = cv2.phaseCorrelate(a[upper], b[upper], _window(a[upper].shape))
    if abs(dx) < 8 and abs(dy) < 8:
        a = cv2.warpAffine(
            a, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
        )
    a, b = (cv2.blur(p, (3, 3)) for p in (a, b))
    contrast = max(float(b[8:-4, 8:-8].std()), 4.0)
    middle = mouth or (0.5, 0.77)
    left, top = int(np.clip(middle[0] * SIDE - 14, 2, SIDE - 30)), int(np.clip(middle[1] * SIDE - 9, 2, SIDE - 22))
    change = np.abs(a - b)
    return float(change[top : top + 20, left : left + 28].mean()) / contrast, float(change[upper].mean()) / contrast


def _window(shape: tuple[int, int]) -> np.ndarray:
    import cv2

    return cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_32F)


def speaking_scores(
    motion: list[tuple[float, float, float]], t: np.ndarray, speech: tuple[tuple[float, float], ...] | None
) -> np.ndarray:
    """0..1 at each of the times `t`: how much the mouth moves like speech in the half second around.

    `motion` holds (time, mouth, upper face) by frame; `speech` the spans in which anybody speaks: outside them the
    score is at most a quarter. Coefficients: logistic regression on three talks (see docs/vision.md).
    """
    import numpy as np

    if not motion:
        return np.zeros(len(t))
    when, mouth, upper = np.array(motion).T
    kernel = np.ones(min(7, len(when)))
    count = np.convolve(np.ones(len(when)), kernel, "same")
    mouth, upper = (np.convolve(v, kernel, "same") / count for v in (mouth, upper))
    logit = 6.75 * np.log(mouth + 0.01) - 2.52 * np.log(upper + 0.01) + 8.26
    score = np.interp(t, when, 1 / (1 + np.exp(-np.clip(logit, -8, 8))))
    nearest = np.abs(when[np.clip(np.searchsorted(when, t), 0, len(when) - 1)] - t)
    score = np.where(nearest > 0.75, 0.0, score)  # not measured: a gap in the track
    if speech is not None:
        heard = np.zeros(len(t), bool)
        for start, end in speech:
            heard |= (t >= start - 0.15) & (t <= end + 0.15)
        score = np.where(heard, score, 0.25 * score)
    return score
