"""Writes a `Timeline` as xmeml version 4 (Final Cut Pro 7 XML), the format for Premiere Pro.

Premiere's reading of it: the scale of Basic Motion is percent of the picture's own size. `center` is the offset from
the middle of the sequence's frame, as a fraction of it, right and down. `in`, `out` and a keyframe's `when` count
frames of the sequence's rate from the first frame of the file. Values between keyframes are linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

import msgspec

from carmic_assets.exports import xmeml_parts as parts
from carmic_assets.exports.motion_keyframes import TransformKeyframe, is_cropped
from carmic_assets.exports.nle_timeline import AudioItem, ClipItem, StillItem, Timeline, Title, media_url
from carmic_assets.exports.package_media import SOUND_RATE, PackagedAudio, PackagedVideo
from carmic_assets.exports.xml_text import (
    CARRIAGE_RETURN,
    clean_text,
    element,
    format_number,
    leaf,
    serialize_document,
)

SPEAKER_LABELS = ("Iris", "Caribbean", "Lavender", "Cerulean", "Forest", "Rose", "Mango")
LFE_CHANNEL = {6: 3, 8: 3}  # by channel count; stereo leaves this channel out (ITU-R BS.775)


class _AudioTrack(msgspec.Struct):
    """The clip items of one audio track, in order. Premiere groups the tracks of a stereo pair."""

    items: list[Element]
    output_channel: int | None = None
    kind: str = "Mono"
    group_size: int = 1
    group_index: int = 0
    is_enabled: bool = True


def serialize(timeline: Timeline, media_folder: str = "media") -> str:
    """Return the text of the `.xml`, which names media relative to itself in `media_folder`."""
    return _Writer(timeline, media_folder).document()


class _Writer:
    def __init__(self, timeline: Timeline, media_folder: str) -> None:
        self.timeline = timeline
        self.media_folder = media_folder
        self.defined_files: set[str] = set()
        self.id_count = 0

    def document(self) -> str:
        timeline = self.timeline
        video_tracks = [
            [self._picture(item) for item in timeline.background],
            [self._picture(item) for item in timeline.main],
            [self._picture(item) for item in timeline.second],
            [self._picture(item) for item in timeline.broll],
            *([self._still(still) for still in track] for track in timeline.stills),
            [self._title(title) for title in timeline.captions],
            [self._title(title) for title in timeline.hook],
        ]
        video_tracks = [items for items in video_tracks if items]
        voice_tracks = self._voice_tracks()
        self._link(video_tracks[1 if timeline.background else 0], voice_tracks)
        audio_tracks = voice_tracks + self._music_and_effects_tracks()
        sequence = element(
            "sequence",
            [
                leaf("name", timeline.name),
                leaf("duration", timeline.frames),
                parts.rate_element(timeline.fps),
                parts.timecode_element(timeline.fps, 0, False),
                element("media", [self._video(video_tracks), self._audio(audio_tracks)]),
                *(self._marker(marker.frame, marker.name, marker.comment) for marker in timeline.markers),
            ],
            id="sequence-1",
        )
        project = element("project", [leaf("name", timeline.name), element("children", [sequence])])
        return serialize_document(element("xmeml", [project], version=4), "xmeml")

    def _video(self, tracks: Sequence[Sequence[Element]]) -> Element:
        timeline = self.timeline
        sample = element(
            "samplecharacteristics",
            [*parts.size_elements(timeline.width, timeline.height), parts.rate_element(timeline.fps)],
        )
        track_elements = [element("track", [*items, leaf("enabled", True), leaf("locked", False)]) for items in tracks]
        return element("video", [element("format", [sample]), *track_elements])

    def _audio(self, tracks: Sequence[_AudioTrack]) -> Element:
        sample = element("samplecharacteristics", [leaf("depth", 16), leaf("samplerate", SOUND_RATE)])
        groups = [
            element(
                "group",
                [
                    leaf("index", side),
                    leaf("numchannels", 1),
                    leaf("downmix", 0),
                    element("channel", [leaf("index", side)]),
                ],
            )
            for side in (1, 2)
        ]
        children = [leaf("numOutputChannels", 2), element("format", [sample]), element("outputs", groups)]
        for track in tracks:
            content = [*track.items, leaf("enabled", track.is_enabled), leaf("locked", False)]
            if track.output_channel is not None:
                content.append(leaf("outputchannelindex", track.output_channel))
            children.append(
                element(
                    "track",
                    content,
                    premiereTrackType=track.kind,
                    currentExplodedTrackIndex=track.group_index,
                    totalExplodedTrackCount=track.group_size,
                )
            )
        return element("audio", children)

    # Video

    def _picture(self, item: ClipItem) -> Element:
        file = self.timeline.find_video(item.media)
        in_point = self._in_point(item.source_start)
        head = self._video_head(item, file, in_point)
        filters = [
            self._motion_filter(item.keyframes, in_point, file.width),
            *self._crop_filters(item.keyframes, in_point),
        ]
        if item.blur_px:
            radius = parts.constant_parameter("radius", "Radius", 0, 100, item.blur_px)
            filters.append(parts.filter_element(parts.GAUSSIAN_BLUR, [radius]))
        comments = [element("comments", [leaf("mastercomment1", item.note)])] if item.note else []
        children = [*head, *filters, *self._labels(item.speaker), *comments]
        return element("clipitem", children, id=self._new_id("clipitem"))

    def _in_point(self, source_start: Fraction) -> int:
        """Return a position in a file in frames of the sequence's rate; Premiere counts so whatever the file's rate."""
        return round(source_start * self.timeline.fps)

    def _video_head(self, item: ClipItem, file: PackagedVideo, in_point: int) -> list[Element]:
        length = parts.count_sequence_frames(file, self.timeline.fps)
        media = [element("video", [leaf("duration", file.frames), self._sample(file.rate.fraction, file)])]
        if file.channels:
            media.append(parts.file_audio(file.channels))
        timecode = parts.timecode_element(file.rate.fraction, file.timecode, file.drop_frame)
        file_element = self._file(file.name, file.rate.fraction, file.frames, [timecode, element("media", media)])
        return self._head(item, in_point, length, file_element)

    def _sample(self, rate: Fraction, picture: PackagedVideo | StillItem) -> Element:
        size = parts.size_elements(picture.width, picture.height)
        return element("samplecharacteristics", [parts.rate_element(rate), *size])

    def _head(self, item: ClipItem | AudioItem | StillItem, in_point: int, length: int, file: Element) -> list[Element]:
        return [
            leaf("name", item.media),
            leaf("enabled", True),
            leaf("duration", length),
            parts.rate_element(self.timeline.fps),
            leaf("start", item.start),
            leaf("end", item.end),
            leaf("in", in_point),
            leaf("out", in_point + item.end - item.start),
            file,
        ]

    def _file(self, name: str, rate: Fraction, frames: int, details: list[Element]) -> Element:
        """Return a file: its definition the first time, a reference to it afterwards.

        Premiere imports a file that is defined twice as two files.
        """
        identity = f"file-{name}"
        if name in self.defined_files:
            return element("file", id=identity)
        self.defined_files.add(name)
        return element(
            "file",
            [
                leaf("name", name),
                leaf("pathurl", media_url(self.media_folder, name)),
                parts.rate_element(rate),
                leaf("duration", frames),
                *details,
            ],
            id=identity,
        )

    def _motion_filter(self, keyframes: Sequence[TransformKeyframe], in_point: int, width: int) -> Element:
        timeline = self.timeline
        scales = [(key.frame + in_point, format_number(key.width / width * 100)) for key in keyframes]
        points = [(key.frame + in_point, key.x / timeline.width, key.y / timeline.height) for key in keyframes]
        center = parts.parameter("center", "Center", parts.point_value(*points[0][1:]))
        if len(points) > 1:
            center.extend(parts.keyframe(frame, parts.point_value(x, y)) for frame, x, y in points)
        return parts.filter_element(
            parts.BASIC_MOTION,
            [
                parts.animated_parameter("scale", "Scale", scales, (0, 10000)),
                parts.constant_parameter("rotation", "Rotation", -8640, 8640, 0),
                center,
            ],
        )

    def _crop_filters(self, keyframes: Sequence[TransformKeyframe], in_point: int) -> list[Element]:
        if not is_cropped(keyframes):
            return []
        sides: list[tuple[str, Callable[[TransformKeyframe], float]]] = [
            ("left", lambda key: key.left),
            ("right", lambda key: key.right),
            ("top", lambda key: key.top),
            ("bottom", lambda key: key.bottom),
        ]
        parameters = [
            parts.animated_parameter(
                name, name, [(key.frame + in_point, format_number(side(key) * 100)) for key in keyframes], (0, 100)
            )
            for name, side in sides
        ]
        return [parts.filter_element(parts.CROP, parameters)]

    def _still(self, still: StillItem) -> Element:
        fps = self.timeline.fps
        media = element("media", [element("video", [leaf("duration", 1), self._sample(fps, still)])])
        file = self._file(still.media, fps, 1, [media])
        opacity = parts.constant_parameter("opacity", "Opacity", 0, 100, still.opacity * 100)
        return element(
            "clipitem",
            [
                *self._head(still, 0, still.end - still.start, file),
                leaf("stillframe", True),
                self._motion_filter((still.keyframe,), 0, still.width),
                parts.filter_element(parts.OPACITY, [opacity]),
            ],
            id=self._new_id("clipitem"),
        )

    def _title(self, title: Title) -> Element:
        """Return the Text generator of Final Cut 7, which Premiere turns into an editable graphic."""
        timeline, style = self.timeline, title.style
        text = leaf("value", "")
        text.text = clean_text(title.text).replace("\n", CARRIAGE_RETURN)
        color = [
            leaf(name, round(255 * style.color[index]))
            for name, index in (("alpha", 3), ("red", 0), ("green", 1), ("blue", 2))
        ]
        origin = parts.point_value(0, (style.middle_px - timeline.height / 2) / timeline.height)
        parameters = [
            parts.parameter("str", "Text", text),
            parts.parameter("fontname", "Font", leaf("value", style.font.postscript)),
            parts.constant_parameter("fontsize", "Size", 0, 1000, style.size_px),
            parts.constant_parameter("fontstyle", "Style", 1, 4, 1),
            parts.constant_parameter("fontalign", "Alignment", 1, 3, 2),
            parts.parameter("fontcolor", "Font Color", element("value", color)),
            parts.parameter("origin", "Origin", origin),
        ]
        length = title.end - title.start
        children = [
            leaf("name", title.name),
            leaf("duration", length),
            parts.rate_element(timeline.fps),
            leaf("start", title.start),
            leaf("end", title.end),
            leaf("in", 0),
            leaf("out", length),
            leaf("enabled", True),
            leaf("anamorphic", False),
            leaf("alphatype", "black"),
            parts.effect_element(parts.TEXT_GENERATOR, parameters),
            *self._labels(title.speaker),
        ]
        return element("generatoritem", children, id=self._new_id("generatoritem"))

    # Audio

    def _voice_tracks(self) -> list[_AudioTrack]:
        """Return one track for each channel of the source, cut like the picture."""
        timeline = self.timeline
        file = timeline.find_video(timeline.main[0].media)
        levels = [parts.audio_levels(timeline.voice_gains, 0)] if timeline.voice_gains else []
        kind = parts.track_kind(file.channels)
        is_pair = file.channels == 2
        tracks = []
        for channel, output_channel in enumerate(parts.output_channels(file.channels)):
            items = []
            for item in timeline.main:
                head = self._video_head(item, file, self._in_point(item.source_start))
                children = [*head, parts.source_track(channel), *levels]
                items.append(self._audio_clip_item(children, kind))
            tracks.append(
                _AudioTrack(
                    items,
                    output_channel,
                    kind,
                    group_size=2 if is_pair else 1,
                    group_index=channel if is_pair else 0,
                    is_enabled=LFE_CHANNEL.get(file.channels) != channel,
                )
            )
        return tracks

    def _music_and_effects_tracks(self) -> list[_AudioTrack]:
        """Return one track for each channel of the music and of the sound effects."""
        tracks = []
        for file, audio_items in self.timeline.audio_tracks:
            kind = parts.track_kind(file.channels)
            for channel, output_channel in enumerate(parts.output_channels(file.channels)):
                items = [self._audio_item(item, file, channel) for item in audio_items]
                tracks.append(_AudioTrack(items, output_channel, kind, file.channels, channel))
        return tracks

    def _audio_item(self, item: AudioItem, file: PackagedAudio, channel: int) -> Element:
        fps = self.timeline.fps
        length = int(file.duration * fps)
        media = element("media", [parts.file_audio(file.channels)])
        in_point = self._in_point(item.source_start)
        head = self._head(item, in_point, length, self._file(file.name, fps, length, [media]))
        children = [*head, parts.source_track(channel), parts.audio_levels(item.gains, in_point)]
        return self._audio_clip_item(children, parts.track_kind(file.channels))

    def _audio_clip_item(self, children: list[Element], kind: str) -> Element:
        return element("clipitem", children, id=self._new_id("clipitem"), premiereChannelType=kind.lower())

    def _link(self, pictures: Sequence[Element], voice_tracks: Sequence[_AudioTrack]) -> None:
        """Link the main picture and its audio, so that they move together; the voice tracks are the first ones."""
        for index, item in enumerate(pictures if voice_tracks else ()):
            members = [(item, "video", 2 if self.timeline.background else 1)]
            members += [(track.items[index], "audio", number) for number, track in enumerate(voice_tracks, 1)]
            for member, _, _ in members:
                for other, media_type, track_number in members:
                    member.append(
                        element(
                            "link",
                            [
                                leaf("linkclipref", other.get("id") or ""),
                                leaf("mediatype", media_type),
                                leaf("trackindex", track_number),
                                leaf("clipindex", index + 1),
                            ],
                        )
                    )

    # Markers, labels, identities

    def _marker(self, frame: int, name: str, comment: str) -> Element:
        return element("marker", [leaf("name", name), leaf("comment", comment), leaf("in", frame), leaf("out", -1)])

    def _labels(self, speaker: str | None) -> list[Element]:
        if not speaker:
            return []
        speakers = self.timeline.speakers
        index = speakers.index(speaker) if speaker in speakers else 0
        return [element("labels", [leaf("label2", SPEAKER_LABELS[index % len(SPEAKER_LABELS)])])]

    def _new_id(self, kind: str) -> str:
        self.id_count += 1
        return f"{kind}-{self.id_count}"
