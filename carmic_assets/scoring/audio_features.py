"""How a talk sounds, in half-second steps: level, pitch, laughter, applause. One pass over the analysis sound.

An hour is 7,200 steps of four bytes. Never opens media itself; says nothing about what is good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.model.speech import Word
from carmic_assets.speech.audio_reader import RATE, opened

if TYPE_CHECKING:
    import numpy as np

STEP_S = 0.5
_BLOCK_S = 60.0
_FRAME = 800  # 50 ms, ten to a step
_FFT = 2048  # zero padded, so that the autocorrelation does not wrap
_LOW_HZ, _HIGH_HZ = 60.0, 500.0  # of a voice
_QUIET_DB = -80.0
_ENVELOPE = 160  # samples: the envelope has 100 values a second
_LAUGH_LAG = (14, 29)  # in envelope values: bursts of laughter come 3.5 to 7 times a second (Bachorowski et al. 2001)


class SoundFeatures(msgspec.Struct, frozen=True):
    """One byte per step and feature. `energy` is dB above -80 dBFS (0..80); `pitch` is the median in quarter semitones
    above 50 Hz (0: no voice); `laughter` and `applause` are likelihoods, 0..255."""

    step_s: float
    energy: bytes
    pitch: bytes
    laughter: bytes
    applause: bytes


def sound_features(path: str | Path) -> SoundFeatures:
    """Measure a sound file a minute at a time. Raises NoSpeech where it holds no sound."""
    with opened(path) as sound:
        return measured(sound.blocks(_BLOCK_S, 0.0, sound.length_s))


def measured(blocks: Iterator[np.ndarray]) -> SoundFeatures:
    """The same from samples: float32 at 16 kHz, blocks of whole minutes but for the last."""
    import numpy as np

    parts = [_steps(block) for block in blocks]
    energy, pitch, laughter, applause = (
        np.concatenate([part[k] for part in parts]) if parts else np.zeros(0, np.uint8) for k in range(4)
    )
    return SoundFeatures(STEP_S, energy.tobytes(), pitch.tobytes(), laughter.tobytes(), applause.tobytes())


def _steps(block: np.ndarray) -> tuple[np.ndarray, ...]:
    import numpy as np

    per = int(STEP_S * RATE)
    steps = max(1, -(-len(block) // per))
    x = np.zeros(steps * per, np.float32)
    x[: len(block)] = block
    frames = x.reshape(-1, _FRAME)
    power = (frames**2).mean(1)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), _FFT)) ** 2
    voiced, hertz = _pitch(spectrum)
    level = 10 * np.log10(np.maximum(power.reshape(steps, -1).mean(1), 1e-12))
    loud = np.clip(level - _QUIET_DB, 0, 80)
    tone = np.array([np.median(h[v]) if v.sum() >= 3 else 0.0 for h, v in _by_step(hertz, voiced, steps)])
    quarter = np.where(tone > 0, 48 * np.log2(np.maximum(tone, 50) / 50), 0)
    share = voiced.reshape(steps, -1).mean(1)
    return (
        np.rint(loud).astype(np.uint8),
        np.rint(np.clip(quarter, 0, 255)).astype(np.uint8),
        np.rint(255 * _laughter(x, steps) * np.clip(share * 2, 0, 1) * (loud > 25)).astype(np.uint8),
        np.rint(255 * _applause(spectrum, steps) * (1 - share) * (loud > 25)).astype(np.uint8),
    )


def _by_step(hertz: np.ndarray, voiced: np.ndarray, steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield from zip(hertz.reshape(steps, -1), voiced.reshape(steps, -1), strict=True)


def _pitch(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each frame has a voice, and its frequency: the highest peak of the autocorrelation in a voice's range."""
    import numpy as np

    lag = np.fft.irfft(spectrum)
    first, last = int(RATE / _HIGH_HZ), int(RATE / _LOW_HZ)
    span = lag[:, first:last]
    peak = span.argmax(1)
    strength = span[np.arange(len(span)), peak] / np.maximum(lag[:, 0], 1e-9)
    return (strength > 0.35) & (lag[:, 0] > 1e-4), RATE / (peak + first)


