"""Measures the accuracy of diarisation from voices alone, and from voices and faces together.

    python -m benchmarks.speakers [TALK.mp4 ...]

Voices are measured on synthetic and on recorded conversations, voices with faces on talk videos with their ground truth
beside them (`TALK.truth.json`). Without a talk, two are composed from seeds that nothing was tuned on.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

from benchmarks import synthetic_speech
from benchmarks.harness import RECORDINGS, measure_usage, print_line
from benchmarks.talk_videos import GroundTruth, compose_talk, read_ground_truth
from carmic_assets.media.analysis import AUDIO_FILENAME, FRAMES_FILENAME, analyse
from carmic_assets.media.probe import probe
from carmic_assets.model.speech import Speakers, Turn
from carmic_assets.speech import audio_reader, diarisation, voice_activity
from carmic_assets.speech.speaker_turns import resolve_speakers
from carmic_assets.speech.transcription import TranscriptionOptions, transcribe
from carmic_assets.vision.spatial_matrix import build_matrix

SEEDS = (301, 302)
AMI_RECORDINGS = ("dev00", "dev01")
STEP_S = 0.02  # interval at which talks are evaluated
FACE_TIME_TOLERANCE_S = 0.11  # maximum time between a tracked box and a ground-truth face

LabelledTurn = tuple[float, float, str]  # start, end, person or speaker label


def main(talks: Sequence[str]) -> None:
    """Measure voices alone, then voices with faces."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, truth in list_conversations(folder):
            print_voice_accuracy(path, truth)
        for talk in [Path(talk) for talk in talks] or _compose_talks(folder):
            print_talk_accuracy(talk, folder)


def list_conversations(folder: Path) -> Iterator[tuple[Path, list[LabelledTurn]]]:
    """Yield audio files with ground-truth turns: a synthetic conversation and, if present, two of the AMI corpus."""
    samples, _, turns = synthetic_speech.synthesise_talk(voices=("en-us", "en-us+f3"), pauses_s=(0.2, 0.5, 0.1))
    yield synthetic_speech.write_wav(folder / "synthetic.wav", samples), turns
    if RECORDINGS.is_dir():
        rttm = (RECORDINGS / "data/audio/ami/debug.development.rttm").read_text()
        rows = [line.split() for line in rttm.splitlines()]  # columns: type, file, channel, start, length, ..., speaker
        for recording in AMI_RECORDINGS:
            true_turns = [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows if row[1] == recording]
            yield RECORDINGS / f"data/audio/ami/{recording}.wav", true_turns


def print_voice_accuracy(path: Path, truth: Sequence[LabelledTurn]) -> None:
    """Diarise an audio file and print the accuracy."""
    with audio_reader.open_audio(path) as audio:
        probabilities = voice_activity.compute_speech_probabilities(audio)
        speech, phrases = voice_activity.find_speech(probabilities), voice_activity.find_phrases(probabilities)
        diarisation.diarise(audio, speech[:1], phrases)  # loads the model
        with measure_usage() as usage:
            turns = diarisation.diarise(audio, speech, phrases)
        duration_s = audio.duration_s
    hypothesis = [(turn.start_s, turn.end_s, turn.speaker) for turn in turns]
    accuracy, coverage = measure_agreement(truth, hypothesis)
    print_line(
        f"voices   {path.stem:10} {len({turn[2] for turn in truth})} people, {len({turn[2] for turn in hypothesis})} "
        f"speakers; {100 * accuracy:.1f} % of single-speaker time correct, {100 * coverage:.1f} % covered; "
        f"CPU {usage.cpu_s / duration_s:.4f} x real time"
    )


def measure_agreement(
    truth: Sequence[LabelledTurn], hypothesis: Sequence[LabelledTurn], step_s: float = 0.01
) -> tuple[float, float]:
    """Return two shares of the time in which exactly one person speaks: correctly labelled, and labelled at all.

    Labels are mapped to people one to one so that the first share is highest.
    """
    steps = int(max(end_s for _, end_s, _ in truth) / step_s) + 1
    people = sorted({person for *_, person in truth})
    labels = sorted({label for *_, label in hypothesis})
    person_at, label_at, speaker_count = np.full(steps, -1), np.full(steps, -1), np.zeros(steps, int)
    for start_s, end_s, person in truth:
        interval = slice(int(start_s / step_s), int(end_s / step_s))
        person_at[interval] = people.index(person)
        speaker_count[interval] += 1
    for start_s, end_s, label in hypothesis:
        label_at[int(start_s / step_s) : int(end_s / step_s)] = labels.index(label)
    is_single = speaker_count == 1
    confusion = np.array(
        [
            [(is_single & (person_at == i) & (label_at == j)).sum() for j in range(len(labels))]
            for i in range(len(people))
        ]
    )
    rows, columns = linear_sum_assignment(-confusion)
    return confusion[rows, columns].sum() / is_single.sum(), (label_at[is_single] >= 0).mean()


