"""Every refusal a client can meet, in one table: domain error -> HTTP status, and HTTP status -> machine code.

The envelope is `{"error": sentence, "code": ...}`: the number on `/api/v1`, the machine string everywhere else. A reply
never holds a stack trace, a path or SQL; what went wrong unexpectedly goes to the log under the request's id.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from sqlalchemy.exc import OperationalError

from api.validation_messages import wording
from resources.accounts import AlreadyMember, EmailTaken, LastOwner
from resources.ledger import InsufficientMinutes
from resources.renders import AlreadyRendering
from resources.run_submission import SubmissionError
from resources.store import StoreError

log = structlog.get_logger("carmic.api")

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    402: "PAYMENT_REQUIRED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    410: "GONE",
    411: "LENGTH_REQUIRED",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    416: "RANGE_NOT_SATISFIABLE",
    422: "UNPROCESSABLE",
    423: "LOCKED",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
}

SOON = {"Retry-After": "5"}  # of a 503 that passes; one for want of a setting does not

# What handlers need not catch: status, and the sentence where the error's own text is not for clients
TABLE: dict[type[Exception], tuple[int, str | None]] = {
    EmailTaken: (409, "Somebody has registered with this e-mail address. Log in, or ask for a new password."),
    AlreadyMember: (409, "This address belongs to a member of the workspace already."),
    LastOwner: (409, "A workspace keeps at least one OWNER. Make somebody else an OWNER first."),
    InsufficientMinutes: (402, None),
    AlreadyRendering: (409, "A render of this clip is queued or running. Wait for it to end."),
    StoreError: (400, None),
    SubmissionError: (503, "The pipeline does not answer. Try again in a minute."),
}


class ApiError(Exception):
    """A refusal with its status; `sentence` says what is wrong and what to do."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}


class Refusal(msgspec.Struct):
    """The error envelope of `/api/v1`."""

    error: str
    code: int


class MachineRefusal(msgspec.Struct):
    """The error envelope of every other path."""

    error: str
    code: str


def not_found(what: str) -> ApiError:
    return ApiError(404, f"There is no such {what} in this workspace.")


def unconfigured(setting: str) -> ApiError:
    """For adapters whose provider nobody has set up."""
    return ApiError(503, f"This needs an outside service that is not set up here: the operator must set {setting}.")


def envelope(path: str, status: int, sentence: str) -> Refusal | MachineRefusal:
    if path == "/api/v1" or path.startswith("/api/v1/"):
        return Refusal(sentence, status)
    return MachineRefusal(sentence, CODES.get(status, f"HTTP_{status}"))


def answer(
    request: Request[Any, Any, Any], status: int, sentence: str, headers: dict[str, str] | None = None
) -> Response:
    body = envelope(request.scope["path"], status, sentence)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def refuse(request: Request[Any, Any, Any], error: ApiError) -> Response:
    return answer(request, error.status, error.sentence, error.headers)


def refuse_domain(request: Request[Any, Any, Any], error: Exception) -> Response:
    status, sentence = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    return answer(request, status, sentence or str(error), SOON if status == 503 else None)


def refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Response:
    """What the framework refuses: unknown paths and methods, bodies that do not parse, fields that do not fit."""
    status = error.status_code
    headers = dict(error.headers or {})
    if isinstance(error, ValidationException):
        return answer(request, 400, _fields(request, error))
    if status == 404:
        return answer(request, 404, f"Nothing is at {request.scope['path']}. The reference is at /api/docs.")
    if status == 405:
        allowed = _allowed(request)
        sentence = f"{request.method} is not possible here; {', '.join(allowed)} is."
        return answer(request, 405, sentence, {"Allow": ", ".join(allowed)})
    if status == 413:
        return answer(request, 413, "The request's body is too large for this path.")
    if status >= 500:
        return refuse_unexpected(request, error)
    sentence = "The body is not valid JSON." if _is_json_fault(error) else f"{error.detail}."
    return answer(request, status, sentence, headers)


def refuse_busy(request: Request[Any, Any, Any], error: OperationalError) -> Response:
    log.error("database", request_id=request.scope["state"].get("request_id"), exc_info=error)
    return answer(request, 503, "The database is busy or cannot be reached. Try again in a moment.", SOON)


def refuse_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response:
    request_id = request.scope["state"].get("request_id", "")
    log.error("unexpected", request_id=request_id, path=request.scope["path"], exc_info=error)
    return answer(request, 500, f"Something failed here. Try again; if it stays, report request {request_id}.")


def _fields(request: Request[Any, Any, Any], error: ValidationException) -> str:
    """One sentence out of the framework's list of what does not fit."""
    if error.detail.startswith("Missing required"):
        return error.detail.partition(" for path ")[0] + "."
    parameters = request.route_handler.parsed_fn_signature.parameters
    problems = []
    for item in error.extra if isinstance(error.extra, list) else []:
        key, message = item.get("key", ""), str(item.get("message", ""))
        if key in parameters:  # `status`, as the client calls it, not as the handler does
            message = wording(message, parameters[key].annotation)
            key = getattr(parameters[key].kwarg_definition, "name", None) or key
        message = message.rstrip(".")
        problems.append(f"`{key}`: {message}" if key and key != "data" else message)
    if problems in ([], ["'data'"]):
        return (
            "This path needs a JSON body; see /api/docs."
            if problems
            else "The request does not fit this path; see /api/docs."
        )
    return "; ".join(problems)[:1000] + "."


def _is_json_fault(error: HTTPException) -> bool:
    return "JSON" in str(error.detail) or "Malformed" in str(error.detail) or "Expecting" in str(error.detail)


def _allowed(request: Request[Any, Any, Any]) -> list[str]:
    router = request.app.asgi_router
    allowed = []
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        try:
            router.handle_routing(path=request.scope["path"], method=method)
        except HTTPException:
            continue
        allowed.append(method)
    return allowed


HANDLERS: dict[int | type[Exception], Any] = {
    ApiError: refuse,
    HTTPException: refuse_http,
    OperationalError: refuse_busy,
    Exception: refuse_unexpected,
    **dict.fromkeys(TABLE, refuse_domain),
}
