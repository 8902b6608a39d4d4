"""/v1/billing: buys processing minutes through Stripe.

Stripe's signed event credits the minutes, not the browser's return from the checkout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from litestar import Request, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PlatformDep
from api.envelope import Data, Ok
from api.errors import ApiError, unconfigured
from api.request_fields import Url
from resources import ledger
from resources.platform import Platform

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

TAGS = ["Billing"]
MAX_EVENT_BYTES = 1 << 20
SIGNATURE_TOLERANCE_S = 300
PAID_EVENTS = ("checkout.session.completed", "checkout.session.async_payment_succeeded")


class CheckoutRequest(msgspec.Struct):
    """How many minutes to buy, and where Stripe sends the browser back."""

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
    error_statuses=(502,),
    sync_to_thread=True,
    tags=TAGS,
)
def create_checkout(platform: PlatformDep, caller: CallerDep, data: JSONBody[CheckoutRequest]) -> Data[Checkout]:
    """Open a Stripe checkout for processing minutes."""
    settings = platform.settings
    if not settings.stripe_secret_key:
        raise unconfigured("CARMIC_STRIPE_SECRET_KEY")
    import stripe  # noqa: PLC0415 - takes a second to import, and most installations do not use it

    client = stripe.StripeClient(settings.stripe_secret_key, base_addresses={"api": settings.stripe_url})
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": data.minutes,
                "price_data": {
                    "currency": settings.stripe_currency,
                    "unit_amount": settings.stripe_cents_per_minute,
                    "product_data": {"name": "Carmic processing minute"},
                },
            }
        ],
        "client_reference_id": caller.workspace,
        "metadata": {"workspace_id": caller.workspace, "minutes": str(data.minutes)},
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
    request_max_body_size=MAX_EVENT_BYTES,
    status_code=200,
    tags=TAGS,
)
async def receive_stripe_event(request: Request[Any, Any, Any], platform: PlatformDep) -> Data[Ok]:
    """Receive Stripe's events. A paid checkout credits its minutes once, however often Stripe reports it."""
    if not platform.settings.stripe_webhook_secret:
        raise unconfigured("CARMIC_STRIPE_WEBHOOK_SECRET")
    body = await request.body()
    await sync_to_thread(_process_event, platform, body, request.headers.get("stripe-signature", ""))
    return Data(Ok())


def _process_event(platform: Platform, body: bytes, signature: str) -> None:
    import stripe  # noqa: PLC0415 - takes a second to import, and most installations do not use it

    secret = platform.settings.stripe_webhook_secret
    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, SIGNATURE_TOLERANCE_S)
        event = msgspec.json.decode(body)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ApiError(403, "`Stripe-Signature` must be Stripe's signature of this event.") from error
    if event.get("type") not in PAID_EVENTS:
        return
    session = event["data"]["object"]
    if session.get("payment_status") != "paid":
        return
    metadata = session.get("metadata") or {}
    if not {"workspace_id", "minutes"} <= metadata.keys():
        return  # another product that is sold through the same Stripe account
    amount_ms = int(metadata["minutes"]) * ledger.MINUTE_MS
    entry = ledger.NewEntry(f"stripe:{session['id']}", "topup", amount_ms, "Bought through Stripe")
    with platform.database.write() as connection:
        ledger.post_entry(connection, metadata["workspace_id"], entry)


ROUTES: list[HTTPRouteHandler] = [create_checkout, receive_stripe_event]
