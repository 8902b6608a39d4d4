"""Webhooks: subscriptions and their deliveries. This module writes rows and signs bodies; a sensor sends them.

Requests are signed by the Standard Webhooks scheme. The ID of a delivery is the `webhook-id` header, and its body never
changes: a retry or a redelivery sends the same message.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Update, and_, delete, func, insert, or_, select, update
from standardwebhooks import Webhook as Signer

from resources import accounts, mail
from resources.database.engine import now
from resources.database.queries import fetch_all, fetch_one, fetch_page, insert_row, select_columns
from resources.database.tables import deliveries, events, webhooks
from resources.outbox import WEBHOOK_EVENTS
from resources.signing_keys import Cipher

TEST_EVENT = "webhook.test"
CIPHER_PURPOSE = "webhooks"
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret, not a secret
RETRY_DELAYS_S = (10, 60, 300)  # after the first, second and third failed attempt; the fourth is the last
RETRY_JITTER_RATIO = 0.1  # of the delay; spreads the retries of simultaneous failures
MAX_RETRY_AFTER_S = 3600  # a longer `Retry-After` is shortened
LEASE_DURATION = timedelta(seconds=30)
# Duration after a rotation in which messages also have a signature with the previous secret
SECRET_OVERLAP = timedelta(hours=24)
DISABLE_AFTER = timedelta(days=5)  # in which every delivery failed
# After the second timeout in a row each further one pauses the webhook for twice as long as the one before, but no
# longer than the longest retry delay, so that the pauses do not change when a single delivery is retried.
TIMEOUTS_BEFORE_PAUSE = 2
FIRST_PAUSE_S = 30
MAX_PAUSE_S = RETRY_DELAYS_S[-1]
MAX_LOG_ENTRIES = 20  # per delivery


class Webhook(msgspec.Struct, frozen=True):
    """A subscription. Its secrets are sealed by `signing_keys.Cipher` for CIPHER_PURPOSE.

    `failing_since` is the first failure after the last success. `timeouts` counts the timeouts since the last response;
    until `paused_until` nothing is sent.
    """

    id: str
    workspace_id: str
    url: str
    events: list[str]
    description: str
    enabled: bool
    secret: str
    previous_secret: str | None
    previous_secret_until: datetime | None
    failing_since: datetime | None
    disabled_reason: str | None
    timeouts: int
    paused_until: datetime | None
    project_id: str | None
    created_at: datetime
    updated_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """A message to one webhook. States: DUE, DELIVERED, FAILED.

    `log` has one entry for each attempt: time, status or error, duration, and headers of request and response.
    """

    id: str
    webhook_id: str
    workspace_id: str
    event: str
    body: str
    state: str
    attempts: int
    next_attempt_at: datetime
    log: list[dict[str, Any]]
    delivered_at: datetime | None
    created_at: datetime


class DeliveryAttempt(msgspec.Struct, frozen=True):
    """The outcome of one POST. Without a response `status` is None and `error` gives the reason."""

    started_at: datetime
    status: int | None
    error: str | None
    retry_after_s: float | None
    log: dict[str, Any]
    is_timeout: bool = False

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver responded with a 2xx status."""
        return self.status is not None and 200 <= self.status < 300


_WEBHOOK = select_columns(webhooks, Webhook)
_DELIVERY = select_columns(deliveries, Delivery)


# --- subscriptions


