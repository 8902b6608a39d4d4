"""AI edits by hosted models, against a server that speaks the protocols of fal and Runway."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

import media_files
from api_server import Server, run_server
from resources import hosted_edits, hosted_models, ledger
from timeline_client import TimelineClient

BOX = {"x": 0.25, "y": 0.5, "width": 0.5, "height": 0.25}
RANGE = {"start_ts": 1.0, "end_ts": 2.2}


class HostedService(http.server.ThreadingHTTPServer):
    """Plays fal and Runway: it fetches its inputs and returns a white video of another size and rate."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.posts: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.polls = 0
        self.behaviour = "good"
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        write_white_video(folder / "result.mp4")


class _Handler(http.server.BaseHTTPRequestHandler):
    server: HostedService

    def log_message(self, *_: object) -> None: ...

    def reply(self, body: object, status: int = 200) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/llm/chat/completions":
            verdict = json.dumps({"verdict": "The hat\n is missing."}) if "snow" in str(body) else "no JSON"
            return self.reply({"choices": [{"message": {"content": verdict}}]})
        self.server.posts.append((self.path, body, dict(self.headers)))
        for name in ("video_url", "mask_video_url", "videoUri"):
            if body.get(name):
                (self.server.folder / f"{name}.mp4").write_bytes(httpx.get(body[name]).content)
        if self.server.behaviour == "refuse":
            return self.reply({"detail": "no"}, 422)
        if self.server.behaviour == "elsewhere":
            return self.reply({"request_id": "r", "status_url": "http://example.com/s", "response_url": "http://x/"})
        if self.path == "/v1/video_to_video":
            return self.reply({"id": "task-1"})
        url = f"{self.server.url}/requests/1"
        return self.reply({"request_id": "1", "status_url": f"{url}/status", "response_url": url})

    def do_GET(self) -> None:
        result = f"{self.server.url}/result.mp4"
        if self.path == "/result.mp4":
            return self.reply((self.server.folder / "result.mp4").read_bytes())
        if self.path == "/requests/1":
            return self.reply({"video": {"url": result}})
        self.server.polls += 1
        if self.server.behaviour == "down":
            return self.reply({}, 503)
        if self.server.behaviour == "fail":
            return self.reply({"status": "ERROR"})
        done = self.server.polls > 1
        if self.path.startswith("/v1/tasks/"):
            return self.reply({"status": "SUCCEEDED", "output": [result]} if done else {"status": "RUNNING"})
        return self.reply({"status": "COMPLETED" if done else "IN_QUEUE"})


def write_white_video(path: Path) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(16):
            frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 255, np.uint8), "rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostedService]:
    server = HostedService(tmp_path_factory.mktemp("hosted"))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def hosted_server(service: HostedService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"fal_key": "fal-secret", "fal_url": service.url, "fal_edit_model": "acme/inpaint"}
    settings |= {"runway_key": "runway-secret", "runway_url": service.url, "outbound_allow": "127.0.0.0/8"}
    settings |= {"llm_url": f"{service.url}/llm", "llm_model": "critic"}
    with run_server(tmp_path_factory.mktemp("home"), **settings) as server:
        yield server


@pytest.fixture(autouse=True)
def run_in_process(hosted_server: Server, service: HostedService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: hosted_server.platform)
    monkeypatch.setattr("carmic_assets.assets.hosted_edit_building.POLL_INTERVAL_S", 0.05)
    service.posts.clear()
    service.polls, service.behaviour = 0, "good"


@pytest.fixture(scope="module")
def client(hosted_server: Server) -> TimelineClient:
    return TimelineClient(hosted_server.create_member())


