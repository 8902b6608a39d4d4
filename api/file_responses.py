"""Serves a local file as an ASGI answer: `Range`/206, `HEAD`, conditional requests; memory stays flat.

One range per request (RFC 9110, 14.2 lets a server ignore several and answer the whole).
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
from email.utils import formatdate
from pathlib import Path
from typing import IO
from urllib.parse import quote

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.types import Receive, Scope, Send

from api.errors import answer

BLOCK = 256 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# Uploads are served from the API's own origin: nothing in them may run there.
INERT = {"Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'; img-src 'self'"}


class FileAnswer:
    """The file at `path`, whole or in part. `filename` makes it a download under that name."""

    def __init__(self, path: Path, content_type: str = "", filename: str = ""):
        self.path = path
        self.content_type = content_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.filename = filename

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = Request(scope)
        try:
            file = await sync_to_thread(self.path.open, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            await answer(request, 404, "This file does not exist (any more).").to_asgi_response(None, request)(
                scope, receive, send
            )
            return
        with file:
            facts = os.fstat(file.fileno())
            etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
            headers = self._headers(etag, facts.st_mtime)
            if request.headers.get("if-none-match") == etag:
                await self._start(send, 304, headers)
                return
            span = _span(request, facts.st_size, etag)
            if span is None:
                headers["Content-Range"] = f"bytes */{facts.st_size}"
                await self._start(send, 416, {**headers, "Content-Length": "0"})
                return
            start, end = span
            headers["Content-Length"] = str(end - start)
            partial = (start, end) != (0, facts.st_size) or _asked(request, etag)
            if partial:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
            head = request.method == "HEAD"
            await self._start(send, 206 if partial else 200, headers, more=not head and end > start)
            if head or end == start:
                return
            await sync_to_thread(file.seek, start)
            await self._body(file, end - start, receive, send)

    async def _body(self, file: IO[bytes], length: int, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            while length > 0 and not gone.done():
                block = await sync_to_thread(file.read, min(BLOCK, length))
                if not block:
                    raise OSError("the file became shorter while it was sent")
                length -= len(block)
                await send({"type": "http.response.body", "body": block, "more_body": length > 0})
        finally:
            gone.cancel()

    def _headers(self, etag: str, modified: float) -> dict[str, str]:
        headers = {
            "Content-Type": self.content_type,
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": formatdate(modified, usegmt=True),
            "Cache-Control": "private, max-age=3600",
            **INERT,
        }
        if self.filename:
            plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in self.filename)
            told = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(self.filename)}"
            headers["Content-Disposition"] = told
        return headers

    async def _start(self, send: Send, status: int, headers: dict[str, str], more: bool = False) -> None:
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if not more:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _asked(request: Request, etag: str) -> bool:
    """Whether a range that we know was asked for and applies: with `If-Range` only to the version the client has."""
    known = RANGE.fullmatch(request.headers.get("range", "").strip())
    return known is not None and known.group(0) != "bytes=-" and request.headers.get("if-range", etag) == etag


def _span(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """The bytes to send as [start, end). None: the range asked for lies outside."""
    if not _asked(request, etag):
        return 0, size
    first, last = RANGE.fullmatch(request.headers["range"].strip()).groups()  # type: ignore[union-attr]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < end <= size else None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
