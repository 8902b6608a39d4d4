"""A local server that speaks the protocol of fal's queue, counts what is posted, and misbehaves on request."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image


class FalServer:
    """The state of the server; a test sets `submissions`, `statuses` and `result`, and reads what arrived."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.reset()

    def reset(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.cancelled: list[str] = []
        self.keys: set[str] = set()
        self.submissions: list[tuple[int, object]] = []  # answers before the first ticket: (status, body)
        self.statuses = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]  # the last one is repeated
        self.ticket: dict[str, str] = {}  # replaces fields of the ticket
        self.result: tuple[int, object] = (200, {"images": [{"url": f"{self.base}/files/a.jpg"}]})
        self.file: tuple[int, dict[str, str], bytes] = (200, {}, draw_picture())

    def answer_post(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        self.posted.append((path, body))
        if self.submissions:
            return self.submissions.pop(0)
        urls = {name: f"{self.base}/requests/1/{name}" for name in ("status_url", "response_url", "cancel_url")}
        return 200, {"request_id": "1", **urls, **self.ticket}

    def answer_get(self, path: str) -> tuple[int, object]:
        if path.endswith("status_url"):
            status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
            return 200, {"status": status}
        return self.result


def draw_picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(content, "JPEG")
    return content.getvalue()


@contextmanager
def run_fal_server() -> Iterator[FalServer]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            fal.keys.add(self.headers["authorization"])
            self.answer(*fal.answer_post(self.path, json.loads(self.rfile.read(length))))

        def do_PUT(self) -> None:
            fal.cancelled.append(self.path)
            self.answer(202, {"status": "CANCELLATION_REQUESTED"})

        def do_GET(self) -> None:
            if not self.path.startswith("/files/"):
                self.answer(*fal.answer_get(self.path))
                return
            status, headers, content = fal.file
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fal = FalServer(http_server.server_address[1])
    thread = threading.Thread(target=http_server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield fal
    finally:
        http_server.shutdown()
        http_server.server_close()
