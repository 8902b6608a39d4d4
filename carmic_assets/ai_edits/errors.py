"""Why a local AI edit could not be made, in a sentence for the client."""

from __future__ import annotations

from carmic_assets.model.errors import RenderError


class AiEditError(RenderError):
    """A planned operation cannot be carried out on this footage; `sentence` says why and what to do."""


class LostTargetError(AiEditError):
    """The tracked object left the picture, or nothing in the box can be followed."""
