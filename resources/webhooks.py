"""Webhook subscriptions and their deliveries. Writes rows and signs bodies; the sensor sends them.

Signed by the Standard Webhooks scheme. A delivery's id is the `webhook-id` header and its body never changes: a retry
or a redelivery is the same message again.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from resources import accounts, mail
from resources.database.engine import now
from resources.database.tables import deliveries, events, webhooks
from resources.outbox import WEBHOOK_EVENTS

TEST = "webhook.test"
RETRIES_S = (10, 60, 300)  # after the first, second and third failure; after the fourth it is over
LEASE = timedelta(seconds=30)
OVERLAP = timedelta(hours=24)  # how long an old secret still signs beside the new one
GIVE_UP_AFTER = timedelta(days=5)  # of nothing but failures
MAX_RETRY_AFTER_S = 3600


class Webhook(msgspec.Struct, frozen=True):
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
    created_at: datetime
    updated_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """A row of `deliveries`. `log` has one entry an attempt: time, status or error, and the heads of both sides."""

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


class Attempt(msgspec.Struct, frozen=True):
    """What came of one POST. `status` None: no answer, `error` says why."""

    status: int | None
    error: str | None
    retry_after_s: float | None
    log: dict[str, Any]

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


_WEBHOOK = [webhooks.c[name] for name in Webhook.__struct_fields__]
_DELIVERY = [deliveries.c[name] for name in Delivery.__struct_fields__]


# --- subscriptions


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def create(connection: Connection, workspace_id: str, url: str, chosen: list[str], description: str = "") -> Webhook:
    """Subscribe; no events chosen means all of them. The secret is shown this once."""
    webhook_id = str(uuid.uuid4())
    made = now()
    connection.execute(
        insert(webhooks).values(
            id=webhook_id,
            workspace_id=workspace_id,
            url=url,
            events=chosen or list(WEBHOOK_EVENTS),
            description=description,
            enabled=True,
            secret=new_secret(),
            created_at=made,
            updated_at=made,
        )
    )
    webhook = get(connection, webhook_id)
    assert webhook is not None
    return webhook


def get(connection: Connection, webhook_id: str) -> Webhook | None:
    row = connection.execute(select(*_WEBHOOK).where(webhooks.c.id == webhook_id)).one_or_none()
    return None if row is None else Webhook(**row._mapping)


def of_workspace(connection: Connection, workspace_id: str) -> list[Webhook]:
    query = select(*_WEBHOOK).where(webhooks.c.workspace_id == workspace_id).order_by(webhooks.c.created_at)
    return [Webhook(**row._mapping) for row in connection.execute(query)]


def change(connection: Connection, webhook_id: str, **columns: Any) -> Webhook | None:
    """Set url, events, description or enabled. Enabling again forgets earlier failures."""
    if columns.get("enabled"):
        columns |= {"failing_since": None, "disabled_reason": None}
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**columns, updated_at=now()))
    return get(connection, webhook_id)


def rotate(connection: Connection, webhook_id: str) -> Webhook | None:
    """A new secret; the old one signs beside it for a day, so that the receiver can change over."""
    values = {"previous_secret": webhooks.c.secret, "previous_secret_until": now() + OVERLAP, "secret": new_secret()}
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values, updated_at=now()))
    return get(connection, webhook_id)


def remove(connection: Connection, webhook_id: str) -> bool:
    return connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount == 1


# --- deliveries


def listing(connection: Connection, webhook_id: str, limit: int, offset: int) -> tuple[list[Delivery], int]:
    """Newest first, and how many there are."""
    of = deliveries.c.webhook_id == webhook_id
    query = select(*_DELIVERY).where(of).order_by(deliveries.c.created_at.desc(), deliveries.c.id)
    rows = connection.execute(query.limit(limit).offset(offset))
    total = connection.scalar(select(func.count()).select_from(deliveries).where(of)) or 0
    return [Delivery(**row._mapping) for row in rows], total


def delivery(connection: Connection, delivery_id: str) -> Delivery | None:
    row = connection.execute(select(*_DELIVERY).where(deliveries.c.id == delivery_id)).one_or_none()
    return None if row is None else Delivery(**row._mapping)


def test(connection: Connection, webhook: Webhook) -> Delivery:
    """A delivery that a person asked for, to see whether the receiver works."""
    data = {"webhook_id": webhook.id, "message": "This is a test delivery."}
    row = _due(webhook, TEST, _body(TEST, now(), data), None)
    connection.execute(insert(deliveries).values(row))
    made = delivery(connection, row["id"])
    assert made is not None
    return made


def redeliver(connection: Connection, delivery_id: str) -> Delivery | None:
    """Send it again, whatever became of it: same id, same body, one more attempt at once."""
    values = {"state": "DUE", "next_attempt_at": now(), "leased_until": None, "attempts": 0}
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**values))
    return delivery(connection, delivery_id)


def _free(moment: datetime) -> ColumnElement[bool]:
    """Due, leased by nobody, and for a subscription that is on, or a test that a person asked for."""
    enabled = select(webhooks.c.id).where(webhooks.c.enabled)
    on = or_(deliveries.c.webhook_id.in_(enabled), deliveries.c.event == TEST)
    unleased = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until < moment)
    return and_(deliveries.c.state == "DUE", deliveries.c.next_attempt_at <= moment, unleased, on)


def anything_due(connection: Connection) -> bool:
    """Whether a tick has work: looked at without the writer's lock, for most ticks have none."""
    fresh = select(events.c.id).where(events.c.dispatched.is_(False)).limit(1)
    due = select(deliveries.c.id).where(_free(now())).limit(1)
    return connection.scalar(fresh) is not None or connection.scalar(due) is not None


