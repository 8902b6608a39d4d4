"""AI edits over HTTP: from a prompt to variants, their acceptance, and what previews and exports then show."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import media_files
from api_server import Server
from resources import timeline_variants
from timeline_client import TimelineClient, load_picture, read_messages

SECONDS = 8  # of the numbered footage, at 25 frames a second


@pytest.fixture(scope="module")
def client(server: Server) -> TimelineClient:
    return TimelineClient(server.create_member())


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media_files.write_numbered_video(tmp_path_factory.mktemp("footage") / "talk.mp4", seconds=SECONDS)


@pytest.fixture(autouse=True)
def run_in_process(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that the test executes itself use the server's home."""
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)


def start(
    client: TimelineClient, project_id: str, prompt: str, start: float, end: float, **body: object
) -> httpx.Response:
    request = {"project_id": project_id, "prompt": prompt, "start_ts": start, "end_ts": end, **body}
    return client.request("POST", "/ai/generate", request)


def generate(
    client: TimelineClient, project_id: str, prompt: str, start_s: float, end_s: float, **body: object
) -> dict[str, Any]:
    """Run an AI edit to its end; returns the completed job."""
    response = start(client, project_id, prompt, start_s, end_s, **body)
    assert response.status_code == 202, response.text
    client.run_job(response.json()["job_id"])
    job = client.call("GET", f"/job/{response.json()['job_id']}")
    assert job["status"] == "completed", job
    return job


def numbers_of(path: Path) -> list[int]:
    return [media_files.read_frame_number(frame) for frame in media_files.decode_frames(path)]


def download(url: str, path: Path) -> Path:
    path.write_bytes(httpx.get(url).content)
    return path


def without_urls(segments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the segments without their signed URLs, which change every five minutes."""
    return [{name: value for name, value in segment.items() if name != "url"} for segment in segments]


def test_a_prompt_becomes_variants_and_an_accepted_one_is_in_the_export(
    client: TimelineClient, footage: Path, tmp_path: Path
) -> None:
    project = client.create_project(footage)
    project_id = project["id"]
    response = start(client, project_id, "make it darker", 2.0, 2.4)
    assert response.status_code == 202
    answer = response.json()
    assert answer["status"] == "pending" and answer["project_id"] == project_id
    assert answer["plan"] == {"operations": ["darker"], "box": None, "track": False}
    assert client.call("GET", f"/job/{answer['job_id']}")["variants"] == []
    client.run_job(answer["job_id"])
    job = client.call("GET", f"/job/{answer['job_id']}")
    assert (job["status"], job["kind"], job["prompt"], job["progress"]) == (
        "completed",
        "generate",
        "make it darker",
        100,
    )
    assert {variant["label"] for variant in job["variants"]} == {"as asked", "stronger", "weaker"}
    best = job["variants"][0]
    assert numbers_of(download(best["url"], tmp_path / "variant.mp4")) == list(range(50, 60))
    assert load_picture(best["preview_url"]).shape[1] > 300
    assert client.get_project(project_id)["revision"] == project["revision"]
    accepted = client.call("POST", f"/variant/{best['id']}/accept")
    segment = accepted["segment"]
    assert accepted["segment_id"] == segment["id"] and accepted["entity_job_id"] is None
    assert (segment["start_ts"], segment["end_ts"], segment["source"]) == (2.0, 2.4, "generated")
    assert segment["variant_id"] == best["id"] and segment["has_audio"]
    after = client.get_project(project_id)
    assert after["revision"] == accepted["revision"] == project["revision"] + 1
    assert [(s["start_ts"], s["end_ts"]) for s in after["segments"]] == [(0.0, 2.0), (2.0, 2.4), (2.4, 8.0)]
    assert after["duration"] == SECONDS
    _, path = client.export(project_id, tmp_path)
    frames = media_files.decode_frames(path)
    assert [media_files.read_frame_number(frame) for frame in frames] == list(range(SECONDS * 25))
    grey = [frame[200:, :, 1].mean() for frame in frames]
    assert grey[55] < grey[49] - 8 and abs(grey[61] - grey[49]) < 2
    sound, first_s = media_files.decode_audio(path)
    beeps_s = [beep + first_s for beep in media_files.find_beeps_s(sound)]
    assert beeps_s == pytest.approx(list(range(SECONDS)), abs=0.02)
    for number in (49, 50, 55, 59, 60):
        assert client.frame_number(project_id, number / 25) == number
    picture = client.frame(project_id, 2.2, quality="source", format="png")
    assert np.abs(picture.astype(float) - frames[55]).mean() < 2.0
    graded = {"brightness": 0.4, "quality": "source", "format": "png", "ts": 2.2}
    preview = client.call("POST", f"/segment/{segment['id']}/grade-preview", graded)
    assert load_picture(preview["preview_frame_url"]).mean() > picture.mean() + 5
    assert media_files.read_frame_number(load_picture(preview["preview_frame_url"])) == 55
    client.call("POST", f"/project/{project_id}/undo")
    assert without_urls(client.get_project(project_id)["segments"]) == without_urls(project["segments"])
    client.call("POST", f"/project/{project_id}/redo")
    assert client.get_project(project_id)["segments"] == after["segments"]


@pytest.fixture(scope="module")
def edited(client: TimelineClient, footage: Path, server: Server) -> tuple[dict[str, Any], dict[str, Any]]:
    """A project, and a completed edit of 2.0 to 2.4 s in a box, whose variants are not accepted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: server.platform)
        project = client.create_project(footage)
        return project, generate(client, project["id"], "brighten it", 2.0, 2.4, bounding_box=BOX)


