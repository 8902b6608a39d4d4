"""An audio-visual model of who speaks: LR-ASD (Liao et al. 2025, MIT), for those who set a path to its weights.

The network is written out here from the paper and from the shapes in the weights; only inference. It sees the lower
middle of each face and hears the sound, so it also tells chewing and laughing from speech. About ten times the cost of
`lips`, and needs torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from carmic_assets.media.containers import AUDIO_FORMATS, open_media
from carmic_assets.model.errors import CarmicError
from carmic_assets.vision.lip_motion import Face

if TYPE_CHECKING:
    import av
    import numpy as np
    import torch

FPS = 25  # the model's pictures a second; sound features come at four times that
SIDE = 112  # px of a crop
WINDOW_S = 4.0  # scored at once: longer brings little, and memory stays flat
RATE = 16_000


class ActiveSpeaker:
    """Scores crops of one face against the sound. Raises CarmicError where the weights are not LR-ASD's."""

    def __init__(self, weights: str | Path, audio_path: str | Path | None, *, device: str = "cpu", threads: int = 2):
        import torch

        torch.set_num_threads(threads)
        self._device = torch.device(device)
        try:
            state = torch.load(str(weights), map_location=self._device, weights_only=True)
            self._state = {key.removeprefix("module."): value.float() for key, value in state.items()}
            assert self._state["lossAV.FC.weight"].shape == (2, 128)
        except Exception as cause:  # torch raises a dozen kinds; the operator needs one sentence
            raise CarmicError(
                f"The active-speaker weights {Path(weights).name} cannot be read. Set CARMIC_ASD_WEIGHTS to a weight "
                "file of LR-ASD, or leave it empty."
            ) from cause
        self._sound = mfcc_of(audio_path)
        self.name = f"LR-ASD ({Path(weights).name})"

    def scores(self, times: list[float], crops: list[np.ndarray]) -> list[tuple[float, float]]:
        """(time, probability of speaking) at 25 a second over ascending `times` (source clock) of (112, 112) crops."""
        import numpy as np
        import torch

        count = int((times[-1] - times[0]) * FPS) + 1
        grid = times[0] + np.arange(count) / FPS
        nearest = np.abs(np.array(times)[None] - grid[:, None]).argmin(1)
        first = round(times[0] * 4 * FPS)
        heard = np.full((4 * count, 13), self._sound.min(initial=0.0), np.float32)
        part = self._sound[max(first, 0) : max(first, 0) + 4 * count]
        heard[: len(part)] = part
        with torch.inference_mode():
            faces = torch.from_numpy(np.stack([crops[i] for i in nearest]).astype(np.float32)).to(self._device)
            logits = self._network(torch.from_numpy(heard).to(self._device), faces)
        return list(zip(grid.tolist(), torch.sigmoid(logits).cpu().tolist(), strict=True))

    def _network(self, sound: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        """`sound` (4 T, 13), `faces` (T, 112, 112) 0..255 -> the logit of speaking (T,)."""
        import torch
        from torch.nn import functional as net

        x = ((faces / 255 - 0.4161) / 0.1688)[None, None]
        for block in (1, 2, 3):
            x = self._block(
                x, f"visualEncoder.block{block}", ("s_1", "s_2", "t_1", "t_2"), net.conv3d, 1 + (block == 1)
            )
            if block < 3:
                x = net.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        seen = x.amax((3, 4))  # 1, 128, T
        y = sound.T[None, None]  # 1, 1, 13, 4 T
        for block in (1, 2, 3):
            y = self._block(y, f"audioEncoder.block{block}", ("m_1", "m_2", "t_1", "t_2"), net.conv2d, 1)
            if block < 3:
                y = net.max_pool2d(y, (1, 3), (1, 2), (0, 1))
        z = self._gate(torch.cat((y.mean(2)[..., : seen.shape[2]], seen), 1), "fusion")
        forward = self._gru(z[0].T, "gru_forward")
        backward = self._gru(z[0].T.flip(0), "gru_backward").flip(0)
        z = self._gate(torch.cat((forward, backward), 1).T[None], "detector.attention")[0].T
        out = net.linear(z, self._state["lossAV.FC.weight"], self._state["lossAV.FC.bias"])
        return out[:, 1] - out[:, 0]

    def _block(self, x: torch.Tensor, name: str, layers: tuple[str, ...], convolve: Any, stride: int) -> torch.Tensor:
        """Four convolutions with normalization: two over space or coefficients, two over time."""
        from torch.nn import functional as net

        for layer in layers:
            weight = self._state[f"model.{name}.{layer}.weight"]
            padding = tuple((n - 1) // 2 for n in weight.shape[2:])
            step = (1, stride, stride) if layer == "s_1" else 1
            x = net.relu(self._norm(convolve(x, weight, None, step, padding), f"{name}.{layer[0]}_norm_{layer[-1]}"))
        return x

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        from torch.nn import functional as net

        mean, var, weight, bias = (
            self._state[f"model.{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return net.batch_norm(x, mean, var, weight, bias, eps=0.001)

    def _gate(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Each channel times how much it matters here."""
        from torch.nn import functional as net

        return x * self._norm(net.conv1d(x, self._state[f"model.{name}.attention.weight"]), f"{name}.bn").sigmoid()

    def _gru(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """(T, 256) -> (T, 64)."""
        import torch

        layer = torch.nn.GRU(256, 64, batch_first=True).to(self._device)
        prefix = f"model.detector.{name}."
        layer.load_state_dict({k.removeprefix(prefix): v for k, v in self._state.items() if k.startswith(prefix)})
        return layer(x[None])[0][0]


def crop(grey: np.ndarray, face: Face) -> np.ndarray:
    """The lower middle of the face as LR-ASD was trained to see it: (112, 112), uint8."""
    import cv2
    import numpy as np

    height, width = grey.shape
    half = max(face.w * width, face.h * height) / 2
    x, y = (face.x + face.w / 2) * width, (face.y + face.h / 2) * height
    scale = SIDE / max(1.4 * half, 1.0)
    matrix = np.array([[scale, 0, -(x - 0.7 * half) * scale], [0, scale, -(y - 0.3 * half) * scale]], np.float32)
    result: np.ndarray = cv2.warpAffine(grey, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_CONSTANT, borderValue=110)
    return result


def mfcc_of(audio_path: str | Path | None) -> np.ndarray:
    """(100 a second, 13) float32 of a 16 kHz mono file on the source clock; empty without one. 19 MB an hour."""
    import numpy as np

    if audio_path is None:
        return np.zeros((0, 13), np.float32)
    with open_media(audio_path, formats=AUDIO_FORMATS, threads=1) as source:
        parts, rest, before = [], np.zeros(0, np.float32), 0.0
        for frame in source.decode(audio=0):
            rest = np.concatenate([rest, _samples(frame)])
            if len(rest) > 60 * RATE:
                whole = len(rest) // 160 * 160 - 320
                parts.append(_mfcc(rest[: whole + 240], before))
                before, rest = float(rest[whole - 1]), rest[whole:]
        parts.append(_mfcc(np.concatenate([rest, np.zeros(240, np.float32)]), before))
    return np.concatenate(parts)


def _samples(frame: av.AudioFrame) -> np.ndarray:
    return frame.to_ndarray().reshape(-1).astype("float32")


def _mfcc(samples: np.ndarray, before: float) -> np.ndarray:
    """Mel cepstra with the conventions of `python_speech_features`, on which the model was trained: samples as 16-bit
    numbers, pre-emphasis 0.97, 25 ms every 10 ms unwindowed, 26 bands, lifter 22, log energy first."""
    import numpy as np
    from scipy.fft import dct

    raised = samples - 0.97 * np.concatenate([[before], samples[:-1]])
    count = max((len(raised) - 400) // 160 + 1, 0)
    if not count:
        return np.zeros((0, 13), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(raised, 400)[::160][:count]
    power = np.abs(np.fft.rfft(frames, 512)) ** 2 / 512
    tiny = np.finfo(float).eps
    bands = np.log(np.maximum(power @ _mel_bands().T, tiny))
    cepstra = dct(bands, type=2, axis=1, norm="ortho")[:, :13] * (1 + 11 * np.sin(np.pi * np.arange(13) / 22))
    cepstra[:, 0] = np.log(np.maximum(power.sum(1), tiny))
    result: np.ndarray = cepstra.astype(np.float32)
    return result


def _mel_bands() -> np.ndarray:
    """26 triangles over 257 bins, 0 to 8 kHz, evenly spaced in mel (O'Shaughnessy)."""
    import numpy as np

    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    edges = np.floor(513 * 700 * (10 ** (mels / 2595) - 1) / RATE)
    bands = np.zeros((26, 257))
    for i, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        for bin_ in range(int(low), int(middle)):
            bands[i, bin_] = (bin_ - low) / (middle - low)
        for bin_ in range(int(middle), int(high)):
            bands[i, bin_] = (high - bin_) / (high - middle)
    return bands
