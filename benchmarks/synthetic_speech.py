"""Speech with known words and times, for benchmarks and tests: espeak speaks it and reports when each word begins."""

from __future__ import annotations

import ctypes
import importlib.util
import wave
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
_AUDIBLE = 0.01  # of full scale: where a word ends before a pause
_WORD_EVENT = 1  # espeakEVENT_WORD of speak_lib.h
_RATE_PARAMETER = 1  # espeakRATE: words per minute
_UTF8_FLAG = 1  # espeakCHARS_UTF8

TALK_LINES = (
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

Samples = NDArray[np.float32]


class TimedWord(msgspec.Struct, frozen=True):
    """A word with the time at which it is spoken."""

    text: str
    start_s: float
    end_s: float


def synthesise_talk(
    lines: Sequence[str] = TALK_LINES,
    *,
    voices: Sequence[str] = ("en-us", "en-gb", "en-us+f3", "en-gb-x-rp+f2"),
    pauses_s: Sequence[float] = (0.05, 0.6, 0.25, 1.2, 2.5),
    before_s: float = 0.0,
) -> tuple[Samples, list[TimedWord], list[tuple[float, float, str]]]:
    """Synthesise a talk: 16 kHz samples, the words, and (start, end, voice) of each line.

    A pause of room tone follows each line. The voice changes every third line, so that turns have a realistic length.
    """
    noise = np.random.default_rng(7)
    parts = [np.zeros(round(before_s * SAMPLE_RATE), np.float32)]
    words: list[TimedWord] = []
    turns: list[tuple[float, float, str]] = []
    clock_s = before_s
    for number, line in enumerate(lines):
        voice = voices[(number // 3) % len(voices)]
        samples, line_words = synthesise(line, voice, (150, 170, 190)[number % 3])
        words += (
            TimedWord(word.text, round(clock_s + word.start_s, 3), round(clock_s + word.end_s, 3))
            for word in line_words
        )
        turns.append((clock_s + line_words[0].start_s, clock_s + line_words[-1].end_s, voice))
        parts += [samples * 0.5, np.zeros(round(pauses_s[number % len(pauses_s)] * SAMPLE_RATE), np.float32)]
        clock_s += (len(parts[-1]) + len(parts[-2])) / SAMPLE_RATE
    samples = np.concatenate(parts)
    return (samples + 1e-3 * noise.standard_normal(len(samples))).astype(np.float32), words, turns


def synthesise(text: str, voice: str, words_per_minute: int) -> tuple[Samples, list[TimedWord]]:
    """Speak a text: 16 kHz samples, and the words with the times at which espeak begins them."""
    library, sample_rate = _load_espeak()
    chunks: list[NDArray[np.int16]] = []
    word_events: list[tuple[int, int, float]] = []  # position in the text, length, start in seconds

    def collect(samples: Any, count: int, events: Any) -> int:  # noqa: ANN401 - ctypes pointers
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == _WORD_EVENT:
                word_events.append((event.position - 1, event.length, event.audio_ms / 1000))
            index += 1
        return 0

    callback = _SynthCallback(collect)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
    library.espeak_SetVoiceByName(voice.encode())
    raw = text.encode()
    library.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, _UTF8_FLAG, None, None)
    library.espeak_Synchronize()
    samples = _resample(np.concatenate(chunks).astype(np.float32) / np.float32(32768), sample_rate)
    ends_s = [start_s for _, _, start_s in word_events[1:]] + [len(samples) / SAMPLE_RATE]
    words = []
    for (position, length, start_s), end_s in zip(word_events, ends_s, strict=True):
        word_samples = samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
        audible = np.flatnonzero(np.abs(word_samples) > _AUDIBLE)
        audible_s = float(audible[-1] if len(audible) else 0) / SAMPLE_RATE
        words.append(TimedWord(text[position : position + length], start_s, start_s + audible_s))
    return samples, words


def write_wav(path: str | Path, samples: NDArray[np.floating[Any]]) -> Path:
    """Write 16 kHz mono samples in -1..1 as a 16-bit WAV file and return its path."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
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


_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@lru_cache(maxsize=1)
def _load_espeak() -> tuple[ctypes.CDLL, int]:
    """Load and initialise espeak; return the library and its sample rate."""
    spec = importlib.util.find_spec("espeakng_loader")
    assert spec and spec.origin
    folder = Path(spec.origin).parent
    library = ctypes.CDLL(str(next(folder.glob("libespeak-ng.*"))))
    return library, library.espeak_Initialize(1, 0, str(folder / "espeak-ng-data").encode(), 0)


def _resample(samples: Samples, sample_rate: int) -> Samples:
    frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
    frame.sample_rate = sample_rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    pieces = [piece.to_ndarray()[0] for piece in [*resampler.resample(frame), *resampler.resample(None)]]
    resampled: Samples = np.concatenate(pieces).astype(np.float32) / np.float32(32768)
    return resampled
