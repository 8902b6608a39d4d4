"""The files that a configuration names: where it does, and what each file must be.

Pure. Asked twice, with one answer: when a clip is saved, of what the media library knows about its files, and when it
is rendered, of the files themselves.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.edit import MediaFile
from carmic_assets.model.errors import RenderFailed
from carmic_assets.model.template import TemplateConfig

OVERHANG_S = 0.1  # so much may be too long: rounding in an editor

Use = Literal["cutaway", "music", "watermark"]
WANTED: dict[Use, str] = {
    "cutaway": "a video or an image",
    "music": "an audio file, or a video with sound",
    "watermark": "an image",
}


class Reference(msgspec.Struct, frozen=True):
    """One place that names a file; `value` is the id, object key or address that stands there.

    `used` is false where the render does not look at it: a watermark that is switched off, a `musicTrack` beside an
    `activeTrack`.
    """

    place: str  # for people, with the field as the client writes it
    value: str
    use: Use
    used: bool = True
    from_s: float = 0.0  # of a cutaway: where in the file it begins
    shown_s: float = 0.0  # of a cutaway: how much of the file it wants to show


def references(config: TemplateConfig) -> tuple[Reference, ...]:
    """Every place of the configuration that names a file or ought to, `b_roll` first and in its order."""
    found = [
        Reference(
            f"B-roll {number} (`b_roll[{number - 1}].videoUrl`)",
            item.video_url,
            "cutaway",
            from_s=item.source_start,
            shown_s=min(item.duration, item.source_duration or item.duration),
        )
        for number, item in enumerate(config.b_roll, 1)
    ]
    track = config.audio.active_track
    if track is not None:
        found.append(Reference("The music (`audio.activeTrack.url`)", track.url, "music"))
    if config.audio.music_track not in ("none", ""):
        place = "The music (`audio.musicTrack`)"
        found.append(Reference(place, config.audio.music_track, "music", used=track is None))
    mark = config.elements.watermark
    if mark.enabled or mark.image_url:
        place = "The watermark (`elements.watermark.imageUrl`)"
        found.append(Reference(place, mark.image_url, "watermark", used=mark.enabled))
    return tuple(found)


def checked(reference: Reference, file: MediaFile | None) -> MediaFile:
    """The file, if it will do there. Raises RenderFailed with a sentence for the user, also where there is none."""
    place, wanted = reference.place, WANTED[reference.use]
    if file is None and not reference.value:
        raise RenderFailed(f"{place} names no file. Choose {wanted}, or switch it off.")
    if file is None:
        raise RenderFailed(f"{place} names what is not in the media library: {reference.value[:80]}. Choose {wanted}.")
    if reference.use == "music":
        if not file.has_audio:
            raise RenderFailed(f"{place}: {file.name} has no sound. Choose {wanted}.")
        return file
    if not file.has_video:
        raise RenderFailed(f"{place}: {file.name} has no picture. Choose {wanted}.")
    if reference.use == "watermark" and file.kind != "image":
        raise RenderFailed(f"{place}: {file.name} is a video. Choose {wanted}.")
    if file.duration_s is not None and reference.from_s >= file.duration_s:
        raise RenderFailed(
            f"{place} begins at {reference.from_s:g} s of {file.name}, after the end of its own video "
            f"({file.duration_s:.1f} s). Begin earlier."
        )
    return file


def missing_s(reference: Reference, file: MediaFile) -> float:
    """Seconds that a cutaway wants to show past the end of its file; 0 where rounding explains them."""
    if file.duration_s is None:
        return 0.0
    missing = reference.from_s + reference.shown_s - file.duration_s
    return missing if missing > OVERHANG_S else 0.0
