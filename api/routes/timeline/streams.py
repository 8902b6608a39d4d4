"""/api/project/{id}/stream: the revisions of a project, its AI edits and the progress of its jobs and exports."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from api.dependencies import PathId, PlatformDep
from api.errors import not_found
from api.event_payloads import TimelineEvent, TimelineJobEvent, TimelineVariantEvent
from api.event_streams import EventStream, NumberedData, OutboxTail, StreamStart, count_stream
from api.routes.streams import (
    STREAM,
    LastEventId,
    TicketParameter,
    list_missed,
    may_read,
    parse_last_event_id,
    redeem_ticket,
)
from api.signed_urls import sign_url
from resources import outbox, timelines
from resources.timeline_jobs import EXPORT_FILES


@get(
    "/project/{project_id:uuid}/stream",
    tags=["Timeline: projects"],
    stream_data=TimelineEvent | TimelineJobEvent | TimelineVariantEvent,
    **STREAM,
)
async def stream_timeline(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    tail: NamedDependency[OutboxTail],
    project_id: PathId,
    ticket: TicketParameter = "",
    last_event_id: LastEventId = "",
) -> ASGIApp:
    """Stream the changes of a project (SSE). `event` in a message names it, as in the webhooks.

    The first message is the newest revision. With `Last-Event-ID` the stream starts with the messages after that id. It
    ends when the project is deleted.
    """
    reader = await redeem_ticket(platform, ticket)
    after_id = parse_last_event_id(request, last_event_id)
    subject = f"timeline:{project_id}"

    def sign_file(message: NumberedData) -> NumberedData:
        event_id, data = message
        key = data.get("object_key")
        if key is None:
            return message
        content_type = next(kind for suffix, kind in EXPORT_FILES.values() if key.endswith(suffix))
        rest = {name: value for name, value in data.items() if name != "object_key"}
        field = "download_url" if data.get("kind") == "export" else "video_url"
        return event_id, {**rest, field: sign_url(platform, key, content_type)}

    def open_stream() -> StreamStart:
        with platform.database.read() as connection:
            newest_id = outbox.get_newest_id(connection, subject)
            timeline = timelines.get(connection, str(project_id))
            if timeline is None:
                return StreamStart([], True)
            missed = list_missed(connection, subject, after_id)
            revision = timelines.get_revision(connection, timeline.id, timeline.revision)
            op, count = (revision.op, len(revision.content)) if revision else ("create", 0)
            current: list[NumberedData] = [
                (newest_id, timelines.build_event_data(timeline.id, timeline.revision, op, count))
            ]
            return StreamStart([sign_file(message) for message in missed or current], False)

    def is_visible() -> bool:
        with platform.database.read() as connection:
            timeline = timelines.get(connection, str(project_id))
            return timeline is not None and timeline.workspace_id == reader.workspace_id

    def is_allowed() -> bool:
        return is_visible() and may_read(platform, reader)

    if not await sync_to_thread(is_visible):
        raise not_found("project")
    stream = EventStream(tail, subject, open_stream, lambda data: False, is_allowed, enrich=sign_file)
    return count_stream(tail, reader.workspace_id, stream)


ROUTES: list[HTTPRouteHandler] = [stream_timeline]
