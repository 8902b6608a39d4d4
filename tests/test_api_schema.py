"""The server conforms to its own schema: schemathesis calls every operation with generated requests."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api_server import Server
from api_talk import create_analysed_project

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


def test_every_path_of_the_reference_document_exists(server: Server) -> None:
    schema = httpx.get(server.base + "/schema/openapi.json").json()["paths"]
    operations = {f"{method.upper()} {re.sub('{.*?}', '{}', path)}" for path, item in schema.items() for method in item}
    for line in REFERENCE_PATHS.strip().splitlines():
        method, path = line.split()
        assert f"{method} /api/v1{re.sub('{.*?}', '{}', path)}" in operations, line


@pytest.mark.slow
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
            "--checks", CHECKS, "--no-color", "--exclude-path-regex", "stream$",
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
