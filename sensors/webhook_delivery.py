"""Sends due webhook deliveries from threads that outlive the sensor's tick, so that slow receivers delay no others.

Each delivery is leased in the database first: when this process dies, the lease expires and another process sends it.
Delivery is at least once; receivers recognise a repeat by its `webhook-id`.
"""

import mimetypes
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import httpx

from resources import webhooks
from resources.database.engine import now
from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.platform import Platform
from resources.signing_keys import Cipher

LIMITS = webhooks.LeaseLimits(total=128, per_webhook=4)  # threads, which mostly wait
TIMEOUT_S = 10.0  # for one attempt
POLL_INTERVAL_S = 0.5  # between two ticks of `poll`
MAX_RESPONSE_BYTES = 4096  # of the response body, for the delivery log
LINK_EXPIRES_S = 24 * 3600  # lifetime of the URLs in event data
# The field of an event's data that holds the signed URL of its result
URL_FIELDS = {
    "clip.rendered": "video_url",
    "export.completed": "download_url",
    "timeline_export.completed": "download_url",
    "timeline_job.completed": "video_url",
    "timeline_variant.ready": "video_url",
}


class WebhookDeliverer:
    """Delivers webhooks. One instance per process; any thread may call `tick`."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.cipher = Cipher(platform.settings, webhooks.CIPHER_PURPOSE)
        self.outbound = OutboundPolicy(platform.settings.outbound_allow)
        self.outbound.open_client(TIMEOUT_S).close()  # loads the certificate authorities once, not in every thread
        self.pool = ThreadPoolExecutor(LIMITS.total, thread_name_prefix="webhook")
        self.in_flight: dict[str, webhooks.Webhook] = {}  # by delivery ID
        self.lock = Lock()

    def poll(self, duration_s: float) -> str:
        """Call `tick` every POLL_INTERVAL_S for `duration_s`, so that events do not wait for the daemon."""
        end_s = time.monotonic() + duration_s
        outcomes = [self.tick()]
        while time.monotonic() < end_s:
            time.sleep(POLL_INTERVAL_S)
            outcomes.append(self.tick())
        return "; ".join(filter(None, outcomes))

    def tick(self) -> str:
        """Create deliveries for new events, lease those that are due and start sending them; returns the counts."""
        with self.platform.database.read() as connection:
            is_idle = not webhooks.has_due_work(connection)
        if is_idle:
            return ""
        with self.platform.database.write() as connection:
            event_count = webhooks.dispatch(connection, self.add_signed_url)
        with self.lock:
            with self.platform.database.write() as connection:
                leased = webhooks.lease(connection, self.in_flight, LIMITS)
            self.in_flight.update({delivery.id: webhook for delivery, webhook in leased})
        for delivery, webhook in leased:
            self.pool.submit(self._deliver, delivery, webhook)
        return f"{event_count} events, {len(leased)} deliveries" if event_count or leased else ""

    def add_signed_url(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        """Replace the payload's store key by a presigned URL, valid for LINK_EXPIRES_S."""
        if data.get("outputs"):
            data = {**data, "outputs": [self._sign_key(output, "url") for output in data["outputs"]]}
        return self._sign_key(data, URL_FIELDS.get(event, "outputUrl"))

    def _sign_key(self, data: dict[str, Any], field: str) -> dict[str, Any]:
        """Replace `object_key` by the presigned URL in `field`."""
        key = data.get("object_key")
        if not key:
            return data
        content_type = mimetypes.guess_type(key)[0]
        url = self.platform.store.presign_get(key, LINK_EXPIRES_S, content_type=content_type)
        return {field if name == "object_key" else name: url if name == "object_key" else data[name] for name in data}

    def _deliver(self, delivery: webhooks.Delivery, webhook: webhooks.Webhook) -> None:
        try:
            attempt = self.post(delivery, webhook)
            with self.platform.database.write() as connection:
                webhooks.record_attempt(connection, delivery.id, attempt)
        finally:
            with self.lock:
                del self.in_flight[delivery.id]

    def post(self, delivery: webhooks.Delivery, webhook: webhooks.Webhook) -> webhooks.DeliveryAttempt:
        """Send one POST within TIMEOUT_S. Every failure of the receiver becomes part of the attempt; none is raised."""
        sent_at = now()
        headers = webhooks.build_headers(self.cipher, delivery, webhook, sent_at)
        log: dict[str, Any] = {"at": sent_at.isoformat(), "request_headers": headers}
        started_s = time.monotonic()
        status, error, retry_after_s, is_timeout = None, None, None, False
        try:
            self.outbound.check_url(webhook.url)
            with (
                self.outbound.open_client(TIMEOUT_S) as client,
                client.stream("POST", webhook.url, content=delivery.body.encode(), headers=headers) as response,
            ):
                status = response.status_code
                retry_after_s = _parse_retry_after(response.headers.get("retry-after"))
                log["response_headers"] = dict(list(response.headers.items())[:30])
                log["response_head"] = _read_head(response)
        except AddressRefusedError as refusal:
            error = str(refusal)
        except httpx.TimeoutException:
            error, is_timeout = f"No response within {TIMEOUT_S:.0f} s.", True
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = f"{type(failure).__name__}: {failure}"[:300]
        log |= {"status": status, "error": error, "ms": round((time.monotonic() - started_s) * 1000)}
        return webhooks.DeliveryAttempt(sent_at, status, error, retry_after_s, log, is_timeout)


def _read_head(response: httpx.Response) -> str:
    """The first MAX_RESPONSE_BYTES of the body; the rest is not read."""
    head = b""
    for block in response.iter_raw(MAX_RESPONSE_BYTES):
        head += block
        if len(head) >= MAX_RESPONSE_BYTES:
            break
    return head[:MAX_RESPONSE_BYTES].decode("utf-8", "replace")


def _parse_retry_after(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110: a number of seconds or a date); None where it is invalid."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now()).total_seconds())
    except (ValueError, TypeError):
        return None
