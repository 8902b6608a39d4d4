"""Measures generated speech: `python -m benchmarks.voice`. Needs the voices of `carmic fetch-voices`.

For each language: seconds of speech, CPU per second of speech, and the word error rate of Whisper's transcription. For
each speed: the duration relative to speed 1, and the loudness. At the end the peak memory.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import create_parser, measure_peak_memory_mib, measure_usage, print_line
from carmic_assets.generation import narration
from carmic_assets.generation.kokoro import Samples, Synthesizer
from carmic_assets.generation.phonemes import Sentence, split_sentences
from carmic_assets.generation.voice_weights import find_weights, join_model
from carmic_assets.generation.voices import choose_voice
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe

THREADS = 2
TEXTS = {
    "en": (
        "The worst day was the day we lost half of our customers in one hour. Nobody had attacked us. "
        "I had deleted one line of a file, because I thought that nobody used it. Confusion is a cost."
    ),
    "es": "Buenos días a todos. Hoy hablamos de la lluvia y de las montañas. El agua baja por el valle y llega al mar.",
    "fr": "Bonjour à tous. Nous parlons de la pluie et des montagnes. Une rivière descend dans la vallée vers la mer.",
    "it": "Buongiorno a tutti. Oggi parliamo della pioggia. Il fiume scende nella valle verso il mare.",
    "pt": "Bom dia a todos. Hoje falamos da chuva e das montanhas. O rio desce pelo vale e chega ao mar.",
    "hi": "नमस्ते दोस्तों। आज हम बारिश और पहाड़ों के बारे में बात करेंगे।",
}
SPEEDS = (0.5, 1.0, 2.0)


def main() -> None:
    """Print one line for each language and for each speed."""
    create_parser("voice", __doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = find_weights(folder)
        if weights is None:
            sys.exit("The voices are missing. Run `carmic fetch-voices`.")
        synthesizer = Synthesizer(join_model(weights, folder), weights.vocabulary, weights.voices, THREADS)
        for language, text in TEXTS.items():
            with measure_usage() as usage:
                path, seconds, _ = speak(synthesizer, text, language, 1.0, folder)
            rate = measure_word_error_rate(text, path, language)
            print_line(f"{language}  {seconds:5.1f} s  {usage.cpu_s / seconds:5.2f} CPU-s per s  WER {rate:.2f}")
        normal_s = 0.0
        for speed in (1.0, *SPEEDS):
            path, seconds, lufs = speak(synthesizer, TEXTS["en"], "en", speed, folder)
            normal_s = normal_s or seconds
            rate = measure_word_error_rate(TEXTS["en"], path, "en")
            print_line(f"speed {speed}  length {seconds * speed / normal_s:.3f}  {lufs:6.2f} LUFS  WER {rate:.2f}")
    print_line(f"peak memory {measure_peak_memory_mib():.0f} MiB")


def speak(synthesizer: Synthesizer, text: str, language: str, speed: float, folder: Path) -> tuple[Path, float, float]:
    """Return the WAV file, its duration and its loudness."""
    pace, tempo = narration.split_speed(speed)
    voice = choose_voice(None, language)
    takes = [say(synthesizer, sentence, voice, pace) for sentence in split_sentences(text, language)]
    samples, _ = narration.join_sentences(takes, pace)
    raw, path = folder / "raw.wav", folder / "speech.wav"
    narration.write_wav(raw, samples)
    lufs = narration.master(raw, path, tempo, THREADS)
    return path, narration.measure_duration_s(path), lufs


def say(synthesizer: Synthesizer, sentence: Sentence, voice: str, pace: float) -> Samples:
    """Speak one sentence."""
    return np.concatenate([synthesizer.speak(part, voice, pace) for part in sentence.phonemes])


def measure_word_error_rate(text: str, path: Path, language: str) -> float:
    """Return the word edits per word between a text and the transcription by Whisper base."""
    transcript = " ".join(word.text for word in transcribe(path, TranscriptionOptions(language=language)).words)
    expected, actual = split_words(text), split_words(transcript)
    row = list(range(len(actual) + 1))
    for i, left in enumerate(expected, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(actual, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1] / len(expected)


def split_words(text: str) -> list[str]:
    """Return the words in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


if __name__ == "__main__":
    main()
