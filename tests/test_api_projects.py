"""Projects over HTTP: creating, uploading, starting, cancelling, listing and deleting them."""

import base64
import hashlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.app import ROUTE_MODULES
from api.signed_urls import sign_url
from api_server import Member, Server
from api_talk import create_analysed_project
from resources import exports, ledger, outbox, projects, renders, run_intents

NEW = {"filename": "podcast.mp4", "filesize": 1000, "content_type": "video/mp4", "duration": 90}


def create(member: Member, **changes: object) -> httpx.Response:
    return member.call("POST", "/v1/projects/create", json={**NEW, **changes})


def create_and_upload(member: Member, data: bytes = b"x" * 1000) -> str:
    project = create(member).json()["data"]
    response = httpx.put(project["upload_url"], content=data, headers={"Content-Type": "video/mp4"})
    assert response.status_code == 200, response.text
    return project["project_id"]


def balance(member: Member) -> float:
    return member.call("GET", "/v1/usage").json()["data"]["minutes_balance"]


def test_a_video_is_created_uploaded_and_started_once(server: Server) -> None:
    member = server.create_member()
    created = create(member)
    assert created.status_code == 201
    project = created.json()["data"]
    assert set(project) >= {"project_id", "upload_url", "object_key"}
    start = f"/v1/projects/{project['project_id']}/process"
    assert member.call("POST", start).status_code == 409  # nothing was uploaded
    assert (
        httpx.put(project["upload_url"], content=b"v" * 1000, headers={"Content-Type": "video/mp4"}).status_code == 200
    )
    status = member.call("GET", f"/v1/projects/{project['project_id']}/status").json()["data"]
    assert status["status"] == "UPLOADING" and status["progress"] == 0 and status["title"] == "podcast"
    # the reference's client declares JSON and sends no body
    started = member.call("POST", start, headers={"Content-Type": "application/json"})
    assert started.status_code == 202 and started.json()["data"]["current_step"] == "Queued"
    assert member.call("POST", start).status_code == 409
    repeated = httpx.put(project["upload_url"], content=b"w" * 1000, headers={"Content-Type": "video/mp4"})
    assert repeated.status_code == 409  # a run reads it
    with server.database.read() as connection:
        queued = run_intents.list_open(connection, project["project_id"])
    assert [intent.job_name for intent in queued] == ["ingest_video"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"filename": None}, 400),
        ({"filesize": "1000"}, 400),
        ({"filesize": -1}, 400),
        ({"filesize": 0}, 400),
        ({"filesize": 5 * 1024**3 + 1}, 413),
        ({"filesize": 5 * 1024**3, "duration": 1}, 201),
        ({"content_type": "video/3gpp"}, 415),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": None, "filename": "notes.txt"}, 415),
        ({"content_type": None, "filename": "talk.MOV"}, 201),
        ({"video_type": "opera"}, 400),
        ({"language": "english"}, 400),
        ({"language_mode": "both"}, 400),
        ({"audio_track": "mix"}, 201),
        ({"audio_track": 1}, 201),
        ({"audio_track": "loudest"}, 400),
        ({"audio_track": -1}, 400),
        ({"trim_start": 60, "trim_end": 60}, 422),
        ({"trim_start": 90}, 422),
        ({"trim_start": 10, "trim_end": 80}, 201),
        ({"duration": 61 * 60}, 402),
        ({"duration": True}, 400),
        ({"unknown": {"of": "a newer client"}}, 201),
        ({"title": "\u0000"}, 400),
    ],
)
def test_create_accepts_and_rejects(server: Server, changes: dict[str, Any], status: int) -> None:
    response = create(server.create_member(), **changes)
    assert response.status_code == status, response.text
    assert response.headers["x-ratelimit-limit"] == "5"


def test_reserved_minutes_are_rounded_up_and_refunded_by_cancel(server: Server) -> None:
    member = server.create_member()
    assert balance(member) == 60
    project_id = create(member).json()["data"]["project_id"]
    assert balance(member) == 58
    assert member.call("GET", "/v1/usage").json()["data"]["minutes_reserved"] == 2
    cancelled = member.call("DELETE", f"/v1/projects/{project_id}/cancel")
    assert cancelled.status_code == 200 and cancelled.json()["data"]["status"] == "CANCELLED"
    assert balance(member) == 60
    assert member.call("POST", f"/v1/projects/{project_id}/cancel").status_code == 409


