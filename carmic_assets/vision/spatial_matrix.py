"""The spatial matrix: where each person is, and how much they look like speaking, five times per second.

Combines detection, tracking and lip motion, and defines the columns of the result (docs/vision.md).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from carmic_assets.media.video_filters import choose_output_rate
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Speakers, Transcript
from carmic_assets.speech.speaker_turns import resolve_speakers
from carmic_assets.vision.detectors import load_detector
from carmic_assets.vision.lip_motion import score_speaking
from carmic_assets.vision.observation import observe
from carmic_assets.vision.tracking import MAX_GAP_S, MIN_DETECTIONS, Tracklet, assign_track_ids

MATRIX_FPS = 5.0
EDGE_HOLD_S = 0.5  # a face detected this close to a cut is held up to it
MIN_BEST_SCORE = 0.55  # a tracklet whose best box scores less is noise
LONG_GAP_S = 0.6  # the score is halved in longer gaps

SCHEMA: dict[str, Any] = {
    "t": pl.Float64, "shot": pl.Int32, "track": pl.Int32, "kind": pl.String,
    "x": pl.Float32, "y": pl.Float32, "w": pl.Float32, "h": pl.Float32,
    "score": pl.Float32, "speaking": pl.Float32, "landmarks": pl.List(pl.Float32),
}  # fmt: skip


class MatrixFacts(msgspec.Struct, frozen=True):
    """How a matrix was computed."""

    detector: str
    why: str  # why this detector ran
    kind: str
    runtime: str  # library, device and threads
    fps: float
    tracks: int
    detections: int  # runs of the detector
    lips: str  # the source of the speaking scores


class VisionOptions(msgspec.Struct, frozen=True):
    """The models to run: `weights` and `cache` as in `load_detector`, `asd_weights` of an `ActiveSpeakerModel`."""

    weights: str = "auto"
    device: str = "cpu"
    asd_weights: str | None = None
    threads: int = 2
    cache: Path | None = None


DEFAULT_OPTIONS = VisionOptions()


class VisionResult(msgspec.Struct, frozen=True):
    """The spatial matrix (columns of docs/vision.md), the speakers joined with its tracks, and how it was computed."""

    matrix: pl.DataFrame
    speakers: Speakers
    facts: MatrixFacts


def build_matrix(
    frames_path: str | Path,
    audio_path: str | Path | None,
    analysis: AnalysisFacts,
    transcript: Transcript | None,
    options: VisionOptions = DEFAULT_OPTIONS,
    *,
    progress: ProgressCallback = ignore_progress,
) -> VisionResult:
    """Detect, track and score the people of the analysis copy, and join them with the transcript's voices.

    Raises:
        CorruptVideoError: the copy cannot be read.
        CarmicError: the active speaker weights cannot be read.
    """
    detector = load_detector(options.weights, device=options.device, threads=options.threads, cache=options.cache)
    speaker_model = None
    if options.asd_weights:
        from carmic_assets.vision.active_speaker_model import ActiveSpeakerModel  # noqa: PLC0415 - loads torch

        speaker_model = ActiveSpeakerModel(
            options.asd_weights, audio_path, device=options.device, threads=options.threads
        )
    tracklets, detector_runs = observe(
        frames_path,
        analysis,
        detector,
        speaker_model=speaker_model,
        threads=options.threads,
        progress=lambda fraction: progress(0.95 * fraction),
    )
    tracklets = select_people(tracklets)
    matrix = build_table(tracklets, analysis, transcript.speech if transcript else None)
    speakers = resolve_speakers(transcript, matrix, analysis) if transcript else Speakers((), {})
    facts = MatrixFacts(
        detector=detector.facts["detector"],
        why=detector.facts.get("reason", "as configured"),
        kind=detector.facts["kind"],
        runtime=detector.facts["runtime"],
        fps=MATRIX_FPS,
        tracks=len({tracklet.track for tracklet in tracklets}),
        detections=detector_runs,
        lips=speaker_model.name if speaker_model else "mouth motion",
    )
    progress(1.0)
    return VisionResult(name_speakers(matrix, speakers), speakers, facts)


def name_speakers(matrix: pl.DataFrame, speakers: Speakers) -> pl.DataFrame:
    """Fill the column `speaker` by the tracks of `speakers`."""
    speaker_by_track = {track: speaker for speaker, tracks in speakers.tracks.items() for track in tracks}
    speaker = pl.col("track").replace_strict(speaker_by_track, default=None, return_dtype=pl.String)
    return matrix.with_columns(speaker.alias("speaker"))


def build_scene(matrix: pl.DataFrame, speakers: Speakers, facts: SourceFacts, analysis: AnalysisFacts) -> Scene:
    """Build the director's input: tracks as columns, turns, cuts, size and rate of the upright source."""
    if facts.video is None:
        raise ValueError("The source has no video stream.")
    tracks = []
    for (track,), rows in matrix.sort("track", "t").group_by(["track"], maintain_order=True):
        columns = {
            name: tuple(rows[name].round(5).to_list()) for name in ("t", "x", "y", "w", "h", "score", "speaking")
        }
        tracks.append(SceneTrack(id=int(track), kind=rows["kind"][0], **columns))
    return Scene(
        width=facts.video.width,
        height=facts.video.height,
        rate=max(facts.video.rate, choose_output_rate(facts.video), key=lambda rate: rate.fraction),
        fps=MATRIX_FPS,
        start_s=analysis.start_s,
        end_s=analysis.start_s + analysis.duration_s,
        cuts_s=analysis.cuts_s,
        dissolves_s=analysis.dissolves_s,
        picture=analysis.picture,
        tracks=tuple(tracks),
        turns=speakers.turns,
        people=speakers.tracks,
    )