def _new_secret(cipher: Cipher) -> str:
    """Return a new signing secret, sealed."""
    return cipher.seal(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


def unseal_secret(cipher: Cipher, sealed: str) -> str:
    """Return a signing secret in clear text. Rows of earlier versions hold it unencrypted."""
    if sealed.startswith(SECRET_PREFIX):
        return sealed
    secret: str = cipher.unseal(sealed)
    return secret


def create(
    connection: Connection,
    cipher: Cipher,
    workspace_id: str,
    url: str,
    event_names: Sequence[str] = WEBHOOK_EVENTS,
    description: str = "",
    project_id: str | None = None,
) -> Webhook:
    """Subscribe the URL to the events of the workspace, or of one project."""
    created_at = now()
    values = {
        "id": str(uuid.uuid4()),
        "workspace_id": workspace_id,
        "url": url,
        "events": list(event_names),
        "description": description,
        "enabled": True,
        "project_id": project_id,
        "secret": _new_secret(cipher),
        "created_at": created_at,
        "updated_at": created_at,
    }
    return insert_row(connection, webhooks, Webhook, values)


def get(connection: Connection, webhook_id: str) -> Webhook | None:
    """Return the webhook."""
    return fetch_one(connection, select(*_WEBHOOK).where(webhooks.c.id == webhook_id), Webhook)


def list_for_workspace(connection: Connection, workspace_id: str) -> list[Webhook]:
    """Return the workspace's webhooks, oldest first."""
    query = select(*_WEBHOOK).where(webhooks.c.workspace_id == workspace_id).order_by(webhooks.c.created_at)
    return fetch_all(connection, query, Webhook)


def change(connection: Connection, webhook_id: str, **columns: object) -> Webhook | None:
    """Set url, events, description or enabled. Enabling, or another URL, clears earlier failures and the pause."""
    if columns.get("enabled") or "url" in columns:
        columns |= {"timeouts": 0, "paused_until": None, "failing_since": None}
    if columns.get("enabled"):
        columns |= {"disabled_reason": None}
    query = update(webhooks).where(webhooks.c.id == webhook_id).values(**columns, updated_at=now())
    return fetch_one(connection, query.returning(*_WEBHOOK), Webhook)


def rotate(connection: Connection, cipher: Cipher, webhook_id: str) -> Webhook | None:
    """Set a new secret. For SECRET_OVERLAP, messages also have a signature with the previous one."""
    return change(
        connection,
        webhook_id,
        previous_secret=webhooks.c.secret,
        previous_secret_until=now() + SECRET_OVERLAP,
        secret=_new_secret(cipher),
    )


def remove(connection: Connection, webhook_id: str) -> bool:
    """Delete the webhook and its deliveries. Return False if there is no such webhook."""
    return connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount == 1


# --- deliveries


def list_deliveries(connection: Connection, webhook_id: str, limit: int, offset: int) -> tuple[list[Delivery], int]:
    """Return one page of the webhook's deliveries, newest first, and their total number."""
    query = select(*_DELIVERY).where(deliveries.c.webhook_id == webhook_id)
    query = query.order_by(deliveries.c.created_at.desc(), deliveries.c.id)
    return fetch_page(connection, query, Delivery, limit, offset)


def get_delivery(connection: Connection, delivery_id: str) -> Delivery | None:
    """Return the delivery."""
    return fetch_one(connection, select(*_DELIVERY).where(deliveries.c.id == delivery_id), Delivery)


def create_test_delivery(connection: Connection, webhook: Webhook) -> Delivery:
    """Create a delivery of TEST_EVENT, which is sent even if the webhook is disabled."""
    data = {"webhook_id": webhook.id, "message": "This is a test delivery."}
    values = _build_delivery(webhook, TEST_EVENT, _encode_body(TEST_EVENT, now(), data), None)
    return insert_row(connection, deliveries, Delivery, values)


def redeliver(connection: Connection, delivery_id: str) -> Delivery | None:
    """Make the delivery due at once, whatever its state, with the same ID and body."""
    values = {"state": "DUE", "next_attempt_at": now(), "leased_until": None, "attempts": 0}
    query = update(deliveries).where(deliveries.c.id == delivery_id).values(**values)
    return fetch_one(connection, query.returning(*_DELIVERY), Delivery)


def _is_leasable(moment: datetime) -> ColumnElement[bool]:
    """Return the condition for a delivery that is due, not leased, and a test or for an enabled, unpaused webhook."""
    is_unpaused = or_(webhooks.c.paused_until.is_(None), webhooks.c.paused_until <= moment)
    receiving = select(webhooks.c.id).where(webhooks.c.enabled, is_unpaused)
    is_wanted = or_(deliveries.c.webhook_id.in_(receiving), deliveries.c.event == TEST_EVENT)
    is_unleased = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until < moment)
    return and_(deliveries.c.state == "DUE", deliveries.c.next_attempt_at <= moment, is_unleased, is_wanted)


