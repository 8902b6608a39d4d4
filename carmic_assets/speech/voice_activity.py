"""Where somebody speaks: Silero's voice detector, as faster-whisper ships it, run over the file block by block.

Says only speech or not; who and what are `voices` and `transcribe`.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from carmic_assets.speech.audio_reader import RATE

if TYPE_CHECKING:
    import numpy as np

    from carmic_assets.speech.audio_reader import Sound

Spans = tuple[tuple[float, float], ...]

FRAME = 512  # samples that one probability stands for: 32 ms at 16 kHz; fixed by the network
STEP_S = FRAME / RATE
_CONTEXT = 64  # samples before a frame that the network also sees
_SHORTEST_SILENCE_S = 0.06
_BLOCK_S = FRAME * 5000 / RATE  # 160 s


def probabilities(sound: Sound, start_s: float = 0.0, end_s: float = float("inf")) -> np.ndarray:
    """How likely speech is, one value (0..1) for each 32 ms from `start_s`: float32, shape (frames,).

    Network and its calling convention: silero-vad v6 (MIT), run with its state carried from block to block.
    """
    import numpy as np

    session = _session()
    state = np.zeros((1, 1, 128), np.float32)
    cell = np.zeros((1, 1, 128), np.float32)
    before = np.zeros(_CONTEXT, np.float32)
    found = []
    for block in sound.blocks(_BLOCK_S, start_s, end_s):
        frames = np.pad(block, (0, -len(block) % FRAME)).reshape(-1, FRAME)
        contexts = np.vstack([before, frames[:-1, -_CONTEXT:]])
        before = frames[-1, -_CONTEXT:]
        scores, state, cell = session.run(None, {"input": np.hstack([contexts, frames]), "h": state, "c": cell})
        found.append(np.asarray(scores, np.float32).reshape(-1))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def spans(
    speech: np.ndarray,
    *,
    start_s: float = 0.0,
    on: float = 0.4,
    off: float = 0.25,
    min_speech_s: float = 0.1,
    min_silence_s: float = 0.2,
) -> Spans:
    """Spans of speech from `probabilities`, on their clock: begins at `on`, ends below `off`.

    A silence shorter than `min_silence_s` is bridged, a span shorter than `min_speech_s` dropped.
    """
    raw: list[list[float]] = []
    talking = False
    for index, value in enumerate(speech.tolist()):
        if not talking and value >= on:
            talking = True
            at = start_s + index * STEP_S
            if raw and at - raw[-1][1] < min_silence_s:
                continue
            raw.append([at, at])
        elif talking and value < off:
            talking = False
            raw[-1][1] = start_s + index * STEP_S
    if talking:
        raw[-1][1] = start_s + len(speech) * STEP_S
    return tuple((round(a, 3), round(b, 3)) for a, b in raw if b - a >= min_speech_s)


def phrases(speech: np.ndarray, *, start_s: float = 0.0) -> Spans:
    """The same speech cut at every short silence, from `probabilities`: where one speaker may give way to another."""
    return spans(speech, start_s=start_s, min_speech_s=0.0, min_silence_s=_SHORTEST_SILENCE_S)


def total_s(spans: Spans) -> float:
    """Seconds that the spans last together."""
    return sum(end - start for start, end in spans)


@functools.lru_cache(maxsize=1)
def _session():
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    from faster_whisper.utils import get_assets_path

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1  # a recurrent net: more threads only spin
    options.log_severity_level = 4
    weights = next(Path(get_assets_path()).glob("silero_vad*.onnx"))
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
