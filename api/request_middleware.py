"""Round every request: its id, the headers that all answers carry, one line of log, and the counters of `/metrics`.

The log says who did what and how it went: never a query string (tickets, tokens), a header or a body.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from typing import Any

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram

log = structlog.get_logger("carmic.api")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def log_as_json() -> None:
    """JSON lines on standard error, the standard library's loggers (uvicorn, SQLAlchemy) included."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class Counters:
    """The request counters of one app."""

    def __init__(self, registry: CollectorRegistry):
        self.requests = Counter("carmic_http_requests", "Answers.", ("method", "path", "status"), registry=registry)
        self.seconds = Histogram(
            "carmic_http_request_seconds",
            "Time to the first byte of the answer.",
            ("method", "path"),
            registry=registry,
            buckets=BUCKETS,
        )


class RequestEnvelope:
    def __init__(self, app: ASGIApp, counters: Counters):
        self.app = app
        self.counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        given = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"x-request-id"), "")
        # a parameter without a value (`?search=&status=`) is one that was not given
        scope["query_string"] = b"&".join(p for p in scope["query_string"].split(b"&") if not p.endswith(b"="))
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        state = scope["state"]
        state["limits"] = {}
        state["request_id"] = request_id
        status, first_byte = 0, 0.0

        async def send_with_headers(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] == "http.response.start":
                status, first_byte = message["status"], time.perf_counter() - began
                headers = MutableScopeHeaders.from_message(message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                if state["limits"]:
                    verdict = min(state["limits"].values(), key=lambda v: (v.allowed, v.remaining))
                    headers["X-RateLimit-Limit"] = str(verdict.limit)
                    headers["X-RateLimit-Remaining"] = str(verdict.remaining)
                    headers["X-RateLimit-Reset"] = str(verdict.reset_at)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, first_byte, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, first_byte: float, whole: float) -> None:
        template = scope.get("path_template") or "unknown"
        method = scope.get("method", "")
        hidden = "token" in scope.get("path_params", {})  # an upload's address is its own key
        self.counters.requests.labels(method, template, str(status)).inc()
        self.counters.seconds.labels(method, template).observe(first_byte)
        caller = scope["state"].get("caller")
        log.info(
            "request",
            request_id=scope["state"]["request_id"],
            method=method,
            path=template if hidden else scope["path"],
            status=status,
            ms=round(whole * 1000, 1),
            ip=scope["state"].get("client_ip"),
            user=getattr(caller, "user_id", None),
            workspace=getattr(caller, "workspace_id", None),
            key=getattr(caller, "key_id", None),
        )
