"""The API as one Litestar app. Handlers validate, call one function of `resources`, and answer a Struct.

`create_app` takes an open platform; `create` is what uvicorn calls (`uvicorn --factory api.app:create`).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from prometheus_client import CollectorRegistry

from api import openapi_reference, previews
from api.access import Access, AccessMiddleware, caller_of
from api.editor_hydration import Hydrator
from api.errors import HANDLERS, ApiError
from api.event_streams import Tail
from api.idempotency import IdempotencyMiddleware
from api.json_body import StrictRequest
from api.request_middleware import Counters, RequestEnvelope, log_as_json
from api.routes import (
    accounts,
    api_keys,
    auth,
    billing,
    clips,
    editor,
    embedded_store,
    exports,
    generation_settings,
    media,
    projects,
    social,
    stock,
    streams,
    system,
    templates,
    uploads,
    webhooks,
)
from api.run_dispatch import Launcher
from carmic_assets.captions.caption_track import caption_events
from carmic_assets.model.template import TemplateConfig
from resources import rate_counters
from resources import uploads as resumable
from resources.platform import Platform, open_platform
from resources.run_submission import Submitter

THREADS = 20  # as many as the database's pool gives connections

AREAS = (
    auth,
    accounts,
    projects,
    uploads,
    clips,
    editor,
    exports,
    streams,
    templates,
    media,
    stock,
    social,
    api_keys,
    webhooks,
    billing,
    generation_settings,
    embedded_store,
    system,
)


class UnclassifiedRoute(RuntimeError):
    """A route does not say who may call it."""


def create() -> Litestar:
    log_as_json()
    return create_app(open_platform())


def create_app(platform: Platform) -> Litestar:
    submitter = Submitter(platform)
    prober = system.Prober(platform, submitter)
    registry = CollectorRegistry()
    launcher, tail = Launcher(submitter), Tail(platform, registry)
    given = {
        "platform": platform,
        "hydrator": Hydrator(platform),
        "launcher": launcher,
        "tail": tail,
        "prober": prober,
        "registry": registry,
    }
    routes = [route for area in AREAS for route in area.ROUTES]
    at_root = [route for route in routes if route.paths == {"/metrics"}]
    app = Litestar(
        route_handlers=[
            Router("/api", route_handlers=[route for route in routes if route not in at_root]),
            *at_root,
            openapi_reference.docs,
            openapi_reference.asset,
        ],
        dependencies={
            **{name: Provide(_always(value), sync_to_thread=False) for name, value in given.items()},
            "caller": Provide(caller_of, sync_to_thread=False),
        },
        middleware=[
            DefineMiddleware(AccessMiddleware, platform=platform),
            DefineMiddleware(IdempotencyMiddleware, platform=platform),
        ],
        guards=[json_only],
        exception_handlers=HANDLERS,
        openapi_config=openapi_reference.openapi_config(),
        cors_config=_cors(platform),
        logging_config=None,
        lifespan=[_threads, launcher.running, tail.running],
        request_class=StrictRequest,
    )
    app.state.platform = platform
    _refuse_unclassified(app)
    openapi_reference.complete(app)
    app.asgi_handler = RequestEnvelope(app.asgi_handler, Counters(registry))
    return app


@contextlib.asynccontextmanager
async def _threads(app: Litestar) -> AsyncIterator[None]:
    """The threads that handlers run in: the loop's own would be as many as there are cores, plus four."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="handler") as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(_tidy, app)
        threads.submit(_warm, app)
        yield


def _tidy(app: Litestar) -> None:
    """What earlier processes left: uploads that nobody went on with, windows of limits that are over."""
    platform: Platform = app.state.platform
    with contextlib.suppress(Exception):  # never a reason not to serve
        resumable.sweep(platform.store)
        with platform.database.write() as connection:
            rate_counters.prune(connection)


def _warm(app: Litestar) -> None:
    """What the first preview would wait for: modules that are loaded when they are used, the default style's font."""
    platform: Platform = app.state.platform
    with contextlib.suppress(Exception):  # never a reason not to serve
        for name in ("numpy", "carmic_assets.rendering.still", "carmic_assets.media.excerpt"):
            importlib.import_module(name)
        caption_events(previews.sample(TemplateConfig()), platform.settings.cache_dir / "captions")


def _always(value: Any) -> Callable[[], Any]:
    def give() -> Any:
        return value

    return give


def json_only(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A JSON body sent as something else is refused. An empty body is no body, whatever it calls itself."""
    if "data" not in handler.parsed_fn_signature.parameters or handler.opt.get("body"):
        return
    headers = connection.headers
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    if empty or content_type in ("", "application/json") or content_type.endswith("+json"):
        return
    raise ApiError(415, f"Send the body as application/json, not as {content_type[:100]}.")


def _refuse_unclassified(app: Litestar) -> None:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            options_only = handler.http_methods == {"OPTIONS"}
            if not options_only and not isinstance(handler.opt.get("access"), Access):
                raise UnclassifiedRoute(f"{route.path} must say `access=`")


def _cors(platform: Platform) -> CORSConfig | None:
    origins = list(platform.settings.cors_origins)
    if not origins:
        return None
    told = ["ETag", "Retry-After", "X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
    told += [
        "Idempotency-Replayed",
        "Location",
        "Upload-Offset",
        "Upload-Length",
        "Tus-Resumable",
        "Tus-Version",
        "Tus-Extension",
    ]
    return CORSConfig(allow_origins=origins, allow_headers=["*"], expose_headers=told, max_age=600)
