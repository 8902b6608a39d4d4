"""Detects voice activity with the Silero VAD network that faster-whisper ships, block by block."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carmic_assets.speech.audio_reader import SAMPLE_RATE, AudioReader, open_audio

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped,unused-ignore]

Intervals = tuple[tuple[float, float], ...]  # (start, end) in seconds, sorted, without overlap

FRAME = 512  # samples of one probability: 32 ms at 16 kHz, fixed by the network
STEP_S = FRAME / SAMPLE_RATE
_CONTEXT = 64  # samples before a frame that the network also reads
_SHORTEST_SILENCE_S = 0.06  # a silence of this length, about two frames, separates two phrases
_BLOCK_S = FRAME * 5000 / SAMPLE_RATE  # 160 s: whole frames, and a bounded amount of memory


def compute_speech_probabilities(reader: AudioReader, start_s: float = 0.0, end_s: float = float("inf")) -> np.ndarray:
    """Return the probability of speech for each 32 ms from `start_s` on: float32 in 0..1, shape (frames,).

    The network and its inputs are those of silero-vad v6 (MIT). Its state is carried from block to block.
    """
    session = _load_session()
    state = np.zeros((1, 1, 128), np.float32)
    cell = np.zeros((1, 1, 128), np.float32)
    context = np.zeros(_CONTEXT, np.float32)
    probabilities: list[np.ndarray] = []
    for block in reader.blocks(_BLOCK_S, start_s, end_s):
        frames = np.pad(block, (0, -len(block) % FRAME)).reshape(-1, FRAME)
        contexts = np.vstack([context, frames[:-1, -_CONTEXT:]])
        context = frames[-1, -_CONTEXT:]
        inputs: dict[str, Any] = {"input": np.hstack([contexts, frames]), "h": state, "c": cell}
        scores, state, cell = session.run(None, inputs)
        probabilities.append(np.asarray(scores, np.float32).reshape(-1))
    return np.concatenate(probabilities) if probabilities else np.zeros(0, np.float32)


def find_speech(
    probabilities: np.ndarray,
    *,
    start_s: float = 0.0,
    on: float = 0.4,
    off: float = 0.25,
    min_speech_s: float = 0.1,
    min_silence_s: float = 0.2,
) -> Intervals:
    """Return the intervals with speech, on the clock of the audio.

    Args:
        probabilities: from `compute_speech_probabilities`.
        start_s: time of the first probability.
        on: probability at which an interval begins.
        off: probability below which it ends.
        min_speech_s: shorter intervals are dropped.
        min_silence_s: shorter silences are bridged.
    """
    intervals: list[list[float]] = []
    is_speech = False
    for index, probability in enumerate(probabilities.tolist()):
        t = start_s + index * STEP_S
        if not is_speech and probability >= on:
            is_speech = True
            if not intervals or t - intervals[-1][1] >= min_silence_s:
                intervals.append([t, t])
        elif is_speech and probability < off:
            is_speech = False
            intervals[-1][1] = t
    if is_speech:
        intervals[-1][1] = start_s + len(probabilities) * STEP_S
    return tuple((round(a, 3), round(b, 3)) for a, b in intervals if b - a >= min_speech_s)


def find_phrases(probabilities: np.ndarray, *, start_s: float = 0.0) -> Intervals:
    """Return the intervals with speech, split at every short silence, where another speaker may begin."""
    return find_speech(probabilities, start_s=start_s, min_speech_s=0.0, min_silence_s=_SHORTEST_SILENCE_S)


def find_speech_in_file(path: str | Path) -> Intervals:
    """Return the intervals with speech of an audio file."""
    with open_audio(path) as reader:
        return find_speech(compute_speech_probabilities(reader))


def total_s(intervals: Intervals) -> float:
    """Return the sum of the lengths in seconds."""
    return sum(end - start for start, end in intervals)


@functools.lru_cache(maxsize=1)
def _load_session() -> InferenceSession:
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - heavy; only inference needs it
    from faster_whisper.utils import get_assets_path  # noqa: PLC0415 - heavy; only inference needs it

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1  # a recurrent network runs step by step, so further threads only spin
    options.log_severity_level = 4
    weights = next(Path(get_assets_path()).glob("silero_vad*.onnx"))
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
