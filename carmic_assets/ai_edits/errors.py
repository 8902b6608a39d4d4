"""Errors of local AI edits. `sentence` is the message for the client: why an edit failed, and what to do."""

from __future__ import annotations

from carmic_assets.model.errors import RenderError


class AiEditError(RenderError):
    """A planned operation cannot be carried out on this footage."""


class LostTargetError(AiEditError):
    """The tracked object left the frame, or the content of the box cannot be tracked."""
