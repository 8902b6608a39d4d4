"""No URL of a user makes the server connect to a private address (server-side request forgery)."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from carmic_assets.media.ffmpeg import locate_binary
from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.video_download import DownloadError, download_video

PRIVATE_URLS = [
    "http://2130706433/", "https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://127.1/",
    "https://127.0.0.1/", "https://localhost/", "https://0/", "https://0.0.0.0/", "https://[::1]/", "https://[::]/",
    "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[fe80::1]/", "https://[fd00:ec2::254]/",
    "https://[fec0::1]/", "https://[ff02::1]/", "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/",
    "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://192.0.0.192/", "https://198.18.0.1/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://①②⑦.⓪.⓪.①/", "https://100.64.0.1/",
]  # fmt: skip
REFUSED_URLS = [
    "", "nonsense", "ftp://example.com/", "file:///etc/passwd", "gopher://8.8.8.8/", "https://", "https://user@8.8.8.8/",
    "https://user:pass@8.8.8.8/", "https://8.8.8.8:99999/", "https://[::1", "http://8.8.8.8/", "https://8.8.8.8:22/",
    "https://8.8.8.8:25/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE_URLS + REFUSED_URLS)
def test_a_private_or_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        OutboundPolicy().check_url(url)


@pytest.mark.parametrize("url", ["https://8.8.8.8/", "https://8.8.8.8:8443/x?y", "https://[2606:4700:4700::1111]/"])
def test_a_public_url_is_permitted(url: str) -> None:
    OutboundPolicy().check_url(url)


def test_a_host_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(AddressRefusedError):
        OutboundPolicy().check_url("https://example.com/")


def test_a_host_that_becomes_private_after_the_check_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[(2, 1, 6, "", ("8.8.8.8", 443))], [(2, 1, 6, "", ("127.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(answers))
    outbound = OutboundPolicy()
    outbound.check_url("https://rebinding.example/")
    with outbound.open_client(5) as client, pytest.raises(httpx.ConnectError, match="private or reserved"):
        client.get("https://rebinding.example/")


class SiteHandler(http.server.BaseHTTPRequestHandler):
    video = b""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        redirects = {"/redirect": "/talk.mp4", "/internal": "http://169.254.169.254/talk.mp4"}
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
            return
        if self.path == "/missing":
            self.send_response(404)
            self.end_headers()
            return
        if self.path == "/trickle":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b".")
                time.sleep(0.2)
            return
        body, content_type = (
            (self.video, "video/mp4") if self.path == "/talk.mp4" else (b"<p>no video</p>", "text/html")
        )
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from carmic_assets.media import ffmpeg

    path = tmp_path_factory.mktemp("site") / "talk.mp4"
    inputs = [ffmpeg.Input("testsrc2=s=160x90:r=10:d=1", format="lavfi")]
    ffmpeg.run(ffmpeg.build_command(inputs, ["-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)]))
    SiteHandler.video = path.read_bytes()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SiteHandler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def download(url: str, folder: Path, allow: tuple[str, ...] = ("127.0.0.0/8",), max_bytes: int = 10_000_000) -> bytes:
    video = download_video(url, folder, max_bytes=max_bytes, outbound=OutboundPolicy(allow), ffmpeg=locate_binary())
    return video.path.read_bytes()


@pytest.mark.parametrize("path", ["/talk.mp4", "/redirect"])
def test_a_video_is_downloaded_directly_and_through_a_redirect(site: str, path: str, tmp_path: Path) -> None:
    assert download(site + path, tmp_path) == SiteHandler.video


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/internal", "refused"), ("/page", "No video"), ("/missing", "404")],
)
def test_a_failed_download_explains_itself(site: str, path: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=sentence):
        download(site + path, tmp_path)


def test_a_large_video_and_a_private_host_are_refused(site: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="larger than"):
        download(site + "/talk.mp4", tmp_path, max_bytes=1000)
    with pytest.raises(DownloadError, match="public internet"):
        download(site + "/talk.mp4", tmp_path, allow=())


def test_an_exchange_ends_at_its_time_limit_although_bytes_trickle_in(site: str) -> None:
    started_at = time.monotonic()
    with OutboundPolicy(["127.0.0.0/8"]).open_client(1.0) as client, pytest.raises(httpx.TimeoutException):
        client.get(site + "/trickle")
    assert time.monotonic() - started_at < 3
