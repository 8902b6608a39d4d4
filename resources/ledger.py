"""The pool of processing minutes: rows that are only ever added, and a balance that is their sum.

Every movement has a deterministic key with a unique constraint: whoever repeats it after a crash moves nothing.
Amounts are milliseconds of processing time; positive adds to the pool. Call these inside `Database.write()`.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from resources import accounts
from resources.database.engine import now
from resources.database.tables import ledger, workspaces

MINUTE_MS = 60_000
MONTHLY_MINUTES = {"FREE": 60, "STANDARD": 300, "PROFESSIONAL": 1200, "BUSINESS": 3600, "ENTERPRISE": 12_000}
TIERS = tuple(MONTHLY_MINUTES)


class InsufficientMinutes(Exception):
    """The pool does not cover the charge; `needed_ms` and `balance_ms` say by how much."""

    def __init__(self, needed_ms: int, balance_ms: int):
        super().__init__(
            f"This needs {needed_ms / MINUTE_MS:.2f} processing minutes and the workspace has "
            f"{max(balance_ms, 0) / MINUTE_MS:.2f}. Top up, or wait for the next monthly grant."
        )
        self.needed_ms = needed_ms
        self.balance_ms = balance_ms


class Entry(msgspec.Struct, frozen=True):
    id: int
    kind: str
    amount_ms: int
    project_id: str | None
    clip_id: str | None
    note: str
    created_at: datetime


def whole_minutes_ms(duration_s: float) -> int:
    """What a project of this length costs: begun minutes count whole."""
    return math.ceil(round(duration_s, 3) / 60) * MINUTE_MS


def balance_ms(connection: Connection, workspace_id: str) -> int:
    total = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(ledger.c.workspace_id == workspace_id)
    return int(connection.scalar(total) or 0)


def move(
    connection: Connection,
    workspace_id: str,
    key: str,
    kind: str,
    amount_ms: int,
    *,
    project_id: str | None = None,
    clip_id: str | None = None,
    note: str = "",
) -> bool:
    """Add one row; False when `key` was booked before. A charge (negative) that the pool does not cover raises
    InsufficientMinutes and books nothing."""
    accounts.lock(connection, workspace_id)
    if connection.scalar(select(ledger.c.id).where(ledger.c.entry_key == key)) is not None:
        return False
    if amount_ms < 0:
        grant_month(connection, workspace_id)
        balance = balance_ms(connection, workspace_id)
        if balance + amount_ms < 0:
            raise InsufficientMinutes(-amount_ms, balance)
    row = {"workspace_id": workspace_id, "entry_key": key, "kind": kind, "amount_ms": amount_ms, "note": note}
    connection.execute(insert(ledger).values(**row, project_id=project_id, clip_id=clip_id, created_at=now()))
    return True


def grant_month(connection: Connection, workspace_id: str) -> bool:
    """This month's grant of the workspace's tier, once a month, and once the difference to each tier it rises to within
    the month; what is left over from other months stays."""
    first = f"grant:{now():%Y-%m}:{workspace_id}"
    keys = {tier: f"{first}:{tier}" for tier in TIERS}
    tier = connection.scalar(select(workspaces.c.tier).where(workspaces.c.id == workspace_id))
    if tier is None:
        return False
    booked = select(ledger.c.entry_key, ledger.c.amount_ms).where(ledger.c.entry_key.in_([first, *keys.values()]))
    granted = {row.entry_key: row.amount_ms for row in connection.execute(booked)}
    amount = MONTHLY_MINUTES[tier] * MINUTE_MS - sum(granted.values())
    if amount <= 0:
        return False
    key = keys[tier] if granted else first
    return move(connection, workspace_id, key, "grant", amount, note=f"{tier} grant of {now():%B %Y}")


def reserve_project(connection: Connection, workspace_id: str, project_id: str, duration_s: float) -> None:
    """At creation, by the declared duration. Raises InsufficientMinutes."""
    cost = whole_minutes_ms(duration_s)
    key = f"reserve:{project_id}"
    move(connection, workspace_id, key, "reserve", -cost, project_id=project_id, note="Reserved for a video")


def settle_project(connection: Connection, workspace_id: str, project_id: str, duration_s: float) -> None:
    """Once the duration is probed: charge or give back the difference. Raises InsufficientMinutes."""
    booked = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(
        ledger.c.project_id == project_id, ledger.c.kind.in_(("reserve", "settle"))
    )
    difference = -whole_minutes_ms(duration_s) - int(connection.scalar(booked) or 0)
    key = f"settle:{project_id}"
    move(connection, workspace_id, key, "settle", difference, project_id=project_id, note="Settled by probed length")


def refund_project(connection: Connection, workspace_id: str, project_id: str, reason: str) -> None:
    """Give back all that the project's analysis was charged; renders are refunded on their own."""
    booked = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(
        ledger.c.project_id == project_id, ledger.c.kind.in_(("reserve", "settle"))
    )
    paid = -int(connection.scalar(booked) or 0)
    if paid > 0:
        move(connection, workspace_id, f"refund:{project_id}", "refund", paid, project_id=project_id, note=reason)


def charge_render(
    connection: Connection, workspace_id: str, render_id: str, project_id: str, clip_id: str, duration_s: float
) -> None:
    """A render costs the clip's exact length. Raises InsufficientMinutes."""
    cost = round(duration_s * 1000)
    of = {"project_id": project_id, "clip_id": clip_id}
    move(connection, workspace_id, f"render:{render_id}", "render", -cost, **of, note="Rendered a clip")


def refund_render(connection: Connection, workspace_id: str, render_id: str, reason: str) -> None:
    paid = connection.execute(select(ledger).where(ledger.c.entry_key == f"render:{render_id}")).one_or_none()
    if paid is not None:
        of = {"project_id": paid.project_id, "clip_id": paid.clip_id}
        move(connection, workspace_id, f"refund:{render_id}", "refund", -paid.amount_ms, **of, note=reason)


def reserved_ms(connection: Connection, workspace_id: str, open_projects: list[str]) -> int:
    """What projects that have not ended hold of the pool."""
    held = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(
        ledger.c.workspace_id == workspace_id,
        ledger.c.project_id.in_(open_projects),
        ledger.c.kind.in_(("reserve", "settle", "refund")),
        ledger.c.clip_id.is_(None),
    )
    return max(0, -int(connection.scalar(held) or 0))


def entries(connection: Connection, workspace_id: str, limit: int = 100, offset: int = 0) -> list[Entry]:
    """Newest first."""
    query = select(ledger).where(ledger.c.workspace_id == workspace_id).order_by(ledger.c.id.desc())
    return [_entry(row) for row in connection.execute(query.limit(limit).offset(offset))]


def _entry(row: Any) -> Entry:
    return Entry(row.id, row.kind, row.amount_ms, row.project_id, row.clip_id, row.note, row.created_at)
