"""Webhook delivery: signed, once per event, retried, and independent of what other receivers do."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook as Verifier

from resources import accounts, mail, outbox, webhooks
from resources.database.engine import now
from resources.database.tables import deliveries
from resources.database.tables import webhooks as webhook_table
from resources.outbox import WEBHOOK_EVENTS
from resources.platform import Platform, open_platform
from resources.signing_keys import Cipher
from sensors import webhook_delivery
from sensors.webhook_delivery import WebhookDeliverer


class Handler(http.server.BaseHTTPRequestHandler):
    """Responds with the status or the fault that the path names."""

    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.receiver.requests.append((self.path, dict(self.headers.items()), body))
        behaviour = self.path.strip("/").partition("?")[0]
        if behaviour == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
        elif behaviour == "drip":
            for byte in b"HTTP/1.1 200 OK\r\n":
                self.wfile.write(bytes([byte]))
                self.receiver.closing.wait(0.3)
        else:
            self.receiver.closing.wait({"hang": 5, "late": 1.5}.get(behaviour, 0))
            self.respond(int(behaviour) if behaviour.isdigit() else 200)
            if behaviour == "flood":
                self.send_gigabytes()

    def respond(self, status: int) -> None:
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "/elsewhere")
        if status == 429:
            self.send_header("Retry-After", "900")
        self.end_headers()

    def send_gigabytes(self) -> None:
        with contextlib.suppress(OSError):
            for _ in range(2000):
                self.wfile.write(b"x" * 1_000_000)

    def log_message(self, *_: object) -> None:
        return


class ReceiverServer(http.server.ThreadingHTTPServer):
    # The default backlog of 5 would refuse simultaneous connections, which would look like a slow receiver
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        return  # the client closed the connection


class Receiver:
    """An HTTP server whose response the test chooses by path; records the requests as (path, headers, body)."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.closing = threading.Event()  # ends the waits of slow responses
        self.server = ReceiverServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"receiver": self}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.closing.set()
    receiver.server.shutdown()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = open_platform({"CARMIC_HOME": str(tmp_path), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"})
    yield platform
    platform.database.close()


@pytest.fixture
def workspace(platform: Platform) -> str:
    with platform.database.write() as connection:
        return accounts.register(connection, "owner@example.com", "hash")[1]


def open_cipher(platform: Platform) -> Cipher:
    return Cipher(platform.settings, webhooks.CIPHER_PURPOSE)


def unseal_secret(platform: Platform, webhook: webhooks.Webhook) -> str:
    return webhooks.unseal_secret(open_cipher(platform), webhook.secret)


def subscribe(platform: Platform, workspace: str, url: str, events: list[str] | None = None) -> webhooks.Webhook:
    with platform.database.write() as connection:
        return webhooks.create(connection, open_cipher(platform), workspace, url, events or WEBHOOK_EVENTS)


def record_event(platform: Platform, workspace: str, event: str = "project.clips_ready", **data: object) -> None:
    with platform.database.write() as connection:
        outbox.record(connection, workspace, "project:1", event, {"id": "1", **data})


def list_deliveries(platform: Platform, webhook: webhooks.Webhook) -> list[webhooks.Delivery]:
    with platform.database.read() as connection:
        return webhooks.list_deliveries(connection, webhook.id, 100, 0)[0]


def wait_until(condition: Callable[[], bool], timeout_s: float = 8) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(0.05)


def test_an_event_is_delivered_once_signed_and_only_to_its_subscribers(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    subscribed = subscribe(platform, workspace, receiver.base + "/ok", ["project.clips_ready"])
    subscribe(platform, workspace, receiver.base + "/other", ["export.completed"])
    record_event(platform, workspace)
    record_event(platform, workspace, "project.progress")  # an event for streams only
    deliverer = WebhookDeliverer(platform)
    deliverer.tick()
    wait_until(lambda: any(d.state == "DELIVERED" for d in list_deliveries(platform, subscribed)))
    record_event(platform, workspace, number=2)
    deliverer.tick()
    wait_until(lambda: len([d for d in list_deliveries(platform, subscribed) if d.state == "DELIVERED"]) == 2)
    assert [path for path, _, _ in receiver.requests] == ["/ok", "/ok"], "the first event is not sent a second time"
    _, headers, body = receiver.requests[0]
    payload = Verifier(unseal_secret(platform, subscribed)).verify(
        body, {name.lower(): value for name, value in headers.items()}
    )
    assert payload["event"] == "project.clips_ready" and payload["data"] == {"id": "1"}
    assert payload["timestamp"].endswith("Z")


def test_signed_urls_carry_the_content_type(platform: Platform) -> None:
    """Without it a browser saves the file and does not play it."""
    data = WebhookDeliverer(platform).add_signed_url(
        "clip.rendered", {"clip_id": "1", "object_key": "workspaces/w/clip.mp4"}
    )
    assert "object_key" not in data and "type=video%2Fmp4" in data["video_url"]


def test_an_event_during_polling_is_delivered_at_once(
    platform: Platform, workspace: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/ok")
    deliverer = WebhookDeliverer(platform)
    tick, ticked = deliverer.tick, threading.Event()
    monkeypatch.setattr(deliverer, "tick", lambda: (tick(), ticked.set())[0])
    polling = threading.Thread(target=deliverer.poll, args=(6.0,))
    polling.start()
    assert ticked.wait(5)
    record_event(platform, workspace)
    wait_until(lambda: any(d.state == "DELIVERED" for d in list_deliveries(platform, webhook)), 4)
    assert polling.is_alive()
    polling.join()


def test_after_a_rotation_the_old_and_the_new_secret_verify(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    before = subscribe(platform, workspace, receiver.base + "/ok")
    with platform.database.write() as connection:
        after = webhooks.rotate(connection, open_cipher(platform), before.id)
    assert after is not None and after.secret != before.secret
    record_event(platform, workspace)
    WebhookDeliverer(platform).tick()
    wait_until(lambda: bool(receiver.requests))
    _, headers, body = receiver.requests[0]
    assert "whsec_" not in before.secret + after.secret  # a copy of the database signs nothing
    for secret in (unseal_secret(platform, before), unseal_secret(platform, after)):
        Verifier(secret).verify(body, {name.lower(): value for name, value in headers.items()})


def test_a_slow_receiver_delays_no_other(
    platform: Platform, workspace: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "TIMEOUT_S", 1.0)
    slow = [subscribe(platform, workspace, f"{receiver.base}/{mode}") for mode in ("hang", "drip", "hang")]
    quick = subscribe(platform, workspace, receiver.base + "/ok")
    for number in range(6):
        record_event(platform, workspace, number=number)
    deliverer = WebhookDeliverer(platform)

    def are_all_delivered() -> bool:
        deliverer.tick()
        return sum(d.state == "DELIVERED" for d in list_deliveries(platform, quick)) == 6

    wait_until(are_all_delivered, 10)
    wait_until(lambda: all(any(d.attempts for d in list_deliveries(platform, w)) for w in slow))
    tried = [d for w in slow for d in list_deliveries(platform, w) if d.attempts]
    assert all(d.state == "DUE" and "within" in d.log[-1]["error"] for d in tried)


def test_forty_slow_receivers_of_one_workspace_do_not_delay_another(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    """The attempts of the slow receivers must not occupy all threads."""
    with platform.database.write() as connection:
        other = accounts.register(connection, "other@example.com", "hash")[1]
    for number in range(40):
        subscribe(platform, workspace, f"{receiver.base}/hang?{number}")
    quick = subscribe(platform, other, receiver.base + "/ok")
    for number in range(6):
        record_event(platform, workspace, number=number)
    deliverer = WebhookDeliverer(platform)
    while deliverer.tick():
        pass
    # A workspace holds at most as many slots as it leaves free
    assert len(deliverer.in_flight) == webhook_delivery.LIMITS.total / 2
    record_event(platform, other)
    deliverer.tick()
    wait_until(lambda: any(d.state == "DELIVERED" for d in list_deliveries(platform, quick)), 1.5)


def test_workspaces_share_the_slots_that_become_free(platform: Platform) -> None:
    limits = webhooks.LeaseLimits(total=16, per_webhook=4)
    in_flight: dict[str, webhooks.Webhook] = {}
    workspaces: list[str] = []
    for number in range(8):
        with platform.database.write() as connection:
            workspaces.append(accounts.register(connection, f"owner{number}@example.com", "hash")[1])
        for k in range(3):
            subscribe(platform, workspaces[-1], f"https://example.com/{k}")
        for _ in range(5):
            record_event(platform, workspaces[-1])
        with platform.database.write() as connection:
            webhooks.dispatch(connection, lambda event, data: data)
            leased = webhooks.lease(connection, in_flight, limits)
        in_flight |= {delivery.id: webhook for delivery, webhook in leased}
        if number < 4:  # half of the slots, then half of the remaining ones
            assert {webhook.workspace_id for _, webhook in leased} == {workspaces[number]}
            assert len(leased) == 8 // 2**number
    in_flight = {id_: webhook for id_, webhook in in_flight.items() if webhook.workspace_id != workspaces[0]}
    with platform.database.write() as connection:
        leased = webhooks.lease(connection, in_flight, limits)
    shares = Counter(webhook.workspace_id for _, webhook in leased)
    assert set(workspaces[5:]) <= shares.keys() and max(shares.values()) <= 2


def test_a_receiver_that_times_out_is_paused_and_then_probed(platform: Platform, workspace: str) -> None:
    """Three rounds of timeouts pause it; attempts side by side count as one; a response ends the pause."""
    webhook = subscribe(platform, workspace, "https://example.com/")
    for _ in range(6):
        record_event(platform, workspace)

    def lease() -> list[webhooks.Delivery]:
        with platform.database.write() as connection:
            webhooks.dispatch(connection, lambda event, data: data)
            connection.execute(update(deliveries).values(next_attempt_at=now(), leased_until=None))
            return [delivery for delivery, _ in webhooks.lease(connection, {}, webhook_delivery.LIMITS)]

    def answer(delivery: webhooks.Delivery, started_at: datetime, status: int | None) -> webhooks.Webhook:
        attempt = webhooks.DeliveryAttempt(started_at, status, None, None, {}, is_timeout=status is None)
        with platform.database.write() as connection:
            webhooks.record_attempt(connection, delivery.id, attempt)
            current = webhooks.get(connection, webhook.id)
        assert current is not None
        return current

    for timeouts in (1, 2):
        batch, started_at = lease(), now()
        assert len(batch) == 4
        for delivery in batch:
            assert answer(delivery, started_at, None).timeouts == timeouts
    paused = answer(lease()[0], now(), None)
    assert paused.paused_until is not None and paused.paused_until - now() > timedelta(seconds=25)
    assert lease() == []
    with platform.database.write() as connection:
        connection.execute(update(webhook_table).values(paused_until=now()))
    (probe,) = lease()
    recovered = answer(probe, now(), 500)
    assert (recovered.timeouts, recovered.paused_until) == (0, None) and len(lease()) == 4


def test_a_response_shortly_before_the_time_limit_counts_as_delivered(
    platform: Platform, workspace: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert webhook_delivery.TIMEOUT_S == 10
    monkeypatch.setattr(webhook_delivery, "TIMEOUT_S", 2.5)
    webhook = subscribe(platform, workspace, receiver.base + "/late")
    record_event(platform, workspace)
    WebhookDeliverer(platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].attempts == 1, 15)
    assert list_deliveries(platform, webhook)[0].state == "DELIVERED"


def test_a_long_queue_for_one_receiver_delays_no_other(
    platform: Platform, workspace: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "TIMEOUT_S", 2.0)
    subscribe(platform, workspace, receiver.base + "/hang")
    for number in range(700):
        record_event(platform, workspace, number=number)
    deliverer = WebhookDeliverer(platform)
    while deliverer.tick():
        pass
    quick = subscribe(platform, workspace, receiver.base + "/ok")
    record_event(platform, workspace)
    deliverer.tick()
    wait_until(lambda: any(d.state == "DELIVERED" for d in list_deliveries(platform, quick)), 1.5)


@pytest.mark.parametrize(("behaviour", "status"), [("500", 500), ("301", 301), ("404", 404), ("reset", None)])
def test_a_failed_delivery_is_retried_and_redirects_are_not_followed(
    platform: Platform, workspace: str, receiver: Receiver, behaviour: str, status: int | None
) -> None:
    webhook = subscribe(platform, workspace, f"{receiver.base}/{behaviour}")
    record_event(platform, workspace)
    WebhookDeliverer(platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].attempts == 1)
    (delivery,) = list_deliveries(platform, webhook)
    assert delivery.state == "DUE" and delivery.log[0]["status"] == status
    assert timedelta(seconds=8) < delivery.next_attempt_at - now() < timedelta(seconds=12)
    assert [path for path, _, _ in receiver.requests] == [f"/{behaviour}"]


def test_retry_after_is_honoured_and_the_fourth_failure_is_final(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/429")
    record_event(platform, workspace)
    deliverer = WebhookDeliverer(platform)
    for attempt in range(1, 5):
        deliverer.tick()
        wait_until(lambda attempt=attempt: list_deliveries(platform, webhook)[0].attempts == attempt)
        (delivery,) = list_deliveries(platform, webhook)
        if attempt == 1:
            assert delivery.next_attempt_at - now() > timedelta(seconds=800)
        with platform.database.write() as connection:
            connection.execute(update(deliveries).values(next_attempt_at=now()))
    assert delivery.state == "FAILED"
    bodies = {body for _, _, body in receiver.requests}
    ids = {headers["webhook-id"] for _, headers, _ in receiver.requests}
    assert len(receiver.requests) == 4 and len(bodies) == len(ids) == 1
    with platform.database.write() as connection:
        webhooks.redeliver(connection, delivery.id)
    deliverer.tick()
    wait_until(lambda: len(receiver.requests) == 5)
    assert receiver.requests[-1][1]["webhook-id"] == delivery.id and receiver.requests[-1][2] in bodies


def test_410_disables_the_webhook_and_notifies_the_owner(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/410")
    record_event(platform, workspace)
    WebhookDeliverer(platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].state == "FAILED")
    with platform.database.read() as connection:
        current = webhooks.get(connection, webhook.id)
        messages = mail.list_unsent(connection)
    assert current is not None and not current.enabled and "410" in (current.disabled_reason or "")
    assert [message.recipient for message in messages] == ["owner@example.com"]


def test_days_of_failures_disable_the_webhook(platform: Platform, workspace: str, receiver: Receiver) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/500")
    with platform.database.write() as connection:
        connection.execute(update(webhook_table).values(failing_since=now() - timedelta(days=6)))
    record_event(platform, workspace)
    WebhookDeliverer(platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].attempts == 1)
    with platform.database.read() as connection:
        current = webhooks.get(connection, webhook.id)
    assert current is not None and not current.enabled


def test_a_response_of_gigabytes_is_not_read(platform: Platform, workspace: str, receiver: Receiver) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/flood")
    record_event(platform, workspace)
    WebhookDeliverer(platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].state == "DELIVERED")
    assert len(list_deliveries(platform, webhook)[0].log[0]["response_head"]) <= webhook_delivery.MAX_RESPONSE_BYTES


def test_a_delivery_whose_sender_died_is_sent_when_its_lease_expires(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/ok")
    record_event(platform, workspace)
    with platform.database.write() as connection:
        webhooks.dispatch(connection, lambda event, data: data)
        assert len(webhooks.lease(connection, {}, webhook_delivery.LIMITS)) == 1  # the sender crashes here
        assert webhooks.lease(connection, {}, webhook_delivery.LIMITS) == []
        connection.execute(update(deliveries).values(leased_until=now() - timedelta(seconds=1)))
    WebhookDeliverer(platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].state == "DELIVERED")


def test_a_webhook_to_a_private_address_is_not_sent(platform: Platform, workspace: str, tmp_path: Path) -> None:
    strict_platform = open_platform({"CARMIC_HOME": str(tmp_path)})  # the operator has withdrawn CARMIC_OUTBOUND_ALLOW
    webhook = subscribe(platform, workspace, "http://127.0.0.1:9/hook")
    record_event(platform, workspace)
    WebhookDeliverer(strict_platform).tick()
    wait_until(lambda: list_deliveries(platform, webhook)[0].attempts == 1)
    assert "public internet" in json.dumps(list_deliveries(platform, webhook)[0].log)
    strict_platform.database.close()
