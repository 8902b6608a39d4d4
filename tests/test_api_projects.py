"""From a file to a run that is promised: creating, uploading, starting, cancelling, listing and deleting projects."""

import base64
import hashlib
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.app import AREAS
from api.signed_urls import link
from api_server import Member, Server
from api_talk import analysed
from resources import exports, ledger, outbox, projects, renders, run_intents

NEW = {"filename": "podcast.mp4", "filesize": 1000, "content_type": "video/mp4", "duration": 90}


def create(member: Member, **changes: Any) -> httpx.Response:
    return member.call("POST", "/v1/projects/create", json={**NEW, **changes})


def uploaded(member: Member, data: bytes = b"x" * 1000) -> str:
    made = create(member).json()["data"]
    put = httpx.put(made["upload_url"], content=data, headers={"Content-Type": "video/mp4"})
    assert put.status_code == 200, put.text
    return made["project_id"]


def balance(member: Member) -> float:
    return member.call("GET", "/v1/usage").json()["data"]["minutes_balance"]


def test_a_video_is_created_uploaded_and_started_once(server: Server) -> None:
    member = server.member()
    created = create(member)
    assert created.status_code == 201
    made = created.json()["data"]
    assert set(made) >= {"project_id", "upload_url", "object_key"}
    start = f"/v1/projects/{made['project_id']}/process"
    assert member.call("POST", start).status_code == 409  # nothing has arrived
    assert httpx.put(made["upload_url"], content=b"v" * 1000, headers={"Content-Type": "video/mp4"}).status_code == 200
    status = member.call("GET", f"/v1/projects/{made['project_id']}/status").json()["data"]
    assert status["status"] == "UPLOADING" and status["progress"] == 0 and status["title"] == "podcast"
    # the seed's client says JSON and sends nothing
    begun = member.call("POST", start, headers={"Content-Type": "application/json"})
    assert begun.status_code == 202 and begun.json()["data"]["current_step"] == "Queued"
    assert member.call("POST", start).status_code == 409
    again = httpx.put(made["upload_url"], content=b"w" * 1000, headers={"Content-Type": "video/mp4"})
    assert again.status_code == 409  # a run reads it now
    with server.database.read() as connection:
        promised = run_intents.open_of_project(connection, made["project_id"])
    assert [intent.job_name for intent in promised] == ["ingest_video"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"filename": None}, 400),
        ({"filesize": "1000"}, 400),
        ({"filesize": -1}, 400),
        ({"filesize": 5 * 1024**3 + 1}, 413),
        ({"filesize": 5 * 1024**3, "duration": 1}, 201),
        ({"content_type": "video/3gpp"}, 415),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": None, "filename": "notes.txt"}, 415),
        ({"content_type": None, "filename": "talk.MOV"}, 201),
        ({"video_type": "opera"}, 400),
        ({"language": "english"}, 400),
        ({"language_mode": "both"}, 400),
        ({"trim_start": 60, "trim_end": 60}, 422),
        ({"trim_start": 90}, 422),
        ({"trim_start": 10, "trim_end": 80}, 201),
        ({"duration": 61 * 60}, 402),
        ({"duration": True}, 400),
        ({"unknown": {"of": "a newer client"}}, 201),
        ({"title": "\u0000"}, 400),
    ],
)
def test_what_create_takes_and_refuses(server: Server, changes: dict[str, Any], status: int) -> None:
    answer = create(server.member(), **changes)
    assert answer.status_code == status, answer.text
    assert answer.headers["x-ratelimit-limit"] == "5"


def test_a_begun_minute_is_reserved_whole_and_given_back_by_cancelling(server: Server) -> None:
    member = server.member()
    assert balance(member) == 60
    project_id = create(member).json()["data"]["project_id"]
    assert balance(member) == 58
    assert member.call("GET", "/v1/usage").json()["data"]["minutes_reserved"] == 2
    cancelled = member.call("DELETE", f"/v1/projects/{project_id}/cancel")
    assert cancelled.status_code == 200 and cancelled.json()["data"]["status"] == "CANCELLED"
    assert balance(member) == 60
    assert member.call("POST", f"/v1/projects/{project_id}/cancel").status_code == 409


def test_only_accepted_creates_count_against_five_a_minute(server: Server) -> None:
    member = server.member()
    for _ in range(7):
        assert create(member, video_type="opera").status_code == 400
        assert create(member, duration=1e6).status_code in (400, 402)
    assert [create(member).status_code for _ in range(6)] == [201] * 5 + [429]
    refused = create(member)
    assert refused.headers["retry-after"] and refused.headers["x-ratelimit-remaining"] == "0"


def test_fifty_creates_at_once_take_exactly_what_the_pool_pays_for(server: Server) -> None:
    member = server.member()
    with server.database.write() as connection:
        ledger.grant_month(connection, member.workspace_id)
        ledger.move(connection, member.workspace_id, f"test:{uuid.uuid4()}", "render", -57 * ledger.MINUTE_MS)
    gate = threading.Barrier(50)

    def one(_: int) -> int:
        gate.wait()
        return create(member, duration=60).status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(one, range(50)))
    assert statuses.count(201) == 3 and set(statuses) <= {201, 402, 429}
    assert balance(member) == 0