@pytest.fixture(scope="module")
def project(client: TimelineClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media_files.write_numbered_video(tmp_path_factory.mktemp("footage") / "talk.mp4", seconds=3)
    return client.create_project(path)


def start(client: TimelineClient, project: dict[str, Any], prompt: str, **body: object) -> dict[str, Any]:
    request = {"project_id": project["id"], "prompt": prompt, **RANGE, **body}
    answer: dict[str, Any] = client.call("POST", "/ai/generate", request)
    return answer


def balance_ms(client: TimelineClient) -> int:
    with client.platform.database.read() as connection:
        return ledger.get_balance_ms(connection, client.member.workspace_id)


def test_fal_edits_the_box_and_nothing_else(
    client: TimelineClient, project: dict[str, Any], service: HostedService
) -> None:
    answer = start(client, project, "With fal: add a hat", bounding_box=BOX)
    assert answer["plan"] == {"operations": ["hosted_edit"], "box": BOX, "track": True} and answer["notes"]
    before_ms = balance_ms(client)
    client.run_job(answer["job_id"])
    job = client.call("GET", f"/job/{answer['job_id']}")
    assert job["status"] == "completed", job
    ((path, body, headers),) = service.posts
    assert path == "/acme/inpaint" and body["prompt"] == "add a hat" and headers["Authorization"] == "Key fal-secret"
    mask = media_files.decode_frames(service.folder / "mask_video_url.mp4")
    assert len(mask) == len(media_files.decode_frames(service.folder / "video_url.mp4")) == 30
    assert mask[0][225, 320].min() > 240 and mask[0][100, 320].max() < 15
    judge = client.call("GET", f"/variant/{job['variants'][0]['id']}/score")["score"]["judge"]
    assert judge["verdict"] is None and "no verdict" in judge["failure"]
    options = {"quality": "source", "format": "png"}
    original = client.frame(project["id"], 1.4, **options).astype(int)
    client.call("POST", f"/variant/{job['variants'][0]['id']}/accept")
    picture_after = client.frame(project["id"], 1.4, **options).astype(int)
    assert picture_after[200:250, 200:440].mean() > 240
    outside = np.ones(original.shape[:2], bool)
    outside[160:290, 130:510] = False
    assert 10 * np.log10(255**2 / np.square(picture_after - original)[outside].mean()) >= 45
    numbers = [client.frame_number(project["id"], n / 25) for n in (24, 25, 40, 54, 55)]
    assert numbers == [24, 25, 40, 54, 55]
    assert client.get_project(project["id"])["segments"][1]["has_audio"]
    assert balance_ms(client) == before_ms  # charged when it was queued, and kept
    client.call("POST", f"/project/{project['id']}/undo")


def test_runway_edits_the_whole_picture_in_the_rate_and_size_of_the_range(
    client: TimelineClient, project: dict[str, Any], service: HostedService, tmp_path: Path
) -> None:
    answer = start(client, project, "make it snow", service="runway")
    client.run_job(answer["job_id"])
    variant = client.call("GET", f"/job/{answer['job_id']}")["variants"][0]
    ((path, body, headers),) = service.posts
    assert path == "/v1/video_to_video" and body["promptText"] == "make it snow" and body["model"] == "gen4_aleph"
    assert headers["X-Runway-Version"] == "2024-11-06" and headers["Authorization"] == "Bearer runway-secret"
    file = tmp_path / "variant.mp4"
    file.write_bytes(httpx.get(variant["url"]).content)
    frames = media_files.decode_frames(file)
    assert len(frames) == 30 and frames[0].shape == (360, 640, 3) and frames[15].mean() > 240
    beeps_s = media_files.find_beeps_s(media_files.decode_audio(file)[0])
    assert len(beeps_s) == 2  # the sound of the source, at its first and its last second
    score = client.call("GET", f"/variant/{variant['id']}/score")["score"]
    assert score["judge"] == {"model": "critic", "verdict": "The hat is missing.", "failure": None}
    health = client.call("GET", "/ai/health")["providers"]
    assert next(p for p in health if p["name"] == "runway")["last_ok"]


@pytest.mark.parametrize("behaviour", ["refuse", "fail", "elsewhere"])
def test_a_service_that_does_not_do_the_edit_costs_nothing(
    client: TimelineClient, project: dict[str, Any], service: HostedService, behaviour: str
) -> None:
    service.behaviour = behaviour
    before_ms = balance_ms(client)
    answer = start(client, project, "add a hat", service="fal", bounding_box=BOX)
    assert balance_ms(client) == before_ms - ledger.MINUTE_MS
    client.run_job(answer["job_id"])
    job = client.call("GET", f"/job/{answer['job_id']}")
    assert job["status"] == "failed" and "fal" in job["error"] and "no" not in job["error"].split()
    assert len(service.posts) == 1 and balance_ms(client) == before_ms


def test_a_request_is_sent_once_and_a_resumed_run_polls(
    client: TimelineClient, project: dict[str, Any], service: HostedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = start(client, project, "add a hat", service="fal", bounding_box=BOX)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(hosted_models.HostedModel, "poll", die)
        client.run_job(answer["job_id"])
    assert client.call("GET", f"/job/{answer['job_id']}")["status"] == "running"
    client.run_job(answer["job_id"])
    assert client.call("GET", f"/job/{answer['job_id']}")["status"] == "completed"
    assert len(service.posts) == 1

    before_ms = balance_ms(client)
    lost = start(client, project, "add a hat", service="fal", bounding_box=BOX)
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(hosted_models.HostedModel, "submit", die)  # dies before it knows whether the request arrived
        client.run_job(lost["job_id"])
    client.run_job(lost["job_id"])
    job = client.call("GET", f"/job/{lost['job_id']}")
    assert job["status"] == "failed" and "not sent twice" in job["error"]
    assert len(service.posts) == 1 and balance_ms(client) == before_ms
    with client.platform.database.read() as connection:
        edit = hosted_edits.get_for_job(connection, lost["job_id"])
    assert edit is not None and edit.state == "FAILED"


def test_what_a_service_cannot_take_is_refused_before_it_is_charged(
    client: TimelineClient, project: dict[str, Any]
) -> None:
    before_ms = balance_ms(client)
    request = {"project_id": project["id"], **RANGE}
    for body, named in (
        ({"prompt": "add a hat", "service": "fal"}, "`bounding_box` is missing"),
        ({"prompt": "use runway", "service": "local"}, "only names runway"),
        ({"prompt": "x" * 1001, "service": "runway"}, "1000 characters"),
    ):
        response = client.request("POST", "/ai/generate", {**request, **body})
        assert response.status_code == 422 and named in response.json()["error"], response.text
    assert balance_ms(client) == before_ms
