"""The cut alone as OpenTimelineIO, for Resolve and every other program that reads it: no reframe, the format has none.

Transforms ride along as metadata, in canvas pixels, for tools that want them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from carmic_assets.exports.nle_timeline import Bed, Piece, Timeline

if TYPE_CHECKING:
    import opentimelineio as otio


def write(timeline: Timeline, media: str = "media") -> str:
    """The text of the `.otio`. Media are named relative to it, in the folder `media`."""
    return build(timeline, media).to_json_string(indent=2)


def build(line: Timeline, media: str) -> otio.schema.Timeline:
    """The timeline as OpenTimelineIO objects: picture tracks bottom first, then the voice and every other sound."""
    import opentimelineio as otio

    made = otio.schema.Timeline(line.name, global_start_time=otio.opentime.RationalTime(0, float(line.fps)))
    made.metadata["carmic"] = {"width": line.width, "height": line.height}
    kinds = otio.schema.TrackKind
    for name, pieces in (
        ("Background", line.background),
        ("Picture", line.main),
        ("Second picture", line.second),
        ("B-roll", line.broll),
    ):
        if pieces:
            made.tracks.append(_track(line, name, kinds.Video, pieces, media))
    if line.file(line.main[0].footage).channels:
        made.tracks.append(_track(line, "Voice", kinds.Audio, line.main, media))
    for sound in line.sounds:
        beds = [bed for bed in line.beds if bed.sound == sound.name]
        made.tracks.append(_track(line, sound.name, kinds.Audio, beds, media))
    for note in line.notes:
        made.tracks.markers.append(
            otio.schema.Marker(
                note.name,
                _range(note.frame, 1, line.fps),
                otio.schema.MarkerColor.PURPLE,
                metadata={"comment": note.comment},
            )
        )
    return made


def _track(line: Timeline, name: str, kind: str, pieces: Sequence[Piece | Bed], media: str) -> otio.schema.Track:
    import opentimelineio as otio

    track = otio.schema.Track(name, kind=kind)
    at = 0
    for piece in pieces:
        if piece.start > at:
            track.append(otio.schema.Gap(source_range=_range(0, piece.start - at, line.fps)))
        track.append(_clip(line, piece, media))
        at = piece.end
    return track


def _clip(line: Timeline, piece: Piece | Bed, media: str) -> otio.schema.Clip:
    import opentimelineio as otio

    if isinstance(piece, Piece):
        file = line.file(piece.footage)
        rate, name = file.rate.fraction, file.name
        available = _range(file.timecode, file.frames, rate)
        begin = round((file.timecode / rate + piece.source) * line.fps)
        metadata: dict[str, Any] = {
            "keys": [dict(zip(key.__struct_fields__, _values(key), strict=True)) for key in piece.keys]
        }
        if piece.speaker:
            metadata["speaker"] = piece.speaker
        if piece.note:
            metadata["note"] = piece.note
    else:
        sound = line.sound(piece.sound)
        name = sound.name
        available = _range(0, int(sound.duration * line.fps), line.fps)
        begin = round(piece.source * line.fps)
        metadata = {"levels": [[level.frame, level.gain] for level in piece.levels]}
    reference = otio.schema.ExternalReference(f"{media}/{quote(name)}", available)
    reference.name = name
    clip = otio.schema.Clip(name, reference, _range(begin, piece.end - piece.start, line.fps))
    clip.metadata["carmic"] = metadata
    return clip


def _values(key: Any) -> list[float]:
    return [round(getattr(key, name), 6) for name in key.__struct_fields__]


def _range(start: int, length: int, rate: Fraction) -> otio.opentime.TimeRange:
    import opentimelineio as otio

    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, float(rate)), otio.opentime.RationalTime(length, float(rate))
    )
