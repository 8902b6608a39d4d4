"""Sends due webhook deliveries from threads that outlive the sensor's tick: one slow receiver delays no other.

Each delivery is leased in the database first: when this process dies, the lease runs out and another takes it.
"""

import mimetypes
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import httpx

from resources import webhooks
from resources.database.engine import now
from resources.outbound import Outbound, Refused
from resources.platform import Platform

THREADS = 128  # they wait, mostly: so many receivers may hang before a quick one has to wait for a thread
EACH = 4  # at once to one receiver
TIMEOUT_S = 10.0
LOOK_S = 0.5
READ_AT_MOST = 4096  # bytes of the answer that are kept for the log


class Deliverer:
    """One per process; `tick` may be called by any thread."""

    def __init__(self, platform: Platform):
        self.platform = platform
        self.outbound = Outbound(platform.settings.outbound_allow)
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self.busy: Counter[str] = Counter()
        self.lock = Lock()

    def watch(self, for_s: float) -> str:
        """Tick every LOOK_S for `for_s` seconds, so that an event need not wait for the daemon's next round."""
        end = time.monotonic() + for_s
        said = [self.tick()]
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            said.append(self.tick())
        return "; ".join(filter(None, said))

    def tick(self) -> str:
        """Make deliveries of new events, take what is due, and go; says what it took."""
        with self.platform.database.read() as connection:
            idle = not webhooks.anything_due(connection)
        if idle:
            return ""
        with self.platform.database.write() as connection:
            seen = webhooks.dispatch(connection, self.enrich)
        with self.lock:
            free = THREADS - sum(self.busy.values())
            with self.platform.database.write() as connection:
                taken = webhooks.lease(connection, free, dict(self.busy), EACH) if free > 0 else []
            self.busy.update(webhook.id for _, webhook in taken)
        for delivery, webhook in taken:
            self.pool.submit(self._deliver, delivery, webhook)
        return f"{seen} events, {len(taken)} deliveries" if seen or taken else ""

    def enrich(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        """Signed addresses of what was made, valid for a day."""
        key = data.get("object_key")
        if not key:
            return data
        kind = mimetypes.guess_type(key)[0]
        url = self.platform.store.presign_get(key, 24 * 3600, content_type=kind)
        name = {"clip.rendered": "video_url", "export.completed": "download_url"}.get(event, "outputUrl")
        return {**{k: v for k, v in data.items() if k != "object_key"}, name: url}

    def _deliver(self, delivery: webhooks.Delivery, webhook: webhooks.Webhook) -> None:
        try:
            attempt = self.post(delivery, webhook)
            with self.platform.database.write() as connection:
                webhooks.settle(connection, delivery.id, attempt)
        finally:
            with self.lock:
                self.busy[webhook.id] -= 1
                self.busy += Counter()  # forget those at nought

    def post(self, delivery: webhooks.Delivery, webhook: webhooks.Webhook) -> webhooks.Attempt:
        """One POST within TIMEOUT_S. Never raises for what the receiver does."""
        at = now()
        sent = webhooks.headers(delivery, webhook, at)
        log: dict[str, Any] = {"at": at.isoformat(), "request_headers": sent}
        began = time.monotonic()
        status, error, wait = None, None, None
        try:
            self.outbound.check(webhook.url)
            with (
                self.outbound.client(TIMEOUT_S) as client,
                client.stream("POST", webhook.url, content=delivery.body.encode(), headers=sent) as answer,
            ):
                status = answer.status_code
                wait = _seconds(answer.headers.get("retry-after"))
                log["response_headers"] = dict(list(answer.headers.items())[:30])
                log["response_head"] = _head(answer)
        except Refused as refusal:
            error = str(refusal)
        except httpx.TimeoutException:
            error = f"No answer within {TIMEOUT_S:.0f} s."
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = f"{type(failure).__name__}: {failure}"[:300]
        log |= {"status": status, "error": error, "ms": round((time.monotonic() - began) * 1000)}
        return webhooks.Attempt(status, error, wait, log)


def _head(answer: httpx.Response) -> str:
    """The beginning of the body; the rest is not read."""
    head = b""
    for block in answer.iter_raw(READ_AT_MOST):
        head += block
        if len(head) >= READ_AT_MOST:
            break
    return head[:READ_AT_MOST].decode("utf-8", "replace")


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After as seconds: a number, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - now()).total_seconds())
    except (ValueError, TypeError):
        return None
