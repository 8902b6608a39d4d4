"""Defines the timeline of one clip for editing programs, and computes its video tracks.

A timeline has tracks of items on the frame grid of its sequence. It is computed once and written in four formats.
Positions on the sequence are whole frames; positions in a media file are exact fractions of a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal
from urllib.parse import quote

import msgspec

from carmic_assets.captions.word_timing import find_first_frame
from carmic_assets.direction.canvas import Rect, place_shot
from carmic_assets.direction.crop_sampling import sample_region
from carmic_assets.exports.font_names import FontNames
from carmic_assets.exports.motion_keyframes import FrameSizes, TransformKeyframe, place_picture, reduce_keyframes
from carmic_assets.exports.package_media import PackagedAudio, PackagedVideo
from carmic_assets.exports.timecode import choose_sequence_rate, to_fraction
from carmic_assets.model.direction import FULL_FRAME, Box, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.media import FrameRate
from carmic_assets.rendering.crop_plan import SHOT_START_TOLERANCE_S, fit_source, require_video
from carmic_assets.rendering.video_graph import compute_cutaway_output_range

RGBA = tuple[float, float, float, float]  # each 0..1
FrameRange = tuple[int, int]  # end exclusive

MAX_ITEM_NAME_LENGTH = 80  # characters


class ClipItem(msgspec.Struct, frozen=True):
    """A range of a video file on a video track, in the sequence frames `start`..`end` (end exclusive).

    `source_start` is the range's start in the file, in seconds after the file's first frame. The frame numbers of
    keyframes count from `start`.
    """

    start: int
    end: int
    media: str  # the name of a `PackagedVideo`
    source_start: Fraction
    keyframes: tuple[TransformKeyframe, ...]
    speaker: str | None = None
    note: str = ""
    blur_px: float = 0.0  # radius in canvas pixels


class GainKeyframe(msgspec.Struct, frozen=True):
    """The volume at a frame of an item, as a linear gain; 1 leaves the recorded level unchanged."""

    frame: int
    gain: float


class AudioItem(msgspec.Struct, frozen=True):
    """A range of a music or effects file on an audio track. The frame numbers of `gains` count from `start`."""

    start: int
    end: int
    media: str  # the name of a `PackagedAudio`
    source_start: Fraction
    gains: tuple[GainKeyframe, ...]


class TitleStyle(msgspec.Struct, frozen=True):
    """The font, size, colours and height of a title. `middle_px` is its vertical centre, from the top of the canvas."""

    font: FontNames
    size_px: float
    color: RGBA
    stroke_px: float
    stroke_color: RGBA
    middle_px: float


class Title(msgspec.Struct, frozen=True):
    """A text on a title track."""

    start: int
    end: int
    text: str
    role: Literal["Captions", "Hook"]
    speaker: str | None
    style: TitleStyle

    @property
    def name(self) -> str:
        """The text on one line, shortened to `MAX_ITEM_NAME_LENGTH`. Programs show it as the item's name."""
        return " ".join(self.text.split())[:MAX_ITEM_NAME_LENGTH] or self.role


class SequenceMarker(msgspec.Struct, frozen=True):
    """A marker at a frame of the sequence."""

    frame: int
    name: str
    comment: str


class StillItem(msgspec.Struct, frozen=True):
    """An image on a video track. `x`, `y` and `shown_width` are as in `TransformKeyframe`; `opacity` is 0..1."""

    start: int
    end: int
    media: str  # the file's name in the package
    path: str
    width: int  # of the file
    height: int
    x: float
    y: float
    shown_width: float
    opacity: float

    @property
    def keyframe(self) -> TransformKeyframe:
        """The position and size of the image."""
        return TransformKeyframe(0, self.x, self.y, self.shown_width, self.shown_width * self.height / self.width)


