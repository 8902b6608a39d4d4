"""Measures the API's memory during a 4.9 GB upload: by PUT, and by tus over an interrupted connection.

    python -m benchmarks.api_upload [--gb 4.9]

Also checks that 5 GB and one byte are rejected, with a declared length and chunked. The temporary folder needs twice
that much free space.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from api_server import Member, Server, run_server
from benchmarks.harness import create_parser, measure_usage, print_line

BLOCK = bytes(1 << 20)  # 1 MiB of zeros
MAX_UPLOAD_BYTES = 5 * 1024**3  # the default of CARMIC_MAX_UPLOAD_BYTES
MEMORY_INTERVAL_S = 0.05
TIMEOUT_S = 600


class PeakMemory:
    """Context manager that samples the resident memory of a process; `peak_mb` is the highest value."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()

    def __enter__(self) -> PeakMemory:
        threading.Thread(target=self._sample, daemon=True).start()
        return self

    def _sample(self) -> None:
        while not self._stopped.is_set():
            self.peak_mb = max(self.peak_mb, self._process.memory_info().rss / 1e6)
            time.sleep(MEMORY_INTERVAL_S)

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()


def generate_zeros(size_bytes: int) -> Iterator[bytes]:
    """Yield zero bytes in blocks of 1 MiB."""
    while size_bytes > 0:
        yield BLOCK[: min(size_bytes, len(BLOCK))]
        size_bytes -= len(BLOCK)


def create_project(member: Member, size_bytes: int) -> dict[str, str]:
    """Create a project through the API and return the response, with its upload URLs."""
    body = {"filename": "long.mp4", "filesize": size_bytes, "content_type": "video/mp4"}
    project: dict[str, str] = member.call("POST", "/v1/projects/create", json=body).json()["data"]
    return project


def measure_put(server: Server, size_bytes: int) -> None:
    """Upload with one PUT."""
    project = create_project(server.create_member("ENTERPRISE"), min(size_bytes, MAX_UPLOAD_BYTES))
    headers = {"Content-Type": "video/mp4", "Content-Length": str(size_bytes)}
    with PeakMemory(server.process.pid) as memory, measure_usage() as usage:
        content = generate_zeros(size_bytes)
        response = httpx.put(project["upload_url"], content=content, headers=headers, timeout=TIMEOUT_S)
    print_line(
        f"PUT {size_bytes / 1e9:.2f} GB: status {response.status_code} in {usage.wall_s:.1f} s, "
        f"peak {memory.peak_mb:.0f} MB"
    )
    server.platform.store.delete(project["object_key"])


def measure_tus(server: Server, size_bytes: int) -> None:
    """Upload a third over a connection that is cut, and the rest over another one."""
    project = create_project(server.create_member("ENTERPRISE"), size_bytes)
    url = project["resumable_url"]
    with PeakMemory(server.process.pid) as memory:
        request = {
            "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0", "Content-Length": str(size_bytes),
        }  # fmt: skip
        with _send_head(server, "PATCH", url, request) as connection:
            for block in generate_zeros(size_bytes // 3):
                connection.sendall(block)
        time.sleep(1)  # until the server has noticed the cut
        offset = int(httpx.head(url).headers["upload-offset"])
        headers = {**request, "Upload-Offset": str(offset), "Content-Length": str(size_bytes - offset)}
        response = httpx.patch(url, content=generate_zeros(size_bytes - offset), headers=headers, timeout=TIMEOUT_S)
    stored = server.platform.store.stat(project["object_key"])
    is_complete = stored is not None and stored.size == size_bytes
    print_line(
        f"tus {size_bytes / 1e9:.2f} GB: connection cut at {offset / 1e9:.2f} GB, then status {response.status_code}, "
        f"complete: {is_complete}, peak {memory.peak_mb:.0f} MB"
    )
    server.platform.store.delete(project["object_key"])


def check_rejection(server: Server) -> None:
    """Upload one byte too many, with a declared length and chunked."""
    url = create_project(server.create_member("ENTERPRISE"), MAX_UPLOAD_BYTES)["upload_url"]
    headers = {"Content-Type": "video/mp4", "Content-Length": str(MAX_UPLOAD_BYTES + 1)}
    with _send_head(server, "PUT", url, headers) as connection:
        print_line(f"declared 5 GB + 1 byte: status {connection.recv(100).split()[1].decode()}")
    content = generate_zeros(MAX_UPLOAD_BYTES + 1)
    response = httpx.put(url, content=content, headers={"Content-Type": "video/mp4"}, timeout=TIMEOUT_S)
    store = server.home / "store"
    files = [*(store / "incoming").iterdir(), *(store / "aside").glob("*/*")]
    print_line(f"chunked 5 GB + 1 byte: status {response.status_code}, {len(files)} temporary files left")


def _send_head(server: Server, method: str, url: str, headers: dict[str, str]) -> socket.socket:
    """Open a connection and send the head of a request."""
    path = url.partition(f":{server.port}")[2]
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **headers}.items())
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())
    return connection


def main() -> None:
    """Start a server and run the uploads."""
    parser = create_parser("api_upload", __doc__)
    parser.add_argument("--gb", type=float, default=4.9, help="size of the uploads")
    size_bytes = int(parser.parse_args().gb * 1e9)
    with tempfile.TemporaryDirectory() as folder, run_server(Path(folder)) as server:
        measure_put(server, size_bytes)
        measure_tus(server, size_bytes)
        check_rejection(server)


if __name__ == "__main__":
    main()
