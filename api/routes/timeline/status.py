"""/api/health, /api/me and /api/ai: the state of the installation, the caller, and the local video operations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PlatformDep
from api.errors import RETRY_SOON, ApiError
from api.routes.system import Health, HealthProber
from carmic_assets.ai_edits.operations import BY_NAME
from resources import accounts, timeline_jobs
from resources.field_types import EmailAddress, ErrorSentence, FirstName, LastName, Timestamp, Uuid
from resources.hosted_models import KEY_SETTINGS, open_model
from resources.settings import Settings

LOCAL_OPERATIONS = ("color_grade", *BY_NAME)
AI_KINDS = ("grade", "generate")
STATUS: dict[str, Any] = {"sync_to_thread": True, "tags": ["Timeline: status"]}


class FlatProfile(msgspec.Struct):
    """The user, and the workspace of requests without `X-Workspace-ID`."""

    id: Annotated[Uuid, Meta(description="Id of the user.")]
    email: Annotated[EmailAddress, Meta(description="Email address of the user.")]
    first_name: Annotated[FirstName, Meta(description="First name; may be empty.")]
    last_name: Annotated[LastName, Meta(description="Last name; may be empty.")]
    avatar_url: Annotated[
        str | None,
        Meta(
            description="URL of the user's avatar; null if there is none.",
            examples=["https://example.com/ada.png"],
        ),
    ]
    workspace_id: Annotated[
        Uuid | None, Meta(description="Workspace of requests without `X-Workspace-ID`; null if the user owns none.")
    ]
    workspaces: Annotated[list[accounts.Membership], Meta(description="The workspaces that the caller may act in.")]
    signed_in: Annotated[bool, Meta(description="Always true: without a login the response is 401.")] = True


class LocalAI(msgspec.Struct):
    """The operations that run on this machine, and the weights of each model."""

    operations: Annotated[
        list[str], Meta(description="The operations that run on this machine.", examples=[["color_grade"]])
    ]
    weights: Annotated[
        dict[str, str],
        Meta(
            description="For each operation, the weights that it runs with.",
            examples=[{"color_grade": "none: a formula"}],
        ),
    ]


class Provider(msgspec.Struct):
    """An external service. `setting` is the setting that configures it."""

    name: Annotated[str, Meta(description="Name of the external service.", examples=["pexels"])]
    configured: Annotated[bool, Meta(description="Whether its setting is set.")]
    setting: Annotated[
        str, Meta(description="Name of the setting that configures it.", examples=["CARMIC_PEXELS_API_KEY"])
    ]
    last_ok: Annotated[Timestamp | None, Meta(description="When it last answered as expected; null if it never has.")]


class AIHealth(msgspec.Struct):
    """The state of the AI operations. `counters` counts the workspace's last 500 operations by status."""

    status: Annotated[Literal["ok"], Meta(description="Always ok where the response arrives.")]
    local: Annotated[LocalAI, Meta(description="What runs on this machine.")]
    providers: Annotated[list[Provider], Meta(description="The external services.")]
    counters: Annotated[
        dict[str, int],
        Meta(
            description="How many of the workspace's last 500 operations are in each status.",
            examples=[{"completed": 12, "failed": 1}],
        ),
    ]


class AIEvent(msgspec.Struct):
    """One video operation: its name, its project and job, its duration in seconds, and its status."""

    id: Annotated[Uuid, Meta(description="Id of the operation.")]
    occurred_at: Annotated[Timestamp, Meta(description="When the operation began.")] = msgspec.field(name="at")
    operation: Annotated[str, Meta(description="Name of the operation.", examples=["color_grade"])]
    service: Annotated[str, Meta(description="What carried it out.", examples=["local"])]
    project_id: Annotated[Uuid, Meta(description="Id of the project.")]
    job_id: Annotated[Uuid, Meta(description="Id of the job or run.")]
    status: Annotated[Literal["pending", "running", "completed", "failed"], Meta(description="State of the operation.")]
    duration_s: Annotated[
        float | None, Meta(description="How long it took, in seconds; null until it has ended.", examples=[31.7])
    ]
    error: Annotated[ErrorSentence | None, Meta(description="Why it failed; null if it did not.")]


class AITimeline(msgspec.Struct):
    """The workspace's newest operations, newest first."""

    events: Annotated[list[AIEvent], Meta(description="The operations, newest first.")]


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
    # The newest job comes first, so the first time of a service is its last success.
    last_ok: dict[str, datetime] = {}
    for job in jobs:
        if job.status == "completed" and job.finished_at and job.kind == "generate":
            last_ok.setdefault(job.request["service"], job.finished_at)
    counters = dict.fromkeys(("pending", "running", "completed", "failed"), 0)
    for job in jobs:
        counters[job.status] += 1
    weights = {"color_grade": "none: a formula", "faces": "CenterFace, shipped with this installation"}
    return AIHealth(
        "ok", LocalAI(list(LOCAL_OPERATIONS), weights), _list_providers(platform.settings, last_ok), counters
    )


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
    is_edit = job.kind == "generate"
    duration_s = None if job.finished_at is None else (job.finished_at - job.created_at).total_seconds()
    return AIEvent(
        job.id,
        job.created_at,
        "+".join(step["operation"] for step in job.request["plan"]["steps"]) if is_edit else "color_grade",
        job.request["service"] if is_edit else "local",
        job.timeline_id,
        job.id,
        cast(Literal["pending", "running", "completed", "failed"], job.status),
        duration_s,
        job.error_message,
    )


def _list_providers(settings: Settings, last_ok: dict[str, datetime]) -> list[Provider]:
    return [
        Provider("gemini", bool(settings.gemini_api_key), "CARMIC_GEMINI_API_KEY", None),
        Provider("llm", bool(settings.llm_url), "CARMIC_LLM_URL", None),
        *(Provider(s, open_model(settings, s) is not None, KEY_SETTINGS[s], last_ok.get(s)) for s in KEY_SETTINGS),
    ]


ROUTES: list[HTTPRouteHandler] = [get_liveness, get_profile, get_ai_health, get_ai_timeline]
