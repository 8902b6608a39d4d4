"""Lists and checks the file references of a clip's configuration: b-roll, music and watermark.

The API checks them against the media library when a clip is saved. The render checks them again against the files. No
file is read here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderError
from carmic_assets.model.template import TemplateConfig

OVERRUN_TOLERANCE_S = 0.1  # allowed excess of a cutaway over its file, because clients round times

FileUse = Literal["cutaway", "music", "watermark"]
EXPECTED_FILES: dict[FileUse, str] = {
    "cutaway": "a video or an image",
    "music": "an audio file, or a video with audio",
    "watermark": "an image",
}


class FileReference(msgspec.Struct, frozen=True):
    """One field of the configuration that names a file. `value` is an id, an object key or a URL.

    `is_used` is false where the render ignores the field: the image of a disabled watermark, or `musicTrack` where
    there is an `activeTrack`.
    """

    location: str  # for messages: the purpose of the file and the JSON path of the field
    value: str
    use: FileUse
    is_used: bool = True
    source_start_s: float = 0.0  # of a cutaway: its start in the file
    source_duration_s: float = 0.0  # of a cutaway: its length in the file


def list_references(config: TemplateConfig) -> tuple[FileReference, ...]:
    """Return every field that names a file or must name one: first `b_roll` in order, then music and watermark."""
    references = [
        FileReference(
            f"B-roll {number} (`b_roll[{number - 1}].videoUrl`)",
            item.video_url,
            "cutaway",
            source_start_s=item.source_start,
            source_duration_s=min(item.duration, item.source_duration or item.duration),
        )
        for number, item in enumerate(config.b_roll, 1)
    ]
    track = config.audio.active_track
    if track is not None:
        references.append(FileReference("The music (`audio.activeTrack.url`)", track.url, "music"))
    if config.audio.music_track not in ("none", ""):
        location = "The music (`audio.musicTrack`)"
        references.append(FileReference(location, config.audio.music_track, "music", is_used=track is None))
    watermark = config.elements.watermark
    if watermark.enabled or watermark.image_url:
        location = "The watermark (`elements.watermark.imageUrl`)"
        references.append(FileReference(location, watermark.image_url, "watermark", is_used=watermark.enabled))
    return tuple(references)


def check_reference(reference: FileReference, file: MediaFile | None) -> MediaFile:
    """Return `file` if it suits the reference.

    Raises:
        RenderError: there is no file, or it is of the wrong kind, or it ends before the cutaway begins.
    """
    location, expected = reference.location, EXPECTED_FILES[reference.use]
    if file is None and not reference.value:
        raise RenderError(f"{location} names no file. Choose {expected}, or disable the element.")
    if file is None:
        raise RenderError(
            f"{location} names a file that is not in the media library: {reference.value[:80]}. Choose {expected}."
        )
    if reference.use == "music":
        if not file.has_audio:
            raise RenderError(f"{location}: {file.name} has no audio. Choose {expected}.")
        return file
    if not file.has_video:
        raise RenderError(f"{location}: {file.name} has no video. Choose {expected}.")
    if reference.use == "watermark" and file.kind != "image":
        raise RenderError(f"{location}: {file.name} is a video. Choose {expected}.")
    if file.duration_s is not None and reference.source_start_s >= file.duration_s:
        raise RenderError(
            f"{location} starts at {reference.source_start_s:g} s of {file.name}, which is only "
            f"{file.duration_s:.1f} s long. Set an earlier `sourceStart`."
        )
    return file


def compute_cutaway_shortfall_s(reference: FileReference, file: MediaFile) -> float:
    """Return by how many seconds a cutaway exceeds its file; 0 if at most `OVERRUN_TOLERANCE_S`."""
    if file.duration_s is None:
        return 0.0
    shortfall = reference.source_start_s + reference.source_duration_s - file.duration_s
    return shortfall if shortfall > OVERRUN_TOLERANCE_S else 0.0
