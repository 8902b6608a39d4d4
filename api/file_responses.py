"""Serves a local file as an ASGI response: `Range`, `HEAD` and conditional requests, in constant memory.

A request for several ranges receives the complete file, as RFC 9110, section 14.2, permits.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
from email.utils import formatdate
from pathlib import Path
from typing import IO, Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.types import Receive, Scope, Send

from api.conditional_requests import is_not_modified
from api.disconnects import wait_for_disconnect
from api.errors import error_response
from resources.download_names import format_attachment

BLOCK_BYTES = 256 * 1024  # size of one read from disk
MAX_POSITION_DIGITS = 19  # of a position in a Range header, the digits of 2**63
RANGE_HEADER = re.compile(r"bytes=(\d*)-(\d*)")
# Uploaded files are served from the API's origin, so browsers must not run scripts in them.
SANDBOX_HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'; img-src 'self'"}


class FileResponse:
    """Sends the file at `path`, or a range of it. With `filename`, browsers save it under that name."""

    def __init__(self, path: Path, content_type: str = "", filename: str = "") -> None:
        self.path = path
        self.content_type = content_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.filename = filename

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        request: Request[Any, Any, Any] = Request(scope)
        try:
            file = await sync_to_thread(self.path.open, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            response = error_response(request, 404, "This file does not exist, or was deleted.")
            await response.to_asgi_response(None, request)(scope, receive, send)
            return
        with file:
            facts = os.fstat(file.fileno())
            etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
            headers = self._build_headers(etag, facts.st_mtime)
            if is_not_modified(request.headers.get("if-none-match", ""), etag):
                await self._start(send, 304, headers)
                return
            byte_range = _select_range(request, facts.st_size, etag)
            if byte_range is None:
                headers["Content-Range"] = f"bytes */{facts.st_size}"
                await self._start(send, 416, {**headers, "Content-Length": "0"})
                return
            start, end = byte_range
            headers["Content-Length"] = str(end - start)
            is_partial = (start, end) != (0, facts.st_size) or _has_applicable_range(request, etag)
            if is_partial:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
            is_head = request.method == "HEAD"
            await self._start(send, 206 if is_partial else 200, headers, has_body=not is_head and end > start)
            if is_head or end == start:
                return
            await sync_to_thread(file.seek, start)
            await self._send_body(file, end - start, receive, send)

    async def _send_body(self, file: IO[bytes], length: int, receive: Receive, send: Send) -> None:
        disconnect = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            while length > 0 and not disconnect.done():
                block = await sync_to_thread(file.read, min(BLOCK_BYTES, length))
                if not block:
                    raise OSError("the file became shorter while it was sent")
                length -= len(block)
                await send({"type": "http.response.body", "body": block, "more_body": length > 0})
        finally:
            disconnect.cancel()

    def _build_headers(self, etag: str, modified_at: float) -> dict[str, str]:
        headers = {
            "Content-Type": self.content_type,
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": formatdate(modified_at, usegmt=True),
            "Cache-Control": "private, max-age=3600",
            **SANDBOX_HEADERS,
        }
        if self.filename:
            headers["Content-Disposition"] = format_attachment(self.filename)
        return headers

    async def _start(self, send: Send, status: int, headers: dict[str, str], has_body: bool = False) -> None:
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if not has_body:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_applicable_range(request: Request[Any, Any, Any], etag: str) -> bool:
    """Tell whether the request asks for a single range. `If-Range` limits it to the version that the client has."""
    match = RANGE_HEADER.fullmatch(request.headers.get("range", "").strip())
    return match is not None and match.group(0) != "bytes=-" and request.headers.get("if-range", etag) == etag


def _select_range(request: Request[Any, Any, Any], size: int, etag: str) -> tuple[int, int] | None:
    """Return the bytes to send as [start, end), or None if the requested range lies outside the file."""
    if not _has_applicable_range(request, etag):
        return 0, size
    first, last = RANGE_HEADER.fullmatch(request.headers["range"].strip()).groups()  # type: ignore[union-attr]
    if not first:
        start, end = size - _parse_position(last, size), size
    else:
        start, end = _parse_position(first, size), min(size, _parse_position(last, size) + 1 if last else size)
    return (start, end) if start < end <= size else None


def _parse_position(digits: str, size: int) -> int:
    """Return the position, at most `size`.

    More than 19 digits count as `size`, because `int` rejects very long numbers.
    """
    return min(int(digits), size) if len(digits) <= MAX_POSITION_DIGITS else size
