"""Uploads: declared sizes, the storage limit, and deletion."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from dagster import DagsterInstance
from sqlalchemy import select, update

from api_server import Member, Server, run_server
from api_talk import create_analysed_project
from resources import projects
from resources.database import tables
from resources.database.engine import now
from resources.file_names import clean_file_name, clean_title, read_url_name
from resources.run_submission import Submitter
from sensors.housekeeping import run_housekeeping
from sensors.project_purge import erase_purged_projects, purge_deleted_projects
from test_api_library import build_png

VIDEO = {"Content-Type": "video/mp4"}
FREE_BYTES = 1024**3


def create(member: Member, size: int) -> dict[str, str]:
    body = {"filename": "talk.mp4", "filesize": size}
    return member.call("POST", "/v1/projects/create", json=body).json()["data"]


def test_an_upload_of_another_size_is_409_with_both_numbers(server: Server) -> None:
    member = server.create_member()
    project = create(member, 1000)
    assert httpx.put(project["upload_url"], content=b"x" * 620, headers=VIDEO).status_code == 200
    refused = member.call("POST", f"/v1/projects/{project['project_id']}/process")
    assert refused.status_code == 409
    assert "620 bytes" in refused.json()["error"] and "1000" in refused.json()["error"]
    assert httpx.put(project["upload_url"], content=b"x" * 1000, headers=VIDEO).status_code == 200
    assert member.call("POST", f"/v1/projects/{project['project_id']}/process").status_code == 202


def test_the_upload_url_of_a_project_takes_no_more_than_the_declared_size(server: Server) -> None:
    """It took as much as the server's limit, whatever the project had declared."""
    member = server.create_member()
    project, timeline = create(member, 1000), member.call("POST", "/project", json={"name": "Talk"}).json()
    body = {"file_name": "talk.mp4", "content_type": "video/mp4", "file_size": 1000}
    asset = member.call("POST", f"/project/{timeline['id']}/upload", json=body).json()
    for url in (project["upload_url"], asset["upload_url"]):
        refused = httpx.put(url, content=b"x" * 1001, headers=VIDEO)
        assert refused.status_code == 413 and "1000 bytes" in refused.json()["error"]


def test_an_upload_url_without_a_size_counts_as_100_mib(server: Server) -> None:
    """The reference document's request names no size, so the URL is for the most that it may become."""
    member = server.create_member()
    body = {"filename": "a.mp4", "content_type": "video/mp4"}
    assert member.call("POST", "/v1/storage/upload-url", json=body).status_code == 200
    assert member.call("GET", "/v1/media/stats").json()["data"]["pending_bytes"] == 100 * 1024**2


PAGE = b"<!doctype html><script>fetch('/api/v1/auth/refresh', {method: 'POST'})</script>"


@pytest.mark.parametrize("content_type", ["image/png", "video/mp4"])
def test_a_page_that_is_uploaded_as_media_is_never_run_by_a_browser(server: Server, content_type: str) -> None:
    """Uploads are served from the API's origin, where cookie sessions are valid."""
    member = server.create_member()
    for refused in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/html, image/png"):
        body = {"filename": "a.png", "content_type": refused, "file_size": len(PAGE)}
        assert member.call("POST", "/v1/storage/upload-url", json=body).status_code == 415
    body = {"filename": "a.html", "content_type": content_type, "file_size": len(PAGE)}
    upload = member.call("POST", "/v1/storage/upload-url", json=body).json()["data"]
    assert upload["object_key"].endswith((".png", ".mp4"))
    httpx.put(upload["upload_url"], content=PAGE).raise_for_status()
    key = {"object_key": upload["object_key"]}
    served = httpx.get(member.call("POST", "/v1/storage/playback-url", json=key).json()["data"]["url"])
    assert served.content == PAGE and served.headers["content-type"] == content_type
    assert served.headers["x-content-type-options"] == "nosniff"
    policy = [part.strip() for part in served.headers["content-security-policy"].split(";")]
    assert "sandbox" in policy and "default-src 'none'" in policy