def dispatch(connection: Connection, enrich: Any, most: int = 500) -> int:
    """Turn new outbox rows into due deliveries; returns how many rows were dealt with. Ends after the row that makes it
    `most` deliveries, so that a burst does not hold the writer's lock: the next tick goes on.

    `enrich(event name, data)` gives the data a receiver gets: addresses that expire are made as late as here.
    """
    query = select(events).where(events.c.dispatched.is_(False)).order_by(events.c.id).limit(most)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)  # another deliverer's rows are not ours as well
    rows = connection.execute(query).all()
    if not rows:
        return 0
    wanted = {row.workspace_id for row in rows}
    hooks = select(*_WEBHOOK).where(webhooks.c.workspace_id.in_(wanted), webhooks.c.enabled)
    subscribed = [Webhook(**row._mapping) for row in connection.execute(hooks)]
    made: list[dict[str, Any]] = []
    seen: list[int] = []
    for row in rows:
        if len(made) >= most:
            break
        seen.append(row.id)
        takers = [w for w in subscribed if w.workspace_id == row.workspace_id and row.event in w.events]
        if takers:
            body = _body(row.event, row.created_at, enrich(row.event, row.data))
            made += [_due(webhook, row.event, body, row.id) for webhook in takers]
    if made:
        connection.execute(insert(deliveries), made)
    connection.execute(update(events).where(events.c.id.in_(seen)).values(dispatched=True))
    return len(seen)


