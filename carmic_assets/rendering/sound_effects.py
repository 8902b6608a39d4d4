"""Synthesises sound effects: a whoosh at cutaways and layout changes, a pop at emoji reactions, a hit at the title.

Each clip has one WAV track, written in blocks, so that memory does not grow with its length. Equal effects give equal
bytes.
"""

from __future__ import annotations

import functools
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000
BLOCK_S = 10  # length of the blocks in which a track is written
MIN_SPACING_S = 0.4  # effects closer together sound like noise
WHOOSH_PEAK_S = 0.22  # from its start

EffectKind = Literal["whoosh", "pop", "hit"]


class SoundEffect(msgspec.Struct, frozen=True):
    """One effect. It is loudest at `peak_s` (output clock)."""

    peak_s: float
    kind: EffectKind


def drop_crowded_effects(effects: Iterable[SoundEffect]) -> list[SoundEffect]:
    """Return the effects in order of time, without those less than `MIN_SPACING_S` after a kept one."""
    spaced: list[SoundEffect] = []
    for effect in sorted(effects, key=lambda e: (e.peak_s, e.kind)):
        if not spaced or effect.peak_s - spaced[-1].peak_s >= MIN_SPACING_S:
            spaced.append(effect)
    return spaced


def write_effects_track(effects: Iterable[SoundEffect], duration_s: float, path: Path) -> None:
    """Write a mono 16-bit WAV of `duration_s` that plays every effect at its time."""
    total = round(duration_s * SAMPLE_RATE)
    offsets_and_samples = [
        (round(effect.peak_s * SAMPLE_RATE) - find_peak_sample(effect.kind), synthesize_effect(effect.kind))
        for effect in effects
    ]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        for start in range(0, total, BLOCK_S * SAMPLE_RATE):
            stop = min(total, start + BLOCK_S * SAMPLE_RATE)
            block = np.zeros(stop - start, np.float32)
            for offset, samples in offsets_and_samples:
                first, last = max(offset, start), min(offset + len(samples), stop)
                if first < last:
                    block[first - start : last - start] += samples[first - offset : last - offset]
            out.writeframes((np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())


def find_peak_sample(kind: EffectKind) -> int:
    """Return the index of the sample that plays at `SoundEffect.peak_s`."""
    return {"whoosh": round(WHOOSH_PEAK_S * SAMPLE_RATE), "pop": 0, "hit": 0}[kind]


@functools.cache
def synthesize_effect(kind: EffectKind) -> npt.NDArray[np.float32]:
    """Return the samples of one effect: -1..1, 48 kHz, mono."""
    if kind == "pop":  # a short rising tone, like a drop of water
        t = np.arange(round(0.12 * SAMPLE_RATE)) / SAMPLE_RATE
        tone = np.sin(2 * np.pi * (480 * t + 2600 * t * t)) * np.exp(-t * 38)
        return (0.5 * tone * np.minimum(1, t / 0.002)).astype(np.float32)
    if kind == "hit":  # a falling low tone with a click
        t = np.arange(round(0.5 * SAMPLE_RATE)) / SAMPLE_RATE
        tone = np.sin(2 * np.pi * (52 * t + 18 * (1 - np.exp(-t * 12)) / 2)) * np.exp(-t * 7)
        click = np.sin(2 * np.pi * 1800 * t) * np.exp(-t * 160)
        return (0.6 * tone * np.minimum(1, t / 0.003) + 0.12 * click).astype(np.float32)
    # The whoosh is band-limited noise that swells and fades; the fixed seed makes it the same in every run.
    t = np.arange(round(0.45 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(7).standard_normal(len(t))
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(len(t), 1 / SAMPLE_RATE)
    spectrum *= np.exp(-(((np.log(np.maximum(frequencies, 1)) - np.log(1400)) / 0.8) ** 2))
    band = np.fft.irfft(spectrum, len(t))
    swell = np.exp(-(((t - WHOOSH_PEAK_S) / 0.09) ** 2))
    peak = float(np.abs(band * swell).max())
    return np.asarray(0.35 * band / peak * swell, np.float32)
