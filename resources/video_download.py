"""Fetches a video from an address with yt-dlp, in a child process that can reach nothing but what the rule permits.

The child's only way out is our checking proxy, its only folder a scratch directory, and it gets neither configuration
nor cookies nor plugins of whoever runs the server. It is killed when it grows too large, too slow, or unwanted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from resources.outbound import Outbound, Refused

TIME_LIMIT_S = 3 * 3600
STALL_S = 120  # nothing said for so long: it hangs
PROGRESS = re.compile(r"^at (\d+(?:\.\d+)?)")


class DownloadError(Exception):
    """The video could not be fetched; the sentence says why and what to do."""


class Downloaded(msgspec.Struct, frozen=True):
    path: Path
    title: str | None


def download(
    url: str,
    folder: Path,
    *,
    max_bytes: int,
    outbound: Outbound,
    ffmpeg: str,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Downloaded:
    """The best single video behind `url`, at most 1080p, as a file in `folder`. Raises DownloadError."""
    try:
        outbound.check(url)
    except Refused as error:
        raise DownloadError(str(error)) from error
    with outbound.proxy() as proxy:
        lines = _run(_command(url, folder, proxy, max_bytes, ffmpeg), folder, proxy, max_bytes, progress)
    found = [p for p in folder.glob("video.*") if p.suffix not in (".part", ".ytdl", ".json")]
    if not found:
        raise DownloadError(_sentence(lines, max_bytes))
    if found[0].stat().st_size > max_bytes:
        raise DownloadError(_too_large(max_bytes))
    return Downloaded(found[0], _title(folder))


def _command(url: str, folder: Path, proxy: str, max_bytes: int, ffmpeg: str) -> list[str]:
    return [
        sys.executable, "-m", "yt_dlp", "--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--no-playlist",
        "--playlist-items", "1", "--no-exec", "--no-update", "--no-mtime", "--color", "never", "--newline",
        "--proxy", proxy, "--max-filesize", str(max_bytes), "--socket-timeout", "20",
        "--retries", "3", "--fragment-retries", "5", "--downloader", "native", 
        "--ffmpeg-location", ffmpeg, "--merge-output-format", "mp4/mkv", "--write-info-json",
        "--format", "bv*[height<=1080]+ba/b[height<=1080]/bv*+ba/b",
        "--progress-template", "download:at %(progress._percent_str)s", "--paths", str(folder),
        "--output", "video.%(ext)s", "--output", "infojson:info", "--", url,
    ]  # fmt: skip


def _run(command: list[str], folder: Path, proxy: str, max_bytes: int, progress: Callable[[float], None]) -> list[str]:
    """Follow the child to its end; returns what it said last."""
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
        "http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy,
        **{name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ},
    }  # fmt: skip
    child = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert child.stdout is not None
    os.set_blocking(child.stdout.fileno(), False)
    lines: list[str] = []
    heard = began = time.monotonic()
    try:
        while True:
            ended = child.poll() is not None
            while line := child.stdout.readline():
                heard = time.monotonic()
                if match := PROGRESS.match(line.strip()):
                    progress(min(1.0, float(match[1]) / 100))
                else:
                    lines = [*lines[-40:], line.strip()]
            if ended:
                return lines
            now = time.monotonic()
            if now - heard > STALL_S or now - began > TIME_LIMIT_S:
                raise DownloadError(
                    "The download stood still for too long. Try again later, or upload the file itself."
                )
            if sum(p.stat().st_size for p in folder.iterdir() if p.is_file()) > max_bytes * 1.1:
                raise DownloadError(_too_large(max_bytes))
            time.sleep(0.2)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()


def _sentence(lines: list[str], max_bytes: int) -> str:
    text = "\n".join(lines).lower()
    if "larger than max-filesize" in text:
        return _too_large(max_bytes)
    if "unsupported url" in text:
        return "No video was found at this address. Give the address of a video file or of a page that holds one."
    if "private" in text or "sign in" in text or "login" in text:
        return "The video is private or needs a login. Make it public, or upload the file itself."
    if "403" in text or "forbidden" in text:
        return "The site refused the download, or the address leads to a network that may not be reached."
    if "404" in text or "not found" in text:
        return "There is nothing at this address (404). Check it and try again."
    return "The video could not be downloaded from this address. Check it, or upload the file itself."


def _too_large(max_bytes: int) -> str:
    return f"The video is larger than {max_bytes / 1024**3:.3g} GB. Give a shorter or smaller one."


def _title(folder: Path) -> str | None:
    """What the site calls the video."""
    for path in folder.glob("info*.json"):
        try:
            title = json.loads(path.read_text()).get("title")
        except (OSError, ValueError):
            continue
        if title and title != "video":
            return str(title)[:300]
    return None
