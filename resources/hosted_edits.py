"""Requests of AI edits to hosted models. A row exists before its request is sent, so that no request is sent twice.

A row goes from QUEUED to SENDING (immediately before the request) to RUNNING (the service has accepted it) to COMPLETED
or FAILED. A run that resumes polls a RUNNING request. It cannot know whether a SENDING one arrived, and fails the job.
The variant that the result becomes has the id of the row; it is charged under the key `variant:<id>`.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from resources import ledger, state_transitions
from resources.database.engine import now
from resources.database.queries import fetch_one, insert_row, select_columns
from resources.database.tables import hosted_edits
from resources.ledger import NewEntry


class HostedEdit(msgspec.Struct, frozen=True):
    """A row of `hosted_edits`; resources/database/tables.py describes the columns."""

    id: str
    job_id: str
    service: str
    model: str
    state: str
    request_id: str | None
    status_url: str | None
    response_url: str | None
    created_at: datetime


_COLUMNS = select_columns(hosted_edits, HostedEdit)


def create(connection: Connection, job_id: str, service: str, model: str) -> HostedEdit:
    """Insert a QUEUED request of a job."""
    values = {"id": str(uuid.uuid4()), "job_id": job_id, "service": service, "model": model, "state": "QUEUED"}
    return insert_row(connection, hosted_edits, HostedEdit, {**values, "created_at": now(), "updated_at": now()})


def get_for_job(connection: Connection, job_id: str) -> HostedEdit | None:
    """Return the request of a job, None if the job runs on this machine."""
    return fetch_one(connection, select(*_COLUMNS).where(hosted_edits.c.job_id == job_id), HostedEdit)


def advance(
    connection: Connection, edit_id: str, from_state: str, to_state: str, **columns: str | None
) -> HostedEdit | None:
    """Move a request from one state to another. Return it, or None if it is in another state."""
    is_in_state = hosted_edits.c.state == from_state
    values = {"state": to_state, "updated_at": now(), **columns}
    return state_transitions.transition(connection, hosted_edits, HostedEdit, edit_id, is_in_state, **values)


def fail_for_job(connection: Connection, job_id: str, workspace_id: str, reason: str) -> None:
    """Fail the request of a job, if it has one, and refund its minutes."""
    edit = get_for_job(connection, job_id)
    if edit is None:
        return
    is_open = hosted_edits.c.state != "COMPLETED"
    values = {"state": "FAILED", "updated_at": now()}
    state_transitions.transition(connection, hosted_edits, HostedEdit, edit.id, is_open, **values)
    ledger.refund_variant(connection, workspace_id, edit.id, reason)


def charge(connection: Connection, workspace_id: str, edit: HostedEdit, duration_s: float) -> None:
    """Charge the range's length, rounded up to minutes.

    Raises:
        InsufficientMinutesError: the balance does not cover it.
    """
    amount_ms = ledger.round_up_to_minutes_ms(duration_s)
    note = f"AI edit by {edit.service}"
    ledger.post_entry(connection, workspace_id, NewEntry(f"variant:{edit.id}", "variant", -amount_ms, note))
