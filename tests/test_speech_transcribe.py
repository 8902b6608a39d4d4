"""Tests of transcription on real and synthetic speech: words, times, determinism, and refusal without speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import synthetic_speech
from benchmarks.speech import measure_errors_ms
from carmic_assets.model.errors import CarmicError, NoSpeechError
from carmic_assets.model.speech import Transcript
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe
from media_files import write_numbered_video

Talk = tuple[Path, list[synthetic_speech.TimedWord]]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    """A minute of synthetic speech that starts late and has long pauses, with its words."""
    samples, words, _ = synthetic_speech.synthesise_talk(before_s=2.0)
    return synthetic_speech.write_wav(tmp_path_factory.mktemp("talk") / "talk.wav", samples), words


@pytest.fixture(scope="module")
def transcript(talk: Talk) -> Transcript:
    return transcribe(talk[0])


@pytest.mark.slow
def test_words_have_the_times_at_which_they_are_spoken(talk: Talk, transcript: Transcript) -> None:
    errors = measure_errors_ms(talk[1], transcript.words)
    assert len(errors["word starts"]) > 0.85 * len(talk[1])
    assert np.median(np.abs(errors["word starts"])) < 70
    assert np.median(np.abs(errors["ends before a pause"])) < 100


@pytest.mark.slow
def test_a_transcript_satisfies_its_invariants(transcript: Transcript) -> None:
    """Words are in order, do not overlap, have a length, and lie inside the audio and near speech."""
    previous_end_s = 0.0
    for word in transcript.words:
        assert previous_end_s <= word.start_s < word.end_s <= transcript.duration_s
        assert any(start - 0.31 <= word.end_s and word.start_s <= end + 0.31 for start, end in transcript.speech)
        assert word.text == word.text.strip() and 0 <= word.confidence <= 1
        previous_end_s = word.end_s
    assert transcript.language == "en"
    assert transcript.voices[0].speaker == "A"
    assert min(word.start_s for word in transcript.words) > 1.8, "the speech starts after two seconds"


@pytest.mark.slow
def test_transcription_is_deterministic_and_progress_never_decreases(talk: Talk, transcript: Transcript) -> None:
    reported: list[float] = []
    assert transcribe(talk[0], progress=reported.append) == transcript
    assert reported == sorted(reported) and reported[-1] == 1.0 and len(reported) > 2


@pytest.mark.slow
def test_a_span_limits_the_words_and_keeps_the_source_clock(talk: Talk, transcript: Transcript) -> None:
    part = transcribe(talk[0], TranscriptionOptions(span=(20.0, 35.0), language="en"))
    assert all(word.start_s >= 19.9 and word.end_s <= 35.1 for word in part.words)
    start_by_text = {word.text: word.start_s for word in transcript.words if 22 < word.start_s < 33}
    same = [word for word in part.words if abs(start_by_text.get(word.text, -1.0) - word.start_s) < 0.2]
    assert len(same) > 10


def test_silence_noise_and_music_hold_no_speech(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(12 * 16_000) / 16_000
    chords = sum(np.sin(2 * np.pi * f * 2 ** (np.floor(t / 0.5) % 5 / 12) * t) for f in (220, 277, 330)) * 0.1
    for name, samples in {"silence": 0 * t, "noise": 0.1 * rng.standard_normal(len(t)), "music": chords}.items():
        with pytest.raises(NoSpeechError, match="Nobody speaks"):
            transcribe(synthetic_speech.write_wav(tmp_path / f"{name}.wav", samples.astype(np.float32)))


def test_a_film_without_dialogue_holds_no_speech(shared: Path) -> None:
    with pytest.raises(NoSpeechError):
        transcribe(shared / "data/video/tears-of-steel-battle-clip-medium.webm")


def test_a_video_without_audio_holds_no_speech(tmp_path: Path) -> None:
    with pytest.raises(NoSpeechError, match="no audio"):
        transcribe(write_numbered_video(tmp_path / "silent.mp4", seconds=1, sound=False))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (TranscriptionOptions(language="xx"), "'xx' is not supported"),
        (TranscriptionOptions(model="enormous"), "no speech model called"),
        (TranscriptionOptions(model="/no/such/folder"), "no speech model in the folder /no/such/folder"),
    ],
)
def test_an_unknown_language_or_model_is_refused_with_a_sentence(
    talk: Talk, options: TranscriptionOptions, sentence: str
) -> None:
    with pytest.raises(CarmicError, match=sentence):
        transcribe(talk[0], options)


@pytest.mark.slow
def test_multi_mode_transcribes_each_part_in_its_own_language(shared: Path) -> None:
    options = TranscriptionOptions(language="en", language_mode="multi")
    transcript = transcribe(shared / "data/audio/multilingual.mp3", options)
    text = " ".join(word.text for word in transcript.words).casefold()
    assert "free of charge" in text and "verkaufen" in text
