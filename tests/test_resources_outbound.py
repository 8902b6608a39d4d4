"""No URL of a user makes the server connect to a private address (server-side request forgery)."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.server
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from carmic_assets.assets import referenced_media
from carmic_assets.assets.referenced_media import open_referenced_media
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.model.errors import RenderError
from carmic_assets.model.template import TemplateConfig
from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.platform import open_platform
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
    assert OutboundPolicy().check_url(url).geturl() == url


def test_a_host_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(AddressRefusedError):
        OutboundPolicy().check_url("https://example.com/")


def test_a_host_that_becomes_private_after_the_check_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    responses = iter([[(2, 1, 6, "", ("8.8.8.8", 443))], [(2, 1, 6, "", ("127.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(responses))
    outbound = OutboundPolicy()
    outbound.check_url("https://rebinding.example/")
    with outbound.open_client(5) as client, pytest.raises(httpx.ConnectError, match="private or reserved"):
        client.get("https://rebinding.example/")


class SiteHandler(http.server.BaseHTTPRequestHandler):
    video = b""
    closing = threading.Event()  # ends slow responses

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        redirects = {"/redirect": "/talk.mp4", "/internal": "http://169.254.169.254/talk.mp4"}
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
            return
        if self.path.startswith("/missing"):
            self.send_response(404)
            self.end_headers()
            return
        if self.path == "/trickle":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b".")
                if self.closing.wait(0.2):
                    return
            return
        body, content_type = (
            (self.video, "video/mp4")
            if self.path.partition("?")[0] == "/talk.mp4"
            else (b"<p>no video</p>", "text/html")
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
    [
        ("/internal", "refused"),
        ("/page", "No video"),
        ("/missing", "404"),
        ("/missing/private-login?403=forbidden", "404"),
        ("/page?sign-in=private", "No video"),
    ],
)
def test_a_failed_download_explains_itself(site: str, path: str, sentence: str, tmp_path: Path) -> None:
    """The message must not depend on words in the URL, which yt-dlp's output contains."""
    with pytest.raises(DownloadError, match=sentence):
        download(site + path, tmp_path)


def test_yt_dlp_runs_isolated_and_limited(site: str, tmp_path: Path) -> None:
    """In particular, Python must not import modules from the folder of the download."""
    (tmp_path / "json.py").write_text("raise SystemExit('a planted module')")
    assert download(site + "/talk.mp4", tmp_path) == SiteHandler.video
    with concurrent.futures.ThreadPoolExecutor() as threads:
        (tmp_path / "second").mkdir()
        running = threads.submit(download, site + "/trickle", tmp_path / "second")
        child = _wait_for_child("resources.yt_dlp_child")
        limits = Path(f"/proc/{child.pid}/limits").read_text()
        environ = child.environ()
        child.kill()
        with pytest.raises(DownloadError):
            running.result()
    assert re.search(r"Max address space +2147483648 ", limits) and re.search(r"Max file size +11000000 ", limits)
    assert re.search(r"Max cpu time +3600 ", limits)
    assert list(Path(environ["PATH"]).iterdir()) == [] and not any(name.startswith("CARMIC") for name in environ)


def _wait_for_child(module: str) -> psutil.Process:
    """Wait until the child has started and has set its limits, and return it."""
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                limits = Path(f"/proc/{process.pid}/limits").read_text()
                if module in process.cmdline() and "3600" in limits:
                    return process


def test_one_render_has_one_budget_for_all_that_it_fetches(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a common limit, a clip with 200 files could download 200 times as much."""
    environ = {"CARMIC_HOME": str(tmp_path / "home"), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"}
    platform = open_platform(environ)
    cutaways = [{"videoUrl": f"{site}/talk.mp4?{n}", "startTime": n, "duration": 1} for n in range(2)]
    config = msgspec.convert({"b_roll": cutaways}, TemplateConfig)
    (tmp_path / "first").mkdir()
    with contextlib.ExitStack() as stack:
        assert len(open_referenced_media(platform, "w", config, tmp_path / "first", stack)) == 2
    monkeypatch.setattr(referenced_media, "MAX_DOWNLOAD_BYTES", len(SiteHandler.video) * 3 // 2)
    (tmp_path / "second").mkdir()
    with contextlib.ExitStack() as stack, pytest.raises(RenderError, match="in total"):
        open_referenced_media(platform, "w", config, tmp_path / "second", stack)
    monkeypatch.setattr(referenced_media, "DOWNLOAD_TIMEOUT_S", 0.0)
    (tmp_path / "third").mkdir()
    with contextlib.ExitStack() as stack, pytest.raises(RenderError, match="took more than"):
        open_referenced_media(platform, "w", config, tmp_path / "third", stack)
    platform.database.close()


def test_a_fetched_file_is_parsed_in_a_worker_only(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the run parsed it, which knows the server's secrets."""
    for parser in ("carmic_assets.media.file_kinds.describe_file", "carmic_assets.media.containers.open_media"):
        monkeypatch.setattr(parser, lambda *_: pytest.fail("parsed in this process"))
    environ = {"CARMIC_HOME": str(tmp_path / "home"), "CARMIC_OUTBOUND_ALLOW": "127.0.0.0/8"}
    platform = open_platform(environ)
    for path, sentence in (("talk.mp4", ""), ("page", "is not a readable image, video, audio or font file")):
        config = msgspec.convert(
            {"b_roll": [{"videoUrl": f"{site}/{path}", "startTime": 0, "duration": 1}]}, TemplateConfig
        )
        with contextlib.ExitStack() as stack:
            if sentence:
                stack.enter_context(pytest.raises(RenderError, match=sentence))
            (described,) = open_referenced_media(platform, "w", config, tmp_path, stack).values()
            assert described.has_video and described.duration_s
    platform.database.close()


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
