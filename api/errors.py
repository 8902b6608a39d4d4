"""Maps each domain error to an HTTP status, and each HTTP status to an error code.

The envelope is `{"error": message, "code": ...}`. `code` is the HTTP status on `/api/v1` and an error code such as
`NOT_FOUND` on every other path. On `/api/v1` it also has `type`, `param`, `request_id` and `doc_url`.
A response never contains a stack trace, a file path or SQL; unexpected errors are logged with the request id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta
from sqlalchemy.exc import OperationalError

from api.head_requests import list_allowed_methods
from api.operation_ids import create_operation_id
from api.validation_messages import describe_message
from carmic_assets.editing.errors import EditConflictError, ImpossibleEditError, UnknownSegmentError
from carmic_assets.sandbox.pool import PoolBusyError
from resources.accounts import EmailTakenError, LastOwnerError
from resources.caps import CapReachedError
from resources.credits import InsufficientCreditsError
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

# What each status means in the reference, and a sentence that such a response may have
STATUS_TEXTS: dict[int, tuple[str, str]] = {
    400: (
        "A field or parameter is missing, of the wrong type, out of range or not in its enumeration.",
        "`limit` must be an integer <= 100.",
    ),
    401: (
        "The token, API key or ticket is missing, expired or unknown.",
        "This path needs a login. Send `Authorization: Bearer <access token or API key>`.",
    ),
    402: (
        "The request exceeds the available minutes or the storage limit.",
        "This needs 30 minutes, and 12 are left. Buy minutes, or choose a shorter video.",
    ),
    403: (
        "No workspace is named, it is not yours, or your role or the key's scope does not suffice.",
        "Workspace context required (X-Workspace-ID)",
    ),
    404: (
        "The resource does not exist, or belongs to another workspace.",
        "This workspace has no such project.",
    ),
    409: (
        "The current state does not allow the request.",
        "Another request with this `Idempotency-Key` was sent meanwhile. Send it again in 5 s.",
    ),
    411: ("The size of the body is not declared.", "`Content-Length` is missing. Send it."),
    412: (
        "`If-Match` is not the current version, or the version of a protocol is not supported.",
        "Another save has changed this clip. Read it again and repeat your change.",
    ),
    413: ("The body is too large.", "The request body is too large for this path."),
    415: (
        "The content type or encoding is not accepted, or the file is not what it says.",
        "`Content-Type` must be application/json, not text/plain.",
    ),
    416: ("The range lies outside the file.", "`Range` must lie within the 524288000 bytes of the file."),
    422: (
        "Each field is valid, but the combination is not.",
        "`trim_end` must be after `trim_start`.",
    ),
    423: (
        "Another request is writing to the same upload.",
        "Another request is writing to this upload. Try again in a moment.",
    ),
    429: ("The rate limit is used up. `Retry-After` says how long to wait.", "Too many requests. Try again in 12 s."),
    500: (
        "The server failed unexpectedly.",
        "The server failed unexpectedly. Try again; if it fails again, report request 5f2c1b0e9d8a4c7b.",
    ),
    502: ("An external service did not respond as expected.", "Pexels did not respond. Try again in a minute."),
    503: (
        "An external service is not configured, or a part of the server is unreachable.",
        "The database is busy or unreachable. Try again in a moment.",
    ),
}
REFERENCE_PATH = "/api/docs"
# Statuses whose sentence begins with the name of the field or header at fault, if there is one
_FIELD_STATUSES = (400, 409, 411, 412, 413, 415, 422)
_LEADING_FIELD = re.compile(r"`([^`]+)`")

# Sent with a 503 that is temporary. A 503 for a missing setting has no Retry-After.
RETRY_SOON = {"Retry-After": "5"}

# Errors that handlers do not catch: the HTTP status and the message. None means the exception's own message.
DOMAIN_ERRORS: dict[type[Exception], tuple[int, str | None]] = {
    EmailTakenError: (409, "`email` is already registered. Log in, or reset the password."),
    AlreadyMemberError: (409, "`email` already belongs to a member of this workspace."),
    LastOwnerError: (409, "A workspace needs at least one OWNER. Make another member an OWNER first."),
    InsufficientMinutesError: (402, None),
    InsufficientCreditsError: (402, None),
    AlreadyRenderingError: (409, "A render of this clip is already queued or running. Wait until it has ended."),
    StoreError: (400, None),
    UnknownSegmentError: (404, "This workspace has no such segment."),
    EditConflictError: (409, None),
    ImpossibleEditError: (422, None),
    ClaimLostError: (409, "Another request with this `Idempotency-Key` was sent meanwhile. Send it again in 5 s."),
    PoolBusyError: (429, "Too many previews and inspections are running. Try again in 5 s."),
    SubmissionError: (503, "The pipeline does not respond. Try again in a minute."),
}

GENERATION_PREFIXES = (
    "/api/generate", "/api/voice-agent", "/api/jobs", "/api/usage", "/api/keys", "/api/settings", "/api/models",
    "/api/voices", "/api/upload/",
)  # fmt: skip

_MISSING_PARAMETER = re.compile(r"Missing required (\w+) parameter '(.+?)'")


class ApiError(Exception):
    """An error response: its HTTP status, and the message `sentence`, which says what is wrong and what to do."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}


