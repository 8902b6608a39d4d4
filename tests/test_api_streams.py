"""Event streams: single-use tickets, resuming, ending, and stopping the server."""

import asyncio
import json
import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api.event_streams import EventStream, OutboxTail, StreamStart
from api_server import Member, Server, run_server
from api_talk import create_analysed_project
from resources import exports, projects


class Listener:
    """Reads a stream in a thread, message by message."""

    def __init__(self, server: Server, path: str, ticket: str, **headers: str) -> None:
        self.messages: queue.Queue[tuple[int, Any, float]] = queue.Queue()
        self.commented = threading.Event()
        self.status = 0
        self.ended = threading.Event()
        self.opened = threading.Event()
        url = f"{server.base}{path}?ticket={ticket}"
        self.thread = threading.Thread(target=self._read, args=(url, headers), daemon=True)
        self.thread.start()

    def _read(self, url: str, headers: dict[str, str]) -> None:
        try:
            with httpx.stream("GET", url, headers=headers, timeout=60) as response:
                self.status = response.status_code
                self.content_type = response.headers["content-type"]
                self.opened.set()
                number = 0
                for line in response.iter_lines():
                    if line.startswith("id: "):
                        number = int(line[4:])
                    elif line.startswith("data: "):
                        self.messages.put((number, json.loads(line[6:]), time.time()))
                    elif line.startswith(":"):
                        self.commented.set()
                    else:
                        assert line == "", line  # no event name
        except httpx.HTTPError:
            pass
        finally:
            self.opened.set()
            self.ended.set()

    def next(self, timeout: float = 10) -> tuple[int, Any]:
        number, data, _ = self.messages.get(timeout=timeout)
        return number, data


def ticket(member: Member) -> str:
    response = member.call("POST", "/v1/sse-ticket").json()
    assert response["ticket"] == response["data"]["ticket"] and response["data"]["expires_in"] == 30
    return response["ticket"]


def advance(server: Server, project_id: str, status: str, progress: int) -> None:
    with server.database.write() as connection:
        assert projects.advance(connection, project_id, status, progress, status.title())


@pytest.fixture
def member(server: Server) -> Iterator[Member]:
    yield server.create_member()


def test_a_project_stream_ends_at_clips_ready(server: Server, member: Member) -> None:
    project = member.create_project()
    listener = Listener(server, f"/v1/projects/{project.id}/stream", ticket(member))
    assert listener.next()[1]["status"] == "PENDING_UPLOAD"
    assert listener.content_type.startswith("text/event-stream")
    received = []
    for status, progress in (("TRANSCRIBING", 20), ("PROCESSING", 50), ("FACE_TRACKING", 80), ("CLIPS_READY", 100)):
        started_at = time.time()
        advance(server, project.id, status, progress)
        number, data = listener.next()
        received.append((number, data["status"], data["progress"]))
        assert time.time() - started_at < 1
    assert [(s, p) for _, s, p in received] == [
        ("TRANSCRIBING", 20),
        ("PROCESSING", 50),
        ("FACE_TRACKING", 80),
        ("CLIPS_READY", 100),
    ]
    assert [n for n, _, _ in received] == sorted(n for n, _, _ in received)
    assert listener.ended.wait(3)


def test_a_stream_resumes_without_loss(server: Server, member: Member) -> None:
    project = member.create_project()
    for status, progress in (("TRANSCRIBING", 20), ("PROCESSING", 50), ("FACE_TRACKING", 70)):
        advance(server, project.id, status, progress)
    path = f"/v1/projects/{project.id}/stream"
    first = Listener(server, path, ticket(member))
    newest, data = first.next()
    assert data["progress"] == 70
    with server.database.read() as connection:
        from resources import outbox

        rows = [e.id for e in outbox.list_for_subject(connection, f"project:{project.id}")]
    assert newest == rows[-1]
    resumed = Listener(server, path, ticket(member), **{"Last-Event-ID": str(rows[0])})
    assert [resumed.next()[0] for _ in rows[1:]] == rows[1:]
    complete = Listener(server, path, ticket(member), **{"Last-Event-ID": "0"})
    assert [complete.next()[0] for _ in rows] == rows  # every event comes after 0
    advance(server, project.id, "CLIPS_READY", 100)
    assert resumed.next()[1]["status"] == "CLIPS_READY" and resumed.ended.wait(3)
    late = Listener(server, f"{path}", ticket(member))
    assert late.next()[1]["status"] == "CLIPS_READY" and late.ended.wait(3)


