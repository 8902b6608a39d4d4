"""A sequence that was read from an editing program's file. Structs only."""

from __future__ import annotations

import msgspec

from carmic_assets.model.timeline import Effects


class ImportedClip(msgspec.Struct, frozen=True):
    """A clip in order: the file that it shows, and its range in seconds after the file's first frame.

    `media` is None for a gap. `asset_id` and `effects` are those that an export of Carmic wrote.
    """

    name: str
    media: str | None
    start_s: float
    duration_s: float
    asset_id: str | None = None
    effects: Effects = Effects()


class ImportedSequence(msgspec.Struct, frozen=True):
    """The clips of the picture, without gaps between them. `notes` are sentences on what was not taken over."""

    name: str
    clips: tuple[ImportedClip, ...]
    notes: tuple[str, ...] = ()
