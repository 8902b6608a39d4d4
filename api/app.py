"""The API as one Litestar app. A handler validates, calls one function of `resources`, and returns a Struct.

`create_app` takes an open platform. `create` is the factory that uvicorn calls (`uvicorn --factory api.app:create`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from prometheus_client import CollectorRegistry

from api import openapi_reference
from api.access import Access, AccessMiddleware, provide_caller
from api.editor_hydration import Hydrator
from api.errors import EXCEPTION_HANDLERS, ApiError
from api.event_streams import OutboxTail
from api.head_requests import HeadMiddleware
from api.idempotency import IdempotencyMiddleware
from api.json_body import StrictRequest
from api.media_uploads import convert_old_fonts
from api.pagination import provide_paging
from api.query_parameters import refuse_unknown_parameters
from api.request_middleware import RequestMetrics, RequestMiddleware, configure_json_logging
from api.routes import (
    account_security,
    accounts,
    api_keys,
    auth,
    billing,
    clip_library,
    clip_media,
    clips,
    editor,
    embedded_store,
    events,
    export_jobs,
    exports,
    generate,
    generation_account,
    generation_jobs,
    generation_settings,
    invitations,
    media,
    pictures,
    project_analysis,
    projects,
    renders,
    social,
    stock,
    storage,
    streams,
    system,
    templates,
    uploads,
    voice_agents,
    webhooks,
    workspaces,
)
from api.routes.timeline import ai_edits as timeline_ai_edits
from api.routes.timeline import imports as timeline_imports
from api.routes.timeline import jobs as timeline_jobs
from api.routes.timeline import previews as timeline_previews
from api.routes.timeline import projects as timeline_projects
from api.routes.timeline import segments as timeline_segments
from api.routes.timeline import status as timeline_status
from api.routes.timeline import streams as timeline_streams
from api.run_dispatch import RunDispatcher
from carmic_assets.sandbox.pool import WorkerPool
from carmic_assets.sandbox.worker_jobs import WarmUp
from resources import rate_counters
from resources import uploads as resumable_uploads
from resources.platform import Platform, open_platform
from resources.run_submission import Submitter

HANDLER_THREADS = 20  # as many as the database's pool has connections
CORS_EXPOSED_HEADERS = [
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "Tus-Extension",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Length",
    "Upload-Offset",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
    "X-Total-Count",
]

# The order of the tags in the reference
ROUTE_MODULES: tuple[ModuleType, ...] = (
    auth,
    account_security,
    accounts,
    invitations,
    workspaces,
    projects,
    project_analysis,
    uploads,
    clips,
    clip_library,
    editor,
    renders,
    exports,
    export_jobs,
    events,
    streams,
    templates,
    media,
    clip_media,
    storage,
    stock,
    social,
    api_keys,
    webhooks,
    billing,
    generate,
    voice_agents,
    generation_jobs,
    generation_account,
    generation_settings,
    timeline_projects,
    timeline_segments,
    timeline_previews,
    timeline_imports,
    timeline_jobs,
    timeline_ai_edits,
    timeline_status,
    timeline_streams,
    embedded_store,
    pictures,
    system,
)


class UnclassifiedRouteError(RuntimeError):
    """A route does not declare its `access`."""


def create() -> Litestar:
    """Open the platform of the environment and create the app."""
    configure_json_logging()
    return create_app(open_platform())


def create_app(platform: Platform) -> Litestar:
    """Create the app over an open platform.

    Raises:
        UnclassifiedRouteError: a route does not declare its `access`.
    """
    submitter = Submitter(platform)
    prober = system.HealthProber(platform, submitter)
    registry = CollectorRegistry()
    dispatcher, tail, workers = RunDispatcher(submitter), OutboxTail(platform, registry), WorkerPool()
    dependencies = {
        "platform": platform,
        "hydrator": Hydrator(platform),
        "dispatcher": dispatcher,
        "tail": tail,
        "prober": prober,
        "registry": registry,
        "workers": workers,
    }
    routes = [route for module in ROUTE_MODULES for route in module.ROUTES]
    root_routes = [route for route in routes if route.paths == {"/metrics"}]
    app = Litestar(
        route_handlers=[
            Router("/api", route_handlers=[route for route in routes if route not in root_routes]),
            *root_routes,
            openapi_reference.get_docs,
            openapi_reference.get_docs_asset,
        ],
        dependencies={
            **{name: Provide(_provide(value), sync_to_thread=False) for name, value in dependencies.items()},
            "caller": Provide(provide_caller, sync_to_thread=False),
            "paging": Provide(provide_paging, sync_to_thread=False),
        },
        middleware=[
            DefineMiddleware(AccessMiddleware, platform=platform),
            DefineMiddleware(IdempotencyMiddleware, platform=platform),
        ],
        guards=[require_plain_encoding, require_json_body, refuse_unknown_parameters],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_reference.openapi_config(),
        cors_config=_build_cors_config(platform),
        logging_config=None,
        lifespan=[_limit_handler_threads, dispatcher.lifespan, tail.lifespan],
        request_class=StrictRequest,
    )
    app.state.platform = platform
    app.state.workers = workers
    check_access_declared(app)
    openapi_reference.complete_schema(app)
    app.asgi_handler = RequestMiddleware(HeadMiddleware(app.asgi_handler, app), RequestMetrics(registry))
    return app


@contextlib.asynccontextmanager
async def _limit_handler_threads(app: Litestar) -> AsyncIterator[None]:
    """Run synchronous handlers in `HANDLER_THREADS` threads. The event loop's default is the number of cores plus 4."""
    with ThreadPoolExecutor(HANDLER_THREADS, thread_name_prefix="handler") as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(_clean_up, app)
        threads.submit(_warm_up, app)
        try:
            yield
        finally:
            app.state.workers.close()


