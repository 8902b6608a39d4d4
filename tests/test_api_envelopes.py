"""Every answer is in its envelope, whatever way it is reached: shapes of errors, ids of requests, headers of limits."""

import http.client
import time

import httpx
import pytest

from api_server import Server
from api_talk import analysed

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
def test_an_error_of_carmic_pro_has_a_sentence_and_its_number(
    server: Server, method: str, path: str, content: bytes | None, headers: dict[str, str], status: int
) -> None:
    answer = httpx.request(method, server.base + path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "code"} and body["code"] == status
    assert len(body["error"]) > 10 and body["error"].endswith((".", ")"))
    for leak in ("Traceback", 'File "', "SELECT ", "sqlalchemy", str(server.home)):
        assert leak not in answer.text
    assert answer.headers["x-request-id"]


def test_other_paths_have_machine_codes(server: Server) -> None:
    assert httpx.get(server.base + "/nothing").json()["code"] == "NOT_FOUND"
    assert httpx.get(server.base + "/keys").json()["code"] == "UNAUTHORIZED"
    assert httpx.get(f"http://127.0.0.1:{server.port}/elsewhere").json()["code"] == "NOT_FOUND"
    assert httpx.put(server.base + "/keys").json()["code"] == "METHOD_NOT_ALLOWED"


def test_a_405_names_what_is_allowed(server: Server) -> None:
    allowed = httpx.delete(server.base + "/v1/auth/login").headers["allow"]
    assert "POST" in allowed and "DELETE" not in allowed


def test_an_unexpected_fault_tells_nothing_but_its_request(server: Server) -> None:
    """An exception in a handler used to be the place where stack traces leak."""
    member = server.member()
    with server.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE clips RENAME TO clips_gone")
    try:
        answer = member.call("GET", f"/v1/clips/{member.user_id}")
    finally:
        with server.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE clips_gone RENAME TO clips")
    assert answer.status_code in (500, 503)
    assert answer.json()["code"] == answer.status_code
    assert "clips" not in answer.json()["error"] and "Traceback" not in answer.text
    assert answer.headers["x-request-id"] in server.log.read_text()


def test_every_list_tells_how_much_it_is(server: Server) -> None:
    member = server.member("STANDARD")
    clip = analysed(member)[1].id
    of_clip = [f"clips/{clip}/{what}" for what in ("exports", "custom-media", "broll")]
    lists = ["projects", "projects/caption-templates", "templates", "media", "social/accounts", "keys", "webhooks"]
    for path in (*lists, *of_clip):
        answer = member.call("GET", f"/v1/{path}").json()
        rows, meta = answer["data"], answer["meta"]
        assert set(meta) == {"total", "limit", "offset", "has_more"}, path
        assert meta["total"] == len(rows) and meta["limit"] >= max(len(rows), 1), path
        assert meta["offset"] == 0 and meta["has_more"] is False, path


def test_a_parameter_without_a_value_is_not_given(server: Server) -> None:
    """The reference writes its lists so: `?media_type=&search=&limit=&offset=`."""
    member = server.member()
    member.project()
    for path in (
        "/v1/projects?limit=20&offset=0&search=&status=",
        "/v1/projects/?limit=&offset=&search=&status=",
        "/v1/media/?media_type=&search=&limit=&offset=",
        "/v1/templates/?ratio=",
    ):
        assert member.call("GET", path).status_code == 200, path
    assert "'q'" in member.call("GET", "/v1/stock-videos?q=&per_page=").json()["error"]


@pytest.mark.parametrize(("query", "field"), [("status=DONE", "status"), ("limit=0", "limit"), ("offset=x", "offset")])
def test_a_bad_parameter_is_called_what_the_client_calls_it(server: Server, query: str, field: str) -> None:
    answer = server.member().call("GET", f"/v1/projects?{query}")
    assert answer.status_code == 400 and answer.json()["error"].startswith(f"`{field}`: ")


def test_a_refused_value_is_told_what_will_do(server: Server) -> None:
    member = server.member("STANDARD")
    clip = f"/v1/clips/{analysed(member)[1].id}"
    new = {"filename": "talk.mp4", "filesize": 1}
    layout, lines = {"layout": {"layoutType": "wide"}}, {"style": {"linesPerScreen": "many"}}
    for method, path, body, said in (
        ("PUT", clip, layout, "`layout.layoutType`: 'wide' is none of face-track, fit, "),
        ("PUT", clip, lines, "`style.linesPerScreen`: 'many' is none of a number, auto."),
        ("POST", f"{clip}/exports", {"target_format": "avid"}, "`target_format`: 'avid' is none of after_effects, "),
        ("POST", "/v1/projects/create", {**new, "language": "english"}, "`language`: must be a language by ISO 639-1"),
        ("POST", "/v1/projects/create", {**new, "title": "a\0b"}, "`title`: must not hold a NUL character."),
        ("POST", "/v1/auth/login", {"email": "ada", "password": "x"}, "`email`: must be an e-mail address."),
        ("POST", "/v1/auth/login", {"email": "ada@example.com"}, "`password` is missing."),
        ("PUT", clip, {"b_roll": [{"startTime": 1, "duration": 2}]}, "`b_roll[0].videoUrl` is missing."),
        ("POST", "/v1/projects/create-from-url", {"url": "https://10.0.0.1/a"}, "`url`: The host 10.0.0.1 is private"),
        ("POST", "/v1/projects/create-from-url", {"url": "talk"}, "`url`: must be an http(s) address, "),
        ("PATCH", "/v1/me", {"avatar_url": "https://["}, "`avatar_url`: must be an http(s) address, "),  # none to parse
        ("GET", "/v1/projects?status=DONE", None, "`status`: 'DONE' is none of CANCELLED, "),
        ("GET", "/v1/media?search=%00", None, "`search`: must not hold a NUL character."),
    ):
        answer = member.call(method, path, json=body)
        assert answer.status_code == 400 and answer.json()["error"].startswith(said), answer.text


def test_a_request_id_is_kept_when_it_is_harmless(server: Server) -> None:
    given = httpx.get(server.base + "/v1/health", headers={"X-Request-ID": "my-request.1"})
    assert given.headers["x-request-id"] == "my-request.1"
    forged = httpx.get(server.base + "/v1/health", headers={"X-Request-ID": "a b{}"})
    assert forged.headers["x-request-id"] != "a b{}"


def test_a_client_that_asks_every_five_seconds_keeps_its_connection(server: Server) -> None:
    """Uvicorn's own limit is these five seconds: now and then it hung up just as the next request was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for wait_s in (0, 5.2):
        time.sleep(wait_s)
        connection.request("GET", "/api/v1/health")  # raises RemoteDisconnected where it was hung up
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    connection.close()


def test_secrets_never_reach_the_log(server: Server) -> None:
    member = server.member()
    key = member.call("POST", "/v1/keys", json={"name": "k", "scopes": ["read"]}).json()["data"]["key"]
    httpx.get(server.base + "/v1/projects", headers={"Authorization": f"Bearer {key}"})
    ticket = member.call("POST", "/v1/sse-ticket").json()["ticket"]
    httpx.get(f"{server.base}/v1/projects/{member.user_id}/stream?ticket={ticket}")
    body = {"email": member.email, "password": "Wrong7password"}
    httpx.post(server.base + "/v1/auth/login", json=body, headers={"X-Forwarded-For": "203.0.113.77"})
    log = server.log.read_text()
    for secret in (key, ticket, member.token, member.refresh, "Wrong7password", server.platform.settings.secret_key):
        assert secret not in log