def _compose_talks(folder: Path) -> list[Path]:
    return [compose_talk(folder / f"talk_{seed}.mp4", seed=seed, size="640x360", has_pauses=True) for seed in SEEDS]


def print_talk_accuracy(video: Path, folder: Path) -> None:
    """Resolve the speakers of a talk with and without faces and print both accuracies."""
    out = folder / video.stem
    out.mkdir()
    analysis = analyse(video, probe(video), out)
    transcript = transcribe(out / AUDIO_FILENAME, TranscriptionOptions(language="en"))
    matrix = build_matrix(out / FRAMES_FILENAME, out / AUDIO_FILENAME, analysis, transcript).matrix
    truth = read_ground_truth(video)
    person_by_track = _match_tracks(truth, matrix)
    for name, tracks in (("voices and faces", matrix), ("voices alone", matrix.clear())):
        with measure_usage() as usage:
            speakers = resolve_speakers(transcript, tracks, analysis)
        correct, in_view, tracked = judge_speakers(truth, speakers, person_by_track)
        print_line(
            f"{video.stem}: {name:16} {100 * correct:.1f} % of spoken time correct, {100 * in_view:.1f} % where all "
            f"people are in view; correct track in {100 * tracked:.1f} % of the time in which the speaker is in view; "
            f"{usage.cpu_s:.2f} s CPU"
        )


def judge_speakers(
    truth: GroundTruth, speakers: Speakers, person_by_track: dict[int, str]
) -> tuple[float, float, float]:
    """Return three shares of the spoken time.

    Returns:
        The correct person of all spoken time; the same of the time in which all people are in view; the correct track
        of the time in which the speaker is in view.
    """
    person_by_speaker = _match_speakers(truth, speakers, person_by_track)
    tallies = np.zeros((3, 2))
    for true_turn in truth["speaking"]:
        person = true_turn["person"]
        for t in np.arange(true_turn["start"], true_turn["end"], STEP_S):
            turn = next((turn for turn in speakers.turns if turn.start_s <= t < turn.end_s), None)
            shot = next(shot for shot in truth["shots"] if shot["start"] <= t < shot["end"])
            is_correct = turn is not None and person_by_speaker[turn.speaker] == person
            is_tracked = turn is not None and any(
                track is not None and person_by_track.get(track) == person
                for track in (turn.track, *speakers.tracks[turn.speaker])
            )
            tallies[0] += (is_correct, 1)
            tallies[1] += (is_correct, 1) if len(shot["visible"]) == len(truth["people"]) else (0, 0)
            tallies[2] += (is_tracked, 1) if person in shot["visible"] else (0, 0)
    shares = tallies[:, 0] / np.maximum(tallies[:, 1], 1)
    return float(shares[0]), float(shares[1]), float(shares[2])


def _match_speakers(truth: GroundTruth, speakers: Speakers, person_by_track: dict[int, str]) -> dict[str, str]:
    """Map each speaker label to a person: by its tracks if it has any, else by the longest overlap of turns."""
    person_by_speaker: dict[str, str] = {}
    for speaker, tracks in speakers.tracks.items():
        people = [person_by_track[track] for track in tracks if track in person_by_track]
        overlap_s = dict.fromkeys(truth["people"], 0.0)
        for turn in speakers.turns:
            for true_turn in truth["speaking"] if turn.speaker == speaker else ():
                overlap_s[true_turn["person"]] += _overlap_s(turn, true_turn)
        person_by_speaker[speaker] = (
            max(set(people), key=people.count) if people else max(overlap_s, key=lambda person: overlap_s[person])
        )
    return person_by_speaker


def _overlap_s(turn: Turn, true_turn: GroundTruth) -> float:
    return float(max(min(turn.end_s, true_turn["end"]) - max(turn.start_s, true_turn["start"]), 0.0))


def _match_tracks(truth: GroundTruth, matrix: pl.DataFrame) -> dict[int, str]:
    """Map each track to the person whose ground-truth face it covers most often."""
    width, height = truth["size"]
    votes: dict[int, dict[str, int]] = {}
    for row in matrix.iter_rows(named=True):
        x, y = row["x"] + row["w"] / 2, row["y"] + row["h"] / 2
        for person, faces in truth["faces"].items():
            for face in faces:
                left, top, w, h = face["box"]
                is_inside = left < x * width < left + w and top - 0.3 * h < y * height < top + 1.3 * h
                if abs(face["t"] - row["t"]) < FACE_TIME_TOLERANCE_S and is_inside:
                    track_votes = votes.setdefault(row["track"], {})
                    track_votes[person] = track_votes.get(person, 0) + 1
    return {track: max(counts, key=lambda person: counts[person]) for track, counts in votes.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
