"""The spatial matrix of a talk with known truth: who is where, whose lips move, and what others are given of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest

from carmic_assets.media.analysis import AUDIO_NAME, FRAMES_NAME, analyse
from carmic_assets.media.probe import probe
from carmic_assets.model.errors import CarmicError
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from carmic_assets.model.speech import Speakers, Transcript, Turn
from carmic_assets.vision.spatial_matrix import MATRIX_FPS, Matrix, build_matrix, scene_of, to_json
from carmic_assets.vision.vision_plots import contact_sheet, speaker_timeline

SEED = 4711  # nothing was tuned on it
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def talk(shared: Path, tmp_path_factory) -> dict:
    """Half a minute of a talk of two, its truth, and all that is made of it; voices as the truth has them."""
    folder = tmp_path_factory.mktemp("talk")
    path = folder / "talk.mp4"
    command = [sys.executable, str(shared / "tools/make_talk.py"), "--clips", str(shared / "data/video")]
    options = ["--out", str(path), "--seconds", "30", "--seed", str(SEED), "--size", "1280x720"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    source = probe(path)
    facts = analyse(path, source, folder)
    spoken = tuple((s["start"], s["end"]) for s in truth["speaking"])
    voices = tuple(Turn(s["start"], s["end"], "AB"[s["person"] != "A"]) for s in truth["speaking"])
    transcript = Transcript("en", 1.0, "truth", facts.duration_s, 20.0, (), voices, spoken)
    frames, sound = folder / FRAMES_NAME, folder / AUDIO_NAME
    made = build_matrix(frames, sound, facts, transcript, weights="centerface")
    return {"truth": truth, "source": source, "facts": facts, "made": made, "transcript": transcript, "frames": frames}


@pytest.fixture
def rows(talk: dict) -> pl.DataFrame:
    """The matrix with the truth beside it: `person`, whose face the box's middle lies in, and
    whether they speak (true) or listen (false), where that is clear."""
    truth, matrix = talk["truth"], talk["made"].matrix
    width, height = truth["size"]
    person, speaks = [], []
    for row in matrix.iter_rows(named=True):
        x, y = (row["x"] + row["w"] / 2) * width, (row["y"] + row["h"] / 2) * height
        inside = [
            name
            for name, faces in truth["faces"].items()
            for t, (left, top, w, h) in ((face["t"], face["box"]) for face in faces)
            if abs(t - row["t"]) < 0.11 and left < x < left + w and top < y < top + h
        ]
        person.append(inside[0] if inside else None)
        said = [s for s in truth["speaking"] if s["start"] + 0.2 < row["t"] < s["end"] - 0.2]
        speaks.append(said[0]["person"] == person[-1] if inside and said else None)
    return matrix.with_columns(pl.Series("person", person, pl.String), pl.Series("speaks", speaks, pl.Boolean))


pytestmark = pytest.mark.slow


def test_cuts_are_the_true_ones_to_the_frame(talk: dict):
    true = [shot["start"] for shot in talk["truth"]["shots"]][1:]
    assert talk["facts"].cuts_s == pytest.approx(true, abs=0.001)


def test_each_person_is_one_track_and_every_face_is_found(talk: dict, rows: pl.DataFrame):
    assert rows["person"].null_count() == 0, "nobody else is in the picture"
    assert rows.group_by("track").agg(pl.col("person").n_unique())["person"].to_list() == [1, 1]
    true = sum(len(faces) for faces in talk["truth"]["faces"].values())
    assert rows.height >= 0.98 * true


def test_lips_of_the_speaker_move_and_those_of_the_listener_do_not(rows: pl.DataFrame):
    speaking = rows.filter("speaks")["speaking"]
    silent = rows.filter(~pl.col("speaks"))["speaking"]
    assert (speaking > 0.5).mean() > 0.9
    assert (silent < 0.5).mean() > 0.9


def test_turns_name_the_right_face(talk: dict, rows: pl.DataFrame):
    made: Matrix = talk["made"]
    face = {row["person"]: row["track"] for row in rows.iter_rows(named=True)}
    wrong = total = 0.0
    for said in talk["truth"]["speaking"]:
        for turn in made.speakers.turns:
            shared_s = max(0.0, min(turn.end_s, said["end"]) - max(turn.start_s, said["start"]))
            total += shared_s
            wrong += shared_s * (face[said["person"]] not in made.speakers.tracks[turn.speaker])
    assert total > 0 and wrong / total < 0.05
    assert set(made.matrix["speaker"].drop_nulls()) == {"A", "B"}


def test_columns_and_units_are_those_of_the_reference(talk: dict):
    matrix, facts = talk["made"].matrix, talk["facts"]
    assert matrix.schema == {
        "t": pl.Float64, "shot": pl.Int32, "track": pl.Int32, "kind": pl.String, "x": pl.Float32, "y": pl.Float32,
        "w": pl.Float32, "h": pl.Float32, "score": pl.Float32, "speaking": pl.Float32,
        "landmarks": pl.List(pl.Float32), "speaker": pl.String,
    }  # fmt: skip
    places = (matrix["t"] - facts.start_s) * MATRIX_FPS
    assert ((places - places.round()).abs() < 1e-3).all()
    for column in ("score", "speaking"):
        assert matrix[column].is_between(0, 1).all()
    assert (matrix["landmarks"].list.len() == 10).all()
    edges = [facts.start_s, *facts.cuts_s, facts.start_s + facts.duration_s]
    for t, shot in matrix.select("t", "shot").iter_rows():
        assert edges[shot] - 1e-6 <= t < edges[shot + 1]


def test_the_api_gets_a_clips_part_on_the_clips_clock(talk: dict):
    made: Matrix = talk["made"]
    part = to_json(made.matrix, 5.1, 12.3, made.facts)
    assert (part.fps, part.detector) == (MATRIX_FPS, made.facts.detector)
    times = [box.t for track in part.tracks for box in track.boxes]
    assert 0 <= min(times) < 0.2 and 7.0 < max(times) < 7.2
    assert {track.speaker for track in part.tracks} <= {"A", "B", None}


def test_the_director_gets_tracks_turns_and_cuts(talk: dict):
    made, source, facts = talk["made"], talk["source"], talk["facts"]
    assert isinstance(source, SourceFacts) and isinstance(facts, AnalysisFacts)
    scene = scene_of(made.matrix, made.speakers, source, facts)
    assert (scene.width, scene.height, scene.cuts_s) == (1280, 720, facts.cuts_s)
    assert [track.id for track in scene.tracks] == [1, 2]
    assert all(len(track.t) == len(track.speaking) == len(track.x) for track in scene.tracks)
    assert scene.turns == made.speakers.turns


def test_pictures_show_it(talk: dict):
    made, facts = talk["made"], talk["facts"]
    sheet = contact_sheet(talk["frames"], facts, made.matrix)
    assert sheet[:4] == PNG and sheet == contact_sheet(talk["frames"], facts, made.matrix)
    timeline = speaker_timeline(made.speakers, facts)
    assert timeline[:4] == PNG and timeline == speaker_timeline(made.speakers, facts)


def test_a_video_without_people_has_an_empty_matrix(shared: Path, tmp_path: Path):
    path = shared / "data/odd/autoeditor_SAR-2by3.mp4"
    source = probe(path)
    facts = analyse(path, source, tmp_path)
    made = build_matrix(tmp_path / FRAMES_NAME, None, facts, None, weights="centerface")
    assert made.matrix.is_empty() and made.speakers == Speakers((), {}) and made.facts.tracks == 0
    assert to_json(made.matrix, 0, 2, made.facts).tracks == ()
    assert scene_of(made.matrix, made.speakers, source, facts).tracks == ()
    assert contact_sheet(tmp_path / FRAMES_NAME, facts, made.matrix)[:4] == PNG
    assert speaker_timeline(made.speakers, facts)[:4] == PNG


def test_an_audio_visual_model_scores_instead_of_lips_where_its_weights_are_set(shared: Path, talk: dict):
    weights = shared / "data/models/lr_asd_pretrain_AVA.model"
    facts, sound = talk["facts"], talk["frames"].parent / AUDIO_NAME
    short = msgspec.structs.replace(facts, duration_s=8.0, frames=round(8 * facts.fps))
    made = build_matrix(talk["frames"], sound, short, None, weights="centerface", asd_weights=str(weights))
    assert made.facts.lips.startswith("LR-ASD")
    both = made.matrix.join(talk["made"].matrix, on=["t", "track"], suffix="_lips").filter(pl.col("t") < 8)
    clear = both.filter((pl.col("speaking_lips") > 0.8) | (pl.col("speaking_lips") < 0.02))
    agree = (clear["speaking"] > 0.5) == (clear["speaking_lips"] > 0.5)
    assert clear.height > 20 and agree.mean() > 0.8


def test_weights_of_something_else_are_refused(shared: Path, talk: dict):
    other = shared / "data/models/face_detection_yunet_2023mar.onnx"
    with pytest.raises(CarmicError, match="CARMIC_ASD_WEIGHTS"):
        build_matrix(talk["frames"], None, talk["facts"], None, weights="centerface", asd_weights=str(other))
