"""Narrates a text: each sentence is spoken, transcribed back and compared, then all are joined at one loudness."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from faster_whisper import WhisperModel

from carmic_assets.generation.kokoro import MAX_PACE, MIN_PACE, SAMPLE_RATE, Samples
from carmic_assets.generation.phonemes import Sentence, compare, phonemize
from carmic_assets.media import ffmpeg
from carmic_assets.rendering.audio_graph import SILENCE_LUFS, make_loudness_meter
from carmic_assets.speech.asr import transcribe_windows
from carmic_assets.speech.asr_windows import MAX_WINDOW_S, AsrWindow, AudioInterval
from carmic_assets.speech.audio_reader import open_audio

PAUSE_S = 0.3  # after a sentence, at the voice's own pace
TARGET_LUFS = -16.0
MAX_ERROR_RATE = 0.3  # of phonemes; a sentence above it is spoken again
# By how much the model changes its pace, of what it is told: measured as the length of 15 s of speech at 0.85 and 1.25
PACE_EFFECT_BELOW, PACE_EFFECT_ABOVE = 0.7, 0.8
SECOND_PACE = 0.92  # of the first: slower speech omits fewer words
_CEILING_DBFS = -1.5
_LOUDNESS_TOLERANCE_LU = 0.2
_MAX_LOUDNESS_PASSES = 5


class SpokenSentence(msgspec.Struct, frozen=True):
    """A sentence of a narration, on its clock. `error_rate` is that of its phonemes, transcribed back."""

    text: str
    start_s: float
    end_s: float
    error_rate: float
    takes: int = 1


def split_speed(speed: float) -> tuple[float, float]:
    """Return the pace of the model and the factor of the time stretch that together are the speed."""
    pace = min(max(speed, MIN_PACE), MAX_PACE)
    actual = 1 + (pace - 1) * (PACE_EFFECT_ABOVE if pace > 1 else PACE_EFFECT_BELOW)
    return pace, speed / actual


def check_sentences(
    wav: Path,
    sentences: Sequence[Sentence],
    spans_s: Sequence[tuple[float, float]],
    whisper: WhisperModel,
    language: str,
) -> list[float]:
    """Transcribe a WAV file back, and return the phoneme error rate of each sentence.

    Sentences are transcribed together, as many as fit into Whisper's window.
    """
    base = language.lower().partition("-")[0]
    words_by_sentence: list[list[str]] = [[] for _ in sentences]
    with open_audio(wav) as reader:
        for window in _pack(spans_s):
            for word in transcribe_windows(whisper, reader, [window], base):
                middle_s = (word.start_s + word.end_s) / 2
                nearest = min(range(len(spans_s)), key=lambda n: _distance(spans_s[n], middle_s))
                words_by_sentence[nearest].append(word.text)
    transcribed = phonemize([" ".join(words) for words in words_by_sentence], language)
    expected = [" ".join(sentence.phonemes) for sentence in sentences]
    return [compare(left, right) for left, right in zip(expected, transcribed, strict=True)]


def join_sentences(parts: Sequence[Samples], pace: float) -> tuple[Samples, list[tuple[float, float]]]:
    """Return the parts with a pause after each but the last, and where each is, in seconds."""
    pause = np.zeros(round(PAUSE_S / pace * SAMPLE_RATE), np.float32)
    spans_s, clock = [], 0
    for part in parts:
        spans_s.append((clock / SAMPLE_RATE, (clock + len(part)) / SAMPLE_RATE))
        clock += len(part) + len(pause)
    blocks = [block for part in parts for block in (part, pause)][:-1]
    return np.concatenate(blocks), spans_s


def write_wav(path: Path, samples: Samples) -> None:
    """Write the samples as 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def master(source: Path, target: Path, tempo: float, threads: int) -> float:
    """Stretch a WAV file by `tempo` and bring it to `TARGET_LUFS`; returns its loudness in LUFS.

    Speech that is too short for a measurement is brought to a peak of -6 dBFS.
    """
    inputs = [ffmpeg.Input(str(source))]
    meter = make_loudness_meter(inputs, threads)
    stretch = f"[0:a]atempo={tempo:.6f}," if abs(tempo - 1) > 1e-6 else "[0:a]"
    measured = meter(f"{stretch}anull[out]", ["out"], True)["out"]
    is_measurable = measured.lufs > SILENCE_LUFS
    gain_db = TARGET_LUFS - measured.lufs if is_measurable else -6.0 - measured.peak_dbtp
    limit = f"alimiter=limit={10 ** (_CEILING_DBFS / 20):.4f}:attack=2:release=50:level=0"
    loudness = TARGET_LUFS
    for _ in range(_MAX_LOUDNESS_PASSES if is_measurable else 0):
        loudness = meter(f"{stretch}volume={gain_db:.3f}dB,{limit}[out]", ["out"], False)["out"].lufs
        if abs(TARGET_LUFS - loudness) <= _LOUDNESS_TOLERANCE_LU:
            break
        gain_db += (TARGET_LUFS - loudness) * 1.2
    output = ["-map", "[out]", "-ar", str(SAMPLE_RATE), "-ac", "1", "-c:a", "pcm_s16le", *ffmpeg.BITEXACT_OPTIONS]
    graph = f"{stretch}volume={gain_db:.3f}dB,{limit}[out]"
    ffmpeg.run(ffmpeg.build_command(inputs, [*output, str(target)], graph=graph, threads=threads))
    return loudness


def _pack(spans_s: Sequence[tuple[float, float]]) -> list[AsrWindow]:
    """Return windows of whole sentences, of at most `MAX_WINDOW_S`."""
    margin_s = PAUSE_S / 3
    groups: list[list[AudioInterval]] = []
    for start_s, end_s in spans_s:
        for first_s, last_s in pairwise(
            [*np.arange(max(0.0, start_s - margin_s), end_s, MAX_WINDOW_S), end_s + margin_s]
        ):
            interval = AudioInterval(float(first_s), float(last_s))
            length_s = sum(other.duration_s for other in groups[-1]) if groups else MAX_WINDOW_S
            if length_s + interval.duration_s > MAX_WINDOW_S:
                groups.append([])
            groups[-1].append(interval)
    return [AsrWindow(tuple(group)) for group in groups]


def _distance(span_s: tuple[float, float], moment_s: float) -> float:
    return max(span_s[0] - moment_s, moment_s - span_s[1], 0.0)


def measure_duration_s(path: Path) -> float:
    """Return the duration of a WAV file that `master` wrote."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
