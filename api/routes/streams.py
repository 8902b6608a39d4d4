"""Live progress: tickets, and the streams they open. How a stream works is in events.py."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ASGIApp
from sqlalchemy import Connection

from api.access import Access, unauthorized
from api.dependencies import Id, TheCaller, ThePlatform
from api.errors import not_found
from api.event_streams import EventStream, Message, Opening, Tail
from api.routes.exports import download_link, owned_export
from resources import accounts, exports, outbox, projects, sessions
from resources.platform import Platform

TicketParameter = Annotated[str, QueryParameter(description="Of `POST /v1/sse-ticket`; good once, for 30 s.")]
LastId = Annotated[
    str, QueryParameter(name="last_event_id", description="Resume behind this id, like the header `Last-Event-ID`.")
]


class StreamMessage(msgspec.Struct):
    """`data` is a JSON object: what `/status` answers, or the export. There is no event name."""

    id: str
    data: str


STREAM = {
    200: ResponseSpec(
        data_container=StreamMessage,
        description="Server-sent events",
        media_type="text/event-stream",
        generate_examples=False,
    )
}


class TicketOut(msgspec.Struct):
    ticket: str
    expires_in: int


class TicketAnswer(msgspec.Struct):
    """`ticket` stands at the top too: clients read it there."""

    ticket: str
    data: TicketOut


@post("/v1/sse-ticket", access=Access.EDITOR, scope="read", status_code=200, sync_to_thread=True, tags=["System"])
def ticket(platform: ThePlatform, caller: TheCaller) -> TicketAnswer:
    """Exchange the login for a ticket that opens one stream within 30 s."""
    with platform.database.write() as connection:
        made = sessions.issue_ticket(connection, caller.workspace, caller.user_id)
    return TicketAnswer(made, TicketOut(made, int(sessions.TICKET_LIFE.total_seconds())))


@get(
    "/v1/projects/{project_id:uuid}/stream",
    access=Access.TICKET,
    responses=STREAM,
    media_type="text/event-stream",
    tags=["Ingestion"],
)
async def project_stream(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    tail: NamedDependency[Tail],
    project_id: Id,
    ticket: TicketParameter = "",
    last_event_id: LastId = "",
) -> ASGIApp:
    """Live progress of a project (SSE): each message is what `/status` answers. Ends with CLIPS_READY or a failure.

    The first message tells how it stands; after a break, `Last-Event-ID` brings what was missed.
    """
    reader = await _redeem(platform, ticket)
    after = _resume_from(request, last_event_id)

    def opening() -> Opening:
        with platform.database.read() as connection:
            newest = outbox.newest_id(connection, f"project:{project_id}")
            project = projects.get(connection, str(project_id))
            if project is None:
                return Opening([], True)
            missed = _missed(connection, f"project:{project_id}", after)
            count = projects.clip_counts(connection, [project.id]).get(project.id, 0)
            state: list[Message] = [(newest, projects.status_data(project, count))]
            return Opening(missed or state, project.status in projects.STREAM_END)

    def look() -> bool:
        with platform.database.read() as connection:
            project = projects.get(connection, str(project_id))
            return project is not None and project.workspace_id == reader.workspace_id

    if not await sync_to_thread(look):
        raise not_found("project")
    return EventStream(tail, f"project:{project_id}", opening, _project_ends, lambda: _allowed(platform, reader))


@get(
    "/v1/exports/{export_id:uuid}/stream",
    access=Access.TICKET,
    responses=STREAM,
    media_type="text/event-stream",
    tags=["Exports"],
)
async def export_stream(
    request: Request[Any, Any, Any],
    platform: ThePlatform,
    tail: NamedDependency[Tail],
    export_id: Id,
    ticket: TicketParameter = "",
    last_event_id: LastId = "",
) -> ASGIApp:
    """Live progress of an export (SSE). Ends with COMPLETED, with its `download_url`, or FAILED."""
    reader = await _redeem(platform, ticket)
    workspace_id = reader.workspace_id
    after = _resume_from(request, last_event_id)
    subject = f"export:{export_id}"

    def completed(message: Message) -> Message:
        number, data = message
        if data.get("status") != "COMPLETED":
            return message
        with platform.database.read() as connection:
            export = owned_export(connection, workspace_id, export_id)
        return number, {**data, "download_url": download_link(platform, export)}

    def opening() -> Opening:
        with platform.database.read() as connection:
            newest = outbox.newest_id(connection, subject)
            export = owned_export(connection, workspace_id, export_id)
            missed = _missed(connection, subject, after)
            messages = missed or [(newest, exports.data(export))]
        return Opening([completed(message) for message in messages], export.status not in exports.LIVE)

    def look() -> None:
        with platform.database.read() as connection:
            owned_export(connection, workspace_id, export_id)

    await sync_to_thread(look)
    return EventStream(tail, subject, opening, _export_ends, lambda: _allowed(platform, reader), completed)


def _project_ends(data: dict[str, Any]) -> bool:
    return data.get("status") in projects.STREAM_END


def _export_ends(data: dict[str, Any]) -> bool:
    return data.get("status") in ("COMPLETED", "FAILED")


def _allowed(platform: Platform, reader: sessions.Ticket) -> bool:
    """Whether the reader is still of the workspace. (A revoked key's streams end with the work they follow.)"""
    with platform.database.read() as connection:
        return (
            reader.user_id is None or accounts.membership(connection, reader.workspace_id, reader.user_id) is not None
        )


async def _redeem(platform: Platform, ticket: str) -> sessions.Ticket:
    """Who may read, and of which workspace. Uses the ticket up."""

    def work() -> sessions.Ticket | None:
        with platform.database.write() as connection:
            return sessions.redeem_ticket(connection, ticket)

    found = await sync_to_thread(work) if ticket else None
    if found is None:
        raise unauthorized("The ticket is unknown, used or expired. Get a new one from POST /v1/sse-ticket.")
    return found


def _resume_from(request: Request[Any, Any, Any], parameter: str) -> int | None:
    """The id that the reader has seen last; 0 asks for all there is. None: it begins, or what it says is no id."""
    given = request.headers.get("last-event-id", "") or parameter
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None


def _missed(connection: Connection, subject: str, after: int | None) -> list[Message]:
    if after is None:
        return []
    return [(event.id, event.data) for event in outbox.of_subject(connection, subject, after)]


ROUTES: list[Any] = [ticket, project_stream, export_stream]
