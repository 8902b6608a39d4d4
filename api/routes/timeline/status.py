"""/api/health, /api/me and /api/ai: the state of the installation, the caller, and the local video operations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from api.access import Access
from api.dependencies import CallerDep, PlatformDep
from api.errors import RETRY_SOON, ApiError
from api.routes.system import Health, HealthProber
from resources import accounts, timeline_jobs
from resources.settings import Settings

LOCAL_OPERATIONS = ("color_grade",)
AI_KINDS = ("grade",)
STATUS: dict[str, Any] = {"sync_to_thread": True, "tags": ["Timeline: status"]}


class FlatProfile(msgspec.Struct):
    """The user, and the workspace of requests without `X-Workspace-ID`."""

    id: str
    email: str
    first_name: str
    last_name: str
    avatar_url: str | None
    workspace_id: str | None
    workspaces: list[accounts.Membership]
    signed_in: bool = True


class LocalAI(msgspec.Struct):
    """The operations that run on this machine, and the weights of each model."""

    operations: list[str]
    weights: dict[str, str]


class Provider(msgspec.Struct):
    """An external service. `setting` is the setting that configures it."""

    name: str
    configured: bool
    setting: str
    last_ok: datetime | None


class AIHealth(msgspec.Struct):
    """The state of the AI operations. `counters` counts the workspace's last 500 operations by status."""

    status: Literal["ok"]
    local: LocalAI
    providers: list[Provider]
    counters: dict[str, int]


class AIEvent(msgspec.Struct):
    """One video operation: its name, its project and job, its duration in seconds, and its status."""

    id: str
    occurred_at: datetime = msgspec.field(name="at")
    operation: str
    service: str
    project_id: str
    job_id: str
    status: Literal["pending", "running", "completed", "failed"]
    duration_s: float | None
    error: str | None


class AITimeline(msgspec.Struct):
    """The workspace's newest operations, newest first."""

    events: list[AIEvent]


@get("/health", access=Access.PUBLIC, **STATUS)
def get_liveness(prober: NamedDependency[HealthProber]) -> Health:
    """Return the state of database, store, Dagster and run queue. 503 if the database or the store is unreachable."""
    health = prober.check()
    if "unreachable" in (health.database, health.store):
        raise ApiError(503, f"Database: {health.database}; store: {health.store}.", RETRY_SOON)
    return health


@get("/me", access=Access.USER, **STATUS)
def get_profile(platform: PlatformDep, caller: CallerDep) -> FlatProfile:
    """Return the profile of the caller; with an API key, of the key's creator."""
    with platform.database.read() as connection:
        user = accounts.get_user(connection, caller.user_id) if caller.user_id else None
        if user is None:
            raise ApiError(403, "The creator of this API key was deleted. Log in as a user instead.")
        memberships = accounts.list_memberships(connection, user.id)
        workspace_id = caller.workspace_id or accounts.get_default_workspace_id(connection, user.id)
    if caller.key_id:
        memberships = [membership for membership in memberships if membership.id == caller.workspace_id]
    names = (user.id, user.email, user.first_name, user.last_name, user.avatar_url)
    return FlatProfile(*names, workspace_id, memberships)


@get("/ai/health", access=Access.EDITOR, default_workspace=True, **STATUS)
def get_ai_health(platform: PlatformDep, caller: CallerDep) -> AIHealth:
    """Return the local operations and the configured providers. No provider is called."""
    with platform.database.read() as connection:
        jobs = timeline_jobs.list_newest(connection, caller.workspace, AI_KINDS, 500)
    counters = dict.fromkeys(("pending", "running", "completed", "failed"), 0)
    for job in jobs:
        counters[job.status] += 1
    weights = {"color_grade": "none: a formula"}
    return AIHealth("ok", LocalAI(list(LOCAL_OPERATIONS), weights), _list_providers(platform.settings), counters)


@get("/ai/timeline", access=Access.EDITOR, default_workspace=True, **STATUS)
def get_ai_timeline(
    platform: PlatformDep,
    caller: CallerDep,
    last_n: Annotated[int, QueryParameter(ge=1, le=500, description="Maximum number of events.")] = 50,
) -> AITimeline:
    """List the workspace's newest video operations."""
    with platform.database.read() as connection:
        jobs = timeline_jobs.list_newest(connection, caller.workspace, AI_KINDS, last_n)
    return AITimeline([_build_event(job) for job in jobs])


def _build_event(job: timeline_jobs.TimelineJob) -> AIEvent:
    duration_s = None if job.finished_at is None else (job.finished_at - job.created_at).total_seconds()
    return AIEvent(
        job.id,
        job.created_at,
        "color_grade",
        "local",
        job.timeline_id,
        job.id,
        cast(Literal["pending", "running", "completed", "failed"], job.status),
        duration_s,
        job.error_message,
    )


def _list_providers(settings: Settings) -> list[Provider]:
    return [
        Provider("gemini", bool(settings.gemini_api_key), "CARMIC_GEMINI_API_KEY", None),
        Provider("llm", bool(settings.llm_url), "CARMIC_LLM_URL", None),
    ]


ROUTES: list[HTTPRouteHandler] = [get_liveness, get_profile, get_ai_health, get_ai_timeline]