def test_only_accepted_creates_are_counted(server: Server) -> None:
    member = server.create_member()
    for _ in range(7):
        assert create(member, video_type="opera").status_code == 400
        assert create(member, duration=1e6).status_code in (400, 402)
    assert [create(member).status_code for _ in range(6)] == [201] * 5 + [429]
    refused = create(member)
    assert refused.headers["retry-after"] and refused.headers["x-ratelimit-remaining"] == "0"


def test_fifty_concurrent_creates_never_overdraw_the_balance(server: Server) -> None:
    member = server.create_member()
    with server.database.write() as connection:
        ledger.grant_month(connection, member.workspace_id)
        entry = ledger.NewEntry(f"test:{uuid.uuid4()}", "render", -57 * ledger.MINUTE_MS)
        ledger.post_entry(connection, member.workspace_id, entry)
    gate = threading.Barrier(50)

    def send(_: int) -> int:
        gate.wait()
        return create(member, duration=60).status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(send, range(50)))
    assert statuses.count(201) == 3 and set(statuses) <= {201, 402, 429}
    assert balance(member) == 0


def test_fifty_concurrent_requests_with_one_idempotency_key_have_one_effect(server: Server) -> None:
    member = server.create_member()
    gate = threading.Barrier(50)
    key = {"Idempotency-Key": str(uuid.uuid4())}

    def send(_: int) -> tuple[int, str]:
        gate.wait()
        response = member.call("POST", "/v1/projects/create", json=NEW, headers=key)
        return response.status_code, response.text

    with ThreadPoolExecutor(50) as pool:
        responses = set(pool.map(send, range(50)))
    assert len(responses) == 1 and next(iter(responses))[0] == 201
    assert member.call("GET", "/v1/projects").json()["meta"]["total"] == 1
    other = member.call("POST", "/v1/projects/create", json={**NEW, "title": "else"}, headers=key)
    assert other.status_code == 422


def test_every_creating_post_accepts_an_idempotency_key() -> None:
    exempt_paths = {"/v1/uploads", "/store/{key:path}"}  # tus uploads can be resumed; a signed URL writes one object
    for module in ROUTE_MODULES:
        for route in module.ROUTES:
            if "POST" in route.http_methods and route.status_code in (201, 202) and not route.paths & exempt_paths:
                assert route.opt.get("idempotent"), route.paths


def test_an_error_does_not_use_up_an_idempotency_key(server: Server) -> None:
    member, key = server.create_member(), {"Idempotency-Key": "k1"}
    first = create(member).json()["data"]
    start = f"/v1/projects/{first['project_id']}/process"
    assert member.call("POST", start, headers=key).status_code == 409
    httpx.put(first["upload_url"], content=b"v" * 1000, headers={"Content-Type": "video/mp4"})
    assert member.call("POST", start, headers=key).status_code == 202
    replayed = member.call("POST", start, headers=key)
    assert replayed.status_code == 202 and replayed.headers["idempotency-replayed"] == "true"


def test_projects_are_listed_newest_first_searched_and_paged(server: Server) -> None:
    member = server.create_member()
    for n in range(5):
        member.create_project(title=f"Talk {n}")
    listed = member.call("GET", "/v1/projects?limit=2&offset=1&search=&status=").json()
    assert [p["title"] for p in listed["data"]] == ["Talk 3", "Talk 2"]
    assert listed["meta"] == {"total": 5, "limit": 2, "offset": 1, "has_more": True}
    assert member.call("GET", "/v1/projects?search=talk%204").json()["meta"]["total"] == 1
    assert member.call("GET", "/v1/projects?search=TALK&limit=2&offset=4").json()["meta"]["total"] == 5
    past = member.call("GET", "/v1/projects?search=talk&offset=5").json()
    assert past["data"] == [] and past["meta"] == {"total": 5, "limit": 20, "offset": 5, "has_more": False}
    assert member.call("GET", "/v1/projects?search=%25").json()["meta"]["total"] == 0
    assert member.call("GET", "/v1/projects?status=CLIPS_READY").json()["data"] == []
    for bad in ("status=DONE", "limit=0", "limit=101", "limit=x", "offset=-1"):
        assert member.call("GET", f"/v1/projects?{bad}").status_code == 400, bad


def test_deleting_a_project_refunds_its_open_renders(server: Server) -> None:
    """The run of the render is cancelled, so the render must be refunded."""
    member = server.create_member("PROFESSIONAL")
    clip = create_analysed_project(member)[1]
    before = member.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    render_id = member.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]["render_job_id"]
    queued_export = member.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "fcpx"}).json()["data"]
    assert member.call("DELETE", f"/v1/projects/{clip.project_id}").status_code == 200
    assert member.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == before
    with server.database.read() as connection:
        render, export = renders.get(connection, render_id), exports.get(connection, queued_export["export_id"])
    assert render is not None and render.status == "FAILED_RENDER" and export is not None and export.status == "FAILED"
    assert render.error_message == export.error_message == "The project was deleted."


