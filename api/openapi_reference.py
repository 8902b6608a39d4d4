"""The interactive reference: the OpenAPI schema, completed with errors and security, and Swagger UI from local files.

Errors, headers and security of an operation come from the options of its route: `access`, `rate_limit`, `idempotent`,
`body` and `error_statuses`.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.openapi.spec.enums import OpenAPIType
from litestar.openapi.spec.example import Example
from litestar.openapi.spec.header import OpenAPIHeader
from litestar.openapi.spec.media_type import OpenAPIMediaType
from litestar.openapi.spec.operation import Operation
from litestar.openapi.spec.parameter import Parameter
from litestar.openapi.spec.reference import Reference
from litestar.openapi.spec.response import OpenAPIResponse
from litestar.openapi.spec.schema import Schema
from litestar.params import FromPath

from api.access import Access
from api.conditional_requests import is_not_modified
from api.errors import MACHINE_CODES, ApiError, ErrorEnvelope, MachineErrorEnvelope

ASSETS_PATH = "/api/docs/assets"
SWAGGER_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript",
}
# The page runs no scripts except the files above, so that injected text cannot run as a script.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Carmic API</title>
<link rel="icon" type="image/png" href="{ASSETS_PATH}/favicon-32x32.png">
<link rel="stylesheet" href="{ASSETS_PATH}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{ASSETS_PATH}/swagger-ui-bundle.js"></script>
<script src="{ASSETS_PATH}/swagger-ui-standalone-preset.js"></script>
<script src="{ASSETS_PATH}/start.js"></script>
</body>
</html>
"""
START_SCRIPT = """SwaggerUIBundle({
  url: "/api/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""
DESCRIPTION = (
    "Turns a long video into captioned vertical clips and project packages for editing programs. "
    "Send `Authorization: Bearer <access token or API key>`, and `X-Workspace-ID` where a path works in a workspace."
)

# Typical bodies of operations for which the schema alone is not a useful example
EXAMPLES: dict[str, Any] = {
    "POST /v1/auth/register": {"email": "ada@example.com", "password": "Correct7horse", "first_name": "Ada"},
    "POST /v1/auth/login": {"email": "ada@example.com", "password": "Correct7horse"},
    "POST /v1/projects/create": {
        "filename": "podcast.mp4",
        "filesize": 524288000,
        "content_type": "video/mp4",
        "duration": 1800,
        "language": "en",
        "video_type": "podcast",
    },
    "POST /v1/projects/create-from-url": {"url": "https://example.com/talk.mp4", "trim_start": 60},
    "PUT /v1/clips/{clip_id}": {
        "layout": {"layoutType": "face-track", "aspectRatio": "9:16"},
        "style": {"fontSize": 80, "highlightColor": "#FFD700"},
        "elements": {"hookTitle": {"enabled": True, "text": "Wait for it", "durationSec": 2.5}},
        "caption_style": "HORMOZI",
    },
    "POST /v1/clips/{clip_id}/exports": {"target_format": "premiere", "include_proxy": False},
    "POST /v1/templates": {"name": "Brand", "template_config": {"caption_style": "IMPACT", "style": {"fontSize": 90}}},
    "POST /v1/media/presign": {"filename": "logo.png", "content_type": "image/png", "file_size": 20480},
    "POST /v1/webhooks": {"url": "https://example.com/hook", "events": ["project.clips_ready", "clip.rendered"]},
    "POST /v1/keys": {"name": "ci", "scopes": ["read", "write"]},
    "POST /project": {"name": "Trailer", "description": "", "video_url": "https://example.com/talk.mp4"},
    "POST /project/{project_id}/upload": {"file_name": "talk.mp4", "content_type": "video/mp4"},
    "POST /project/{project_id}/preview/frame": {"ts": 3.2},
    "POST /project/{project_id}/preview/strip": {"start": 0, "end": 30, "fps": 1},
    "POST /segment/{segment_id}/split": {"split_ts": 12.4},
    "POST /segment/{segment_id}/trim": {"new_start_ts": 2.0, "new_end_ts": 9.5},
    "POST /segment/{segment_id}/color-grade": {"brightness": 0.1, "contrast": 0.2, "temperature": 0.3},
    "POST /export": {"project_id": "3f0c6b0e-5a52-4c3c-9a52-0b5a9b1f2f10", "format": "mp4"},
    "PATCH /settings": {"webhookUrl": "https://example.com/hook"},
}

# Error statuses of every path, of a path with a body, and of a path that needs a login
COMMON_STATUSES = (400, 500, 503)
BODY_STATUSES = (413, 415, 422)
LOGIN_STATUSES = (401, 403)


@get(f"{ASSETS_PATH}/{{name:str}}", include_in_schema=False, access=Access.PUBLIC, sync_to_thread=True)
def get_docs_asset(name: FromPath[str]) -> Response[bytes]:
    """Return a file of Swagger UI, or the script that starts it."""
    if name not in SWAGGER_FILES:
        raise ApiError(404, "The reference has no such file.")
    content = START_SCRIPT.encode() if name == "start.js" else (_find_swagger_folder() / name).read_bytes()
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(content, media_type=SWAGGER_FILES[name], headers=headers)


@get("/api/docs", include_in_schema=False, access=Access.PUBLIC, sync_to_thread=False)
def get_docs(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the HTML page of Swagger UI."""
    return _respond(request, _encode_page(), "text/html; charset=utf-8", {"Content-Security-Policy": DOCS_POLICY})


