"""The errors of a generation job: ten codes, each with one fixed sentence. Details are for the Dagster run only."""

from __future__ import annotations

from typing import Literal

ErrorCode = Literal[
    "CONTENT_REJECTED", "INPUT_UNREADABLE", "NO_SPEECH", "PROVIDER_UNAVAILABLE", "PROVIDER_ACCOUNT", "TIMEOUT",
    "CANCELLED", "LOST", "TOO_LONG", "INTERNAL",
]  # fmt: skip


class GenerationError(Exception):
    """A job cannot be completed. `code` decides the sentence for the user; `detail` is for the operator."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
