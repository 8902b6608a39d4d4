"""Responds to HEAD on every path with GET: with the status and headers of GET, and without the body."""

from __future__ import annotations

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.types import (
    ASGIApp,
    HTTPDisconnectEvent,
    HTTPReceiveMessage,
    Message,
    Method,
    Receive,
    Scope,
    Send,
)
from litestar.utils.path import normalize_path

METHODS: tuple[Method, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class HeadMiddleware:
    """Passes a HEAD request to the handler of GET, unless the route has a handler for HEAD."""

    def __init__(self, handler: ASGIApp, app: Litestar) -> None:
        self.handler = handler
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD" or is_routed(self.app, scope["path"], "HEAD"):
            await self.handler(scope, receive, send)
            return
        has_started = False

        async def receive_until_started() -> HTTPReceiveMessage:
            """Report a disconnect after the headers, so that a stream ends."""
            return HTTPDisconnectEvent(type="http.disconnect") if has_started else await receive()  # type: ignore[return-value]

        async def send_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        scope["method"] = "GET"
        try:
            await self.handler(scope, receive_until_started, send_headers)
        finally:
            scope["method"] = "HEAD"  # for the log and the metrics


def is_routed(app: Litestar, path: str, method: Method) -> bool:
    """Tell whether the path has a handler for the method."""
    try:
        app.asgi_router.handle_routing(path=normalize_path(path), method=method)
    except (MethodNotAllowedException, NotFoundException):
        return False
    return True


def list_allowed_methods(app: Litestar, path: str) -> list[str]:
    """List the methods that the path supports; HEAD if GET is supported."""
    routed = {method for method in METHODS if is_routed(app, path, method)}
    return [method for method in METHODS if method in routed or (method == "HEAD" and "GET" in routed)]
