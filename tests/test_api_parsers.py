"""Header and body parsers of the API: whatever a client sends, the response is never a 500."""

import base64
import gzip
import http.client
import json
import uuid
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_server import Member, Server
from api_talk import create_analysed_project

PROPERTY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
# The characters that HTTP allows in a header: visible Latin-1 characters, spaces and tabs
HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
NUMBER = st.one_of(st.integers(-2, 2**70).map(str), st.sampled_from(["9" * 5000, "0" * 5000, "²", "1_0", "+1", "0x1"]))
TUS = {"Tus-Resumable": "1.0.0"}
JSON = {"Content-Type": "application/json"}


class Target(httpx.Client):
    """A client of one member, with a clip, a stored object and an upload."""

    member: Member
    clip: str
    object_url: str
    put_url: str
    resumable_url: str
    form: dict[str, object]


@pytest.fixture(scope="module")
def target(server: Server) -> Iterator[Target]:
    member = server.create_member("STANDARD")
    with Target(base_url=server.base, headers=member.headers, timeout=60) as client:
        client.member, client.clip = member, f"/v1/clips/{create_analysed_project(member)[1].id}"
        sizes = {"filename": "a.png", "content_type": "image/png", "file_size": 1000}
        upload = client.post("/v1/storage/upload-url", json=sizes).json()["data"]
        client.put_url = upload["upload_url"]
        httpx.put(client.put_url, content=b"x" * 1000).raise_for_status()
        key = {"object_key": upload["object_key"]}
        client.object_url = client.post("/v1/storage/playback-url", json=key).json()["data"]["url"]
        new = {"filename": "talk.mp4", "filesize": 1000}
        client.resumable_url = client.post("/v1/projects/create", json=new).json()["data"]["resumable_url"]
        client.form = client.post("/v1/media/presign", json=sizes).json()["data"]
        yield client


def check(response: httpx.Response) -> httpx.Response:
    assert response.status_code < 500, (response.status_code, response.text)
    return response


