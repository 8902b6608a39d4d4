"""The ledger of credits, the unit of the generation service. Entries are only added; the balance is their sum.

Each entry has a deterministic key with a unique constraint, so a retry after a crash posts nothing twice. Call these
functions inside `Database.write()`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, func, insert, select

from resources import accounts
from resources.database.engine import now
from resources.database.tables import credits


class InsufficientCreditsError(Exception):
    """The balance does not cover a charge."""

    def __init__(self, needed: int, balance: int) -> None:
        super().__init__(
            f"This needs {needed} credits and the workspace has {max(balance, 0)}. "
            "Purchase more at Dashboard > Billing, or wait for the next monthly grant."
        )


class NewCreditEntry(msgspec.Struct, frozen=True):
    """An entry to post. `kind` is grant, charge or refund; a positive amount adds to the balance."""

    key: str
    kind: str
    amount: int
    note: str = ""


def get_balance(connection: Connection, workspace_id: str) -> int:
    """Return the workspace's balance."""
    total = select(func.coalesce(func.sum(credits.c.amount), 0)).where(credits.c.workspace_id == workspace_id)
    return int(connection.scalar(total) or 0)


def post_entry(connection: Connection, workspace_id: str, entry: NewCreditEntry) -> bool:
    """Post an entry. Return False if one with this key was posted before.

    Raises:
        InsufficientCreditsError: the balance does not cover a negative amount. Nothing is posted.
    """
    accounts.lock_workspace(connection, workspace_id)
    if connection.scalar(select(credits.c.id).where(credits.c.entry_key == entry.key)) is not None:
        return False
    if entry.amount < 0:
        balance = get_balance(connection, workspace_id)
        if balance + entry.amount < 0:
            raise InsufficientCreditsError(-entry.amount, balance)
    values = {"entry_key": entry.key, "kind": entry.kind, "amount": entry.amount, "note": entry.note}
    connection.execute(insert(credits).values(workspace_id=workspace_id, created_at=now(), **values))
    return True


def grant_month(connection: Connection, workspace_id: str, monthly_credits: Mapping[str, int]) -> bool:
    """Post what is missing from this month's grant for the workspace's tier. Return False if nothing is.

    A tier that rises within the month brings the difference, once. Credits left from earlier months stay.
    """
    accounts.lock_workspace(connection, workspace_id)
    tier = accounts.get_tier(connection, workspace_id)
    if tier is None:
        return False
    keys_by_tier = {name: f"grant:{now():%Y-%m}:{workspace_id}:{name}" for name in monthly_credits}
    query = select(func.coalesce(func.sum(credits.c.amount), 0)).where(credits.c.entry_key.in_(keys_by_tier.values()))
    amount = monthly_credits[tier] - int(connection.scalar(query) or 0)
    if amount <= 0:
        return False
    note = f"{tier} grant of {now():%B %Y}"
    return post_entry(connection, workspace_id, NewCreditEntry(keys_by_tier[tier], "grant", amount, note))


def charge_job(connection: Connection, workspace_id: str, job_id: str, price: int, kind: str) -> None:
    """Charge a job at its submission.

    Raises:
        InsufficientCreditsError: the balance does not cover it.
    """
    post_entry(connection, workspace_id, NewCreditEntry(f"job:{job_id}", "charge", -price, f"Generated: {kind}"))


def refund_job(connection: Connection, workspace_id: str, job_id: str, amount: int, reason: str) -> None:
    """Give back what a job cost, or a part of it. A job is refunded once."""
    if amount > 0:
        post_entry(connection, workspace_id, NewCreditEntry(f"refund:{job_id}", "refund", amount, reason))
