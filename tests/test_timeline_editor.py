"""The timeline editor over HTTP. Frames are identified by the number that they show."""

from __future__ import annotations

import http.server
import random
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

import media_files
from api_server import Server
from api_talk import create_analysed_project
from carmic_assets.editing import export_chunks
from carmic_assets.media.ffmpeg import locate_binary
from resources import clips, timeline_assets
from sensors.upload_ingestion import ingest_bucket_uploads
from timeline_client import TimelineClient, load_picture

SECONDS = 24  # of the numbered footage, at 25 frames a second
ZERO = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "temperature": 0.0, "gamma": 0.0, "hue_shift": 0.0}


@pytest.fixture(scope="module")
def client(server: Server) -> TimelineClient:
    return TimelineClient(server.create_member())


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media_files.write_numbered_video(tmp_path_factory.mktemp("footage") / "talk.mp4", seconds=SECONDS)


@pytest.fixture
def run_in_process(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that the test executes itself use the server's home."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)


def numbers_of(path: Path) -> list[int]:
    return [media_files.read_frame_number(frame) for frame in media_files.decode_frames(path)]


def spans_of(project: dict[str, Any]) -> list[tuple[float, float]]:
    return [(segment["start_ts"], segment["end_ts"]) for segment in project["segments"]]


def test_an_upload_is_a_segment_when_its_put_answers(client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    assert (project["status"], project["duration"], project["fps"]) == ("ready", SECONDS, 25.0)
    assert (project["width"], project["height"]) == (640, 360)
    (segment,) = project["segments"]
    assert (segment["start_ts"], segment["end_ts"], segment["source"], segment["active"]) == (0, 24, "original", True)
    assert (segment["project_id"], segment["order_index"], segment["variant_id"]) == (project["id"], 0, None)
    assert httpx.get(segment["url"].partition("#")[0], headers={"Range": "bytes=0-9"}).status_code == 206
    assert segment["url"].endswith("#t=0,24")


def test_a_file_that_is_no_video_answers_415_and_leaves_no_segment(client: TimelineClient, tmp_path: Path) -> None:
    project = client.create_project()
    assert (project["status"], project["duration"], project["segments"]) == ("empty", None, [])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + b"x" * 5000)
    sound = media_files.write_numbered_video(tmp_path / "a.mp4", seconds=1)
    response = client.upload(project["id"], broken)
    assert response.status_code == 415 and response.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"
    project = client.get_project(project["id"])
    assert (project["status"], project["segments"], project["revision"]) == ("failed", [], 0)
    assert project["assets"][0]["status"] == "failed" and project["assets"][0]["error"] == project["error"]
    assert client.upload(project["id"], sound).status_code == 200
    assert client.get_project(project["id"])["status"] == "ready"


def test_nested_splits_show_every_frame_once_in_previews(client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    segment_id = project["segments"][0]["id"]
    first = client.edit(segment_id, "split", split_ts=9.49)
    assert first["left"]["end_ts"] == first["right"]["start_ts"] == 9.48  # the nearest frame
    second = client.edit(first["right"]["id"], "split", split_ts=15.2)
    third = client.edit(second["left"]["id"], "split", split_ts=12.0)
    assert [third[side]["order_index"] for side in ("left", "right")] == [1, 2]
    project = client.get_project(project["id"])
    assert spans_of(project) == [(0.0, 9.48), (9.48, 12.0), (12.0, 15.2), (15.2, 24.0)]
    assert [segment["order_index"] for segment in project["segments"]] == [0, 1, 2, 3]
    for number in (0, 236, 237, 299, 300, 379, 380, 599):
        assert client.frame_number(project["id"], number / 25) == number
    conflict = client.request("POST", f"/segment/{segment_id}/split", {"split_ts": 3})
    assert conflict.status_code == 409
    assert all(segment["id"] in conflict.json()["error"] for segment in project["segments"])
    original = client.call("GET", f"/segment/{segment_id}")
    assert original["active"] is False and original["replaced_by"] == [first["left"]["id"], first["right"]["id"]]


def test_trims_can_be_taken_back_and_deletes_close_up_or_leave_a_gap(client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    project_id = project["id"]
    halves = client.edit(project["segments"][0]["id"], "split", split_ts=10)
    left, right = halves["left"]["id"], halves["right"]["id"]
    trimmed = client.edit(left, "trim", new_start_ts=2, new_end_ts=6)
    assert (trimmed["id"], trimmed["bounds"]) == (left, {"start_ts": 0.0, "end_ts": 10.0})
    assert client.frame_number(project_id, 0) == 50 and client.frame_number(project_id, 4.0) == 250
    for start, end, status in ((6, 2, 422), (3, 3, 422), (0, 11, 422), (-1, 5, 400), ("0", 5, 400)):
        body = {"new_start_ts": start, "new_end_ts": end}
        assert client.request("POST", f"/segment/{left}/trim", body).status_code == status, body
    client.edit(left, "trim", new_start_ts=0, new_end_ts=10)
    assert spans_of(client.get_project(project_id)) == [(0.0, 10.0), (10.0, 24.0)]
    client.edit(right, "reorder", order_index=0)
    assert client.frame_number(project_id, 0) == 250 and client.frame_number(project_id, 14) == 0
    client.edit(right, "reorder", order_index=1)
    assert client.call("DELETE", f"/segment/{left}?ripple=false") == {"deleted": True}
    gap = client.get_project(project_id)["segments"][0]
    assert (gap["source"], gap["url"], gap["timeline_end"]) == ("gap", None, 10.0)
    assert client.frame(project_id, 5).max() <= 2 and client.frame_number(project_id, 10) == 250
    assert client.call("DELETE", f"/segment/{gap['id']}") == {"deleted": True}
    assert client.call("DELETE", f"/segment/{gap['id']}") == {"deleted": True}
    assert client.frame_number(project_id, 0) == 250
    client.call("DELETE", f"/segment/{right}")
    assert client.get_project(project_id)["duration"] == 0
    assert client.request("POST", "/export", {"project_id": project_id, "format": "mp4"}).status_code == 422


def test_undo_and_redo_give_equal_json(client: TimelineClient, footage: Path) -> None:
    project_id = client.create_project(footage)["id"]
    states = [client.get_project(project_id)["segments"]]
    halves = client.edit(states[0][0]["id"], "split", split_ts=8)
    states.append(client.get_project(project_id)["segments"])
    client.edit(halves["left"]["id"], "trim", new_start_ts=1, new_end_ts=5)
    states.append(client.get_project(project_id)["segments"])
    client.edit(halves["right"]["id"], "color-grade", contrast=0.3)
    states.append(client.get_project(project_id)["segments"])
    client.call("DELETE", f"/segment/{halves['left']['id']}")
    states.append(client.get_project(project_id)["segments"])
    for state in reversed(states[:-1]):
        assert client.call("POST", f"/project/{project_id}/undo")["segments"] == state
    for state in states[1:]:
        assert client.call("POST", f"/project/{project_id}/redo")["segments"] == state
    assert client.request("POST", f"/project/{project_id}/redo").status_code == 409
    revert = client.call("POST", f"/project/{project_id}/revert", {"revision": 2})
    assert revert["segments"] == states[1]
    assert client.call("POST", f"/project/{project_id}/undo")["segments"] == states[-1]
    history = client.call("GET", f"/project/{project_id}/history")
    assert [row["revision"] for row in history] == list(range(revert["revision"] + 1, -1, -1))
    assert [row["op"] for row in history[-4:]] == ["trim", "split", "upload", "create"]
    assert history[-3]["segments"] == [
        {"id": s["id"], "start_ts": s["start_ts"], "end_ts": s["end_ts"]} for s in states[1]
    ]


def test_of_two_simultaneous_splits_one_wins(client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    path = f"/segment/{project['segments'][0]['id']}/split"
    with ThreadPoolExecutor(2) as threads:
        responses = list(threads.map(lambda at_s: client.request("POST", path, {"split_ts": at_s}), (5.0, 7.0)))
    assert sorted(response.status_code for response in responses) == [200, 409]
    after = client.get_project(project["id"])
    assert len(after["segments"]) == 2 and after["revision"] == project["revision"] + 1


def test_if_match_and_idempotency_keys_guard_an_edit(client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    path = f"/segment/{project['segments'][0]['id']}/split"
    stale = client.request("POST", path, {"split_ts": 5}, **{"If-Match": '"0"'})
    assert stale.status_code == 412 and stale.json()["code"] == "PRECONDITION_FAILED"
    headers = {"If-Match": f'"{project["revision"]}"', "Idempotency-Key": project["id"]}
    first = client.request("POST", path, {"split_ts": 5}, **headers)
    second = client.request("POST", path, {"split_ts": 5}, **headers)
    assert first.status_code == second.status_code == 200 and first.json() == second.json()
    assert first.headers["etag"] == second.headers["etag"] == f'"{project["revision"] + 1}"'


def test_another_workspace_sees_nothing(server: Server, client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    segment_id = project["segments"][0]["id"]
    export = client.call("POST", "/export", {"project_id": project["id"], "format": "mp4"})["export_job_id"]
    stranger = TimelineClient(server.create_member())
    assert stranger.call("GET", "/project") == []
    for method, path, body in (
        ("GET", f"/project/{project['id']}", None),
        ("DELETE", f"/project/{project['id']}", None),
        ("GET", f"/project/{project['id']}/history", None),
        ("POST", f"/project/{project['id']}/upload", {"file_name": "a.mp4", "content_type": "video/mp4"}),
        ("POST", f"/project/{project['id']}/preview/frame", {"ts": 0}),
        ("POST", f"/project/{project['id']}/undo", None),
        ("POST", f"/segment/{segment_id}/split", {"split_ts": 1}),
        ("DELETE", f"/segment/{segment_id}", None),
        ("POST", f"/segment/{segment_id}/color-grade", ZERO),
        ("POST", "/export", {"project_id": project["id"], "format": "mp4"}),
        ("GET", f"/export/{export}", None),
    ):
        response = stranger.request(method, path, body)
        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND"), path
    assert client.get_project(project["id"]) == project


def test_a_neutral_grade_is_bit_identical_and_a_grade_preview_is_the_graded_frame(
    client: TimelineClient, footage: Path
) -> None:
    project = client.create_project(footage)
    project_id, segment_id = project["id"], project["segments"][0]["id"]
    options = {"quality": "source", "format": "png"}
    original = client.frame(project_id, 4.2, **options)
    numbers = {"brightness": 0.1, "contrast": 0.2, "saturation": 0.4, "temperature": 0.5, "gamma": -0.2, "hue_shift": 9}
    answer = client.call("POST", f"/segment/{segment_id}/grade-preview", {**numbers, **options, "ts": 4.2})
    preview = load_picture(answer["preview_frame_url"])
    assert np.abs(preview.astype(int) - original).max() > 20
    graded = client.edit(segment_id, "color-grade", **numbers)
    segment = client.call("GET", f"/segment/{graded['segment_id']}")
    assert (segment["source"], segment["start_ts"], segment["end_ts"]) == ("generated", 0.0, 24.0)
    assert segment["effects"]["grade"] == numbers and segment["url"] == graded["graded_url"]
    assert np.array_equal(client.frame(project_id, 4.2, **options), preview)
    halves = client.edit(graded["segment_id"], "split", split_ts=4.0)
    assert halves["right"]["source"] == "generated"
    assert np.array_equal(client.frame(project_id, 4.2, **options), preview)
    neutral = client.edit(halves["right"]["id"], "color-grade", **ZERO)
    assert np.array_equal(client.frame(project_id, 4.2, **options), original)
    cube = client.request("GET", f"/segment/{neutral['segment_id']}/grade.cube?size=33")
    assert cube.status_code == 200 and "LUT_3D_SIZE 33" in cube.text
    assert client.request("POST", f"/segment/{neutral['segment_id']}/color-grade", {"gamma": 1.5}).status_code == 400


@pytest.mark.usefixtures("run_in_process")
def test_an_export_has_the_frames_of_its_previews_and_sound_in_step(
    client: TimelineClient, footage: Path, tmp_path: Path
) -> None:
    project = client.create_project(footage)
    project_id = project["id"]
    client.run_ingest(project_id)
    assert client.get_project(project_id)["assets"][0]["has_proxy"]
    halves = client.edit(project["segments"][0]["id"], "split", split_ts=9.48)
    client.edit(halves["right"]["id"], "trim", new_start_ts=12, new_end_ts=23)
    client.edit(halves["left"]["id"], "reorder", order_index=1)
    graded = client.edit(halves["left"]["id"], "color-grade", saturation=-0.5, brightness=0.1)
    export, path = client.export(project_id, tmp_path)
    expected = [*range(300, 575), *range(237)]
    assert numbers_of(path) == expected
    assert export["facts"]["frames"] == len(expected) and export["size"] == path.stat().st_size
    for time_s in (0.0, 3.32, 10.96, 11.0, 20.44):  # from the editing proxy
        assert client.frame_number(project_id, time_s) == expected[round(time_s * 25)]
    strip = client.call("POST", f"/project/{project_id}/preview/strip", {"start": 1, "end": 20, "fps": 0.5})["frames"]
    assert [frame["timestamp"] for frame in strip] == [1 + 2 * n for n in range(10)]
    strip_numbers = [media_files.read_frame_number(load_picture(frame["frame_url"])) for frame in strip]
    assert strip_numbers == [expected[round(frame["timestamp"] * 25)] for frame in strip]
    frames = media_files.decode_frames(path)
    picture = client.frame(project_id, 15.0, quality="source", format="png")
    assert np.abs(picture.astype(float) - frames[375]).mean() < 2.0  # the encoder's own loss
    sound, first_s = media_files.decode_audio(path)
    beeps_s = [beep + first_s for beep in media_files.find_beeps_s(sound)]
    expected_s = [(n - 300) / 25 for n in range(300, 575, 25)] + [(275 + n) / 25 for n in range(0, 237, 25)]
    assert beeps_s == pytest.approx(expected_s, abs=0.02)
    second, other = client.export(project_id, tmp_path)
    assert second["facts"]["chunks_encoded"] == 0 and other.read_bytes() == path.read_bytes()
    client.run_job(graded["job_id"])
    assert client.call("GET", f"/job/{graded['job_id']}")["status"] == "completed"
    rendition = tmp_path / "rendition.mp4"
    rendition.write_bytes(httpx.get(graded["graded_url"], follow_redirects=True, timeout=60).content)
    assert numbers_of(rendition) == list(range(237))


@pytest.mark.usefixtures("run_in_process")
def test_a_killed_export_resumes_with_the_chunks_that_it_had_encoded(
    client: TimelineClient, footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = client.create_project(footage)
    order = client.call("POST", "/export", {"project_id": project["id"], "format": "mp4"})
    encode_chunk = export_chunks.encode_chunk
    encoded: list[str] = []

    def encode_one_and_die(chunk: export_chunks.Chunk, *args: Any) -> None:  # noqa: ANN401 - those of the original
        if encoded:
            raise KeyboardInterrupt
        encoded.append(chunk.key)
        encode_chunk(chunk, *args)

    target = "carmic_assets.assets.timeline_export_building.encode_chunk"
    monkeypatch.setattr(target, encode_one_and_die)
    assert not client.run_job(order["export_job_id"]).success
    assert client.call("GET", f"/export/{order['export_job_id']}")["status"] == "running"
    monkeypatch.setattr(target, encode_chunk)
    client.run_job(order["export_job_id"])
    export = client.call("GET", f"/export/{order['export_job_id']}")
    assert (export["status"], export["facts"]["chunks"], export["facts"]["chunks_encoded"]) == ("completed", 3, 2)
    path = tmp_path / "export.mp4"
    path.write_bytes(httpx.get(export["export_url"]).content)
    assert numbers_of(path) == list(range(SECONDS * 25))


@pytest.mark.usefixtures("run_in_process")
def test_a_video_url_is_downloaded_through_the_outbound_rule(client: TimelineClient, footage: Path) -> None:
    for url in ("http://169.254.169.254/latest", "http://10.1.2.3/a.mp4", "ftp://example.com/a.mp4"):
        assert client.request("POST", "/project", {"name": "x", "video_url": url}).status_code == 400, url
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(footage.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{site.server_address[1]}"
        good, missing = (
            client.call("POST", "/project", {"name": "x", "video_url": f"{url}/{name}"})
            for name in ("talk.mp4", "no.mp4")
        )
        assert good["status"] == "ingesting" and good["segments"] == []
        client.run_ingest(good["id"])
        client.run_ingest(missing["id"])
        site.shutdown()
    good, missing = client.get_project(good["id"]), client.get_project(missing["id"])
    assert (good["status"], spans_of(good)) == ("ready", [(0.0, 24.0)])
    assert missing["status"] == "failed" and missing["error"]


def test_the_profile_and_the_states_need_no_workspace_header(server: Server, client: TimelineClient) -> None:
    me = client.call("GET", "/me")
    assert (me["email"], me["workspace_id"], me["signed_in"]) == (
        client.member.email,
        client.member.workspace_id,
        True,
    )
    assert httpx.get(f"{server.base}/health").json()["database"] == "ok"
    assert "color_grade" in client.call("GET", "/ai/health")["local"]["operations"]
    assert set(client.call("GET", "/ai/timeline?last_n=1")) == {"events"}
    assert httpx.get(f"{server.base}/me").json()["code"] == "UNAUTHORIZED"


@pytest.mark.usefixtures("run_in_process")
def test_carmic_clips_become_segments(client: TimelineClient, footage: Path) -> None:
    video, clip = create_analysed_project(client.member)
    client.platform.store.put_file(video.object_key, footage)
    with client.platform.database.write() as connection:
        clips.edit(connection, clip.id, {}, start_s=2.0, end_s=5.0)
    projects = [
        client.call("POST", "/project", {"name": "From clips", **start})
        for start in ({"clip_ids": [clip.id]}, {"carmic_project_id": video.id})
    ]
    for project in projects:
        client.run_ingest(project["id"])
        ready = client.get_project(project["id"])
        assert spans_of(ready) == [(2.0, 5.0)] and ready["segments"][0]["bounds"] == {"start_ts": 0, "end_ts": 24}
        assert client.frame_number(project["id"], 1.0) == 75
    assert client.request("POST", "/project", {"name": "x", "clip_ids": [video.id]}).status_code == 404


def test_a_file_in_a_bucket_is_taken_in_without_a_request(
    client: TimelineClient, footage: Path, run_in_process: None
) -> None:
    project = client.create_project()
    body = {"file_name": "talk.mp4", "content_type": "video/mp4"}
    asset_id = client.call("POST", f"/project/{project['id']}/upload", body)["asset_id"]
    with client.platform.database.read() as connection:
        asset = timeline_assets.get(connection, asset_id)
    assert asset is not None
    # A store that is no folder: its objects appear without a request to the API.
    bucket = SimpleNamespace(stat=client.platform.store.stat)
    platform: Any = SimpleNamespace(database=client.platform.database, store=bucket)
    assert asset_id not in ingest_bucket_uploads(platform)
    client.platform.store.put_file(asset.object_key, footage)
    assert asset_id in ingest_bucket_uploads(platform)
    assert asset_id not in ingest_bucket_uploads(platform)
    client.run_ingest(project["id"])
    ready = client.get_project(project["id"])
    assert spans_of(ready) == [(0.0, 24.0)] and ready["assets"][0]["has_proxy"]


def test_graded_halves_of_halves_show_every_frame_once(client: TimelineClient, footage: Path) -> None:
    project = client.create_project(footage)
    graded = client.edit(project["segments"][0]["id"], "color-grade", contrast=-0.2)
    first = client.edit(graded["segment_id"], "split", split_ts=6.04)
    second = client.edit(first["right"]["id"], "split", split_ts=13.16)
    graded_again = client.edit(second["left"]["id"], "color-grade", brightness=0.05)
    client.edit(graded_again["segment_id"], "split", split_ts=9.0)
    after = client.get_project(project["id"])
    assert spans_of(after) == [(0.0, 6.04), (6.04, 9.0), (9.0, 13.16), (13.16, 24.0)]
    assert {segment["source"] for segment in after["segments"]} == {"generated"}
    rng = random.Random(5)
    for number in (0, 150, 151, 224, 225, 328, 329, 599, *rng.sample(range(600), 4)):
        assert client.frame_number(project["id"], number / 25) == number


def test_odd_sources_go_through_everything(client: TimelineClient, tmp_path: Path, run_in_process: None) -> None:
    """Variable rate, late start, silence, odd size and rotation, in one project."""
    write = media_files.write_numbered_video
    variable = write(tmp_path / "variable.mp4", seconds=2, skip=tuple(range(11, 40, 3)))
    late = write(tmp_path / "late.ts", seconds=2, first_pts_s=1.5, container="mpegts")
    silent = write(tmp_path / "silent.mp4", seconds=2, sound=False)
    odd = write(tmp_path / "odd.mkv", seconds=2, size=(637, 359), codec="ffv1", container="matroska")
    upright = write(tmp_path / "upright.mp4", seconds=2, size=(360, 640))
    turned = tmp_path / "turned.mp4"
    command = [locate_binary(), "-v", "error", "-i", str(upright), "-vf", "transpose=clock", "-c:v", "libx264"]
    subprocess.run([*command, "-crf", "12", str(tmp_path / "stored.mp4")], check=True)
    command = [locate_binary(), "-v", "error", "-display_rotation", "90", "-i", str(tmp_path / "stored.mp4")]
    subprocess.run([*command, "-c", "copy", str(turned)], check=True)
    project = client.create_project(variable, late, silent, odd, turned)
    assert [asset["status"] for asset in project["assets"]] == ["ready"] * 5
    segments = project["segments"]
    assert [segment["has_audio"] for segment in segments] == [True, True, False, True, True]
    portrait = (project["assets"][4]["width"], project["assets"][4]["height"])
    assert portrait == (360, 640)
    bars = ((640 - 202) / 2 / 640, 0.0, 202 / 640, 1.0)  # 360x640 in 640x360
    boxes = [(0.0, 0.0, 1.0, 1.0)] * 4 + [bars]
    # Each is cut in half; the previews of both halves are read back, and then the export.
    for segment in segments:
        middle = round((segment["start_ts"] + segment["end_ts"]) / 2, 2)
        client.edit(segment["id"], "split", split_ts=middle)
    project = client.get_project(project["id"])
    export, path = client.export(project["id"], tmp_path)
    frames = media_files.decode_frames(path)
    assert len(frames) == export["facts"]["frames"] == round(project["duration"] * 25)
    for place, segment in enumerate(project["segments"]):
        start = round(segment["timeline_start"] * 25)
        for offset in (0, 12):
            number = media_files.read_frame_number(frames[start + offset], boxes[place // 2])
            picture = client.frame(project["id"], (start + offset) / 25, quality="source", format="png")
            assert media_files.read_frame_number(picture, boxes[place // 2]) == number, (place, offset)
            # A left-out frame shows the one before it; the late source starts 21 ms after its sound.
            expected, slack = round(segment["start_ts"] * 25) + offset, 1 if place < 4 else 0
            assert expected - slack <= number <= expected, (place, offset, number)
    export, path = client.export(project["id"], tmp_path, mode="smart")
    assert export["facts"]["frames_copied"] == 0 and "several files" in export["facts"]["notes"][0]
    export, _ = client.export(project["id"], tmp_path, format="premiere")
    assert len([note for note in export["facts"]["notes"] if "re-encoded" in note]) >= 3
