"""/v1/health, /metrics and /v1/usage: the state of the installation and of a workspace."""

from __future__ import annotations

import hmac
import time
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api.access import Access
from api.client_ip import is_in_networks
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Data, Limit, Offset
from api.errors import RETRY_SOON, ApiError
from resources import ledger, projects, run_intents, storage_usage
from resources.platform import Platform
from resources.run_submission import Submitter

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
FORWARDING_HEADERS = ("x-forwarded-for", "x-real-ip", "forwarded")
CHECK_INTERVAL_S = 5.0  # a check of Dagster calls the code server


class Health(msgspec.Struct):
    """The state of the installation. `degraded`: the API responds, but Dagster does not.

    `queue` counts runs by state.
    """

    status: Literal["ok", "degraded"]
    database: str
    store: str
    dagster: str
    queue: dict[str, int]


class LedgerLine(msgspec.Struct):
    """One ledger entry. Negative minutes are a charge."""

    id: int
    kind: str
    minutes: float
    project_id: str | None
    clip_id: str | None
    note: str
    created_at: datetime


class Usage(msgspec.Struct):
    """Minutes and storage of a workspace."""

    minutes_balance: float
    minutes_reserved: float
    tier: str
    storage_used_bytes: int
    storage_cap_bytes: int
    ledger: list[LedgerLine]


class HealthProber:
    """Checks database, store and Dagster, at most once every `CHECK_INTERVAL_S`."""

    def __init__(self, platform: Platform, submitter: Submitter) -> None:
        self.platform = platform
        self.submitter = submitter
        self._latest: tuple[float, Health] | None = None

    def check(self) -> Health:
        """Return the latest health."""
        if self._latest and time.monotonic() - self._latest[0] < CHECK_INTERVAL_S:
            return self._latest[1]
        queue: dict[str, int] = {}
        database = store = dagster = "ok"
        try:
            with self.platform.database.read() as connection:
                queue = {state.lower(): count for state, count in run_intents.count_open(connection).items()}
        except Exception:
            database = "unreachable"
        try:
            self.platform.store.check()
        except Exception:
            store = "unreachable"
        try:
            self.submitter.check()
        except Exception:
            dagster = "unreachable"
        status: Literal["ok", "degraded"] = "ok" if {database, store, dagster} == {"ok"} else "degraded"
        health = Health(status, database, store, dagster, queue)
        self._latest = (time.monotonic(), health)
        return health


@get("/v1/health", access=Access.PUBLIC, sync_to_thread=True, tags=["System"])
def get_health(prober: NamedDependency[HealthProber]) -> Data[Health]:
    """Return the state of database, store, Dagster and run queue. 503 if the database or the store is unreachable."""
    health = prober.check()
    if "unreachable" in (health.database, health.store):
        sentence = f"Database: {health.database}; store: {health.store}; Dagster: {health.dagster}."
        raise ApiError(503, sentence, RETRY_SOON)
    return Data(health)


@get("/metrics", access=Access.PUBLIC, include_in_schema=False, sync_to_thread=True)
def get_metrics(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    prober: NamedDependency[HealthProber],
    registry: NamedDependency[CollectorRegistry],
) -> Response[bytes]:
    """Return metrics in Prometheus' text format. Requires `CARMIC_METRICS_TOKEN` as the bearer token."""
    _check_metrics_reader(request, platform.settings.metrics_token)
    health = prober.check()
    parts = {"database": health.database, "store": health.store, "dagster": health.dagster}
    lines = [f'carmic_up{{part="{part}"}} {int(state == "ok")}' for part, state in parts.items()]
    lines += [f'carmic_runs{{state="{state}"}} {count}' for state, count in sorted(health.queue.items())]
    text = generate_latest(registry) + ("\n".join(lines) + "\n").encode()
    return Response(text, media_type=CONTENT_TYPE_LATEST.partition("; charset")[0])


def _check_metrics_reader(request: Request[Any, Any, Any], token: str) -> None:
    """Raise ApiError 403 unless the request has the token or, if no token is set, comes from this machine.

    A request through a local proxy also comes from this machine, so requests with a forwarding header are rejected.
    """
    if token:
        expected = f"Bearer {token}".encode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
            raise ApiError(403, "Metrics need `Authorization: Bearer <CARMIC_METRICS_TOKEN>`.")
        return
    is_forwarded = any(name in request.headers for name in FORWARDING_HEADERS)
    if is_forwarded or not is_in_networks(request.scope["state"]["client_ip"], LOOPBACK_NETWORKS):
        raise ApiError(
            403, "Metrics can only be read on the server itself. Set CARMIC_METRICS_TOKEN to read them elsewhere."
        )


@get("/v1/usage", access=Access.EDITOR, sync_to_thread=True, tags=["System"])
def get_usage(platform: PlatformDep, caller: CallerDep, limit: Limit = 100, offset: Offset = 0) -> Data[Usage]:
    """Return minutes, storage and the ledger, newest entry first."""
    with platform.database.write() as connection:
        ledger.grant_month(connection, caller.workspace)
    with platform.database.read() as connection:
        active_projects = projects.list_active_ids(connection, caller.workspace)
        lines = [
            LedgerLine(e.id, e.kind, e.amount_ms / ledger.MINUTE_MS, e.project_id, e.clip_id, e.note, e.created_at)
            for e in ledger.list_entries(connection, caller.workspace, limit, offset)
        ]
        tier = caller.tier or "FREE"
        return Data(
            Usage(
                ledger.get_balance_ms(connection, caller.workspace) / ledger.MINUTE_MS,
                ledger.get_reserved_ms(connection, caller.workspace, active_projects) / ledger.MINUTE_MS,
                tier,
                storage_usage.get_stored_bytes(connection, caller.workspace),
                storage_usage.STORAGE_LIMITS_BYTES[tier],
                lines,
            )
        )


ROUTES: list[HTTPRouteHandler] = [get_health, get_metrics, get_usage]
