"""Speaks phonemes with Kokoro-82M (int8, ONNX Runtime). Samples are float32 in -1..1 at 24 kHz."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

SAMPLE_RATE = 24_000
MIN_PACE, MAX_PACE = 0.85, 1.25  # outside, words are omitted; a time stretch does the rest
_AUDIBLE = 0.01  # of full scale
_MARGIN_SAMPLES = SAMPLE_RATE // 33  # kept before the first and after the last audible sample

Samples = NDArray[np.float32]


class Synthesizer:
    """The loaded model, its alphabet and its voices."""

    def __init__(self, model: Path, vocabulary: Path, voices: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokens: dict[str, int] = msgspec.json.decode(vocabulary.read_bytes())["vocab"]
        self._voices = voices

    def speak(self, phonemes: str, voice: str, pace: float) -> Samples:
        """Return the speech without the silence around it. `pace` lies within `MIN_PACE` and `MAX_PACE`."""
        tokens = [self._tokens[letter] for letter in phonemes if letter in self._tokens]
        if not tokens:
            return np.zeros(0, np.float32)
        styles = _load_voice(self._voices / f"{voice}.bin")
        feeds = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": styles[min(len(tokens), len(styles)) - 1][None],
            "speed": np.array([pace], np.float32),
        }
        return _trim(np.asarray(self._session.run(None, feeds)[0], np.float32).ravel())


@lru_cache(maxsize=1)
def load_synthesizer(model: Path, vocabulary: Path, voices: Path, threads: int) -> Synthesizer:
    """Return the synthesizer, loaded once per process (6 s, 850 MB)."""
    return Synthesizer(model, vocabulary, voices, threads)


@lru_cache(maxsize=8)
def _load_voice(path: Path) -> Samples:
    """Return the styles of a voice: one row of 256 numbers for each length in tokens."""
    return np.fromfile(path, np.float32).reshape(-1, 256)


def _trim(samples: Samples) -> Samples:
    audible = np.flatnonzero(np.abs(samples) > _AUDIBLE)
    if len(audible) == 0:
        return samples[:0]
    return samples[max(0, audible[0] - _MARGIN_SAMPLES) : audible[-1] + _MARGIN_SAMPLES]
