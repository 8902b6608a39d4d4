"""What lips and voices say about who speaks, on one grid of tenths of a second. It decides nothing.

Lips come from the spatial matrix, voices from the transcript; both may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmic_assets.model.speech import Transcript

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

STEP_S = 0.1
MOST_TRACKS = 64  # that can be speakers: those whose lips move most in speech

_SEEN_S = 0.16  # a box this near in time shows the track: the matrix has five a second
_PAUSE_S = 0.25


@dataclass(frozen=True)
class Evidence:
    """Arrays by step (n), track (K) and voice (C); step i is the time i * STEP_S to (i + 1) * STEP_S.

    `lips` (n, K) is the log likelihood ratio of speaking to listening, -1.5..1.5, nan where the track is not seen.
    `voice` (n,) is the index of the voice, -1 where nobody speaks; `sure` (n,) how sure that is, 0..1.
    `gap` (n,): 0 within a word, 1 between two words, 2 in a pause.
    """

    tracks: tuple[int, ...]
    voices: tuple[str, ...]
    lips: np.ndarray
    voice: np.ndarray
    sure: np.ndarray
    gap: np.ndarray

    @property
    def speech(self) -> np.ndarray:
        """Steps in which somebody speaks: bool, shape (n,)."""
        return self.voice >= 0


def gather(transcript: Transcript, matrix: pl.DataFrame) -> Evidence:
    """`matrix` has the columns `t` (source clock), `track` and `speaking` (0..1)."""
    import numpy as np

    ends = [turn.end_s for turn in transcript.voices] + [word.end_s for word in transcript.words]
    steps = int(max(ends, default=0.0) / STEP_S) + 2
    voices = tuple(sorted({turn.speaker for turn in transcript.voices}))
    voice, sure = np.full(steps, -1), np.zeros(steps)
    for turn in transcript.voices:
        first, last = _steps(turn.start_s, turn.end_s)
        voice[first:last] = voices.index(turn.speaker)
        sure[first:last] = turn.confidence
    gap = np.full(steps, 2)
    for before, after in zip(transcript.words, transcript.words[1:], strict=False):
        if after.start_s - before.end_s < _PAUSE_S:
            gap[int(before.end_s / STEP_S) : int(after.start_s / STEP_S) + 1] = 1
    for word in transcript.words:
        gap[int(word.start_s / STEP_S) + 1 : int(word.end_s / STEP_S)] = 0
    tracks, lips = _lips(matrix, steps, voice >= 0)
    return Evidence(tracks, voices, lips, voice, sure, gap)


def _steps(start_s: float, end_s: float) -> tuple[int, int]:
    first = int(start_s / STEP_S)
    return first, max(round(end_s / STEP_S), first + 1)


def _lips(matrix: pl.DataFrame, steps: int, speech: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Tracks and `Evidence.lips`: scores on the grid, linear between the matrix's times."""
    import numpy as np

    middle = (np.arange(steps) + 0.5) * STEP_S
    columns: dict[int, np.ndarray] = {}
    for (track,), rows in matrix.sort("t").group_by(["track"], maintain_order=True):
        t = rows["t"].to_numpy()
        after = np.clip(np.searchsorted(t, middle), 0, len(t) - 1)
        away = np.minimum(np.abs(t[after] - middle), np.abs(t[np.maximum(after - 1, 0)] - middle))
        score = np.interp(middle, t, rows["speaking"].to_numpy())
        ratio = np.clip(np.log((score + 0.02) / (1.02 - score)) / 2, -1.5, 1.5)
        columns[int(str(track))] = np.where(away <= _SEEN_S, ratio, np.nan).astype(np.float32)
    moving = {track: float(np.nansum(np.maximum(ratio[speech] + 1.5, 0))) for track, ratio in columns.items()}
    kept = sorted(sorted(columns, key=lambda track: (-moving[track], track))[:MOST_TRACKS])
    return tuple(kept), np.stack([columns[k] for k in kept], 1) if kept else np.zeros((steps, 0), np.float32)
