"""Server-sent events: one task per process reads the outbox and distributes its events to all open streams.

A message is a JSON object with an `id:` and no event name. A client that cannot keep up is disconnected; it reconnects
with `Last-Event-ID` and misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any, TypeVar

import msgspec
import structlog
from litestar.concurrency import sync_to_thread
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Gauge

from api.disconnects import wait_for_disconnect
from resources import outbox
from resources.caps import OpenCounts
from resources.platform import Platform

T = TypeVar("T")
log = structlog.get_logger("carmic.api")

POLL_INTERVAL_S = 0.1  # between two reads of the outbox
HEARTBEAT_INTERVAL_S = 10.0  # between two comments on an idle stream
SEND_TIMEOUT_S = 10.0  # for one message to a client
ACCESS_CHECK_INTERVAL_S = 20.0  # between two checks of the client's permission
MAX_QUEUED_MESSAGES = 256  # a client with more unsent messages is disconnected
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

NumberedData = tuple[int, dict[str, Any]]  # the outbox id of an event and its data


class Subscription:
    """The message queue of one stream.

    `None` in the queue ends the stream: the server stops, or the client is too slow.
    """

    def __init__(self) -> None:
        self.queue: asyncio.Queue[NumberedData | None] = asyncio.Queue(MAX_QUEUED_MESSAGES + 1)
        self.dropped = False

    def offer(self, message: NumberedData | None) -> None:
        """Queue a message, or end the stream if the queue is full."""
        if message is not None and self.queue.qsize() >= MAX_QUEUED_MESSAGES:
            self.dropped, message = True, None
        with contextlib.suppress(asyncio.QueueFull):
            self.queue.put_nowait(message)


class OutboxTail:
    """Reads new events from the outbox while there are subscriptions."""

    def __init__(self, platform: Platform, registry: CollectorRegistry) -> None:
        self.platform = platform
        self.subscriptions: dict[str, set[Subscription]] = {}
        self.open_counts = OpenCounts()
        self.last_id = 0
        self.stopped = False
        self._has_subscriptions = asyncio.Event()
        self._is_positioned = asyncio.Event()  # `last_id` is known: later events reach the subscriptions
        gauge = Gauge("carmic_sse_clients", "Open streams.", registry=registry)
        gauge.set_function(lambda: sum(len(members) for members in self.subscriptions.values()))

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Read the outbox while the app runs."""
        self.stopped, self._has_subscriptions, self._is_positioned = False, asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(self._run())
        restore = _on_shutdown_signal(asyncio.get_running_loop(), self.stop)
        try:
            yield
        finally:
            restore()
            self.stop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def stop(self) -> None:
        """End all streams, because an open stream prevents the server from shutting down."""
        self.stopped = True
        for subscription in [s for members in self.subscriptions.values() for s in members]:
            subscription.offer(None)

    @contextlib.asynccontextmanager
    async def subscribe(self, subject: str) -> AsyncIterator[Subscription]:
        """Yield a subscription that receives every event committed from now on."""
        subscription = Subscription()
        self.subscriptions.setdefault(subject, set()).add(subscription)
        self._has_subscriptions.set()
        try:
            await self._is_positioned.wait()
            yield subscription
        finally:
            self.subscriptions[subject].discard(subscription)
            if not self.subscriptions[subject]:
                del self.subscriptions[subject]

    async def _run(self) -> None:
        while True:
            await self._has_subscriptions.wait()
            # Start at the newest event: a stream reads earlier ones from the database itself.
            self.last_id = await self._query(self._get_newest_id, self.last_id)
            self._is_positioned.set()
            while self.subscriptions:
                events: list[outbox.Event] = await self._query(self._list_new_events, [])
                for event in events:
                    self.last_id = event.id
                    for subscription in self.subscriptions.get(event.subject, ()):
                        subscription.offer((event.id, event.data))
                await asyncio.sleep(POLL_INTERVAL_S)
            self._has_subscriptions.clear()
            self._is_positioned.clear()

    async def _query(self, query: Callable[[], T], default: T) -> T:
        """Run a query; log an error and return the default, so that a database failure does not end the task."""
        try:
            return await sync_to_thread(query)
        except Exception:
            log.exception("tail")
            await asyncio.sleep(1)
            return default

    def _get_newest_id(self) -> int:
        with self.platform.database.read() as connection:
            return outbox.get_newest_id(connection)

    def _list_new_events(self) -> list[outbox.Event]:
        with self.platform.database.read() as connection:
            return outbox.list_after(connection, self.last_id)