def test_a_checksum_that_does_not_fit_stores_nothing(server: Server) -> None:
    member, data = server.create_member(), b"v" * 1000
    project = create(member, len(data))
    md5, sha256 = (base64.b64encode(hashlib.new(name, data).digest()).decode() for name in ("md5", "sha256"))
    for header, value in (
        ("Content-MD5", base64.b64encode(bytes(16)).decode()),
        ("x-amz-checksum-sha256", md5),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("Content-MD5", "no base64"),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
    ):
        refused = httpx.put(project["upload_url"], content=data, headers={**VIDEO, header: value})
        assert refused.status_code == 400 and header.lower() in refused.json()["error"], refused.text
        assert server.platform.store.stat(project["object_key"]) is None
    checksums = {"Content-MD5": md5, "x-amz-checksum-sha256": sha256}
    assert httpx.put(project["upload_url"], content=data, headers={**VIDEO, **checksums}).status_code == 200


def test_a_presigned_upload_counts_until_it_is_confirmed_or_cancelled(server: Server) -> None:
    """Otherwise a client could use any number of upload URLs, each for the complete remaining storage."""
    member, png = server.create_member(), build_png()
    large = {"filename": "a.mp4", "content_type": "video/mp4", "file_size": FREE_BYTES - 1000}
    assert member.call("POST", "/v1/media/presign", json=large).status_code == 200
    for path in ("/v1/media/presign", "/v1/storage/upload-url"):
        assert member.call("POST", path, json=large).status_code == 402
    (pending,) = member.call("GET", "/v1/media/uploads").json()["data"]
    assert (pending["filename"], pending["file_size"]) == ("a.mp4", FREE_BYTES - 1000)
    assert member.call("GET", "/v1/media/stats").json()["data"]["pending_bytes"] == FREE_BYTES - 1000
    assert server.create_member().call("DELETE", f"/v1/media/uploads/{pending['id']}").status_code == 404
    assert member.call("DELETE", f"/v1/media/uploads/{pending['id']}").status_code == 200
    small = {"filename": "C:\\me\\logo.png", "content_type": "image/png", "file_size": len(png)}
    signed = member.call("POST", "/v1/storage/upload-url", json=small).json()["data"]
    assert httpx.put(signed["upload_url"], content=png + b"x").status_code == 413
    assert httpx.put(signed["upload_url"], content=png).status_code == 200
    confirmed = member.call("POST", "/v1/media/confirm", json={"object_key": signed["object_key"]})
    assert confirmed.status_code == 201 and confirmed.json()["data"]["filename"] == "logo.png"
    stats = member.call("GET", "/v1/media/stats").json()["data"]
    assert (stats["pending_count"], stats["storage_used_bytes"]) == (0, len(png))


@pytest.fixture
def submitter(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Submitter]:
    monkeypatch.setenv("DAGSTER_HOME", str(server.home / "dagster"))
    submitter = Submitter(server.platform)
    with DagsterInstance.ephemeral() as instance:
        submitter.__dict__["instance"] = instance
        yield submitter


def test_an_upload_that_is_never_confirmed_is_deleted_after_a_day(server: Server, submitter: Submitter) -> None:
    member, png = server.create_member(), build_png()
    body = {"filename": "a.png", "content_type": "image/png", "file_size": len(png)}
    old, new = (member.call("POST", "/v1/storage/upload-url", json=body).json()["data"] for _ in range(2))
    for signed in (old, new):
        httpx.put(signed["upload_url"], content=png).raise_for_status()
    with server.database.write() as connection:
        is_old = tables.pending_uploads.c.object_key == old["object_key"]
        connection.execute(update(tables.pending_uploads).where(is_old).values(expires_at=now() - timedelta(hours=1)))
    assert "1 expired uploads" in run_housekeeping(server.platform, submitter)
    store = server.platform.store
    assert store.stat(old["object_key"]) is None and store.stat(new["object_key"]) is not None
    assert [row["object_key"] for row in member.call("GET", "/v1/media/uploads").json()["data"]] == [new["object_key"]]


