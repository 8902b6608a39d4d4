"""/api/voice-agent: telephone calls by agents. This version has no telephony engine, and says so."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Data
from api.errors import ApiError
from api.rate_limits import MANAGEMENT_READS, OUTBOUND_CALLS
from carmic_assets.generation.requests import AgentRequest, CallRequest
from resources.field_types import Uuid

UNAVAILABLE = "Voice agents are not available: this version of Carmic has no engine for telephone calls."
AGENTS: dict[str, Any] = {"access": Access.EDITOR, "sync_to_thread": True, "tags": ["Generation: voice agents"]}


class CallOut(msgspec.Struct, rename="camel"):
    """A telephone call."""

    call_id: Annotated[Uuid, Meta(description="Id of the call.")]
    status: Annotated[Literal["active", "ended", "failed"], Meta(description="State of the call.")]


class AgentOut(msgspec.Struct):
    """A voice agent."""

    id: Annotated[Uuid, Meta(description="Id of the agent.")]
    name: Annotated[str, Meta(description="Name of the agent.", examples=["Reception"])]


@post("/voice-agent/calls/outbound", rate_limit=OUTBOUND_CALLS, idempotent=True, **AGENTS)
def start_outbound_call(platform: PlatformDep, caller: CallerDep, data: JSONBody[CallRequest]) -> Data[CallOut]:
    """Call a telephone number. Costs 10 credits a minute. Responds with 503: there is no telephony engine yet."""
    raise ApiError(503, UNAVAILABLE)


@get("/voice-agent/calls", rate_limit=MANAGEMENT_READS, **AGENTS)
def list_calls(platform: PlatformDep, caller: CallerDep) -> Data[list[CallOut]]:
    """List the workspace's calls, newest first. No call can have been made yet."""
    return Data([])


@post("/voice-agent/agents", rate_limit=MANAGEMENT_READS, idempotent=True, **AGENTS)
def create_agent(platform: PlatformDep, caller: CallerDep, data: JSONBody[AgentRequest]) -> Data[AgentOut]:
    """Create a voice agent. Responds with 503: there is no telephony engine yet."""
    raise ApiError(503, UNAVAILABLE)


ROUTES: list[HTTPRouteHandler] = [start_outbound_call, list_calls, create_agent]