def has_due_work(connection: Connection) -> bool:
    """Return whether there are events to dispatch or deliveries to lease.

    A sensor tick calls it in a read transaction, because most ticks have no work.
    """
    undispatched = select(events.c.id).where(events.c.dispatched.is_(False)).limit(1)
    due = select(deliveries.c.id).where(_is_leasable(now())).limit(1)
    return connection.scalar(undispatched) is not None or connection.scalar(due) is not None


def dispatch(
    connection: Connection, enrich: Callable[[str, dict[str, Any]], dict[str, Any]], max_deliveries: int = 500
) -> int:
    """Create deliveries for new events of the outbox and return the number of events handled.

    Args:
        connection: a write transaction.
        enrich: returns the data for the receiver from the event's name and data. It adds URLs that expire, so it is
            called only when the delivery is created.
        max_deliveries: stop after the event that reaches this number, so that a burst does not hold the write lock. The
            next tick continues.
    """
    query = select(events).where(events.c.dispatched.is_(False)).order_by(events.c.id).limit(max_deliveries)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)  # skip events that another process is dispatching
    rows = connection.execute(query).all()
    if not rows:
        return 0
    workspace_ids = {row.workspace_id for row in rows}
    enabled = select(*_WEBHOOK).where(webhooks.c.workspace_id.in_(workspace_ids), webhooks.c.enabled)
    subscriptions = fetch_all(connection, enabled, Webhook)
    new_deliveries: list[dict[str, Any]] = []
    handled_ids: list[int] = []
    for row in rows:
        if len(new_deliveries) >= max_deliveries:
            break
        handled_ids.append(row.id)
        subscribers = [w for w in subscriptions if w.workspace_id == row.workspace_id and _is_wanted(w, row)]
        if subscribers:
            body = _encode_body(row.event, row.created_at, enrich(row.event, row.data))
            new_deliveries += [_build_delivery(webhook, row.event, body, row.id) for webhook in subscribers]
    if new_deliveries:
        connection.execute(insert(deliveries), new_deliveries)
    connection.execute(update(events).where(events.c.id.in_(handled_ids)).values(dispatched=True))
    return len(handled_ids)


def _is_wanted(webhook: Webhook, event: Any) -> bool:  # noqa: ANN401 - a row of `events`
    is_its_project = webhook.project_id is None or event.data.get("project_id") == webhook.project_id
    return event.event in webhook.events and is_its_project


def _encode_body(event: str, timestamp: datetime, data: dict[str, Any]) -> str:
    payload = {"event": event, "timestamp": timestamp.isoformat().replace("+00:00", "Z"), "data": data}
    return msgspec.json.encode(payload).decode()


def _build_delivery(webhook: Webhook, event: str, body: str, event_id: int | None) -> dict[str, Any]:
    """Return the row of a new delivery. The same event and webhook give the same ID, so none is delivered as two."""
    return {
        "id": str(uuid.uuid4() if event_id is None else uuid.uuid5(uuid.UUID(webhook.id), str(event_id))),
        "webhook_id": webhook.id,
        "workspace_id": webhook.workspace_id,
        "event_id": event_id,
        "event": event,
        "body": body,
        "state": "DUE",
        "attempts": 0,
        "next_attempt_at": now(),
        "log": [],
        "created_at": now(),
    }


class LeaseLimits(msgspec.Struct, frozen=True):
    """The maximum number of deliveries in flight: per process, and per webhook."""

    total: int
    per_webhook: int


