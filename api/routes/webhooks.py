"""/v1/webhooks: subscriptions and their deliveries, for OWNERs. The sensor `deliver_webhooks` sends them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, PathId, PlatformDep
from api.envelope import Data, Limit, Offset, Ok, Page, paginated, unpaginated
from api.errors import not_found
from api.idempotency import record_response
from api.outbound_urls import check_outbound_url
from api.request_fields import Line, Url, list_changes
from resources import webhooks
from resources.caps import check_cap
from resources.database.tables import webhooks as webhooks_table
from resources.field_types import Timestamp, Uuid
from resources.hidden_repr import hidden_repr
from resources.outbox import WEBHOOK_EVENTS, WebhookEvent
from resources.platform import Platform
from resources.signing_keys import Cipher
from resources.webhooks import Delivery, Webhook

Events = Annotated[list[WebhookEvent], Meta(min_length=1, max_length=20)]
WEBHOOKS: dict[str, Any] = {"access": Access.OWNER, "sync_to_thread": True, "tags": ["Webhooks"]}


class WebhookRequest(msgspec.Struct):
    """A subscription. Without `events` it covers all events."""

    url: Annotated[Url, Meta(description="URL that receives the events by POST.")]
    events: Annotated[
        Events | None,
        Meta(
            description="The events to send; all of them if omitted.",
            examples=[["project.clips_ready", "clip.rendered"]],
        ),
    ] = None
    description: Annotated[Line, Meta(description="A note for people.", examples=["Posts to the team's channel"])] = ""
    enabled: Annotated[bool, Meta(description="Whether events are sent.")] = True


class WebhookChange(msgspec.Struct):
    """A change of a subscription; an omitted field is unchanged."""

    url: Annotated[Url | msgspec.UnsetType, Meta(description="New URL of the receiver.")] = msgspec.UNSET
    events: Annotated[
        Events | msgspec.UnsetType, Meta(description="New list of events.", examples=[["clip.rendered"]])
    ] = msgspec.UNSET
    description: Annotated[
        Line | msgspec.UnsetType, Meta(description="New note for people.", examples=["Posts to the team's channel"])
    ] = msgspec.UNSET
    enabled: Annotated[
        bool | msgspec.UnsetType,
        Meta(description="Whether events are sent from now on. `true` also ends `disabled_reason`."),
    ] = msgspec.UNSET


class WebhookOut(msgspec.Struct):
    """A subscription. Nothing is sent before `paused_until`, which is set after its receiver timed out repeatedly."""

    id: Annotated[Uuid, Meta(description="Id of the webhook.")]
    url: Annotated[str, Meta(description="URL that receives the events.", examples=["https://example.com/hook"])]
    events: Annotated[
        list[str], Meta(description="The events that are sent.", examples=[["project.clips_ready", "clip.rendered"]])
    ]
    description: Annotated[str, Meta(description="A note for people.", examples=["Posts to the team's channel"])]
    enabled: Annotated[bool, Meta(description="Whether events are sent.")]
    disabled_reason: Annotated[
        str | None,
        Meta(description="Why sending was stopped; null if it was not.", examples=["The receiver answered 410."]),
    ]
    paused_until: Annotated[
        Timestamp | None,
        Meta(description="No event is sent before this time, since the receiver has timed out repeatedly; else null."),
    ]
    project_id: Annotated[
        Uuid | None, Meta(description="The only project whose events are sent; null for those of the workspace.")
    ]
    created_at: Annotated[Timestamp, Meta(description="When the webhook was created.")]


class WebhookSecret(WebhookOut):
    """A subscription with its `secret`, which is shown only at creation and rotation."""

    __repr__ = hidden_repr

    secret: Annotated[
        str,
        Meta(
            description="Secret that signs the deliveries. Shown at creation and rotation only.",
            examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        ),
    ]


class DeliveryOut(msgspec.Struct):
    """A delivery. `id` is sent as the header `webhook-id`; `log` has one entry for each attempt."""

    id: Annotated[
        Uuid, Meta(description="Id of the delivery, the same for every attempt; sent as the header `webhook-id`.")
    ]
    event: Annotated[str, Meta(description="Name of the event.", examples=["clip.rendered"])]
    state: Annotated[str, Meta(description="DUE, DELIVERED or FAILED.", examples=["DELIVERED"])]
    attempts: Annotated[int, Meta(description="How many attempts were made.", examples=[1])]
    next_attempt_at: Annotated[
        Timestamp | None, Meta(description="When the next attempt is due; null if there is none.")
    ]
    delivered_at: Annotated[Timestamp | None, Meta(description="When the receiver accepted it; null if it has not.")]
    log: Annotated[
        list[dict[str, Any]],
        Meta(
            description="One entry for each attempt: when, with what status, and how long it took.",
            examples=[[{"status": 204, "ms": 41}]],
        ),
    ]
    created_at: Annotated[Timestamp, Meta(description="When the event happened.")]


@post("/v1/webhooks", idempotent=True, error_statuses=(409,), **WEBHOOKS)
def create_webhook(platform: PlatformDep, caller: CallerDep, data: JSONBody[WebhookRequest]) -> Data[WebhookSecret]:
    """Subscribe a public https:// URL. The signing secret is not shown again."""
    check_receiver(platform, data.url, "url")
    cipher = Cipher(platform.settings, webhooks.CIPHER_PURPOSE)
    with platform.database.write() as connection:
        is_general = webhooks_table.c.project_id.is_(None)
        check_cap(connection, "webhooks", webhooks_table, caller.workspace, is_general)
        webhook = webhooks.create(
            connection, cipher, caller.workspace, data.url, data.events or WEBHOOK_EVENTS, data.description
        )
        if not data.enabled:
            webhook = webhooks.change(connection, webhook.id, enabled=False) or webhook
        return record_response(connection, Data(_build_secret(cipher, webhook)))


