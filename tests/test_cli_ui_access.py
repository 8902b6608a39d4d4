"""The Dagster UI admits only browsers that opened a one-time link, and no page of another site."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from carmic_assets.cli.ui_access import TokenFolder, UiGuard, create_link

HOST = "127.0.0.1:3000"
Answer = tuple[int, dict[str, str]]


async def serve_ui(scope: MutableMapping[str, Any], receive: object, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Stand in for the Dagster UI."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-ui", b"yes")]})
    await send({"type": "http.response.body", "body": b"the UI"})


def request(guard: UiGuard, query: str = "", kind: str = "http", **headers: str) -> Answer:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    scope = {"type": kind, "path": "/graphql", "query_string": query.encode(), "headers": pairs}
    asyncio.run(guard(scope, None, send))  # type: ignore[arg-type]
    if kind == "websocket":
        return (1008 if sent[0] == {"type": "websocket.close", "code": 1008} else 101), {}
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.fixture
def guard(tmp_path: Path) -> UiGuard:
    return UiGuard(serve_ui, tmp_path, "127.0.0.1", 3000)


def log_in(guard: UiGuard, home: Path) -> str:
    """Open a new link; returns the cookie."""
    link = create_link(home, f"http://{HOST}")
    status, headers = request(guard, link.partition("?")[2])
    assert status == 200 and "x-ui" not in headers
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]
    return headers["set-cookie"].partition(";")[0]


def test_a_link_opens_the_ui_once(guard: UiGuard, tmp_path: Path) -> None:
    assert request(guard)[0] == 403
    assert request(guard, "login=guess")[0] == 403
    link = create_link(tmp_path, f"http://{HOST}")
    query = link.partition("?")[2]
    assert request(guard, query)[0] == 200
    assert request(guard, query)[0] == 403
    cookie = log_in(guard, tmp_path)
    assert request(guard, cookie=cookie)[1].get("x-ui") == "yes"
    assert request(UiGuard(serve_ui, tmp_path, "127.0.0.1", 3000), cookie=cookie)[0] == 200  # after a restart
    assert request(guard, cookie=cookie[:-1])[0] == 403


def test_another_page_cannot_use_the_session(guard: UiGuard, tmp_path: Path) -> None:
    """Browsers send text/plain across sites without a preflight, and Dagster accepts it for GraphQL mutations."""
    cookie = log_in(guard, tmp_path)
    plain = {"cookie": cookie, "content-type": "text/plain; application/json"}
    assert request(guard, **plain, origin=f"http://{HOST}")[0] == 200
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8000", "http://localhost:3000"):
        assert request(guard, **plain, origin=origin)[0] == 403, origin
        assert request(guard, kind="websocket", cookie=cookie, origin=origin)[0] == 1008
    for host in ("rebound.example:3000", "", "127.0.0.1.evil.example"):
        assert request(guard, cookie=cookie, host=host)[0] == 403, host
    assert request(guard, cookie=cookie, host="localhost:3000")[0] == 200
    assert request(guard, kind="websocket")[0] == 1008


def test_links_and_sessions_expire(tmp_path: Path) -> None:
    tokens = TokenFolder(tmp_path / "tokens", 0)
    token = tokens.create()
    assert not tokens.is_valid(token) and not tokens.redeem(token)
    tokens.create()
    assert len(list((tmp_path / "tokens").iterdir())) == 1  # the expired one is removed