class StreamStart(msgspec.Struct):
    """The first messages of a new stream, and whether the stream ends after them."""

    messages: list[NumberedData]
    ended: bool


class EventStream:
    """An ASGI response that sends `open_stream()`'s messages, then those of the subscription.

    Args:
        tail: the task that reads the outbox.
        subject: the subject of the events, such as `project:<id>`.
        open_stream: reads the first messages. It runs after the subscription begins, so that no event is missed.
        is_final: tells whether an event's data ends the stream.
        is_allowed: tells whether the client may still read the stream. It runs in a thread.
        enrich_final: adds fields to the last message. It runs in a thread.
        enrich: adds to every message that the stream receives.
    """

    def __init__(
        self,
        tail: OutboxTail,
        subject: str,
        open_stream: Callable[[], StreamStart],
        is_final: Callable[[dict[str, Any]], bool],
        is_allowed: Callable[[], bool],
        enrich_final: Callable[[NumberedData], NumberedData] = lambda message: message,
        enrich: Callable[[NumberedData], NumberedData] = lambda message: message,
    ) -> None:
        self.tail = tail
        self.subject = subject
        self.open_stream = open_stream
        self.is_final = is_final
        self.is_allowed = is_allowed
        self.enrich_final = enrich_final
        self.enrich = enrich

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the stream ends or the client disconnects."""
        streaming = asyncio.create_task(self._run_stream(send))
        disconnect = asyncio.create_task(wait_for_disconnect(receive))
        try:
            await asyncio.wait({streaming, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (streaming, disconnect):
                task.cancel()
            results = await asyncio.gather(streaming, disconnect, return_exceptions=True)
        error = results[0]
        if isinstance(error, Exception) and not isinstance(error, TimeoutError | OSError):
            raise error

    async def _run_stream(self, send: Send) -> None:
        async with self.tail.subscribe(self.subject) as subscription:
            start = await sync_to_thread(self.open_stream)
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            sent_id = 0
            for message in start.messages:
                await _send_text(send, _format_message(message))
                sent_id = message[0]
            if not start.ended:
                await self._follow(subscription, sent_id, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, subscription: Subscription, sent_id: int, send: Send) -> None:
        """Send the subscription's messages after `sent_id` until the stream ends."""
        loop = asyncio.get_running_loop()
        checked_at = loop.time()
        while not self.tail.stopped:
            if loop.time() - checked_at > ACCESS_CHECK_INTERVAL_S:
                checked_at = loop.time()
                if not await sync_to_thread(self.is_allowed):
                    return
            try:
                message = await asyncio.wait_for(subscription.queue.get(), HEARTBEAT_INTERVAL_S)
            except TimeoutError:
                await _send_text(send, b": still here\n\n")
                continue
            if message is None:
                return
            if message[0] <= sent_id:
                continue
            is_last = self.is_final(message[1])
            if is_last:
                message = await sync_to_thread(self.enrich_final, message)
            await _send_text(send, _format_message(self.enrich(message)))
            sent_id = message[0]
            if is_last:
                return


def count_stream(tail: OutboxTail, workspace_id: str, stream: EventStream) -> ASGIApp:
    """Return a response that counts the stream as one of the workspace's open streams.

    Raises (when the response is called):
        CapReachedError: the workspace has the maximum number of open streams.
    """

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        with tail.open_counts.hold("open streams", workspace_id):
            await stream(scope, receive, send)

    return counted


async def _send_text(send: Send, text: bytes) -> None:
    await asyncio.wait_for(send({"type": "http.response.body", "body": text, "more_body": True}), SEND_TIMEOUT_S)


def _format_message(message: NumberedData) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (message[0], msgspec.json.encode(message[1]))


def _on_shutdown_signal(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Callable[[], None]:
    """Call `callback` on SIGTERM and SIGINT, before the server's own handlers. Returns a function that undoes this.

    The server waits for open streams before it ends the app's lifespan, so the lifespan is too late to end them.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    previous_handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        previous_handlers[signal.Signals(number)](number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)
        if callable(previous):
            previous_handlers[number] = previous
            signal.signal(number, handle)

    def restore() -> None:
        for number, previous in previous_handlers.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, previous)

    return restore
