"""The child process that downloads a video with yt-dlp: `python -I -m resources.yt_dlp_child ARGUMENTS`.

It writes one JSON object per line: `{"progress": 0.5}` while it downloads, and `{"failure": KIND}` if it fails. The
kind of failure is derived from the type of the error, because error texts contain the URL.
"""

from __future__ import annotations

import errno
import resource
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import yt_dlp
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.networking.exceptions import HTTPError, ProxyError
from yt_dlp.utils import DownloadCancelled, ExtractorError, GeoRestrictedError, UnsupportedError

from resources.download_messages import DownloadArguments, DownloadMessage, Failure


class TooLargeError(DownloadCancelled):  # type: ignore[misc]  # yt-dlp has no types
    """The video has more bytes than the limit."""


class LoginRequiredError(ExtractorError):  # type: ignore[misc]  # yt-dlp has no types
    """The site offers the video only to logged-in users."""


def _raise_login_required(*_: object, **__: object) -> NoReturn:
    raise LoginRequiredError("login required", expected=True)


def build_options(arguments: DownloadArguments) -> dict[str, Any]:
    """Return the options of yt-dlp: no configuration, plugins, cookies, cache or programs of the server's user."""
    command = [
        "--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--no-playlist", "--playlist-items", "1",
        "--no-exec", "--no-update", "--no-mtime", "--color", "never", "--quiet", "--no-warnings",
        "--proxy", arguments.proxy_url, "--socket-timeout", "20", "--retries", "3", "--fragment-retries", "5",
        "--abort-on-error", "--abort-on-unavailable-fragments", "--downloader", "native",
        "--ffmpeg-location", arguments.ffmpeg, "--merge-output-format", "mp4/mkv", "--write-info-json",
        "--format", "bv*[height<=1080]+ba/b[height<=1080]/bv*+ba/b",
        "--paths", arguments.folder, "--output", "video.%(ext)s", "--output", "infojson:info", "--", arguments.url,
    ]  # fmt: skip
    options: dict[str, Any] = yt_dlp.parse_options(command).ydl_opts

    def follow(status: dict[str, Any]) -> None:
        total = status.get("total_bytes") or status.get("total_bytes_estimate") or 0
        received = status.get("downloaded_bytes") or 0
        if max(total, received) > arguments.max_bytes:
            raise TooLargeError
        _write(DownloadMessage(progress=received / total if total else 0.0))

    options["progress_hooks"] = [follow]
    return options


def classify(error: BaseException) -> Failure:
    """Return the kind of failure of a yt-dlp error, by its type and the types of its causes."""
    for cause in _list_causes(error):
        if isinstance(cause, TooLargeError) or (isinstance(cause, OSError) and cause.errno == errno.EFBIG):
            return "too_large"
        if isinstance(cause, LoginRequiredError):
            return "login"
        if isinstance(cause, GeoRestrictedError):
            return "region"
        if isinstance(cause, HTTPError):
            return "missing" if cause.status in (404, 410) else "refused" if cause.status in (401, 403) else "other"
        if isinstance(cause, ProxyError):
            return "refused"
        if isinstance(cause, UnsupportedError):
            return "unsupported"
    return "other"


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, then its causes. yt-dlp stores causes in `exc_info`, `cause` or `__cause__`."""
    pending, seen = [error], set[int]()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        exc_info = getattr(current, "exc_info", None) or (None, None)
        causes = (exc_info[1], getattr(current, "cause", None), current.__cause__, current.__context__)
        pending += [cause for cause in causes if isinstance(cause, BaseException)]


def _write(message: DownloadMessage) -> None:
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()


def _main(arguments: DownloadArguments) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, arguments.memory_bytes),
        (resource.RLIMIT_FSIZE, arguments.max_file_bytes),
        (resource.RLIMIT_CPU, arguments.cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    InfoExtractor.raise_login_required = _raise_login_required  # yt-dlp has no exception type for this failure
    try:
        with yt_dlp.YoutubeDL(build_options(arguments)) as downloader:
            downloader.download([arguments.url])
    except Exception as error:
        _write(DownloadMessage(failure=classify(error)))


if __name__ == "__main__":
    _main(msgspec.json.decode(sys.argv[1], type=DownloadArguments))
