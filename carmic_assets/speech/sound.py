"""Reads the analysis sound, 16 kHz mono 16-bit WAV, in pieces: two hours never lie in memory at once.

Never decodes or resamples: the media room wrote this file from the source, on the source clock.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000


def length_s(path: str | Path) -> float:
    """Seconds of sound in the file."""
    with _open(path) as sound:
        return sound.getnframes() / RATE


def read(path: str | Path, start_s: float, end_s: float) -> np.ndarray:
    """The samples of `start_s`..`end_s`, float32 in -1..1, shape (n,); shorter where the file ends."""
    import numpy as np

    with _open(path) as sound:
        first = min(max(round(start_s * RATE), 0), sound.getnframes())
        sound.setpos(first)
        raw = sound.readframes(max(round(end_s * RATE) - first, 0))
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768


def blocks(path: str | Path, block_s: float, start_s: float = 0.0, end_s: float | None = None) -> Iterator[np.ndarray]:
    """The file from `start_s` to `end_s` in order, `block_s` seconds at a time (float32, the last one shorter)."""
    end_s = length_s(path) if end_s is None else min(end_s, length_s(path))
    at = start_s
    while at < end_s:
        yield read(path, at, min(at + block_s, end_s))
        at += block_s


def _open(path: str | Path) -> wave.Wave_read:
    sound = wave.open(str(path), "rb")
    if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (RATE, 1, 2):
        sound.close()
        raise ValueError(f"not 16 kHz mono 16-bit sound: {path}")
    return sound
