"""Downloads a video with yt-dlp in a child process that connects only to addresses that the outbound policy permits.

The child connects through the policy's local proxy, writes to a scratch folder, and gets no configuration, cookies or
plugins of the server's user. It is killed when the download is too large, too slow or cancelled.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import msgspec

from resources.download_messages import DownloadArguments, DownloadMessage, Failure
from resources.file_names import clean_title
from resources.outbound import AddressRefusedError, OutboundPolicy

TIME_LIMIT_S = 3 * 3600  # for one download
STALL_LIMIT_S = 120  # the child is killed after this time without output
POLL_INTERVAL_S = 0.2  # between two checks of the child process
SIZE_TOLERANCE_RATIO = 1.1  # separate audio and video streams may exceed the size limit by 10 % before they are merged
MEMORY_LIMIT_BYTES = 2 << 30  # address space of yt-dlp, and of each ffmpeg that it starts
CPU_LIMIT_S = 3600  # CPU time of yt-dlp
MAX_TITLE_LENGTH = 300  # characters
FAILURES: dict[Failure, str] = {
    "unsupported": "No video was found at this URL. Send the URL of a video file or of a page with a video.",
    "login": "The video is private or needs a login. Make it public, or upload the file itself.",
    "region": "The site does not offer the video in this server's country. Upload the file itself.",
    "refused": "The site refused the download, or the URL leads to a private network. Upload the file itself.",
    "missing": "The site has nothing at this URL (404). Check it and try again.",
    "other": "The video could not be downloaded from this URL. Check it, or upload the file itself.",
}


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
        url: the URL of a video file, or of a page with a video.
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
        arguments = DownloadArguments(
            url=url,
            folder=str(folder),
            proxy_url=proxy_url,
            ffmpeg=ffmpeg,
            max_bytes=max_bytes,
            max_file_bytes=round(max_bytes * SIZE_TOLERANCE_RATIO),
            memory_bytes=MEMORY_LIMIT_BYTES,
            cpu_s=CPU_LIMIT_S,
        )
        failure = _run(arguments, folder, progress)
    videos = [path for path in folder.glob("video.*") if path.suffix not in (".part", ".ytdl", ".json")]
    if failure is not None or not videos:
        raise DownloadError(_explain_failure(failure or "other", max_bytes))
    if videos[0].stat().st_size > max_bytes:
        raise DownloadError(_explain_failure("too_large", max_bytes))
    return DownloadedVideo(videos[0], _read_title(folder))


def _run(arguments: DownloadArguments, folder: Path, progress: Callable[[float], None]) -> Failure | None:
    """Run the child process and return the kind of failure, or None."""
    programs = folder / "bin"  # the child's PATH: an empty folder, so that it cannot start system programs
    programs.mkdir()
    environment = {
        "PATH": str(programs), "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
        "http_proxy": arguments.proxy_url, "https_proxy": arguments.proxy_url, "all_proxy": arguments.proxy_url,
        **{name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ},
    }  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "resources.yt_dlp_child", msgspec.json.encode(arguments).decode()],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    stdout = cast(IO[str], child.stdout)
    try:
        return _follow(child, stdout, folder, arguments.max_file_bytes, progress)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        stdout.close()


def _follow(
    child: subprocess.Popen[str],
    stdout: IO[str],
    folder: Path,
    max_folder_bytes: int,
    progress: Callable[[float], None],
) -> Failure | None:
    os.set_blocking(stdout.fileno(), False)
    failure: Failure | None = None
    started_at = last_output_at = time.monotonic()
    while True:
        has_ended = child.poll() is not None
        while line := stdout.readline():
            last_output_at = time.monotonic()
            message = _parse_line(line)
            if message.progress is not None:
                progress(min(1.0, message.progress))
            failure = message.failure or failure
        if has_ended:
            return failure or (None if child.returncode == 0 else "other")
        now = time.monotonic()
        if now - last_output_at > STALL_LIMIT_S or now - started_at > TIME_LIMIT_S:
            raise DownloadError("The download stalled or took too long. Try again later, or upload the file itself.")
        if sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) > max_folder_bytes:
            return "too_large"
        time.sleep(POLL_INTERVAL_S)


def _parse_line(line: str) -> DownloadMessage:
    """Return the child's message, or an empty message for a line that a library printed."""
    try:
        return msgspec.json.decode(line, type=DownloadMessage)
    except msgspec.DecodeError:
        return DownloadMessage()


def _explain_failure(failure: Failure, max_bytes: int) -> str:
    """Return the error message for the user."""
    if failure == "too_large":
        return f"The video is larger than {max_bytes / 1024**3:.3g} GB. Choose a shorter or smaller one."
    return FAILURES[failure]


def _read_title(folder: Path) -> str | None:
    """Return the site's title of the video from yt-dlp's info file."""
    for path in folder.glob("info*.json"):
        try:
            title = json.loads(path.read_text()).get("title")
        except (OSError, ValueError):
            continue
        if title and title != "video":
            return clean_title(str(title))[:MAX_TITLE_LENGTH] or None
    return None
