"""Why an edit of a timeline is refused, in a sentence for the client. The API gives each class its status."""

from __future__ import annotations


class EditError(Exception):
    """An edit that cannot be made; `sentence` says what is wrong and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UnknownSegmentError(EditError):
    """The timeline has no segment of that id."""


class ImpossibleEditError(EditError):
    """The request is well-formed, but no timeline can carry it out: an empty span, a time outside its bounds."""


class EditConflictError(EditError):
    """The request would be possible on another state of the timeline: the segment was replaced, there is no undo."""
