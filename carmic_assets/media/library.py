"""What a file of a workspace's media library is: b-roll, image, music, voice. Refuses what is none of them."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.media.open import IMAGE_FORMATS, LIBRARY_FORMATS
from carmic_assets.media.probe import facts_of
from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import CarmicError, CorruptVideo


def describe(path: str | Path, name: str, error: type[CarmicError] = CorruptVideo) -> MediaFile:
    """The file as the renderer takes it; `duration_s` is None for an image. Raises `error` where nothing decodes."""
    facts = facts_of(path, LIBRARY_FORMATS, error)
    video = facts.video
    still = any(each in facts.container.split(",") for each in IMAGE_FORMATS)
    return MediaFile(
        path=str(path),
        name=name,
        duration_s=None if still else facts.duration_s,
        width=video.width if video else None,
        height=video.height if video else None,
        has_video=video is not None,
        has_audio=facts.audio is not None,
    )