class Timeline(msgspec.Struct, frozen=True):
    """The sequence of one clip, or of a project of the timeline editor.

    The video tracks from the bottom up: `background`, `main`, `second`, `broll`, `stills`, `captions`, `hook`. The
    audio of the items of `main` is the voice. Only in an editor's project, which has no other track, `main` can have
    gaps. `second` is the second image of a split; above it are `third` and `fourth`, the images of the layouts of that
    name.
    """

    name: str
    rate: FrameRate
    width: int
    height: int
    frames: int
    videos: tuple[PackagedVideo, ...]
    audio_files: tuple[PackagedAudio, ...]
    background: tuple[ClipItem, ...]
    main: tuple[ClipItem, ...]
    second: tuple[ClipItem, ...]
    broll: tuple[ClipItem, ...]
    voice_gain: float
    audio_items: tuple[AudioItem, ...]
    captions: tuple[Title, ...]
    hook: tuple[Title, ...]
    stills: tuple[tuple[StillItem, ...], ...]  # tracks, bottom first
    markers: tuple[SequenceMarker, ...]
    speakers: tuple[str, ...]
    third: tuple[ClipItem, ...] = ()
    fourth: tuple[ClipItem, ...] = ()

    @property
    def panels(self) -> tuple[tuple[ClipItem, ...], ...]:
        """The picture tracks above `main`, from the bottom up."""
        return self.second, self.third, self.fourth

    @property
    def fps(self) -> Fraction:
        """The sequence's rate in frames per second."""
        return self.rate.fraction

    @property
    def voice_gains(self) -> tuple[GainKeyframe, ...]:
        """The volume of the main track's audio: one keyframe, or none if the volume is unchanged."""
        return () if self.voice_gain == 1 else (GainKeyframe(0, self.voice_gain),)

    @property
    def audio_tracks(self) -> tuple[tuple[PackagedAudio, tuple[AudioItem, ...]], ...]:
        """One track for each audio file, with its items."""
        return tuple(
            (file, tuple(item for item in self.audio_items if item.media == file.name)) for file in self.audio_files
        )

    def find_video(self, name: str) -> PackagedVideo:
        """Return the video file of that name. Raises `KeyError` if there is none."""
        return {file.name: file for file in self.videos}[name]

    def find_audio(self, name: str) -> PackagedAudio:
        """Return the audio file of that name. Raises `KeyError` if there is none."""
        return {file.name: file for file in self.audio_files}[name]


def build_media_url(folder: str, name: str) -> str:
    """Return the relative URL by which all formats refer to a media file."""
    return f"{folder}/{quote(name)}"


class ShotSegment(msgspec.Struct, frozen=True):
    """A part of the clip with one layout: its frames in the clip and in the sequence (ends exclusive)."""

    first: int  # in frames of the clip
    end: int
    sequence_start: int
    sequence_end: int
    shot: LayoutShot


def split_segments(edit: Edit) -> tuple[ShotSegment, ...]:
    """Split the clip at every removed pause and shot change. The segments cover the sequence, in order."""
    rate = edit.rate.fraction
    rate_ratio = choose_sequence_rate(rate) / rate
    cuts = [_find_first_clip_frame(shot.start_time, rate) for shot in edit.shots[1:]]
    segments: list[ShotSegment] = []
    output_frames = 0
    for span in edit.kept_spans:
        first, end = round(Fraction(span.start_s) * rate), max(1, round(Fraction(span.end_s) * rate))
        edges = [first, *(cut for cut in cuts if first < cut < end), end]
        for a, b in pairwise(edges):
            shot = edit.shots[sum(cut <= a for cut in cuts)]
            segments.append(
                ShotSegment(a, b, round(output_frames * rate_ratio), round((output_frames + b - a) * rate_ratio), shot)
            )
            output_frames += b - a
    return tuple(segment for segment in segments if segment.sequence_end > segment.sequence_start)


