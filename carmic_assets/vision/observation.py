"""One pass over the small copy: boxes, pieces of tracks, mouth motion. Memory does not grow with the pictures.

Detects as often as needed: twice to three times a second, and once more in between where faces moved, came or went.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import astuple

from carmic_assets.media.containers import open_media
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.vision.active_speaker_model import WINDOW_S, ActiveSpeaker, crop
from carmic_assets.vision.centerface import overlap
from carmic_assets.vision.detectors import Detection, Detector
from carmic_assets.vision.lip_motion import Face, face_of, hanning, mouth_motion
from carmic_assets.vision.tracking import Piece, ShotTracker

if TYPE_CHECKING:
    import av
    import numpy as np

COARSE_FPS = 2.5  # of detection where nothing moves
LONGEST_GAP_S = 0.5  # between the faces that an audio-visual model sees as one stretch
CAMERA_SIZE = (160, 90)
SURE_SHIFT = 0.1  # response of the correlation below which the pictures do not match
LEAST_SHIFT = 0.5  # of their pixels: less is left to the alignment of each face
STEADY = 0.55  # intersection over union with the detection before, above which nothing moved


class _Frame:
    def __init__(self, t: float, decoded: av.VideoFrame):
        self.t = t
        self.camera = (0.0, 0.0)  # how far the camera has moved the picture since its shot began, fractions of it
        self.grey: np.ndarray = decoded.to_ndarray()[: decoded.height]  # the copy is yuv420p: its luma comes first
        self._decoded = decoded

    @functools.cached_property
    def picture(self) -> np.ndarray:
        """RGB; made when asked for, as most frames are only looked at in grey."""
        return self._decoded.to_ndarray(format="rgb24")

    @functools.cached_property
    def small(self) -> np.ndarray:
        """The grey picture to see the camera's motion by."""
        import cv2
        import numpy as np

        return cv2.resize(self.grey, CAMERA_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)


def observe(
    frames_path: str | Path,
    analysis: AnalysisFacts,
    detector: Detector,
    *,
    speaker: ActiveSpeaker | None = None,
    threads: int = 2,
    progress: Progress = ignore,
) -> tuple[list[Piece], int]:
    """The pieces of all shots, in order of shots, each with its mouth motion by frame, and with the scores of `speaker`
    where one is given; and how often it detected."""
    import cv2

    cv2.setNumThreads(threads)
    pass_ = _Pass(analysis, detector, speaker)
    with open_media(frames_path, threads=threads) as source:
        for n, frame in enumerate(islice(source.decode(video=0), analysis.frames)):
            pass_.take(_Frame(analysis.start_s + n / analysis.fps, frame))
            if n % 50 == 0:
                progress(min(1.0, n / max(analysis.frames, 1)))
    pass_.end_shot()
    return pass_.pieces, pass_.detections


