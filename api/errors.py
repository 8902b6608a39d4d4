"""Maps each domain error to an HTTP status, and each HTTP status to an error code.

The envelope is `{"error": message, "code": ...}`. `code` is the HTTP status on `/api/v1` and an error code such as
`NOT_FOUND` on every other path. A response never contains a stack trace, a file path or SQL; unexpected errors are
logged with the request id.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from sqlalchemy.exc import OperationalError

from api.head_requests import list_allowed_methods
from api.validation_messages import describe_message
from carmic_assets.editing.errors import EditConflictError, ImpossibleEditError, UnknownSegmentError
from carmic_assets.sandbox.pool import PoolBusyError
from resources.accounts import EmailTakenError, LastOwnerError
from resources.caps import CapReachedError
from resources.email_addresses import InvalidEmailError
from resources.idempotency_keys import ClaimLostError
from resources.invitations import AlreadyMemberError
from resources.ledger import InsufficientMinutesError
from resources.renders import AlreadyRenderingError
from resources.run_submission import SubmissionError
from resources.store import StoreError

log = structlog.get_logger("carmic.api")

MACHINE_CODES = {
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

# Sent with a 503 that is temporary. A 503 for a missing setting has no Retry-After.
RETRY_SOON = {"Retry-After": "5"}

# Errors that handlers do not catch: the HTTP status and the message. None means the exception's own message.
DOMAIN_ERRORS: dict[type[Exception], tuple[int, str | None]] = {
    EmailTakenError: (409, "`email` is already registered. Log in, or reset the password."),
    AlreadyMemberError: (409, "`email` already belongs to a member of this workspace."),
    LastOwnerError: (409, "A workspace needs at least one OWNER. Make another member an OWNER first."),
    InsufficientMinutesError: (402, None),
    AlreadyRenderingError: (409, "A render of this clip is already queued or running. Wait until it has ended."),
    StoreError: (400, None),
    UnknownSegmentError: (404, "This workspace has no such segment."),
    EditConflictError: (409, None),
    ImpossibleEditError: (422, None),
    ClaimLostError: (409, "Another request with this `Idempotency-Key` was sent meanwhile. Send it again in 5 s."),
    PoolBusyError: (429, "Too many previews and inspections are running. Try again in 5 s."),
    SubmissionError: (503, "The pipeline does not respond. Try again in a minute."),
}

_MISSING_PARAMETER = re.compile(r"Missing required (\w+) parameter '(.+?)'")


class ApiError(Exception):
    """An error response: its HTTP status, and the message `sentence`, which says what is wrong and what to do."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}


class ErrorEnvelope(msgspec.Struct):
    """The error envelope of `/api/v1`: `code` is the HTTP status."""

    error: str
    code: int


class MachineErrorEnvelope(msgspec.Struct):
    """The error envelope of every other path: `code` is one of `MACHINE_CODES`."""

    error: str
    code: str


def not_found(resource: str) -> ApiError:
    """Build the 404 for a resource that does not exist or belongs to another workspace."""
    return ApiError(404, f"This workspace has no such {resource}.")


def unconfigured(setting: str) -> ApiError:
    """Build the 503 for an external service that is not configured."""
    return ApiError(503, f"This needs an external service that is not configured. The operator must set {setting}.")


def error_envelope(path: str, status: int, sentence: str) -> ErrorEnvelope | MachineErrorEnvelope:
    """Build the error envelope of the path."""
    if path == "/api/v1" or path.startswith("/api/v1/"):
        return ErrorEnvelope(sentence, status)
    return MachineErrorEnvelope(sentence, MACHINE_CODES.get(status, f"HTTP_{status}"))


def error_response(
    request: Request[Any, Any, Any], status: int, sentence: str, headers: dict[str, str] | None = None
) -> Response[ErrorEnvelope | MachineErrorEnvelope]:
    """Build an error response in the envelope of the request's path."""
    body = error_envelope(request.scope["path"], status, sentence)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def handle_api_error(request: Request[Any, Any, Any], error: ApiError) -> Response[Any]:
    """Respond to an `ApiError`."""
    return error_response(request, error.status, error.sentence, error.headers)


