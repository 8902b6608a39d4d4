"""Live streams (SSE): one tail of the outbox per process, fanned out to however many clients listen.

A message is a JSON object with `id:` and no event name. A reader that cannot keep up is dropped, not waited for: it
comes back with `Last-Event-ID` and misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import structlog
from litestar.concurrency import sync_to_thread
from litestar.types import Receive, Scope, Send
from prometheus_client import CollectorRegistry, Gauge

from resources import outbox
from resources.platform import Platform

log = structlog.get_logger("carmic.api")

POLL_S = 0.1
HEARTBEAT_S = 10.0
SEND_TIMEOUT_S = 10.0
LOOK_S = 20.0  # how often a stream asks whether its reader may still listen
QUEUE = 256  # messages a reader may be behind
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

Message = tuple[int, dict[str, Any]]


class Subscription:
    """One reader's queue. `None` in it means: the server is going away, or the reader was too slow."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue(QUEUE + 1)
        self.dropped = False

    def offer(self, message: Message | None) -> None:
        if message is not None and self.queue.qsize() >= QUEUE:
            self.dropped, message = True, None
        with contextlib.suppress(asyncio.QueueFull):
            self.queue.put_nowait(message)


class Tail:
    """Reads the outbox while somebody listens. `running` is the app's lifespan."""

    def __init__(self, platform: Platform, registry: CollectorRegistry):
        self.platform = platform
        self.readers: dict[str, set[Subscription]] = {}
        self.last_id = 0
        self.stopped = False
        self._wake = asyncio.Event()
        self._placed = asyncio.Event()  # `last_id` is known: what comes from now on reaches the readers
        gauge = Gauge("carmic_sse_clients", "Open streams.", registry=registry)
        gauge.set_function(lambda: sum(len(found) for found in self.readers.values()))

    @contextlib.asynccontextmanager
    async def running(self, app: object) -> Any:
        self.stopped, self._wake, self._placed = False, asyncio.Event(), asyncio.Event()
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
        """End all streams: an open stream would keep the server from shutting down."""
        self.stopped = True
        for subscription in [s for found in self.readers.values() for s in found]:
            subscription.offer(None)

    @contextlib.asynccontextmanager
    async def subscribed(self, subject: str) -> AsyncIterator[Subscription]:
        """What is committed after this was entered reaches the subscription."""
        subscription = Subscription()
        self.readers.setdefault(subject, set()).add(subscription)
        self._wake.set()
        try:
            await self._placed.wait()
            yield subscription
        finally:
            self.readers[subject].discard(subscription)
            if not self.readers[subject]:
                del self.readers[subject]

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            # From here on, not from the beginning: a reader gets what lies before from its own look at the database.
            self.last_id = await self._quietly(self._newest, self.last_id)
            self._placed.set()
            while self.readers:
                for event in await self._quietly(self._more, []):
                    self.last_id = event.id
                    for subscription in self.readers.get(event.subject, ()):
                        subscription.offer((event.id, event.data))
                await asyncio.sleep(POLL_S)
            self._wake.clear()
            self._placed.clear()

    async def _quietly(self, look: Callable[[], Any], otherwise: Any) -> Any:
        """A database that does not answer for a moment must not end the tail."""
        try:
            return await sync_to_thread(look)
        except Exception as error:
            log.error("tail", exc_info=error)
            await asyncio.sleep(1)
            return otherwise

    def _newest(self) -> int:
        with self.platform.database.read() as connection:
            return outbox.newest_id(connection)

    def _more(self) -> list[outbox.Event]:
        with self.platform.database.read() as connection:
            return outbox.after(connection, self.last_id)


class Opening(msgspec.Struct):
    """What a new stream starts with: messages already due, and whether the subject has ended."""

    messages: list[Message]
    ended: bool


class EventStream:
    """An answer that sends `opening` (made after subscribing, so that nothing falls between), then what comes."""

    def __init__(
        self,
        tail: Tail,
        subject: str,
        opening: Callable[[], Opening],
        ends: Callable[[dict[str, Any]], bool],
        allowed: Callable[[], bool],
        last_words: Callable[[Message], Message] = lambda message: message,
    ):
        self.tail = tail
        self.subject = subject
        self.opening = opening
        self.ends = ends
        self.allowed = allowed  # whether who opened the stream may still read it; asked in a thread
        self.last_words = last_words  # what the final message says besides, made in a thread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reading = asyncio.create_task(self._stream(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, leaving):
                task.cancel()
            done = await asyncio.gather(reading, leaving, return_exceptions=True)
        error = done[0]
        if isinstance(error, Exception) and not isinstance(error, TimeoutError | OSError):
            raise error

    async def _stream(self, send: Send) -> None:
        async with self.tail.subscribed(self.subject) as subscription:
            opening = await sync_to_thread(self.opening)
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            sent = 0
            for message in opening.messages:
                await _say(send, _line(message))
                sent = message[0]
            looked = asyncio.get_running_loop().time()
            while not opening.ended and not self.tail.stopped:
                if asyncio.get_running_loop().time() - looked > LOOK_S:
                    looked = asyncio.get_running_loop().time()
                    if not await sync_to_thread(self.allowed):
                        break
                try:
                    message_now = await asyncio.wait_for(subscription.queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    await _say(send, b": still here\n\n")
                    continue
                if message_now is None:
                    break
                if message_now[0] <= sent:
                    continue
                last = self.ends(message_now[1])
                if last:
                    message_now = await sync_to_thread(self.last_words, message_now)
                await _say(send, _line(message_now))
                sent = message_now[0]
                if last:
                    break
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _say(send: Send, text: bytes) -> None:
    await asyncio.wait_for(send({"type": "http.response.body", "body": text, "more_body": True}), SEND_TIMEOUT_S)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(message: Message) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (message[0], msgspec.json.encode(message[1]))


def _on_shutdown_signal(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> Callable[[], None]:
    """Call `act` when the process is told to stop, before the server's own handler; returns what undoes it.

    The server waits for open streams before it ends the app's lifespan, so the lifespan is too late to end them.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before: dict[signal.Signals, Any] = {}

    def handle(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(act)
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)
        if callable(previous):
            before[number] = previous
            signal.signal(number, handle)

    def restore() -> None:
        for number, previous in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, previous)

    return restore
