"""Requests to providers. A row is written before the request is sent, so that a resumed job never sends it twice.

States: PREPARED (it may have been sent), SENT (the provider's ticket is known), DONE, FAILED, ORPHANED (a crash between
sending and storing the ticket: whether the provider works on it is not known).
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from resources.database.engine import now
from resources.database.queries import fetch_one, insert_row, select_columns
from resources.database.tables import provider_requests


class ProviderRequest(msgspec.Struct, frozen=True):
    """A row of `provider_requests`. `ticket` is what the provider answered to the submission."""

    id: str
    job_id: str
    provider: str
    endpoint: str
    state: str
    ticket: dict[str, Any] | None


_COLUMNS = select_columns(provider_requests, ProviderRequest)


def find(connection: Connection, job_id: str) -> ProviderRequest | None:
    """Return the job's request."""
    return fetch_one(connection, select(*_COLUMNS).where(provider_requests.c.job_id == job_id), ProviderRequest)


def prepare(connection: Connection, job_id: str, provider: str, endpoint: str) -> ProviderRequest:
    """Record that a request is about to be sent. The unique job id lets one process do so."""
    values = {"id": str(uuid.uuid4()), "job_id": job_id, "provider": provider, "endpoint": endpoint}
    row = {**values, "state": "PREPARED", "created_at": now(), "updated_at": now()}
    return insert_row(connection, provider_requests, ProviderRequest, row)


def mark_sent(connection: Connection, request_id: str, ticket: dict[str, Any]) -> bool:
    """Store the provider's ticket. Return False if the request is not PREPARED."""
    return _move(connection, request_id, ("PREPARED",), state="SENT", ticket=ticket)


def end(connection: Connection, request_id: str, state: str) -> bool:
    """Set DONE, FAILED or ORPHANED. Return False if the request has ended already."""
    return _move(connection, request_id, ("PREPARED", "SENT"), state=state)


def _move(connection: Connection, request_id: str, earlier: tuple[str, ...], **values: object) -> bool:
    query = update(provider_requests).where(provider_requests.c.id == request_id)
    query = query.where(provider_requests.c.state.in_(earlier))
    return connection.execute(query.values(**values, updated_at=now())).rowcount == 1
