"""Stripe's events: the credited minutes follow payments, refunds and disputes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from api_server import Member, Server, run_server

GRANT = 60  # minutes of a FREE workspace
PAID = {"id": "cs_odd", "payment_status": "paid"}
BOUGHT = {"workspace_id": "no such workspace", "minutes": "5"}
PRICE = 300  # of 30 minutes at 10 cents


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(tmp_path_factory.mktemp("stripe"), stripe_webhook_secret="whsec_test") as server:
        yield server


@pytest.fixture
def owner(server: Server) -> Member:
    return server.create_member()


def post(server: Server, body: object, event_id: str = "") -> int:
    event = json.dumps({"id": event_id or f"evt_{uuid.uuid4().hex}", **body} if isinstance(body, dict) else body)
    timestamp = int(time.time())
    digest = hmac.new(b"whsec_test", f"{timestamp}.{event}".encode(), hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={timestamp},v1={digest}", "Content-Type": "application/json"}
    return httpx.post(f"{server.base}/v1/billing/stripe-webhook", content=event, headers=headers).status_code


def report(server: Server, kind: str, *, created: int | None = None, **fields: object) -> None:
    timed = {} if created is None else {"created": created}
    assert post(server, {"type": kind, "data": {"object": fields}, **timed}) == 200


def buy(owner: Member, payment: str, amount: int = PRICE, currency: str = "usd") -> None:
    metadata = {"workspace_id": owner.workspace_id, "minutes": "30", "unit_amount": "10", "currency": "usd"}
    report(
        owner.server, "checkout.session.completed", id=f"cs_{payment}", payment_status="paid", metadata=metadata,
        payment_intent=payment, amount_subtotal=amount, amount_total=amount, currency=currency,
    )  # fmt: skip


def balance(owner: Member) -> float:
    return owner.call("GET", "/v1/usage").json()["data"]["minutes_balance"]


def test_refunds_take_minutes_back_in_proportion(server: Server, owner: Member) -> None:
    payment = f"pi_{uuid.uuid4().hex}"
    for _ in range(2):
        buy(owner, payment)
        assert balance(owner) == GRANT + 30
    for refunded, minutes in ((100, 20), (100, 20), (300, 0)):
        report(server, "charge.refunded", payment_intent=payment, amount=PRICE, amount_refunded=refunded)
        assert balance(owner) == GRANT + minutes
    buy(owner, payment)  # a late repetition
    assert balance(owner) == GRANT
    kinds = [entry["kind"] for entry in owner.call("GET", "/v1/usage").json()["data"]["ledger"]]
    assert kinds.count("chargeback") == 2


def test_a_refund_that_arrives_before_its_payment_counts(server: Server, owner: Member) -> None:
    payment = f"pi_{uuid.uuid4().hex}"
    report(server, "charge.refunded", payment_intent=payment, amount=PRICE, amount_refunded=150)
    buy(owner, payment)
    assert balance(owner) == GRANT + 15


def test_a_dispute_takes_minutes_until_it_is_won(server: Server, owner: Member) -> None:
    payment = f"pi_{uuid.uuid4().hex}"
    buy(owner, payment)
    for kind, status, minutes in (
        ("created", "warning_needs_response", 30),  # an inquiry
        ("created", "needs_response", 0),
        ("updated", "under_review", 0),
        ("closed", "won", 30),
    ):
        report(server, f"charge.dispute.{kind}", payment_intent=payment, amount=PRICE, status=status)
        assert balance(owner) == GRANT + minutes, status


def test_an_older_report_of_a_dispute_that_arrives_late_changes_nothing(server: Server, owner: Member) -> None:
    """The minutes of a dispute that was won were taken a second time."""
    payment = f"pi_{uuid.uuid4().hex}"
    buy(owner, payment)
    for created, status, minutes in (
        (100, "needs_response", 0),
        (300, "won", 30),
        (200, "under_review", 30),
        (100, "needs_response", 30),
        (400, "lost", 0),
    ):
        report(server, "charge.dispute.updated", created=created, payment_intent=payment, amount=PRICE, status=status)
        assert balance(owner) == GRANT + minutes, (created, status)


def test_minutes_that_are_used_leave_a_negative_balance(server: Server, owner: Member) -> None:
    from resources import ledger

    payment = f"pi_{uuid.uuid4().hex}"
    buy(owner, payment)
    assert balance(owner) == GRANT + 30
    with server.database.write() as connection:
        used = ledger.NewEntry(f"test:{payment}", "render", -80 * ledger.MINUTE_MS)
        ledger.post_entry(connection, owner.workspace_id, used)
    report(server, "charge.refunded", payment_intent=payment, amount=PRICE, amount_refunded=PRICE)
    assert balance(owner) == -20


@pytest.mark.parametrize(("amount", "currency"), [(1, "usd"), (3000, "usd"), (PRICE, "jpy")])
def test_another_amount_than_the_price_buys_nothing(owner: Member, amount: int, currency: str) -> None:
    buy(owner, f"pi_{uuid.uuid4().hex}", amount, currency)
    assert balance(owner) == GRANT
    assert "stripe event not booked" in owner.server.log.read_text()


def test_a_failed_payment_is_noted(server: Server, owner: Member) -> None:
    metadata = {"workspace_id": owner.workspace_id, "minutes": "30"}
    for _ in range(2):
        report(
            server, "checkout.session.async_payment_failed", id="cs_failed", payment_status="unpaid", metadata=metadata
        )
    entries = owner.call("GET", "/v1/usage").json()["data"]["ledger"]
    assert [entry["note"] for entry in entries if entry["kind"] == "topup"] == ["A payment through Stripe failed"]
    assert balance(owner) == GRANT


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {},
        {"type": "checkout.session.completed"},
        {"type": "checkout.session.completed", "data": {"object": None}},
        {"type": "checkout.session.completed", "data": {"object": {"id": "x", "payment_status": "paid"}}},
        {"type": "checkout.session.completed", "data": {"object": {**PAID, "metadata": {"minutes": "5"}}}},
        {"type": "checkout.session.completed", "data": {"object": {**PAID, "metadata": {**BOUGHT, "minutes": "many"}}}},
        {"type": "checkout.session.completed", "data": {"object": {**PAID, "metadata": BOUGHT}}},
        {"type": "charge.refunded", "data": {"object": {"amount_refunded": 5}}},
        {"type": "charge.dispute.created", "data": {"object": {"payment_intent": None}}},
        {"type": "customer.created", "data": {"object": {}}},
        {"type": "customer.created", "data": {"object": {}}, "created": 10**30},
    ],
)
def test_odd_events_are_answered_200(server: Server, body: object) -> None:
    """Stripe repeats an event for days after an error response."""
    assert post(server, body) == 200
