"""Payments for processing minutes, as the payment provider reports them.

A payment credits its minutes in proportion to the amount that is neither refunded nor disputed. Each event updates the
payment and posts the difference to the ledger, so that repeated events, in any order, give the same balance.
Amounts are in the currency's smallest unit. Call these functions inside `Database.write()`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, or_, select, update

from resources import accounts, ledger
from resources.database.engine import now
from resources.database.queries import fetch_one, insert_on_conflict, select_columns
from resources.database.tables import payments


class UnknownWorkspaceError(Exception):
    """The workspace that a payment names does not exist."""


class Purchase(msgspec.Struct, frozen=True):
    """The minutes and the price of a paid checkout."""

    session_id: str
    workspace_id: str
    bought_ms: int
    paid: int


class Payment(msgspec.Struct, frozen=True):
    """A row of `payments`. `workspace_id` is None until the purchase is reported."""

    id: str
    session_id: str | None
    workspace_id: str | None
    bought_ms: int
    paid: int
    refunded: int
    disputed: int
    credited_ms: int


_COLUMNS = select_columns(payments, Payment)


def record_purchase(connection: Connection, payment_id: str, purchase: Purchase) -> None:
    """Credit a purchase, once.

    Raises:
        UnknownWorkspaceError: the workspace does not exist.
    """
    if accounts.get_tier(connection, purchase.workspace_id) is None:
        raise UnknownWorkspaceError
    _change(connection, payment_id, f"stripe:{purchase.session_id}", **msgspec.structs.asdict(purchase))


def record_refund(connection: Connection, payment_id: str, event_id: str, refunded: int) -> None:
    """Deduct minutes in proportion to `refunded`, the sum of all refunds of the payment."""
    _change(connection, payment_id, f"stripe:{event_id}", refunded=refunded)


def record_dispute(
    connection: Connection, payment_id: str, event_id: str, disputed: int, reported_at: datetime
) -> None:
    """Take back the share of the minutes that is disputed; 0 gives it back, when the dispute is won.

    Stripe's events arrive in any order: a report older than the one that is booked changes nothing.
    """
    _create_if_absent(connection, payment_id)
    is_newest = or_(payments.c.dispute_reported_at.is_(None), payments.c.dispute_reported_at <= reported_at)
    claim = update(payments).where(payments.c.id == payment_id, is_newest).values(dispute_reported_at=reported_at)
    if connection.execute(claim).rowcount:
        _change(connection, payment_id, f"stripe:{event_id}", disputed=disputed)


def record_failure(connection: Connection, session_id: str, workspace_id: str) -> None:
    """Record a failed payment in the ledger, with an amount of 0.

    Raises:
        UnknownWorkspaceError: the workspace does not exist.
    """
    if accounts.get_tier(connection, workspace_id) is None:
        raise UnknownWorkspaceError
    entry = ledger.NewEntry(f"stripe-failed:{session_id}", "topup", 0, "A payment through Stripe failed")
    ledger.post_entry(connection, workspace_id, entry)


def _change(connection: Connection, payment_id: str, entry_key: str, **columns: object) -> None:
    """Set the columns of a payment, which may be new, and post what this adds to or takes from its credit."""
    _create_if_absent(connection, payment_id)
    query = update(payments).where(payments.c.id == payment_id).values(**columns)  # locks the row
    payment = fetch_one(connection, query.returning(*_COLUMNS), Payment)
    if payment is None or payment.workspace_id is None:
        return
    difference_ms = _compute_credit_ms(payment) - payment.credited_ms
    if difference_ms == 0:
        return
    if difference_ms > 0:
        entry = ledger.NewEntry(entry_key, "topup", difference_ms, "Bought through Stripe")
        ledger.post_entry(connection, payment.workspace_id, entry)
    else:
        entry = ledger.NewEntry(entry_key, "chargeback", difference_ms, "Refunded or disputed through Stripe")
        ledger.post_unconditional(connection, payment.workspace_id, entry)
    credit = {"credited_ms": payment.credited_ms + difference_ms}
    connection.execute(update(payments).where(payments.c.id == payment_id).values(**credit))


def _create_if_absent(connection: Connection, payment_id: str) -> None:
    empty = {"bought_ms": 0, "paid": 0, "refunded": 0, "disputed": 0, "credited_ms": 0, "created_at": now()}
    connection.execute(insert_on_conflict(connection, payments).values(id=payment_id, **empty).on_conflict_do_nothing())


def get(connection: Connection, payment_id: str) -> Payment | None:
    """Return the payment."""
    return fetch_one(connection, select(*_COLUMNS).where(payments.c.id == payment_id), Payment)


def _compute_credit_ms(payment: Payment) -> int:
    if payment.paid <= 0:
        return 0
    kept = max(0, payment.paid - payment.refunded - payment.disputed)
    return payment.bought_ms * min(kept, payment.paid) // payment.paid
