"""The API over PostgreSQL and an S3 bucket on real servers: concurrent requests, and direct access to the bucket."""

import base64
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from api_server import Server, run_server
from api_talk import add_proxy, create_analysed_project, shows_proxy
from real_servers import ANY_CREDENTIALS, run_postgres, run_s3
from resources import ledger, projects
from test_api_library import build_png


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("servers")
    with (
        run_postgres(folder / "pg") as database,
        run_s3(tmp_path_factory.mktemp("s3")) as store,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("AWS_ACCESS_KEY_ID", ANY_CREDENTIALS["aws_access_key_id"])
        environment.setenv("AWS_SECRET_ACCESS_KEY", ANY_CREDENTIALS["aws_secret_access_key"])
        with run_server(
            tmp_path_factory.mktemp("home"),
            database_url=database,
            store_url="s3://carmic/here",
            s3_endpoint=store,
            trusted_proxies="127.0.0.0/8",
        ) as server:
            yield server


def test_a_video_is_uploaded_to_the_bucket_and_its_clip_edited(cluster: Server) -> None:
    member = cluster.create_member("STANDARD")
    body = {"filename": "talk.mp4", "filesize": 5, "content_type": "video/mp4", "duration": 60}
    created = member.call("POST", "/v1/projects/create", json=body)
    assert created.status_code == 201, created.text
    project = created.json()["data"]
    uploaded = httpx.put(project["upload_url"], content=b"video", headers={"Content-Type": "video/mp4"})
    assert uploaded.status_code == 200, uploaded.text
    assert member.call("POST", f"/v1/projects/{project['project_id']}/process").status_code == 202
    assert member.call("GET", "/v1/projects?search=TALK").json()["meta"]["total"] == 1
    clip = create_analysed_project(member)[1]
    payload = member.call("GET", f"/v1/clips/{clip.id}").json()["data"]
    assert payload["ai_suggested_layout_timeline"] and payload["transcript"]["words"]
    assert member.call("PUT", f"/v1/clips/{clip.id}", json={"title": "New"}).json()["data"]["title"] == "New"
    assert httpx.get(payload["source_video_url"], follow_redirects=True).content == b"the source itself"
    assert member.call("POST", f"/v1/clips/{clip.id}/render").status_code == 202
    assert member.call("POST", f"/v1/clips/{clip.id}/render").status_code == 409
    assert member.call("GET", "/v1/usage").status_code == 200


def test_subtitle_preview_reads_a_part_of_the_proxy_from_the_bucket(cluster: Server, tmp_path: Path) -> None:
    member = cluster.create_member("STANDARD")
    project, clip = create_analysed_project(member)
    path = f"/v1/clips/{clip.id}/subtitle-dry-run"
    without = member.call("POST", path).json()["data"]
    assert without["captions"] and without["still_url"] is None
    add_proxy(member, project, tmp_path)
    assert shows_proxy(member.call("POST", path).json()["data"]["still_url"], (1080, 1920))


def test_bucket_urls_of_own_media_are_accepted(cluster: Server) -> None:
    member = cluster.create_member("STANDARD")
    clip = create_analysed_project(member)[1]
    sent = member.call("POST", "/v1/workspaces/media", files={"file": ("logo.png", build_png(), "image/png")})
    assert sent.status_code == 201, sent.text
    for file in (sent.json()["data"][name] for name in ("id", "url", "object_key")):
        config = {"elements": {"watermark": {"enabled": True, "imageUrl": file}}}
        assert member.call("PUT", f"/v1/clips/{clip.id}", json=config).status_code == 200, file
    for path, status in (("media/gone.png", 422), ("no key of any store", 422), ("a\0b", 400)):
        config = {"elements": {"watermark": {"imageUrl": f"workspaces/{member.workspace_id}/{path}"}}}
        assert member.call("PUT", f"/v1/clips/{clip.id}", json=config).status_code == status, path


def test_nul_characters_never_reach_the_database(cluster: Server) -> None:
    member = cluster.create_member("STANDARD")
    for path in ("/v1/projects?search=%00", "/v1/media?search=a%00b"):
        assert member.call("GET", path).status_code == 400, path
    assert member.call("DELETE", "/v1/templates/a%00b").status_code == 400
    assert member.call("POST", "/v1/templates/%00/regenerate-previews").status_code == 400
    assert member.call("PUT", "/v1/templates/defaults/9_16", json={"template_id": "a\0"}).status_code == 400
    assert member.call("PUT", "/v1/templates/defaults/a%00", json={"template_id": "a"}).status_code == 400
    assert member.call("POST", "/v1/social/refresh/%00").status_code == 404
    named = base64.b64encode(b"a\0b").decode()
    begin = {"Upload-Length": "1", "Upload-Metadata": f"project_id {named}"}
    assert member.call("POST", "/v1/uploads", headers=begin).status_code == 404
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a\0b.png"\r\n\r\nnothing\r\n--x--\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert member.call("POST", "/v1/workspaces/media", content=body, headers=form).status_code == 400
    assert httpx.get(f"{cluster.base}/v1/projects/{uuid.uuid4()}/stream?ticket=%00").status_code == 401
    assert cluster.log.read_text().count('"unexpected"') == 0


def test_a_resumable_upload_becomes_one_object(cluster: Server) -> None:
    member = cluster.create_member()
    data = bytes(range(256)) * 40_000  # more than one part
    body = {"filename": "talk.mp4", "filesize": len(data), "content_type": "video/mp4"}
    project = member.call("POST", "/v1/projects/create", json=body).json()["data"]
    metadata = base64.b64encode(project["project_id"].encode()).decode()
    begin = {"Upload-Length": str(len(data)), "Upload-Metadata": f"project_id {metadata}"}
    upload_url = member.call("POST", "/v1/uploads", headers=begin).headers["location"]
    patch = {"Content-Type": "application/offset+octet-stream"}
    first = httpx.patch(upload_url, headers={**patch, "Upload-Offset": "0"}, content=data[:9_000_000], timeout=60)
    assert first.status_code == 204, first.text
    offset = int(httpx.head(upload_url).headers["upload-offset"])
    assert offset == int(first.headers["upload-offset"]) == 8 * 1024**2  # the last complete part
    rest = httpx.patch(upload_url, headers={**patch, "Upload-Offset": str(offset)}, content=data[offset:], timeout=60)
    assert rest.status_code == 204 and rest.headers["upload-offset"] == str(len(data))
    assert cluster.platform.store.get_bytes(project["object_key"]) == data


def test_concurrent_requests_have_one_effect(cluster: Server) -> None:
    member = cluster.create_member("ENTERPRISE")
    with cluster.database.write() as connection:
        ledger.grant_month(connection, member.workspace_id)
        spare = ledger.get_balance_ms(connection, member.workspace_id) - 2 * ledger.MINUTE_MS
        ledger.post_entry(connection, member.workspace_id, ledger.NewEntry(f"test:{uuid.uuid4()}", "render", -spare))
    body = {"filename": "talk.mp4", "filesize": 5, "content_type": "video/mp4", "duration": 60}
    gate = threading.Barrier(16)

    def create(_: int) -> int:
        gate.wait()
        return member.call("POST", "/v1/projects/create", json=body).status_code

    def repeat(_: int) -> str:
        gate.wait()
        key = {"Idempotency-Key": "the same"}
        return other.call("POST", "/v1/projects/create", json=body, headers=key).text

    def refresh(_: int) -> int:
        gate.wait()
        return httpx.post(f"{cluster.base}/v1/auth/refresh", json={"refresh": other.refresh}, timeout=60).status_code

    def package(_: int) -> str:
        gate.wait()
        return member.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "premiere"}).text

    def template(_: int) -> int:
        gate.wait()
        return member.call("POST", "/v1/templates", json={"name": "One", "template_config": {}}).status_code

    def invite(_: int) -> int:
        gate.wait()
        body = {"email": "somebody@example.com"}
        return member.call("POST", f"/v1/{member.workspace_id}/invite", json=body).status_code

    clip = create_analysed_project(member)[1]
    other = cluster.create_member()
    with ThreadPoolExecutor(16) as pool:
        created = list(pool.map(create, range(16)))
        assert created.count(201) == 2 and set(created) == {201, 402}
        responses = set(pool.map(repeat, range(16)))
        assert len(responses) == 1 and "project_id" in responses.pop()
        assert sorted(pool.map(refresh, range(16))) == [200] * 2 + [401] * 14
        responses = set(pool.map(package, range(16)))
        assert len(responses) == 1 and "export_id" in responses.pop()
        assert sorted(pool.map(template, range(16))) == [201] + [409] * 15
        assert set(pool.map(invite, range(16))) == {201}
    with cluster.database.read() as connection:
        assert projects.list_page(connection, other.workspace_id)[1] == 1