class PromptRefusedError(Exception):
    """A prompt that no operation can carry out. `nearest` are the three most similar of `operations`, best first."""

    def __init__(self, sentence: str, operations: Sequence[str], nearest: Sequence[str]) -> None:
        super().__init__(sentence)
        self.operations = operations
        self.nearest = nearest


class ErrorEnvelope(msgspec.Struct):
    """The error envelope of `/api/v1`."""

    error: Annotated[
        str,
        Meta(
            description="What is wrong, with the field's name and limit, and what to do.",
            examples=["`limit` must be an integer <= 100."],
        ),
    ]
    code: Annotated[int, Meta(description="The HTTP status.", examples=[400])]
    type: Annotated[str, Meta(description="The kind of error, for programs.", examples=["BAD_REQUEST"])] = ""
    param: Annotated[
        str | None, Meta(description="The field, parameter or header at fault; null if none is.", examples=["limit"])
    ] = None
    request_id: Annotated[
        str, Meta(description="Id of the request, which the log has too.", examples=["5f2c1b0e9d8a4c7b"])
    ] = ""
    doc_url: Annotated[
        str,
        Meta(
            description="The operation in the reference.",
            examples=["https://carmic.example/api/docs#/Projects/projects.list"],
        ),
    ] = ""


class MachineErrorEnvelope(msgspec.Struct):
    """The error envelope of every other path."""

    error: Annotated[
        str,
        Meta(
            description="What is wrong, with the field's name and limit, and what to do.",
            examples=["This workspace has no such segment."],
        ),
    ]
    code: Annotated[str, Meta(description="The kind of error, for programs.", examples=["NOT_FOUND"])]


class PromptRefusal(MachineErrorEnvelope):
    """The error envelope of a refused prompt: what is possible, and the nearest three of it."""

    operations: Annotated[
        list[str], Meta(description="The operations that are possible.", examples=[["blur", "pixelate", "slow_motion"]])
    ]
    nearest: Annotated[
        list[str],
        Meta(
            description="The three operations that are most similar to the prompt, best first.",
            examples=[["blur", "pixelate", "remove"]],
        ),
    ]


def not_found(resource: str) -> ApiError:
    """Build the 404 for a resource that does not exist or belongs to another workspace."""
    return ApiError(404, f"This workspace has no such {resource}.")


def unconfigured(setting: str) -> ApiError:
    """Build the 503 for an external service that is not configured."""
    return ApiError(503, f"This needs an external service that is not configured. The operator must set {setting}.")


def describe_status(status: int) -> str:
    """Return what an error status means."""
    return STATUS_TEXTS[status][0]


