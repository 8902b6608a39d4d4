"""A 4.9 GB upload: how much memory the API takes for it, by PUT, chunked, and by tus over a connection that breaks.

    python -m benchmarks.api_upload [--gb 4.9]

Also that 5 GB and one byte is refused, declared or chunked. Needs that much free disk twice in the temporary folder.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from api_server import Member, Server, running

BLOCK = bytes(1 << 20)
LIMIT = 5 * 1024**3


class Peak:
    """The most memory a process had while the block lasted, in MB."""

    def __init__(self, pid: int):
        self.process, self.mb, self._done = psutil.Process(pid), 0.0, threading.Event()

    def __enter__(self) -> Peak:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def _watch(self) -> None:
        while not self._done.is_set():
            self.mb = max(self.mb, self.process.memory_info().rss / 1e6)
            time.sleep(0.05)

    def __exit__(self, *exc: object) -> None:
        self._done.set()


def zeros(size: int) -> Iterator[bytes]:
    while size > 0:
        yield BLOCK[: min(size, len(BLOCK))]
        size -= len(BLOCK)


def create(member: Member, size: int) -> dict[str, str]:
    body = {"filename": "long.mp4", "filesize": size, "content_type": "video/mp4"}
    return member.call("POST", "/v1/projects/create", json=body).json()["data"]


def put(server: Server, size: int) -> None:
    made = create(server.member("ENTERPRISE"), min(size, LIMIT))
    headers = {"Content-Type": "video/mp4", "Content-Length": str(size)}
    with Peak(server.process.pid) as peak:
        began = time.monotonic()
        answer = httpx.put(made["upload_url"], content=zeros(size), headers=headers, timeout=600)
    took = time.monotonic() - began
    say(f"PUT {size / 1e9:.2f} GB: {answer.status_code} in {took:.1f} s, peak {peak.mb:.0f} MB")
    server.platform.store.delete(made["object_key"])


def tus(server: Server, size: int) -> None:
    """The first third over a connection that is cut, the rest over another."""
    made = create(server.member("ENTERPRISE"), size)
    where = made["resumable_url"]
    path = where.partition(f":{server.port}")[2]
    with Peak(server.process.pid) as peak:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/offset+octet-stream\r\n"
            client.sendall(f"{head}Upload-Offset: 0\r\nContent-Length: {size}\r\n\r\n".encode())
            for block in zeros(size // 3):
                client.sendall(block)
        time.sleep(1)
        offset = int(httpx.head(where).headers["upload-offset"])
        headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        headers["Content-Length"] = str(size - offset)
        answer = httpx.patch(where, content=zeros(size - offset), headers=headers, timeout=600)
    found = server.platform.store.stat(made["object_key"])
    whole = found is not None and found.size == size
    say(f"tus {size / 1e9:.2f} GB: cut at {offset / 1e9:.2f} GB, then {answer.status_code}, whole: {whole}")
    say(f"    peak {peak.mb:.0f} MB")
    server.platform.store.delete(made["object_key"])


def refused(server: Server) -> None:
    url = create(server.member("ENTERPRISE"), LIMIT)["upload_url"]
    head = {"Content-Type": "video/mp4", "Content-Length": str(LIMIT + 1)}
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        path = url.partition(f":{server.port}")[2]
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        client.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        say(f"declared 5 GB + 1: {client.recv(100).split()[1].decode()}")
    chunked = httpx.put(url, content=zeros(LIMIT + 1), headers={"Content-Type": "video/mp4"}, timeout=600)
    left = [*(server.home / "store/incoming").iterdir(), *(server.home / "store/aside").glob("*/*")]
    say(f"chunked 5 GB + 1: {chunked.status_code}, left behind: {len(left)}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=4.9)
    size = int(parser.parse_args().gb * 1e9)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        put(server, size)
        tus(server, size)
        refused(server)


if __name__ == "__main__":
    main()