def test_one_idempotency_key_has_one_effect_however_often_it_comes(server: Server) -> None:
    member = server.member()
    gate = threading.Barrier(50)
    key = {"Idempotency-Key": str(uuid.uuid4())}

    def one(_: int) -> tuple[int, str]:
        gate.wait()
        answer = member.call("POST", "/v1/projects/create", json=NEW, headers=key)
        return answer.status_code, answer.text

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(one, range(50)))
    assert len(answers) == 1 and next(iter(answers))[0] == 201
    assert member.call("GET", "/v1/projects").json()["meta"]["total"] == 1
    other = member.call("POST", "/v1/projects/create", json={**NEW, "title": "else"}, headers=key)
    assert other.status_code == 422


def test_every_post_that_creates_or_starts_something_takes_an_idempotency_key() -> None:
    own_means = {"/v1/uploads", "/store/{key:path}"}  # tus resumes; a signed address writes one object
    for area in AREAS:
        for route in area.ROUTES:
            if "POST" in route.http_methods and route.status_code in (201, 202) and not route.paths & own_means:
                assert route.opt.get("idempotent"), route.paths


def test_a_refusal_does_not_use_the_key_up(server: Server) -> None:
    member, key = server.member(), {"Idempotency-Key": "k1"}
    first = create(member).json()["data"]
    start = f"/v1/projects/{first['project_id']}/process"
    assert member.call("POST", start, headers=key).status_code == 409
    httpx.put(first["upload_url"], content=b"v", headers={"Content-Type": "video/mp4"})
    assert member.call("POST", start, headers=key).status_code == 202
    replayed = member.call("POST", start, headers=key)
    assert replayed.status_code == 202 and replayed.headers["idempotency-replayed"] == "true"


def test_projects_are_listed_newest_first_searched_and_paged(server: Server) -> None:
    member = server.member()
    for n in range(5):
        member.project(title=f"Talk {n}")
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


def test_deleting_a_project_gives_back_what_its_open_renders_cost(server: Server) -> None:
    """The render was withdrawn and stayed queued for ever, with its minutes."""
    member = server.member("PROFESSIONAL")
    clip = analysed(member)[1]
    before = member.call("GET", "/v1/usage").json()["data"]["minutes_balance"]
    render_id = member.call("POST", f"/v1/clips/{clip.id}/render").json()["data"]["render_job_id"]
    asked = member.call("POST", f"/v1/clips/{clip.id}/exports", json={"target_format": "fcpx"}).json()["data"]
    assert member.call("DELETE", f"/v1/projects/{clip.project_id}").status_code == 200
    assert member.call("GET", "/v1/usage").json()["data"]["minutes_balance"] == before
    with server.database.read() as connection:
        render, export = renders.get(connection, render_id), exports.get(connection, asked["export_id"])
    assert render is not None and render.status == "FAILED_RENDER" and export is not None and export.status == "FAILED"
    assert render.error_message == export.error_message == "The project was deleted."


def test_a_deleted_project_is_gone_and_its_runs_are_withdrawn(server: Server) -> None:
    member = server.member()
    project_id = uploaded(member)
    member.call("POST", f"/v1/projects/{project_id}/process")
    assert member.call("DELETE", f"/v1/projects/{project_id}").json() == {"data": {"ok": True}}
    assert member.call("GET", f"/v1/projects/{project_id}").status_code == 404
    assert member.call("DELETE", f"/v1/projects/{project_id}").status_code == 404
    with server.database.read() as connection:
        assert run_intents.open_of_project(connection, project_id) == []
        assert [p.id for p in projects.to_purge(connection, 1000)].count(project_id) == 1
    assert balance(member) == 60


def test_a_url_is_taken_only_where_it_may_lead(server: Server) -> None:
    member = server.member("ENTERPRISE")
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
    made = member.call("POST", "/v1/projects/create-from-url", json={"url": "http://127.0.0.1:9/talk.mp4?x=1"})
    assert made.status_code == 201, made.text
    with server.database.read() as connection:
        project = projects.get(connection, made.json()["data"]["project_id"])
        assert project is not None and project.title == "talk"
        assert len(run_intents.open_of_project(connection, project.id)) == 1


def test_an_upload_address_takes_only_what_it_was_signed_for(server: Server) -> None:
    member = server.member()
    url = create(member).json()["data"]["upload_url"]
    assert httpx.put(url, content=b"v", headers={"Content-Type": "text/plain"}).status_code == 415
    assert httpx.put(url, content=b"v", headers={"Content-Type": "video/quicktime"}).status_code == 200
    assert httpx.put(url.replace("max=5", "max=6"), content=b"v").status_code == 403
    assert httpx.put(url.replace("/source/", "/other/"), content=b"v").status_code == 403
    assert httpx.get(url).status_code == 403
    assert httpx.request("POST", url, content=b"v").status_code == 415


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    member = server.member()
    made = create(member).json()["data"]
    path = made["upload_url"].partition(f":{server.port}")[2]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: video/mp4\r\nContent-Length: 5000000\r\n\r\n"
        client.sendall(head.encode() + b"v" * 2_000_000)
    assert member.call("POST", f"/v1/projects/{made['project_id']}/process").status_code == 409
    aside = server.home / "store" / "aside"
    for _ in range(100):
        if not list(aside.glob("*/*")):
            break
        threading.Event().wait(0.05)
    assert list(aside.glob("*/*")) == []


