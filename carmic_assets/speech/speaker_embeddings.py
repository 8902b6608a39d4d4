"""Voice prints: a vector for each stretch of speech that is alike where the voice is alike.

The network and its weights are Resemblyzer's (Wan et al. 2018, "Generalized end-to-end loss for speaker verification"),
which ships them in its package. Only its weights are read: its own code would bring a C compiler and librosa along.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carmic_assets.speech.audio_reader import RATE, Sound

if TYPE_CHECKING:
    import numpy as np

LENGTH_S = 2.0  # of sound that a print is made from; a shorter stretch is repeated up to it
SIZE = 256

_HOP, _FRAME, _MELS = 160, 400, 40  # as the network was trained: 10 ms steps, 25 ms frames
_LEVEL = 10 ** (-30 / 20)  # RMS that it was trained at; its mel energies are not logarithmic, so the level matters
_BATCH = 64


def available() -> bool:
    """Whether the weights are installed. Where they are not, nobody can tell voices apart."""
    return _weights() is not None


def name() -> str:
    """For the transcript: which weights tell voices apart, or that none do."""
    return "resemblyzer" if available() else "none: resemblyzer is not installed, so all speech counts as one voice"


def prints(sound: Sound, stretches: Sequence[tuple[float, float]]) -> np.ndarray:
    """One unit vector for each stretch (seconds; what goes beyond `LENGTH_S` is not heard): float32, shape (n, 256)."""
    import numpy as np
    import torch

    lstm, linear = _network()
    found = [np.zeros((0, SIZE), np.float32)]
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a recurrent net: a second thread only waits [six times the CPU on a busy machine]
    try:
        with torch.inference_mode():
            for at in range(0, len(stretches), _BATCH):
                mels = np.stack([_mel(sound.read(a, min(b, a + LENGTH_S))) for a, b in stretches[at : at + _BATCH]])
                _, (hidden, _) = lstm(torch.from_numpy(mels))
                raw = torch.relu(linear(hidden[-1]))
                found.append((raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-9)).numpy())
    finally:
        torch.set_num_threads(before)
    return np.concatenate(found)


def _mel(samples: np.ndarray) -> np.ndarray:
    """Mel energies of the samples at the trained level, repeated to `LENGTH_S`: float32, shape (200, 40)."""
    import numpy as np

    frames = round(LENGTH_S * RATE / _HOP)
    samples = samples * (_LEVEL / np.sqrt(np.mean(np.square(samples)) + 1e-10)) if samples.size else np.zeros(_HOP)
    padded = np.pad(samples, _FRAME // 2)
    spectra = np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP] * _hann())) ** 2
    mel = (spectra @ _filters().T).astype(np.float32)
    return np.tile(mel, (-(-frames // len(mel)), 1))[:frames]


@functools.lru_cache(maxsize=1)
def _hann() -> np.ndarray:
    import numpy as np

    return np.hanning(_FRAME + 1)[:-1].astype(np.float32)


@functools.lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """Slaney's mel filters, shape (40, 201): faster-whisper has them."""
    from faster_whisper.feature_extractor import FeatureExtractor

    return FeatureExtractor.get_mel_filters(RATE, _FRAME, n_mels=_MELS)


def _weights() -> Path | None:
    spec = importlib.util.find_spec("resemblyzer")
    path = Path(spec.origin).parent / "pretrained.pt" if spec and spec.origin else None
    return path if path and path.is_file() else None


@functools.lru_cache(maxsize=1)
def _network():
    import torch

    path = _weights()
    assert path, "ask available() first"
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    lstm = torch.nn.LSTM(_MELS, SIZE, 3, batch_first=True)
    linear = torch.nn.Linear(SIZE, SIZE)
    lstm.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("lstm.")})
    linear.load_state_dict({name[7:]: value for name, value in state.items() if name.startswith("linear.")})
    return lstm.eval(), linear.eval()
