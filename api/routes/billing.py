"""/v1/billing: buys processing minutes through Stripe.

The minutes are credited when Stripe sends its signed event, not when the browser returns from the checkout.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import structlog
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
from resources import ledger, payments
from resources.database.engine import now
from resources.platform import Platform
from resources.settings import Settings

if TYPE_CHECKING:
    from stripe import RequestOptions
    from stripe.params.checkout import SessionCreateParams

log = structlog.get_logger("carmic.api")

TAGS = ["Billing"]
MAX_MINUTES = 100_000  # per checkout
MAX_EVENT_BYTES = 1 << 20
MAX_EVENT_TIME_S = 1 << 34  # the year 2514
SIGNATURE_TOLERANCE_S = 300
PAID_EVENTS = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
FAILED_EVENT = "checkout.session.async_payment_failed"
REFUND_EVENT = "charge.refunded"
DISPUTE_EVENTS = "charge.dispute."


class CheckoutRequest(msgspec.Struct):
    """How many minutes to buy, and where Stripe sends the browser back."""

    minutes: Annotated[int, Meta(ge=1, le=MAX_MINUTES, description="How many minutes to buy.", examples=[300])]
    success_url: Annotated[Url | None, Meta(description="Where Stripe sends the browser after the payment.")] = None
    cancel_url: Annotated[
        Url | None, Meta(description="Where Stripe sends the browser when the payment is given up.")
    ] = None


class Checkout(msgspec.Struct):
    """An open checkout; send the browser to `url`."""

    url: Annotated[
        str,
        Meta(
            description="Stripe's payment page. Send the browser there.",
            examples=["https://checkout.stripe.com/c/pay/cs_test_a1"],
        ),
    ]
    session_id: Annotated[str, Meta(description="Id of Stripe's checkout session.", examples=["cs_test_a1"])]


@post(
    "/v1/billing/checkout",
    access=Access.OWNER,
    idempotent=True,
    status_code=200,
    error_statuses=(502,),
    sync_to_thread=True,
    tags=TAGS,
)
def create_checkout(
    request: Request[Any, Any, Any], platform: PlatformDep, caller: CallerDep, data: JSONBody[CheckoutRequest]
) -> Data[Checkout]:
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
        "metadata": {
            "workspace_id": caller.workspace,
            "minutes": str(data.minutes),
            "unit_amount": str(settings.stripe_cents_per_minute),
            "currency": settings.stripe_currency,
        },
        "success_url": data.success_url or settings.public_url,
        "cancel_url": data.cancel_url or settings.public_url,
    }
    key = request.headers.get("idempotency-key")
    options: RequestOptions = {"idempotency_key": f"{caller.workspace}:{key}"[:255]} if key else {}
    try:
        session = client.v1.checkout.sessions.create(params=params, options=options)
    except stripe.StripeError as error:
        raise ApiError(502, "Stripe did not open a checkout. Try again in a minute.") from error
    return Data(Checkout(session.url or "", session.id))


@post(
    "/v1/billing/stripe-webhook",
    access=Access.SIGNED,
    body="binary",
    reads_headers=("Stripe-Signature",),
    request_max_body_size=MAX_EVENT_BYTES,
    status_code=200,
    tags=TAGS,
)
async def receive_stripe_event(request: Request[Any, Any, Any], platform: PlatformDep) -> Data[Ok]:
    """Receive Stripe's events. A paid checkout credits its minutes once, even if Stripe repeats the event.

    A refund or a dispute deducts them; a dispute that is won restores them. Other events return 200 and have no
    effect.
    """
    if not platform.settings.stripe_webhook_secret:
        raise unconfigured("CARMIC_STRIPE_WEBHOOK_SECRET")
    body = await request.body()
    await sync_to_thread(_process_event, platform, body, request.headers.get("stripe-signature", ""))
    return Data(Ok())


class SessionMetadata(msgspec.Struct, frozen=True):
    """The metadata that `create_checkout` wrote into the checkout. Stripe stores numbers as text."""

    workspace_id: str
    minutes: Annotated[int, Meta(ge=1, le=MAX_MINUTES)]
    unit_amount: Annotated[int, Meta(ge=1)] | None = None
    currency: str | None = None


class CheckoutSession(msgspec.Struct, frozen=True):
    """The used fields of a Stripe checkout. Amounts are in the currency's smallest unit."""

    id: str
    metadata: SessionMetadata
    payment_status: str = ""
    payment_intent: str | None = None
    amount_subtotal: int | None = None  # before discounts and taxes
    amount_total: int | None = None
    currency: str | None = None


