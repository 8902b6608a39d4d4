"""Writes the cuts of a `Timeline` as OpenTimelineIO, for Resolve and other programs that read the format.

OpenTimelineIO has no transforms. They are in the metadata `carmic`, in canvas pixels, for tools that read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from carmic_assets.exports.motion_keyframes import TransformKeyframe
from carmic_assets.exports.nle_timeline import AudioItem, ClipItem, Timeline, build_media_url


def serialize(timeline: Timeline, media_folder: str = "media") -> str:
    """Return the text of the `.otio`. `media_folder` is the folder of the media, relative to the `.otio`."""
    text: str = build_otio(timeline, media_folder).to_json_string(indent=2)
    return text


def build_otio(timeline: Timeline, media_folder: str) -> otio.schema.Timeline:
    """Return the timeline as OpenTimelineIO objects: video tracks from the bottom up, then voice, music and effects."""
    result = otio.schema.Timeline(timeline.name, global_start_time=otio.opentime.RationalTime(0, float(timeline.fps)))
    result.metadata["carmic"] = {"width": timeline.width, "height": timeline.height}
    kinds = otio.schema.TrackKind
    for name, items in (
        ("Background", timeline.background),
        ("Picture", timeline.main),
        *zip(("Second picture", "Third picture", "Fourth picture"), timeline.panels, strict=True),
        ("B-roll", timeline.broll),
    ):
        if items:
            result.tracks.append(_build_track(timeline, name, kinds.Video, items, media_folder))
    voices = [item for item in timeline.main if timeline.find_video(item.media).channels]
    if voices:
        result.tracks.append(_build_track(timeline, "Voice", kinds.Audio, voices, media_folder))
    for file, audio_items in timeline.audio_tracks:
        result.tracks.append(_build_track(timeline, file.name, kinds.Audio, audio_items, media_folder))
    for marker in timeline.markers:
        result.tracks.markers.append(
            otio.schema.Marker(
                marker.name,
                _build_time_range(marker.frame, 1, timeline.fps),
                otio.schema.MarkerColor.PURPLE,
                metadata={"comment": marker.comment},
            )
        )
    return result


def _build_track(
    timeline: Timeline, name: str, kind: str, items: Sequence[ClipItem | AudioItem], media_folder: str
) -> otio.schema.Track:
    track = otio.schema.Track(name, kind=kind)
    position = 0
    for item in items:
        if item.start > position:
            track.append(otio.schema.Gap(source_range=_build_time_range(0, item.start - position, timeline.fps)))
        track.append(_build_clip(timeline, item, media_folder))
        position = item.end
    return track


def _build_clip(timeline: Timeline, item: ClipItem | AudioItem, media_folder: str) -> otio.schema.Clip:
    if isinstance(item, ClipItem):
        video = timeline.find_video(item.media)
        rate = video.rate.fraction
        available_range = _build_time_range(video.timecode, video.frames, rate)
        start = round((video.timecode / rate + item.source_start) * timeline.fps)
        metadata: dict[str, Any] = {"keys": [_build_keyframe_metadata(key) for key in item.keyframes]}
        if item.speaker:
            metadata["speaker"] = item.speaker
        if item.note:
            metadata["note"] = item.note
    else:
        duration = timeline.find_audio(item.media).duration
        available_range = _build_time_range(0, int(duration * timeline.fps), timeline.fps)
        start = round(item.source_start * timeline.fps)
        metadata = {"levels": [[key.frame, key.gain] for key in item.gains]}
    reference = otio.schema.ExternalReference(build_media_url(media_folder, item.media), available_range)
    reference.name = item.media
    clip = otio.schema.Clip(item.media, reference, _build_time_range(start, item.end - item.start, timeline.fps))
    clip.metadata["carmic"] = metadata
    return clip


def _build_keyframe_metadata(key: TransformKeyframe) -> dict[str, float]:
    return {name: round(getattr(key, name), 6) for name in key.__struct_fields__}


def _build_time_range(start: int, length: int, rate: Fraction) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, float(rate)), otio.opentime.RationalTime(length, float(rate))
    )
