"""Passes once over the analysis copy: detects boxes, joins them into tracklets and measures mouth motion.

The detector runs 2.5 times per second, and once more in between if boxes moved, appeared or disappeared. Memory does
not grow with the number of frames.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from msgspec.structs import astuple

from carmic_assets.media.containers import open_media
from carmic_assets.model.media import AnalysisFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.vision.composition import CompositionDetector
from carmic_assets.vision.detection import Detection, Detector, intersection_over_union
from carmic_assets.vision.lip_motion import Face, hann_window, locate_face, measure_mouth_motion
from carmic_assets.vision.tracking import ShotTracker, Tracklet

if TYPE_CHECKING:
    import av

    from carmic_assets.vision.active_speaker_model import ActiveSpeakerModel

DETECTIONS_PER_S = 2.5  # detector runs per second while no box moves
MAX_CROP_GAP_S = 0.5  # crops further apart are scored separately by the audio-visual model
CAMERA_SIZE = (160, 90)  # width and height in pixels of the frames on which camera motion is measured
MIN_CAMERA_RESPONSE = 0.1  # peak of the phase correlation (0..1); below it the frames do not match
MIN_CAMERA_SHIFT_PX = 0.5  # smaller shifts are left to the alignment of each face
STILL_IOU = 0.55  # a box that overlaps the previous one more than this has not moved
PROGRESS_FRAMES = 50  # progress is reported after this number of frames


class _AnalysisFrame:
    """One frame of the analysis copy at `t` on the source clock.

    `camera_shift` is the shift of the frame content by camera motion since the start of the shot, in fractions.
    """

    def __init__(self, t: float, decoded: av.VideoFrame) -> None:
        self.t = t
        self.camera_shift = (0.0, 0.0)
        self.grey: np.ndarray = decoded.to_ndarray()[: decoded.height]  # the copy is yuv420p: luma comes first
        self._decoded = decoded

    @functools.cached_property
    def picture(self) -> np.ndarray:
        """RGB pixels, converted on demand because most frames are only used in grey."""
        return self._decoded.to_ndarray(format="rgb24")

    @functools.cached_property
    def small(self) -> np.ndarray:
        """Grey frame at `CAMERA_SIZE`, float32."""
        return cv2.resize(self.grey, CAMERA_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)


def observe(
    frames_path: str | Path,
    analysis: AnalysisFacts,
    detector: Detector,
    *,
    speaker_model: ActiveSpeakerModel | None = None,
    compositions: CompositionDetector | None = None,
    threads: int = 2,
    progress: ProgressCallback = ignore_progress,
) -> tuple[list[Tracklet], int]:
    """Return the tracklets of all shots, in shot order, and the number of detector runs.

    Every tracklet holds the mouth motion of each frame, and the scores of `speaker_model` if there is one. The frames
    are added to `compositions` too.
    """
    cv2.setNumThreads(threads)
    observer = _Observer(analysis, detector, speaker_model, compositions)
    with open_media(frames_path, threads=threads) as container:
        for n, frame in enumerate(islice(container.decode(video=0), analysis.frames)):
            observer.add(_AnalysisFrame(analysis.start_s + n / analysis.fps, frame))
            if n % PROGRESS_FRAMES == 0:
                progress(min(1.0, n / max(analysis.frames, 1)))
    observer.end_shot()
    return observer.tracklets, observer.detector_runs


class _Observer:
    """Collects tracklets from frames in order; `tracklets` is complete after the last `end_shot`."""

    def __init__(
        self,
        analysis: AnalysisFacts,
        detector: Detector,
        speaker_model: ActiveSpeakerModel | None,
        compositions: CompositionDetector | None,
    ) -> None:
        self.tracklets: list[Tracklet] = []
        self.detector_runs = 0
        self._detector, self._speaker_model, self._compositions = detector, speaker_model, compositions
        self._early_s = analysis.early_s
        self._shot_boundaries_s = analysis.shot_boundaries_s
        self._stride = max(1, round(analysis.fps / DETECTIONS_PER_S))
        self._shot = -1
        self._tracker = ShotTracker(0)
        self._pending: list[_AnalysisFrame] = []  # the frame of the last detector run and all later frames
        self._last_detections: list[Detection] = []

    def add(self, frame: _AnalysisFrame) -> None:
        """Process the next frame."""
        shot = bisect_right(self._shot_boundaries_s, frame.t + self._early_s + 1e-6)
        if shot != self._shot:
            self.end_shot()
            self._shot, self._tracker = shot, ShotTracker(shot)
            self._last_detections, self._pending = self._detect(frame), [frame]
            self._track(frame, self._last_detections)
            if self._compositions:
                self._compositions.add_frame(frame.t, frame.small)
            self._sample_composition(frame, self._last_detections)
            return
        frame.camera_shift = _measure_camera_shift(self._pending[-1], frame)
        if self._compositions:
            self._compositions.add_frame(frame.t, frame.small)
        self._pending.append(frame)
        if len(self._pending) > self._stride:
            self._process_pending()

    def end_shot(self) -> None:
        """Process the last frames of the shot and complete its tracklets."""
        if len(self._pending) > 1:
            self._process_pending()
        for tracklet in self._tracker.tracklets:
            self._score_crops(tracklet)
        self.tracklets += self._tracker.tracklets
        self._tracker = ShotTracker(self._shot)
        self._pending = []
        if self._compositions:
            self._compositions.end_shot()

    def _process_pending(self) -> None:
        """Run the detector on the newest pending frame, and on the middle one if boxes moved in between."""
        frames = self._pending
        detections = self._detect(frames[-1])
        if len(frames) > 2 and not _are_still(self._last_detections, detections):
            middle = (len(frames) - 1) // 2
            self._track(frames[middle], self._detect(frames[middle]), frames[: middle + 1])
            frames = frames[middle:]
        self._track(frames[-1], detections, frames)
        self._sample_composition(frames[-1], detections)
        self._last_detections, self._pending = detections, [frames[-1]]

    def _sample_composition(self, frame: _AnalysisFrame, detections: list[Detection]) -> None:
        if self._compositions:
            self._compositions.add_sample(frame.t, frame.grey, detections)

    def _detect(self, frame: _AnalysisFrame) -> list[Detection]:
        self.detector_runs += 1
        return self._detector.detect(frame.picture)

    def _track(
        self, frame: _AnalysisFrame, detections: list[Detection], interval: list[_AnalysisFrame] | None = None
    ) -> None:
        """Add the boxes to the tracker, and measure mouth motion over `interval`.

        Only the faces that were also detected in the first frame of `interval` are measured.
        """
        for tracklet in self._tracker.step(frame.t, detections, frame.picture):
            if not interval or len(tracklet.times) < 2 or abs(tracklet.times[-2] - interval[0].t) >= 1e-6:
                continue
            faces = _measure_motion(tracklet, interval)
            if self._speaker_model:
                tracklet.crops += [(f.t, self._speaker_model.crop_face(f.grey, face)) for f, face in faces]
                if tracklet.crops and tracklet.crops[-1][0] - tracklet.crops[0][0] >= self._speaker_model.window_s:
                    self._score_crops(tracklet)

    def _score_crops(self, tracklet: Tracklet) -> None:
        """Score the tracklet's unscored crops; crops on both sides of a gap are scored separately."""
        if not self._speaker_model:
            return
        start = 0
        for i in range(1, len(tracklet.crops) + 1):
            if i == len(tracklet.crops) or tracklet.crops[i][0] - tracklet.crops[i - 1][0] > MAX_CROP_GAP_S:
                times, crops = zip(*tracklet.crops[start:i], strict=True)
                tracklet.model_scores += self._speaker_model.score(list(times), list(crops))
                start = i
        tracklet.crops = []


