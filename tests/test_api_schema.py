"""The server conforms to its own schema: schemathesis calls every operation with generated requests."""

import difflib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest

from api.event_payloads import PAYLOADS, JobProgressEvent, TimelineEvent
from api.openapi_changes import list_breaking_changes
from api.openapi_document import list_undescribed
from api_server import Server
from api_talk import create_analysed_project
from resources import (
    exports,
    generation_jobs,
    outbox,
    projects,
    renders,
    run_intents,
    timeline_jobs,
    timeline_variants,
    timelines,
)
from resources.generation_jobs import NewGeneration
from resources.outbox import WEBHOOK_EVENTS
from resources.timeline_variants import NewVariant
from sensors.webhook_delivery import WebhookDeliverer

OPENAPI_FILE = Path(__file__).parents[1] / "openapi.json"

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_the_reference_works_without_internet(server: Server) -> None:
    page = httpx.get(server.base + "/docs")
    assert page.status_code == 200
    urls = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert any(url.startswith("/api/docs/assets/") for url in urls)
    for url in urls:  # fetched by the browser; the embedded schema may hold URLs as examples
        assert not url.startswith(("http:", "https:", "//")), url
        if url.startswith("/api/docs/assets/"):
            assert httpx.get(f"http://127.0.0.1:{server.port}{url}").status_code == 200
    schema = httpx.get(server.base + "/schema/openapi.json").json()
    assert len(schema["paths"]) > 60
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            statuses = set(operation["responses"])
            assert {"400", "500"} <= statuses, (method, path)
            if operation.get("security"):
                assert {"401", "403"} <= statuses, (method, path)


def test_everything_in_the_schema_has_a_text_and_an_example(server: Server) -> None:
    schema = httpx.get(server.base + "/schema/openapi.json").json()
    assert list_undescribed(schema) == []
    assert not [name for name in schema["components"]["schemas"] if not re.fullmatch(r"[A-Za-z0-9]+", name)]
    summaries = [operation["summary"] for item in schema["paths"].values() for operation in item.values()]
    assert [summary for summary in summaries if len(summary) > 110 or summary.endswith(".")] == []
    assert set(schema["webhooks"]) == set(WEBHOOK_EVENTS) == set(PAYLOADS)
    del schema["components"]["schemas"]["ClipBrief"]["properties"]["title"]["description"]
    assert list_undescribed(schema) == ["ClipBrief.title"]


def test_the_committed_schema_is_that_of_the_server(server: Server) -> None:
    schema = httpx.get(server.base + "/schema/openapi.json").json()
    committed = OPENAPI_FILE.read_text().splitlines()
    lines = json.dumps(schema, indent=1, ensure_ascii=False).splitlines()
    difference = list(difflib.unified_diff(committed, lines, "openapi.json", "the server", lineterm="", n=2))
    assert difference == [], "run `make openapi`:\n" + "\n".join(difference[:80])


def test_changes_that_break_clients_are_named() -> None:
    earlier = json.loads(OPENAPI_FILE.read_text())
    later = json.loads(OPENAPI_FILE.read_text())
    assert list_breaking_changes(earlier, later) == []
    del later["paths"]["/api/v1/projects/{project_id}"]["delete"]
    schemas = later["components"]["schemas"]
    del schemas["ClipBrief"]["properties"]["title"]
    schemas["ProjectRequest"]["required"].append("duration")
    schemas["ProjectOut"]["properties"]["filesize"]["type"] = "string"
    schemas["Ok"]["properties"]["hint"] = {"type": "string"}  # an addition breaks nobody
    assert sorted(list_breaking_changes(earlier, later)) == [
        "ClipBrief.title was removed.",
        "DELETE /api/v1/projects/{project_id} was removed.",
        "ProjectOut.filesize has another type.",
        "ProjectRequest.duration is now required.",
    ]