def _clean_up(app: Litestar) -> None:
    """Delete expired uploads and rate counters. A failure does not stop the server."""
    platform: Platform = app.state.platform
    with contextlib.suppress(Exception):
        resumable_uploads.sweep(platform.store)
        with platform.database.write() as connection:
            rate_counters.prune(connection)


def _warm_up(app: Litestar) -> None:
    """Start a worker process, and convert fonts that an earlier version stored without conversion."""
    platform: Platform = app.state.platform
    workers: WorkerPool = app.state.workers
    with contextlib.suppress(Exception):
        workers.run(WarmUp(str(platform.settings.cache_dir / "captions")), type(None))
        convert_old_fonts(platform, workers)


def _provide(value: object) -> Callable[[], object]:
    def provide() -> object:
        return value

    return provide


def require_plain_encoding(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Reject a compressed body: the API does not decompress, so an upload would be stored compressed.

    Raises:
        ApiError: 415, naming the encoding.
    """
    encoding = connection.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise ApiError(415, f"`Content-Encoding` must be identity, not {encoding[:100]}. Send the body uncompressed.")


def require_json_body(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Reject a body of another content type if the handler expects JSON. The content type of an empty body is ignored.

    Raises:
        ApiError: 415.
    """
    if "data" not in handler.parsed_fn_signature.parameters or handler.opt.get("body"):
        return
    headers = connection.headers
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    if is_empty or content_type in ("", "application/json") or content_type.endswith("+json"):
        return
    raise ApiError(415, f"`Content-Type` must be application/json, not {content_type[:100]}.")


def check_access_declared(app: Litestar) -> None:
    """Raise UnclassifiedRouteError unless every route declares its `access`."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            is_preflight = handler.http_methods == {"OPTIONS"}
            if not is_preflight and not isinstance(handler.opt.get("access"), Access):
                raise UnclassifiedRouteError(f"{route.path} must declare `access=`")


def _build_cors_config(platform: Platform) -> CORSConfig | None:
    origins = list(platform.settings.cors_origins)
    if not origins:
        return None
    return CORSConfig(
        allow_origins=origins,
        allow_headers=["*"],
        allow_credentials="*" not in origins,  # for cookie sessions; a browser refuses them to any origin
        expose_headers=CORS_EXPOSED_HEADERS,
        max_age=600,
    )
