"""/v1/events: the events of a workspace, to read again what a webhook receiver has missed."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Limit
from resources import workspace_lists
from resources.field_types import Timestamp
from resources.outbox import WEBHOOK_EVENTS, WebhookEvent

EVENTS: dict[str, Any] = {"access": Access.OWNER, "sync_to_thread": True, "tags": ["Webhooks"]}
After = Annotated[
    int, QueryParameter(ge=0, le=2**53, description="Id of the last event that you have; 0 for the oldest one kept.")
]
EventFilter = Annotated[WebhookEvent | None, QueryParameter(name="event", description="Only events of this name.")]


class EventOut(msgspec.Struct):
    """An event, with the data of its webhooks but no signed URLs: read the clip or export for these."""

    id: Annotated[int, Meta(description="Id of the event. Ids grow.", examples=[1042])]
    event: Annotated[WebhookEvent, Meta(description="Name of the event.")]
    timestamp: Annotated[Timestamp, Meta(description="When the event happened.")]
    data: Annotated[
        dict[str, Any],
        Meta(description="The payload, as docs/events.md describes it.", examples=[{"status": "CLIPS_READY"}]),
    ]


class EventPage(msgspec.Struct):
    """Events, oldest first."""

    data: Annotated[list[EventOut], Meta(description="The events after `after`.")]
    has_more: Annotated[bool, Meta(description="Whether more events follow: ask again with the last id.")]


@get("/v1/events", **EVENTS)
def list_events(
    platform: PlatformDep, caller: CallerDep, after: After = 0, limit: Limit = 100, event: EventFilter = None
) -> EventPage:
    """List the events after an id, oldest first. Events are kept for seven days."""
    names: tuple[str, ...] = WEBHOOK_EVENTS if event is None else (event,)
    with platform.database.read() as connection:
        rows = workspace_lists.list_events(connection, caller.workspace, after, limit + 1, names)
    listed = [
        EventOut(row.id, row.event, row.created_at, {k: v for k, v in row.data.items() if k != "object_key"})  # type: ignore[arg-type]
        for row in rows[:limit]
    ]
    return EventPage(listed, len(rows) > limit)


ROUTES: list[HTTPRouteHandler] = [list_events]
