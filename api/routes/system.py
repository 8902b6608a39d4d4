"""/v1/health, /metrics, /v1/usage: how the installation and a workspace stand."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api import client_ip
from api.access import Access
from api.dependencies import TheCaller, ThePlatform
from api.envelope import Data, Limit, Offset
from api.errors import SOON, ApiError
from resources import ledger, projects, run_intents, storage_usage
from resources.platform import Platform
from resources.run_submission import Submitter

LOCAL = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
CHECKED_EVERY_S = 5.0  # a probe of Dagster costs a call to the code server


class Health(msgspec.Struct):
    """`degraded`: the API answers, but something behind it does not; `queue` counts runs by state."""

    status: Literal["ok", "degraded"]
    database: str
    store: str
    dagster: str
    queue: dict[str, int]


class LedgerLine(msgspec.Struct):
    id: int
    kind: str
    minutes: float
    project_id: str | None
    clip_id: str | None
    note: str
    created_at: datetime


class Usage(msgspec.Struct):
    """Minutes as numbers of minutes; a negative ledger line is a charge."""

    minutes_balance: float
    minutes_reserved: float
    tier: str
    storage_used_bytes: int
    storage_cap_bytes: int
    ledger: list[LedgerLine]


class Prober:
    """Remembers how the parts stood a moment ago, so that health checks cost nothing however many ask."""

    def __init__(self, platform: Platform, submitter: Submitter):
        self.platform = platform
        self.submitter = submitter
        self._known: tuple[float, Health] | None = None

    def health(self) -> Health:
        if self._known and time.monotonic() - self._known[0] < CHECKED_EVERY_S:
            return self._known[1]
        queue: dict[str, int] = {}
        database = store = dagster = "ok"
        try:
            with self.platform.database.read() as connection:
                queue = {state.lower(): count for state, count in run_intents.depth(connection).items()}
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
        self._known = (time.monotonic(), Health(status, database, store, dagster, queue))
        return self._known[1]


@get("/v1/health", access=Access.PUBLIC, sync_to_thread=True, tags=["System"])
def health(prober: NamedDependency[Prober]) -> Data[Health]:
    """Database, store, Dagster and the queue. 503 where the API itself cannot work: no database or no store."""
    found = prober.health()
    if "unreachable" in (found.database, found.store):
        said = f"Database: {found.database}; store: {found.store}; Dagster: {found.dagster}."
        raise ApiError(503, said, SOON)
    return Data(found)


@get("/metrics", access=Access.PUBLIC, include_in_schema=False, sync_to_thread=True)
def metrics(
    request: Request[Any, Any, Any], prober: NamedDependency[Prober], registry: NamedDependency[CollectorRegistry]
) -> Response[bytes]:
    """Prometheus' text format, for addresses of the local network."""
    if not client_ip.inside(request.scope["state"]["client_ip"], LOCAL):
        raise ApiError(403, "Metrics are for the local network.")
    found = prober.health()
    lines = [
        f'carmic_up{{part="{part}"}} {int(getattr(found, part) == "ok")}' for part in ("database", "store", "dagster")
    ]
    lines += [f'carmic_runs{{state="{state}"}} {count}' for state, count in sorted(found.queue.items())]
    text = generate_latest(registry) + ("\n".join(lines) + "\n").encode()
    return Response(text, media_type=CONTENT_TYPE_LATEST.partition("; charset")[0])


@get("/v1/usage", access=Access.EDITOR, sync_to_thread=True, tags=["System"])
def workspace_usage(platform: ThePlatform, caller: TheCaller, limit: Limit = 100, offset: Offset = 0) -> Data[Usage]:
    """Minutes, storage and the ledger, newest line first."""
    with platform.database.write() as connection:
        ledger.grant_month(connection, caller.workspace)
    with platform.database.read() as connection:
        open_projects = projects.unfinished(connection, caller.workspace)
        lines = [
            LedgerLine(e.id, e.kind, e.amount_ms / ledger.MINUTE_MS, e.project_id, e.clip_id, e.note, e.created_at)
            for e in ledger.entries(connection, caller.workspace, limit, offset)
        ]
        tier = caller.tier or "FREE"
        return Data(
            Usage(
                ledger.balance_ms(connection, caller.workspace) / ledger.MINUTE_MS,
                ledger.reserved_ms(connection, caller.workspace, open_projects) / ledger.MINUTE_MS,
                tier,
                storage_usage.stored_bytes(connection, caller.workspace),
                storage_usage.STORAGE_CAPS[tier],
                lines,
            )
        )


ROUTES = [health, metrics, workspace_usage]
