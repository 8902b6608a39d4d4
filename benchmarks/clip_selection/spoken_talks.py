"""Run the benchmark on synthesised speech: `python -m benchmarks.clip_selection.spoken_talks --split held_out`.

espeak synthesises the written talks and Whisper transcribes them. The ground truth is the time at which espeak speaks
each sentence; the scorer reads only the transcript and the audio. With `--cache DIR` the transcripts are stored, and a
second run only scores.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.clip_selection.__main__ import print_report
from benchmarks.clip_selection.metrics import Interval
from benchmarks.clip_selection.talks import SPLITS, Passage, WrittenTalk, load_talks
from benchmarks.harness import create_parser
from benchmarks.synthetic_speech import SAMPLE_RATE, TimedWord, synthesise, write_wav
from carmic_assets.scoring.arrays import Floats, Floats32
from carmic_assets.scoring.audio_features import extract_audio_features
from carmic_assets.scoring.talk_features import ScoringFeatures, extract_features
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe

VOICES = {
    "A": ("en-us", 165), "B": ("en-gb", 175), "C": ("en-us+f3", 170), "D": ("en-gb-x-rp+f2", 165),
    "E": ("en-us+m3", 175), "F": ("en-gb+m7", 170), "G": ("en-us+f4", 160),
}  # fmt: skip
_LEAD_S = 0.5  # silence before the first sentence


class SpokenTalk(msgspec.Struct, frozen=True):
    """A talk with ground truth on the times of its synthesised speech, its ASR transcript, and the scoring features."""

    talk: WrittenTalk
    features: ScoringFeatures


def main() -> None:
    """Synthesise, transcribe and evaluate the talks of one split."""
    parser = create_parser("clip_selection.spoken_talks", __doc__)
    parser.add_argument("--split", choices=SPLITS, default="held_out")
    parser.add_argument("--talks", type=int, default=99, help="number of talks of the split, in order of name")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder for the transcripts")
    arguments = parser.parse_args()
    talks = load_talks(arguments.split)[: arguments.talks]
    spoken_talks = [_load_or_transcribe(talk, arguments.cache) for talk in talks]
    print_report(
        f"{arguments.split}, spoken and transcribed", [(spoken.talk, spoken.features) for spoken in spoken_talks]
    )


def _load_or_transcribe(talk: WrittenTalk, cache: Path | None) -> SpokenTalk:
    cache_file = cache / f"{talk.name}.json" if cache else None
    if cache_file and cache_file.is_file():
        return msgspec.json.decode(cache_file.read_bytes(), type=SpokenTalk)
    with tempfile.TemporaryDirectory() as scratch:
        samples, retimed_talk = synthesise_written_talk(talk)
        audio = write_wav(Path(scratch) / "talk.wav", samples)
        transcript = transcribe(audio, TranscriptionOptions(language="en"))
        features = extract_features(transcript, extract_audio_features(audio))
    spoken_talk = SpokenTalk(msgspec.structs.replace(retimed_talk, transcript=transcript), features)
    if cache_file:
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        cache_file.write_bytes(msgspec.json.encode(spoken_talk))
    return spoken_talk


def synthesise_written_talk(talk: WrittenTalk) -> tuple[Floats, WrittenTalk]:
    """Return 16 kHz samples with the pauses of the written talk, and the talk with the times of the samples."""
    noise = np.random.default_rng(7)
    parts: list[NDArray[Any]] = [np.zeros(round(_LEAD_S * SAMPLE_RATE))]
    sentences: list[Interval] = []
    position_s = _LEAD_S
    for number, (start_s, end_s) in enumerate(talk.sentences):
        samples, words = _synthesise_sentence(talk, start_s, end_s)
        sentences.append((round(position_s + words[0].start_s, 3), round(position_s + words[-1].end_s, 3)))
        next_start_s = talk.sentences[number + 1][0] if number + 1 < len(talk.sentences) else end_s + 1
        trailing_s = len(samples) / SAMPLE_RATE - words[-1].end_s
        silence = np.zeros(round(max(0.0, next_start_s - end_s - trailing_s) * SAMPLE_RATE))
        parts += [samples * 0.5, silence]
        position_s += (len(samples) + len(silence)) / SAMPLE_RATE
    audio: Floats = np.concatenate(parts)
    audio = audio + 1e-3 * noise.standard_normal(len(audio))
    passages = tuple(_retime_passage(talk, passage, sentences) for passage in talk.passages)
    return audio, msgspec.structs.replace(talk, passages=passages, sentences=tuple(sentences))


def _synthesise_sentence(talk: WrittenTalk, start_s: float, end_s: float) -> tuple[Floats32, list[TimedWord]]:
    words = [word for word in talk.transcript.words if start_s - 0.001 <= word.start_s <= end_s]
    voice, words_per_minute = VOICES[words[0].speaker or "A"]
    return synthesise(" ".join(word.text for word in words), voice, words_per_minute)


def _retime_passage(talk: WrittenTalk, passage: Passage, spoken_sentences: list[Interval]) -> Passage:
    """Return the passage with the times at which its sentences are spoken."""
    retimed = [
        spoken_sentence
        for (start_s, end_s), spoken_sentence in zip(talk.sentences, spoken_sentences, strict=True)
        if start_s >= passage.start_s - 0.01 and end_s <= passage.end_s + 0.01
    ]
    return Passage(retimed[0][0], retimed[-1][1], passage.grade, passage.kind)


if __name__ == "__main__":
    main()
