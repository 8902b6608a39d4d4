"""Extracts audio features of a talk in steps of half a second: level, pitch, laughter and applause.

The analysis audio is read once, in blocks of one minute. One hour gives 7,200 steps of four bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.model.speech import Word
from carmic_assets.scoring.arrays import Bools, Floats, Floats32
from carmic_assets.speech.audio_reader import SAMPLE_RATE, open_audio

STEP_S = 0.5  # duration of one value of each feature
_STEP_SAMPLES = int(STEP_S * SAMPLE_RATE)
_BLOCK_S = 60.0  # of audio that is processed at once
_FRAME_SAMPLES = 800  # 50 ms, ten frames per step
_FFT_SIZE = 2048  # zero padded, so that the autocorrelation does not wrap around
_MIN_PITCH_HZ, _MAX_PITCH_HZ = 60.0, 500.0  # range of the human voice
_FLOOR_DBFS = -80.0  # level that is stored as 0
_MIN_AUDIBLE_DB = 25  # dB above the floor; quieter steps have neither laughter nor applause
_ENVELOPE_HOP = 160  # samples: the envelope has 100 values per second
_LAUGHTER_CONTEXT = 75  # envelope values on each side of a step
# Lags in envelope values: bursts of laughter come 3.5 to 7 times per second (Bachorowski et al. 2001).
_LAUGHTER_LAGS = (14, 29)
_APPLAUSE_BAND_HZ = (500, 6000)  # band in which the spectrum of applause is flat


class AudioFeatures(msgspec.Struct, frozen=True):
    """One byte per step and feature.

    `energy` is the level in dB above -80 dBFS (0..80). `pitch` is the median pitch in quarter semitones above 50 Hz; 0
    stands for no voice. `laughter` and `applause` are likelihoods, 0..255.
    """

    step_s: float
    energy: bytes
    pitch: bytes
    laughter: bytes
    applause: bytes


def extract_audio_features(path: str | Path) -> AudioFeatures:
    """Return the features of an audio file.

    Raises:
        NoSpeechError: The file has no audio stream.
    """
    with open_audio(path) as audio:
        return measure_blocks(audio.blocks(_BLOCK_S, 0.0, audio.duration_s))


def measure_blocks(blocks: Iterable[Floats32]) -> AudioFeatures:
    """Return the features of 16 kHz mono samples in -1..1. Every block but the last holds a whole number of steps."""
    parts = [_measure_block(block) for block in blocks]
    energy, pitch, laughter, applause = (
        np.concatenate([part[k] for part in parts]) if parts else np.zeros(0, np.uint8) for k in range(4)
    )
    return AudioFeatures(STEP_S, energy.tobytes(), pitch.tobytes(), laughter.tobytes(), applause.tobytes())


def _measure_block(block: Floats32) -> tuple[NDArray[np.uint8], ...]:
    """Return energy, pitch, laughter and applause of each step, in the units of `AudioFeatures`."""
    steps = max(1, -(-len(block) // _STEP_SAMPLES))
    samples = np.zeros(steps * _STEP_SAMPLES, np.float32)
    samples[: len(block)] = block
    frames = samples.reshape(-1, _FRAME_SAMPLES)
    power = (frames**2).mean(1)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_FRAME_SAMPLES).astype(np.float32), _FFT_SIZE)) ** 2
    voiced, pitch_hz = _track_pitch(spectrum)
    level = 10 * np.log10(np.maximum(power.reshape(steps, -1).mean(1), 1e-12))
    level_db = np.clip(level - _FLOOR_DBFS, 0, 80)
    step_frames = zip(pitch_hz.reshape(steps, -1), voiced.reshape(steps, -1), strict=True)
    step_pitch_hz = np.array([np.median(hz[voice]) if voice.sum() >= 3 else 0.0 for hz, voice in step_frames])
    quarter_semitones = np.where(step_pitch_hz > 0, 48 * np.log2(np.maximum(step_pitch_hz, 50) / 50), 0)
    voiced_ratio = voiced.reshape(steps, -1).mean(1)
    audible = level_db > _MIN_AUDIBLE_DB
    return (
        np.rint(level_db).astype(np.uint8),
        np.rint(np.clip(quarter_semitones, 0, 255)).astype(np.uint8),
        np.rint(255 * _estimate_laughter(samples, steps) * np.clip(voiced_ratio * 2, 0, 1) * audible).astype(np.uint8),
        np.rint(255 * _estimate_applause(spectrum, steps) * (1 - voiced_ratio) * audible).astype(np.uint8),
    )


def _track_pitch(spectrum: Floats) -> tuple[Bools, Floats]:
    """Return, for each frame, whether it is voiced and its pitch in Hz.

    The pitch is the highest peak of the autocorrelation within the range of the human voice.
    """
    autocorrelation = np.fft.irfft(spectrum)
    first, last = int(SAMPLE_RATE / _MAX_PITCH_HZ), int(SAMPLE_RATE / _MIN_PITCH_HZ)
    voice_lags = autocorrelation[:, first:last]
    peak = voice_lags.argmax(1)
    strength = voice_lags[np.arange(len(voice_lags)), peak] / np.maximum(autocorrelation[:, 0], 1e-9)
    # A frame is voiced if its normalised autocorrelation exceeds 0.35 and it is not silent.
    return (strength > 0.35) & (autocorrelation[:, 0] > 1e-4), SAMPLE_RATE / (peak + first)


def _estimate_laughter(samples: Floats32, steps: int) -> Floats:
    """Return how regularly the level pulses at the rate of laughter in the two seconds around each step: 0..1.

    Speech has the same mean rate, but its pulses are less regular.
    """
    envelope = np.sqrt((samples.reshape(-1, _ENVELOPE_HOP) ** 2).mean(1))
    step_values = int(STEP_S * SAMPLE_RATE / _ENVELOPE_HOP)
    padded = np.pad(envelope, _LAUGHTER_CONTEXT)
    likelihood = np.zeros(steps)
    for step in range(steps):
        part = padded[step * step_values : step * step_values + step_values + 2 * _LAUGHTER_CONTEXT]
        part = part - part.mean()
        energy = float(part @ part)
        if energy > 1e-6:
            correlations = (float(part[:-k] @ part[k:]) * len(part) / (len(part) - k) for k in range(*_LAUGHTER_LAGS))
            # Maps correlations of 0.5 to 0.8 to 0..1.
            likelihood[step] = np.clip((max(correlations) / energy - 0.5) / 0.3, 0, 1)
    return likelihood


def _estimate_applause(spectrum: Floats, steps: int) -> Floats:
    """Return how flat and steady the spectrum in `_APPLAUSE_BAND_HZ` is, 0..1. Applause of a crowd is steady noise."""
    low_hz, high_hz = _APPLAUSE_BAND_HZ
    bin_hz = np.fft.rfftfreq(_FFT_SIZE, 1 / SAMPLE_RATE)
    in_band = (bin_hz > low_hz) & (bin_hz < high_hz)
    band = spectrum[:, in_band].reshape(steps, -1, int(in_band.sum()))
    mean = np.maximum(band.mean(1), 1e-12)
    flatness = np.exp(np.log(mean).mean(1)) / mean.mean(1)
    level = band.mean(2)
    steadiness = 1 - np.clip(level.std(1) / np.maximum(level.mean(1), 1e-12), 0, 1)
    # Maps a spectral flatness of 0.45 to 0.8 to 0..1, times the steadiness, which counts fully from 0.6.
    result: Floats = np.clip((flatness - 0.45) / 0.35, 0, 1) * np.clip(steadiness / 0.6, 0, 1)
    return result


def measure_voice(audio: AudioFeatures, words: Sequence[Word], start_s: Floats, end_s: Floats) -> dict[str, Floats]:
    """Return `energy`, `pitch`, `laughter` and `applause` of each interval, 0..1, arrays of shape (n,).

    Energy and pitch are relative to the talk: 0.5 is its median. Laughter and applause are those of the interval's
    loudest second. They count only where no word was recognised, because rhythmic speech resembles laughter. The talk's
    median is subtracted from them, so that a steady background noise has no effect.
    """
    energy, pitch, laughter, applause = (
        np.frombuffer(data, np.uint8).astype(float)
        for data in (audio.energy, audio.pitch, audio.laughter, audio.applause)
    )
    wordless = 1 - _measure_word_coverage(words, len(energy), audio.step_s)
    spoken = energy > max(20.0, float(np.percentile(energy, 20)) if len(energy) else 0.0)
    rows = [
        slice(int(a / audio.step_s), max(int(a / audio.step_s) + 1, int(b / audio.step_s)))
        for a, b in zip(start_s, end_s, strict=True)
    ]
    variation = np.array([pitch[row][pitch[row] > 0].std() if (pitch[row] > 0).sum() > 2 else 0.0 for row in rows])
    usual_variation = float(np.median(variation)) if len(variation) else 0.0
    relative_pitch = _measure_relative_level(pitch, pitch > 0, rows)
    return {
        "energy": _measure_relative_level(energy, spoken, rows),
        "pitch": (relative_pitch + np.clip(0.5 + (variation - usual_variation) / 24, 0, 1)) / 2,
        "laughter": _measure_loudest_second(laughter * wordless, rows),
        "applause": _measure_loudest_second(applause * wordless, rows),
    }


def _measure_relative_level(values: Floats, usable: Bools, rows: Sequence[slice]) -> Floats:
    """Return the mean of the usable steps of each row, 0..1; the talk's median is 0.5."""
    usable_values = values[usable]
    if len(usable_values) < 10:
        return np.full(len(rows), 0.5)
    median, spread = np.median(usable_values), max(float(usable_values.std()), 1.0)
    means = [values[row][usable[row]].mean() if usable[row].any() else median for row in rows]
    level: Floats = np.clip(0.5 + (np.array(means) - median) / spread / 3, 0, 1)
    return level


def _measure_loudest_second(values: Floats, rows: Sequence[slice]) -> Floats:
    """Return the highest two-step mean above the talk's median in each row, 0..1."""
    median = float(np.median(values)) if len(values) else 0.0
    seconds = np.convolve(np.clip(values - median, 0, None) / 255, [0.5, 0.5], "same") if len(values) else values
    return np.array([seconds[row].max() if len(seconds[row]) else 0.0 for row in rows])


def _measure_word_coverage(words: Sequence[Word], steps: int, step_s: float) -> Floats:
    """Return the fraction of each step that words fill, 0..1."""
    if not words:
        return np.zeros(steps)
    edges = np.maximum.accumulate([edge for word in words for edge in (word.start_s, word.end_s)])
    lengths = np.diff(edges, prepend=edges[0])
    lengths[0::2] = 0  # the gap from the end of one word to the start of the next
    covered_s = np.interp(np.arange(steps + 1) * step_s, edges, np.cumsum(lengths))
    coverage: Floats = np.clip(np.diff(covered_s) / step_s, 0, 1)
    return coverage
