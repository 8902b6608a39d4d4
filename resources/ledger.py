"""The ledger of processing minutes. Entries are only added; a workspace's balance is the sum of its entries.

Each entry has a deterministic key with a unique constraint, so a retry after a crash posts no entry twice. Amounts are
milliseconds of processing time; positive amounts add to the balance. Call these functions inside `Database.write()`.
"""

from __future__ import annotations

import math
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, select

from resources import accounts
from resources.database.engine import now
from resources.database.queries import fetch_all, select_columns
from resources.database.tables import ledger

MINUTE_MS = 60_000
MONTHLY_MINUTES = {"FREE": 60, "STANDARD": 300, "PROFESSIONAL": 1200, "BUSINESS": 3600, "ENTERPRISE": 12_000}
TIERS = tuple(MONTHLY_MINUTES)


class InsufficientMinutesError(Exception):
    """The balance does not cover a charge of `needed_ms`."""

    def __init__(self, needed_ms: int, balance_ms: int) -> None:
        super().__init__(
            f"This needs {needed_ms / MINUTE_MS:.2f} processing minutes and the workspace has "
            f"{max(balance_ms, 0) / MINUTE_MS:.2f}. Top up, or wait for the next monthly grant."
        )
        self.needed_ms = needed_ms
        self.balance_ms = balance_ms


class NewEntry(msgspec.Struct, frozen=True):
    """An entry to post. `kind` is grant, topup, chargeback, reserve, settle, render, variant or refund."""

    key: str
    kind: str
    amount_ms: int
    note: str = ""
    project_id: str | None = None
    clip_id: str | None = None


class LedgerEntry(msgspec.Struct, frozen=True):
    """A posted entry."""

    id: int
    kind: str
    amount_ms: int
    project_id: str | None
    clip_id: str | None
    note: str
    created_at: datetime


def round_up_to_minutes_ms(duration_s: float) -> int:
    """Return the cost of a project of this length: the length rounded up to whole minutes."""
    return math.ceil(round(duration_s, 3) / 60) * MINUTE_MS


def get_balance_ms(connection: Connection, workspace_id: str) -> int:
    """Return the workspace's balance."""
    total = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(ledger.c.workspace_id == workspace_id)
    return int(connection.scalar(total) or 0)


def post_entry(connection: Connection, workspace_id: str, entry: NewEntry) -> bool:
    """Post an entry. Return False if one with this key was posted before.

    Raises:
        InsufficientMinutesError: if the balance does not cover a negative amount. Nothing is posted.
    """
    accounts.lock_workspace(connection, workspace_id)
    if _is_posted(connection, entry):
        return False
    if entry.amount_ms < 0:
        grant_month(connection, workspace_id)
        balance = get_balance_ms(connection, workspace_id)
        if balance + entry.amount_ms < 0:
            raise InsufficientMinutesError(-entry.amount_ms, balance)
    _insert(connection, workspace_id, entry)
    return True


def post_unconditional(connection: Connection, workspace_id: str, entry: NewEntry) -> bool:
    """Post an entry even if the balance becomes negative. Return False if one with this key was posted before.

    Used for refunded or disputed payments, whose minutes may already be used.
    """
    accounts.lock_workspace(connection, workspace_id)
    if _is_posted(connection, entry):
        return False
    _insert(connection, workspace_id, entry)
    return True


def _is_posted(connection: Connection, entry: NewEntry) -> bool:
    return connection.scalar(select(ledger.c.id).where(ledger.c.entry_key == entry.key)) is not None


def _insert(connection: Connection, workspace_id: str, entry: NewEntry) -> None:
    connection.execute(
        insert(ledger).values(
            workspace_id=workspace_id,
            entry_key=entry.key,
            kind=entry.kind,
            amount_ms=entry.amount_ms,
            note=entry.note,
            project_id=entry.project_id,
            clip_id=entry.clip_id,
            created_at=now(),
        )
    )


def grant_month(connection: Connection, workspace_id: str) -> bool:
    """Post the rest of this month's grant for the workspace's tier. Return False if it is already complete.

    An upgrade within the month adds the difference, once. Minutes of earlier months are kept.
    """
    first_key = f"grant:{now():%Y-%m}:{workspace_id}"
    keys_by_tier = {tier: f"{first_key}:{tier}" for tier in TIERS}
    tier = accounts.get_tier(connection, workspace_id)
    if tier is None:
        return False
    query = select(ledger.c.amount_ms).where(ledger.c.entry_key.in_([first_key, *keys_by_tier.values()]))
    granted_amounts_ms = list(connection.scalars(query))
    amount = MONTHLY_MINUTES[tier] * MINUTE_MS - sum(granted_amounts_ms)
    if amount <= 0:
        return False
    key = keys_by_tier[tier] if granted_amounts_ms else first_key
    return post_entry(connection, workspace_id, NewEntry(key, "grant", amount, f"{tier} grant of {now():%B %Y}"))