def test_a_ticket_opens_one_stream_of_its_own_workspace(server: Server, member: Member) -> None:
    project = member.create_project()
    path = f"{server.base}/v1/projects/{project.id}/stream"
    used = ticket(member)
    listener = Listener(server, f"/v1/projects/{project.id}/stream", used)
    listener.next()
    assert httpx.get(f"{path}?ticket={used}").status_code == 401
    assert httpx.get(path).status_code == 401
    assert httpx.get(f"{path}?ticket=forged").status_code == 401
    assert httpx.get(f"{path}?ticket={ticket(server.create_member())}").status_code == 404


def test_an_export_stream_ends_with_the_download_url(server: Server) -> None:
    owner = server.create_member("STANDARD")
    clip = create_analysed_project(owner)[1]
    export = owner.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "davinci"}).json()["data"]
    listener = Listener(server, f"/v1/exports/{export['export_id']}/stream", ticket(owner))
    assert listener.next()[1]["status"] == "PENDING"
    key = f"workspaces/{owner.workspace_id}/projects/{clip.project_id}/exports/x.zip"
    server.platform.store.put_bytes(key, b"PK")
    with server.database.write() as connection:
        exports.advance(connection, export["export_id"], 40)
    assert listener.next()[1]["progress"] == 40
    with server.database.write() as connection:
        exports.finish(connection, export["export_id"], key, 2)
    completed = listener.next()[1]
    assert completed["status"] == "COMPLETED" and httpx.get(completed["download_url"]).content == b"PK"
    assert listener.ended.wait(3)


def test_cancelling_ends_the_stream(server: Server, member: Member) -> None:
    project = member.create_project()
    listener = Listener(server, f"/v1/projects/{project.id}/stream", ticket(member))
    listener.next()
    member.call("POST", f"/v1/projects/{project.id}/cancel")
    assert listener.next()[1]["status"] == "CANCELLED" and listener.ended.wait(3)


def test_the_server_stops_within_three_seconds_with_streams_open(tmp_path: Path) -> None:
    with run_server(tmp_path) as server:
        member = server.create_member()
        project = member.create_project()
        listeners = [Listener(server, f"/v1/projects/{project.id}/stream", ticket(member)) for _ in range(5)]
        for listener in listeners:
            listener.next()
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
        assert time.monotonic() - began < 3
        assert all(listener.ended.wait(1) for listener in listeners)


@pytest.mark.slow
def test_an_idle_stream_sends_heartbeats(server: Server, member: Member) -> None:
    project = member.create_project()
    listener = Listener(server, f"/v1/projects/{project.id}/stream", ticket(member))
    listener.next()
    assert listener.commented.wait(15)


def test_a_stream_ends_when_its_reader_loses_access(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.event_streams.ACCESS_CHECK_INTERVAL_S", 0.3)
    monkeypatch.setattr("api.event_streams.HEARTBEAT_INTERVAL_S", 0.1)
    tail = OutboxTail(server.platform, CollectorRegistry())
    permissions = [True, True, False]
    returned: list[bool] = []
    sent: list[dict[str, Any]] = []

    def is_allowed() -> bool:
        returned.append(permissions[len(returned)])
        return returned[-1]

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> None:
        await asyncio.Event().wait()

    async def listen() -> None:
        stream = EventStream(tail, "project:1", lambda: StreamStart([], False), lambda data: False, is_allowed)
        async with tail.lifespan(None):
            await asyncio.wait_for(stream({"type": "http"}, receive, send), 10)  # type: ignore[arg-type, typeddict-item]

    asyncio.run(listen())
    assert returned == permissions and sent[-1]["more_body"] is False
