"""Sound effects, made and not shipped: a whoosh at cutaways and changes of layout, a pop at emoji, a hit at the title.

Writes one WAV track for a clip, in blocks, so that its length does not matter. The same times give the same bytes.
"""

from __future__ import annotations

import functools
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import numpy as np

RATE = 48_000
BLOCK_S = 10
APART_S = 0.4  # of two effects: nearer ones are noise

Kind = Literal["whoosh", "pop", "hit"]


class Effect(msgspec.Struct, frozen=True):
    """`at_s` on the output clock is where the effect is loudest."""

    at_s: float
    kind: Kind


def thinned(effects: Iterable[Effect]) -> list[Effect]:
    """In order of time, without those that come too soon after another."""
    kept: list[Effect] = []
    for effect in sorted(effects, key=lambda e: (e.at_s, e.kind)):
        if not kept or effect.at_s - kept[-1].at_s >= APART_S:
            kept.append(effect)
    return kept


def write_track(effects: Iterable[Effect], duration_s: float, path: Path) -> None:
    """Mono 16-bit WAV of `duration_s` with every effect at its time."""
    import numpy as np

    total = round(duration_s * RATE)
    placed = [(round(e.at_s * RATE) - peak(e.kind), sound(e.kind)) for e in effects]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for start in range(0, total, BLOCK_S * RATE):
            stop = min(total, start + BLOCK_S * RATE)
            block = np.zeros(stop - start, np.float32)
            for at, samples in placed:
                a, b = max(at, start), min(at + len(samples), stop)
                if a < b:
                    block[a - start : b - start] += samples[a - at : b - at]
            out.writeframes((np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())


def peak(kind: Kind) -> int:
    """The sample of a sound that falls on the effect's time."""
    return {"whoosh": round(0.22 * RATE), "pop": 0, "hit": 0}[kind]


@functools.cache
def sound(kind: Kind) -> np.ndarray:
    """Samples (float32, -1..1, 48 kHz mono) of one effect."""
    import numpy as np

    if kind == "pop":  # a short tone that rises: a drop of water
        t = np.arange(round(0.12 * RATE)) / RATE
        tone = np.sin(2 * np.pi * (480 * t + 2600 * t * t)) * np.exp(-t * 38)
        return (0.5 * tone * np.minimum(1, t / 0.002)).astype(np.float32)
    if kind == "hit":  # a falling low tone with a click on it
        t = np.arange(round(0.5 * RATE)) / RATE
        tone = np.sin(2 * np.pi * (52 * t + 18 * (1 - np.exp(-t * 12)) / 2)) * np.exp(-t * 7)
        click = np.sin(2 * np.pi * 1800 * t) * np.exp(-t * 160)
        return (0.6 * tone * np.minimum(1, t / 0.003) + 0.12 * click).astype(np.float32)
    # a whoosh: noise whose band and loudness swell and fall, made of tones so that no random numbers are needed twice
    t = np.arange(round(0.45 * RATE)) / RATE
    noise = np.random.default_rng(7).standard_normal(len(t))
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(len(t), 1 / RATE)
    spectrum *= np.exp(-(((np.log(np.maximum(frequencies, 1)) - np.log(1400)) / 0.8) ** 2))
    band = np.fft.irfft(spectrum, len(t))
    swell = np.exp(-(((t - 0.22) / 0.09) ** 2))
    return (0.35 * band / np.abs(band * swell).max() * swell).astype(np.float32)
