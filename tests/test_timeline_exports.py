"""Exports of a timeline for editing programs, and the way back. Cuts are read by the number that a frame shows."""

from __future__ import annotations

import json
import re
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import opentimelineio as otio
import pytest

import exports_readback as readback
import media_files
from api_server import Server
from carmic_assets.editing import colour_grade
from carmic_assets.editing.asc_cdl import to_color_decision
from carmic_assets.exports.fcpxml_lint import lint_fcpxml
from carmic_assets.model.speech import Word
from carmic_assets.model.timeline import Grade
from resources.timeline_assets import asset_prefix
from timeline_client import TimelineClient

GRADE = {"brightness": 0.1, "contrast": 0.2, "saturation": -0.3, "temperature": 0.4, "gamma": 0.1}
TALL_BOX = (80 / 640, 0.0, 480 / 640, 1.0)  # 4:3 between bars
# The cut of `project`: file, first frame in it, and the half-open frame range on the sequence. None is a gap.
CUT = [
    ("wide.mp4", 100, 0, 50),
    (None, 0, 50, 75),
    ("wide.mp4", 25, 75, 100),  # graded
    ("tall.mp4", 31, 100, 150),  # 50 frames a second, so 100 frames
]


@pytest.fixture(scope="module")
def client(server: Server) -> TimelineClient:
    return TimelineClient(server.create_member())


