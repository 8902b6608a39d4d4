"""Measures lip motion: how much a mouth moves compared with the upper face. Derives a speaking score from it.

The input is the luma of frames of the analysis copy. Head motion is removed by aligning the upper face of neighbouring
frames.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import msgspec
import numpy as np

FACE_SIDE_PX = 64  # a face is resampled to a square of this size
MIN_FACE_PX = 8  # smaller faces in the analysis copy count as motionless
MAX_ALIGNMENT_PX = 8  # pixels of the square; a larger shift is an error of the phase correlation
MAX_MEASURE_GAP_S = 0.75  # a time further than this from every measurement has score 0
# Speech intervals are extended by this, because lips move slightly longer than the voice is audible
SPEECH_MARGIN_S = 0.15
SILENT_FACTOR = 0.25  # factor of the score outside speech


class Face(msgspec.Struct, frozen=True):
    """A face box, from brow to chin, and the centre of its mouth, in fractions of the frame."""

    x: float
    y: float
    w: float
    h: float
    mouth_x: float
    mouth_y: float

    def shift(self, dx: float, dy: float) -> Face:
        """Return the face moved by fractions of the frame."""
        return Face(self.x + dx, self.y + dy, self.w, self.h, self.mouth_x + dx, self.mouth_y + dy)


def locate_face(
    kind: str, box: tuple[float, float, float, float], landmarks: tuple[float, ...] | None, aspect: float
) -> Face | None:
    """Locate the face within a detected box, by its landmarks if there are any; `aspect` is the frame's width / height.

    Returns None for a head or person without landmarks, such as a head that is turned away.
    """
    x, y, w, h = box
    if landmarks is None:
        # Without landmarks the mouth is assumed at 77 % of the height of a face box.
        return Face(x, y, w, h, x + 0.5 * w, y + 0.77 * h) if kind == "face" else None
    mouth_x, mouth_y = (landmarks[6] + landmarks[8]) / 2, (landmarks[7] + landmarks[9]) / 2
    if kind == "face":
        return Face(x, y, w, h, mouth_x, mouth_y)
    eyes_x, eyes_y = (landmarks[0] + landmarks[2]) / 2, (landmarks[1] + landmarks[3]) / 2
    # Measured on generated talks: in a CenterFace box the eyes lie at 0.37 and the mouth at 0.73 of the height; the
    # width is 0.75 of the height.
    face_h = 2.8 * max(((mouth_x - eyes_x) * aspect) ** 2 + (mouth_y - eyes_y) ** 2, 1e-8) ** 0.5
    face_w = 0.75 * face_h / aspect
    return Face((mouth_x + eyes_x - face_w) / 2, eyes_y - 0.37 * face_h, face_w, face_h, mouth_x, mouth_y)


def measure_mouth_motion(
    previous: np.ndarray, current: np.ndarray, face: Face, camera_shift: tuple[float, float] = (0.0, 0.0)
) -> tuple[float, float]:
    """Return how much the mouth and the upper face changed between two grey frames, divided by the face's contrast.

    `camera_shift` is the shift of the frame content by camera motion in between, in fractions of the frame.
    """
    height, width = current.shape
    x, y, w, h = face.x * width, face.y * height, face.w * width, face.h * height
    if w < MIN_FACE_PX or h < MIN_FACE_PX:
        return 0.0, 0.0
    before = _resample_box(previous, x - camera_shift[0] * width, y - camera_shift[1] * height, w, h)
    after = _resample_box(current, x, y, w, h)
    side = FACE_SIDE_PX
    # Rows and columns of the upper face in the square.
    upper = slice(int(0.15 * side), int(0.62 * side)), slice(int(0.1 * side), int(0.9 * side))
    upper_size = (after[upper].shape[1], after[upper].shape[0])
    (dx, dy), _ = cv2.phaseCorrelate(before[upper], after[upper], hann_window(upper_size))
    if abs(dx) < MAX_ALIGNMENT_PX and abs(dy) < MAX_ALIGNMENT_PX:
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        before = cv2.warpAffine(before, shift, (side, side), borderMode=cv2.BORDER_REPLICATE)
    before, after = cv2.blur(before, (3, 3)), cv2.blur(after, (3, 3))
    # At least 4 code values, which bounds the quotient in uniform images.
    contrast = max(float(after[8:-4, 8:-8].std()), 4.0)
    mouth_x, mouth_y = (face.mouth_x - face.x) / face.w, (face.mouth_y - face.y) / face.h
    left = int(np.clip(mouth_x * side - 14, 2, side - 30))
    top = int(np.clip(mouth_y * side - 9, 2, side - 22))
    change = np.abs(before - after)
    return float(change[top : top + 20, left : left + 28].mean()) / contrast, float(change[upper].mean()) / contrast


def _resample_box(picture: np.ndarray, x: float, y: float, w: float, h: float) -> np.ndarray:
    """Return a box (px) of a grey frame as a square of `FACE_SIDE_PX`, float32."""
    scale_x, scale_y = FACE_SIDE_PX / w, FACE_SIDE_PX / h
    matrix = np.array([[scale_x, 0, -x * scale_x], [0, scale_y, -y * scale_y]], np.float32)
    size = (FACE_SIDE_PX, FACE_SIDE_PX)
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32
    )


@functools.cache
def hann_window(size: tuple[int, int]) -> np.ndarray:
    """Return a Hann window of `size` (width, height) for phase correlation."""
    return cv2.createHanningWindow(size, cv2.CV_32F)


def score_speaking(
    motion: list[tuple[float, float, float]],
    t: np.ndarray,
    speech: tuple[tuple[float, float], ...] | None,
    *,
    model_scores: Sequence[tuple[float, float]] = (),
) -> np.ndarray:
    """Return the speaking score (0..1) at each of the times `t`: how much the motion of the mouth resembles speech.

    Args:
        motion: (time, change of the mouth, change of the upper face) of each frame.
        t: ascending times.
        speech: intervals with voice activity; outside them the score is multiplied by `SILENT_FACTOR`.
        model_scores: (time, probability) from an audio-visual model; if there are any, they replace `motion`.
    """
    times, scores = _smooth_model_scores(model_scores) if model_scores else _score_lips(motion)
    if not len(times):
        return np.zeros(len(t))
    following = np.searchsorted(times, t)
    distance_s = np.minimum(
        np.abs(times[np.clip(following, 0, len(times) - 1)] - t),
        np.abs(times[np.clip(following - 1, 0, len(times) - 1)] - t),
    )
    result = np.where(distance_s > MAX_MEASURE_GAP_S, 0.0, np.interp(t, times, scores))
    if speech is not None:
        is_speech = np.zeros(len(t), bool)
        for start_s, end_s in speech:
            is_speech |= (t >= start_s - SPEECH_MARGIN_S) & (t <= end_s + SPEECH_MARGIN_S)
        result = np.where(is_speech, result, SILENT_FACTOR * result)
    return result


def _score_lips(motion: list[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return times and speaking scores from the ratio of mouth change to upper face change.

    The ratio cancels grain, compression and residual head motion, which change both alike. The coefficients come from a
    logistic regression on ten generated talks with known turns, with a slightly reduced slope (docs/vision.md).
    """
    times, mouth, upper = np.array(motion).reshape(-1, 3).T
    mouth, upper = _compute_running_mean(mouth, 7), _compute_running_mean(upper, 7)
    # Coefficients of the logistic regression; see the docstring.
    logit = 12.0 * np.log((mouth + 0.01) / (upper + 0.01)) - 3.8
    return times, 1 / (1 + np.exp(-np.clip(logit, -8, 8)))


def _smooth_model_scores(model_scores: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    times, scores = np.array(model_scores).T
    return times, _compute_running_mean(scores, 11)  # about 0.4 s


def _compute_running_mean(values: np.ndarray, width: int) -> np.ndarray:
    if not len(values):
        return values
    kernel = np.ones(min(width, len(values)))
    mean: np.ndarray = np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
    return mean
