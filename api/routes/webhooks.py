"""/v1/webhooks: subscriptions and their deliveries, for OWNERs. A sensor delivers (see docs/events.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import Id, TheCaller, ThePlatform
from api.envelope import Data, Limit, Offset, Ok, Page, page, whole
from api.errors import ApiError, not_found
from api.request_fields import Line, Url
from resources import webhooks
from resources.outbound import Outbound, Refused
from resources.outbox import WebhookEvent
from resources.platform import Platform
from resources.webhooks import Delivery, Webhook

Chosen = Annotated[list[WebhookEvent], Meta(max_length=20)]
TAGS = ["Webhooks"]


class WebhookIn(msgspec.Struct):
    """No events chosen means all of them."""

    url: Url
    events: Chosen = []
    description: Line = ""
    enabled: bool = True


class WebhookChange(msgspec.Struct):
    """A field left out stays as it is."""

    url: Url | msgspec.UnsetType = msgspec.UNSET
    events: Chosen | msgspec.UnsetType = msgspec.UNSET
    description: Line | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


class WebhookOut(msgspec.Struct):
    id: str
    url: str
    events: list[str]
    description: str
    enabled: bool
    disabled_reason: str | None
    created_at: datetime


class WebhookSecret(WebhookOut):
    """`secret` is shown at creation and rotation only."""

    secret: str


class DeliveryOut(msgspec.Struct):
    """`id` is the header `webhook-id`; `log` has one entry an attempt."""

    id: str
    event: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    log: list[dict[str, Any]]
    created_at: datetime


@post("/v1/webhooks", access=Access.OWNER, idempotent=True, sync_to_thread=True, tags=TAGS)
def create(platform: ThePlatform, caller: TheCaller, data: JSONBody[WebhookIn]) -> Data[WebhookSecret]:
    """Subscribe a public https:// address. The signing secret is shown this once."""
    check_receiver(platform, data.url, "url")
    with platform.database.write() as connection:
        made = webhooks.create(connection, caller.workspace, data.url, list(data.events), data.description)
        if not data.enabled:
            made = webhooks.change(connection, made.id, enabled=False) or made
    return Data(WebhookSecret(**_fields(made), secret=made.secret))


@get("/v1/webhooks", access=Access.OWNER, sync_to_thread=True, tags=TAGS)
def listing(platform: ThePlatform, caller: TheCaller) -> Page[WebhookOut]:
    """The workspace's subscriptions."""
    with platform.database.read() as connection:
        return whole([_shown(webhook) for webhook in webhooks.of_workspace(connection, caller.workspace)])


@get("/v1/webhooks/{webhook_id:uuid}", access=Access.OWNER, sync_to_thread=True, tags=TAGS)
def detail(platform: ThePlatform, caller: TheCaller, webhook_id: Id) -> Data[WebhookOut]:
    """One subscription."""
    with platform.database.read() as connection:
        return Data(_shown(_owned(connection, caller, webhook_id)))


@patch("/v1/webhooks/{webhook_id:uuid}", access=Access.OWNER, sync_to_thread=True, tags=TAGS)
def change(platform: ThePlatform, caller: TheCaller, webhook_id: Id, data: JSONBody[WebhookChange]) -> Data[WebhookOut]:
    """Change a subscription. Enabling it again forgets its failures."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    if "url" in changes:
        check_receiver(platform, changes["url"], "url")
    with platform.database.write() as connection:
        found = _owned(connection, caller, webhook_id)
        return Data(_shown(webhooks.change(connection, found.id, **changes) or found))


@delete("/v1/webhooks/{webhook_id:uuid}", access=Access.OWNER, status_code=200, sync_to_thread=True, tags=TAGS)
def remove(platform: ThePlatform, caller: TheCaller, webhook_id: Id) -> Data[Ok]:
    """End a subscription; what waits to be delivered is dropped."""
    with platform.database.write() as connection:
        webhooks.remove(connection, _owned(connection, caller, webhook_id).id)
    return Data(Ok())


@post(
    "/v1/webhooks/{webhook_id:uuid}/rotate-secret",
    access=Access.OWNER,
    idempotent=True,
    status_code=200,
    sync_to_thread=True,
    tags=TAGS,
)
def rotate(platform: ThePlatform, caller: TheCaller, webhook_id: Id) -> Data[WebhookSecret]:
    """A new signing secret. The old one signs beside it for a day."""
    with platform.database.write() as connection:
        found = _owned(connection, caller, webhook_id)
        rotated = webhooks.rotate(connection, found.id) or found
    return Data(WebhookSecret(**_fields(rotated), secret=rotated.secret))


@post(
    "/v1/webhooks/{webhook_id:uuid}/test",
    access=Access.OWNER,
    idempotent=True,
    status_code=202,
    sync_to_thread=True,
    tags=TAGS,
)
def try_out(platform: ThePlatform, caller: TheCaller, webhook_id: Id) -> Data[DeliveryOut]:
    """Queue a test delivery; read what came of it under `deliveries`."""
    with platform.database.write() as connection:
        return Data(_delivery(webhooks.test(connection, _owned(connection, caller, webhook_id))))


@get("/v1/webhooks/{webhook_id:uuid}/deliveries", access=Access.OWNER, sync_to_thread=True, tags=TAGS)
def deliveries(
    platform: ThePlatform, caller: TheCaller, webhook_id: Id, limit: Limit = 20, offset: Offset = 0
) -> Page[DeliveryOut]:
    """What was sent, newest first, with what the receiver answered."""
    with platform.database.read() as connection:
        rows, total = webhooks.listing(connection, _owned(connection, caller, webhook_id).id, limit, offset)
    return page([_delivery(row) for row in rows], total, limit, offset)


@post(
    "/v1/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/redeliver",
    access=Access.OWNER,
    idempotent=True,
    status_code=202,
    sync_to_thread=True,
    tags=TAGS,
)
def redeliver(platform: ThePlatform, caller: TheCaller, webhook_id: Id, delivery_id: Id) -> Data[DeliveryOut]:
    """Send a delivery again, with the same id and body."""
    with platform.database.write() as connection:
        webhook = _owned(connection, caller, webhook_id)
        found = webhooks.delivery(connection, str(delivery_id))
        if found is None or found.webhook_id != webhook.id:
            raise not_found("delivery")
        return Data(_delivery(webhooks.redeliver(connection, found.id) or found))


def check_receiver(platform: Platform, url: str, field: str) -> None:
    """Raises 400, naming the request's field, for an address that we must not post to."""
    try:
        Outbound(platform.settings.outbound_allow).check(url)
    except Refused as error:
        raise ApiError(400, f"`{field}`: {error}") from error


def _owned(connection: Connection, caller: Caller, webhook_id: Any) -> Webhook:
    found = webhooks.get(connection, str(webhook_id))
    if found is None or found.workspace_id != caller.workspace:
        raise not_found("webhook")
    return found


def _fields(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in WebhookOut.__struct_fields__}


def _shown(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_fields(webhook))


def _delivery(row: Delivery) -> DeliveryOut:
    return DeliveryOut(**{name: getattr(row, name) for name in DeliveryOut.__struct_fields__})


ROUTES: list[Any] = [
    create, listing, detail, change, remove, rotate, try_out, deliveries, redeliver,
]  # fmt: skip