def lease(
    connection: Connection, in_flight: Mapping[str, Webhook], limits: LeaseLimits
) -> list[tuple[Delivery, Webhook]]:
    """Lease due deliveries for LEASE_DURATION, shared fairly among workspaces, then among the webhooks of a workspace.

    The first delivery of every workspace comes before the second of any. A workspace gets no more slots than remain
    free (Choudhury and Hahne, "Dynamic queue length thresholds", 1998): one workspace alone can hold half of them, two
    a third each, so that a slot is free for a workspace that has nothing in flight. A webhook that has timed out
    repeatedly gets one slot, as a probe.

    Args:
        connection: a write transaction.
        in_flight: the webhooks of deliveries that are being sent, by delivery ID.
        limits: the limits, which count deliveries in flight.
    """
    free = limits.total - len(in_flight)
    if free <= 0:
        return []
    moment = now()
    by_webhook = Counter(webhook.id for webhook in in_flight.values())
    by_workspace = Counter(webhook.workspace_id for webhook in in_flight.values())
    due = fetch_all(connection, _select_due(connection, moment, free, by_webhook, by_workspace, limits), Delivery)
    webhook_query = select(*_WEBHOOK).where(webhooks.c.id.in_({delivery.webhook_id for delivery in due}))
    webhooks_by_id = {webhook.id: webhook for webhook in fetch_all(connection, webhook_query, Webhook)}
    leased: list[tuple[Delivery, Webhook]] = []
    for delivery in due:
        webhook = webhooks_by_id.get(delivery.webhook_id)
        if webhook is None or delivery.id in in_flight or by_workspace[webhook.workspace_id] >= free:
            continue
        is_probing = webhook.timeouts > TIMEOUTS_BEFORE_PAUSE
        if by_webhook[webhook.id] >= (1 if is_probing else limits.per_webhook):
            continue
        by_webhook[webhook.id] += 1
        by_workspace[webhook.workspace_id] += 1
        free -= 1
        leased.append((delivery, webhook))
    leased_ids = [delivery.id for delivery, _ in leased]
    lease_query = update(deliveries).where(deliveries.c.id.in_(leased_ids))
    connection.execute(lease_query.values(leased_until=moment + LEASE_DURATION))
    return leased


def _select_due(
    connection: Connection,
    moment: datetime,
    free: int,
    by_webhook: Counter[str],
    by_workspace: Counter[str],
    limits: LeaseLimits,
) -> Select[Any]:
    """Return the query for up to `free` candidates, in the order in which they are to be leased."""
    is_leasable = _is_leasable(moment)
    full_webhook_ids = [webhook_id for webhook_id, count in by_webhook.items() if count >= limits.per_webhook]
    full_workspace_ids = [workspace_id for workspace_id, count in by_workspace.items() if count >= free]
    oldest_first = (deliveries.c.next_attempt_at, deliveries.c.created_at)
    webhook_rank = func.row_number().over(partition_by=deliveries.c.webhook_id, order_by=oldest_first)
    by_webhook_rank = (
        select(deliveries.c.id, deliveries.c.workspace_id, deliveries.c.next_attempt_at, webhook_rank.label("rank"))
        .where(
            is_leasable,
            deliveries.c.webhook_id.not_in(full_webhook_ids),
            deliveries.c.workspace_id.not_in(full_workspace_ids),
        )
        .subquery()
    )
    workspace_rank = func.row_number().over(
        partition_by=by_webhook_rank.c.workspace_id,
        order_by=(by_webhook_rank.c.rank, by_webhook_rank.c.next_attempt_at),
    )
    ranked_deliveries = (
        select(by_webhook_rank.c.id, workspace_rank.label("rank"))
        .where(by_webhook_rank.c.rank <= limits.per_webhook)
        .subquery()
    )
    query = (
        select(*_DELIVERY)
        .join(ranked_deliveries, ranked_deliveries.c.id == deliveries.c.id)
        # repeated here, because PostgreSQL evaluates the condition again after it has locked a row
        .where(is_leasable)
        .order_by(ranked_deliveries.c.rank, deliveries.c.next_attempt_at)
        .limit(free)
    )
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True, of=deliveries)
    return query