@pytest.fixture(autouse=True)
def run_in_process(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that the test executes itself use the server's home."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)


@pytest.fixture(scope="module")
def project(client: TimelineClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A project of two files with different rates, sizes and channels, a gap and a graded segment."""
    folder = tmp_path_factory.mktemp("footage")
    wide = media_files.write_numbered_video(folder / "wide.mp4", seconds=8)
    tall = media_files.write_numbered_video(
        folder / "tall.mp4", seconds=3, fps=Fraction(50), size=(640, 480), sound=False
    )
    project = client.create_project(wide, tall)
    first, second = project["segments"]
    halves = client.edit(first["id"], "split", split_ts=4)
    middle = client.edit(halves["left"]["id"], "split", split_ts=2)
    client.edit(middle["left"]["id"], "trim", new_start_ts=1, new_end_ts=2)
    client.edit(middle["right"]["id"], "trim", new_start_ts=2, new_end_ts=3)
    client.call("DELETE", f"/segment/{middle['right']['id']}?ripple=false")
    client.edit(halves["right"]["id"], "trim", new_start_ts=4, new_end_ts=6)
    client.edit(halves["right"]["id"], "reorder", order_index=0)
    client.edit(second["id"], "trim", new_start_ts=0.62, new_end_ts=2.62)
    client.edit(middle["left"]["id"], "reorder", order_index=2)
    client.edit(middle["left"]["id"], "color-grade", **GRADE)
    return client.get_project(project["id"])


def read_media(archive: zipfile.ZipFile, folder: Path) -> dict[str, list[np.ndarray]]:
    """Return the frames of each packed media file."""
    archive.extractall(folder)
    return {path.name: media_files.decode_frames(path) for path in (folder / "media").iterdir()}


def number_at(frames: list[np.ndarray], source_s: Fraction, rate: int) -> int:
    return media_files.read_frame_number(frames[round(source_s * rate)])


def check_cut(sequence: readback.ReadSequence, media: dict[str, list[np.ndarray]], slack: int = 0) -> None:
    """Check every boundary of the cut: the first and the last frame of each item show the right number.

    `slack` is the number of frames by which the one item of 50 frames a second may differ.
    """
    (track,) = sequence.tracks
    assert (sequence.rate, sequence.width, sequence.height, sequence.frames) == (25, 640, 360, 150)
    assert [(start, end) for start, end, _, _ in track] == [(s, e) for name, _, s, e in CUT if name]
    for (start, end, file, source_s), (_, first, _, _) in zip(track, [c for c in CUT if c[0]], strict=True):
        rate = 50 if "tall" in file else 25
        allowed = slack if rate == 50 else 0
        assert abs(number_at(media[file], source_s, rate) - first) <= allowed
        last_s = source_s + Fraction(end - start - 1, 25)
        assert abs(number_at(media[file], last_s, rate) - first - (end - start - 1) * rate // 25) <= allowed
    assert sequence.pictures_at(60) == []
    (picture,) = sequence.pictures_at(120)  # 4:3 between bars
    assert (picture.left, picture.top) == pytest.approx((80, 0), abs=0.5)
    assert (picture.width, picture.height) == pytest.approx((480, 360), abs=0.5)


@pytest.mark.parametrize("target", ["premiere", "davinci", "fcpx", "after_effects"])
def test_a_package_is_the_cut_as_its_program_reads_it(
    client: TimelineClient, project: dict[str, Any], target: str, tmp_path: Path
) -> None:
    export, path = client.export(project["id"], tmp_path, format=target)
    assert export["size"] == path.stat().st_size and export["facts"]["frames"] == 150
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(export["facts"]["files"])
        media = read_media(archive, tmp_path / target)
        texts = {name: archive.read(name).decode() for name in archive.namelist() if not name.startswith("media/")}
    files = {Path(name).suffix: text for name, text in texts.items()}
    if target in ("premiere", "davinci"):
        sequence = readback.read_xmeml(files[".xml"])
        check_cut(sequence, media, slack=1)  # the format counts positions in frames of the sequence
        voices = sequence.extra["sequence"].findall("media/audio/track")
        assert [len(track.findall("clipitem")) for track in voices] == [2]  # one file is silent
    if target in ("davinci", "fcpx"):
        assert lint_fcpxml(files[".fcpxml"]) == []
        check_cut(readback.read_fcpxml(files[".fcpxml"]), media)
    if target == "after_effects":
        sizes = {name: {"audio": "wide" in name, "width": f[0].shape[1], "height": f[0].shape[0]}
                 for name, f in media.items()}  # fmt: skip
        check_cut(readback.read_after_effects(files[".jsx"], sizes, Fraction(25)), media)
    assert "LUT_3D_SIZE 33" in texts["grades/grade-1.cube"]
    assert "Grade grades/grade-1.cube: brightness 0.1" in (files.get(".xml") or files.get(".fcpxml") or files[".jsx"])
    assert "LUT" in texts["README.txt"] and "{stem}" not in texts["README.txt"]


def test_a_baked_package_holds_the_graded_frames(
    client: TimelineClient, project: dict[str, Any], tmp_path: Path
) -> None:
    export, path = client.export(project["id"], tmp_path, format="fcpx", bake=True)
    assert not any("grades/" in name for name in export["facts"]["files"])
    with zipfile.ZipFile(path) as archive:
        media = read_media(archive, tmp_path / "baked")
        text = next(archive.read(name).decode() for name in archive.namelist() if name.endswith(".fcpxml"))
    sequence = readback.read_fcpxml(text)
    check_cut(sequence, media)
    graded = media[sequence.pictures_at(80)[0].file]
    preview = client.frame(project["id"], 80 / 25, quality="source", format="png")
    assert np.abs(graded[5].astype(float) - preview).mean() < 3.0  # the encoders' own losses
    refused = client.request("POST", "/export", {"project_id": project["id"], "format": "otio", "bake": True})
    assert refused.status_code == 422 and "`bake`" in refused.json()["error"]
    assert client.request("POST", "/export", {"project_id": project["id"], "format": "avi"}).status_code == 400


def test_otio_goes_out_and_comes_back_without_loss(
    client: TimelineClient, project: dict[str, Any], tmp_path: Path
) -> None:
    _, path = client.export(project["id"], tmp_path, format="otio")
    document = json.loads(path.read_text())
    timeline = otio.adapters.read_from_file(str(path))
    picture, sound = timeline.tracks
    assert picture.duration().to_seconds() == sound.duration().to_seconds() == pytest.approx(6.0)
    clips = list(picture.find_clips())
    assert [clip.source_range.start_time.value for clip in clips] == [100, 25, 31]  # in frames of each file
    assert clips[1].metadata["cdl"]["asc_sat"] == pytest.approx(0.7)
    for file_name in ("wide.mp4", "tall.mp4"):
        assert sum(clip.media_reference.target_url == f"./{file_name}" for clip in clips) == (file_name[0] == "w") + 1
    before = client.get_project(project["id"])["segments"]
    client.call("DELETE", f"/segment/{before[0]['id']}")
    client.call("DELETE", f"/segment/{before[3]['id']}")
    changed = client.get_project(project["id"])
    answer = client.call("POST", f"/project/{project['id']}/otio", {"otio": document})
    after = answer["project"]["segments"]
    fields = ("start_ts", "end_ts", "source", "effects", "asset_id", "timeline_start", "timeline_end", "order_index")
    assert [{f: s[f] for f in fields} for s in after] == [
        {f: s[f] for f in fields if f not in ("start_ts", "end_ts")}
        | {f: s[f] - (s["start_ts"] if s["source"] == "gap" else 0) for f in ("start_ts", "end_ts")}
        for s in before
    ]
    assert answer["project"]["revision"] == changed["revision"] + 1
    assert media_files.read_frame_number(client.frame(project["id"], 4.0), TALL_BOX) == 31
    assert client.call("POST", f"/project/{project['id']}/undo")["segments"] == changed["segments"]
    for _ in range(2):
        restored = client.call("POST", f"/project/{project['id']}/undo")
    assert restored["segments"] == before


def test_otio_of_another_program_finds_its_footage_by_name(client: TimelineClient, project: dict[str, Any]) -> None:
    def clip(name: str, start: float, frames: float, rate: float = 24.0) -> otio.schema.Clip:
        reference = otio.schema.ExternalReference(f"file:///Volumes/Raid/{name}")
        seconds = otio.opentime.TimeRange(
            otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(frames, rate)
        )
        return otio.schema.Clip("shot", reference, seconds)

    def put(*items: object) -> Any:  # noqa: ANN401 - an httpx response
        timeline = otio.schema.Timeline("Cut")
        timeline.tracks.append(otio.schema.Track("V1", items, kind=otio.schema.TrackKind.Video))
        document = json.loads(timeline.to_json_string())
        return client.request("POST", f"/project/{project['id']}/otio", {"otio": document})

    answer = put(clip("wide.mp4", 24, 48), otio.schema.Transition("dissolve"), clip("tall.mp4", 12, 24)).json()
    assert [(s["start_ts"], s["end_ts"]) for s in answer["project"]["segments"]] == [(1.0, 3.0), (0.5, 1.5)]
    assert answer["notes"] == ["Transitions became cuts."]
    assert media_files.read_frame_number(client.frame(project["id"], 2.0), TALL_BOX) == 25
    client.call("POST", f"/project/{project['id']}/undo")
    fast = clip("wide.mp4", 0, 24)
    fast.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    for items, phrase in (
        ([clip("missing.mov", 0, 24)], "no footage named missing.mov"),
        ([clip("wide.mp4", 0, 24 * 60)], "which is 8 s long"),
        ([fast], "changes the speed"),
        ([clip("wide.mp4", 0, 24, rate=0)], "valid range"),
        ([otio.schema.Gap(duration=otio.opentime.RationalTime(24 * 3600 * 13, 24))], "hours long"),
        ([otio.schema.Stack("nested")], "nested sequence"),
        ([], "no clip"),
    ):
        response = put(*items)
        assert response.status_code == 422 and phrase in response.json()["error"], response.text
    for document in ({}, {"OTIO_SCHEMA": "Clip.2"}, {"OTIO_SCHEMA": 7}, {"OTIO_SCHEMA": "Timeline.1", "tracks": 3}):
        response = client.request("POST", f"/project/{project['id']}/otio", {"otio": document})
        assert response.status_code == 422 and response.json()["error"].startswith("`otio`"), response.text
    stranger = TimelineClient(client.member.server.create_member())
    assert stranger.request("POST", f"/project/{project['id']}/otio", {"otio": {}}).status_code == 404


def test_an_edl_names_every_cut_and_the_grade(client: TimelineClient, project: dict[str, Any], tmp_path: Path) -> None:
    _, path = client.export(project["id"], tmp_path, format="edl")
    text = path.read_text()
    events = re.findall(r"^(\d{3})  (\S+)\s+(\S+)\s+C\s+(\S+) (\S+) (\S+) (\S+)$", text, re.MULTILINE)
    assert [event[1:] for event in events] == [
        ("R001", "B", "00:00:04:00", "00:00:06:00", "01:00:00:00", "01:00:02:00"),
        ("BL", "V", "00:00:00:00", "00:00:01:00", "01:00:02:00", "01:00:03:00"),
        ("R001", "B", "00:00:01:00", "00:00:02:00", "01:00:03:00", "01:00:04:00"),
        ("R002", "V", "00:00:00:16", "00:00:02:16", "01:00:04:00", "01:00:06:00"),
    ]
    sop = re.search(r"\* ASC_SOP: \((.*?)\)\((.*?)\)\((.*?)\)", text)
    saturation = re.search(r"\* ASC_SAT: (\S+)", text)
    assert sop is not None and saturation is not None and text.count("ASC_SAT") == 1
    # Computed as the ASC defines it, the decision is the grade itself.
    slope, offset, power = (np.array([float(v) for v in sop[n].split()]) for n in (1, 2, 3))
    colours = np.random.default_rng(3).random((500, 3))
    graded = np.clip(colours * slope + offset, 0, 1) ** power
    luma = (graded @ colour_grade.LUMA)[:, None]
    graded = np.clip(luma + float(saturation[1]) * (graded - luma), 0, 1)
    assert np.abs(graded - colour_grade.apply(Grade(**GRADE), colours)).max() < 1e-4
    assert to_color_decision(Grade(hue_shift=5)) is None


def test_subtitles_follow_the_cut(client: TimelineClient, project: dict[str, Any], tmp_path: Path) -> None:
    asset = project["assets"][0]
    workspace = client.member.workspace_id
    words = [Word(f"word{n}.", n, n + 0.5, 1.0) for n in range(8)]
    key = asset_prefix(workspace, project["id"], asset["id"]) + "transcript.json"
    client.platform.store.put_bytes(key, msgspec.json.encode({"words": words}), "application/json")
    _, path = client.export(project["id"], tmp_path, format="srt")
    cues = re.findall(r"(\S+) --> (\S+)\n(.*)", path.read_text())
    assert [(start, text) for start, _, text in cues] == [
        ("00:00:00,000", "word4."),
        ("00:00:01,000", "word5."),
        ("00:00:03,000", "word1."),
    ]
