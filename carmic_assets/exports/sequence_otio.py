"""Writes an editor's project as OpenTimelineIO, and reads OpenTimelineIO as the clips of a project.

Ranges are in frames of the media's own rate, so that no cut is rounded. The metadata `carmic` holds what the format has
no field for; the metadata `cdl` holds a grade as the format's EDL adapter does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import opentimelineio as otio

from carmic_assets.editing.asc_cdl import to_color_decision
from carmic_assets.editing.timeline_clock import placements
from carmic_assets.exports.nle_timeline import build_media_url
from carmic_assets.exports.sequence_building import EditorSequence, describe_original
from carmic_assets.model.errors import RenderError
from carmic_assets.model.imported_sequence import ImportedClip, ImportedSequence
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Effects, Grade, Segment

MAX_CLIPS = 2000
METADATA = "carmic"
# What the library raises for documents that are no OTIO, or lack a field.
UNREADABLE = (otio.exceptions.OTIOError, ValueError, TypeError, KeyError, RuntimeError, ArithmeticError)


def write_otio(sequence: EditorSequence) -> str:
    """Return the text of the `.otio`: a picture track and a sound track. Media are named by the uploaded files."""
    start = otio.opentime.RationalTime(0, float(sequence.canvas.rate.fraction))
    timeline = otio.schema.Timeline(sequence.name, global_start_time=start)
    timeline.metadata[METADATA] = {"canvas": msgspec.to_builtins(sequence.canvas)}
    picture = otio.schema.Track("Picture", kind=otio.schema.TrackKind.Video)
    sound = otio.schema.Track("Sound", kind=otio.schema.TrackKind.Audio)
    for place in placements(sequence.segments):
        segment = place.segment
        picture.append(_build_item(sequence, segment))
        has_sound = segment.asset_id is not None and sequence.footage[segment.asset_id].facts.audio is not None
        sound.append(_build_item(sequence, segment) if has_sound else _build_gap(segment))
    timeline.tracks.append(picture)
    timeline.tracks.append(sound)
    text: str = timeline.to_json_string(indent=2)
    return text


def _build_item(sequence: EditorSequence, segment: Segment) -> otio.core.Item:
    if segment.asset_id is None:
        return _build_gap(segment)
    footage, name = sequence.footage[segment.asset_id], sequence.file_names[segment.asset_id]
    file = describe_original(footage, name)
    first = file.timecode + segment.in_frame - footage.clock_offset
    reference = otio.schema.ExternalReference(
        build_media_url(".", name), _build_range(file.timecode, file.frames, segment.rate)
    )
    reference.name = name
    clip = otio.schema.Clip(name, reference, _build_range(first, segment.frames, segment.rate))
    clip.metadata[METADATA] = {
        "asset_id": segment.asset_id,
        "segment_id": segment.id,
        "effects": msgspec.to_builtins(segment.effects),
    }
    decision = None if segment.effects.grade.is_neutral else to_color_decision(segment.effects.grade)
    if decision is not None:
        clip.metadata["cdl"] = {
            "asc_sop": {
                "slope": list(decision.slope),
                "offset": list(decision.offset),
                "power": list(decision.power),
            },
            "asc_sat": decision.saturation,
        }
    return clip


def _build_gap(segment: Segment) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=_build_range(0, segment.frames, segment.rate))


def _build_range(start: int, length: int, rate: FrameRate) -> otio.opentime.TimeRange:
    fps = float(rate.fraction)
    return otio.opentime.TimeRange(otio.opentime.RationalTime(start, fps), otio.opentime.RationalTime(length, fps))


def read_otio(text: str) -> ImportedSequence:
    """Return the picture of an OpenTimelineIO timeline as one row of clips. Of several tracks, the upper one is shown.

    Raises:
        RenderError: the text is no timeline, or it holds something that would change the cuts.
    """
    try:
        timeline = otio.adapters.read_from_string(text, "otio_json")
    except UNREADABLE as error:
        raise RenderError("`otio` is not an OpenTimelineIO document. Export it again as .otio.") from error
    if not isinstance(timeline, otio.schema.Timeline):
        raise RenderError("`otio` must be a Timeline. Export a timeline, not a single clip or track.")
    notes: list[str] = []
    tracks = [track for track in timeline.video_tracks() if len(track)]
    if not tracks:
        raise RenderError("`otio` has no clip on a video track. Export a timeline with a picture.")
    if len(tracks) > 1:
        notes.append(f"{len(tracks)} video tracks were merged: where they overlap, the upper one is shown.")
    try:
        track = tracks[0] if len(tracks) == 1 else otio.algorithms.flatten_stack(tracks)
        clips = tuple(_read_track(track, notes))
    except UNREADABLE as error:
        raise RenderError("`otio` has a clip without a valid range. Export it again as .otio.") from error
    if len(clips) > MAX_CLIPS:
        raise RenderError(f"`otio` has {len(clips)} clips; at most {MAX_CLIPS} can be read. Split the timeline.")
    audio_cuts = max((len(list(track.find_clips())) for track in timeline.audio_tracks()), default=0)
    if audio_cuts > len(clips):
        notes.append("Cuts of the sound that differ from those of the picture were not taken over.")
    return ImportedSequence(timeline.name, clips, tuple(dict.fromkeys(notes)))


def _read_track(track: otio.schema.Track, notes: list[str]) -> Iterator[ImportedClip]:
    for item in track:
        if isinstance(item, otio.schema.Transition):
            notes.append("Transitions became cuts.")
            continue
        if isinstance(item, otio.schema.Clip):
            yield _read_clip(item, notes)
            continue
        if not isinstance(item, otio.schema.Gap):
            raise RenderError(f"`otio` has a nested sequence ({item.name!r}). Flatten it, then export again.")
        yield ImportedClip(item.name, None, 0.0, _to_seconds(item.trimmed_range().duration))


def _read_clip(clip: otio.schema.Clip, notes: list[str]) -> ImportedClip:
    if any(isinstance(effect, otio.schema.TimeEffect) for effect in clip.effects):
        raise RenderError(f"The clip {clip.name!r} changes the speed. Remove the speed change, or render the clip.")
    span = clip.trimmed_range()
    reference = clip.media_reference
    available = reference.available_range if reference is not None else None
    start_s = _to_seconds(span.start_time) - (_to_seconds(available.start_time) if available is not None else 0)
    own = _read_metadata(clip)
    if clip.effects:
        notes.append("Effects of other programs were not taken over.")
    return ImportedClip(
        clip.name or "",
        _find_file_name(clip),
        start_s,
        _to_seconds(span.duration),
        own.asset_id,
        own.effects,
    )


class _OwnMetadata(msgspec.Struct, frozen=True):
    """What an export of Carmic wrote at a clip."""

    asset_id: str | None = None
    effects: Effects = Effects()


def _read_metadata(clip: otio.schema.Clip) -> _OwnMetadata:
    """Return the clip's own metadata. Values that are not of the expected type or range count as absent."""
    document = _to_builtins(clip.metadata.get(METADATA))
    try:
        own = msgspec.convert(document or {}, _OwnMetadata)
    except msgspec.ValidationError:
        return _OwnMetadata()
    grade = own.effects.grade
    levels = [getattr(grade, name) for name in Grade.__struct_fields__ if name != "hue_shift"]
    is_valid = all(-1 <= level <= 1 for level in levels) and -180 <= grade.hue_shift <= 180
    return own if is_valid else _OwnMetadata(own.asset_id)


def _to_builtins(value: Any) -> Any:  # noqa: ANN401 - the metadata of a document hold any JSON value
    if isinstance(value, Mapping):
        return {key: _to_builtins(item) for key, item in value.items()}
    if isinstance(value, MutableSequence):
        return [_to_builtins(item) for item in value]
    return value


def _find_file_name(clip: otio.schema.Clip) -> str:
    """Return the name of the file that a clip shows: the end of its URL, else the name of its reference or its own."""
    reference = clip.media_reference
    url = getattr(reference, "target_url", "") or ""
    name = PurePosixPath(unquote(urlsplit(url).path).replace("\\", "/")).name if url else ""
    return name or getattr(reference, "name", "") or clip.name or ""


def _to_seconds(time: otio.opentime.RationalTime) -> float:
    """Return seconds. A rounded rate such as 29.97 means 30000/1001."""
    rate = Fraction(time.rate).limit_denominator(100_000)
    ntsc = Fraction(round(time.rate * 1001 / 1000) * 1000, 1001)
    exact = ntsc if abs(float(ntsc) - time.rate) < 0.005 and rate.denominator != 1 else rate
    return float(Fraction(time.value).limit_denominator(1_000_000) / exact)