class _Pass:
    def __init__(self, analysis: AnalysisFacts, detector: Detector, speaker: ActiveSpeaker | None):
        self.analysis, self.detector, self.speaker = analysis, detector, speaker
        self.pieces: list[Piece] = []
        self.detections = 0
        self._stride = max(1, round(analysis.fps / COARSE_FPS))
        self._breaks_s = analysis.breaks_s
        self._shot = -1
        self._tracker = ShotTracker(0)
        self._waiting: list[_Frame] = []  # since the last detection, which is the first of them
        self._found: list[Detection] = []  # the last detection

    def take(self, frame: _Frame) -> None:
        shot = bisect_right(self._breaks_s, frame.t + self.analysis.early_s + 1e-6)
        if shot != self._shot:
            self.end_shot()
            self._shot, self._tracker = shot, ShotTracker(shot)
            self._found, self._waiting = self._detect(frame), [frame]
            self._join(frame, self._found)
            return
        frame.camera = _moved_by_camera(self._waiting[-1], frame)
        self._waiting.append(frame)
        if len(self._waiting) > self._stride:
            self._look()

    def end_shot(self) -> None:
        """The last frames of a shot are looked at too, however few; then its pieces are complete."""
        if len(self._waiting) > 1:
            self._look()
        for piece in self._tracker.pieces:
            self._listen(piece)
        self.pieces += self._tracker.pieces
        self._tracker = ShotTracker(self._shot)
        self._waiting = []

    def _look(self) -> None:
        """Detect in the newest frame, and in the middle of the waiting ones if the two ends disagree."""
        frames, last = self._waiting, self._found
        found = self._detect(frames[-1])
        if len(frames) > 2 and not _same(last, found):
            middle = (len(frames) - 1) // 2
            self._join(frames[middle], self._detect(frames[middle]), frames[: middle + 1])
            frames = frames[middle:]
        self._join(frames[-1], found, frames)
        self._found, self._waiting = found, [frames[-1]]

    def _detect(self, frame: _Frame) -> list[Detection]:
        self.detections += 1
        return self.detector.detect(frame.picture)

    def _join(self, frame: _Frame, found: list[Detection], since: list[_Frame] | None = None) -> None:
        """Hand the boxes to the tracker, and measure the mouths of those that were there at the start of `since`."""
        for piece in self._tracker.step(frame.t, found, frame.picture):
            if since and len(piece.times) > 1 and abs(piece.times[-2] - since[0].t) < 1e-6:
                faces = _measure(piece, since)
                if self.speaker:
                    piece.crops += [(at.t, crop(at.grey, face)) for at, face in faces]
                    if piece.crops and piece.crops[-1][0] - piece.crops[0][0] >= WINDOW_S:
                        self._listen(piece)

    def _listen(self, piece: Piece) -> None:
        """Score the faces that wait; a gap in them is where one window ends."""
        if not self.speaker:
            return
        start = 0
        for i in range(1, len(piece.crops) + 1):
            if i == len(piece.crops) or piece.crops[i][0] - piece.crops[i - 1][0] > LONGEST_GAP_S:
                times, crops = zip(*piece.crops[start:i], strict=True)
                piece.heard += self.speaker.scores(list(times), list(crops))
                start = i
        piece.crops = []


def _measure(piece: Piece, frames: list[_Frame]) -> list[tuple[_Frame, Face]]:
    """Mouth motion in each of `frames` but the first; between its two detections the face is on a line, once the
    camera's motion is taken out. Returns where it was in each."""
    (t0, t1) = piece.times[-2:]
    height, width = frames[0].grey.shape
    faces = [
        face_of(piece.kind, box, marks, width / height)
        for box, marks in zip(piece.boxes[-2:], piece.landmarks[-2:], strict=True)
    ]
    if faces[0] is None or faces[1] is None:
        return []
    first, last = (
        astuple(face.moved(-at.camera[0], -at.camera[1]))
        for face, at in zip((faces[0], faces[1]), (frames[0], frames[-1]), strict=True)
    )
    found = []
    for before, now in pairwise(frames):
        part = (now.t - t0) / (t1 - t0)
        face = Face(*(a + part * (b - a) for a, b in zip(first, last, strict=True))).moved(*now.camera)
        moved = (now.camera[0] - before.camera[0], now.camera[1] - before.camera[1])
        piece.motion.append((now.t, *mouth_motion(before.grey, now.grey, face, moved)))
        found.append((now, face))
    return found


def _moved_by_camera(before: _Frame, now: _Frame) -> tuple[float, float]:
    """`now.camera`: the shift of the whole picture, by phase correlation; one too small or too uncertain is none."""
    import cv2

    (dx, dy), sure = cv2.phaseCorrelate(before.small, now.small, hanning(CAMERA_SIZE))
    if sure < SURE_SHIFT or dx * dx + dy * dy < LEAST_SHIFT**2:
        return before.camera
    return before.camera[0] + dx / CAMERA_SIZE[0], before.camera[1] + dy / CAMERA_SIZE[1]


def _same(before: list[Detection], now: list[Detection]) -> bool:
    return len(before) == len(now) and all(max(overlap(a, b) for b in now) > STEADY for a in before)
