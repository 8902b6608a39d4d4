"""Errors whose cause is the user's video, request or quota. Programming errors keep their own exception types.

CarmicError
├── CorruptVideoError
├── NoSpeechError
├── SourceDownloadError
├── BillingError
└── RenderError
"""

from __future__ import annotations


class CarmicError(Exception):
    """A failure with a documented final state.

    `state` is the project or clip status that the failure leads to. `sentence` is shown to the user.
    """

    state = "FAILED"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class CorruptVideoError(CarmicError):
    """The file is empty, truncated, not a video, or has no frame that decodes."""

    state = "FAILED_CORRUPT_VIDEO"


class NoSpeechError(CarmicError):
    """The video has no audio track, or its audio holds no speech."""

    state = "FAILED_NO_SPEECH"


class SourceDownloadError(CarmicError):
    """The source URL could not be fetched, was too large, or did not lead to a video."""

    state = "FAILED_DOWNLOAD"


class BillingError(CarmicError):
    """The workspace has fewer minutes than the duration of the video."""

    state = "FAILED_BILLING"


class RenderError(CarmicError):
    """A render or an export package cannot be produced from this configuration or these media files."""

    state = "FAILED_RENDER"
