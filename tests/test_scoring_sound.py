"""Sound features tell applause and laughter from speech, and say the same each time."""

from __future__ import annotations

import msgspec
import numpy as np

from carmic_assets.scoring.audio_features import SoundFeatures, measured, sound_features

RATE = 16_000


def mean(data: bytes) -> float:
    return float(np.frombuffer(data, np.uint8).mean())


def heard(samples: np.ndarray) -> SoundFeatures:
    return measured(iter([samples.astype(np.float32)]))


def test_applause_is_steady_noise():
    clapping = heard(np.random.default_rng(1).normal(0, 0.1, 8 * RATE))
    assert mean(clapping.applause) > 150
    assert mean(clapping.laughter) < 20


def test_laughter_comes_in_even_voiced_bursts():
    t = np.arange(8 * RATE) / RATE
    bursts = np.clip(np.sin(2 * np.pi * 5 * t), 0, 1)
    laugh = heard((0.2 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 440 * t)) * bursts)
    assert mean(laugh.laughter) > 120


def test_silence_is_nothing():
    silence = heard(np.zeros(4 * RATE))
    assert (mean(silence.energy), mean(silence.pitch), mean(silence.laughter), mean(silence.applause)) == (0, 0, 0, 0)


def test_pitch_follows_the_voice():
    t = np.arange(4 * RATE) / RATE
    low, high = (heard(0.2 * np.sign(np.sin(2 * np.pi * hz * t))) for hz in (110, 220))
    assert abs(mean(high.pitch) - mean(low.pitch) - 48) < 3


def test_speech_is_neither(shared):
    for name in ("LJ001-0001", "LJ001-0005"):
        speech = sound_features(shared / "data" / "audio" / "ljspeech" / f"{name}.flac")
        assert mean(speech.laughter) < 25
        assert mean(speech.applause) < 25
        assert 40 < mean(speech.energy) < 75
        assert msgspec.json.encode(speech) == msgspec.json.encode(
            sound_features(shared / "data" / "audio" / "ljspeech" / f"{name}.flac")
        )
