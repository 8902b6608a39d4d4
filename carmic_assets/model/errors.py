"""What can be wrong with a user's video or request, in a sentence for that user. Bugs stay exceptions of their own."""

from __future__ import annotations


class CarmicError(Exception):
    """A failure that has a documented end state. `state` is the project or clip status it leads to."""

    state = "FAILED"

    def __init__(self, sentence: str):
        super().__init__(sentence)
        self.sentence = sentence


class CorruptVideo(CarmicError):
    """Not a video, no picture that decodes, truncated beyond use, empty."""

    state = "FAILED_CORRUPT_VIDEO"


class NoSpeech(CarmicError):
    """No audio track, silence, or music only."""

    state = "FAILED_NO_SPEECH"


class DownloadFailed(CarmicError):
    """The URL could not be fetched, was too large, or was not a video."""

    state = "FAILED_DOWNLOAD"


class BillingFailed(CarmicError):
    """The pool cannot cover the probed duration."""

    state = "FAILED_BILLING"


class RenderFailed(CarmicError):
    """A render or package could not be made from this configuration or these media."""

    state = "FAILED_RENDER"