def _laughter(x: np.ndarray, steps: int) -> np.ndarray:
    """How evenly the level comes and goes at the rate of laughter over the two seconds around each step, 0..1. Speech
    has the same mean rate, but is not as even."""
    import numpy as np

    envelope = np.sqrt((x.reshape(-1, _ENVELOPE) ** 2).mean(1))
    per, reach = int(STEP_S * RATE / _ENVELOPE), 75
    padded = np.pad(envelope, reach)
    out = np.zeros(steps)
    for step in range(steps):
        part = padded[step * per : step * per + per + 2 * reach]
        part = part - part.mean()
        energy = float(part @ part)
        if energy > 1e-6:
            even = max(float(part[:-k] @ part[k:]) * len(part) / (len(part) - k) for k in range(*_LAUGH_LAG)) / energy
            out[step] = np.clip((even - 0.5) / 0.3, 0, 1)
    return out


def _applause(spectrum: np.ndarray, steps: int) -> np.ndarray:
    """How flat and how steady the spectrum is between 500 Hz and 6 kHz, 0..1: clapping of many is noise."""
    import numpy as np

    hertz = np.fft.rfftfreq(_FFT, 1 / RATE)
    band = spectrum[:, (hertz > 500) & (hertz < 6000)].reshape(steps, -1, int(((hertz > 500) & (hertz < 6000)).sum()))
    mean = np.maximum(band.mean(1), 1e-12)
    flat = np.exp(np.log(mean).mean(1)) / mean.mean(1)
    level = band.mean(2)
    steady = 1 - np.clip(level.std(1) / np.maximum(level.mean(1), 1e-12), 0, 1)
    return np.clip((flat - 0.45) / 0.35, 0, 1) * np.clip(steady / 0.6, 0, 1)


def voice_of(
    sound: SoundFeatures, words: Sequence[Word], start_s: np.ndarray, end_s: np.ndarray
) -> dict[str, np.ndarray]:
    """Per stretch (a sentence and the pause behind it), 0..1 against the talk's own level: 0.5 is as usual. Laughter
    and applause count where nobody was understood (rhythmic speech is much like laughter), as the loudest second of the
    stretch; a steady noise under the whole talk counts for nothing."""
    import numpy as np

    energy, pitch, laughter, applause = (
        np.frombuffer(data, np.uint8).astype(float)
        for data in (sound.energy, sound.pitch, sound.laughter, sound.applause)
    )
    unsaid = 1 - _covered(words, len(energy), sound.step_s)
    spoken = energy > max(20.0, float(np.percentile(energy, 20)) if len(energy) else 0.0)
    rows = [
        slice(int(a / sound.step_s), max(int(a / sound.step_s) + 1, int(b / sound.step_s)))
        for a, b in zip(start_s, end_s, strict=True)
    ]

    def against(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
        known = values[usable]
        if len(known) < 10:
            return np.full(len(rows), 0.5)
        middle, spread = np.median(known), max(float(known.std()), 1.0)
        means = [values[row][usable[row]].mean() if usable[row].any() else middle for row in rows]
        return np.clip(0.5 + (np.array(means) - middle) / spread / 3, 0, 1)

    def most(values: np.ndarray) -> np.ndarray:
        usual = float(np.median(values)) if len(values) else 0.0
        runs = np.convolve(np.clip(values - usual, 0, None) / 255, [0.5, 0.5], "same") if len(values) else values
        return np.array([runs[row].max() if len(runs[row]) else 0.0 for row in rows])

    lively = np.array([pitch[row][pitch[row] > 0].std() if (pitch[row] > 0).sum() > 2 else 0.0 for row in rows])
    usual = float(np.median(lively)) if len(lively) else 0.0
    return {
        "energy": against(energy, spoken),
        "pitch": (against(pitch, pitch > 0) + np.clip(0.5 + (lively - usual) / 24, 0, 1)) / 2,
        "laughter": most(laughter * unsaid),
        "applause": most(applause * unsaid),
    }


def _covered(words: Sequence[Word], steps: int, step_s: float) -> np.ndarray:
    """The share of each step that words fill, 0..1."""
    import numpy as np

    if not words:
        return np.zeros(steps)
    edges = np.maximum.accumulate([moment for word in words for moment in (word.start_s, word.end_s)])
    lengths = np.diff(edges, prepend=edges[0])
    lengths[0::2] = 0  # from one word's end to the next one's start nothing is said
    said = np.interp(np.arange(steps + 1) * step_s, edges, np.cumsum(lengths))
    return np.clip(np.diff(said) / step_s, 0, 1)
