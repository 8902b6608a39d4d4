"""Webhooks reach whoever can be reached, signed, once per event, whatever the other receivers do."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook as Verifier

from resources import accounts, mail, outbox, webhooks
from resources.database.engine import now
from resources.database.tables import deliveries
from resources.database.tables import webhooks as webhook_table
from resources.platform import Platform, open_platform
from sensors import webhook_delivery
from sensors.webhook_delivery import Deliverer


class Receiver:
    """An HTTP server whose answer each test chooses by path; keeps what it was sent."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((self.path, dict(self.headers.items()), body))
                answer = self.path.strip("/")
                if answer == "hang":
                    time.sleep(5)
                elif answer == "late":
                    time.sleep(9)
                elif answer == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    self.connection.close()
                    return
                elif answer == "drip":
                    for byte in b"HTTP/1.1 200 OK\r\n":
                        self.wfile.write(bytes([byte]))
                        time.sleep(0.3)
                    return
                status = int(answer) if answer.isdigit() else 200
                self.send_response(status)
                if status == 301:
                    self.send_header("Location", "/elsewhere")
                if status == 429:
                    self.send_header("Retry-After", "900")
                self.end_headers()
                if answer == "flood":
                    try:
                        for _ in range(2000):
                            self.wfile.write(b"x" * 1_000_000)
                    except OSError:
                        return

            def log_message(self, *_: object) -> None:
                return

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # the default of 5 turns away a burst, which would look like a slow receiver

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # receivers that were hung up on
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    opened = open_platform({"CARMIC_HOME": str(tmp_path), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"})
    yield opened
    opened.database.close()


@pytest.fixture
def workspace(platform: Platform) -> str:
    with platform.database.write() as connection:
        return accounts.register(connection, "owner@example.com", "hash")[1]


def subscribe(platform: Platform, workspace: str, url: str, chosen: list[str] | None = None) -> webhooks.Webhook:
    with platform.database.write() as connection:
        return webhooks.create(connection, workspace, url, chosen or [])


def happen(platform: Platform, workspace: str, event: str = "project.clips_ready", **data: object) -> None:
    with platform.database.write() as connection:
        outbox.record(connection, workspace, "project:1", event, {"id": "1", **data})


def delivered(platform: Platform, webhook: webhooks.Webhook) -> list[webhooks.Delivery]:
    with platform.database.read() as connection:
        return webhooks.listing(connection, webhook.id, 100, 0)[0]


def until(condition: Callable[[], bool], within_s: float = 8) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_an_event_arrives_once_signed_by_the_standard_and_only_where_it_was_asked_for(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    wanted = subscribe(platform, workspace, receiver.base + "/ok", ["project.clips_ready"])
    subscribe(platform, workspace, receiver.base + "/other", ["export.completed"])
    happen(platform, workspace)
    happen(platform, workspace, "project.progress")  # for streams alone
    deliverer = Deliverer(platform)
    deliverer.tick()
    until(lambda: any(d.state == "DELIVERED" for d in delivered(platform, wanted)))
    deliverer.tick()
    time.sleep(0.2)
    ((path, headers, body),) = receiver.got
    assert path == "/ok"
    told = Verifier(wanted.secret).verify(body, {name.lower(): value for name, value in headers.items()})
    assert told["event"] == "project.clips_ready" and told["data"] == {"id": "1"}
    assert told["timestamp"].endswith("Z")


def test_what_was_made_is_linked_as_what_it_is(platform: Platform) -> None:
    """It was served as bytes of no kind, which a browser saves and does not play."""
    told = Deliverer(platform).enrich("clip.rendered", {"clip_id": "1", "object_key": "workspaces/w/clip.mp4"})
    assert "object_key" not in told and "type=video%2Fmp4" in told["video_url"]


def test_what_happens_while_the_sensor_watches_is_sent_at_once(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/ok")
    watching = threading.Thread(target=Deliverer(platform).watch, args=(6.0,))
    watching.start()
    time.sleep(0.2)
    happen(platform, workspace)
    until(lambda: any(d.state == "DELIVERED" for d in delivered(platform, webhook)), 4)
    assert watching.is_alive()
    watching.join()


def test_a_rotated_secret_verifies_with_the_old_one_beside_it(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    before = subscribe(platform, workspace, receiver.base + "/ok")
    with platform.database.write() as connection:
        after = webhooks.rotate(connection, before.id)
    assert after is not None and after.secret != before.secret
    happen(platform, workspace)
    Deliverer(platform).tick()
    until(lambda: bool(receiver.got))
    _, headers, body = receiver.got[0]
    for secret in (before.secret, after.secret):
        Verifier(secret).verify(body, {name.lower(): value for name, value in headers.items()})


def test_a_slow_receiver_delays_no_other(
    platform: Platform, workspace: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "TIMEOUT_S", 1.0)
    slow = [subscribe(platform, workspace, f"{receiver.base}/{how}") for how in ("hang", "drip", "hang")]
    quick = subscribe(platform, workspace, receiver.base + "/ok")
    for number in range(6):
        happen(platform, workspace, number=number)
    deliverer = Deliverer(platform)
    began = time.monotonic()
    while sum(d.state == "DELIVERED" for d in delivered(platform, quick)) < 6:
        deliverer.tick()
        time.sleep(0.05)
        assert time.monotonic() - began < 10
    until(lambda: all(any(d.attempts for d in delivered(platform, w)) for w in slow))
    tried = [d for w in slow for d in delivered(platform, w) if d.attempts]
    assert all(d.state == "DUE" and "within" in d.log[-1]["error"] for d in tried)


def test_an_answer_after_nine_seconds_is_a_delivery(platform: Platform, workspace: str, receiver: Receiver) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/late")
    happen(platform, workspace)
    Deliverer(platform).tick()
    until(lambda: delivered(platform, webhook)[0].attempts == 1, 15)
    assert delivered(platform, webhook)[0].state == "DELIVERED"


def test_a_long_queue_for_one_receiver_hides_no_other(
    platform: Platform, workspace: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "TIMEOUT_S", 2.0)
    subscribe(platform, workspace, receiver.base + "/hang")
    for number in range(700):
        happen(platform, workspace, number=number)
    deliverer = Deliverer(platform)
    while deliverer.tick():
        pass
    quick = subscribe(platform, workspace, receiver.base + "/ok")
    happen(platform, workspace)
    deliverer.tick()
    until(lambda: any(d.state == "DELIVERED" for d in delivered(platform, quick)), 1.5)


@pytest.mark.parametrize(("answer", "status"), [("500", 500), ("301", 301), ("404", 404), ("reset", None)])
def test_a_refusal_is_tried_again_and_no_redirect_is_followed(
    platform: Platform, workspace: str, receiver: Receiver, answer: str, status: int | None
) -> None:
    webhook = subscribe(platform, workspace, f"{receiver.base}/{answer}")
    happen(platform, workspace)
    Deliverer(platform).tick()
    until(lambda: delivered(platform, webhook)[0].attempts == 1)
    (found,) = delivered(platform, webhook)
    assert found.state == "DUE" and found.log[0]["status"] == status
    assert timedelta(seconds=8) < found.next_attempt_at - now() < timedelta(seconds=12)
    assert [path for path, _, _ in receiver.got] == [f"/{answer}"]


def test_retry_after_is_honoured_and_after_the_fourth_failure_it_is_over(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/429")
    happen(platform, workspace)
    deliverer = Deliverer(platform)
    for attempt in range(1, 5):
        deliverer.tick()
        until(lambda attempt=attempt: delivered(platform, webhook)[0].attempts == attempt)
        (found,) = delivered(platform, webhook)
        if attempt == 1:
            assert found.next_attempt_at - now() > timedelta(seconds=800)
        with platform.database.write() as connection:
            connection.execute(update(deliveries).values(next_attempt_at=now()))
    assert found.state == "FAILED"
    bodies = {body for _, _, body in receiver.got}
    ids = {headers["webhook-id"] for _, headers, _ in receiver.got}
    assert len(receiver.got) == 4 and len(bodies) == len(ids) == 1
    with platform.database.write() as connection:
        webhooks.redeliver(connection, found.id)
    deliverer.tick()
    until(lambda: len(receiver.got) == 5)
    assert receiver.got[-1][1]["webhook-id"] == found.id and receiver.got[-1][2] in bodies


def test_gone_switches_the_subscription_off_and_the_owner_is_told(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/410")
    happen(platform, workspace)
    Deliverer(platform).tick()
    until(lambda: delivered(platform, webhook)[0].state == "FAILED")
    with platform.database.read() as connection:
        found = webhooks.get(connection, webhook.id)
        letters = mail.outbox(connection)
    assert found is not None and not found.enabled and "410" in (found.disabled_reason or "")
    assert [letter.recipient for letter in letters] == ["owner@example.com"]


def test_days_of_nothing_but_failure_switch_it_off_too(platform: Platform, workspace: str, receiver: Receiver) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/500")
    with platform.database.write() as connection:
        connection.execute(update(webhook_table).values(failing_since=now() - timedelta(days=6)))
    happen(platform, workspace)
    Deliverer(platform).tick()
    until(lambda: delivered(platform, webhook)[0].attempts == 1)
    with platform.database.read() as connection:
        found = webhooks.get(connection, webhook.id)
    assert found is not None and not found.enabled


def test_gigabytes_of_answer_are_not_read(platform: Platform, workspace: str, receiver: Receiver) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/flood")
    happen(platform, workspace)
    Deliverer(platform).tick()
    until(lambda: delivered(platform, webhook)[0].state == "DELIVERED")
    assert len(delivered(platform, webhook)[0].log[0]["response_head"]) <= webhook_delivery.READ_AT_MOST


def test_a_delivery_whose_sender_died_is_taken_by_another_when_its_lease_ends(
    platform: Platform, workspace: str, receiver: Receiver
) -> None:
    webhook = subscribe(platform, workspace, receiver.base + "/ok")
    happen(platform, workspace)
    with platform.database.write() as connection:
        webhooks.dispatch(connection, lambda event, data: data)
        assert len(webhooks.lease(connection, 10, {}, 4)) == 1  # and here it dies
        assert webhooks.lease(connection, 10, {}, 4) == []
        connection.execute(update(deliveries).values(leased_until=now() - timedelta(seconds=1)))
    Deliverer(platform).tick()
    until(lambda: delivered(platform, webhook)[0].state == "DELIVERED")


def test_an_address_that_turned_inside_is_not_posted_to(platform: Platform, workspace: str, tmp_path: Path) -> None:
    strict = open_platform({"CARMIC_HOME": str(tmp_path)})  # the operator took the permission back
    webhook = subscribe(platform, workspace, "http://127.0.0.1:9/hook")
    happen(platform, workspace)
    Deliverer(strict).tick()
    until(lambda: delivered(platform, webhook)[0].attempts == 1)
    assert "public internet" in json.dumps(delivered(platform, webhook)[0].log)
    strict.database.close()