def test_a_resumable_upload_goes_on_where_it_broke(server: Server) -> None:
    """tus 1.0.0: creation, HEAD, PATCH; a connection cut in the middle loses nothing that had arrived."""
    member = server.member()
    data = bytes(range(256)) * 12_000
    made = create(member, filesize=len(data)).json()["data"]
    metadata = base64.b64encode(made["project_id"].encode()).decode()
    tus = {"Tus-Resumable": "1.0.0"}
    begun = member.call(
        "POST",
        "/v1/uploads",
        headers={**tus, "Upload-Length": str(len(data)), "Upload-Metadata": f"project_id {metadata}"},
    )
    assert begun.status_code == 201 and begun.content == b"", begun.text
    where = begun.headers["location"]
    patch = {**tus, "Content-Type": "application/offset+octet-stream"}
    path = where.partition(f":{server.port}")[2]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/offset+octet-stream\r\n"
        head += f"Upload-Offset: 0\r\nTus-Resumable: 1.0.0\r\nContent-Length: {len(data)}\r\n\r\n"
        client.sendall(head.encode() + data[:2_000_000])
    offset = 0
    for _ in range(100):
        offset = int(httpx.head(where, headers=tus).headers["upload-offset"])
        if offset:
            break
        threading.Event().wait(0.05)
    assert 1_000_000 <= offset <= 2_000_000
    wrong = httpx.patch(where, headers={**patch, "Upload-Offset": "7"}, content=b"x")
    assert wrong.status_code == 409
    rest = httpx.patch(where, headers={**patch, "Upload-Offset": str(offset)}, content=data[offset:])
    assert rest.status_code == 204 and rest.headers["upload-offset"] == str(len(data))
    stored = server.platform.store.get_bytes(made["object_key"])
    assert hashlib.sha256(stored).digest() == hashlib.sha256(data).digest()
    assert member.call("POST", f"/v1/projects/{made['project_id']}/process").status_code == 202
    assert httpx.options(where).headers["tus-version"] == "1.0.0"
    assert httpx.head(where, headers={"Tus-Resumable": "0.2.0"}).status_code == 412


def test_too_large_is_413_declared_or_chunked(server: Server) -> None:
    store: Any = server.platform.store
    url = store.presign_put("workspaces/w/media/a.mp4", 60, content_type="video/mp4", max_bytes=1_000_000)
    assert httpx.put(url, content=b"v" * 1_000_001, headers={"Content-Type": "video/mp4"}).status_code == 413

    def chunks() -> Any:
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
    whole = httpx.get(url)
    assert whole.content == data and whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes" and "attachment" in whole.headers["content-disposition"]
    for asked, a, b in (("0-0", 0, 1), ("100-", 100, len(data)), ("-5", len(data) - 5, len(data)), ("5-9", 5, 10)):
        part = httpx.get(url, headers={"Range": f"bytes={asked}"})
        assert part.status_code == 206 and part.content == data[a:b]
        assert part.headers["content-range"] == f"bytes {a}-{b - 1}/{len(data)}"
    assert httpx.get(url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert httpx.get(url, headers={"Range": "lines=1-2"}).status_code == 200
    head = httpx.head(url)
    assert head.headers["content-length"] == str(len(data)) and head.content == b""
    assert httpx.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    changed = httpx.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert changed.status_code == 200
    assert httpx.get(url.replace("x.mp4", "y.mp4")).status_code == 403
    assert httpx.get(store.presign_get("workspaces/w/none.mp4")).status_code == 404
    assert httpx.get(store.presign_get("workspaces/w/x.mp4", -1)).status_code == 403


def test_an_address_stays_the_same_for_a_while_so_that_players_can_keep_what_it_holds(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 3600 * 500_000.0
    monkeypatch.setattr(time, "time", lambda: clock)
    first = link(server.platform, "workspaces/w/thumb.jpg", "image/jpeg")
    clock += 299
    assert link(server.platform, "workspaces/w/thumb.jpg", "image/jpeg") == first
    clock += 1
    assert link(server.platform, "workspaces/w/thumb.jpg", "image/jpeg") != first


def test_progress_is_written_to_the_outbox_with_its_project(server: Server) -> None:
    member = server.member()
    project_id = uploaded(member)
    member.call("POST", f"/v1/projects/{project_id}/process")
    with server.database.read() as connection:
        told = [e.data["status"] for e in outbox.of_subject(connection, f"project:{project_id}")]
    assert told == ["UPLOADING", "UPLOADING"]
