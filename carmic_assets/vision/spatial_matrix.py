"""The spatial matrix: where each person is and how much they look like speaking, five times a second.

Puts detection, tracks and lips together and gives the result its columns. It decides nothing about crops.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from carmic_assets.media.picture_filters import output_rate
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from carmic_assets.model.progress import Progress, ignore
from carmic_assets.model.scene import MatrixBox, MatrixTrack, Scene, SceneTrack, SpatialMatrix
from carmic_assets.model.speech import Speakers, Transcript
from carmic_assets.vision.active_speaker_model import ActiveSpeaker
from carmic_assets.vision.detectors import load_detector
from carmic_assets.vision.lip_motion import speaking_scores
from carmic_assets.vision.observation import observe
from carmic_assets.vision.tracking import MAX_GAP_S, MIN_SEEN, Piece, identify

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

MATRIX_FPS = 5.0
HOLD_S = 0.5  # a face found this shortly after a cut, or lost this shortly before one, was there from or to the cut
SURE = 0.55  # a piece whose best box scores less is noise


class MatrixFacts(msgspec.Struct, frozen=True):
    """What made a matrix. `why` says why this detector ran; `runtime` which library, device and threads."""

    detector: str
    why: str
    kind: str
    runtime: str
    fps: float
    tracks: int
    detections: int  # how often the detector ran
    lips: str  # what the speaking scores are from


class Matrix(msgspec.Struct, frozen=True):
    """`matrix` has the columns of `docs/vision.md`; `speakers` joins voices and faces; `facts` says what made it."""

    matrix: Any  # polars.DataFrame
    speakers: Speakers
    facts: MatrixFacts


def build_matrix(
    frames_path: str | Path,
    audio_path: str | Path | None,
    analysis: AnalysisFacts,
    transcript: Transcript | None,
    *,
    weights: str = "auto",
    device: str = "cpu",
    asd_weights: str | None = None,
    threads: int = 2,
    cache: Path | None = None,
    progress: Progress = ignore,
) -> Matrix:
    """Detect, track and score the small copy at `frames_path`, and join faces with the transcript's voices.

    `weights`, `device` and `cache` choose the detector (see `detect.load_detector`), `asd_weights` an audio-visual
    model for the speaking scores. Raises CorruptVideo where the copy cannot be read, CarmicError where `asd_weights`
    cannot.
    """
    from carmic_assets.speech.speaker_turns import join

    detector = load_detector(weights, device=device, threads=threads, cache=cache)
    speaker = ActiveSpeaker(asd_weights, audio_path, device=device, threads=threads) if asd_weights else None
    pieces, detections = observe(
        frames_path, analysis, detector, speaker=speaker, threads=threads, progress=lambda done: progress(0.95 * done)
    )
    pieces = people(pieces)
    matrix = table(pieces, analysis, transcript.speech if transcript else None)
    speakers = join(transcript, matrix, analysis) if transcript else Speakers((), {})
    facts = MatrixFacts(
        detector=detector.facts["detector"],
        why=detector.facts.get("reason", "as configured"),
        kind=detector.facts["kind"],
        runtime=detector.facts["runtime"],
        fps=MATRIX_FPS,
        tracks=len({p.track for p in pieces}),
        detections=detections,
        lips=speaker.name if speaker else "mouth motion",
    )
    progress(1.0)
    return Matrix(name_speakers(matrix, speakers), speakers, facts)


def name_speakers(matrix: pl.DataFrame, speakers: Speakers) -> pl.DataFrame:
    """Fill the column `speaker` from the joined voices and faces."""
    import polars as pl

    letters = {track: letter for letter, tracks in speakers.tracks.items() for track in tracks}
    named = pl.col("track").replace_strict(letters, default=None, return_dtype=pl.String)
    return matrix.with_columns(named.alias("speaker"))


def to_json(matrix: pl.DataFrame, clip_start_s: float, clip_end_s: float, facts: MatrixFacts) -> SpatialMatrix:
    """`advanced_spatial_matrix` of a clip: its rows on the clip clock, by track."""
    import polars as pl

    part = matrix.filter(pl.col("t").is_between(clip_start_s, clip_end_s, closed="left")).sort("track", "t")
    tracks = []
    for (track,), rows in part.group_by(["track"], maintain_order=True):
        boxes = tuple(
            MatrixBox(round(t - clip_start_s, 3), *(round(v, 4) for v in rest))
            for t, *rest in rows.select("t", "x", "y", "w", "h", "score", "speaking").iter_rows()
        )
        tracks.append(MatrixTrack(int(track), rows["kind"][0], rows["speaker"][0], boxes))
    return SpatialMatrix(facts.fps, facts.detector, tuple(tracks))


def scene_of(matrix: pl.DataFrame, speakers: Speakers, facts: SourceFacts, analysis: AnalysisFacts) -> Scene:
    """The director's view: tracks as columns, with turns, cuts and the size of the upright source."""
    assert facts.video, "a source without a picture is refused by the probe"
    tracks = []
    for (track,), rows in matrix.sort("track", "t").group_by(["track"], maintain_order=True):
        columns = {
            name: tuple(rows[name].round(5).to_list()) for name in ("t", "x", "y", "w", "h", "score", "speaking")
        }
        tracks.append(SceneTrack(id=int(track), kind=rows["kind"][0], **columns))
    return Scene(
        width=facts.video.width,
        height=facts.video.height,
        rate=max(facts.video.rate, output_rate(facts.video), key=lambda rate: rate.fraction),
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


def people(pieces: list[Piece]) -> list[Piece]:
    """The pieces that are somebody, each with its track; noise is left out."""
    kept = [p for p in pieces if len(p.times) >= MIN_SEEN and max(p.scores) >= SURE]
    identify(kept)
    return kept


def table(pieces: list[Piece], analysis: AnalysisFacts, speech: tuple[tuple[float, float], ...] | None) -> pl.DataFrame:
    """The matrix of these pieces, sorted by `t` and `track`, `speaker` not yet known. `speech`: spans with speech."""
    import numpy as np
    import polars as pl

    edges = [analysis.start_s, *analysis.breaks_s, analysis.start_s + analysis.duration_s]
    spans = list(pairwise(edges))
    schema: Any = {
        "t": pl.Float64, "shot": pl.Int32, "track": pl.Int32, "kind": pl.String,
        "x": pl.Float32, "y": pl.Float32, "w": pl.Float32, "h": pl.Float32,
        "score": pl.Float32, "speaking": pl.Float32, "landmarks": pl.List(pl.Float32),
    }  # fmt: skip
    parts = [pl.DataFrame(schema=schema)]
    for piece in pieces:
        t = _places(piece, spans[min(piece.shot, len(spans) - 1)], analysis.start_s)
        if not len(t):
            continue
        columns = _sampled(piece, t)
        speaking = speaking_scores(piece.motion, t, speech, heard=piece.heard)
        same = {"shot": [piece.shot] * len(t), "track": [piece.track] * len(t), "kind": [piece.kind] * len(t)}
        marks = _marks(piece, t)
        parts.append(
            pl.DataFrame(
                {"t": np.round(t, 4), **same, **columns, "speaking": speaking, "landmarks": marks}, schema=schema
            )
        )
    rows = pl.concat(parts).sort("t", "track").unique(["t", "track"], keep="first", maintain_order=True)
    return rows.with_columns(pl.lit(None, pl.String).alias("speaker"))


def _places(piece: Piece, span: tuple[float, float], start_s: float) -> np.ndarray:
    """Times of the matrix that the piece covers."""
    import numpy as np

    first = span[0] if piece.times[0] - span[0] < HOLD_S else piece.times[0]
    last = span[1] if span[1] - piece.times[-1] < HOLD_S else piece.times[-1]
    low = np.ceil((first - start_s) * MATRIX_FPS - 1e-6)
    high = np.ceil((last - start_s) * MATRIX_FPS - 1e-6)
    if last != span[1]:
        high = np.floor((last - start_s) * MATRIX_FPS + 1e-6) + 1
    return start_s + np.arange(low, high) / MATRIX_FPS


def _sampled(piece: Piece, t: np.ndarray) -> dict[str, np.ndarray]:
    """Boxes between detections lie on a line, lightly smoothed; where the gap is long the score is halved."""
    import numpy as np

    known, boxes = np.array(piece.times), np.array(piece.boxes)
    smooth = boxes.copy()
    if len(known) > 2:  # detectors tremble by a pixel or two
        close = (np.diff(known)[:-1] < MAX_GAP_S) & (np.diff(known)[1:] < MAX_GAP_S)
        smooth[1:-1] = np.where(close[:, None], (boxes[:-2] + 2 * boxes[1:-1] + boxes[2:]) / 4, boxes[1:-1])
    columns = {name: np.interp(t, known, smooth[:, i]) for i, name in enumerate("xywh")}
    gap = np.concatenate([[0], np.diff(known), [0]])[np.searchsorted(known, t)]
    columns["score"] = np.interp(t, known, piece.scores) * np.where(gap > 0.6, 0.5, 1.0)
    return columns


def _marks(piece: Piece, t: np.ndarray) -> list[list[float] | None]:
    import numpy as np

    if any(m is None for m in piece.landmarks):
        return [None] * len(t)
    marks = np.array(piece.landmarks)
    columns = [np.interp(t, piece.times, marks[:, i]) for i in range(marks.shape[1])]
    return [[float(v) for v in row] for row in np.stack(columns, 1)]
