"""The messages between `video_download` and its child process `yt_dlp_child`."""

from __future__ import annotations

from typing import Literal

import msgspec

Failure = Literal["too_large", "unsupported", "login", "region", "refused", "missing", "other"]


class DownloadArguments(msgspec.Struct, frozen=True):
    """The URL that the child downloads, and its limits."""

    url: str
    folder: str
    proxy_url: str
    ffmpeg: str
    max_bytes: int
    max_file_bytes: int  # of the largest file that it may write, with what is merged into it
    memory_bytes: int
    cpu_s: int


class DownloadMessage(msgspec.Struct, frozen=True):
    """One line of the child's output: the downloaded fraction 0..1, or the kind of failure."""

    progress: float | None = None
    failure: Failure | None = None
