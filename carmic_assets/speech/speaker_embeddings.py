"""Computes speaker embeddings: one vector for each window of speech, similar for windows of the same voice.

The network and its weights are those of Resemblyzer (Wan et al. 2018, "Generalized end-to-end loss for speaker
verification"). Only the weights in its package are read, because its code needs a C compiler and librosa.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from carmic_assets.speech.audio_reader import SAMPLE_RATE, AudioReader

if TYPE_CHECKING:
    from torch import nn

WINDOW_S = 2.0  # audio behind one embedding; shorter audio is repeated up to this length
EMBEDDING_SIZE = 256

_HOP, _FRAME, _MELS = 160, 400, 40  # samples (10 ms and 25 ms) and mel bands, as in training
_TRAINED_RMS = 10 ** (-30 / 20)  # RMS of the training data, -30 dBFS; linear mel energies depend on the level
_BATCH_SIZE = 64  # windows


def is_installed() -> bool:
    """Return whether the weights are installed; if not, all speech counts as one voice."""
    return _find_weights() is not None


def describe_model() -> str:
    """Return the name of the embedding model for the transcript, or the reason for its absence."""
    return "resemblyzer" if is_installed() else "none: resemblyzer is not installed, so all speech counts as one voice"


def embed_windows(reader: AudioReader, windows: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return a unit vector for each window (start and end in seconds): float32, shape (n, 256).

    Only the first `WINDOW_S` of a window are used. The weights must be installed.
    """
    import torch  # noqa: PLC0415 - heavy; only needed where the weights are installed

    lstm, linear = _load_network()
    embeddings = [np.zeros((0, EMBEDDING_SIZE), np.float32)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # an LSTM gains nothing from a second thread, which spins at up to six times the CPU time
    try:
        with torch.inference_mode():
            for first in range(0, len(windows), _BATCH_SIZE):
                batch = windows[first : first + _BATCH_SIZE]
                mels = np.stack([_compute_mel_energies(reader.read(a, min(b, a + WINDOW_S))) for a, b in batch])
                _, (hidden, _) = lstm(torch.from_numpy(mels))
                raw = torch.relu(linear(hidden[-1]))
                embeddings.append((raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-9)).numpy())
    finally:
        torch.set_num_threads(threads)
    return np.concatenate(embeddings)


def _compute_mel_energies(samples: np.ndarray) -> np.ndarray:
    """Return the mel energies of the samples at the trained level, repeated to `WINDOW_S`: float32, shape (200, 40)."""
    frames = round(WINDOW_S * SAMPLE_RATE / _HOP)
    if samples.size:
        samples = samples * (_TRAINED_RMS / np.sqrt(np.mean(np.square(samples)) + 1e-10))
    else:
        samples = np.zeros(_HOP)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, _FRAME // 2), _FRAME)[::_HOP]
    power = np.abs(np.fft.rfft(windows * _build_hann_window())) ** 2
    mel = (power @ _build_mel_filters().T).astype(np.float32)
    return np.tile(mel, (-(-frames // len(mel)), 1))[:frames]


@functools.lru_cache(maxsize=1)
def _build_hann_window() -> np.ndarray:
    return np.hanning(_FRAME + 1)[:-1].astype(np.float32)


@functools.lru_cache(maxsize=1)
def _build_mel_filters() -> np.ndarray:
    """Return Slaney's mel filters, as faster-whisper computes them: shape (40, 201)."""
    from faster_whisper.feature_extractor import FeatureExtractor  # noqa: PLC0415 - heavy; only embedding needs it

    return cast(np.ndarray, FeatureExtractor.get_mel_filters(SAMPLE_RATE, _FRAME, n_mels=_MELS))


def _find_weights() -> Path | None:
    spec = importlib.util.find_spec("resemblyzer")
    path = Path(spec.origin).parent / "pretrained.pt" if spec and spec.origin else None
    return path if path and path.is_file() else None


@functools.lru_cache(maxsize=1)
def _load_network() -> tuple[nn.LSTM, nn.Linear]:
    import torch  # noqa: PLC0415 - heavy; only needed where the weights are installed

    path = _find_weights()
    if path is None:
        raise RuntimeError("The resemblyzer weights are not installed; check is_installed() first.")
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    lstm = torch.nn.LSTM(_MELS, EMBEDDING_SIZE, 3, batch_first=True)
    linear = torch.nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
    lstm.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("lstm.")})
    linear.load_state_dict({name[7:]: value for name, value in state.items() if name.startswith("linear.")})
    return lstm.eval(), linear.eval()