def _find_first_clip_frame(seconds: float, rate: Fraction) -> int:
    """Return the first frame at or after a time of the clip clock, with the renderer's rounding tolerance."""
    return math.ceil((seconds - SHOT_START_TOLERANCE_S) * rate)


def find_source_range(edit: Edit) -> tuple[Fraction, Fraction]:
    """Return the start and end of the part of the source that the clip uses (source clock)."""
    rate = edit.rate.fraction
    segments = split_segments(edit)
    start = to_fraction(edit.start_s)
    first, end = min(segment.first for segment in segments), max(segment.end for segment in segments)
    return start + Fraction(first) / rate, start + Fraction(end) / rate


def find_sequence_frame(edit: Edit, t: float) -> int | None:
    """Return the frame of the sequence that shows time `t` of the clip clock; None in a removed pause."""
    rate = edit.rate.fraction
    frame = math.floor((t + SHOT_START_TOLERANCE_S) * rate)
    for segment in split_segments(edit):
        if segment.first <= frame < segment.end:
            return segment.sequence_start + round((frame - segment.first) * choose_sequence_rate(rate) / rate)
    return None


def find_first_sequence_frame(edit: Edit, t: float) -> int:
    """Return the sequence frame in which a text or image that starts at `t` (output clock) appears."""
    rate = edit.rate.fraction
    return round(find_first_frame(t, rate) * choose_sequence_rate(rate) / rate)


def build_picture_tracks(edit: Edit, main: PackagedVideo) -> tuple[tuple[ClipItem, ...], ...]:
    """Return the background track and those of the first to fourth image, which place the source as the renderer does.

    `main` is the packaged part of the source.
    """
    rate = edit.rate.fraction
    rate_ratio = choose_sequence_rate(rate) / rate
    layout = edit.config.layout
    video = require_video(edit.source)
    sizes = FrameSizes(edit.width, edit.height, video.width, video.height)
    canvas = Rect(0, 0, edit.width, edit.height)
    offset = round((to_fraction(edit.start_s) - main.origin) * rate)
    background_items: list[ClipItem] = []
    panel_items: tuple[list[ClipItem], ...] = ([], [], [], [])
    for segment in split_segments(edit):
        count = segment.sequence_end - segment.sequence_start
        times = [float((segment.first + n / rate_ratio) / rate) for n in range(count)]
        rects = place_shot(segment.shot, layout.aspect_ratio, layout.padding, video.width, video.height)
        crops: list[tuple[Box, ...]]
        if segment.shot.layout == "fit":
            crops = [(FULL_FRAME,)]
            rects = (fit_source(edit, rects[0]),)
        else:
            crops = [tuple(sample_region(region, t) for region in segment.shot.regions) for t in times]
        media_rate = main.rate.fraction
        item = ClipItem(
            segment.sequence_start,
            segment.sequence_end,
            main.name,
            source_start=round(Fraction(offset + segment.first) / rate * media_rate) / media_rate,
            keyframes=(),
            speaker=segment.shot.speaker,
            note=segment.shot.reason,
        )
        for region, (track, rect) in enumerate(zip(panel_items, rects, strict=False)):
            region_crops = [frame_crops[region] for frame_crops in crops]
            track.append(msgspec.structs.replace(item, keyframes=_build_keyframes(region_crops, rect, sizes)))
        if sum(rect.w * rect.h for rect in rects) < canvas.w * canvas.h:
            background_crops = [_compute_background_crop(frame_crops[0], sizes) for frame_crops in crops]
            keyframes = _build_keyframes(background_crops, canvas, sizes)
            background_items.append(
                msgspec.structs.replace(item, keyframes=keyframes, blur_px=layout.background_blur, note="")
            )
    return tuple(background_items), *(tuple(items) for items in panel_items)


def _build_keyframes(crops: Sequence[Box], rect: Rect, sizes: FrameSizes) -> tuple[TransformKeyframe, ...]:
    return reduce_keyframes([place_picture(n, crop, rect, sizes) for n, crop in enumerate(crops)], rect, sizes)