def example_error(path: str, status: int) -> dict[str, Any]:
    """Return an example of the error response of a path."""
    sentence = STATUS_TEXTS[status][1]
    if not _has_numeric_codes(path):
        return {"error": sentence, "code": MACHINE_CODES[status]}
    return {
        "error": sentence,
        "code": status,
        "type": MACHINE_CODES[status],
        "param": find_field(status, sentence),
        "request_id": "5f2c1b0e9d8a4c7b",
        "doc_url": f"https://carmic.example{REFERENCE_PATH}",
    }


def find_field(status: int, sentence: str) -> str | None:
    """Return the field, parameter or header at fault: a sentence about one begins with its name."""
    match = _LEADING_FIELD.match(sentence) if status in _FIELD_STATUSES else None
    return match[1] if match else None


def _has_numeric_codes(path: str) -> bool:
    return path == "/api/v1" or path.startswith("/api/v1/")


def is_generation_path(path: str) -> bool:
    """Tell whether the path belongs to the generation API."""
    return path.startswith(GENERATION_PREFIXES) and not path.startswith("/api/v1/")


def error_response(
    request: Request[Any, Any, Any], status: int, sentence: str, headers: dict[str, str] | None = None
) -> Response[ErrorEnvelope | MachineErrorEnvelope]:
    """Build an error response in the envelope of the request's path."""
    if status == 422 and is_generation_path(request.scope["path"]):
        status = 400  # the only status of that surface for an invalid request
    kind = MACHINE_CODES.get(status, f"HTTP_{status}")
    body: ErrorEnvelope | MachineErrorEnvelope = MachineErrorEnvelope(sentence, kind)
    if _has_numeric_codes(request.scope["path"]):
        request_id = request.scope["state"].get("request_id", "")
        body = ErrorEnvelope(
            sentence, status, kind, find_field(status, sentence), request_id, _build_reference_url(request)
        )
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def _build_reference_url(request: Request[Any, Any, Any]) -> str:
    """Return the URL of the request's operation in the reference, or of the reference."""
    page: str = request.app.state.platform.settings.public_url.rstrip("/") + REFERENCE_PATH
    handler = request.scope.get("route_handler")
    if not isinstance(handler, HTTPRouteHandler) or not handler.tags or not handler.resolve_include_in_schema():
        return page
    method = request.method if request.method in handler.http_methods else next(iter(handler.http_methods))
    operation_id = create_operation_id(handler, method, ())
    return f"{page}#/{quote(min(handler.tags))}/{operation_id}"


def handle_api_error(request: Request[Any, Any, Any], error: ApiError) -> Response[Any]:
    """Respond to an `ApiError`."""
    return error_response(request, error.status, error.sentence, error.headers)


def describe_domain_error(error: Exception) -> tuple[int, str]:
    """Return the status and the sentence of an `ApiError` or an error of `DOMAIN_ERRORS`."""
    if isinstance(error, ApiError):
        return error.status, error.sentence
    status, sentence = next(DOMAIN_ERRORS[kind] for kind in type(error).__mro__ if kind in DOMAIN_ERRORS)
    return status, sentence or str(error)


def handle_domain_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Respond to an error of `DOMAIN_ERRORS`."""
    status, sentence = describe_domain_error(error)
    return error_response(request, status, sentence, RETRY_SOON if status in (429, 503) else None)


def handle_prompt_refused(request: Request[Any, Any, Any], error: PromptRefusedError) -> Response[PromptRefusal]:
    """Respond to a refused prompt with the operations that are possible."""
    body = PromptRefusal(str(error), MACHINE_CODES[422], list(error.operations), list(error.nearest))
    return Response(body, status_code=422, media_type="application/json")


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
    PromptRefusedError: handle_prompt_refused,
    InvalidEmailError: handle_invalid_email,
    CapReachedError: handle_cap_reached,
    HTTPException: handle_http_exception,
    OperationalError: handle_database_error,
    Exception: handle_unexpected_error,
    **dict.fromkeys(DOMAIN_ERRORS, handle_domain_error),
}