def test_errors_name_their_field_request_and_operation(server: Server) -> None:
    member = server.create_member()
    response = member.call("GET", "/v1/projects", params={"limit": 0}, headers={"X-Request-ID": "test-17"})
    assert response.status_code == 400
    error = response.json()
    assert error.pop("error").startswith("`limit` must be")
    assert error == {
        "code": 400,
        "type": "BAD_REQUEST",
        "param": "limit",
        "request_id": "test-17",
        "doc_url": f"http://127.0.0.1:{server.port}/api/docs#/Projects/projects.list",
    }
    unknown = member.call("GET", "/v1/nothing").json()
    assert (unknown["param"], unknown["doc_url"]) == (None, f"http://127.0.0.1:{server.port}/api/docs")
    assert set(member.call("GET", "/project/1").json()) == {"error", "code"}  # the shape of the timeline API
    misspelt = member.call("GET", "/v1/projects", params={"lim": 1})
    assert (misspelt.status_code, misspelt.json()["param"]) == (400, "lim")
    assert member.call("OPTIONS", "/v1/projects", params={"lim": 1}).status_code == 204


def test_recorded_events_have_the_shapes_of_the_schema(server: Server) -> None:
    member = server.create_member()
    project, clip = create_analysed_project(member)
    with server.database.write() as connection:
        first_id = outbox.get_newest_id(connection)
        for finish in (
            lambda render_id: renders.finish(connection, render_id, "a/clip.mp4", {}),
            lambda render_id: renders.fail(connection, render_id, "The source was deleted. Upload it again."),
        ):
            finish(renders.queue(connection, clip, run_intents.new_run_id()).id)
        export, _ = exports.request(connection, clip, "premiere", False, run_intents.new_run_id())
        exports.finish(connection, export.id, "a/package.zip", 1024)
        projects.refresh_listing(connection, project.id)
    assert check_payloads(server, first_id) >= {
        "clip.rendered", "clip.render_failed", "job.completed", "job.failed", "export.completed", "project.clips_ready",
        "project.status",
    }  # fmt: skip


def test_events_of_generations_and_timelines_have_the_shapes_of_the_schema(server: Server) -> None:
    member = server.create_member()
    timeline_id = member.call("POST", "/project", json={"name": "Trailer"}).json()["id"]
    request = NewGeneration("voice", "kokoro", "kokoro", {}, {}, 80)
    with server.database.write() as connection:
        first_id = outbox.get_newest_id(connection)
        jobs = [
            generation_jobs.enqueue(connection, member.workspace_id, None, request, {"FREE": 1000}) for _ in range(2)
        ]
        outputs = [{"object_key": "a/voice.wav", "type": "audio/wav"}]
        generation_jobs.finish(connection, jobs[0].id, outputs, {"model": "kokoro"})
        generation_jobs.fail(connection, jobs[1].id, "TIMEOUT")
        progress = [event.data for event in outbox.list_after(connection, first_id) if event.event == "job.progress"]
        timeline = timelines.get(connection, timeline_id)
        assert timeline is not None
        edit = timeline_jobs.enqueue(connection, timeline, "generate", {})
        files = ("a/variant.mp4", "a/preview.jpg", "a/comparison.jpg")
        timeline_variants.create(connection, edit, NewVariant(0, "as asked", {}, *files, {}, 100, {}, 87.2, []))
        timeline_variants.record_failure(connection, edit, 1, "stronger", "The region is too small. Draw a larger box.")
        timeline_jobs.finish(connection, edit.id, None, {})
        export = timeline_jobs.enqueue(connection, timeline, "export", {})
        timeline_jobs.finish(connection, export.id, "a/export.mp4", {})
    assert len(progress) == 2
    for data in progress:
        assert msgspec.to_builtins(msgspec.convert(data, JobProgressEvent)).keys() == data.keys()
    revision = timelines.build_event_data(timeline_id, 17, "trim", 5)
    assert msgspec.to_builtins(msgspec.convert(revision, TimelineEvent)) == revision
    assert check_payloads(server, first_id) == {
        "job.completed", "job.failed", "timeline_job.completed", "timeline_export.completed", "timeline_variant.ready",
        "timeline_variant.failed",
    }  # fmt: skip