def _compute_background_crop(crop: Box, sizes: FrameSizes) -> Box:
    """Return the largest crop with the canvas's aspect ratio around the centre of `crop`, inside the source."""
    scale = min(sizes.source_width / sizes.width, sizes.source_height / sizes.height)
    w, h = sizes.width * scale / sizes.source_width, sizes.height * scale / sizes.source_height
    x, y = crop.x + crop.w / 2 - w / 2, crop.y + crop.h / 2 - h / 2
    return Box(min(max(x, 0), 1 - w), min(max(y, 0), 1 - h), w, h)


def build_broll_track(edit: Edit, videos: Mapping[int, PackagedVideo]) -> tuple[ClipItem, ...]:
    """Return the items of the video cutaways, which fill the canvas. `videos` is keyed by the cutaway's index.

    As in the renderer, a cutaway continues without a cut over a removed pause.
    """
    rate = choose_sequence_rate(edit.rate.fraction)
    items: list[ClipItem] = []
    for index, (first, ranges) in enumerate(compute_visible_cutaway_ranges(edit)):
        file = videos.get(index)
        if file is None:
            continue
        cutaway, media_rate = edit.cutaways[index], file.rate.fraction
        source_start = Fraction(round((to_fraction(cutaway.source_start_s) - file.origin) * media_rate)) / media_rate
        file_end = first + math.floor((file.frames / media_rate - source_start) * rate)
        scale = max(edit.width / file.width, edit.height / file.height)
        keyframe = TransformKeyframe(0, 0.0, 0.0, file.width * scale, file.height * scale)
        for start, end in ranges:
            if start < min(end, file_end):
                item_start = source_start + Fraction(start - first) / rate
                note = cutaway.media.name
                items.append(ClipItem(start, min(end, file_end), file.name, item_start, (keyframe,), None, note))
    return tuple(sorted(items, key=lambda item: item.start))


def compute_visible_cutaway_ranges(edit: Edit) -> list[tuple[int, list[FrameRange]]]:
    """Return for each cutaway its start frame in the sequence, and the ranges in which it is visible.

    Where two cutaways overlap, only the later one is visible.
    """
    rate = choose_sequence_rate(edit.rate.fraction)
    visible: list[tuple[int, list[FrameRange]]] = []
    for cutaway in edit.cutaways:
        start, end = (round(to_fraction(t) * rate) for t in compute_cutaway_output_range(edit, cutaway))
        visible = [
            (first, [part for frame_range in ranges for part in _subtract_range(frame_range, start, end)])
            for first, ranges in visible
        ]
        visible.append((start, [(start, end)] if start < end else []))
    return visible


def _subtract_range(frame_range: FrameRange, start: int, end: int) -> list[FrameRange]:
    """Return the parts of `frame_range` outside `start`..`end`."""
    if start >= end:
        return [frame_range]
    first, stop = frame_range
    return [(a, b) for a, b in ((first, min(stop, start)), (max(first, end), stop)) if a < b]


def assign_still_tracks(stills: Sequence[StillItem]) -> tuple[tuple[StillItem, ...], ...]:
    """Return the stills on as few tracks as possible, without overlaps on a track.

    `stills` are ordered from the bottom up. Of two that overlap in time, the later one is on the higher track.
    """
    tracks: list[list[StillItem]] = []
    for still in stills:
        overlapped_tracks = [n for n, track in enumerate(tracks) if any(_overlaps(still, other) for other in track)]
        number = max(overlapped_tracks, default=-1) + 1
        if number == len(tracks):
            tracks.append([])
        tracks[number].append(still)
    return tuple(tuple(sorted(track, key=lambda still: still.start)) for track in tracks)


def _overlaps(a: StillItem, b: StillItem) -> bool:
    return a.start < b.end and b.start < a.end
