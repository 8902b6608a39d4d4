"""Speech whose words and times are known: espeak speaks it and says when each word begins. For benchmarks and tests."""

from __future__ import annotations

import ctypes
import importlib.util
import wave
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np

RATE = 16_000
_LOUD = 0.01  # of full scale: where a word ends before a pause

TALK = (
    "When we started this company nobody believed that it would last a year.",
    "My partner sold his car to pay the first three salaries.",
    "So what did we learn from all of this?",
    "Talk to ten customers every week, and write down exactly what they say.",
    "The second lesson is about money.",
    "Never spend more than half of what you earn in the first two years.",
    "People always ask me about luck.",
    "Luck is real, but it only finds those who are already working.",
    "I remember one morning in December when our biggest client called and cancelled everything.",
    "That was forty percent of our revenue.",
    "We sat in silence for about an hour.",
    "Then somebody laughed, and we went back to work.",
    "Looking back, it was the best thing that ever happened to us.",
    "Because we had to change, we found a much bigger market.",
    "Thank you very much for listening.",
)


class Spoken(msgspec.Struct, frozen=True):
    """A word as it was said, in seconds."""

    text: str
    start_s: float
    end_s: float


def talk(
    lines: Sequence[str] = TALK,
    *,
    voices: Sequence[str] = ("en-us", "en-gb", "en-us+f3", "en-gb-x-rp+f2"),
    pauses_s: Sequence[float] = (0.05, 0.6, 0.25, 1.2, 2.5),
    before_s: float = 0.0,
) -> tuple[np.ndarray, list[Spoken], list[tuple[float, float, str]]]:
    """16 kHz sound of the lines, each followed by a pause of room tone; its words; and (start, end, voice) by line.

    Voices change every third line, so that turns are as long as people's.
    """
    noise = np.random.default_rng(7)
    parts = [np.zeros(round(before_s * RATE), np.float32)]
    words: list[Spoken] = []
    turns: list[tuple[float, float, str]] = []
    at = before_s
    for number, line in enumerate(lines):
        voice = voices[(number // 3) % len(voices)]
        samples, said = say(line, voice, (150, 170, 190)[number % 3])
        words += (Spoken(w.text, round(at + w.start_s, 3), round(at + w.end_s, 3)) for w in said)
        turns.append((at + said[0].start_s, at + said[-1].end_s, voice))
        parts += [samples * 0.5, np.zeros(round(pauses_s[number % len(pauses_s)] * RATE), np.float32)]
        at += (len(parts[-1]) + len(parts[-2])) / RATE
    sound = np.concatenate(parts)
    return (sound + 1e-3 * noise.standard_normal(len(sound))).astype(np.float32), words, turns


def say(text: str, voice: str, words_a_minute: int) -> tuple[np.ndarray, list[Spoken]]:
    """Samples at 16 kHz and the words with the times at which espeak says that they begin."""
    library, rate = _espeak()
    heard: list[np.ndarray] = []
    begun: list[tuple[int, int, float]] = []

    def hear(samples, count, events) -> int:
        if samples and count > 0:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == 1:  # a word: position in the text (from 1), length, milliseconds
                begun.append((events[index].position - 1, events[index].length, events[index].audio_ms / 1000))
            index += 1
        return 0

    callback = _Callback(hear)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetParameter(1, words_a_minute, 0)
    library.espeak_SetVoiceByName(voice.encode())
    raw = text.encode()
    library.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, 1, None, None)
    library.espeak_Synchronize()
    samples = _resampled(np.concatenate(heard).astype(np.float32) / 32768, rate)
    ends = [start for _, _, start in begun[1:]] + [len(samples) / RATE]
    words = []
    for (position, length, start), end in zip(begun, ends, strict=True):
        loud = np.flatnonzero(np.abs(samples[round(start * RATE) : round(end * RATE)]) > _LOUD)
        words.append(
            Spoken(text[position : position + length], start, start + float(loud[-1] if len(loud) else 0) / RATE)
        )
    return samples, words


def write(path: str | Path, samples: np.ndarray) -> Path:
    """A 16 kHz mono WAV."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return Path(path)


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("id", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@lru_cache(maxsize=1)
def _espeak():
    spec = importlib.util.find_spec("espeakng_loader")
    assert spec and spec.origin
    folder = Path(spec.origin).parent
    library = ctypes.CDLL(str(next(folder.glob("libespeak-ng.*"))))
    return library, library.espeak_Initialize(1, 0, str(folder / "espeak-ng-data").encode(), 0)


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    import av

    frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pieces = [piece.to_ndarray()[0] for piece in [*resampler.resample(frame), *resampler.resample(None)]]
    return np.concatenate(pieces).astype(np.float32) / 32768
