"""Nobody on the outside makes this server connect to the inside: the tricks, one by one."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from carmic_assets.media.ffmpeg import binary
from resources.outbound import Outbound, Refused
from resources.video_download import DownloadError, download

INSIDE = [
    "http://2130706433/", "https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://127.1/",
    "https://127.0.0.1/", "https://localhost/", "https://0/", "https://0.0.0.0/", "https://[::1]/", "https://[::]/",
    "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[fe80::1]/", "https://[fd00:ec2::254]/",
    "https://[fec0::1]/", "https://[ff02::1]/", "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/",
    "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://192.0.0.192/", "https://198.18.0.1/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://①②⑦.⓪.⓪.①/", "https://100.64.0.1/",
]  # fmt: skip
MALFORMED = [
    "", "nonsense", "ftp://example.com/", "file:///etc/passwd", "gopher://8.8.8.8/", "https://", "https://user@8.8.8.8/",
    "https://user:pass@8.8.8.8/", "https://8.8.8.8:99999/", "https://[::1", "http://8.8.8.8/", "https://8.8.8.8:22/",
    "https://8.8.8.8:25/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE + MALFORMED)
def test_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Outbound().check(url)


@pytest.mark.parametrize("url", ["https://8.8.8.8/", "https://8.8.8.8:8443/x?y", "https://[2606:4700:4700::1111]/"])
def test_a_public_address_may_be_used(url: str) -> None:
    Outbound().check(url)


def test_a_name_with_one_inside_address_is_refused_whatever_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(Refused):
        Outbound().check("https://example.com/")


def test_a_name_that_turns_inside_after_the_check_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[(2, 1, 6, "", ("8.8.8.8", 443))], [(2, 1, 6, "", ("127.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(answers))
    outbound = Outbound()
    outbound.check("https://rebinding.example/")
    with outbound.client(5) as client, pytest.raises(httpx.ConnectError, match="private or reserved"):
        client.get("https://rebinding.example/")


class _Site(http.server.BaseHTTPRequestHandler):
    video = b""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        redirects = {"/redirect": "/talk.mp4", "/inside": "http://169.254.169.254/talk.mp4"}
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
            return
        if self.path == "/missing":
            self.send_response(404)
            self.end_headers()
            return
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b".")
                time.sleep(0.2)
            return
        body, kind = (self.video, "video/mp4") if self.path == "/talk.mp4" else (b"<p>no video</p>", "text/html")
        self.send_response(200)
        self.send_header("Content-Type", kind)
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
    ffmpeg.run(ffmpeg.command(inputs, ["-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)]))
    _Site.video = path.read_bytes()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def fetch(url: str, folder: Path, allow: tuple[str, ...] = ("127.0.0.0/8",), max_bytes: int = 10_000_000) -> bytes:
    got = download(url, folder, max_bytes=max_bytes, outbound=Outbound(allow), ffmpeg=binary())
    return got.path.read_bytes()


@pytest.mark.parametrize("path", ["/talk.mp4", "/redirect"])
def test_a_video_is_fetched_also_behind_a_redirect(site: str, path: str, tmp_path: Path) -> None:
    assert fetch(site + path, tmp_path) == _Site.video


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/inside", "refused"), ("/page", "No video"), ("/missing", "404")],
)
def test_what_is_no_video_or_leads_inside_ends_in_a_sentence(
    site: str, path: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=sentence):
        fetch(site + path, tmp_path)


def test_too_large_and_not_allowed_are_said(site: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="larger than"):
        fetch(site + "/talk.mp4", tmp_path, max_bytes=1000)
    with pytest.raises(DownloadError, match="public internet"):
        fetch(site + "/talk.mp4", tmp_path, allow=())


def test_an_exchange_ends_in_time_however_slowly_the_other_side_drips(site: str) -> None:
    began = time.monotonic()
    with Outbound(["127.0.0.0/8"]).client(1.0) as client, pytest.raises(httpx.TimeoutException):
        client.get(site + "/drip")
    assert time.monotonic() - began < 3
