"""Wraps every request: request id, headers common to all responses, one log line, and the metrics of `/metrics`.

The log line contains caller, path and result. It never contains a query string (tickets, tokens), header or body.
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
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram

log = structlog.get_logger("carmic.api")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EMPTY_PARAMETER = re.compile(rb"[^=]*=\Z")  # `search=`, which counts as absent
LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def configure_json_logging() -> None:
    """Write JSON lines to standard error, also from the standard library's loggers (uvicorn, SQLAlchemy)."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*processors, renderer],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=processors, processor=renderer))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class RequestMetrics:
    """The request metrics of one app."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter("carmic_http_requests", "Responses.", ("method", "path", "status"), registry=registry)
        self.seconds = Histogram(
            "carmic_http_request_seconds",
            "Time to the first byte of the response.",
            ("method", "path"),
            registry=registry,
            buckets=LATENCY_BUCKETS_S,
        )


class RequestMiddleware:
    """The outermost ASGI layer of the app."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        started_at = time.perf_counter()
        client_request_id = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"x-request-id"), "")
        scope["query_string"] = b"&".join(p for p in scope["query_string"].split(b"&") if not _EMPTY_PARAMETER.match(p))
        request_id = client_request_id if REQUEST_ID.fullmatch(client_request_id) else uuid.uuid4().hex
        state = scope["state"]
        state["limits"] = {}
        state["request_id"] = request_id
        status, first_byte_s = 0, 0.0

        async def send_with_headers(message: Message) -> None:
            nonlocal status, first_byte_s
            if message["type"] == "http.response.start":
                status, first_byte_s = message["status"], time.perf_counter() - started_at
                headers = MutableScopeHeaders.from_message(message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                if state["limits"]:
                    tightest = min(state["limits"].values(), key=lambda s: (s.allowed, s.remaining))
                    headers["X-RateLimit-Limit"] = str(tightest.limit)
                    headers["X-RateLimit-Remaining"] = str(tightest.remaining)
                    headers["X-RateLimit-Reset"] = str(tightest.reset_at)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, first_byte_s, time.perf_counter() - started_at)

    def _record(self, scope: Scope, status: int, first_byte_s: float, duration_s: float) -> None:
        template = scope.get("path_template") or "unknown"
        method = scope.get("method", "")
        is_secret_path = "token" in scope.get("path_params", {})  # the URL of an upload contains its credential
        self.metrics.requests.labels(method, template, str(status)).inc()
        self.metrics.seconds.labels(method, template).observe(first_byte_s)
        caller = scope["state"].get("caller")
        log.info(
            "request",
            request_id=scope["state"]["request_id"],
            method=method,
            path=template if is_secret_path else scope["path"],
            status=status,
            ms=round(duration_s * 1000, 1),
            ip=scope["state"].get("client_ip"),
            user=getattr(caller, "user_id", None),
            workspace=getattr(caller, "workspace_id", None),
            key=getattr(caller, "key_id", None),
        )
