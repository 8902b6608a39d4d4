"""Words and voices from real and made sound: heard right, at the right time, the same each time, and none invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import synthetic_speech
from benchmarks.speech import errors_ms
from carmic_assets.model.errors import CarmicError, NoSpeech
from carmic_assets.model.speech import Transcript
from carmic_assets.speech.transcription import Cancelled, transcribe


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[synthetic_speech.Spoken]]:
    """A minute of a made talk that starts late and has long pauses; and its words."""
    samples, words, _ = synthetic_speech.talk(before_s=2.0)
    return synthetic_speech.write(tmp_path_factory.mktemp("spoken") / "talk.wav", samples), words


@pytest.fixture(scope="module")
def heard(spoken) -> Transcript:
    return transcribe(spoken[0])


@pytest.mark.slow
def test_words_are_at_the_time_they_are_spoken(spoken, heard):
    errors = errors_ms(spoken[1], heard.words)
    assert len(errors["word starts"]) > 0.85 * len(spoken[1])
    assert np.median(np.abs(errors["word starts"])) < 70
    assert np.median(np.abs(errors["ends before a pause"])) < 100


@pytest.mark.slow
def test_a_transcript_keeps_its_promises(spoken, heard):
    """In order, not overlapping, every word with length, inside the sound, near speech; language and voices named."""
    ends = [0.0]
    for word in heard.words:
        assert ends[-1] <= word.start_s < word.end_s <= heard.duration_s
        assert any(start - 0.31 <= word.end_s and word.start_s <= end + 0.31 for start, end in heard.speech)
        assert word.text == word.text.strip() and 0 <= word.confidence <= 1
        ends.append(word.end_s)
    assert heard.language == "en"
    assert heard.voices[0].speaker == "A"
    assert min(word.start_s for word in heard.words) > 1.8, "the sound starts two seconds late"


@pytest.mark.slow
def test_the_same_sound_gives_the_same_transcript_and_progress_only_grows(spoken, heard):
    told: list[float] = []
    assert transcribe(spoken[0], progress=told.append) == heard
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 2


@pytest.mark.slow
def test_a_span_bounds_what_is_heard_and_times_stay_on_the_source_clock(spoken, heard):
    part = transcribe(spoken[0], span=(20.0, 35.0), language="en")
    assert all(word.start_s >= 19.9 and word.end_s <= 35.1 for word in part.words)
    whole = {word.text: word.start_s for word in heard.words if 22 < word.start_s < 33}
    same = [word for word in part.words if word.text in whole and abs(whole[word.text] - word.start_s) < 0.2]
    assert len(same) > 10


def test_silence_noise_and_music_hold_no_speech(tmp_path):
    rng = np.random.default_rng(1)
    t = np.arange(12 * 16_000) / 16_000
    chords = sum(np.sin(2 * np.pi * f * 2 ** (np.floor(t / 0.5) % 5 / 12) * t) for f in (220, 277, 330)) * 0.1
    for name, samples in {"silence": 0 * t, "noise": 0.1 * rng.standard_normal(len(t)), "music": chords}.items():
        with pytest.raises(NoSpeech, match="Nobody speaks"):
            transcribe(synthetic_speech.write(tmp_path / f"{name}.wav", samples.astype(np.float32)))


def test_a_film_without_dialogue_holds_no_speech(shared):
    with pytest.raises(NoSpeech):
        transcribe(shared / "data/video/tears-of-steel-battle-clip-medium.webm")


def test_a_video_without_sound_holds_no_speech(shared):
    with pytest.raises(NoSpeech, match="no sound"):
        transcribe(shared / "data/odd/androidx_sample_video_only.mp4")


def test_an_unknown_language_or_model_is_refused_with_a_sentence(spoken):
    with pytest.raises(CarmicError, match="'xx' is no language"):
        transcribe(spoken[0], language="xx")
    with pytest.raises(CarmicError, match="no speech model called"):
        transcribe(spoken[0], model="enormous")
    with pytest.raises(CarmicError, match="No speech model lies at"):
        transcribe(spoken[0], model="/no/such/folder")


def test_cancelling_stops_before_the_next_batch(spoken):
    with pytest.raises(Cancelled):
        transcribe(spoken[0], language="en", cancelled=lambda: True)


@pytest.mark.slow
def test_each_part_is_heard_in_its_own_language(shared):
    heard = transcribe(shared / "data/audio/multilingual.mp3", language="en", language_mode="multi")
    text = " ".join(word.text for word in heard.words).casefold()
    assert "free of charge" in text and "verkaufen" in text
