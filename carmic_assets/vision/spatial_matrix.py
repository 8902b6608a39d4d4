"""Builds the spatial matrix: a table with the box and the speaking score of each tracked person, five times per second.

The module combines detection, tracking and lip motion, and defines the columns of the table (docs/vision.md).
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
from carmic_assets.model.scene import Composition, Scene, SceneTrack, TextBand
from carmic_assets.model.speech import Speakers, Transcript
from carmic_assets.speech.speaker_turns import resolve_speakers
from carmic_assets.vision.composition import CompositionDetector
from carmic_assets.vision.detectors import load_detector
from carmic_assets.vision.lip_motion import score_speaking
from carmic_assets.vision.observation import observe
from carmic_assets.vision.tracking import MAX_GAP_S, MIN_DETECTIONS, Tracklet, assign_track_ids

MATRIX_FPS = 5.0  # rows per second of each track
EDGE_HOLD_S = 0.5  # a box detected this close to a cut is repeated up to the cut
MIN_BEST_SCORE = 0.55  # a tracklet whose best detection scores less is noise
STILL_MOTION = 0.006  # motion of a face below which it is a picture; the stillest listeners of talks have 0.02
MIN_MOTION_FRAMES = 12  # measured frames, about one second, needed to call a face still
MIN_JUDGED_WIDTH = 0.03  # of the frame's width; the motion of smaller faces is not measured
LONG_GAP_S = 0.6  # in longer gaps between detections the score is halved

SCHEMA: dict[str, Any] = {
    "t": pl.Float64, "shot": pl.Int32, "track": pl.Int32, "kind": pl.String,
    "x": pl.Float32, "y": pl.Float32, "w": pl.Float32, "h": pl.Float32,
    "score": pl.Float32, "speaking": pl.Float32, "landmarks": pl.List(pl.Float32),
}  # fmt: skip


class MatrixFacts(msgspec.Struct, frozen=True):
    """Facts of how a matrix was computed."""

    detector: str
    why: str  # reason for the choice of the detector
    kind: str
    runtime: str  # library, device and threads
    fps: float
    tracks: int  # number of tracks
    detections: int  # number of detector runs
    lips: str  # source of the speaking scores: mouth motion, or the name of the audio-visual model
    compositions: tuple[Composition, ...] = ()
    text_bands: tuple[TextBand, ...] = ()


class VisionOptions(msgspec.Struct, frozen=True):
    """Options of the models to run.

    `weights` and `cache` are those of `load_detector`. `asd_weights` is the path of the weights of an
    `ActiveSpeakerModel`; None measures mouth motion instead.
    """

    weights: str = "auto"
    device: str = "cpu"
    asd_weights: str | None = None
    threads: int = 2
    cache: Path | None = None


DEFAULT_OPTIONS = VisionOptions()


class VisionResult(msgspec.Struct, frozen=True):
    """The spatial matrix (columns in docs/vision.md), the speakers with their tracks, and facts of the computation."""

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
    """Detect, track and score the people in the analysis copy, and assign the transcript's voices to them.

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
    compositions = CompositionDetector()
    tracklets, detector_runs = observe(
        frames_path,
        analysis,
        detector,
        speaker_model=speaker_model,
        compositions=compositions,
        threads=options.threads,
        progress=lambda fraction: progress(0.95 * fraction),
    )
    tracklets = select_people(tracklets)
    matrix = build_table(tracklets, analysis, transcript.speech if transcript else None)
    speakers = resolve_speakers(transcript, matrix, analysis) if transcript else Speakers((), {})
    end_s = analysis.start_s + analysis.duration_s
    composed = compositions.finish(end_s, analysis.cuts_s)
    facts = MatrixFacts(
        detector=detector.facts["detector"],
        why=detector.facts.get("reason", "as configured"),
        kind=detector.facts["kind"],
        runtime=detector.facts["runtime"],
        fps=MATRIX_FPS,
        tracks=len({tracklet.track for tracklet in tracklets}),
        detections=detector_runs,
        lips=speaker_model.name if speaker_model else "mouth motion",
        compositions=composed,
        # Text on a screen or in a call is content.
        text_bands=tuple(
            band
            for band in compositions.text_bands.finish(end_s)
            if all(part.end_s <= band.start_s or part.start_s >= band.end_s for part in composed)
        ),
    )
    progress(1.0)
    return VisionResult(name_speakers(matrix, speakers), speakers, facts)


def name_speakers(matrix: pl.DataFrame, speakers: Speakers) -> pl.DataFrame:
    """Return the matrix with the column `speaker` filled from the tracks of `speakers`; null for other tracks."""
    speaker_by_track = {track: speaker for speaker, tracks in speakers.tracks.items() for track in tracks}
    speaker = pl.col("track").replace_strict(speaker_by_track, default=None, return_dtype=pl.String)
    return matrix.with_columns(speaker.alias("speaker"))


def build_scene(
    matrix: pl.DataFrame,
    speakers: Speakers,
    facts: SourceFacts,
    analysis: AnalysisFacts,
    observed: MatrixFacts | None = None,
) -> Scene:
    """Build the director's input: tracks as columns, turns, cuts, size and rate of the upright source.

    `observed` adds the detector's name, the compositions and the text bands.
    """
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
        detector=observed.detector if observed else "",
        compositions=observed.compositions if observed else (),
        text_bands=observed.text_bands if observed else (),
    )


def select_people(tracklets: list[Tracklet]) -> list[Tracklet]:
    """Return the tracklets that are neither noise nor pictures of people, with their track ids set.

    A still face is a picture (a poster, a thumbnail) if a living person is in the same shot.
    """
    clear = [t for t in tracklets if len(t.times) >= MIN_DETECTIONS and max(t.scores) >= MIN_BEST_SCORE]
    living_shots = {t.shot for t in clear if t.motion and not _is_still(t)}
    selected = [t for t in clear if t.shot not in living_shots or not _is_still(t)]
    assign_track_ids(selected)
    return selected


def _is_still(tracklet: Tracklet) -> bool:
    """Return whether neither the mouth nor the upper face ever moves; False if the face is too small to tell."""
    if len(tracklet.motion) < MIN_MOTION_FRAMES or min(box[2] for box in tracklet.boxes) < MIN_JUDGED_WIDTH:
        return False
    _, mouth, upper = np.quantile(np.array(tracklet.motion), 0.75, axis=0)
    return float(max(mouth, upper)) < STILL_MOTION


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
    """Return the times of the matrix rows of the tracklet, within its shot."""
    shot_start_s, shot_end_s = shot
    first_s = shot_start_s if tracklet.times[0] - shot_start_s < EDGE_HOLD_S else tracklet.times[0]
    last_s = shot_end_s if shot_end_s - tracklet.times[-1] < EDGE_HOLD_S else tracklet.times[-1]
    low = np.ceil((first_s - start_s) * MATRIX_FPS - 1e-6)
    high = np.ceil((last_s - start_s) * MATRIX_FPS - 1e-6)
    if last_s != shot_end_s:
        high = np.floor((last_s - start_s) * MATRIX_FPS + 1e-6) + 1
    return start_s + np.arange(low, high) / MATRIX_FPS


def _interpolate_boxes(tracklet: Tracklet, t: np.ndarray) -> dict[str, np.ndarray]:
    """Return box and score columns at the times `t`, interpolated linearly between slightly smoothed detections."""
    times, boxes = np.array(tracklet.times), np.array(tracklet.boxes)
    smoothed = boxes.copy()
    if len(times) > 2:  # boxes of a detector jitter by a pixel or two
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