def respond_with_schema(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Respond to every request below /api/schema in place of the framework, which encodes the schema each time.

    Raises:
        ApiError: 404 for a path other than the schema's.
    """
    if not request.scope["path"].endswith("/openapi.json"):
        raise ApiError(404, "This path does not exist. The schema is at /api/schema/openapi.json.")
    return _respond(request, request.app.state.encoded_schema, "application/json", {})


class EncodedDocument(msgspec.Struct, frozen=True):
    """A document that does not change while the process runs: its bytes, also compressed, and their version."""

    content: bytes
    compressed: bytes
    etag: str


def encode_document(content: bytes) -> EncodedDocument:
    """Compress the document and name its version."""
    digest = hashlib.sha256(content).hexdigest()[:32]
    return EncodedDocument(content, gzip.compress(content, mtime=0), f'"{digest}"')


@cache
def _encode_page() -> EncodedDocument:
    return encode_document(DOCS_PAGE.encode())


def _respond(
    request: Request[Any, Any, Any], document: EncodedDocument, media_type: str, headers: dict[str, str]
) -> Response[bytes]:
    """Respond with the document, compressed if the client accepts gzip, or with 304 if the client has this version."""
    headers = {**headers, "ETag": document.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if is_not_modified(request.headers.get("if-none-match", ""), document.etag):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    if "gzip" in request.headers.get("accept-encoding", ""):
        # Both encodings have the same ETag, because it is compared weakly and the document is the same
        headers |= {"Content-Encoding": "gzip", "ETag": f"W/{document.etag}"}
        return Response(document.compressed, headers=headers, media_type=media_type)
    return Response(document.content, headers=headers, media_type=media_type)


def openapi_config() -> OpenAPIConfig:
    """Build the configuration of the schema and its path."""
    return OpenAPIConfig(
        title="Carmic",
        version="1",
        description=DESCRIPTION,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router(
            "/api/schema",
            route_handlers=[],
            include_in_schema=False,
            opt={"access": Access.PUBLIC},
            before_request=respond_with_schema,
        ),
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", description="Access token or API key (sk_live_...)"
                )
            }
        ),
        use_handler_docstrings=True,
    )


def complete_schema(app: Litestar) -> None:
    """Add errors, headers and security to each operation by its route's options, and encode the schema. Call once."""
    schema = app.openapi_schema
    for route in app.routes:
        item = (schema.paths or {}).get(getattr(route, "path_format", ""))
        if item is None:
            continue
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods:
                operation = getattr(item, str(method).lower(), None)
                if operation is not None and handler.resolve_include_in_schema():
                    _complete_operation(operation, str(method), route.path_format, handler.opt)
    components = schema.components
    components.schemas = {**(components.schemas or {}), **_build_error_schemas()}
    app.state.encoded_schema = encode_document(msgspec.json.encode(schema.to_schema()))


def _complete_operation(operation: Operation, method: str, path: str, opt: dict[str, Any]) -> None:
    _add_example(operation, method, path)
    access: Access = opt["access"]
    statuses = {*COMMON_STATUSES, *opt.get("error_statuses", ())}
    parameters = list(operation.parameters or [])
    if operation.request_body is not None or opt.get("body"):
        statuses.update(BODY_STATUSES)
    if "{" in path:
        statuses.add(404)
    if access in (Access.USER, Access.EDITOR, Access.OWNER, Access.SIGNED_OR_EDITOR):
        statuses.update(LOGIN_STATUSES)
        operation.security = [{"bearer": []}]
        if access is not Access.USER and "{workspace_id}" not in path:
            default = "; otherwise the oldest one that you own" if opt.get("default_workspace") else ""
            description = f"The workspace to work in. Optional with an API key{default}."
            parameters.append(_build_header("X-Workspace-ID", description))
    if access in (Access.TICKET, Access.SIGNED):
        statuses.update((401, 403))
    if opt.get("rate_limit"):
        statuses.add(429)
    if opt.get("idempotent"):
        statuses.update((409, 422))
        description = "A repetition within 24 hours returns the first response and has no effect."
        parameters.append(_build_header("Idempotency-Key", description, max_length=255))
    operation.parameters = parameters or None
    responses = dict(operation.responses or {})
    for status in sorted(statuses):
        responses[str(status)] = _build_error_response(status, numeric_code=path.startswith("/api/v1/"))
    operation.responses = responses


def _add_example(operation: Operation, method: str, path: str) -> None:
    example = EXAMPLES.get(f"{method} {path.removeprefix('/api')}")
    if example is not None and operation.request_body is not None:
        for media in operation.request_body.content.values():  # type: ignore[union-attr]
            media.examples = {"typical": Example(value=example)}


def _build_error_response(status: int, numeric_code: bool) -> OpenAPIResponse:
    schema = (ErrorEnvelope if numeric_code else MachineErrorEnvelope).__name__
    code: int | str = status if numeric_code else MACHINE_CODES[status]
    example = Example(value={"error": "What is wrong, and what to do.", "code": code})
    body = OpenAPIMediaType(schema=Reference(ref=f"#/components/schemas/{schema}"), examples={"error": example})
    headers = None
    if status in (429, 503):
        headers = {"Retry-After": OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING), description="Seconds to wait.")}
    description = MACHINE_CODES[status].replace("_", " ").capitalize()
    return OpenAPIResponse(description=description, content={"application/json": body}, headers=headers)  # type: ignore[arg-type]


def _build_error_schemas() -> dict[str, Schema]:
    schemas = {}
    for envelope, code_type in ((ErrorEnvelope, OpenAPIType.INTEGER), (MachineErrorEnvelope, OpenAPIType.STRING)):
        properties = {"error": Schema(type=OpenAPIType.STRING), "code": Schema(type=code_type)}
        schemas[envelope.__name__] = Schema(
            type=OpenAPIType.OBJECT,
            properties=properties,  # type: ignore[arg-type]
            required=["error", "code"],
        )
    return schemas


def _build_header(name: str, description: str, max_length: int | None = None) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING, max_length=max_length)
    return Parameter(name=name, param_in="header", description=description, required=False, schema=schema)


@cache
def _find_swagger_folder() -> Path:
    """Locate Swagger UI's files without importing their package, which requires Django."""
    spec = find_spec("drf_spectacular_sidecar")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package drf-spectacular-sidecar is not installed")
    return Path(spec.submodule_search_locations[0]) / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"