def test_deleting_a_project_cancels_its_runs(server: Server) -> None:
    member = server.create_member()
    project_id = create_and_upload(member)
    member.call("POST", f"/v1/projects/{project_id}/process")
    assert member.call("DELETE", f"/v1/projects/{project_id}").json() == {"data": {"ok": True}}
    assert member.call("GET", f"/v1/projects/{project_id}").status_code == 404
    assert member.call("DELETE", f"/v1/projects/{project_id}").status_code == 404
    with server.database.read() as connection:
        assert run_intents.list_open(connection, project_id) == []
        assert [p.id for p in projects.list_unpurged(connection, 1000)].count(project_id) == 1
    assert balance(member) == 60


def test_create_from_url_accepts_only_public_urls(server: Server) -> None:
    member = server.create_member("ENTERPRISE")
    for bad in (
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/v.mp4",
        "https://[::1]/v.mp4",
        "https://user:secret@example.com/v.mp4",
        "ftp://example.com/v.mp4",
        "file:///etc/passwd",
        "no url",
    ):
        assert member.call("POST", "/v1/projects/create-from-url", json={"url": bad}).status_code == 400, bad
    created = member.call("POST", "/v1/projects/create-from-url", json={"url": "http://127.0.0.1:9/talk.mp4?x=1"})
    assert created.status_code == 201, created.text
    with server.database.read() as connection:
        project = projects.get(connection, created.json()["data"]["project_id"])
        assert project is not None and project.title == "talk"
        assert len(run_intents.list_open(connection, project.id)) == 1


def test_an_upload_url_accepts_only_what_it_was_signed_for(server: Server) -> None:
    member = server.create_member()
    url = create(member).json()["data"]["upload_url"]
    assert httpx.put(url, content=b"v", headers={"Content-Type": "text/plain"}).status_code == 415
    assert httpx.put(url, content=b"v", headers={"Content-Type": "video/quicktime"}).status_code == 200
    assert httpx.put(url.replace("max=1000", "max=1001"), content=b"v").status_code == 403
    assert httpx.put(url.replace("/source/", "/other/"), content=b"v").status_code == 403
    assert httpx.get(url).status_code == 403
    assert httpx.request("POST", url, content=b"v").status_code == 415


def test_an_interrupted_upload_leaves_nothing_behind(server: Server) -> None:
    member = server.create_member()
    project = create(member, filesize=5_000_000).json()["data"]
    path = project["upload_url"].partition(f":{server.port}")[2]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: video/mp4\r\nContent-Length: 5000000\r\n\r\n"
        client.sendall(head.encode() + b"v" * 2_000_000)
    assert member.call("POST", f"/v1/projects/{project['project_id']}/process").status_code == 409
    staging = server.home / "store" / "aside"
    for _ in range(100):
        if not list(staging.glob("*/*")):
            break
        threading.Event().wait(0.05)
    assert list(staging.glob("*/*")) == []


def test_a_resumable_upload_continues_after_an_interruption(server: Server) -> None:
    """The tus 1.0.0 creation, HEAD and PATCH: bytes that arrived before the connection was lost are kept."""
    member = server.create_member()
    data = bytes(range(256)) * 12_000
    project = create(member, filesize=len(data)).json()["data"]
    metadata = base64.b64encode(project["project_id"].encode()).decode()
    tus = {"Tus-Resumable": "1.0.0"}
    created = member.call(
        "POST",
        "/v1/uploads",
        headers={**tus, "Upload-Length": str(len(data)), "Upload-Metadata": f"project_id {metadata}"},
    )
    assert created.status_code == 201 and created.content == b"", created.text
    upload_url = created.headers["location"]
    patch = {**tus, "Content-Type": "application/offset+octet-stream"}
    path = upload_url.partition(f":{server.port}")[2]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/offset+octet-stream\r\n"
        head += f"Upload-Offset: 0\r\nTus-Resumable: 1.0.0\r\nContent-Length: {len(data)}\r\n\r\n"
        client.sendall(head.encode() + data[:2_000_000])
    offset = 0
    for _ in range(100):
        offset = int(httpx.head(upload_url, headers=tus).headers["upload-offset"])
        if offset:
            break
        threading.Event().wait(0.05)
    assert 1_000_000 <= offset <= 2_000_000
    wrong = httpx.patch(upload_url, headers={**patch, "Upload-Offset": "7"}, content=b"x")
    assert wrong.status_code == 409
    rest = httpx.patch(upload_url, headers={**patch, "Upload-Offset": str(offset)}, content=data[offset:])
    assert rest.status_code == 204 and rest.headers["upload-offset"] == str(len(data))
    stored = server.platform.store.get_bytes(project["object_key"])
    assert hashlib.sha256(stored).digest() == hashlib.sha256(data).digest()
    assert member.call("POST", f"/v1/projects/{project['project_id']}/process").status_code == 202
    assert httpx.options(upload_url).headers["tus-version"] == "1.0.0"
    assert httpx.head(upload_url, headers={"Tus-Resumable": "0.2.0"}).status_code == 412


