"""Restricts access to the Dagster UI, which has no login, to browsers that opened a one-time link.

Links and sessions are empty files in the home, named by the hash of their token. A link is redeemed by deleting its
file, which succeeds only once. Users who can write to the home can create links; they have access to its data anyway.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LINK_LIFETIME_S = 3600
SESSION_LIFETIME_S = 12 * 3600
COOKIE = "carmic_ui"  # the port is appended, because browsers share cookies between the ports of a host
PARAMETER = "login"  # query parameter with the token of a link
WELCOME = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><a href="/">Dagster UI</a>'


class TokenFolder:
    """Tokens with a lifetime, stored as files."""

    def __init__(self, folder: Path, lifetime_s: float) -> None:
        self.folder = folder
        self.lifetime_s = lifetime_s

    def create(self) -> str:
        """Return a new token, and remove the files of expired ones."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self.folder.iterdir():
            if not self._is_fresh(path):
                path.unlink(missing_ok=True)
        token = secrets.token_urlsafe(32)
        self._path(token).touch(mode=0o600)
        return token

    def is_valid(self, token: str) -> bool:
        """Return whether the token exists and has not expired."""
        return self._is_fresh(self._path(token))

    def redeem(self, token: str) -> bool:
        """Consume the token. Returns False if it does not exist, was used or has expired."""
        path = self._path(token)
        is_fresh = self._is_fresh(path)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return is_fresh

    def _path(self, token: str) -> Path:
        return self.folder / hashlib.sha256(token.encode()).hexdigest()

    def _is_fresh(self, path: Path) -> bool:
        try:
            return time.time() - path.stat().st_mtime < self.lifetime_s
        except FileNotFoundError:
            return False


def open_links(home: Path) -> TokenFolder:
    """Return the one-time links of the home's Dagster UI."""
    return TokenFolder(home / "dagster" / "ui-links", LINK_LIFETIME_S)


def create_link(home: Path, base_url: str) -> str:
    """Return a URL that opens the Dagster UI once, within LINK_LIFETIME_S."""
    return f"{base_url}/?{PARAMETER}={open_links(home).create()}"


class UiGuard:
    """An ASGI app around the Dagster UI that admits only browsers that opened a one-time link.

    It also checks the header `Host` against DNS rebinding, and the header `Origin` against cross-site requests: any web
    page could otherwise send GraphQL mutations as text/plain, for which browsers make no CORS preflight request.
    """

    def __init__(self, app: App, home: Path, host: str, port: int) -> None:
        self.app = app
        self.links = open_links(home)
        self.sessions = TokenFolder(home / "dagster" / "ui-sessions", SESSION_LIFETIME_S)
        self.names = {"localhost", host.lower(), socket.gethostname().lower()}
        self.cookie = f"{COOKIE}_{port}"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Forward the request, redeem its link, or reject it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        token = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(PARAMETER, [""])[0]
        if problem := self._find_problem(headers):
            await _refuse(scope, send, problem)
        elif token and scope["type"] == "http" and self.links.redeem(token):
            cookie = f"{self.cookie}={self.sessions.create()}; Path=/; HttpOnly; SameSite=Strict"
            await _respond(send, 200, WELCOME, [(b"set-cookie", cookie.encode())])
        elif self._has_session(headers):
            await self.app(scope, receive, send)
        else:
            sentence = "Open the one-time link that `carmic up` printed, or print one with `carmic admin ui-link`."
            await _refuse(scope, send, sentence)

    def _find_problem(self, headers: dict[str, str]) -> str:
        host = headers.get("host", "")
        name = (urlsplit(f"//{host}").hostname or "").lower()
        if name not in self.names and not _is_address(name):
            return "This server is not known under this name. Use its IP address, or the name given by --dagster-host."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "Another page sent this request."
        return ""

    def _has_session(self, headers: dict[str, str]) -> bool:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return morsel is not None and self.sessions.is_valid(morsel.value)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(scope: MutableMapping[str, Any], send: Send, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await _respond(send, 403, f"{sentence}\n".encode(), [(b"content-type", b"text/plain; charset=utf-8")])


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    defaults = [(b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
    if not any(name == b"content-type" for name, _ in headers):
        defaults.append((b"content-type", b"text/html; charset=utf-8"))
    await send({"type": "http.response.start", "status": status, "headers": [*defaults, *headers]})
    await send({"type": "http.response.body", "body": body})
