"""/api/settings: the generation surface's one webhook address. It is a subscription like any other, to jobs' events."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, patch
from litestar.params import JSONBody
from sqlalchemy import Connection

from api.access import Access, Caller
from api.dependencies import TheCaller, ThePlatform
from api.envelope import Data
from api.rate_limits import READS
from api.request_fields import Url
from api.routes.webhooks import check_receiver
from resources import accounts, webhooks

EVENTS = ["job.completed", "job.failed"]
DESCRIPTION = "webhookUrl of /api/settings"


class SettingsIn(msgspec.Struct, rename="camel"):
    """`webhookUrl: null` ends the notifications."""

    webhook_url: Url | None


class SettingsOut(msgspec.Struct, rename="camel"):
    """`webhookSecret` signs the deliveries; it is shown when the address is first set."""

    webhook_url: str | None
    webhook_secret: str | None = None


@get("/settings", access=Access.OWNER, limit=READS, sync_to_thread=True, tags=["Generation: management"])
def show(platform: ThePlatform, caller: TheCaller) -> Data[SettingsOut]:
    """Where jobs are reported to."""
    with platform.database.read() as connection:
        return Data(SettingsOut(accounts.webhook_url(connection, caller.workspace)))


@patch("/settings", access=Access.OWNER, limit=READS, sync_to_thread=True, tags=["Generation: management"])
def change(platform: ThePlatform, caller: TheCaller, data: JSONBody[SettingsIn]) -> Data[SettingsOut]:
    """Set the address that `job.completed` and `job.failed` are posted to. https:// and public only."""
    if data.webhook_url is not None:
        check_receiver(platform, data.webhook_url, "webhookUrl")
    with platform.database.write() as connection:
        accounts.set_webhook_url(connection, caller.workspace, data.webhook_url)
        secret = _subscribe(connection, caller, data.webhook_url)
    return Data(SettingsOut(data.webhook_url, secret))


def _subscribe(connection: Connection, caller: Caller, url: str | None) -> str | None:
    """Keep the one subscription of this setting; its secret when it is new."""
    known = [w for w in webhooks.of_workspace(connection, caller.workspace) if w.description == DESCRIPTION]
    if url is None:
        for webhook in known:
            webhooks.remove(connection, webhook.id)
        return None
    if known:
        webhooks.change(connection, known[0].id, url=url, enabled=True)
        return None
    return webhooks.create(connection, caller.workspace, url, EVENTS, DESCRIPTION).secret


ROUTES: list[Any] = [show, change]
