"""Voices told apart, joined with faces, and words given to whom said them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from benchmarks import synthetic_speech
from benchmarks.speakers import agreement
from carmic_assets.model.speech import Transcript, Turn, Word
from carmic_assets.speech import audio_reader, diarisation, voice_activity
from carmic_assets.speech.clip_words import assign
from carmic_assets.speech.speaker_turns import join

ROUND = (("A", 4.0), ("B", 3.0), ("A", 2.0), ("B", 5.0))  # who talks for how long, again and again


def conversation(voice_of: dict[str, str], rounds: int = 6) -> tuple[Transcript, list[tuple[float, float, str]]]:
    """Turns of A and B with half a second between, four words a second; `voice_of` says how each one sounds."""
    truth, words, turns, t = [], [], [], 0.5
    for who, seconds in ROUND * rounds:
        truth.append((t, t + seconds, who))
        words += [Word("word", t + i / 4, t + i / 4 + 0.2, 0.9) for i in range(int(seconds * 4))]
        turns.append(Turn(t, t + seconds, voice_of[who]))
        t += seconds + 0.5
    spans = tuple((start, end) for start, end, _ in truth)
    return Transcript("en", 1.0, "made", t, t - 1, tuple(words), tuple(turns), spans), truth


def faces(truth, tracks: dict[str, int], *, clear: float, gone=(), seed: int = 1) -> pl.DataFrame:
    """A matrix with lips that tell the speaker: `clear` 1 always, 0 never. `gone` are stretches without any face."""
    rng = np.random.default_rng(seed)
    rows = []
    for t in np.arange(0, truth[-1][1], 0.2):
        for who, track in tracks.items():
            speaks = any(start <= t < end and speaker == who for start, end, speaker in truth)
            odds = clear * (3 if speaks else -4) + (1 - clear) * 3 * rng.standard_normal()
            if not any(start <= t < end for start, end in gone):
                rows.append({"t": float(t), "track": track, "speaking": float(1 / (1 + np.exp(-odds)))})
    return pl.DataFrame(rows, schema={"t": pl.Float64, "track": pl.Int32, "speaking": pl.Float32})


def right(truth, speakers) -> float:
    return agreement(truth, [(turn.start_s, turn.end_s, turn.speaker) for turn in speakers.turns])[0]


def test_lips_decide_where_all_voices_sound_alike():
    transcript, truth = conversation({"A": "A", "B": "A"})
    speakers = join(transcript, faces(truth, {"A": 4, "B": 9}, clear=0.8))
    assert right(truth, speakers) > 0.95
    assert speakers.tracks == {"A": (4,), "B": (9,)}


def test_voices_decide_where_lips_say_nothing():
    transcript, truth = conversation({"A": "B", "B": "A"})
    speakers = join(transcript, faces(truth, {"A": 4, "B": 9}, clear=0.1))
    assert right(truth, speakers) > 0.95


def test_a_speaker_is_known_while_out_of_the_picture():
    transcript, truth = conversation({"A": "A", "B": "B"})
    speakers = join(transcript, faces(truth, {"A": 4, "B": 9}, clear=1, gone=((20, 40),)))
    assert right(truth, speakers) > 0.95
    assert {turn.track for turn in speakers.turns if turn.start_s > 21 and turn.end_s < 39} == {None}


def test_who_is_never_seen_is_off_screen():
    transcript, truth = conversation({"A": "A", "B": "B"})
    speakers = join(transcript, faces(truth, {"B": 9}, clear=1))
    assert right(truth, speakers) > 0.95
    assert speakers.tracks == {"A": (), "B": (9,)}


def test_tracks_of_one_voice_that_are_never_together_are_one_person():
    transcript, truth = conversation({"A": "A", "B": "B"})
    whole = faces(truth, {"A": 4, "B": 9}, clear=1)
    later = pl.col("t") > 30
    lost = whole.with_columns(pl.when(later).then(pl.col("track") + 100).otherwise(pl.col("track")).alias("track"))
    speakers = join(transcript, lost)
    assert {letter: set(tracks) for letter, tracks in speakers.tracks.items()} == {"A": {4, 104}, "B": {9, 109}}


def test_without_faces_or_words_it_still_answers():
    transcript, truth = conversation({"A": "A", "B": "B"})
    none = faces(truth, {}, clear=1)
    assert right(truth, join(transcript, none)) > 0.95
    assert join(Transcript("en", 1.0, "made", 9.0, 0.0, (), (), ()), none).turns == ()


def test_turns_are_in_order_apart_and_lettered_by_first_appearance():
    transcript, truth = conversation({"A": "F", "B": "C"})
    turns = join(transcript, faces(truth, {"A": 4, "B": 9}, clear=0.5)).turns
    assert all(a.start_s < a.end_s <= b.start_s for a, b in pairwise(turns))
    assert [turn.speaker for turn in turns[:2]] == ["A", "B"]


def test_words_go_to_whom_said_them():
    turns = (Turn(0.0, 2.0, "A"), Turn(2.0, 5.0, "B"), Turn(9.0, 10.0, "A"))
    words = [Word(str(i), start, start + 0.4, 1.0) for i, start in enumerate((0.1, 1.7, 1.9, 4.0, 6.0, 8.7, 11.0))]
    assert [word.speaker for word in assign(words, turns)] == ["A", "A", "B", "B", "B", "A", "A"]
    assert assign(words[:1], ())[0].speaker is None


@pytest.mark.parametrize("pauses_s", [(0.05, 0.6, 0.25, 1.2, 2.5), (0.2, 0.5, 0.1)])
def test_voices_are_told_apart_by_sound_alone(tmp_path, pauses_s):
    """Where people answer at once a voice print held both of them, and a third voice was heard."""
    samples, _, truth = synthetic_speech.talk(voices=("en-us", "en-us+f3"), pauses_s=pauses_s)
    with audio_reader.opened(synthetic_speech.write(tmp_path / "two.wav", samples)) as heard:
        likely = voice_activity.probabilities(heard)
        turns = diarisation.turns(heard, voice_activity.spans(likely), voice_activity.phrases(likely))
    found = [(turn.start_s, turn.end_s, turn.speaker) for turn in turns]
    assert agreement(truth, found)[0] > 0.95
    assert len({turn.speaker for turn in turns}) == 2
