"""Errors of timeline edits. `sentence` is the message for the client; the API maps each class to an HTTP status."""

from __future__ import annotations


class EditError(Exception):
    """An edit that cannot be applied; `sentence` says what is wrong and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UnknownSegmentError(EditError):
    """The timeline has no segment with this id."""


class ImpossibleEditError(EditError):
    """The request is well-formed but not valid for the segment: an empty span, or a time outside its bounds."""


class EditConflictError(EditError):
    """The request conflicts with the timeline's state: the segment was replaced, or there is nothing to undo."""
