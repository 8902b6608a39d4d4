"""The surface of the generation API: its table of parameters, its codes, its rate windows, and its credits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import update

from api_server import Server
from carmic_assets.generation.endpoints import ENDPOINT_BY_KIND, ENDPOINTS, Endpoint
from generation_client import MINIMAL_BODIES, GenerationClient, install_voices
from media_files import write_numbered_video
from resources import credits, generation_jobs, outbox
from resources.database.engine import now
from resources.database.tables import generation_jobs as generation_jobs_table
from sensors import housekeeping
from sensors.webhook_delivery import WebhookDeliverer

PRICES = {
    "image": 10, "video": 250, "voice": 80, "voice-clone": 80, "avatar": 750, "clip": 30, "b-roll": 150,
    "text2video": 250, "commercial": 3000, "translate": 1800, "instant-ad": 750, "photoshoot": 30,
}  # fmt: skip


@pytest.fixture
def client(server: Server) -> GenerationClient:
    return GenerationClient(server)


def post(client: GenerationClient, kind: str, **fields: object) -> httpx.Response:
    return client.request("POST", f"/generate/{kind}", {**MINIMAL_BODIES[kind], **fields})


def list_violations(endpoint: Endpoint) -> Iterator[tuple[str, Any]]:
    """Yield (field, value) for each limit of the table: one value that lies just outside of it."""
    schema = msgspec.json.schema(endpoint.request)["$defs"][endpoint.request.__name__]
    for name, field in schema["properties"].items():
        options = field.get("anyOf", [field])
        limit = next((option for option in options if option.get("type") != "null"), field)
        if "enum" in limit:
            yield name, "none of them" if isinstance(limit["enum"][0], str) else 7
        if "maximum" in limit:
            yield name, limit["maximum"] + 1
            yield name, limit["minimum"] - 1
        if "maxLength" in limit:
            yield name, "x" * (limit["maxLength"] + 1)
            yield name, "  "
        if limit.get("type") == "boolean":
            yield name, "yes"
    for name in schema["required"]:
        yield name, msgspec.UNSET


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.kind)
def test_every_limit_of_the_table_is_a_400_that_names_its_field(server: Server, endpoint: Endpoint) -> None:
    client, problems = GenerationClient(server), []
    violations = list(list_violations(endpoint))
    assert len(violations) >= 3
    for number, (name, value) in enumerate(violations):
        if number % 4 == 3:  # below five requests in ten seconds of one workspace
            client = GenerationClient(server)
        body = {**MINIMAL_BODIES[endpoint.kind], name: value}
        if value is msgspec.UNSET:
            del body[name]
        response = client.request("POST", f"/generate/{endpoint.kind}", body)
        answer = response.json()
        if response.status_code != 400 or answer["code"] != "BAD_REQUEST" or f"`{name}`" not in answer["error"]:
            problems.append((name, str(value)[:20], response.status_code, answer))
    assert problems == []


def test_an_endpoint_without_its_engine_names_the_setting_before_it_asks_for_credits(server: Server) -> None:
    expected = {
        **dict.fromkeys(("image", "video", "avatar", "b-roll", "text2video"), "CARMIC_FAL_KEY"),
        **dict.fromkeys(("voice-clone", "commercial", "translate", "instant-ad", "photoshoot"), "has no engine"),
    }
    for kind, words in expected.items():
        client = GenerationClient(server)
        with server.database.write() as connection:
            credits.grant_month(connection, client.member.workspace_id, server.platform.settings.monthly_credits)
            spent = credits.NewCreditEntry(f"test:{client.member.workspace_id}", "charge", -50_000)
            credits.post_entry(connection, client.member.workspace_id, spent)
        response = post(client, kind)
        assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE"), kind
        assert words in response.json()["error"] and "retry-after" not in response.headers, kind
        assert client.get_credits() == 0 and client.request("GET", "/jobs").json()["data"] == []
        assert post(client, "clip").json()["code"] == "PAYMENT_REQUIRED"


def test_a_dry_run_tells_the_price_and_starts_nothing(client: GenerationClient) -> None:
    response = post(client, "clip", dryRun=True)
    assert response.status_code == 200
    assert response.json()["data"] == {
        "type": "clip", "credits": 30, "balance": 50_000, "engine": "pipeline", "model": None, "dryRun": True,
    }  # fmt: skip
    assert client.request("GET", "/jobs").json()["meta"]["total"] == 0
    for endpoint in ENDPOINTS:
        request = msgspec.convert(MINIMAL_BODIES[endpoint.kind], endpoint.request)
        assert endpoint.price(request) == PRICES[endpoint.kind], endpoint.kind


def test_a_start_answers_as_the_document_says(client: GenerationClient) -> None:
    response = post(client, "clip")
    data = response.json()["data"]
    assert response.status_code == 202 and set(data) == {"jobId", "status", "message"}
    assert (data["status"], data["message"]) == ("queued", "Clip generation job queued")
    job = client.get_job(data["jobId"])
    assert list(job) == [
        "jobId", "id", "type", "status", "progress", "outputUrl", "outputType", "outputs", "metadata", "error",
        "errorCode", "creditsCharged", "creditsRefunded", "createdAt", "startedAt", "completedAt", "failedAt",
        "expired",
    ]  # fmt: skip
    assert (job["type"], job["status"], job["creditsCharged"]) == ("clip", "queued", 30)
    assert client.get_credits() == 49_970
    listed = client.request("GET", "/jobs", params={"type": "clip", "status": "queued"}).json()
    assert [row["jobId"] for row in listed["data"]] == [data["jobId"]] and listed["meta"]["total"] == 1
    assert client.request("GET", "/jobs", params={"type": "image"}).json()["data"] == []


def test_a_repeated_idempotency_key_charges_once(client: GenerationClient) -> None:
    key = {"Idempotency-Key": "one"}
    first = client.request("POST", "/generate/clip", MINIMAL_BODIES["clip"], headers=key)
    second = client.request("POST", "/generate/clip", MINIMAL_BODIES["clip"], headers=key)
    assert (first.status_code, second.status_code, first.json()) == (202, 202, second.json())
    assert client.get_credits() == 49_970
    other = client.request("POST", "/generate/clip", {**MINIMAL_BODIES["clip"], "maxClips": 2}, headers=key)
    assert (other.status_code, other.json()["code"]) == (400, "BAD_REQUEST")


def test_concurrent_starts_spend_no_credit_twice(server: Server) -> None:
    client = GenerationClient(server, "FREE")
    with server.database.write() as connection:
        credits.grant_month(connection, client.member.workspace_id, server.platform.settings.monthly_credits)
        spent = credits.NewCreditEntry(f"test:{client.member.workspace_id}", "charge", -930)
        credits.post_entry(connection, client.member.workspace_id, spent)
    with ThreadPoolExecutor(5) as threads:
        statuses = sorted(threads.map(lambda _: post(client, "clip").status_code, range(5)))
    assert statuses == [202, 202, 402, 402, 402]
    assert client.get_credits() == 10


def test_a_cancelled_job_is_refunded_once(client: GenerationClient) -> None:
    job_id = client.start("clip")
    cancelled = client.request("POST", f"/jobs/{job_id}/cancel").json()["data"]
    assert (cancelled["status"], cancelled["errorCode"], cancelled["creditsRefunded"]) == ("failed", "CANCELLED", 30)
    assert cancelled["failedAt"] is not None and client.get_credits() == 50_000
    repeated = client.request("POST", f"/jobs/{job_id}/cancel")
    assert (repeated.status_code, repeated.json()["code"], client.get_credits()) == (409, "CONFLICT", 50_000)
    with client.server.database.write() as connection:
        assert not generation_jobs.fail(connection, job_id, "LOST")
        assert not generation_jobs.finish(connection, job_id, [], {})
    assert client.get_credits() == 50_000


def test_a_job_that_a_provider_has_begun_is_not_refunded_when_cancelled(client: GenerationClient) -> None:
    job_id = client.start("clip")
    with client.server.database.write() as connection:
        assert generation_jobs.mark_provider_started(connection, job_id)
    cancelled = client.request("POST", f"/jobs/{job_id}/cancel").json()["data"]
    assert (cancelled["creditsRefunded"], client.get_credits()) == (0, 49_970)


def test_webhook_payloads_are_those_of_the_document(client: GenerationClient) -> None:
    done, failed = client.start("clip"), client.start("clip")
    outputs = [{"object_key": f"workspaces/{client.member.workspace_id}/generations/{done}/a.mp4", "type": "video/mp4"}]
    with client.server.database.write() as connection:
        generation_jobs.finish(connection, done, outputs, {"clipCount": 1, "viralScores": [7.0]}, refunded=10)
        generation_jobs.fail(connection, failed, "LOST")
        events = {e.event: e.data for job in (done, failed) for e in outbox.list_for_subject(connection, f"job:{job}")}
    sign = WebhookDeliverer(client.server.platform).add_signed_url
    completed = sign("job.completed", events["job.completed"])
    assert list(completed) == [
        "jobId", "type", "status", "outputUrl", "outputType", "outputs", "metadata", "createdAt", "completedAt",
    ]  # fmt: skip
    assert completed["outputUrl"].startswith(f"http://127.0.0.1:{client.server.port}/api/store/workspaces/")
    assert completed["outputs"] == [{"url": completed["outputUrl"], "type": "video/mp4"}]
    failure = sign("job.failed", events["job.failed"])
    assert {"jobId", "type", "status", "error", "creditsRefunded", "createdAt", "failedAt"} <= set(failure)
    assert failure["creditsRefunded"] == 30 and failure["createdAt"].endswith("Z")
    assert client.get_job(done)["creditsRefunded"] == 10 and client.get_credits() == 50_000 - 20
    used = client.request("GET", "/usage").json()["data"]
    assert used["used"]["clips"] == 1 and used["plan"] == "enterprise" and used["cycleStart"] < used["cycleEnd"]


def test_a_stream_tells_the_progress_and_ends_with_the_job(server: Server, client: GenerationClient) -> None:
    job_id, stranger = client.start("clip"), GenerationClient(server)
    ticket = stranger.request("POST", "/v1/sse-ticket").json()["ticket"]
    assert client.request("GET", f"/jobs/{job_id}/stream", params={"ticket": ticket}).status_code == 404
    ticket = client.request("POST", "/v1/sse-ticket").json()["ticket"]
    messages: list[dict[str, Any]] = []
    with httpx.stream("GET", f"{server.base}/jobs/{job_id}/stream", params={"ticket": ticket}, timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                messages.append(msgspec.json.decode(line[5:]))
                if len(messages) == 1:
                    key = f"workspaces/{client.member.workspace_id}/generations/{job_id}/a.mp4"
                    with server.database.write() as connection:
                        generation_jobs.advance(connection, job_id, 40)
                        outputs = [{"object_key": key, "type": "video/mp4"}]
                        generation_jobs.finish(connection, job_id, outputs, {"clipCount": 1})
    assert [(m["status"], m.get("progress")) for m in messages] == [
        ("queued", 0), ("processing", 40), ("completed", None),
    ]  # fmt: skip
    assert messages[-1]["outputUrl"].startswith("http") and "object_key" not in str(messages[-1]["outputs"])


def test_every_answer_carries_its_rate_window(server: Server, client: GenerationClient) -> None:
    last = [post(client, "clip", dryRun=True) for _ in range(6)][-1]
    assert (last.status_code, last.json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(last.headers["retry-after"]) <= 10
    assert (last.headers["x-ratelimit-limit"], last.headers["x-ratelimit-remaining"]) == ("5", "0")
    assert client.request("GET", "/usage").headers["x-ratelimit-limit"] == "20"
    assert client.request("GET", "/voice-agent/calls").json() == {"data": []}
    unknown = httpx.post(f"{server.base}/generate/image", json={}, headers={"Authorization": "Bearer sk_live_no"})
    assert (unknown.status_code, unknown.json()["code"], unknown.headers["x-ratelimit-limit"]) == (
        401, "UNAUTHORIZED", "5",
    )  # fmt: skip


def test_expired_files_are_deleted_and_their_urls_null(client: GenerationClient) -> None:
    job_id, platform = client.start("clip"), client.server.platform
    key = f"{generation_jobs.key_prefix(client.member.workspace_id, job_id)}outputs/a.mp4"
    platform.store.put_bytes(key, b"a clip")
    with platform.database.write() as connection:
        generation_jobs.finish(connection, job_id, [{"object_key": key, "type": "video/mp4"}], {})
        ended = update(generation_jobs_table).where(generation_jobs_table.c.id == job_id)
        connection.execute(ended.values(finished_at=now() - timedelta(days=31)))
    assert client.get_job(job_id)["outputUrl"] is not None
    partitions: list[str] = []
    instance = SimpleNamespace(delete_dynamic_partition=lambda _, name: partitions.append(name))
    assert housekeeping.delete_expired_generations(platform, SimpleNamespace(instance=instance)) == 1  # type: ignore[arg-type]
    job = client.get_job(job_id)
    assert (job["expired"], job["outputUrl"], job["outputs"]) == (True, None, [{"url": None, "type": "video/mp4"}])
    assert partitions == [job_id] and platform.store.stat(key) is None


def test_models_and_voices_tell_what_is_missing(client: GenerationClient) -> None:
    models = {model["name"]: model for model in client.request("GET", "/models").json()["data"]}
    named = {name for e in ENDPOINTS for name in _model_names(e)}
    assert named and named <= set(models)
    assert models["flux-2-pro"]["setting"] == "CARMIC_FAL_KEY" and not models["flux-2-pro"]["available"]
    assert models["flux-2-pro"]["credits"] == {"image": 10}
    assert models["flux-2-pro"]["sizes"]["image"]["width"] == {
        "type": "integer", "minimum": 256, "maximum": 2048, "default": 1024,
    }  # fmt: skip
    voices = client.request("GET", "/voices").json()["data"]
    assert len(voices) == 54 and voices[0]["voiceId"] == "af_heart" and voices[0]["language"] == "en-us"


def _model_names(endpoint: Endpoint) -> list[str]:
    schema = msgspec.json.schema(endpoint.request)["$defs"][endpoint.request.__name__]["properties"]
    field = schema.get("model", {})
    return [name for option in field.get("anyOf", [field]) for name in option.get("enum", ())]


def test_inputs_must_be_public_or_the_workspaces_own(
    server: Server, client: GenerationClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    video = write_numbered_video(tmp_path_factory.mktemp("upload") / "a.mp4", seconds=0.4)
    form = {"file": ("a.mp4", video.read_bytes(), "video/mp4")}
    wrong = client.request("POST", "/upload/image", files=form)
    assert (wrong.status_code, wrong.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    media = client.request("POST", "/upload/video", files=form).json()["data"]
    for source in (media["id"], media["url"]):
        assert client.get_row(client.start("clip", sourceVideoUrl=source)).inputs == {
            "sourceVideoUrl": [{"object_key": media["object_key"]}]
        }
    stranger = GenerationClient(server)
    for source, status in ((media["id"], 404), (media["url"], 404), ("http://169.254.169.254/latest", 400)):
        assert post(stranger, "clip", sourceVideoUrl=source).status_code == status, source
    assert post(client, "photoshoot", productImage=media["id"]).status_code == 400
    assert stranger.request("GET", "/jobs", params={"id": client.start("clip")}).status_code == 404


def test_kokoro_speaks_only_its_languages_in_their_voices(
    client: GenerationClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    install_voices(tmp_path_factory.mktemp("voices"))
    german = post(client, "voice", language="de")
    assert german.status_code == 400 and "`language`" in german.json()["error"]
    spanish = post(client, "voice", language="es", voiceId="af_heart")
    assert spanish.status_code == 400 and "`voiceId`" in spanish.json()["error"]
    started = post(client, "voice")
    assert started.json()["data"]["estimatedMinutes"] == 1
    assert client.get_row(started.json()["data"]["jobId"]).model == "kokoro"
    assert ENDPOINT_BY_KIND["voice"].credits == 80 and client.get_credits() == 49_920
