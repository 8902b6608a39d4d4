"""`Idempotency-Key`: a POST that says it (`idempotent=True` at its route) has one effect per key, for 24 hours.

Answers are kept encrypted: some hold a secret that is shown once. Refusals and faults are not kept, so that a request
can be repeated with the same key once its cause is gone.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tempfile
import time
from typing import IO, Any

from cryptography.fernet import Fernet
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from multipart import parse_options_header

from api.access import Caller
from api.errors import ApiError
from resources import idempotency
from resources.platform import Platform

WAIT_S = 30.0  # for the first request with the key to end
KEPT_HEADERS = ("content-type", "location", "etag")
MAX_BODY = 10 * 1024 * 1024
IN_MEMORY = 1024 * 1024  # of a body; a longer one waits in a file


class IdempotencyMiddleware:
    def __init__(self, app: ASGIApp, platform: Platform):
        self.app = app
        self.platform = platform
        digest = hashlib.sha256(b"idempotency" + platform.settings.secret_key.encode()).digest()
        self.cipher = Fernet(base64.urlsafe_b64encode(digest))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        caller: Caller = scope["state"]["caller"]
        whose = caller.workspace_id or caller.user_id or scope["state"]["client_ip"]
        folder = self.platform.settings.scratch_dir
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder)) as body:
            digest = await _take(scope, receive, body, self._largest(scope))
            claim = await self._claim(whose, key, digest)
            if isinstance(claim, idempotency.Answer):
                await self._replay(claim, send)
            else:
                body.seek(0)
                await self._run(scope, body, send, whose, key)

    def _largest(self, scope: Scope) -> int:
        """Bytes of a body: a form holds a file, and what little the form itself takes."""
        holds_file = scope["route_handler"].opt.get("body") == "multipart"
        return MAX_BODY + (self.platform.settings.max_upload_bytes if holds_file else 0)

    async def _claim(self, whose: str, key: str, digest: str) -> idempotency.Claim:
        deadline = time.monotonic() + WAIT_S
        while True:
            claim = await sync_to_thread(self._claim_once, whose, key, digest)
            if claim == "other body":
                raise ApiError(422, "This Idempotency-Key was used with another request. Use a new key.")
            if claim != "running":
                return claim
            if time.monotonic() > deadline:
                raise ApiError(409, "The first request with this Idempotency-Key still runs.", {"Retry-After": "5"})
            await asyncio.sleep(0.05)

    def _claim_once(self, whose: str, key: str, digest: str) -> idempotency.Claim:
        with self.platform.database.write() as connection:
            return idempotency.claim(connection, whose, key, digest)

    async def _run(self, scope: Scope, body: IO[bytes], send: Send, whose: str, key: str) -> None:
        start: Message | None = None
        kept = bytearray()

        async def receive_again() -> Any:
            block = await sync_to_thread(body.read, IN_MEMORY)
            return {"type": "http.request", "body": block, "more_body": bool(block)}

        async def hold(message: Message) -> None:
            """The client hears of the effect only when its answer is durable."""
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            kept.extend(message.get("body", b""))  # type: ignore[arg-type]
            if not message.get("more_body"):
                assert start is not None
                await sync_to_thread(self._settle, whose, key, start, bytes(kept))
                await send(start)
                await send({"type": "http.response.body", "body": bytes(kept), "more_body": False})

        try:
            await self.app(scope, receive_again, hold)
        except BaseException:
            await sync_to_thread(self._release, whose, key)
            raise

    def _settle(self, whose: str, key: str, start: Message, body: bytes) -> None:
        status = start["status"]  # type: ignore[typeddict-item]
        if status >= 400:
            self._release(whose, key)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in start["headers"]  # type: ignore[typeddict-item]
            if name.decode("latin-1").lower() in KEPT_HEADERS
        }
        answer = idempotency.Answer(status, headers, self.cipher.encrypt(body).decode())
        with self.platform.database.write() as connection:
            idempotency.finish(connection, whose, key, answer)

    def _release(self, whose: str, key: str) -> None:
        with self.platform.database.write() as connection:
            idempotency.release(connection, whose, key)

    async def _replay(self, answer: idempotency.Answer, send: Send) -> None:
        body = self.cipher.decrypt(answer.body.encode())
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers += [(b"content-length", str(len(body)).encode()), (b"idempotency-replayed", b"true")]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _key(scope: Scope) -> str | None:
    if scope["type"] != "http" or not scope["route_handler"].opt.get("idempotent"):
        return None
    key = Request(scope).headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise ApiError(400, "Idempotency-Key must have 1 to 255 characters.")
    return key


async def _take(scope: Scope, receive: Receive, body: IO[bytes], most: int) -> str:
    """Write the request's body to `body`; its digest, which is the same for the same request made again.

    A client that repeats a form draws a new boundary: the digest is of what stands between.
    """
    _, options = parse_options_header(Request(scope).headers.get("content-type", ""))
    boundary = options.get("boundary", "").encode()
    digest = hashlib.sha256(f"{scope['path']}\n".encode())
    size, held = 0, b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The connection broke before the request was complete.")
        block: bytes = message.get("body", b"")  # type: ignore[assignment]
        size += len(block)
        if size > most:
            raise ApiError(413, "The request's body is too large for this path.")
        await sync_to_thread(body.write, block)
        held = (held + block).replace(boundary, b"") if boundary else held + block
        cut = max(0, len(held) - len(boundary))  # what is left may be the beginning of one
        digest.update(held[:cut])
        held = held[cut:]
        if not message.get("more_body"):
            digest.update(held)
            return digest.hexdigest()
