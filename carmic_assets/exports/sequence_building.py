"""Builds the `Timeline` of an editor's project from its segments. Each segment is an item of the main track."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import msgspec

from carmic_assets.direction.canvas import Rect
from carmic_assets.editing.asc_cdl import ColorDecision, to_color_decision
from carmic_assets.editing.footage import Footage, fit_size
from carmic_assets.editing.timeline_clock import placements
from carmic_assets.exports.motion_keyframes import FrameSizes, TransformKeyframe, place_picture
from carmic_assets.exports.nle_timeline import ClipItem, Timeline
from carmic_assets.exports.package_media import PackagedVideo, find_start_timecode
from carmic_assets.exports.timecode import choose_sequence_rate
from carmic_assets.media.source_audio import list_used_tracks
from carmic_assets.model.direction import FULL_FRAME
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Canvas, Segment, Segments


class EditorSequence(msgspec.Struct, frozen=True):
    """A project to export: its segments, its canvas, and by asset id its footage and the names of the files."""

    name: str
    segments: Segments
    canvas: Canvas
    footage: Mapping[str, Footage]
    file_names: Mapping[str, str]

    @property
    def rate(self) -> Fraction:
        """The rate of the sequence, which is that of the canvas if editing programs support it."""
        return choose_sequence_rate(self.canvas.rate.fraction)


class SequenceItem(msgspec.Struct, frozen=True):
    """A segment with footage, and its half-open frame range on the sequence."""

    segment: Segment
    asset_id: str
    start: int
    end: int


class ItemMedia(msgspec.Struct, frozen=True):
    """The file that an item shows, from `start_s` on (seconds of the clock that the file's `origin` is on)."""

    file: PackagedVideo
    start_s: Fraction


def list_items(sequence: EditorSequence) -> tuple[SequenceItem, ...]:
    """Return the segments with footage, in order. A segment shorter than half a frame of the sequence has no item.

    Raises:
        RenderError: there is none.
    """
    items = []
    for place in placements(sequence.segments):
        start, end = (_round_half_up(time_s * sequence.rate) for time_s in (place.start_s, place.end_s))
        if place.segment.asset_id is not None and start < end:
            items.append(SequenceItem(place.segment, place.segment.asset_id, start, end))
    if not items:
        raise RenderError("The project shows no footage, only gaps. Add a segment with footage, then export again.")
    return tuple(items)


def build_sequence_timeline(
    sequence: EditorSequence, media: Mapping[str, ItemMedia], notes: Mapping[str, str] | None = None
) -> Timeline:
    """Return the timeline of a project. `media` and `notes` are by segment id."""
    items = []
    for item in list_items(sequence):
        file, start_s = media[item.segment.id].file, media[item.segment.id].start_s
        media_rate = file.rate.fraction
        source_start = max(Fraction(0), round((start_s - file.origin) * media_rate) / media_rate)
        keyframe = _place_on_canvas(sequence, item, file)
        note = (notes or {}).get(item.segment.id, "")
        items.append(ClipItem(item.start, item.end, file.name, source_start, (keyframe,), None, note))
    rate = sequence.rate
    end_s = placements(sequence.segments)[-1].end_s
    return Timeline(
        name=" ".join(sequence.name.split()) or "Project",
        rate=FrameRate(rate.numerator, rate.denominator),
        width=sequence.canvas.width,
        height=sequence.canvas.height,
        frames=max(items[-1].end, _round_half_up(end_s * rate)),
        videos=tuple({entry.file.name: entry.file for entry in media.values()}.values()),
        audio_files=(),
        background=(),
        main=tuple(items),
        second=(),
        broll=(),
        voice_gain=1.0,
        audio_items=(),
        captions=(),
        hook=(),
        stills=(),
        markers=(),
        speakers=(),
    )


def describe_originals(sequence: EditorSequence) -> dict[str, ItemMedia]:
    """Return the uploaded files as the media of the items, for formats that refer to them instead of packing media."""
    media = {}
    for item in list_items(sequence):
        footage = sequence.footage[item.asset_id]
        name = sequence.file_names[item.asset_id]
        media[item.segment.id] = ItemMedia(describe_original(footage, name), footage.seconds(item.segment.in_frame))
    return media


def describe_original(footage: Footage, name: str) -> PackagedVideo:
    """Return an uploaded file as the formats describe media. Its frames are counted on the grid of the footage."""
    video, rate = footage.video, footage.rate
    timecode, drop_frame = find_start_timecode(footage.facts, rate.fraction, 0) or (0, False)
    channels = sum(track.channels for track in list_used_tracks(footage.facts))
    return PackagedVideo(
        name=name,
        path=footage.path,
        rate=rate,
        frames=footage.frames,
        width=video.width,
        height=video.height,
        channels=channels,
        origin=Fraction(0),
        timecode=timecode,
        drop_frame=drop_frame,
        conform_reason=None,
    )


def list_color_decisions(sequence: EditorSequence) -> dict[int, ColorDecision]:
    """Return the grades as CDLs, by the start frame of their items. A grade that turns the hue has none."""
    decisions = {}
    for item in list_items(sequence):
        grade = item.segment.effects.grade
        decision = None if grade.is_neutral else to_color_decision(grade)
        if decision is not None:
            decisions[item.start] = decision
    return decisions


def _place_on_canvas(sequence: EditorSequence, item: SequenceItem, file: PackagedVideo) -> TransformKeyframe:
    """Return the keyframe that fits the file into the canvas as the export does: centred, with bars."""
    canvas = sequence.canvas
    is_rendition = (file.width, file.height) == (canvas.width, canvas.height)
    video = sequence.footage[item.asset_id].video
    width, height = (canvas.width, canvas.height) if is_rendition else fit_size(video, canvas)
    rect = Rect((canvas.width - width) // 2, (canvas.height - height) // 2, width, height)
    return place_picture(0, FULL_FRAME, rect, FrameSizes(canvas.width, canvas.height, file.width, file.height))


def _round_half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
