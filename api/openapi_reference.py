"""The interactive reference: the OpenAPI document of `api.openapi_document`, and Swagger UI from local files."""

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
from litestar.params import FromPath

from api.access import Access
from api.conditional_requests import is_not_modified
from api.errors import ApiError
from api.openapi_document import LICENSE, SERVERS, build_document
from api.operation_ids import create_operation_id

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
        license=LICENSE,
        servers=SERVERS,
        operation_id_creator=create_operation_id,
    )


def complete_schema(app: Litestar) -> None:
    """Build and encode the document. Call once."""
    app.state.encoded_schema = encode_document(msgspec.json.encode(build_document(app)))


@cache
def _find_swagger_folder() -> Path:
    """Locate Swagger UI's files without importing their package, which requires Django."""
    spec = find_spec("drf_spectacular_sidecar")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package drf-spectacular-sidecar is not installed")
    return Path(spec.submodule_search_locations[0]) / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"
