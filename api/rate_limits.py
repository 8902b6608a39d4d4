"""The limits the reference promises, and how an answer tells of them. `resources.rate_counters` counts."""

from __future__ import annotations

from typing import Any

from litestar import Request
from sqlalchemy import Connection

from api.errors import ApiError
from resources.rate_counters import Limit, Verdict, take

REGISTER_IP = Limit("register-ip", 3, 15 * 60)
REGISTER_EMAIL = Limit("register-email", 3, 15 * 60)
LOGIN_IP = Limit("login-ip", 10, 60)
LOGIN_EMAIL = Limit("login-email", 5, 60)
RESET_IP = Limit("reset-ip", 3, 60 * 60)
RESET_EMAIL = Limit("reset-email", 3, 60 * 60)
CREATES = Limit("project-creates", 5, 60)
EXPORTS = Limit("exports", 5, 60)
STOCK = Limit("stock", 60, 60)
# the generation surface
READS = Limit("reads", 20, 10)
DELETIONS = Limit("deletions", 10, 60)


class RateLimited(ApiError):
    def __init__(self, verdict: Verdict):
        wait = verdict.retry_after_s
        super().__init__(429, f"Too many requests. Try again in {wait} s.", {"Retry-After": str(wait)})


def note(request: Request[Any, Any, Any], limit: Limit, verdict: Verdict) -> None:
    """Let the answer carry `X-RateLimit-*`; of several limits it tells of the one with the least room."""
    request.scope["state"].setdefault("limits", {})[limit.name] = verdict


def spend(connection: Connection, request: Request[Any, Any, Any], limit: Limit, subject: str) -> None:
    """Count a hit in the handler's own transaction, for limits that count only what is accepted. Raises RateLimited."""
    verdict = take(connection, limit, subject)
    note(request, limit, verdict)
    if not verdict.allowed:
        raise RateLimited(verdict)
