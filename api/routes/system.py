"""/v1/health, /metrics and /v1/usage: the state of the installation and of a workspace."""

from __future__ import annotations

import hmac
import time
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api.access import Access
from api.client_ip import is_in_networks
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Data, Limit, Offset
from api.errors import RETRY_SOON, ApiError
from resources import ledger, operational_metrics, projects, run_intents, storage_usage
from resources.field_types import Timestamp, Uuid
from resources.platform import Platform
from resources.run_submission import DAEMON_TIMEOUT_S, Submitter

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
FORWARDING_HEADERS = ("x-forwarded-for", "x-real-ip", "forwarded")
CHECK_INTERVAL_S = 5.0  # a check of Dagster calls the code server
MAX_WAITING_S = 30.0  # the reconciliation sensor submits within seconds what the API could not


class Health(msgspec.Struct, frozen=True):
    """`degraded`: the API responds, but a part that it depends on does not, or work waits that should run.

    `daemon` is `silent` if Dagster's daemon, which starts queued runs, sent no heartbeat for `DAEMON_TIMEOUT_S`.
    `queue` counts runs by state. `oldest_waiting_s` is the age of the oldest run that Dagster has not accepted yet.
    `daemon_silence_s` is null if the daemon never sent a heartbeat.
    """

    status: Annotated[
        Literal["ok", "degraded"],
        Meta(description="`degraded` if the API responds, but a part does not, or work waits that should run."),
    ]
    database: Annotated[str, Meta(description="State of the database: ok or unreachable.", examples=["ok"])]
    store: Annotated[str, Meta(description="State of the object store: ok or unreachable.", examples=["ok"])]
    dagster: Annotated[
        str, Meta(description="State of the pipeline's code server: ok or unreachable.", examples=["ok"])
    ]
    daemon: Annotated[
        str,
        Meta(
            description="State of Dagster's daemon, which starts queued runs: ok, or silent without a heartbeat.",
            examples=["ok"],
        ),
    ]
    queue: Annotated[
        dict[str, int],
        Meta(
            description="How many unfinished runs there are in each state.", examples=[{"waiting": 2, "submitted": 1}]
        ),
    ]
    oldest_waiting_s: Annotated[
        float,
        Meta(description="Age in seconds of the oldest run that Dagster has not accepted; 0 if none.", examples=[0.8]),
    ]
    daemon_silence_s: Annotated[
        float | None,
        Meta(description="Seconds since the daemon's last heartbeat; null if it never sent one.", examples=[4.2]),
    ]


class LedgerLine(msgspec.Struct):
    """One ledger entry. Negative minutes are a charge."""

    id: Annotated[int, Meta(description="Number of the entry.", examples=[31])]
    kind: Annotated[
        str,
        Meta(
            description="What it is for: grant, topup, chargeback, reserve, settle, render or refund.",
            examples=["reserve"],
        ),
    ]
    minutes: Annotated[float, Meta(description="Minutes that were added; negative for a charge.", examples=[-30])]
    project_id: Annotated[Uuid | None, Meta(description="Id of the project that it belongs to; null if none.")]
    clip_id: Annotated[Uuid | None, Meta(description="Id of the clip that it belongs to; null if none.")]
    note: Annotated[str, Meta(description="A remark for a person.", examples=["Episode 12"])]
    created_at: Annotated[Timestamp, Meta(description="When the entry was posted.")]


class Usage(msgspec.Struct):
    """Minutes and storage of a workspace."""

    minutes_balance: Annotated[float, Meta(description="Minutes that are left.", examples=[29.3])]
    minutes_reserved: Annotated[
        float, Meta(description="Minutes that are held for videos being processed.", examples=[30])
    ]
    tier: Annotated[str, Meta(description="Tier of the workspace.", examples=["FREE"])]
    storage_used_bytes: Annotated[int, Meta(description="Bytes of the media library.", examples=[73400320])]
    storage_cap_bytes: Annotated[
        int, Meta(description="The tier's limit of the media library in bytes.", examples=[1073741824])
    ]
    ledger: Annotated[list[LedgerLine], Meta(description="The entries of the ledger, newest first.")]


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
        oldest_waiting_s = 0.0
        silence_s: float | None = None
        database = store = dagster = daemon = "ok"
        try:
            with self.platform.database.read() as connection:
                queue = {state.lower(): count for state, count in run_intents.count_open(connection).items()}
                oldest_waiting_s = run_intents.get_oldest_waiting_s(connection)
        except Exception:
            database = "unreachable"
        try:
            self.platform.store.check()
        except Exception:
            store = "unreachable"
        try:
            silence_s = self.submitter.get_daemon_silence_s()
            daemon = "ok" if silence_s is not None and silence_s < DAEMON_TIMEOUT_S else "silent"
            self.submitter.check()
        except Exception:
            dagster = "unreachable"
        is_ok = {database, store, dagster, daemon} == {"ok"} and oldest_waiting_s < MAX_WAITING_S
        status: Literal["ok", "degraded"] = "ok" if is_ok else "degraded"
        health = Health(status, database, store, dagster, daemon, queue, round(oldest_waiting_s, 1), silence_s)
        self._latest = (time.monotonic(), health)
        return health


@get("/v1/health", access=Access.PUBLIC, sync_to_thread=True, tags=["System"])
def get_health(prober: NamedDependency[HealthProber]) -> Data[Health]:
    """Return the state of database, store, Dagster, its daemon and the run queue.

    503 if the database or the store is unreachable.
    """
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
    parts = {"database": health.database, "store": health.store, "dagster": health.dagster, "daemon": health.daemon}
    lines = [f'carmic_up{{part="{part}"}} {int(state == "ok")}' for part, state in parts.items()]
    if health.daemon_silence_s is not None:
        lines.append(f"carmic_daemon_silence_seconds {health.daemon_silence_s:g}")
    lines += [f'carmic_runs{{state="{state}"}} {count}' for state, count in sorted(health.queue.items())]
    if health.database == "ok":
        lines += _format_gauges(platform)
    text = generate_latest(registry) + ("\n".join(lines) + "\n").encode()
    return Response(text, media_type=CONTENT_TYPE_LATEST.partition("; charset")[0])


def _format_gauges(platform: Platform) -> list[str]:
    """Return the gauges of the database as lines of Prometheus' text format."""
    lines = []
    with platform.database.read() as connection:
        for gauge in operational_metrics.collect(connection):
            lines += [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
            for label, value in gauge.values.items():
                selector = f'{{{gauge.label}="{label}"}}' if gauge.label else ""
                lines.append(f"{gauge.name}{selector} {value:g}")
    return lines


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