def select_people(tracklets: list[Tracklet]) -> list[Tracklet]:
    """Drop the tracklets that are noise, and number the persons of the others."""
    selected = [t for t in tracklets if len(t.times) >= MIN_DETECTIONS and max(t.scores) >= MIN_BEST_SCORE]
    assign_track_ids(selected)
    return selected


def build_table(
    tracklets: list[Tracklet], analysis: AnalysisFacts, speech: tuple[tuple[float, float], ...] | None
) -> pl.DataFrame:
    """Return the matrix, sorted by `t` and `track`, with an empty column `speaker`.

    `speech` holds the intervals with voice activity.
    """
    edges = [analysis.start_s, *analysis.shot_boundaries_s, analysis.start_s + analysis.duration_s]
    shots = list(pairwise(edges))
    parts = [pl.DataFrame(schema=SCHEMA)]
    for tracklet in tracklets:
        t = _find_sample_times(tracklet, shots[min(tracklet.shot, len(shots) - 1)], analysis.start_s)
        if not len(t):
            continue
        columns = {
            "t": np.round(t, 4),
            "shot": [tracklet.shot] * len(t),
            "track": [tracklet.track] * len(t),
            "kind": [tracklet.kind] * len(t),
            **_interpolate_boxes(tracklet, t),
            "speaking": score_speaking(tracklet.motion, t, speech, model_scores=tracklet.model_scores),
            "landmarks": _interpolate_landmarks(tracklet, t),
        }
        parts.append(pl.DataFrame(columns, schema=SCHEMA))
    rows = pl.concat(parts).sort("t", "track").unique(["t", "track"], keep="first", maintain_order=True)
    return rows.with_columns(pl.lit(None, pl.String).alias("speaker"))


def _find_sample_times(tracklet: Tracklet, shot: tuple[float, float], start_s: float) -> np.ndarray:
    """Return the times of the matrix that the tracklet covers within its shot."""
    shot_start_s, shot_end_s = shot
    first_s = shot_start_s if tracklet.times[0] - shot_start_s < EDGE_HOLD_S else tracklet.times[0]
    last_s = shot_end_s if shot_end_s - tracklet.times[-1] < EDGE_HOLD_S else tracklet.times[-1]
    low = np.ceil((first_s - start_s) * MATRIX_FPS - 1e-6)
    high = np.ceil((last_s - start_s) * MATRIX_FPS - 1e-6)
    if last_s != shot_end_s:
        high = np.floor((last_s - start_s) * MATRIX_FPS + 1e-6) + 1
    return start_s + np.arange(low, high) / MATRIX_FPS


def _interpolate_boxes(tracklet: Tracklet, t: np.ndarray) -> dict[str, np.ndarray]:
    """Interpolate slightly smoothed boxes linearly; halve the score in long gaps."""
    times, boxes = np.array(tracklet.times), np.array(tracklet.boxes)
    smoothed = boxes.copy()
    if len(times) > 2:  # detectors jitter by a pixel or two
        is_close = (np.diff(times)[:-1] < MAX_GAP_S) & (np.diff(times)[1:] < MAX_GAP_S)
        average = (boxes[:-2] + 2 * boxes[1:-1] + boxes[2:]) / 4
        smoothed[1:-1] = np.where(is_close[:, None], average, boxes[1:-1])
    columns: dict[str, np.ndarray] = {name: np.interp(t, times, smoothed[:, i]) for i, name in enumerate("xywh")}
    gap_s = np.concatenate([[0], np.diff(times), [0]])[np.searchsorted(times, t)]
    columns["score"] = np.interp(t, times, tracklet.scores) * np.where(gap_s > LONG_GAP_S, 0.5, 1.0)
    return columns


def _interpolate_landmarks(tracklet: Tracklet, t: np.ndarray) -> list[list[float] | None]:
    if any(landmarks is None for landmarks in tracklet.landmarks):
        return [None] * len(t)
    landmarks = np.array(tracklet.landmarks)
    columns = [np.interp(t, tracklet.times, landmarks[:, i]) for i in range(landmarks.shape[1])]
    return [[float(v) for v in row] for row in np.stack(columns, 1)]