def _measure_motion(tracklet: Tracklet, frames: list[_AnalysisFrame]) -> list[tuple[_AnalysisFrame, Face]]:
    """Measure mouth motion in each of `frames` but the first; return these frames, each with its face.

    Between the last two detections the face is interpolated linearly, after removal of camera motion.
    """
    t0, t1 = tracklet.times[-2:]
    height, width = frames[0].grey.shape
    start, end = (
        locate_face(tracklet.kind, box, landmarks, width / height)
        for box, landmarks in zip(tracklet.boxes[-2:], tracklet.landmarks[-2:], strict=True)
    )
    if start is None or end is None:
        return []
    first, last = (
        astuple(face.shift(-frame.camera_shift[0], -frame.camera_shift[1]))
        for face, frame in ((start, frames[0]), (end, frames[-1]))
    )
    faces = []
    for previous, frame in pairwise(frames):
        fraction = (frame.t - t0) / (t1 - t0)
        face = Face(*(a + fraction * (b - a) for a, b in zip(first, last, strict=True))).shift(*frame.camera_shift)
        shift = (
            frame.camera_shift[0] - previous.camera_shift[0],
            frame.camera_shift[1] - previous.camera_shift[1],
        )
        tracklet.motion.append((frame.t, *measure_mouth_motion(previous.grey, frame.grey, face, shift)))
        faces.append((frame, face))
    return faces


def _measure_camera_shift(previous: _AnalysisFrame, frame: _AnalysisFrame) -> tuple[float, float]:
    """Return `frame.camera_shift`, by phase correlation of whole frames. Small and uncertain shifts count as none."""
    (dx, dy), response = cv2.phaseCorrelate(previous.small, frame.small, hann_window(CAMERA_SIZE))
    if response < MIN_CAMERA_RESPONSE or dx * dx + dy * dy < MIN_CAMERA_SHIFT_PX**2:
        return previous.camera_shift
    return previous.camera_shift[0] + dx / CAMERA_SIZE[0], previous.camera_shift[1] + dy / CAMERA_SIZE[1]


def _are_still(previous: list[Detection], current: list[Detection]) -> bool:
    """Return whether every box stayed in its place and none appeared or disappeared."""
    return len(previous) == len(current) and all(
        max(intersection_over_union(a, b) for b in current) > STILL_IOU for a in previous
    )
