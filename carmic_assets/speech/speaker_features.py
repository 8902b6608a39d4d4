"""Computes features for speaker assignment: lip motion and diarised voices, sampled every 0.1 s.

Lip motion comes from the spatial matrix (the table of tracked people), voices from the diarisation of the transcript.
Either may be missing. LLR stands for log likelihood ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carmic_assets.model.speech import Transcript

if TYPE_CHECKING:
    import polars as pl

STEP_S = 0.1  # length of one step of the features
MAX_TRACKS = 64  # only the tracks whose lips move most during speech are kept
IN_WORD, BETWEEN_WORDS, IN_PAUSE = 0, 1, 2  # values of `SpeakerFeatures.word_position`

_MAX_LLR = 1.5  # limit of one step's LLR, so that a single wrong lip score cannot decide
# A step further than this from every matrix row of a track has no lip score. The matrix has five rows per second.
_MAX_ROW_DISTANCE_S = 0.16
_MIN_PAUSE_S = 0.25  # a shorter gap between two words is `BETWEEN_WORDS`


@dataclass(frozen=True)
class SpeakerFeatures:
    """Arrays by step (n), track (K) and voice (C); step i covers `i * STEP_S` to `(i + 1) * STEP_S`.

    Attributes:
        tracks: track ids, the columns of `lip_llr`.
        voices: labels of the diarised voices, "A", "B", ...
        lip_llr: (n, K) log likelihood ratio of speaking to listening, -1.5..1.5; nan where the track is not visible.
        voice: (n,) index of the voice; -1 where nobody speaks.
        voice_confidence: (n,) 0..1.
        word_position: (n,) `IN_WORD`, `BETWEEN_WORDS` or `IN_PAUSE`.
    """

    tracks: tuple[int, ...]
    voices: tuple[str, ...]
    lip_llr: np.ndarray
    voice: np.ndarray
    voice_confidence: np.ndarray
    word_position: np.ndarray

    @property
    def is_speech(self) -> np.ndarray:
        """True for the steps in which somebody speaks: bool, shape (n,)."""
        return self.voice >= 0


def extract_speaker_features(transcript: Transcript, matrix: pl.DataFrame) -> SpeakerFeatures:
    """Return the features of a video. `matrix` has the columns `t` (source clock), `track` and `speaking` (0..1)."""
    ends = [turn.end_s for turn in transcript.voices] + [word.end_s for word in transcript.words]
    steps = int(max(ends, default=0.0) / STEP_S) + 2
    voices = tuple(sorted({turn.speaker for turn in transcript.voices}))
    voice, confidence = np.full(steps, -1), np.zeros(steps)
    for turn in transcript.voices:
        first = int(turn.start_s / STEP_S)
        last = max(round(turn.end_s / STEP_S), first + 1)
        voice[first:last] = voices.index(turn.speaker)
        confidence[first:last] = turn.confidence
    word_position = np.full(steps, IN_PAUSE)
    for before, after in pairwise(transcript.words):
        if after.start_s - before.end_s < _MIN_PAUSE_S:
            word_position[int(before.end_s / STEP_S) : int(after.start_s / STEP_S) + 1] = BETWEEN_WORDS
    for word in transcript.words:
        word_position[int(word.start_s / STEP_S) + 1 : int(word.end_s / STEP_S)] = IN_WORD
    tracks, lip_llr = _compute_lip_llr(matrix, voice >= 0)
    return SpeakerFeatures(tracks, voices, lip_llr, voice, confidence, word_position)


def _compute_lip_llr(matrix: pl.DataFrame, is_speech: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the tracks and `SpeakerFeatures.lip_llr`; scores are interpolated linearly between the matrix's rows."""
    step_centres = (np.arange(len(is_speech)) + 0.5) * STEP_S
    columns: dict[int, np.ndarray] = {}
    for (track,), rows in matrix.sort("t").group_by(["track"], maintain_order=True):
        t = rows["t"].to_numpy()
        after = np.clip(np.searchsorted(t, step_centres), 0, len(t) - 1)
        before = np.maximum(after - 1, 0)
        distance_s = np.minimum(np.abs(t[after] - step_centres), np.abs(t[before] - step_centres))
        score = np.interp(step_centres, t, rows["speaking"].to_numpy())
        # Half the log odds of the score; the offset keeps scores of 0 and 1 finite.
        llr = np.clip(np.log((score + 0.02) / (1.02 - score)) / 2, -_MAX_LLR, _MAX_LLR)
        columns[int(str(track))] = np.where(distance_s <= _MAX_ROW_DISTANCE_S, llr, np.nan).astype(np.float32)
    activity = {track: float(np.nansum(np.maximum(llr[is_speech] + _MAX_LLR, 0))) for track, llr in columns.items()}
    tracks = sorted(sorted(columns, key=lambda track: (-activity[track], track))[:MAX_TRACKS])
    if not tracks:
        return (), np.zeros((len(is_speech), 0), np.float32)
    return tuple(tracks), np.stack([columns[track] for track in tracks], 1)
