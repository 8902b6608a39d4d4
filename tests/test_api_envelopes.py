"""Envelopes, error messages, request ids and rate limit headers of every kind of response."""

import http.client

import httpx
import psutil
import pytest

from api_server import Server
from api_talk import create_analysed_project

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/v1/nothing", None, {}, 404),
        ("GET", "/v1/projects/not-a-uuid", None, {}, 404),
        ("DELETE", "/v1/auth/login", None, {}, 405),
        ("POST", "/v1/auth/login", b"{not json", JSON, 400),
        ("POST", "/v1/auth/login", b"\xff\xfe", JSON, 400),
        ("POST", "/v1/auth/login", b"[]", JSON, 400),
        ("POST", "/v1/auth/login", b"", JSON, 400),
        ("POST", "/v1/auth/login", b'{"email": "a@b.c"}', JSON, 400),
        ("POST", "/v1/auth/login", b'{"email": "a@b.c", "password": 5}', JSON, 400),
        ("POST", "/v1/auth/login", b'{"email": "a@b.c", "password": "x"}', {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/auth/login", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/v1/auth/login", b'"' + b"x" * 11_000_000 + b'"', JSON, 413),
        ("GET", "/v1/me", None, {}, 401),
        ("GET", "/v1/me", None, {"Authorization": "Basic abc"}, 401),
        ("GET", "/v1/me", None, {"Authorization": "Bearer abc.def.ghi"}, 401),
        ("GET", "/v1/me", None, {"Authorization": "Bearer sk_live_nobody"}, 401),
    ],
)
def test_v1_errors_have_a_sentence_and_the_status(
    server: Server, method: str, path: str, content: bytes | None, headers: dict[str, str], status: int
) -> None:
    response = httpx.request(method, server.base + path, content=content, headers=headers)
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "code", "type", "param", "request_id", "doc_url"} and body["code"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert len(body["error"]) > 10 and body["error"].endswith((".", ")"))
    for leak in ("Traceback", 'File "', "SELECT ", "sqlalchemy", str(server.home)):
        assert leak not in response.text
    assert response.headers["x-request-id"]


def test_other_paths_have_machine_codes(server: Server) -> None:
    assert httpx.get(server.base + "/nothing").json()["code"] == "NOT_FOUND"
    assert httpx.get(server.base + "/keys").json()["code"] == "UNAUTHORIZED"
    assert httpx.get(f"http://127.0.0.1:{server.port}/elsewhere").json()["code"] == "NOT_FOUND"
    assert httpx.put(server.base + "/keys").json()["code"] == "METHOD_NOT_ALLOWED"


def test_a_405_lists_the_allowed_methods(server: Server) -> None:
    allowed = httpx.delete(server.base + "/v1/auth/login").headers["allow"]
    assert "POST" in allowed and "DELETE" not in allowed


def test_an_unexpected_error_reveals_only_the_request_id(server: Server) -> None:
    """Stack traces must not leak from an exception in a handler."""
    member = server.create_member()
    with server.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE clips RENAME TO clips_gone")
    try:
        response = member.call("GET", f"/v1/clips/{member.user_id}")
    finally:
        with server.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE clips_gone RENAME TO clips")
    assert response.status_code in (500, 503)
    assert response.json()["code"] == response.status_code
    assert "clips" not in response.json()["error"] and "Traceback" not in response.text
    assert response.headers["x-request-id"] in server.log.read_text()


def test_every_list_has_meta(server: Server) -> None:
    member = server.create_member("STANDARD")
    clip = create_analysed_project(member)[1].id
    clip_lists = [f"clips/{clip}/{what}" for what in ("exports", "custom-media", "broll")]
    lists = ["projects", "projects/caption-templates", "templates", "media", "social/accounts", "keys", "webhooks"]
    for path in (*lists, *clip_lists):
        response = member.call("GET", f"/v1/{path}").json()
        rows, meta = response["data"], response["meta"]
        assert set(meta) == {"total", "limit", "offset", "has_more"}, path
        assert meta["total"] == len(rows) and meta["limit"] >= max(len(rows), 1), path
        assert meta["offset"] == 0 and meta["has_more"] is False, path


def test_a_parameter_without_a_value_is_ignored(server: Server) -> None:
    """The reference writes list queries as `?media_type=&search=&limit=&offset=`."""
    member = server.create_member()
    member.create_project()
    for path in (
        "/v1/projects?limit=20&offset=0&search=&status=",
        "/v1/projects/?limit=&offset=&search=&status=",
        "/v1/media/?media_type=&search=&limit=&offset=",
        "/v1/templates/?ratio=",
    ):
        assert member.call("GET", path).status_code == 200, path
    assert "`q`" in member.call("GET", "/v1/stock-videos?q=&per_page=").json()["error"]


@pytest.mark.parametrize(("query", "field"), [("status=DONE", "status"), ("limit=0", "limit"), ("offset=x", "offset")])
def test_an_invalid_parameter_is_named_as_the_client_names_it(server: Server, query: str, field: str) -> None:
    response = server.create_member().call("GET", f"/v1/projects?{query}")
    assert response.status_code == 400 and response.json()["error"].startswith(f"`{field}` must be ")


def test_validation_sentences(server: Server) -> None:
    member = server.create_member("STANDARD")
    clip = f"/v1/clips/{create_analysed_project(member)[1].id}"
    new = {"filename": "talk.mp4", "filesize": 1}
    layout, lines = {"layout": {"layoutType": "wide"}}, {"style": {"linesPerScreen": "many"}}
    for method, path, body, sentence in (
        ("PUT", clip, layout, "`layout.layoutType` must be one of auto, face-track, fit, "),
        ("PUT", clip, lines, "`style.linesPerScreen` must be one of a number, auto, not 'many'."),
        ("POST", f"{clip}/exports", {"target_format": "avid"}, "`target_format` must be one of after_effects, "),
        (
            "POST",
            "/v1/projects/create",
            {**new, "language": "english"},
            "`language` must be an ISO 639-1 language code, such as en, or auto.",
        ),
        ("POST", "/v1/projects/create", {**new, "title": "a\0b"}, "`title` must not contain a NUL character."),
        ("POST", "/v1/auth/login", {"email": "ada", "password": "x"}, "`email` must be an email address, "),
        ("POST", "/v1/auth/login", {"email": "ada@example.com"}, "`password` is missing."),
        ("PUT", clip, {"b_roll": [{"startTime": 1, "duration": 2}]}, "`b_roll[0].videoUrl` is missing."),
        ("PUT", clip, {"layout": {"padding": -1}}, "`layout.padding` must be "),
        ("POST", "/v1/projects/create", {**new, "filesize": "1"}, "`filesize` must be an integer, not a string."),
        ("POST", "/v1/projects/create", {**new, "filesize": -1}, "`filesize` must be an integer >= 1."),
        ("POST", "/v1/projects/create", {**new, "duration": None, "trim_start": True}, "`trim_start` must be "),
        ("POST", "/v1/auth/login", [], "The body must be an object, not an array."),
        ("POST", "/v1/projects/create-from-url", {"url": "https://10.0.0.1/a"}, "`url` cannot be used. "),
        ("POST", "/v1/projects/create-from-url", {"url": "talk"}, "`url` must be an http(s) URL, "),
        ("PATCH", "/v1/me", {"avatar_url": "https://["}, "`avatar_url` must be an http(s) URL, "),
        ("GET", "/v1/projects?status=DONE", None, "`status` must be one of CANCELLED, "),
        ("GET", "/v1/media?search=%00", None, "`search` must not contain a NUL character."),
    ):
        response = member.call(method, path, json=body)
        assert response.status_code == 400 and response.json()["error"].startswith(sentence), response.text


def test_a_valid_request_id_is_kept(server: Server) -> None:
    accepted = httpx.get(server.base + "/v1/health", headers={"X-Request-ID": "my-request.1"})
    assert accepted.headers["x-request-id"] == "my-request.1"
    forged = httpx.get(server.base + "/v1/health", headers={"X-Request-ID": "a b{}"})
    assert forged.headers["x-request-id"] != "a b{}"


def test_an_idle_connection_is_kept_for_longer_than_clients_wait(server: Server) -> None:
    """Uvicorn closes idle connections after five seconds by default, sometimes just as the next request is sent."""
    arguments = psutil.Process(server.process.pid).cmdline()
    assert int(arguments[arguments.index("--timeout-keep-alive") + 1]) > 60, "nginx reuses a connection for 60 s"
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(2):
        connection.request("GET", "/api/v1/health")  # raises RemoteDisconnected if the server has closed it
        response = connection.getresponse()
        assert response.status == 200 and response.read()
    connection.close()


def test_secrets_never_reach_the_log(server: Server) -> None:
    member = server.create_member()
    key = member.call("POST", "/v1/keys", json={"name": "k", "scopes": ["read"]}).json()["data"]["key"]
    httpx.get(server.base + "/v1/projects", headers={"Authorization": f"Bearer {key}"})
    ticket = member.call("POST", "/v1/sse-ticket").json()["ticket"]
    httpx.get(f"{server.base}/v1/projects/{member.user_id}/stream?ticket={ticket}")
    body = {"email": member.email, "password": "Wrong7password"}
    httpx.post(server.base + "/v1/auth/login", json=body, headers={"X-Forwarded-For": "203.0.113.77"})
    log = server.log.read_text()
    for secret in (key, ticket, member.token, member.refresh, "Wrong7password", server.platform.settings.secret_key):
        assert secret not in log