def check_payloads(server: Server, after_id: int) -> set[str]:
    """Compare the data of the events after an id with their payloads. Returns the names of the events."""
    deliverer = WebhookDeliverer(server.platform)
    with server.database.read() as connection:
        events = [event for event in outbox.list_after(connection, after_id) if event.event in PAYLOADS]
    for event in events:
        data = deliverer.add_signed_url(event.event, event.data)
        payload = msgspec.convert(data, PAYLOADS[event.event][0])
        assert set(data) == set(msgspec.to_builtins(payload)), event.event
    return {event.event for event in events}


def test_every_path_of_the_reference_document_exists(server: Server) -> None:
    schema = httpx.get(server.base + "/schema/openapi.json").json()["paths"]
    operations = {f"{method.upper()} {re.sub('{.*?}', '{}', path)}" for path, item in schema.items() for method in item}
    for line in REFERENCE_PATHS.strip().splitlines():
        method, path = line.split()
        assert f"{method} /api/v1{re.sub('{.*?}', '{}', path)}" in operations, line


@pytest.mark.rare
def test_generated_requests_conform_to_the_schema(server: Server, tmp_path: Path) -> None:
    command = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert command is not None, "schemathesis is missing: `make setup` installs it"
    member = server.create_member("ENTERPRISE")
    create_analysed_project(member)
    run = subprocess.run(
        [
            command, "--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run",
            server.base + "/schema/openapi.json", "--phases", "examples,coverage,fuzzing,stateful",
            "-n", "30", "--seed", "1", "--generation-database", "none", "--suppress-health-check", "all",
            "--checks", CHECKS, "--no-color", "--exclude-path-regex", "(stream|leave|uploads/{token})$",
            "-H", f"Authorization: Bearer {member.token}", "-H", f"X-Workspace-ID: {member.workspace_id}",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:]


REFERENCE_PATHS = """
POST /auth/register
POST /auth/login
POST /auth/refresh
POST /auth/logout
POST /auth/password-reset
POST /auth/password-reset/confirm
GET /me
PATCH /me
POST /{workspace_id}/invite
PATCH /{workspace_id}/members/{user_id}
DELETE /{workspace_id}/members/{user_id}
POST /projects/create
POST /projects/{project_id}/process
POST /projects/create-from-url
GET /projects/{project_id}/status
POST /projects/{project_id}/cancel
DELETE /projects/{project_id}/cancel
GET /projects
GET /projects/{project_id}
DELETE /projects/{project_id}
GET /projects/caption-templates
GET /clips/{clip_id}
PUT /clips/{clip_id}
POST /clips/{clip_id}/render
POST /clips/{clip_id}/retry-render
POST /clips/{clip_id}/rebuild-layout
GET /clips/{clip_id}/render-progress
GET /clips/{clip_id}/video
GET /clips/{clip_id}/source-video
POST /clips/{clip_id}/emoji-fill
POST /clips/{clip_id}/subtitle-dry-run
GET /stock-videos
GET /stock-search
GET /stock-videos-pexels
POST /clips/{clip_id}/generate-broll
GET /clips/{clip_id}/broll
POST /clips/{clip_id}/custom-media/presign
GET /clips/{clip_id}/custom-media
POST /workspaces/media
POST /storage/upload-url
POST /storage/playback-url
POST /clips/{clip_id}/exports
GET /exports/{export_id}
GET /clips/{clip_id}/exports
GET /exports/{export_id}/stream
GET /templates
POST /templates
DELETE /templates/{template_id}
GET /templates/defaults
PUT /templates/defaults/{ratio}
DELETE /templates/defaults/{ratio}
POST /templates/{template_id}/regenerate-previews
GET /media
POST /media/presign
POST /media/confirm
GET /media/stats
DELETE /media/{media_id}
GET /social/accounts
POST /social/connect/{platform}
POST /social/callback/{platform}
DELETE /social/disconnect/{account_id}
PATCH /social/toggle/{account_id}
POST /social/refresh/{platform_id}
GET /health
POST /sse-ticket
GET /projects/{project_id}/stream
"""