BOX = {"x": 0.25, "y": 0.5, "width": 0.5, "height": 0.25}


def accept(client: TimelineClient, variant: dict[str, Any]) -> httpx.Response:
    return client.request("POST", f"/variant/{variant['id']}/accept")


def test_a_box_limits_an_edit_and_a_sibling_takes_its_place(
    client: TimelineClient, edited: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    project, job = edited
    options = {"quality": "source", "format": "png"}
    original = client.frame(project["id"], 2.2, **options).astype(int)
    first, second = job["variants"][:2]
    answer = accept(client, first).json()
    picture_after = client.frame(project["id"], 2.2, **options).astype(int)
    assert picture_after[200:250, 200:440].mean() - original[200:250, 200:440].mean() > 5
    outside = np.ones(original.shape[:2], bool)
    outside[172:278, 152:488] = False  # the box and its feather of 8 pixels
    assert 10 * np.log10(255**2 / np.square(picture_after - original)[outside].mean()) >= 45
    assert accept(client, first).json() == answer
    swapped = accept(client, second).json()
    assert swapped["revision"] == answer["revision"] + 1 and swapped["segment"]["variant_id"] == second["id"]
    assert swapped["segment"]["bounds"] == answer["segment"]["bounds"]
    after = client.get_project(project["id"])
    assert len(after["segments"]) == 3 and after["duration"] == SECONDS
    details = client.call("GET", f"/variant/{second['id']}")
    assert details["accepted_at"] and details["operations"] == ["brighter"] and details["frames"] == 10
    listed = client.request("GET", f"/project/{project['id']}/variants?limit=2")
    assert len(listed.json()) == 2 and listed.headers["x-total-count"] == "3" and "next" in listed.headers["link"]
    for _ in range(2):
        client.call("POST", f"/project/{project['id']}/undo")
    assert client.get_project(project["id"])["segments"] == project["segments"]


def test_a_variant_follows_its_range_and_a_changed_range_is_a_conflict(
    client: TimelineClient, edited: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    project, job = edited
    project_id, variant = project["id"], job["variants"][0]

    def undo(times: int) -> None:
        for _ in range(times):
            client.call("POST", f"/project/{project_id}/undo")

    segment_id = project["segments"][0]["id"]
    halves = client.edit(segment_id, "split", split_ts=1.0)
    client.edit(halves["right"]["id"], "reorder", order_index=0)  # footage 1..8 s, then 0..1 s
    moved = accept(client, variant).json()
    assert (moved["segment"]["start_ts"], moved["segment"]["timeline_start"]) == (2.0, 1.0)
    for timeline_s, number in ((0.96, 49), (1.0, 50), (1.36, 59), (1.4, 60), (7.0, 0)):
        assert client.frame_number(project_id, timeline_s) == number
    undo(2)
    client.call("DELETE", f"/segment/{halves['left']['id']}")
    assert accept(client, variant).json()["segment"]["timeline_start"] == 1.0
    undo(2)
    changes = (
        ("was graded", lambda: client.edit(halves["right"]["id"], "color-grade", contrast=0.2)),
        ("was cut or trimmed", lambda: client.edit(halves["right"]["id"], "trim", new_start_ts=2.2, new_end_ts=8)),
        ("was cut or trimmed", lambda: client.edit(halves["right"]["id"], "split", split_ts=2.2)),
        ("was deleted or replaced", lambda: client.call("DELETE", f"/segment/{halves['right']['id']}")),
    )
    for reason, change in changes:
        change()
        revision = client.get_project(project_id)["revision"]
        refused = accept(client, variant)
        assert refused.status_code == 409, reason
        assert client.get_project(project_id)["revision"] == revision
        assert reason in refused.json()["error"]
        undo(1)
    stale = client.request("POST", f"/variant/{variant['id']}/accept", **{"If-Match": '"0"'})
    assert stale.status_code == 412
    undo(1)
    assert without_urls(client.get_project(project_id)["segments"]) == without_urls(project["segments"])


def test_edits_of_edits_trims_and_splits_show_the_right_frames(
    client: TimelineClient, footage: Path, tmp_path: Path
) -> None:
    project_id = client.create_project(footage)["id"]
    faster = generate(client, project_id, "speed it up 2x", 2.0, 4.0)["variants"][0]
    segment = accept(client, faster).json()["segment"]
    assert (segment["start_ts"], segment["end_ts"]) == (2.0, 3.0)  # the clock of what it replaced
    assert client.get_project(project_id)["duration"] == 7.0
    reversed_job = generate(client, project_id, "reverse it", 1.6, 2.4)  # 10 frames of footage, then 10 faster ones
    accept(client, reversed_job["variants"][0])
    _, path = client.export(project_id, tmp_path)
    numbers = numbers_of(path)
    assert len(numbers) == 175
    assert numbers[:40] == list(range(40)) and numbers[75:] == list(range(100, 200))
    backwards = numbers[40:60]
    assert backwards[10:] == list(range(49, 39, -1))
    assert all(abs(number - (68 - 2 * n)) <= 1 for n, number in enumerate(backwards[:10]))
    sound, first_s = media_files.decode_audio(path)
    assert first_s + len(sound) / media_files.RATE == pytest.approx(7.0, abs=0.03)
    segments = client.get_project(project_id)["segments"]
    edited_id = next(s["id"] for s in segments if s["variant_id"] == reversed_job["variants"][0]["id"])
    cut = client.edit(edited_id, "split", split_ts=2.0)
    client.edit(cut["right"]["id"], "trim", new_start_ts=2.2, new_end_ts=2.4)
    assert [client.frame_number(project_id, 2.0 + n / 25) for n in range(5)] == numbers[55:60]
    client.edit(cut["right"]["id"], "trim", new_start_ts=2.0, new_end_ts=2.4)
    assert [client.frame_number(project_id, n / 25) for n in (49, 50, 59, 60)] == [numbers[n] for n in (49, 50, 59, 60)]


def test_a_range_across_cuts_of_different_footage_keeps_its_frames_and_sound(
    client: TimelineClient, footage: Path, tmp_path: Path
) -> None:
    other = media_files.write_numbered_video(tmp_path / "b.mp4", seconds=3, fps=Fraction(30), size=(480, 360))
    project = client.create_project(footage, other)
    project_id = project["id"]
    client.edit(project["segments"][0]["id"], "color-grade", saturation=-0.5)
    job = generate(client, project_id, "black and white", 7.6, 8.4)
    accepted = accept(client, job["variants"][0]).json()
    spans = [(s["start_ts"], s["end_ts"]) for s in client.get_project(project_id)["segments"]]
    assert spans == [(0.0, 7.6), (7.6, 8.4), (0.4, 3.0)]
    assert accepted["segment"]["effects"]["grade"]["saturation"] == 0  # what the edit was made of is in its frames
    _, path = client.export(project_id, tmp_path)
    assert len(media_files.decode_frames(path)) == 275
    sound, first_s = media_files.decode_audio(path)
    beeps_s = [beep + first_s for beep in media_files.find_beeps_s(sound)]
    assert beeps_s == pytest.approx(list(range(11)), abs=0.02)
    assert [client.frame_number(project_id, 7.6 + n / 25) for n in range(10)] == list(range(190, 200))


def test_scores_are_the_same_twice_and_against_the_original(
    client: TimelineClient, edited: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    project, job = edited
    best = job["variants"][0]
    path = f"/variant/{best['id']}/score"
    answer = client.call("GET", path)
    assert answer["variant_id"] == best["id"] and answer["score"]["overall_rating"] == best["overall_rating"]
    assert all(isinstance(answer["score"][name], str) for name in ("details", "fidelity_to_prompt", "visual_quality"))
    assert answer["score"]["judge"] is None
    measures = client.call("GET", f"{path}?compare_to=original")["score"]["measures"]
    assert measures["psnr_outside_db"] >= 45 and measures["ssim_inside"] < measures["ssim_outside"] <= 1
    assert client.request("GET", f"{path}?compare_to=nothing").status_code == 400
    repeated = generate(client, project["id"], "brighten it", 2.0, 2.4, bounding_box=BOX)["variants"][0]
    assert client.call("GET", f"/variant/{repeated['id']}/score")["score"] == answer["score"]
    assert httpx.get(repeated["url"]).content == httpx.get(best["url"]).content


@pytest.mark.parametrize(
    ("prompt", "box", "named"),
    [
        ("put a dragon in the sky", None, "dragon"),
        ("make it better", None, "does not name"),
        ("remove the man", None, "`bounding_box` is missing"),
        ("slow motion", BOX, "`bounding_box` must be omitted"),
    ],
)
def test_an_impossible_prompt_is_refused_with_what_is_possible(
    client: TimelineClient, edited: tuple[dict[str, Any], dict[str, Any]], prompt: str, box: object, named: str
) -> None:
    response = start(client, edited[0]["id"], prompt, 0, 1, bounding_box=box)
    refusal = response.json()
    assert response.status_code == 422 and refusal["code"] == "UNPROCESSABLE" and named in refusal["error"]
    assert len(refusal["nearest"]) == 3 and set(refusal["nearest"]) < set(refusal["operations"])
    assert {"blur", "remove", "captions", "reframe", "slow_motion"} <= set(refusal["operations"])


def test_requests_out_of_range_are_refused_and_keys_repeat_the_answer(
    client: TimelineClient, edited: tuple[dict[str, Any], dict[str, Any]], server: Server
) -> None:
    project_id = edited[0]["id"]
    for start_s, end_s, body, status in (
        (3, 3, {}, 422), (4, 3, {}, 422), (7, 9, {}, 422), (3.0, 3.001, {}, 422), (-1, 3, {}, 400), ("0", 3, {}, 400),
        (0, 1, {"bounding_box": {"x": 100, "y": 0, "width": 50, "height": 50}}, 422),
        (0, 1, {"bounding_box": {"x": 0.8, "y": 0, "width": 0.5, "height": 0.5}}, 422),
        (0, 1, {"bounding_box": {"x": 0.1, "y": 0.1, "width": 0.0, "height": 0.5}}, 422),
        (0, 1, {"bounding_box": [0, 0, 1, 1]}, 400), (0, 1, {"service": "veo"}, 400),
    ):  # fmt: skip
        response = start(client, project_id, "make it darker", start_s, end_s, **body)
        assert response.status_code == status, (start_s, end_s, body, response.text)
    assert start(client, project_id, "x" * 2001, 0, 1).status_code == 400
    zero = {"x": 0.0, "y": 0.0, "width": 0.0, "height": 0.0}
    request = {"project_id": project_id, "prompt": "reverse", "start_ts": 0, "end_ts": 1, "bounding_box": zero}
    answers = [client.request("POST", "/ai/generate", request, **{"Idempotency-Key": project_id}) for _ in "ab"]
    assert answers[0].status_code == 202 and answers[0].json() == answers[1].json()
    job_id = answers[0].json()["job_id"]
    assert answers[0].json()["plan"]["box"] is None
    assert client.call("DELETE", f"/job/{job_id}")["status"] == "failed"
    assert client.request("DELETE", f"/job/{job_id}").status_code == 409
    health = client.call("GET", "/ai/health")
    assert {"darker", "captions"} <= set(health["local"]["operations"])
    assert {("fal", False, "CARMIC_FAL_KEY"), ("runway", False, "CARMIC_RUNWAY_KEY")} <= {
        (p["name"], p["configured"], p["setting"]) for p in health["providers"]
    }
    newest = client.call("GET", "/ai/timeline?last_n=1")["events"][0]
    assert (newest["job_id"], newest["operation"], newest["service"], newest["error"]) == (
        job_id, "reverse", "local", "Cancelled.",
    )  # fmt: skip
    for prompt, service, setting in (
        ("make it snow", "runway", "CARMIC_RUNWAY_KEY"),
        ("use fal: add a hat", "local", "CARMIC_FAL_KEY"),
    ):
        response = start(client, project_id, prompt, 0, 1, service=service, bounding_box=BOX)
        assert response.status_code == 503 and setting in response.json()["error"]


def test_a_killed_run_continues_with_the_variants_that_it_lacks(
    client: TimelineClient, footage: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = client.create_project(footage)["id"]
    job_id = start(client, project_id, "warmer", 0, 0.4).json()["job_id"]

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr("carmic_assets.assets.variant_building.count_frames", die)  # after the first variant is stored
        client.run_job(job_id)
    with server.database.read() as connection:
        (first,) = timeline_variants.list_for_job(connection, job_id)
    job = client.call("GET", f"/job/{job_id}")
    assert job["status"] == "running" and job["variants"] == []
    assert client.request("GET", f"/variant/{first.id}").status_code == 404  # until the job is completed
    client.run_job(job_id)
    job = client.call("GET", f"/job/{job_id}")
    assert job["status"] == "completed" and len(job["variants"]) == 3
    assert first.id in {variant["id"] for variant in job["variants"]}
    with httpx.stream("GET", client.stream_url(project_id), headers={"Last-Event-ID": "0"}, timeout=60) as response:
        messages = []
        for _, data in read_messages(response):
            messages.append(data)
            if data["event"] == "timeline_job.completed" and data["id"] == job_id:
                break
    ready = [data for data in messages if data["event"] == "timeline_variant.ready"]
    assert len(ready) == 3 and {data["job_id"] for data in ready} == {job_id}
    assert not any("object_key" in data for data in messages)
    assert httpx.get(ready[0]["video_url"]).headers["content-type"] == "video/mp4"