@get("/v1/webhooks", **WEBHOOKS)
def list_webhooks(platform: PlatformDep, caller: CallerDep) -> Page[WebhookOut]:
    """List the workspace's subscriptions."""
    with platform.database.read() as connection:
        return unpaginated([_build_webhook(row) for row in webhooks.list_for_workspace(connection, caller.workspace)])


@get("/v1/webhooks/{webhook_id:uuid}", **WEBHOOKS)
def get_webhook(platform: PlatformDep, caller: CallerDep, webhook_id: PathId) -> Data[WebhookOut]:
    """Return one subscription."""
    with platform.database.read() as connection:
        return Data(_build_webhook(_require_webhook(connection, caller, webhook_id)))


@patch("/v1/webhooks/{webhook_id:uuid}", **WEBHOOKS)
def update_webhook(
    platform: PlatformDep, caller: CallerDep, webhook_id: PathId, data: JSONBody[WebhookChange]
) -> Data[WebhookOut]:
    """Change a subscription. Enabling it clears its record of failures."""
    changes = list_changes(data)
    if "url" in changes:
        check_receiver(platform, changes["url"], "url")
    with platform.database.write() as connection:
        webhook = _require_webhook(connection, caller, webhook_id)
        return Data(_build_webhook(webhooks.change(connection, webhook.id, **changes) or webhook))


@delete("/v1/webhooks/{webhook_id:uuid}", status_code=200, **WEBHOOKS)
def delete_webhook(platform: PlatformDep, caller: CallerDep, webhook_id: PathId) -> Data[Ok]:
    """Delete a subscription, with its pending deliveries."""
    with platform.database.write() as connection:
        webhooks.remove(connection, _require_webhook(connection, caller, webhook_id).id)
    return Data(Ok())


@post("/v1/webhooks/{webhook_id:uuid}/rotate-secret", idempotent=True, status_code=200, **WEBHOOKS)
def rotate_webhook_secret(platform: PlatformDep, caller: CallerDep, webhook_id: PathId) -> Data[WebhookSecret]:
    """Replace the signing secret. For one day, deliveries are signed with both."""
    cipher = Cipher(platform.settings, webhooks.CIPHER_PURPOSE)
    with platform.database.write() as connection:
        webhook = _require_webhook(connection, caller, webhook_id)
        rotated = webhooks.rotate(connection, cipher, webhook.id) or webhook
        return record_response(connection, Data(_build_secret(cipher, rotated)))


@post("/v1/webhooks/{webhook_id:uuid}/test", idempotent=True, status_code=202, **WEBHOOKS)
def send_test_delivery(platform: PlatformDep, caller: CallerDep, webhook_id: PathId) -> Data[DeliveryOut]:
    """Queue a test delivery. Its result appears under `deliveries`."""
    with platform.database.write() as connection:
        webhook = _require_webhook(connection, caller, webhook_id)
        delivery = webhooks.create_test_delivery(connection, webhook)
        return record_response(connection, Data(_build_delivery(delivery)))


@get("/v1/webhooks/{webhook_id:uuid}/deliveries", **WEBHOOKS)
def list_webhook_deliveries(
    platform: PlatformDep, caller: CallerDep, webhook_id: PathId, limit: Limit = 20, offset: Offset = 0
) -> Page[DeliveryOut]:
    """List the deliveries with the receiver's responses, newest first."""
    with platform.database.read() as connection:
        webhook = _require_webhook(connection, caller, webhook_id)
        rows, total = webhooks.list_deliveries(connection, webhook.id, limit, offset)
    return paginated([_build_delivery(row) for row in rows], total, limit, offset)


@post(
    "/v1/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/redeliver",
    idempotent=True,
    status_code=202,
    **WEBHOOKS,
)
def redeliver_webhook(
    platform: PlatformDep, caller: CallerDep, webhook_id: PathId, delivery_id: PathId
) -> Data[DeliveryOut]:
    """Send a delivery again, with the same id and body."""
    with platform.database.write() as connection:
        webhook = _require_webhook(connection, caller, webhook_id)
        delivery = webhooks.get_delivery(connection, str(delivery_id))
        if delivery is None or delivery.webhook_id != webhook.id:
            raise not_found("delivery")
        delivery = webhooks.redeliver(connection, delivery.id) or delivery
        return record_response(connection, Data(_build_delivery(delivery)))


def check_receiver(platform: Platform, url: str, field: str) -> None:
    """Check that the server may post to the URL of the request's `field`. Raises ApiError 400 if it may not."""
    check_outbound_url(platform.settings, url, f"`{field}`")


def _require_webhook(connection: Connection, caller: Caller, webhook_id: UUID) -> Webhook:
    webhook = webhooks.get(connection, str(webhook_id))
    if webhook is None or webhook.workspace_id != caller.workspace:
        raise not_found("webhook")
    return webhook


def _select_fields(row: Webhook | Delivery, response_type: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in response_type.__struct_fields__}


def _build_webhook(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_select_fields(webhook, WebhookOut))


def _build_secret(cipher: Cipher, webhook: Webhook) -> WebhookSecret:
    fields = _select_fields(webhook, WebhookSecret)
    return WebhookSecret(**{**fields, "secret": webhooks.unseal_secret(cipher, webhook.secret)})


def _build_delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(**_select_fields(delivery, DeliveryOut))


ROUTES: list[HTTPRouteHandler] = [
    create_webhook,
    list_webhooks,
    get_webhook,
    update_webhook,
    delete_webhook,
    rotate_webhook_secret,
    send_test_delivery,
    list_webhook_deliveries,
    redeliver_webhook,
]
