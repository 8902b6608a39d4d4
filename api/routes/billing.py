"""/v1/billing: minutes bought through Stripe, where it is configured. The ledger is topped up by Stripe's signed event,
never by the browser's return.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.concurrency import sync_to_thread
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import TheCaller, ThePlatform
from api.envelope import Data, Ok
from api.errors import ApiError, unconfigured
from api.request_fields import Url
from resources import ledger
from resources.platform import Platform

TAGS = ["Billing"]
EVENT_MAX = 1 << 20


class CheckoutIn(msgspec.Struct):
    minutes: Annotated[int, Meta(ge=1, le=100_000)]
    success_url: Url | None = None
    cancel_url: Url | None = None


class Checkout(msgspec.Struct):
    """Send the browser to `url`."""

    url: str
    session_id: str


@post(
    "/v1/billing/checkout",
    access=Access.OWNER,
    idempotent=True,
    status_code=200,
    refuses=(502,),
    sync_to_thread=True,
    tags=TAGS,
)
def checkout(platform: ThePlatform, caller: TheCaller, data: JSONBody[CheckoutIn]) -> Data[Checkout]:
    """Open a Stripe checkout for processing minutes."""
    settings = platform.settings
    if not settings.stripe_secret_key:
        raise unconfigured("CARMIC_STRIPE_SECRET_KEY")
    import stripe

    client = stripe.StripeClient(settings.stripe_secret_key, base_addresses={"api": settings.stripe_url})
    price = {
        "currency": settings.stripe_currency,
        "unit_amount": settings.stripe_cents_per_minute,
        "product_data": {"name": "Carmic processing minute"},
    }
    facts = {"workspace_id": caller.workspace, "minutes": str(data.minutes)}
    params: Any = {
        "mode": "payment",
        "line_items": [{"quantity": data.minutes, "price_data": price}],
        "client_reference_id": caller.workspace,
        "metadata": facts,
        "success_url": data.success_url or settings.public_url,
        "cancel_url": data.cancel_url or settings.public_url,
    }
    try:
        session = client.v1.checkout.sessions.create(params=params)
    except stripe.StripeError as error:
        raise ApiError(502, "Stripe did not open a checkout. Try again in a minute.") from error
    return Data(Checkout(session.url or "", session.id))


@post(
    "/v1/billing/stripe-webhook",
    access=Access.SIGNED,
    body="binary",
    request_max_body_size=EVENT_MAX,
    status_code=200,
    tags=TAGS,
)
async def stripe_event(request: Request[Any, Any, Any], platform: ThePlatform) -> Data[Ok]:
    """For Stripe alone: a paid checkout tops the pool up, once, however often it is told."""
    if not platform.settings.stripe_webhook_secret:
        raise unconfigured("CARMIC_STRIPE_WEBHOOK_SECRET")
    body = await request.body()
    await sync_to_thread(_take, platform, body, request.headers.get("stripe-signature", ""))
    return Data(Ok())


def _take(platform: Platform, body: bytes, signature: str) -> None:
    import stripe

    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, platform.settings.stripe_webhook_secret, 300)
        event = msgspec.json.decode(body)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ApiError(403, "This event is not signed by Stripe.") from error
    if event.get("type") not in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        return
    session = event["data"]["object"]
    if session.get("payment_status") != "paid":
        return
    facts = session.get("metadata") or {}
    if not {"workspace_id", "minutes"} <= facts.keys():
        return  # something else that is sold through the same Stripe account
    amount = int(facts["minutes"]) * ledger.MINUTE_MS
    with platform.database.write() as connection:
        key = f"stripe:{session['id']}"
        ledger.move(connection, facts["workspace_id"], key, "topup", amount, note="Bought through Stripe")


ROUTES: list[Any] = [checkout, stripe_event]
