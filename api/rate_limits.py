"""The rate limits of docs/api.md, and the `X-RateLimit-*` headers. `resources.rate_counters` counts."""

from __future__ import annotations

from typing import Any

from litestar import Request
from sqlalchemy import Connection

from api.errors import ApiError
from resources.rate_counters import RateLimit, RateLimitStatus, hit

REGISTER_IP = RateLimit("register-ip", 3, 15 * 60)
REGISTER_EMAIL = RateLimit("register-email", 3, 15 * 60)
LOGIN_IP = RateLimit("login-ip", 10, 60)
LOGIN_FAILURES = RateLimit("login-failures", 5, 60)  # by email address and network together
INVITATION_MAILS = RateLimit("invitation-mails", 60, 60 * 60)
VERIFICATION_MAILS = RateLimit("verification-mails", 5, 60 * 60)
RESET_IP = RateLimit("reset-ip", 3, 60 * 60)
RESET_EMAIL = RateLimit("reset-email", 3, 60 * 60)
PROJECT_CREATES = RateLimit("project-creates", 5, 60)
EXPORTS = RateLimit("exports", 5, 60)
PREVIEWS = RateLimit("previews", 120, 60)
INSPECTIONS = RateLimit("inspections", 120, 60)
STOCK = RateLimit("stock", 60, 60)
AI_EDITS = RateLimit("ai-edits", 120, 60)
GRADE_PREVIEWS = RateLimit("grade-previews", 20, 1)
TIMELINE_CREATES = RateLimit("timeline-creates", 60, 60)
# The generation API: by workspace
GENERATION_STARTS = RateLimit("generation-starts", 5, 10)
GENERATION_UPLOADS = RateLimit("generation-uploads", 10, 60)
OUTBOUND_CALLS = RateLimit("outbound-calls", 200, 60 * 60)
MANAGEMENT_READS = RateLimit("reads", 20, 10)
MANAGEMENT_DELETIONS = RateLimit("deletions", 10, 60)


class RateLimitedError(ApiError):
    """429, with the seconds to wait in `Retry-After`."""

    def __init__(self, status: RateLimitStatus) -> None:
        wait_s = status.retry_after_s
        super().__init__(429, f"Too many requests. Try again in {wait_s} s.", {"Retry-After": str(wait_s)})


def record_status(request: Request[Any, Any, Any], limit: RateLimit, status: RateLimitStatus) -> None:
    """Store the status for the `X-RateLimit-*` headers.

    Of several limits, the one with the fewest remaining requests is sent.
    """
    request.scope["state"].setdefault("limits", {})[limit.name] = status


def consume(connection: Connection, request: Request[Any, Any, Any], limit: RateLimit, subject: str) -> None:
    """Count a request in the handler's own transaction, for limits that count accepted requests only.

    Raises:
        RateLimitedError: the subject has reached the limit.
    """
    status = hit(connection, limit, subject)
    record_status(request, limit, status)
    if not status.allowed:
        raise RateLimitedError(status)
