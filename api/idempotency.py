"""`Idempotency-Key`: a POST route with `idempotent=True` has one effect per key within 24 hours.

A handler stores its response in the transaction of its effect, by `record_response`. The middleware stores the
responses of all other handlers. Stored responses are encrypted, because some contain a secret that is shown once. Error
responses are not stored, so that a request can be repeated with the same key.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import IO, Any, TypeVar

from cryptography.fernet import MultiFernet
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.serialization import encode_json
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from multipart import parse_options_header
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from api.access import Caller
from api.errors import ApiError
from resources import idempotency_keys
from resources.idempotency_keys import ClaimLostError, KeyClaim, StoredResponse
from resources.platform import Platform
from resources.signing_keys import open_fernet

T = TypeVar("T")

WAIT_S = 30.0  # maximum wait for a concurrent request with the same key
POLL_INTERVAL_S = 0.05  # while waiting for a concurrent request
RENEWAL_INTERVAL_S = 15.0  # a quarter of `idempotency_keys.CLAIM_DURATION`
STORED_HEADERS = ("content-type", "location", "etag")
MAX_BODY_BYTES = 10 * 1024 * 1024  # of a request with an `Idempotency-Key`, plus the upload limit for a form
SPOOL_BYTES = 1024 * 1024  # a longer body is kept in a temporary file


class _Recorder:
    """Stores the response of one request."""

    def __init__(self, claim: KeyClaim, cipher: MultiFernet, status: int) -> None:
        self.claim = claim
        self.cipher = cipher
        self.status = status
        self.is_recorded = False

    def record(self, connection: Connection, content: object) -> None:
        body = self.cipher.encrypt(encode_json(content)).decode()
        headers = {"content-type": "application/json"}
        idempotency_keys.finish(connection, self.claim, StoredResponse(self.status, headers, body))
        self.is_recorded = True


_RECORDER: ContextVar[_Recorder | None] = ContextVar("recorder", default=None)


def record_response(connection: Connection, content: T) -> T:
    """Store a handler's response in the transaction of its effect, and return it.

    After a crash, a repetition of the request returns this response and does not repeat the effect. Without an
    `Idempotency-Key` it does nothing.

    Raises:
        ClaimLostError: another request may have taken the key. The transaction is rolled back.
    """
    recorder = _RECORDER.get()
    if recorder is not None:
        recorder.record(connection, content)
    return content


class IdempotencyMiddleware:
    """Stores the response of a request with an `Idempotency-Key`, and replays it to repetitions."""

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self.app = app
        self.platform = platform
        self.cipher = open_fernet(platform.settings, "idempotency")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, or replay the stored response."""
        key = _read_key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        caller: Caller = scope["state"]["caller"]
        key_scope = caller.workspace_id or caller.user_id or scope["state"]["client_ip"]
        folder = self.platform.settings.scratch_dir
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=str(folder)) as body:
            request_hash = await _spool_body(scope, receive, body, self._get_max_body_bytes(scope))
            claim = await self._claim(key_scope, key, request_hash)
            if isinstance(claim, StoredResponse):
                await self._replay(claim, send)
            else:
                body.seek(0)
                async with self._keep_claim(claim):
                    await self._run(scope, body, send, claim)

    def _get_max_body_bytes(self, scope: Scope) -> int:
        """Return the maximum body size of the path. A multipart form contains a file, so its limit is larger."""
        holds_file = scope["route_handler"].opt.get("body") == "multipart"
        return MAX_BODY_BYTES + (self.platform.settings.max_upload_bytes if holds_file else 0)

    async def _claim(self, key_scope: str, key: str, request_hash: str) -> KeyClaim | StoredResponse:
        """Claim the key, or wait for the request that has claimed it."""
        deadline = time.monotonic() + WAIT_S
        claim = await sync_to_thread(self._try_claim, key_scope, key, request_hash)
        while claim == "running":
            if time.monotonic() > deadline:
                sentence = "The first request with this `Idempotency-Key` is still running. Try again in 5 s."
                raise ApiError(409, sentence, {"Retry-After": "5"})
            await asyncio.sleep(POLL_INTERVAL_S)
            first = await sync_to_thread(self._look_up, key_scope, key, request_hash)
            if first is None:
                claim = await sync_to_thread(self._try_claim, key_scope, key, request_hash)
            else:
                claim = first
        if claim == "body_mismatch":
            raise ApiError(422, "`Idempotency-Key` was used with another request. Use a new key.")
        return claim

    def _try_claim(self, key_scope: str, key: str, request_hash: str) -> KeyClaim | idempotency_keys.FirstRequest:
        with self.platform.database.write() as connection:
            return idempotency_keys.claim(connection, key_scope, key, request_hash)

    def _look_up(self, key_scope: str, key: str, request_hash: str) -> idempotency_keys.FirstRequest | None:
        with self.platform.database.read() as connection:
            return idempotency_keys.look_up(connection, key_scope, key, request_hash)

    @contextlib.asynccontextmanager
    async def _keep_claim(self, claim: KeyClaim) -> AsyncIterator[None]:
        """Renew the claim until the block ends."""
        renewal = asyncio.create_task(self._renew_forever(claim))
        try:
            yield
        finally:
            renewal.cancel()

    async def _renew_forever(self, claim: KeyClaim) -> None:
        while True:
            await asyncio.sleep(RENEWAL_INTERVAL_S)
            with contextlib.suppress(SQLAlchemyError):  # the next renewal may succeed
                await sync_to_thread(self._renew, claim)

    def _renew(self, claim: KeyClaim) -> None:
        with self.platform.database.write() as connection:
            idempotency_keys.renew(connection, claim)

    async def _run(self, scope: Scope, body: IO[bytes], send: Send, claim: KeyClaim) -> None:
        """Run the handler on the spooled body, and send its response after the response is stored."""
        recorder = _Recorder(claim, self.cipher, scope["route_handler"].status_code)  # type: ignore[union-attr]
        token = _RECORDER.set(recorder)
        start: Message | None = None
        response_body = bytearray()

        async def receive_spooled() -> Any:  # noqa: ANN401 - one of ASGI's messages
            block = await sync_to_thread(body.read, SPOOL_BYTES)
            return {"type": "http.request", "body": block, "more_body": bool(block)}

        async def send_stored(message: Message) -> None:
            """Buffer the response until it is stored."""
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            response_body.extend(message.get("body", b""))  # type: ignore[arg-type]
            if start is not None and not message.get("more_body"):
                if not recorder.is_recorded:
                    await sync_to_thread(self._store, claim, start, bytes(response_body))
                await send(start)
                await send({"type": "http.response.body", "body": bytes(response_body), "more_body": False})

        try:
            await self.app(scope, receive_spooled, send_stored)
        except BaseException:
            await sync_to_thread(self._release, claim)
            raise
        finally:
            _RECORDER.reset(token)

    def _store(self, claim: KeyClaim, start: Message, body: bytes) -> None:
        status = start["status"]  # type: ignore[typeddict-item]
        if status >= 400:
            self._release(claim)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in start["headers"]  # type: ignore[typeddict-item]
            if name.decode("latin-1").lower() in STORED_HEADERS
        }
        response = StoredResponse(status, headers, self.cipher.encrypt(body).decode())
        with contextlib.suppress(ClaimLostError), self.platform.database.write() as connection:
            idempotency_keys.finish(connection, claim, response)

    def _release(self, claim: KeyClaim) -> None:
        with self.platform.database.write() as connection:
            idempotency_keys.release(connection, claim)

    async def _replay(self, response: StoredResponse, send: Send) -> None:
        body = self.cipher.decrypt(response.body.encode())
        headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
        headers += [(b"content-length", str(len(body)).encode()), (b"idempotency-replayed", b"true")]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _read_key(scope: Scope) -> str | None:
    if scope["type"] != ScopeType.HTTP or not scope["route_handler"].opt.get("idempotent"):
        return None
    key: str | None = Request(scope).headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise ApiError(400, "`Idempotency-Key` must have 1 to 255 characters.")
    return key


async def _spool_body(scope: Scope, receive: Receive, body: IO[bytes], max_bytes: int) -> str:
    """Write the request's body to `body`, and return a hash that is equal for a repetition of the request.

    A client that repeats a multipart form chooses a new boundary, so the hash excludes boundaries.

    Raises:
        ApiError: 400 if the connection is lost, 413 if the body is longer than `max_bytes`.
    """
    _, options = parse_options_header(Request(scope).headers.get("content-type", ""))
    boundary = options.get("boundary", "").encode()
    digest = hashlib.sha256(f"{scope['path']}\n".encode())
    size, pending = 0, b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The connection was lost before the request was complete. Send it again.")
        block: bytes = message.get("body", b"")  # type: ignore[assignment]
        size += len(block)
        if size > max_bytes:
            raise ApiError(413, f"The request body must have at most {max_bytes} bytes on this path.")
        await sync_to_thread(body.write, block)
        pending = (pending + block).replace(boundary, b"") if boundary else pending + block
        hashable_bytes = max(0, len(pending) - len(boundary))  # the rest may be the beginning of a boundary
        digest.update(pending[:hashable_bytes])
        pending = pending[hashable_bytes:]
        if not message.get("more_body"):
            digest.update(pending)
            return digest.hexdigest()