def reserve_project(connection: Connection, workspace_id: str, project_id: str, duration_s: float) -> None:
    """Reserve the project's cost at its creation, by the declared duration.

    Raises:
        InsufficientMinutesError: if the balance does not cover it.
    """
    cost = round_up_to_minutes_ms(duration_s)
    entry = NewEntry(f"reserve:{project_id}", "reserve", -cost, "Reserved for a video", project_id)
    post_entry(connection, workspace_id, entry)


def settle_project(connection: Connection, workspace_id: str, project_id: str, duration_s: float) -> None:
    """Charge or refund the difference between the reserved cost and the cost by the probed duration.

    Raises:
        InsufficientMinutesError: if the balance does not cover the difference.
    """
    difference = _get_project_cost_ms(connection, project_id) - round_up_to_minutes_ms(duration_s)
    entry = NewEntry(f"settle:{project_id}", "settle", difference, "Settled by probed length", project_id)
    post_entry(connection, workspace_id, entry)


def refund_project(connection: Connection, workspace_id: str, project_id: str, reason: str) -> None:
    """Refund the cost of the project's processing. Renders are refunded separately."""
    cost = _get_project_cost_ms(connection, project_id)
    if cost > 0:
        post_entry(connection, workspace_id, NewEntry(f"refund:{project_id}", "refund", cost, reason, project_id))


def charge_render(
    connection: Connection, workspace_id: str, render_id: str, project_id: str, clip_id: str, duration_s: float
) -> None:
    """Charge a render: the clip's exact length.

    Raises:
        InsufficientMinutesError: if the balance does not cover it.
    """
    cost = round(duration_s * 1000)
    entry = NewEntry(f"render:{render_id}", "render", -cost, "Rendered a clip", project_id, clip_id)
    post_entry(connection, workspace_id, entry)


def refund_render(connection: Connection, workspace_id: str, render_id: str, reason: str) -> None:
    """Refund the cost of the render."""
    charge = connection.execute(select(ledger).where(ledger.c.entry_key == f"render:{render_id}")).one_or_none()
    if charge is not None:
        refund = NewEntry(f"refund:{render_id}", "refund", -charge.amount_ms, reason, charge.project_id, charge.clip_id)
        post_entry(connection, workspace_id, refund)


def refund_variant(connection: Connection, workspace_id: str, variant_id: str, reason: str) -> None:
    """Give back what a hosted AI edit cost."""
    charge = connection.execute(select(ledger).where(ledger.c.entry_key == f"variant:{variant_id}")).one_or_none()
    if charge is not None:
        refund = NewEntry(f"refund:variant:{variant_id}", "refund", -charge.amount_ms, reason)
        post_entry(connection, workspace_id, refund)


def get_reserved_ms(connection: Connection, workspace_id: str, active_project_ids: list[str]) -> int:
    """Return the minutes of the workspace that active projects have reserved, in milliseconds."""
    total = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(
        ledger.c.workspace_id == workspace_id,
        ledger.c.project_id.in_(active_project_ids),
        ledger.c.kind.in_(("reserve", "settle", "refund")),
        ledger.c.clip_id.is_(None),
    )
    return max(0, -int(connection.scalar(total) or 0))


def list_entries(connection: Connection, workspace_id: str, limit: int = 100, offset: int = 0) -> list[LedgerEntry]:
    """Return the workspace's entries, newest first."""
    query = select(*select_columns(ledger, LedgerEntry)).where(ledger.c.workspace_id == workspace_id)
    return fetch_all(connection, query.order_by(ledger.c.id.desc()).limit(limit).offset(offset), LedgerEntry)


def _get_project_cost_ms(connection: Connection, project_id: str) -> int:
    total = select(func.coalesce(func.sum(ledger.c.amount_ms), 0)).where(
        ledger.c.project_id == project_id, ledger.c.kind.in_(("reserve", "settle"))
    )
    return -int(connection.scalar(total) or 0)
