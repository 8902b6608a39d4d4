"""Runs the audio-visual active speaker model LR-ASD (Liao et al. 2025, MIT), if the operator sets a weights path.

The network is reimplemented for inference from the paper and the shapes of the weights. Its inputs are face crops and
the audio, so unlike lip motion it distinguishes speech from chewing and laughing. docs/vision.md states its cost.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from scipy.fft import dct
from torch.nn import functional as nn

from carmic_assets.media.containers import open_media
from carmic_assets.media.demuxers import AUDIO_FORMATS
from carmic_assets.model.errors import CarmicError
from carmic_assets.vision.lip_motion import Face

# Rates and sizes of the inputs, as in the training of LR-ASD.
VIDEO_FPS = 25  # face crops per second
MFCC_PER_S = 4 * VIDEO_FPS  # audio feature vectors per second
MFCC_COUNT = 13  # coefficients of one feature vector
CROP_SIDE_PX = 112
BORDER_GREY = 110  # grey value of the crop outside the frame
SAMPLE_RATE = 16_000  # Hz
HOP_SAMPLES = 160  # 10 ms
FRAME_SAMPLES = 400  # 25 ms
BLOCK_S = 60  # audio whose features are computed at once, which bounds the memory


class ActiveSpeakerModel:
    """Scores crops of one face against the audio.

    Raises:
        CarmicError: the weights are not those of LR-ASD.
    """

    window_s = 4.0  # crops of this duration are scored at once; a longer window adds little accuracy and needs memory

    def __init__(
        self, weights: str | Path, audio_path: str | Path | None, *, device: str = "cpu", threads: int = 2
    ) -> None:
        torch.set_num_threads(threads)
        self._device = torch.device(device)
        try:
            state = torch.load(str(weights), map_location=self._device, weights_only=True)
            self._state = {key.removeprefix("module."): value.float() for key, value in state.items()}
            if self._state["lossAV.FC.weight"].shape != (2, 128):
                raise ValueError("The classifier is not that of LR-ASD.")
        except Exception as cause:  # torch raises many types; the operator needs one sentence
            raise CarmicError(
                f"The active speaker weights {Path(weights).name} cannot be read. Set CARMIC_ASD_WEIGHTS to a weight "
                "file of LR-ASD, or leave it empty."
            ) from cause
        self._compute_mfcc_block = compute_mfcc(audio_path)
        self.name = f"LR-ASD ({Path(weights).name})"

    def score(self, times: list[float], crops: list[np.ndarray]) -> list[tuple[float, float]]:
        """Return (time, probability of speaking) for one face, `VIDEO_FPS` times per second.

        `times` are ascending, on the source clock; `crops` are the results of `crop_face` at these times.
        """
        count = int((times[-1] - times[0]) * VIDEO_FPS) + 1
        grid = times[0] + np.arange(count) / VIDEO_FPS
        nearest = np.abs(np.array(times)[None] - grid[:, None]).argmin(1)
        start = max(round(times[0] * MFCC_PER_S), 0)
        audio = np.full((4 * count, MFCC_COUNT), self._compute_mfcc_block.min(initial=0.0), np.float32)
        available = self._compute_mfcc_block[start : start + 4 * count]
        audio[: len(available)] = available
        with torch.inference_mode():
            faces = torch.from_numpy(np.stack([crops[i] for i in nearest]).astype(np.float32)).to(self._device)
            logits = self._forward(torch.from_numpy(audio).to(self._device), faces)
        return list(zip(grid.tolist(), torch.sigmoid(logits).cpu().tolist(), strict=True))

    def _forward(self, audio: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        """Map `audio`, shape (4 T, 13), and `faces`, shape (T, 112, 112) in 0..255, to the logit of speaking (T,)."""
        # Mean and standard deviation of the training data, from LR-ASD.
        x = ((faces / 255 - 0.4161) / 0.1688)[None, None]
        for block in (1, 2, 3):
            layers = ("s_1", "s_2", "t_1", "t_2")
            x = self._apply_block(x, f"visualEncoder.block{block}", layers, nn.conv3d, 1 + (block == 1))
            if block < 3:
                x = nn.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        visual = x.amax((3, 4))  # 1, 128, T
        y = audio.T[None, None]  # 1, 1, 13, 4 T
        for block in (1, 2, 3):
            y = self._apply_block(y, f"audioEncoder.block{block}", ("m_1", "m_2", "t_1", "t_2"), nn.conv2d, 1)
            if block < 3:
                y = nn.max_pool2d(y, (1, 3), (1, 2), (0, 1))
        z = self._attend(torch.cat((y.mean(2)[..., : visual.shape[2]], visual), 1), "fusion")
        forward = self._apply_gru(z[0].T, "gru_forward")
        backward = self._apply_gru(z[0].T.flip(0), "gru_backward").flip(0)
        z = self._attend(torch.cat((forward, backward), 1).T[None], "detector.attention")[0].T
        logits = nn.linear(z, self._state["lossAV.FC.weight"], self._state["lossAV.FC.bias"])
        return logits[:, 1] - logits[:, 0]

    def _apply_block(
        self,
        x: torch.Tensor,
        name: str,
        layers: tuple[str, ...],
        convolve: Callable[..., torch.Tensor],
        stride: int,
    ) -> torch.Tensor:
        """Apply four convolutions with batch norm and ReLU: two over space (or coefficients), then two over time."""
        for layer in layers:
            weight = self._state[f"model.{name}.{layer}.weight"]
            padding = tuple((n - 1) // 2 for n in weight.shape[2:])
            step = (1, stride, stride) if layer == "s_1" else 1
            x = nn.relu(
                self._normalise(convolve(x, weight, None, step, padding), f"{name}.{layer[0]}_norm_{layer[-1]}")
            )
        return x

    def _normalise(self, x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (
            self._state[f"model.{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return nn.batch_norm(x, mean, var, weight, bias, eps=0.001)

    def _attend(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Apply channel attention: scale each channel by a gate in 0..1."""
        gate = nn.conv1d(x, self._state[f"model.{name}.attention.weight"])
        return x * self._normalise(gate, f"{name}.bn").sigmoid()

    def _apply_gru(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Apply one direction of the recurrent layer: (T, 256) to (T, 64)."""
        layer = torch.nn.GRU(256, 64, batch_first=True).to(self._device)
        prefix = f"model.detector.{name}."
        layer.load_state_dict({k.removeprefix(prefix): v for k, v in self._state.items() if k.startswith(prefix)})
        output: torch.Tensor = layer(x[None])[0][0]
        return output

    @staticmethod
    def crop_face(grey: np.ndarray, face: Face) -> np.ndarray:
        """Crop the lower middle of a face as in the training data of LR-ASD: (112, 112), uint8."""
        height, width = grey.shape
        half_side = max(face.w * width, face.h * height) / 2  # of the square around the face box
        # Training extends the square by 0.4 half sides to the left and right and 0.8 below, and takes the centre half.
        x, y = (face.x + face.w / 2) * width, (face.y + face.h / 2) * height
        scale = CROP_SIDE_PX / max(1.4 * half_side, 1.0)
        matrix = np.array(
            [[scale, 0, -(x - 0.7 * half_side) * scale], [0, scale, -(y - 0.3 * half_side) * scale]], np.float32
        )
        size = (CROP_SIDE_PX, CROP_SIDE_PX)
        crop: np.ndarray = cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=BORDER_GREY)
        return crop


def compute_mfcc(audio_path: str | Path | None) -> np.ndarray:
    """Return the MFCC of a 16 kHz mono file on the source clock: float32, shape (100 per second, 13), 19 MB per hour.

    The result has no rows if `audio_path` is None.
    """
    if audio_path is None:
        return np.zeros((0, MFCC_COUNT), np.float32)
    overlap = FRAME_SAMPLES - HOP_SAMPLES
    with open_media(audio_path, formats=AUDIO_FORMATS, threads=1) as container:
        parts, pending, previous_sample = [], np.zeros(0, np.float32), 0.0
        for frame in container.decode(audio=0):
            pending = np.concatenate([pending, _read_samples(frame)])
            if len(pending) > BLOCK_S * SAMPLE_RATE:
                completed_samples = len(pending) // HOP_SAMPLES * HOP_SAMPLES - 2 * HOP_SAMPLES
                parts.append(_compute_mfcc_block(pending[: completed_samples + overlap], previous_sample))
                previous_sample, pending = float(pending[completed_samples - 1]), pending[completed_samples:]
        parts.append(_compute_mfcc_block(np.concatenate([pending, np.zeros(overlap, np.float32)]), previous_sample))
    return np.concatenate(parts)


def _read_samples(frame: av.AudioFrame) -> np.ndarray:
    return frame.to_ndarray().reshape(-1).astype("float32")


def _compute_mfcc_block(samples: np.ndarray, previous_sample: float) -> np.ndarray:
    """Return the MFCC of `samples` (in the range of 16-bit integers), which follow `previous_sample`.

    The parameters are the defaults of `python_speech_features`, with which the model was trained: pre-emphasis 0.97,
    frames of 25 ms every 10 ms without a window function, 26 mel bands, lifter 22, log energy as first coefficient.
    """
    emphasised = samples - 0.97 * np.concatenate([[previous_sample], samples[:-1]])
    count = max((len(emphasised) - FRAME_SAMPLES) // HOP_SAMPLES + 1, 0)
    if not count:
        return np.zeros((0, MFCC_COUNT), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, FRAME_SAMPLES)[::HOP_SAMPLES][:count]
    power = np.abs(np.fft.rfft(frames, 512)) ** 2 / 512
    epsilon = np.finfo(float).eps
    bands = np.log(np.maximum(power @ _build_mel_filter_bank().T, epsilon))
    lifter = 1 + 11 * np.sin(np.pi * np.arange(MFCC_COUNT) / 22)
    cepstra = dct(bands, type=2, axis=1, norm="ortho")[:, :MFCC_COUNT] * lifter
    cepstra[:, 0] = np.log(np.maximum(power.sum(1), epsilon))
    result: np.ndarray = cepstra.astype(np.float32)
    return result


def _build_mel_filter_bank() -> np.ndarray:
    """Return 26 triangular filters from 0 to 8 kHz, evenly spaced in mel (O'Shaughnessy): shape (26, 257)."""
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    edges = np.floor(513 * 700 * (10 ** (mels / 2595) - 1) / SAMPLE_RATE)
    filters = np.zeros((26, 257))
    for i, (low, centre, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        for k in range(int(low), int(centre)):
            filters[i, k] = (k - low) / (centre - low)
        for k in range(int(centre), int(high)):
            filters[i, k] = (high - k) / (high - centre)
    return filters
