"""/api/settings: the webhook URL of the generation API, stored as a webhook subscription to job events."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Data
from api.rate_limits import MANAGEMENT_READS
from api.request_fields import Url
from api.routes.webhooks import check_receiver
from resources import accounts, webhooks
from resources.signing_keys import Cipher

EVENTS = ["job.completed", "job.failed"]
DESCRIPTION = "webhookUrl of /api/settings"  # identifies the subscription that belongs to this setting
SETTINGS: dict[str, Any] = {
    "access": Access.OWNER,
    "rate_limit": MANAGEMENT_READS,
    "sync_to_thread": True,
    "tags": ["Generation: management"],
}


class SettingsRequest(msgspec.Struct, rename="camel"):
    """The webhook URL; `webhookUrl: null` ends the notifications."""

    webhook_url: Annotated[
        Url | None,
        Meta(description="URL that receives `job.completed` and `job.failed`; null ends the notifications."),
    ]


class SettingsOut(msgspec.Struct, rename="camel"):
    """The webhook URL, and the secret that signs its deliveries. The secret is shown only when a URL is first set."""

    webhook_url: Annotated[
        str | None,
        Meta(
            description="URL that receives the notifications; null if there is none.",
            examples=["https://example.com/hook"],
        ),
    ]
    webhook_secret: Annotated[
        str | None,
        Meta(
            description="Secret that signs the notifications. Shown only when the URL is first set.",
            examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        ),
    ] = None


@get("/settings", **SETTINGS)
def get_generation_settings(platform: PlatformDep, caller: CallerDep) -> Data[SettingsOut]:
    """Return the webhook URL that receives job events."""
    with platform.database.read() as connection:
        return Data(SettingsOut(accounts.get_webhook_url(connection, caller.workspace)))


@patch("/settings", **SETTINGS)
def update_generation_settings(
    platform: PlatformDep, caller: CallerDep, data: JSONBody[SettingsRequest]
) -> Data[SettingsOut]:
    """Set the webhook URL that receives `job.completed` and `job.failed`: a public https:// URL."""
    if data.webhook_url is not None:
        check_receiver(platform, data.webhook_url, "webhookUrl")
    cipher = Cipher(platform.settings, webhooks.CIPHER_PURPOSE)
    with platform.database.write() as connection:
        accounts.set_webhook_url(connection, caller.workspace, data.webhook_url)
        secret = _update_subscription(connection, cipher, caller, data.webhook_url)
    return Data(SettingsOut(data.webhook_url, secret))


def _update_subscription(connection: Connection, cipher: Cipher, caller: Caller, url: str | None) -> str | None:
    """Create, change or remove the subscription. Returns its secret if it is new."""
    workspace_webhooks = webhooks.list_for_workspace(connection, caller.workspace)
    subscriptions = [webhook for webhook in workspace_webhooks if webhook.description == DESCRIPTION]
    if url is None:
        for subscription in subscriptions:
            webhooks.remove(connection, subscription.id)
        return None
    if subscriptions:
        webhooks.change(connection, subscriptions[0].id, url=url, enabled=True)
        return None
    created = webhooks.create(connection, cipher, caller.workspace, url, EVENTS, DESCRIPTION)
    return webhooks.unseal_secret(cipher, created.secret)


ROUTES: list[HTTPRouteHandler] = [get_generation_settings, update_generation_settings]