class RefundedCharge(msgspec.Struct, frozen=True):
    """A charge; `amount_refunded` is the sum of its refunds."""

    payment_intent: str
    amount_refunded: Annotated[int, Meta(ge=0)]


class Dispute(msgspec.Struct, frozen=True):
    """A dispute of a payment."""

    payment_intent: str
    amount: Annotated[int, Meta(ge=0)]
    status: str


class EventData(msgspec.Struct, frozen=True):
    """The object of an event."""

    object: msgspec.Raw


class StripeEvent(msgspec.Struct, frozen=True):
    """An event of any type. `created` is a Unix time in seconds."""

    type: str
    data: EventData
    id: str = ""
    created: Annotated[int, Meta(ge=0, le=MAX_EVENT_TIME_S)] | None = None


class UnexpectedEventError(Exception):
    """A signed event that contradicts the stored payment or the price."""


def _process_event(platform: Platform, body: bytes, signature: str) -> None:
    """Book the event.

    An event that cannot be booked is only logged, because Stripe repeats an event after an error response.
    """
    import stripe  # noqa: PLC0415 - takes a second to import, and most installations do not use it

    secret = platform.settings.stripe_webhook_secret
    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, SIGNATURE_TOLERANCE_S)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise ApiError(403, "`Stripe-Signature` must be Stripe's signature of this event.") from error
    event_id = ""
    try:
        event = msgspec.json.decode(body, type=StripeEvent)
        event_id = event.id
        _book_event(platform, event)
    except (msgspec.DecodeError, UnexpectedEventError, payments.UnknownWorkspaceError) as error:
        log.warning("stripe event not booked", stripe_event=event_id, reason=str(error) or type(error).__name__)


def _book_event(platform: Platform, event: StripeEvent) -> None:
    if event.type in (*PAID_EVENTS, FAILED_EVENT):
        session = msgspec.json.decode(event.data.object, type=CheckoutSession, strict=False)
        if event.type == FAILED_EVENT:
            with platform.database.write() as connection:
                payments.record_failure(connection, session.id, session.metadata.workspace_id)
        elif session.payment_status == "paid":
            purchase = _read_purchase(session, platform.settings)
            with platform.database.write() as connection:
                payments.record_purchase(connection, session.payment_intent or session.id, purchase)
    elif event.type == REFUND_EVENT:
        charge = msgspec.json.decode(event.data.object, type=RefundedCharge)
        with platform.database.write() as connection:
            payments.record_refund(connection, charge.payment_intent, event.id, charge.amount_refunded)
    elif event.type.startswith(DISPUTE_EVENTS):
        dispute = msgspec.json.decode(event.data.object, type=Dispute)
        # An inquiry (`warning_...`) does not withdraw money yet
        is_open = dispute.status != "won" and not dispute.status.startswith("warning_")
        with platform.database.write() as connection:
            reported_at = now() if event.created is None else datetime.fromtimestamp(event.created, UTC)
            disputed = dispute.amount if is_open else 0
            payments.record_dispute(connection, dispute.payment_intent, event.id, disputed, reported_at)


def _read_purchase(session: CheckoutSession, settings: Settings) -> payments.Purchase:
    """Return what a paid checkout bought.

    Raises:
        UnexpectedEventError: the amount or the currency is not the price of the minutes.
    """
    metadata = session.metadata
    price = metadata.minutes * (metadata.unit_amount or settings.stripe_cents_per_minute)
    currency = metadata.currency or settings.stripe_currency
    amount = session.amount_total if session.amount_subtotal is None else session.amount_subtotal
    if amount not in (None, price) or session.currency not in (None, currency):
        actual = f"{amount} {session.currency or currency}"
        raise UnexpectedEventError(f"checkout {session.id} paid {actual}, but its minutes cost {price} {currency}")
    paid = price if session.amount_total is None else session.amount_total
    return payments.Purchase(session.id, metadata.workspace_id, metadata.minutes * ledger.MINUTE_MS, paid)


ROUTES: list[HTTPRouteHandler] = [create_checkout, receive_stripe_event]