def send_raw(server: Server, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> int:
    """Send headers without the checks of httpx, which rejects characters that a hostile client may send."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    path = url.partition(f":{server.port}")[2]
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


@PROPERTY
@given(
    value=st.one_of(
        HEADER_TEXT,
        st.builds(lambda a, b: f"bytes={a}-{b}", NUMBER | st.just(""), NUMBER | st.just("")),
        st.builds(lambda a, b: f"bytes={a}-{b},{b}-{a}", NUMBER, NUMBER),
    )
)
def test_any_range(server: Server, target: Target, value: str) -> None:
    assert send_raw(server, "GET", target.object_url, {"Range": value}) in (200, 206, 400, 416)


def test_a_range_of_thousands_of_digits_lies_outside_the_file(target: Target) -> None:
    """`int` rejects a text of more than 4,300 digits."""
    for value, status in ((f"bytes={'9' * 5000}-", 416), (f"bytes=0-{'9' * 5000}", 206), (f"bytes=-{'9' * 5000}", 206)):
        response = httpx.get(target.object_url, headers={"Range": value})
        assert response.status_code == status and len(response.content) in (0, 1000)


@PROPERTY
@given(
    name=st.sampled_from(["Upload-Length", "Upload-Offset", "Upload-Metadata", "Tus-Resumable"]),
    value=HEADER_TEXT | NUMBER,
)
def test_any_tus_header(server: Server, target: Target, name: str, value: str) -> None:
    project = base64.b64encode(str(uuid.uuid4()).encode()).decode()
    headers = {"Upload-Length": "5", "Upload-Metadata": f"project_id {project}", **target.member.headers}
    assert send_raw(server, "POST", f"{server.base}/v1/uploads", {**headers, name: value}) < 500
    patch = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0", **TUS}
    assert send_raw(server, "PATCH", target.resumable_url, {**patch, name: value}) < 500
    assert send_raw(server, "HEAD", target.resumable_url, {name: value}) < 500


@PROPERTY
@given(
    name=st.sampled_from(
        [
            "Idempotency-Key", "If-Match", "If-None-Match", "If-Range", "Authorization", "X-Workspace-ID", "Accept",
            "X-Request-ID", "X-Forwarded-For", "Cookie", "Origin", "Content-Type", "Content-Encoding", "Last-Event-ID",
            "X-Carmic-Session", "Accept-Encoding", "User-Agent", "Host", "Range",
        ]
    ),
    value=HEADER_TEXT | NUMBER,
)  # fmt: skip
def test_any_other_header(server: Server, target: Target, name: str, value: str) -> None:
    headers = {**target.member.headers, **JSON, name: value}
    body = json.dumps({"title": "A title"}).encode()
    assert send_raw(server, "PUT", f"{server.base}{target.clip}", headers, body) < 500
    assert send_raw(server, "POST", f"{server.base}{target.clip}/emoji-fill", headers) < 500
    assert send_raw(server, "GET", target.object_url, {name: value}) < 500


@PROPERTY
@given(
    name=st.sampled_from(["Content-MD5", "x-amz-checksum-sha256", "x-amz-checksum-crc32c", "x-amz-"]), value=HEADER_TEXT
)
def test_any_checksum(server: Server, target: Target, name: str, value: str) -> None:
    assert send_raw(server, "PUT", target.put_url, {name: value}, b"x") in (200, 400)


@PROPERTY
@given(
    name=st.sampled_from(["limit", "offset", "search", "status", "media_type", "ratio", "ticket", "preview"]),
    value=st.text(max_size=40) | NUMBER,
)
def test_any_query(target: Target, name: str, value: str) -> None:
    for path in (
        "/v1/projects",
        "/v1/media",
        "/v1/templates",
        "/v1/usage",
        "/v1/stock-videos",
        f"{target.clip}/stream",
    ):
        response = target.get(path, params={name: value})
        assert response.status_code < 500 or response.status_code == 503, response.text  # stock is not configured


@PROPERTY
@given(field=st.sampled_from(["expires", "type", "max", "name", "signature"]), value=st.text(max_size=40) | NUMBER)
def test_a_signed_url_with_another_field_is_refused(target: Target, field: str, value: str) -> None:
    for method, signed in (("GET", target.object_url), ("PUT", target.put_url)):
        url = httpx.URL(signed)
        if url.params.get(field, "") != value:
            assert httpx.request(method, url.copy_set_param(field, value)).status_code in (400, 403)


JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**70), 2**70) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["title", "style", "layout", "shots", "b_roll", "elements", "audio", "transcript", "start_time"]
)


@PROPERTY
@given(
    body=st.binary(max_size=80)
    | st.dictionaries(FIELDS, JSON_VALUE, max_size=4).map(lambda value: json.dumps(value).encode())
)
def test_any_body(target: Target, body: bytes) -> None:
    for method, path in (
        ("PUT", target.clip), ("POST", f"{target.clip}/subtitle-dry-run"), ("POST", "/v1/templates"),
        ("POST", "/v1/auth/login"), ("POST", "/v1/webhooks"), ("POST", "/v1/media/presign"),
    ):  # fmt: skip
        check(target.request(method, path, content=body, headers=JSON))


@PROPERTY
@given(body=st.binary(max_size=200), boundary=HEADER_TEXT, name=HEADER_TEXT)
def test_any_form(server: Server, target: Target, body: bytes, boundary: str, name: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode("latin-1")
    for content in (body, part + body, part + body + f"\r\n--{boundary}--\r\n".encode("latin-1")):
        assert send_raw(server, "POST", str(target.form["url"]), headers, content) < 500
        member = target.member.headers
        assert send_raw(server, "POST", f"{server.base}/v1/workspaces/media", {**headers, **member}, content) < 500


@pytest.mark.parametrize("depth", [65, 500, 200_000])
def test_a_deep_body_is_400(target: Target, depth: int) -> None:
    """Documents within the depth limit can be saved and read again; deeper ones are rejected."""
    nested = b"[" * depth + b"]" * depth
    for method, path in (("PUT", target.clip), ("POST", "/v1/templates")):
        for body in (b'{"future": %s}' % nested, b'{"name": "a", "template_config": {"future": %s}}' % nested, nested):
            response = target.request(method, path, content=body, headers=JSON)
            assert response.status_code == 400, response.text
    assert target.get(target.clip).status_code == 200
    login = target.post("/v1/auth/login", content=b'{"email": %s}' % nested, headers=JSON)
    assert login.status_code == 400


def test_other_encodings_are_accepted_or_named(target: Target) -> None:
    document = json.dumps({"title": "Größe"}, ensure_ascii=False)
    marked = target.put(target.clip, content=document.encode("utf-8-sig"), headers=JSON)
    assert marked.status_code == 200 and marked.json()["data"]["title"] == "Größe"
    for encoding, name in (
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
    ):
        refused = target.put(target.clip, content=document.encode(encoding), headers=JSON)
        assert refused.status_code == 415 and name in refused.json()["error"], refused.text
    zipped = gzip.compress(document.encode())
    refused = target.put(target.clip, content=zipped, headers={**JSON, "Content-Encoding": "gzip"})
    assert refused.status_code == 415 and "gzip" in refused.json()["error"]
    stored = httpx.put(target.put_url, content=zipped, headers={"Content-Encoding": "gzip"})
    assert stored.status_code == 415
