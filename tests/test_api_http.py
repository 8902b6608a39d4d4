"""Details of HTTP that clients and caches rely on."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from api.app import ROUTE_MODULES
from api.conditional_requests import is_not_modified
from api_server import Member, Server
from api_talk import create_analysed_project
from resources.download_names import format_attachment


@pytest.fixture(scope="module")
def owner(server: Server) -> Member:
    return server.create_member("STANDARD")


def test_head_works_wherever_get_does(server: Server, owner: Member) -> None:
    """Every path with GET also responds to HEAD."""
    project, clip = create_analysed_project(owner)
    identities = {"project_id": project.id, "clip_id": clip.id, "workspace_id": owner.workspace_id}
    paths = [
        re.sub(r"{(\w+):\w+}", lambda match: identities.get(match[1], "00000000-0000-0000-0000-000000000000"), path)
        for module in ROUTE_MODULES
        for route in module.ROUTES
        if "GET" in route.http_methods and "/metrics" not in route.paths
        for path in route.paths
        if "stream" not in path and "store" not in path and "uploads" not in path and "health" not in path
    ]
    assert len(paths) > 30
    statuses = set()
    for path in paths:
        got, head = owner.call("GET", path), owner.call("HEAD", path)
        assert head.status_code == got.status_code, path
        assert head.content == b"" and head.headers["content-type"] == got.headers["content-type"], path
        statuses.add(head.status_code)
    assert {200, 404} <= statuses and 405 not in statuses
    listed = owner.call("HEAD", "/v1/projects")
    assert listed.headers["content-length"] == str(len(owner.call("GET", "/v1/projects").content))
    assert owner.call("HEAD", "/v1/auth/login").status_code == 405
    assert "HEAD" in owner.call("PUT", "/v1/projects").headers["allow"]


def test_head_of_a_stream_ends(server: Server, owner: Member) -> None:
    project = owner.create_project()
    ticket = owner.call("POST", "/v1/sse-ticket").json()["ticket"]
    head = httpx.head(f"{server.base}/v1/projects/{project.id}/stream?ticket={ticket}", timeout=5)
    assert head.status_code == 200 and head.headers["content-type"].startswith("text/event-stream")


def test_a_search_that_ends_in_an_equals_sign_is_a_search(owner: Member) -> None:
    """`?search=a=` has a value, unlike `?search=`, which counts as absent."""
    owner.create_project(title="100%_a=b")
    for search, titles in (("a=", 1), ("%25_", 1), ("%25%25", 0), ("_%25", 0), ("a%3D", 1), ("a%3D%3D", 0)):
        listed = owner.call("GET", f"/v1/projects?search={search}").json()
        assert listed["meta"]["total"] == titles, search
    assert owner.call("GET", "/v1/media?search=a=").json()["meta"]["total"] == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*", True),
        ('"v1"', True),
        ('W/"v1"', True),
        ('"v0", W/"v1" , "v2"', True),
        ('"a,b","v1"', True),
        ('"v0"', False),
        ('"v1x"', False),
        ("v1", False),
        ("", False),
    ],
)
def test_if_none_match(header: str, expected: bool) -> None:
    assert is_not_modified(header, '"v1"') is expected
    assert is_not_modified(header, 'W/"v1"') is expected


def test_files_answer_304(owner: Member) -> None:
    project = create_analysed_project(owner)[0]
    url = owner.call("GET", f"/v1/projects/{project.id}").json()["data"]["clips"][0]["proxy_url"]
    etag = httpx.get(url).headers["etag"]
    for header in ("*", f'"other", W/{etag}'):
        assert httpx.get(url, headers={"If-None-Match": header}).status_code == 304, header
    assert httpx.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_reference_is_cached_compressed_and_confined(server: Server) -> None:
    """Encoding the schema takes 300 ms, which must not block the event loop at each request."""
    for path in ("/docs", "/schema/openapi.json"):
        plain = httpx.get(server.base + path, headers={"Accept-Encoding": "identity"})
        packed = httpx.get(server.base + path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip" and packed.content == plain.content
        for etag in (plain.headers["etag"], packed.headers["etag"]):
            repeated = httpx.get(server.base + path, headers={"If-None-Match": etag})
            assert repeated.status_code == 304 and repeated.content == b""
    policy = httpx.get(server.base + "/docs").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "<script>" not in httpx.get(server.base + "/docs").text
    assert httpx.get(server.base + "/schema/other").json()["code"] == "NOT_FOUND"
    with httpx.Client() as client:
        client.get(server.base + "/schema/openapi.json")
        started_s = time.perf_counter()
        for _ in range(20):
            client.get(server.base + "/schema/openapi.json", headers={"If-None-Match": "*"})
        assert time.perf_counter() - started_s < 20 * 0.3  # the time to encode the schema once


def test_a_webhook_without_events_is_refused(owner: Member) -> None:
    """An empty list must not mean all events."""
    refused = owner.call("POST", "/v1/webhooks", json={"url": "https://example.com/", "events": []})
    assert refused.status_code == 400 and refused.json()["error"].startswith("`events` must be")


def test_a_download_has_its_name_in_any_script() -> None:
    header = format_attachment('日本語の "講演".zip')
    assert header.isascii()
    assert header.startswith('attachment; filename="____ ____.zip"; ')
    assert header.endswith("filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E%E3%81%AE%20%22%E8%AC%9B%E6%BC%94%22.zip")
