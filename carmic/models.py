"""What the client returns and raises. A field that this version does not know is ignored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class CarmicError(Exception):
    """The base of the client's errors."""


class ApiError(CarmicError):
    """An error response: its HTTP status, the server's sentence, and the field at fault."""

    def __init__(self, status: int, sentence: str, param: str | None = None, request_id: str | None = None) -> None:
        super().__init__(f"{sentence} (HTTP {status})")
        self.status = status
        self.sentence = sentence
        self.param = param
        self.request_id = request_id


class JobFailedError(CarmicError):
    """An analysis, a render or an export has failed. The message is the server's sentence."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Project(msgspec.Struct, frozen=True):
    """A project. `progress` is a percentage."""

    id: str
    status: str
    title: str = ""
    progress: int = 0
    current_step: str = ""
    clip_count: int = 0
    error_message: str | None = None


class Clip(msgspec.Struct, frozen=True):
    """A clip. Times are seconds of the source, scores 0 to 100."""

    id: str
    project_id: str
    title: str
    start_time: float
    end_time: float
    duration: float
    virality_score: int
    status: str
    reasoning: str = ""
    hashtags: list[str] = []
    error_message: str | None = None
    thumbnail_url: str | None = None
    video_url: str | None = None


class Export(msgspec.Struct, frozen=True):
    """A package for an editing program. `file_size` is in bytes."""

    id: str
    clip_id: str
    target_format: str
    status: str
    progress: int = 0
    download_url: str | None = None
    file_size: int | None = None
    error_message: str | None = None


class Session(msgspec.Struct, frozen=True):
    """A login: the access token, and the workspace that the client works in."""

    access: str
    workspace_id: str


class Event(msgspec.Struct, frozen=True):
    """An event of a webhook. `data` is described in docs/events.md."""

    event: str
    timestamp: datetime
    data: dict[str, Any]
