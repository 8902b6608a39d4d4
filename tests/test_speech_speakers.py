"""Tests of diarisation, of the assignment of voices to faces, and of the speakers of words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import synthetic_speech
from benchmarks.speakers import measure_agreement
from carmic_assets.model.speech import Transcript, Turn, Word
from carmic_assets.speech import audio_reader, diarisation, voice_activity
from carmic_assets.speech.clip_words import assign_speakers
from carmic_assets.speech.speaker_turns import resolve_speakers

LabelledTurn = tuple[float, float, str]  # start and end in seconds, person

ROUND = (("A", 4.0), ("B", 3.0), ("A", 2.0), ("B", 5.0))  # person, seconds


def conversation(voice_by_person: dict[str, str], rounds: int = 6) -> tuple[Transcript, list[LabelledTurn]]:
    """A transcript of A and B, 0.5 s between turns and four words per second, and the ground-truth turns."""
    truth, words, turns, t = [], [], [], 0.5
    for person, seconds in ROUND * rounds:
        truth.append((t, t + seconds, person))
        words += [Word("word", t + i / 4, t + i / 4 + 0.2, 0.9) for i in range(int(seconds * 4))]
        turns.append(Turn(t, t + seconds, voice_by_person[person]))
        t += seconds + 0.5
    speech = tuple((start, end) for start, end, _ in truth)
    return Transcript("en", 1.0, "synthetic", t, t - 1, tuple(words), tuple(turns), speech), truth


def face_matrix(
    truth: Sequence[LabelledTurn],
    tracks: dict[str, int],
    *,
    clarity: float,
    without_faces: Sequence[tuple[float, float]] = (),
    seed: int = 1,
) -> pl.DataFrame:
    """A spatial matrix whose `speaking` depends on the speaker: completely at `clarity` 1, not at all at 0."""
    rng = np.random.default_rng(seed)
    rows = []
    for t in np.arange(0, truth[-1][1], 0.2):
        for person, track in tracks.items():
            speaks = any(start <= t < end and speaker == person for start, end, speaker in truth)
            logit = clarity * (3 if speaks else -4) + (1 - clarity) * 3 * rng.standard_normal()
            if not any(start <= t < end for start, end in without_faces):
                rows.append({"t": float(t), "track": track, "speaking": float(1 / (1 + np.exp(-logit)))})
    return pl.DataFrame(rows, schema={"t": pl.Float64, "track": pl.Int32, "speaking": pl.Float32})


def accuracy(truth: Sequence[LabelledTurn], turns: Sequence[Turn]) -> float:
    """Fraction of the time with exactly one speaker that has the correct speaker."""
    return measure_agreement(truth, [(turn.start_s, turn.end_s, turn.speaker) for turn in turns])[0]


def test_turns_follow_the_lips_if_all_voices_sound_alike() -> None:
    transcript, truth = conversation({"A": "A", "B": "A"})
    speakers = resolve_speakers(transcript, face_matrix(truth, {"A": 4, "B": 9}, clarity=0.8))
    assert accuracy(truth, speakers.turns) > 0.95
    assert speakers.tracks == {"A": (4,), "B": (9,)}


def test_turns_follow_the_voices_if_lips_are_not_informative() -> None:
    transcript, truth = conversation({"A": "B", "B": "A"})
    speakers = resolve_speakers(transcript, face_matrix(truth, {"A": 4, "B": 9}, clarity=0.1))
    assert accuracy(truth, speakers.turns) > 0.95


def test_a_speaker_without_a_visible_face_keeps_the_label() -> None:
    transcript, truth = conversation({"A": "A", "B": "B"})
    matrix = face_matrix(truth, {"A": 4, "B": 9}, clarity=1, without_faces=((20, 40),))
    speakers = resolve_speakers(transcript, matrix)
    assert accuracy(truth, speakers.turns) > 0.95
    assert {turn.track for turn in speakers.turns if turn.start_s > 21 and turn.end_s < 39} == {None}


def test_a_speaker_without_a_face_is_off_screen() -> None:
    transcript, truth = conversation({"A": "A", "B": "B"})
    speakers = resolve_speakers(transcript, face_matrix(truth, {"B": 9}, clarity=1))
    assert accuracy(truth, speakers.turns) > 0.95
    assert speakers.tracks == {"A": (), "B": (9,)}


def test_tracks_of_one_voice_that_are_never_visible_together_are_one_person() -> None:
    transcript, truth = conversation({"A": "A", "B": "B"})
    matrix = face_matrix(truth, {"A": 4, "B": 9}, clarity=1)
    is_late = pl.col("t") > 30
    split = matrix.with_columns(pl.when(is_late).then(pl.col("track") + 100).otherwise(pl.col("track")).alias("track"))
    speakers = resolve_speakers(transcript, split)
    assert {label: set(tracks) for label, tracks in speakers.tracks.items()} == {"A": {4, 104}, "B": {9, 109}}


def test_faces_and_words_may_be_missing() -> None:
    transcript, truth = conversation({"A": "A", "B": "B"})
    no_faces = face_matrix(truth, {}, clarity=1)
    assert accuracy(truth, resolve_speakers(transcript, no_faces).turns) > 0.95
    assert resolve_speakers(Transcript("en", 1.0, "synthetic", 9.0, 0.0, (), (), ()), no_faces).turns == ()


def test_turns_are_ordered_disjoint_and_lettered_by_first_appearance() -> None:
    transcript, truth = conversation({"A": "F", "B": "C"})
    turns = resolve_speakers(transcript, face_matrix(truth, {"A": 4, "B": 9}, clarity=0.5)).turns
    assert all(a.start_s < a.end_s <= b.start_s for a, b in pairwise(turns))
    assert [turn.speaker for turn in turns[:2]] == ["A", "B"]


def test_words_get_the_speaker_of_the_overlapping_or_nearest_turn() -> None:
    turns = (Turn(0.0, 2.0, "A"), Turn(2.0, 5.0, "B"), Turn(9.0, 10.0, "A"))
    words = [Word(str(i), start, start + 0.4, 1.0) for i, start in enumerate((0.1, 1.7, 1.9, 4.0, 6.0, 8.7, 11.0))]
    assert [word.speaker for word in assign_speakers(words, turns)] == ["A", "A", "B", "B", "B", "A", "A"]
    assert assign_speakers(words[:1], ())[0].speaker is None


@pytest.mark.parametrize("pauses_s", [(0.05, 0.6, 0.25, 1.2, 2.5), (0.2, 0.5, 0.1)])
def test_diarisation_finds_two_voices_by_audio_alone(tmp_path: Path, pauses_s: tuple[float, ...]) -> None:
    """With quick answers, an embedding window across a change of speaker looks like a third voice."""
    samples, _, truth = synthetic_speech.synthesise_talk(voices=("en-us", "en-us+f3"), pauses_s=pauses_s)
    with audio_reader.open_audio(synthetic_speech.write_wav(tmp_path / "two.wav", samples)) as reader:
        probabilities = voice_activity.compute_speech_probabilities(reader)
        speech, phrases = voice_activity.find_speech(probabilities), voice_activity.find_phrases(probabilities)
        turns = diarisation.diarise(reader, speech, phrases)
    assert accuracy(truth, turns) > 0.95
    assert len({turn.speaker for turn in turns}) == 2