def test_too_large_is_413_declared_or_chunked(server: Server) -> None:
    store: Any = server.platform.store
    url = store.presign_put("workspaces/w/media/a.mp4", 60, content_type="video/mp4", max_bytes=1_000_000)
    assert httpx.put(url, content=b"v" * 1_000_001, headers={"Content-Type": "video/mp4"}).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b"v" * 40_000

    assert httpx.put(url, content=chunks(), headers={"Content-Type": "video/mp4"}).status_code == 413
    assert store.stat("workspaces/w/media/a.mp4") is None


def test_a_form_upload_is_checked_before_its_file_is_read(server: Server) -> None:
    store: Any = server.platform.store
    form = store.presign_post("workspaces/w/media/b.png", 60, content_type="image/png", max_bytes=1000)
    sent = httpx.post(form.url, data=form.fields, files={"file": ("b.png", b"p" * 900, "image/png")})
    assert sent.status_code == 201, sent.text
    assert store.get_bytes("workspaces/w/media/b.png") == b"p" * 900
    large = httpx.post(form.url, data=form.fields, files={"file": ("b.png", b"p" * 1001, "image/png")})
    assert large.status_code == 413
    forged = httpx.post(form.url, data={**form.fields, "max": "9999"}, files={"file": ("b.png", b"p", "image/png")})
    assert forged.status_code == 403


def test_objects_are_served_whole_or_by_range(server: Server) -> None:
    store: Any = server.platform.store
    data = bytes(range(256)) * 4000
    store.put_bytes("workspaces/w/x.mp4", data)
    url = store.presign_get("workspaces/w/x.mp4", content_type="video/mp4", filename="a “clip”.mp4")
    complete = httpx.get(url)
    assert complete.content == data and complete.headers["content-type"] == "video/mp4"
    assert complete.headers["accept-ranges"] == "bytes" and "attachment" in complete.headers["content-disposition"]
    for byte_range, start, end in (
        ("0-0", 0, 1),
        ("100-", 100, len(data)),
        ("-5", len(data) - 5, len(data)),
        ("5-9", 5, 10),
    ):
        partial = httpx.get(url, headers={"Range": f"bytes={byte_range}"})
        assert partial.status_code == 206 and partial.content == data[start:end]
        assert partial.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
    assert httpx.get(url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert httpx.get(url, headers={"Range": "lines=1-2"}).status_code == 200
    head = httpx.head(url)
    assert head.headers["content-length"] == str(len(data)) and head.content == b""
    assert httpx.get(url, headers={"If-None-Match": complete.headers["etag"]}).status_code == 304
    changed = httpx.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert changed.status_code == 200
    assert httpx.get(url.replace("x.mp4", "y.mp4")).status_code == 403
    assert httpx.get(store.presign_get("workspaces/w/none.mp4")).status_code == 404
    assert httpx.get(store.presign_get("workspaces/w/x.mp4", -1)).status_code == 403


def test_a_signed_url_stays_the_same_for_five_minutes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 3600 * 500_000.0
    monkeypatch.setattr(time, "time", lambda: clock)
    first = sign_url(server.platform, "workspaces/w/thumb.jpg", "image/jpeg")
    clock += 299
    assert sign_url(server.platform, "workspaces/w/thumb.jpg", "image/jpeg") == first
    clock += 1
    assert sign_url(server.platform, "workspaces/w/thumb.jpg", "image/jpeg") != first


def test_status_changes_are_written_to_the_outbox(server: Server) -> None:
    member = server.create_member()
    project_id = create_and_upload(member)
    member.call("POST", f"/v1/projects/{project_id}/process")
    with server.database.read() as connection:
        statuses = [e.data["status"] for e in outbox.list_for_subject(connection, f"project:{project_id}")]
    assert statuses == ["UPLOADING", "UPLOADING"]
