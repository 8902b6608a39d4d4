"""The same talks spoken (espeak) and transcribed (Whisper): `python -m benchmarks.clip_selection.spoken_talks --part held`.

Truth is when espeak says each sentence begins and ends; the scorer sees only what was heard. `--keep DIR` keeps the
transcripts, so that a second run only scores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import wave
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.clip_selection.__main__ import report
from benchmarks.clip_selection.talks import PARTS, Passage, Written, load
from benchmarks.synthetic_speech import RATE, say
from carmic_assets.scoring.audio_features import sound_features
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features
from carmic_assets.speech.transcription import transcribe

VOICES = {
    "A": ("en-us", 165), "B": ("en-gb", 175), "C": ("en-us+f3", 170), "D": ("en-gb-x-rp+f2", 165),
    "E": ("en-us+m3", 175), "F": ("en-gb+m7", 170), "G": ("en-us+f4", 160),
}  # fmt: skip


class Heard(msgspec.Struct, frozen=True):
    """A talk as spoken, with its truth, and what was heard of it."""

    talk: Written
    features: ScoringFeatures


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.clip_selection.spoken_talks", description=__doc__)
    arguments.add_argument("--part", choices=PARTS, default="held")
    arguments.add_argument("--talks", type=int, default=99, help="only the first so many")
    arguments.add_argument("--keep", type=Path, help="a folder for what was heard")
    asked = arguments.parse_args()
    heard = [_heard(talk, asked.keep) for talk in load(asked.part)[: asked.talks]]
    report(f"{asked.part}, spoken and transcribed", [(h.talk, h.features) for h in heard])
    return 0


def _heard(talk: Written, keep: Path | None) -> Heard:
    kept = keep / f"{talk.name}.json" if keep else None
    if kept and kept.is_file():
        return msgspec.json.decode(kept.read_bytes(), type=Heard)
    with tempfile.TemporaryDirectory() as scratch:
        sound, truth = speak(talk, Path(scratch) / "talk.wav")
        transcript = transcribe(sound, language="en")
        features = extract_features(transcript, sound_features(sound))
    heard = Heard(msgspec.structs.replace(truth, transcript=transcript), features)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(heard))
    return heard


def speak(talk: Written, path: Path) -> tuple[Path, Written]:
    """A WAV of the talk with the written pauses between sentences, and the talk with the times as spoken."""
    noise = np.random.default_rng(7)
    parts, sentences, at = [np.zeros(RATE // 2)], [], 0.5
    words = talk.transcript.words
    for number, (start, end) in enumerate(talk.sentences):
        said = [word for word in words if start - 0.001 <= word.start_s <= end]
        voice, speed = VOICES[said[0].speaker or "A"]
        samples, spoken = say(" ".join(word.text for word in said), voice, speed)
        sentences.append((round(at + spoken[0].start_s, 3), round(at + spoken[-1].end_s, 3)))
        following = talk.sentences[number + 1][0] if number + 1 < len(talk.sentences) else end + 1
        quiet = np.zeros(round(max(0.0, following - end - (len(samples) / RATE - spoken[-1].end_s)) * RATE))
        parts += [samples * 0.5, quiet]
        at += (len(samples) + len(quiet)) / RATE
    sound = np.concatenate(parts)
    sound = sound + 1e-3 * noise.standard_normal(len(sound))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    passages = []
    for passage in talk.passages:
        inside = [
            i for i, (a, b) in enumerate(talk.sentences) if a >= passage.start_s - 0.01 and b <= passage.end_s + 0.01
        ]
        passages.append(Passage(sentences[inside[0]][0], sentences[inside[-1]][1], passage.grade, passage.kind))
    return path, msgspec.structs.replace(talk, passages=tuple(passages), sentences=tuple(sentences))


if __name__ == "__main__":
    sys.exit(main())
