"""Downloads a video with yt-dlp, in a child process that reaches only addresses that the outbound policy permits.

The child connects through the policy's local proxy, writes to a scratch folder, and gets no configuration, cookies or
plugins of the server's user. It is killed when the download is too large, too slow or cancelled.
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
from typing import IO, cast

import msgspec

from resources.outbound import AddressRefusedError, OutboundPolicy

TIME_LIMIT_S = 3 * 3600
STALL_LIMIT_S = 120  # without output
POLL_INTERVAL_S = 0.2
SIZE_TOLERANCE_RATIO = 1.1  # of the limit, for the parts that are merged into the video
MAX_TITLE_LENGTH = 300  # characters
KEPT_OUTPUT_LINES = 40
PROGRESS_LINE = re.compile(r"^at (\d+(?:\.\d+)?)")


class DownloadError(Exception):
    """The video could not be downloaded. The message says why and what to do."""


class DownloadedVideo(msgspec.Struct, frozen=True):
    """The downloaded file, and the title that the site gives it."""

    path: Path
    title: str | None


def download_video(
    url: str,
    folder: Path,
    *,
    max_bytes: int,
    outbound: OutboundPolicy,
    ffmpeg: str,
    progress: Callable[[float], None] = lambda ratio: None,
) -> DownloadedVideo:
    """Download the best video at `url`, at most 1080p, into `folder`.

    Args:
        url: the address of a video file, or of a page with a video.
        folder: an empty folder.
        max_bytes: the largest video to accept.
        outbound: the policy for connections.
        ffmpeg: the path of FFmpeg, which merges separate streams.
        progress: called with the ratio 0..1 downloaded.

    Raises:
        DownloadError: if the URL is refused or the download fails.
    """
    try:
        outbound.check_url(url)
    except AddressRefusedError as error:
        raise DownloadError(str(error)) from error
    with outbound.run_proxy() as proxy_url:
        command = _build_command(url, folder, proxy_url, max_bytes, ffmpeg)
        output = _run(command, folder, proxy_url, max_bytes, progress)
    videos = [path for path in folder.glob("video.*") if path.suffix not in (".part", ".ytdl", ".json")]
    if not videos:
        raise DownloadError(_explain_failure(output, max_bytes))
    if videos[0].stat().st_size > max_bytes:
        raise DownloadError(_too_large(max_bytes))
    return DownloadedVideo(videos[0], _read_title(folder))


def _build_command(url: str, folder: Path, proxy_url: str, max_bytes: int, ffmpeg: str) -> list[str]:
    return [
        sys.executable, "-m", "yt_dlp", "--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--no-playlist",
        "--playlist-items", "1", "--no-exec", "--no-update", "--no-mtime", "--color", "never", "--newline",
        "--proxy", proxy_url, "--max-filesize", str(max_bytes), "--socket-timeout", "20",
        "--retries", "3", "--fragment-retries", "5", "--downloader", "native",
        "--ffmpeg-location", ffmpeg, "--merge-output-format", "mp4/mkv", "--write-info-json",
        "--format", "bv*[height<=1080]+ba/b[height<=1080]/bv*+ba/b",
        "--progress-template", "download:at %(progress._percent_str)s", "--paths", str(folder),
        "--output", "video.%(ext)s", "--output", "infojson:info", "--", url,
    ]  # fmt: skip


def _run(
    command: list[str], folder: Path, proxy_url: str, max_bytes: int, progress: Callable[[float], None]
) -> list[str]:
    """Run the command to its end and return the last lines of its output."""
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
        "http_proxy": proxy_url, "https_proxy": proxy_url, "all_proxy": proxy_url,
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
    stdout = cast(IO[str], child.stdout)
    try:
        return _follow(child, stdout, folder, max_bytes, progress)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        stdout.close()


def _follow(
    child: subprocess.Popen[str], stdout: IO[str], folder: Path, max_bytes: int, progress: Callable[[float], None]
) -> list[str]:
    os.set_blocking(stdout.fileno(), False)
    lines: list[str] = []
    started_at = last_output_at = time.monotonic()
    while True:
        has_ended = child.poll() is not None
        while line := stdout.readline():
            last_output_at = time.monotonic()
            if match := PROGRESS_LINE.match(line.strip()):
                progress(min(1.0, float(match[1]) / 100))
            else:
                lines = [*lines[-KEPT_OUTPUT_LINES:], line.strip()]
        if has_ended:
            return lines
        now = time.monotonic()
        if now - last_output_at > STALL_LIMIT_S or now - started_at > TIME_LIMIT_S:
            raise DownloadError("The download stalled or took too long. Try again later, or upload the file itself.")
        size_bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        if size_bytes > max_bytes * SIZE_TOLERANCE_RATIO:
            raise DownloadError(_too_large(max_bytes))
        time.sleep(POLL_INTERVAL_S)


def _explain_failure(output: list[str], max_bytes: int) -> str:
    """Return the sentence for the user that fits yt-dlp's output."""
    text = "\n".join(output).lower()
    if "larger than max-filesize" in text:
        return _too_large(max_bytes)
    if "unsupported url" in text:
        return "No video was found at this address. Give the address of a video file or of a page with a video."
    if "private" in text or "sign in" in text or "login" in text:
        return "The video is private or needs a login. Make it public, or upload the file itself."
    if "403" in text or "forbidden" in text:
        return "The site refused the download, or the address leads to a private network. Upload the file itself."
    if "404" in text or "not found" in text:
        return "There is nothing at this address (404). Check it and try again."
    return "The video could not be downloaded from this address. Check it, or upload the file itself."


def _too_large(max_bytes: int) -> str:
    return f"The video is larger than {max_bytes / 1024**3:.3g} GB. Give a shorter or smaller one."


def _read_title(folder: Path) -> str | None:
    """Return the site's title of the video from yt-dlp's info file."""
    for path in folder.glob("info*.json"):
        try:
            title = json.loads(path.read_text()).get("title")
        except (OSError, ValueError):
            continue
        if title and title != "video":
            return str(title)[:MAX_TITLE_LENGTH]
    return None
