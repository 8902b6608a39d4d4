"""Live progress: single-use tickets, streams that resume, end, and let the server stop."""

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

from api.event_streams import EventStream, Opening, Tail
from api_server import Member, Server, running
from api_talk import analysed
from resources import exports, projects


class Listener:
    """A stream read by a thread of its own, message by message."""

    def __init__(self, server: Server, path: str, ticket: str, **headers: str):
        self.messages: queue.Queue[tuple[int, Any, float]] = queue.Queue()
        self.comments = 0
        self.status = 0
        self.ended = threading.Event()
        self.opened = threading.Event()
        url = f"{server.base}{path}?ticket={ticket}"
        self.thread = threading.Thread(target=self._read, args=(url, headers), daemon=True)
        self.thread.start()

    def _read(self, url: str, headers: dict[str, str]) -> None:
        try:
            with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
                self.status = answer.status_code
                self.content_type = answer.headers["content-type"]
                self.opened.set()
                number = 0
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        number = int(line[4:])
                    elif line.startswith("data: "):
                        self.messages.put((number, json.loads(line[6:]), time.time()))
                    elif line.startswith(":"):
                        self.comments += 1
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
    answer = member.call("POST", "/v1/sse-ticket").json()
    assert answer["ticket"] == answer["data"]["ticket"] and answer["data"]["expires_in"] == 30
    return answer["ticket"]


def advance(server: Server, project_id: str, status: str, progress: int) -> None:
    with server.database.write() as connection:
        assert projects.advance(connection, project_id, status, progress, status.title())


@pytest.fixture
def member(server: Server) -> Iterator[Member]:
    yield server.member()


def test_a_project_is_followed_to_clips_ready(server: Server, member: Member) -> None:
    project = member.project()
    listener = Listener(server, f"/v1/projects/{project.id}/stream", ticket(member))
    assert listener.next()[1]["status"] == "PENDING_UPLOAD"
    assert listener.content_type.startswith("text/event-stream")
    told = []
    for status, progress in (("TRANSCRIBING", 20), ("PROCESSING", 50), ("FACE_TRACKING", 80), ("CLIPS_READY", 100)):
        began = time.time()
        advance(server, project.id, status, progress)
        number, data = listener.next()
        told.append((number, data["status"], data["progress"]))
        assert time.time() - began < 1
    assert [(s, p) for _, s, p in told] == [
        ("TRANSCRIBING", 20),
        ("PROCESSING", 50),
        ("FACE_TRACKING", 80),
        ("CLIPS_READY", 100),
    ]
    assert [n for n, _, _ in told] == sorted(n for n, _, _ in told)
    assert listener.ended.wait(3)


def test_a_stream_resumes_without_loss(server: Server, member: Member) -> None:
    project = member.project()
    for status, progress in (("TRANSCRIBING", 20), ("PROCESSING", 50), ("FACE_TRACKING", 70)):
        advance(server, project.id, status, progress)
    path = f"/v1/projects/{project.id}/stream"
    first = Listener(server, path, ticket(member))
    newest, data = first.next()
    assert data["progress"] == 70
    with server.database.read() as connection:
        from resources import outbox

        rows = [e.id for e in outbox.of_subject(connection, f"project:{project.id}")]
    assert newest == rows[-1]
    resumed = Listener(server, path, ticket(member), **{"Last-Event-ID": str(rows[0])})
    assert [resumed.next()[0] for _ in rows[1:]] == rows[1:]
    whole = Listener(server, path, ticket(member), **{"Last-Event-ID": "0"})
    assert [whole.next()[0] for _ in rows] == rows  # behind 0 is all there is
    advance(server, project.id, "CLIPS_READY", 100)
    assert resumed.next()[1]["status"] == "CLIPS_READY" and resumed.ended.wait(3)
    late = Listener(server, f"{path}", ticket(member))
    assert late.next()[1]["status"] == "CLIPS_READY" and late.ended.wait(3)


def test_a_ticket_opens_one_stream_of_its_own_workspace(server: Server, member: Member) -> None:
    project = member.project()
    path = f"{server.base}/v1/projects/{project.id}/stream"
    used = ticket(member)
    listener = Listener(server, f"/v1/projects/{project.id}/stream", used)
    listener.next()
    assert httpx.get(f"{path}?ticket={used}").status_code == 401
    assert httpx.get(path).status_code == 401
    assert httpx.get(f"{path}?ticket=forged").status_code == 401
    assert httpx.get(f"{path}?ticket={ticket(server.member())}").status_code == 404


def test_an_export_is_followed_to_its_download(server: Server) -> None:
    owner = server.member("STANDARD")
    clip = analysed(owner)[1]
    made = owner.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "davinci"}).json()["data"]
    listener = Listener(server, f"/v1/exports/{made['export_id']}/stream", ticket(owner))
    assert listener.next()[1]["status"] == "PENDING"
    key = f"workspaces/{owner.workspace_id}/projects/{clip.project_id}/exports/x.zip"
    server.platform.store.put_bytes(key, b"PK")
    with server.database.write() as connection:
        exports.advance(connection, made["export_id"], 40)
    assert listener.next()[1]["progress"] == 40
    with server.database.write() as connection:
        exports.finish(connection, made["export_id"], key, 2)
    done = listener.next()[1]
    assert done["status"] == "COMPLETED" and httpx.get(done["download_url"]).content == b"PK"
    assert listener.ended.wait(3)


def test_cancelling_ends_the_stream(server: Server, member: Member) -> None:
    project = member.project()
    listener = Listener(server, f"/v1/projects/{project.id}/stream", ticket(member))
    listener.next()
    member.call("POST", f"/v1/projects/{project.id}/cancel")
    assert listener.next()[1]["status"] == "CANCELLED" and listener.ended.wait(3)


def test_the_server_stops_within_three_seconds_with_streams_open(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        member = server.member()
        project = member.project()
        listeners = [Listener(server, f"/v1/projects/{project.id}/stream", ticket(member)) for _ in range(5)]
        for listener in listeners:
            listener.next()
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
        assert time.monotonic() - began < 3
        assert all(listener.ended.wait(1) for listener in listeners)


@pytest.mark.slow
def test_a_silent_stream_gets_a_heartbeat(server: Server, member: Member) -> None:
    project = member.project()
    listener = Listener(server, f"/v1/projects/{project.id}/stream", ticket(member))
    listener.next()
    deadline = time.monotonic() + 15
    while not listener.comments and time.monotonic() < deadline:
        time.sleep(0.2)
    assert listener.comments


def test_a_stream_ends_when_its_reader_may_no_longer_listen(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.event_streams.LOOK_S", 0.3)
    monkeypatch.setattr("api.event_streams.HEARTBEAT_S", 0.1)
    tail = Tail(server.platform, CollectorRegistry())
    allowed = [True, True, False]
    asked: list[bool] = []
    sent: list[dict[str, Any]] = []

    def may() -> bool:
        asked.append(allowed[len(asked)])
        return asked[-1]

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def listen() -> None:
        stream = EventStream(tail, "project:1", lambda: Opening([], False), lambda data: False, may)
        async with tail.running(None):
            await asyncio.wait_for(stream({"type": "http"}, receive, send), 10)  # type: ignore[arg-type, typeddict-item]

    asyncio.run(listen())
    assert asked == allowed and sent[-1]["more_body"] is False