def handle_domain_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Respond to an error of `DOMAIN_ERRORS`."""
    status, sentence = next(DOMAIN_ERRORS[kind] for kind in type(error).__mro__ if kind in DOMAIN_ERRORS)
    return error_response(request, status, sentence or str(error), RETRY_SOON if status in (429, 503) else None)


def handle_invalid_email(request: Request[Any, Any, Any], error: InvalidEmailError) -> Response[Any]:
    """Respond to an address that cannot be stored."""
    return error_response(request, 400, f"`email` {error}")


def handle_cap_reached(request: Request[Any, Any, Any], error: CapReachedError) -> Response[Any]:
    """Respond to a reached cap: 429 if waiting helps, 409 if something must be deleted first."""
    if error.is_passing:
        return error_response(request, 429, str(error), RETRY_SOON)
    return error_response(request, 409, str(error))


def handle_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Respond to an error of the framework: an unknown path or method, a malformed body, an invalid parameter."""
    status = error.status_code
    headers = dict(error.headers or {})
    if isinstance(error, ValidationException):
        return error_response(request, 400, _describe_validation(request, error))
    allowed = ", ".join(list_allowed_methods(request.app, request.scope["path"])) if status == 405 else ""
    # Litestar responds with 405 if a path parameter has the wrong type.
    if status == 404 or (status == 405 and not allowed):
        path = request.scope["path"]
        return error_response(request, 404, f"The path {path} does not exist. The reference is at /api/docs.")
    if status == 405:
        sentence = f"This path does not support {request.method}. It supports {allowed}."
        return error_response(request, 405, sentence, {"Allow": allowed})
    if status == 413:
        return error_response(request, 413, "The request body is too large for this path.")
    if status >= 500:
        return handle_unexpected_error(request, error)
    sentence = "The body must be valid JSON." if _is_json_error(error) else f"{error.detail}."
    return error_response(request, status, sentence, headers)


def handle_database_error(request: Request[Any, Any, Any], error: OperationalError) -> Response[Any]:
    """Respond when the database is busy or unreachable."""
    log.error("database", request_id=request.scope["state"].get("request_id"), exc_info=error)
    return error_response(request, 503, "The database is busy or unreachable. Try again in a moment.", RETRY_SOON)


def handle_unexpected_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Log the error and respond with the request id only."""
    request_id = request.scope["state"].get("request_id", "")
    log.error("unexpected", request_id=request_id, path=request.scope["path"], exc_info=error)
    sentence = f"The server failed unexpectedly. Try again; if it fails again, report request {request_id}."
    return error_response(request, 500, sentence)


def _describe_validation(request: Request[Any, Any, Any], error: ValidationException) -> str:
    """Turn the framework's list of invalid parameters into one sentence."""
    if missing := _MISSING_PARAMETER.match(error.detail):
        return f"`{missing[2]}` is missing: this path needs it as a {missing[1]} parameter."
    parameters = request.route_handler.parsed_fn_signature.parameters
    problems = []
    for item in error.extra if isinstance(error.extra, list) else []:
        key, message = item.get("key", ""), str(item.get("message", "")).rstrip(".")
        if key in parameters:  # use the parameter's name in the request, not its name in the handler
            message = describe_message(message, parameters[key].annotation)
            key = getattr(parameters[key].kwarg_definition, "name", None) or key
        elif key and key != "data":
            message = describe_message(message, Any)
        problems.append(f"`{key}` {message}" if key and key != "data" else message)
    if problems == ["'data'"]:
        return "This path needs a JSON body; see /api/docs."
    if not problems:
        return "The request does not match this path's parameters; see /api/docs."
    return "; ".join(problems)[:1000] + "."


def _is_json_error(error: HTTPException) -> bool:
    return "JSON" in str(error.detail) or "Malformed" in str(error.detail) or "Expecting" in str(error.detail)


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    ApiError: handle_api_error,
    InvalidEmailError: handle_invalid_email,
    CapReachedError: handle_cap_reached,
    HTTPException: handle_http_exception,
    OperationalError: handle_database_error,
    Exception: handle_unexpected_error,
    **dict.fromkeys(DOMAIN_ERRORS, handle_domain_error),
}