def _body(event: str, at: datetime, data: dict[str, Any]) -> str:
    told = {"event": event, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    return msgspec.json.encode(told).decode()


def _due(webhook: Webhook, event: str, body: str, event_id: int | None) -> dict[str, Any]:
    """The row of a new delivery. An event's has the same id whenever it is made: no event is delivered as two."""
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


def lease(connection: Connection, most: int, busy: dict[str, int], most_each: int) -> list[tuple[Delivery, Webhook]]:
    """Take due deliveries for LEASE. `busy` counts those under way by webhook: none gets more than `most_each`.

    Every receiver's first comes before any receiver's second: a long queue for one does not hide the others.
    """
    moment = now()
    free = _free(moment)
    full = [webhook_id for webhook_id, count in busy.items() if count >= most_each]
    in_turn = (deliveries.c.next_attempt_at, deliveries.c.created_at)
    place = func.row_number().over(partition_by=deliveries.c.webhook_id, order_by=in_turn).label("place")
    ranked = select(deliveries.c.id, place).where(free, deliveries.c.webhook_id.not_in(full)).subquery()
    query = (
        select(*_DELIVERY)
        .join(ranked, ranked.c.id == deliveries.c.id)
        .where(free, ranked.c.place <= most_each)  # `free` again: PostgreSQL looks twice at what it locks
        .order_by(ranked.c.place, deliveries.c.next_attempt_at)
        .limit(most)
    )
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True, of=deliveries)
    due = [Delivery(**row._mapping) for row in connection.execute(query)]
    of = select(*_WEBHOOK).where(webhooks.c.id.in_({each.webhook_id for each in due}))
    hooks = {row.id: Webhook(**row._mapping) for row in connection.execute(of)}
    counts = Counter(busy)
    taken: list[tuple[Delivery, Webhook]] = []
    for each in due:
        if counts[each.webhook_id] < most_each and each.webhook_id in hooks:
            counts[each.webhook_id] += 1
            taken.append((each, hooks[each.webhook_id]))
    leased = update(deliveries).where(deliveries.c.id.in_([each.id for each, _ in taken]))
    connection.execute(leased.values(leased_until=moment + LEASE))
    return taken


def headers(delivery: Delivery, webhook: Webhook, at: datetime) -> dict[str, str]:
    """The signed headers of one attempt: by the present secret, and by the previous one while it overlaps."""
    from standardwebhooks import Webhook as Signer

    keys = [webhook.secret]
    if webhook.previous_secret and webhook.previous_secret_until and webhook.previous_secret_until > at:
        keys.append(webhook.previous_secret)
    signed = " ".join(Signer(key).sign(delivery.id, at, delivery.body) for key in keys)
    return {
        "content-type": "application/json",
        "user-agent": "Carmic-Webhooks/1",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signed,
    }


def settle(connection: Connection, delivery_id: str, attempt: Attempt) -> None:
    """Write down what came of an attempt: delivered, due again later, or failed for good."""
    found = delivery(connection, delivery_id)
    if found is None:
        return  # its webhook was deleted meanwhile
    webhook = get(connection, found.webhook_id)
    assert webhook is not None
    attempts = found.attempts + 1
    values: dict[str, Any] = {"attempts": attempts, "leased_until": None, "log": [*found.log, attempt.log][-20:]}
    if attempt.delivered:
        values |= {"state": "DELIVERED", "delivered_at": now()}
        connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(failing_since=None))
    else:
        if attempt.status == 410 or attempts > len(RETRIES_S):
            values |= {"state": "FAILED"}
        else:
            wait = RETRIES_S[attempts - 1] * (1 + 0.1 * secrets.randbelow(1000) / 1000)
            wait = max(wait, min(attempt.retry_after_s or 0, MAX_RETRY_AFTER_S))
            values |= {"next_attempt_at": now() + timedelta(seconds=wait)}
        _failing(connection, webhook, attempt)
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**values))


def _failing(connection: Connection, webhook: Webhook, attempt: Attempt) -> None:
    """Note the failure; switch the subscription off when the receiver is gone or has failed for days, and say so."""
    since = webhook.failing_since or now()
    gone = attempt.status == 410
    if not gone and now() - since < GIVE_UP_AFTER:
        connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(failing_since=since))
        return
    reason = "The receiver answered 410 Gone." if gone else "Every delivery failed for five days."
    values = {"enabled": False, "disabled_reason": reason, "failing_since": since, "updated_at": now()}
    switched = update(webhooks).where(webhooks.c.id == webhook.id, webhooks.c.enabled)
    if connection.execute(switched.values(**values)).rowcount == 0:
        return
    text = (
        f"Carmic has stopped sending webhooks to {webhook.url}.\n\n{reason}\n\n"
        f"Once the receiver works again, enable the subscription {webhook.id}; "
        "what failed meanwhile can be redelivered."
    )
    for member in accounts.team(connection, webhook.workspace_id):
        if member.role == "OWNER":
            mail.write(connection, member.email, "A webhook was switched off", text)
