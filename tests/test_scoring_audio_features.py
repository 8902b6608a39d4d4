"""Audio features distinguish applause and laughter from speech, and are deterministic."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from carmic_assets.scoring.audio_features import AudioFeatures, extract_audio_features, measure_blocks

SAMPLE_RATE = 16_000


def mean(data: bytes) -> float:
    return float(np.frombuffer(data, np.uint8).mean())


def measure(samples: np.ndarray) -> AudioFeatures:
    return measure_blocks([samples.astype(np.float32)])


def test_applause_is_steady_noise() -> None:
    applause = measure(np.random.default_rng(1).normal(0, 0.1, 8 * SAMPLE_RATE))
    assert mean(applause.applause) > 150
    assert mean(applause.laughter) < 20


def test_laughter_is_regular_voiced_bursts() -> None:
    time_s = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    bursts = np.clip(np.sin(2 * np.pi * 5 * time_s), 0, 1)
    laugh = measure((0.2 * np.sin(2 * np.pi * 220 * time_s) + 0.1 * np.sin(2 * np.pi * 440 * time_s)) * bursts)
    assert mean(laugh.laughter) > 120


def test_silence_has_no_features() -> None:
    silence = measure(np.zeros(4 * SAMPLE_RATE))
    assert (mean(silence.energy), mean(silence.pitch), mean(silence.laughter), mean(silence.applause)) == (0, 0, 0, 0)


def test_an_octave_is_48_quarter_semitones() -> None:
    time_s = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    low, high = (measure(0.2 * np.sign(np.sin(2 * np.pi * hz * time_s))) for hz in (110, 220))
    assert abs(mean(high.pitch) - mean(low.pitch) - 48) < 3


def test_speech_is_neither_laughter_nor_applause_and_gives_equal_bytes(voice: Path) -> None:
    speech = extract_audio_features(voice)
    assert mean(speech.laughter) < 25
    assert mean(speech.applause) < 25
    assert 40 < mean(speech.energy) < 75
    assert msgspec.json.encode(speech) == msgspec.json.encode(extract_audio_features(voice))