def test_a_deleted_project_leaves_neither_rows_nor_objects(server: Server, submitter: Submitter) -> None:
    """This includes titles, search text, events and the files of clips."""
    member, png = server.create_member("STANDARD"), build_png()
    project, clip = create_analysed_project(member)
    body = {"filename": "of-clip.png", "content_type": "image/png", "file_size": len(png)}
    signed = member.call("POST", f"/v1/clips/{clip.id}/custom-media/presign", json=body).json()["data"]
    assert signed["object_key"].startswith(projects.key_prefix(member.workspace_id, project.id))
    httpx.put(signed["upload_url"], content=png, headers={"Content-Type": "image/png"}).raise_for_status()
    assert member.call("POST", "/v1/media/confirm", json={"object_key": signed["object_key"]}).status_code == 201
    assert member.call("PUT", f"/v1/clips/{clip.id}", json={"title": "A very secret title"}).status_code == 200
    assert member.call("POST", f"/v1/clips/{clip.id}/render").status_code == 202
    assert member.call("DELETE", f"/v1/projects/{project.id}").status_code == 200
    purge_deleted_projects(server.platform, submitter)
    assert list(server.platform.store.list(projects.key_prefix(member.workspace_id, project.id))) == []
    assert erase_purged_projects(server.platform) == ""  # its last webhooks are still being sent
    with server.database.write() as connection:
        purged = tables.projects.c.id == project.id
        connection.execute(update(tables.projects).where(purged).values(purged_at=now() - timedelta(hours=2)))
    assert erase_purged_projects(server.platform) == f"erased {project.id}"
    with server.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                text = str(tuple(row))
                assert "A very secret title" not in text, table.name
                assert project.id not in text or table.name == "ledger", (table.name, text)
                assert "of-clip.png" not in text, table.name


def test_names_are_those_of_files(server: Server) -> None:
    for text, name in (
        ("C:\\Users\\me\\talk.mp4", "talk.mp4"),
        ("../../etc/passwd", "passwd"),
        ("a\nb\x1b[31m.png", "a b[31m.png"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("..", "file"),
        ("", "file"),
    ):
        assert clean_file_name(text) == name
    assert clean_title(" a\r\n b\x00 ") == "a b"
    assert read_url_name("http://x/vid%C3%A9o%20%F0%9F%8E%AC?a=b") == "vidéo 🎬"
    assert read_url_name("https://example.com/") == "video"
    member = server.create_member("STANDARD")
    body = {"filename": "C:\\Users\\me\\Holiday.mp4", "filesize": 10}
    created = member.call("POST", "/v1/projects/create", json=body).json()["data"]
    assert member.call("GET", f"/v1/projects/{created['project_id']}").json()["data"]["title"] == "Holiday"
    url = "https://127.0.0.1/" + quote("vidéo 🎬.mp4")
    started = member.call("POST", "/v1/projects/create-from-url", json={"url": url})
    project = member.call("GET", f"/v1/projects/{started.json()['data']['project_id']}").json()["data"]
    assert (project["title"], project["filename"]) == ("vidéo 🎬", "vidéo 🎬.mp4")
    disposition = b'form-data; name="file"; filename="x.png"; filename*=UTF-8\'\'..%2Fa%2Flo%0Ago.png'
    form = b"--x\r\nContent-Disposition: %s\r\nContent-Type: image/png\r\n\r\n%s\r\n--x--\r\n" % (
        disposition,
        build_png(),
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    stored = member.call("POST", "/v1/workspaces/media", content=form, headers=headers)
    assert stored.status_code == 201 and not set("/\n%") & set(stored.json()["data"]["filename"]), stored.text


def test_addresses_in_brackets_and_upper_case_are_read(tmp_path: Path) -> None:
    with run_server(tmp_path) as server:
        member = server.create_member()
        for url, status, words in (
            ("https://[2606:4700:4700::1111]/hook", 201, ""),
            ("HTTPS://EXAMPLE.COM/hook", 201, ""),
            ("https://[::1]/hook", 400, "private or reserved"),
            ("https://[::ffff:169.254.169.254]/", 400, "private or reserved"),
            ("https://[fe80::1]/", 400, "private or reserved"),
            ("https://[nothing]/", 400, "must be an http(s) URL"),
        ):
            response = member.call("POST", "/v1/webhooks", json={"url": url, "events": ["clip.rendered"]})
            assert response.status_code == status and words in response.text, (url, response.text)
