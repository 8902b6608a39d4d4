"""Who speaks when: voices alone on real and made conversations, voices with faces on talk videos with known turns.

    python -m benchmarks.speakers [talk.mp4 ...]

Each talk has its truth beside it (`talk.truth.json`, as `../shared/tools/make_talk.py` writes it). Without one, three
are made from seeds that nothing was tuned on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import synthetic_speech
from carmic_assets.model.speech import Speakers, Turn
from carmic_assets.speech import audio_reader, diarisation, voice_activity

SHARED = Path(__file__).resolve().parents[2] / "shared"
SEEDS = (301, 302, 303)
Said = tuple[float, float, str]  # start, end, who


def main(talks: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _voices(Path(folder))
        for talk in [Path(name) for name in talks] or _made(Path(folder)):
            _talk(talk, Path(folder))


def _voices(folder: Path) -> None:
    samples, _, turns = synthetic_speech.talk(voices=("en-us", "en-us+f3"), pauses_s=(0.2, 0.5, 0.1))
    conversations = {synthetic_speech.write(folder / "made.wav", samples): turns}
    if SHARED.is_dir():
        rows = [line.split() for line in (SHARED / "data/audio/ami/debug.development.rttm").read_text().splitlines()]
        for name in ("dev00", "dev01"):
            path = SHARED / f"data/audio/ami/{name}.wav"
            conversations[path] = [(float(r[3]), float(r[3]) + float(r[4]), r[7]) for r in rows if r[1] == name]
    for path, truth in conversations.items():
        with audio_reader.opened(path) as heard:
            likely = voice_activity.probabilities(heard)
            speech, phrases = voice_activity.spans(likely), voice_activity.phrases(likely)
            diarisation.turns(heard, speech[:1], phrases)  # warm
            cpu = time.process_time()
            turns_found = diarisation.turns(heard, speech, phrases)
            cpu = time.process_time() - cpu
            length = heard.length_s
        found = [(turn.start_s, turn.end_s, turn.speaker) for turn in turns_found]
        right, heard_share = agreement(truth, found)
        _say(
            f"voices   {path.stem:8} {len({t[2] for t in truth})} people, {len({t[2] for t in found})} found; right in "
            f"{100 * right:.1f} % of single speech ({100 * heard_share:.1f} % of it heard); CPU {cpu / length:.4f} x"
        )


def agreement(truth: Sequence[Said], found: Sequence[Said], step_s: float = 0.01) -> tuple[float, float]:
    """Share of the time in which exactly one person speaks that has the right voice, under the best one-to-one naming,
    and the share that has any voice."""
    from scipy.optimize import linear_sum_assignment

    steps = int(max(end for _, end, _ in truth) / step_s) + 1
    people, names = sorted({who for *_, who in truth}), sorted({who for *_, who in found})
    true, count, got = np.full(steps, -1), np.zeros(steps, int), np.full(steps, -1)
    for start, end, who in truth:
        true[int(start / step_s) : int(end / step_s)] = people.index(who)
        count[int(start / step_s) : int(end / step_s)] += 1
    for start, end, who in found:
        got[int(start / step_s) : int(end / step_s)] = names.index(who)
    single = count == 1
    table = np.array(
        [[(single & (true == i) & (got == j)).sum() for j in range(len(names))] for i in range(len(people))]
    )
    rows, columns = linear_sum_assignment(-table)
    return table[rows, columns].sum() / single.sum(), (got[single] >= 0).mean()


def _made(folder: Path) -> list[Path]:
    if not SHARED.is_dir():
        _say("../shared is not here: no talk videos")
        return []
    videos = []
    for seed in SEEDS:
        video = folder / f"talk_{seed}.mp4"
        command = [
            sys.executable,
            str(SHARED / "tools/make_talk.py"),
            "--clips",
            str(SHARED / "data/video"),
            "--pauses",
        ]
        command += ["--out", str(video), "--seconds", "60", "--seed", str(seed), "--size", "1280x720"]
        subprocess.run(command, check=True, capture_output=True)
        videos.append(video)
    return videos


def _talk(video: Path, folder: Path) -> None:
    from carmic_assets.media.analysis import AUDIO_NAME, FRAMES_NAME, analyse
    from carmic_assets.media.probe import probe
    from carmic_assets.speech.speaker_turns import join
    from carmic_assets.speech.transcription import transcribe
    from carmic_assets.vision.spatial_matrix import build_matrix

    out = folder / video.stem
    out.mkdir()
    analysis = analyse(video, probe(video), out)
    transcript = transcribe(out / AUDIO_NAME, language="en")
    matrix = build_matrix(out / FRAMES_NAME, out / AUDIO_NAME, analysis, transcript).matrix
    cpu = time.process_time()
    speakers = join(transcript, matrix, analysis)
    cpu = time.process_time() - cpu
    truth = json.loads(video.with_suffix(".truth.json").read_text())
    owners = _owners(truth, matrix)
    for name, turns in (("voices and faces", speakers), ("voices alone", join(transcript, matrix.clear(), analysis))):
        everywhere, in_view, tracked = judge(truth, turns, owners)
        _say(
            f"{video.stem}: {name:16} right in {100 * everywhere:.1f} % of spoken time, {100 * in_view:.1f} % with all "
            f"in view; right track in {100 * tracked:.1f} % of the time that the speaker is seen; join {cpu:.2f} CPU s"
        )


def judge(truth: dict, speakers: Speakers, owners: dict[int, str]) -> tuple[float, float, float]:
    """Shares of spoken time: right person; the same where all are in view; right track where the speaker is seen."""
    person = _persons(truth, speakers, owners)
    tallies = np.zeros((3, 2))
    for said in truth["speaking"]:
        for t in np.arange(said["start"], said["end"], 0.02):
            turn = next((turn for turn in speakers.turns if turn.start_s <= t < turn.end_s), None)
            shot = next(shot for shot in truth["shots"] if shot["start"] <= t < shot["end"])
            right = turn is not None and person[turn.speaker] == said["person"]
            tracked = turn is not None and any(
                owners.get(track) == said["person"] for track in (turn.track, *speakers.tracks[turn.speaker])
            )
            tallies[0] += (right, 1)
            tallies[1] += (right, 1) if len(shot["visible"]) == len(truth["people"]) else (0, 0)
            tallies[2] += (tracked, 1) if said["person"] in shot["visible"] else (0, 0)
    shares = tallies[:, 0] / np.maximum(tallies[:, 1], 1)
    return float(shares[0]), float(shares[1]), float(shares[2])


def _persons(truth: dict, speakers: Speakers, owners: dict[int, str]) -> dict[str, str | None]:
    """Letter -> person: by the tracks where it has some, else by whom it overlaps most."""
    named: dict[str, str | None] = {}
    for letter, tracks in speakers.tracks.items():
        known = [owners[track] for track in tracks if track in owners]
        shared = {
            who: sum(
                _overlap(turn, s)
                for turn in speakers.turns
                if turn.speaker == letter
                for s in truth["speaking"]
                if s["person"] == who
            )
            for who in truth["people"]
        }
        named[letter] = max(set(known), key=known.count) if known else max(shared, key=lambda who: shared[who])
    return named


def _overlap(turn: Turn, said: dict) -> float:
    return max(min(turn.end_s, said["end"]) - max(turn.start_s, said["start"]), 0.0)


def _owners(truth: dict, matrix) -> dict[int, str]:
    """Track -> the person whose true face it lies on most often."""
    width, height = truth["size"]
    votes: dict[int, dict[str, int]] = {}
    for row in matrix.iter_rows(named=True):
        x, y = row["x"] + row["w"] / 2, row["y"] + row["h"] / 2
        for who, faces in truth["faces"].items():
            for face in faces:
                left, top, w, h = face["box"]
                inside = left < x * width < left + w and top - 0.3 * h < y * height < top + 1.3 * h
                if abs(face["t"] - row["t"]) < 0.11 and inside:
                    votes.setdefault(row["track"], {}).setdefault(who, 0)
                    votes[row["track"]][who] += 1
    return {track: max(seen, key=lambda who: seen[who]) for track, seen in votes.items()}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
