"""Event streams of projects and exports, and the tickets that open them. `api.event_streams` implements the streams."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.types import ASGIApp
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, unauthorized
from api.dependencies import CallerDep, PathId, PlatformDep
from api.errors import not_found
from api.event_payloads import ExportEvent, JobEvent, JobProgressEvent, ProjectEvent
from api.event_streams import EventStream, NumberedData, OutboxTail, StreamStart, count_stream
from api.generation_views import sign_event_data
from api.routes.exports import require_export, sign_download_url
from resources import accounts, exports, generation_jobs, outbox, projects, sessions
from resources.generation_jobs import GenerationJob
from resources.platform import Platform

TicketParameter = Annotated[str, QueryParameter(description="From `POST /v1/sse-ticket`; valid once, for 30 s.")]
LastEventId = Annotated[
    str,
    QueryParameter(name="last_event_id", description="Resume after this id, as with the header `Last-Event-ID`."),
]


class TicketOut(msgspec.Struct):
    """A ticket that is valid for `expires_in` seconds."""

    ticket: Annotated[str, Meta(description="The ticket, valid once.", examples=["tk_Zq3vX0cJm1Yt"])]
    expires_in: Annotated[int, Meta(description="For how many seconds the ticket is valid.", examples=[30])]


class TicketResponse(msgspec.Struct):
    """`ticket` is repeated beside `data`, because existing clients read it there."""

    ticket: Annotated[str, Meta(description="The ticket, valid once.", examples=["tk_Zq3vX0cJm1Yt"])]
    data: Annotated[TicketOut, Meta(description="The ticket and how long it is valid.")]


STREAM: dict[str, Any] = {
    "access": Access.TICKET,
    "media_type": "text/event-stream",
    "reads_headers": ("Last-Event-ID",),
    "response_text": "Server-sent events. A comment is sent every 10 s.",
}


@post("/v1/sse-ticket", access=Access.EDITOR, scope="read", status_code=200, sync_to_thread=True, tags=["System"])
def create_stream_ticket(platform: PlatformDep, caller: CallerDep) -> TicketResponse:
    """Exchange the login for a ticket that opens one stream within 30 s."""
    with platform.database.write() as connection:
        ticket = sessions.issue_ticket(connection, caller.workspace, caller.user_id)
    return TicketResponse(ticket, TicketOut(ticket, int(sessions.TICKET_LIFETIME.total_seconds())))


@get("/v1/projects/{project_id:uuid}/stream", tags=["Ingestion"], stream_data=ProjectEvent, **STREAM)
async def stream_project(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    tail: NamedDependency[OutboxTail],
    project_id: PathId,
    ticket: TicketParameter = "",
    last_event_id: LastEventId = "",
) -> ASGIApp:
    """Stream the progress of a project (SSE). Each message is a response of `/status`.

    The stream ends at CLIPS_READY or a failure. The first message is the current state. With
    `Last-Event-ID` the stream starts with the messages after that id.
    """
    reader = await redeem_ticket(platform, ticket)
    after_id = parse_last_event_id(request, last_event_id)
    subject = f"project:{project_id}"

    def open_stream() -> StreamStart:
        with platform.database.read() as connection:
            newest_id = outbox.get_newest_id(connection, subject)
            project = projects.get(connection, str(project_id))
            if project is None:
                return StreamStart([], True)
            missed = list_missed(connection, subject, after_id)
            clip_count = projects.count_clips(connection, [project.id]).get(project.id, 0)
            current: list[NumberedData] = [(newest_id, projects.build_status_data(project, clip_count))]
            return StreamStart(missed or current, project.status in projects.STREAM_END_STATUSES)

    def is_visible() -> bool:
        with platform.database.read() as connection:
            project = projects.get(connection, str(project_id))
            return project is not None and project.workspace_id == reader.workspace_id

    if not await sync_to_thread(is_visible):
        raise not_found("project")
    stream = EventStream(tail, subject, open_stream, _is_project_final, lambda: may_read(platform, reader))
    return count_stream(tail, reader.workspace_id, stream)


@get("/v1/exports/{export_id:uuid}/stream", tags=["Exports"], stream_data=ExportEvent, **STREAM)
async def stream_export(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    tail: NamedDependency[OutboxTail],
    export_id: PathId,
    ticket: TicketParameter = "",
    last_event_id: LastEventId = "",
) -> ASGIApp:
    """Stream the progress of an export (SSE). Ends at COMPLETED, with its `download_url`, or FAILED."""
    reader = await redeem_ticket(platform, ticket)
    workspace_id = reader.workspace_id
    after_id = parse_last_event_id(request, last_event_id)
    subject = f"export:{export_id}"

    def add_download_url(message: NumberedData) -> NumberedData:
        event_id, data = message
        if data.get("status") != "COMPLETED":
            return message
        with platform.database.read() as connection:
            export = require_export(connection, workspace_id, export_id)
        return event_id, {**data, "download_url": sign_download_url(platform, export)}

    def open_stream() -> StreamStart:
        with platform.database.read() as connection:
            newest_id = outbox.get_newest_id(connection, subject)
            export = require_export(connection, workspace_id, export_id)
            missed = list_missed(connection, subject, after_id)
            messages = missed or [(newest_id, exports.build_event_data(export))]
        has_ended = export.status not in exports.ACTIVE_STATUSES
        return StreamStart([add_download_url(message) for message in messages], has_ended)

    def check_visible() -> None:
        with platform.database.read() as connection:
            require_export(connection, workspace_id, export_id)

    await sync_to_thread(check_visible)
    stream = EventStream(
        tail, subject, open_stream, _is_export_final, lambda: may_read(platform, reader), add_download_url
    )
    return count_stream(tail, reader.workspace_id, stream)


@get("/jobs/{job_id:uuid}/stream", tags=["Generation: management"], stream_data=JobProgressEvent | JobEvent, **STREAM)
async def stream_generation_job(
    request: Request[Any, Any, Any],
    platform: PlatformDep,
    tail: NamedDependency[OutboxTail],
    job_id: PathId,
    ticket: TicketParameter = "",
    last_event_id: LastEventId = "",
) -> ASGIApp:
    """Stream the progress of a generation job (SSE). Ends with the data of `job.completed` or `job.failed`."""
    reader = await redeem_ticket(platform, ticket)
    after_id = parse_last_event_id(request, last_event_id)
    subject = f"job:{job_id}"

    def sign(message: NumberedData) -> NumberedData:
        return message[0], sign_event_data(platform, message[1])

    def require_visible() -> GenerationJob:
        with platform.database.read() as connection:
            job = generation_jobs.get(connection, str(job_id))
        if job is None or job.workspace_id != reader.workspace_id:
            raise not_found("job")
        return job

    def open_stream() -> StreamStart:
        with platform.database.read() as connection:
            newest_id = outbox.get_newest_id(connection, subject)
            missed = list_missed(connection, subject, after_id)
        job = require_visible()
        messages = missed or [(newest_id, generation_jobs.build_event_data(job))]
        return StreamStart([sign(message) for message in messages], job.status not in generation_jobs.ACTIVE_STATUSES)

    await sync_to_thread(require_visible)
    stream = EventStream(tail, subject, open_stream, _is_job_final, lambda: may_read(platform, reader), sign)
    return count_stream(tail, reader.workspace_id, stream)


def _is_job_final(data: dict[str, Any]) -> bool:
    return data.get("status") in ("completed", "failed")


def _is_project_final(data: dict[str, Any]) -> bool:
    return data.get("status") in projects.STREAM_END_STATUSES


def _is_export_final(data: dict[str, Any]) -> bool:
    return data.get("status") in ("COMPLETED", "FAILED")


def may_read(platform: Platform, reader: sessions.Ticket) -> bool:
    """Tell whether the reader is still a member.

    A stream opened with an API key lasts until the project or export ends.
    """
    if reader.user_id is None:
        return True
    with platform.database.read() as connection:
        return accounts.get_membership(connection, reader.workspace_id, reader.user_id) is not None


async def redeem_ticket(platform: Platform, ticket: str) -> sessions.Ticket:
    """Redeem the ticket, which is valid once. Returns the reader and their workspace."""

    def redeem() -> sessions.Ticket | None:
        with platform.database.write() as connection:
            return sessions.redeem_ticket(connection, ticket)

    redeemed = await sync_to_thread(redeem) if ticket else None
    if redeemed is None:
        raise unauthorized("`ticket` is unknown, used or expired. Get a new one from POST /v1/sse-ticket.")
    return redeemed


def parse_last_event_id(request: Request[Any, Any, Any], parameter: str) -> int | None:
    """Return the id after which the stream resumes; 0 is before all events. None for a new stream or an invalid id."""
    text = request.headers.get("last-event-id", "") or parameter
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def list_missed(connection: Connection, subject: str, after_id: int | None) -> list[NumberedData]:
    """Return the messages after an id, oldest first; none for a new stream."""
    if after_id is None:
        return []
    return [(event.id, event.data) for event in outbox.list_for_subject(connection, subject, after_id)]


ROUTES: list[HTTPRouteHandler] = [create_stream_ticket, stream_project, stream_export, stream_generation_job]