def build_headers(cipher: Cipher, delivery: Delivery, webhook: Webhook, sent_at: datetime) -> dict[str, str]:
    """Return the headers of one attempt, signed by the secret and by the previous one while it overlaps."""
    signing_secrets = [webhook.secret]
    overlap_ends_at = webhook.previous_secret_until
    if webhook.previous_secret and overlap_ends_at and overlap_ends_at > sent_at:
        signing_secrets.append(webhook.previous_secret)
    signatures = (
        Signer(unseal_secret(cipher, sealed)).sign(delivery.id, sent_at, delivery.body) for sealed in signing_secrets
    )
    return {
        "content-type": "application/json",
        "user-agent": "Carmic-Webhooks/1",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def record_attempt(connection: Connection, delivery_id: str, attempt: DeliveryAttempt) -> None:
    """Record the outcome of an attempt: the delivery is delivered, due again later, or failed."""
    delivery = get_delivery(connection, delivery_id)
    webhook = get(connection, delivery.webhook_id) if delivery is not None else None
    if delivery is None or webhook is None:
        return  # the webhook was deleted during the attempt
    attempts = delivery.attempts + 1
    log = [*delivery.log, attempt.log][-MAX_LOG_ENTRIES:]
    values: dict[str, Any] = {"attempts": attempts, "leased_until": None, "log": log}
    _record_contact(connection, webhook, attempt)
    if attempt.is_delivered:
        values |= {"state": "DELIVERED", "delivered_at": now()}
        connection.execute(_update_webhook(webhook).values(failing_since=None))
    else:
        if attempt.status == HTTPStatus.GONE or attempts > len(RETRY_DELAYS_S):
            values |= {"state": "FAILED"}
        else:
            delay_s = RETRY_DELAYS_S[attempts - 1] * (1 + RETRY_JITTER_RATIO * secrets.randbelow(1000) / 1000)
            delay_s = max(delay_s, min(attempt.retry_after_s or 0, MAX_RETRY_AFTER_S))
            values |= {"next_attempt_at": now() + timedelta(seconds=delay_s)}
        _record_failure(connection, webhook, attempt)
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**values))


def _record_contact(connection: Connection, webhook: Webhook, attempt: DeliveryAttempt) -> None:
    """Count a timeout, and pause a webhook that has timed out repeatedly. A response resets the count."""
    if not attempt.is_timeout:
        if webhook.timeouts and attempt.status is not None:
            connection.execute(_update_webhook(webhook).values(timeouts=0, paused_until=None))
        return
    if webhook.paused_until is not None and attempt.started_at < webhook.paused_until:
        return  # it was sent at the same time as the attempt whose timeout is counted
    timeouts = webhook.timeouts + 1
    pause_s = 0.0
    if timeouts > TIMEOUTS_BEFORE_PAUSE:
        pause_s = min(FIRST_PAUSE_S * 2 ** (timeouts - TIMEOUTS_BEFORE_PAUSE - 1), MAX_PAUSE_S)
    paused_until = now() + timedelta(seconds=pause_s)
    connection.execute(_update_webhook(webhook).values(timeouts=timeouts, paused_until=paused_until))


def _update_webhook(webhook: Webhook) -> Update:
    return update(webhooks).where(webhooks.c.id == webhook.id)


def _record_failure(connection: Connection, webhook: Webhook, attempt: DeliveryAttempt) -> None:
    """Record the failure. After 410 Gone or DISABLE_AFTER, disable the webhook and send mail to the owners."""
    failing_since = webhook.failing_since or now()
    is_gone = attempt.status == HTTPStatus.GONE
    if not is_gone and now() - failing_since < DISABLE_AFTER:
        connection.execute(_update_webhook(webhook).values(failing_since=failing_since))
        return
    reason = "The receiver responded with 410 Gone." if is_gone else "Every delivery failed for five days."
    values = {"enabled": False, "disabled_reason": reason, "failing_since": failing_since, "updated_at": now()}
    disable = _update_webhook(webhook).where(webhooks.c.enabled)
    if connection.execute(disable.values(**values)).rowcount == 0:
        return
    text = (
        f"Carmic no longer sends webhooks to {webhook.url}.\n\n{reason}\n\n"
        f"When the receiver works again, enable the webhook {webhook.id}. "
        "Deliveries that failed can be redelivered."
    )
    for member in accounts.list_members(connection, webhook.workspace_id):
        if member.role == "OWNER":
            mail.enqueue(connection, member.email, "A webhook was disabled", text)
