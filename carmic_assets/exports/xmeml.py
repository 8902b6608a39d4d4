"""Writes a `Timeline` as xmeml version 4 (Final Cut Pro 7 XML), the format for Premiere Pro.

Premiere reads it by these rules. The scale of Basic Motion is percent of the image's own size. `center` is the offset
from the centre of the sequence's frame, as a fraction of the frame, positive to the right and down. `in`, `out` and a
keyframe's `when` count frames at the sequence's rate, from the first frame of the file. Interpolation is linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

import msgspec

from carmic_assets.exports import xmeml_parts as parts
from carmic_assets.exports.motion_keyframes import TransformKeyframe, is_cropped
from carmic_assets.exports.nle_timeline import AudioItem, ClipItem, StillItem, Timeline, Title, build_media_url
from carmic_assets.exports.package_media import SOUND_RATE, PackagedAudio, PackagedVideo
from carmic_assets.exports.xml_text import (
    CARRIAGE_RETURN,
    build_element,
    build_leaf,
    clean_text,
    format_number,
    serialize_document,
)

SPEAKER_LABELS = ("Iris", "Caribbean", "Lavender", "Cerulean", "Forest", "Rose", "Mango")
LFE_CHANNEL = {6: 3, 8: 3}  # by channel count; a stereo downmix omits this channel (ITU-R BS.775)


class _AudioTrack(msgspec.Struct):
    """One audio track with its clip items in order. Premiere joins the two tracks of a stereo pair by their group.

    `pictures` gives for each item of a voice track the number of its picture on the main track.
    """

    items: list[Element]
    output_channel: int | None = None
    kind: str = "Mono"
    group_size: int = 1
    group_index: int = 0
    is_enabled: bool = True
    pictures: tuple[int, ...] = ()


def serialize(timeline: Timeline, media_folder: str = "media") -> str:
    """Return the text of the `.xml`. `media_folder` is the folder of the media, relative to the `.xml`."""
    return _Writer(timeline, media_folder).build_document()


class _Writer:
    def __init__(self, timeline: Timeline, media_folder: str) -> None:
        self.timeline = timeline
        self.media_folder = media_folder
        self.defined_files: set[str] = set()
        self.id_count = 0

    def build_document(self) -> str:
        timeline = self.timeline
        video_tracks = [
            [self._build_picture(item) for item in timeline.background],
            [self._build_picture(item) for item in timeline.main],
            *([self._build_picture(item) for item in track] for track in timeline.panels),
            [self._build_picture(item) for item in timeline.broll],
            *([self._build_still(still) for still in track] for track in timeline.stills),
            [self._build_title(title) for title in timeline.captions],
            [self._build_title(title) for title in timeline.hook],
        ]
        video_tracks = [items for items in video_tracks if items]
        voice_tracks = self._build_voice_tracks()
        self._link(video_tracks[1 if timeline.background else 0], voice_tracks)
        audio_tracks = voice_tracks + self._build_music_and_effects_tracks()
        sequence = build_element(
            "sequence",
            [
                build_leaf("name", timeline.name),
                build_leaf("duration", timeline.frames),
                parts.build_rate(timeline.fps),
                parts.build_timecode(timeline.fps, 0, False),
                build_element("media", [self._build_video(video_tracks), self._build_audio(audio_tracks)]),
                *(self._build_marker(marker.frame, marker.name, marker.comment) for marker in timeline.markers),
            ],
            id="sequence-1",
        )
        project = build_element("project", [build_leaf("name", timeline.name), build_element("children", [sequence])])
        return serialize_document(build_element("xmeml", [project], version=4), "xmeml")

    def _build_video(self, tracks: Sequence[Sequence[Element]]) -> Element:
        timeline = self.timeline
        sample = build_element(
            "samplecharacteristics",
            [*parts.build_size(timeline.width, timeline.height), parts.build_rate(timeline.fps)],
        )
        track_elements = [
            build_element("track", [*items, build_leaf("enabled", True), build_leaf("locked", False)])
            for items in tracks
        ]
        return build_element("video", [build_element("format", [sample]), *track_elements])

    def _build_audio(self, tracks: Sequence[_AudioTrack]) -> Element:
        sample = build_element("samplecharacteristics", [build_leaf("depth", 16), build_leaf("samplerate", SOUND_RATE)])
        groups = [
            build_element(
                "group",
                [
                    build_leaf("index", side),
                    build_leaf("numchannels", 1),
                    build_leaf("downmix", 0),
                    build_element("channel", [build_leaf("index", side)]),
                ],
            )
            for side in (1, 2)
        ]
        children = [
            build_leaf("numOutputChannels", 2),
            build_element("format", [sample]),
            build_element("outputs", groups),
        ]
        for track in tracks:
            content = [*track.items, build_leaf("enabled", track.is_enabled), build_leaf("locked", False)]
            if track.output_channel is not None:
                content.append(build_leaf("outputchannelindex", track.output_channel))
            children.append(
                build_element(
                    "track",
                    content,
                    premiereTrackType=track.kind,
                    currentExplodedTrackIndex=track.group_index,
                    totalExplodedTrackCount=track.group_size,
                )
            )
        return build_element("audio", children)

    # Video

    def _build_picture(self, item: ClipItem) -> Element:
        file = self.timeline.find_video(item.media)
        in_point = self._compute_in_point(item.source_start)
        head = self._build_video_head(item, file, in_point)
        filters = [
            self._build_motion_filter(item.keyframes, in_point, file.width),
            *self._build_crop_filters(item.keyframes, in_point),
        ]
        if item.blur_px:
            radius = parts.build_constant_parameter("radius", "Radius", 0, 100, item.blur_px)
            filters.append(parts.build_filter(parts.GAUSSIAN_BLUR, [radius]))
        comments = [build_element("comments", [build_leaf("mastercomment1", item.note)])] if item.note else []
        children = [*head, *filters, *self._build_labels(item.speaker), *comments]
        return build_element("clipitem", children, id=self._new_id("clipitem"))

    def _compute_in_point(self, source_start: Fraction) -> int:
        """Return a position in a file in frames at the sequence's rate, which Premiere uses for files of any rate."""
        return round(source_start * self.timeline.fps)

    def _build_video_head(self, item: ClipItem, file: PackagedVideo, in_point: int) -> list[Element]:
        length = parts.count_sequence_frames(file, self.timeline.fps)
        media = [
            build_element("video", [build_leaf("duration", file.frames), self._build_sample(file.rate.fraction, file)])
        ]
        if file.channels:
            media.append(parts.build_file_audio(file.channels))
        timecode = parts.build_timecode(file.rate.fraction, file.timecode, file.drop_frame)
        file_element = self._build_file(
            file.name, file.rate.fraction, file.frames, [timecode, build_element("media", media)]
        )
        return self._build_head(item, in_point, length, file_element)

    def _build_sample(self, rate: Fraction, picture: PackagedVideo | StillItem) -> Element:
        size = parts.build_size(picture.width, picture.height)
        return build_element("samplecharacteristics", [parts.build_rate(rate), *size])

    def _build_head(
        self, item: ClipItem | AudioItem | StillItem, in_point: int, length: int, file: Element
    ) -> list[Element]:
        return [
            build_leaf("name", item.media),
            build_leaf("enabled", True),
            build_leaf("duration", length),
            parts.build_rate(self.timeline.fps),
            build_leaf("start", item.start),
            build_leaf("end", item.end),
            build_leaf("in", in_point),
            build_leaf("out", in_point + item.end - item.start),
            file,
        ]

    def _build_file(self, name: str, rate: Fraction, frames: int, details: list[Element]) -> Element:
        """Return the definition of a file at the first call, and a reference to it afterwards.

        Premiere would import a file that is defined twice as two files.
        """
        identity = f"file-{name}"
        if name in self.defined_files:
            return build_element("file", id=identity)
        self.defined_files.add(name)
        return build_element(
            "file",
            [
                build_leaf("name", name),
                build_leaf("pathurl", build_media_url(self.media_folder, name)),
                parts.build_rate(rate),
                build_leaf("duration", frames),
                *details,
            ],
            id=identity,
        )

    def _build_motion_filter(self, keyframes: Sequence[TransformKeyframe], in_point: int, width: int) -> Element:
        timeline = self.timeline
        scales = [(key.frame + in_point, format_number(key.width / width * 100)) for key in keyframes]
        points = [(key.frame + in_point, key.x / timeline.width, key.y / timeline.height) for key in keyframes]
        center = parts.build_parameter("center", "Center", parts.build_point_value(*points[0][1:]))
        if len(points) > 1:
            center.extend(parts.build_keyframe(frame, parts.build_point_value(x, y)) for frame, x, y in points)
        return parts.build_filter(
            parts.BASIC_MOTION,
            [
                parts.build_animated_parameter("scale", "Scale", scales, (0, 10000)),
                parts.build_constant_parameter("rotation", "Rotation", -8640, 8640, 0),
                center,
            ],
        )

    def _build_crop_filters(self, keyframes: Sequence[TransformKeyframe], in_point: int) -> list[Element]:
        if not is_cropped(keyframes):
            return []
        sides: list[tuple[str, Callable[[TransformKeyframe], float]]] = [
            ("left", lambda key: key.left),
            ("right", lambda key: key.right),
            ("top", lambda key: key.top),
            ("bottom", lambda key: key.bottom),
        ]
        parameters = [
            parts.build_animated_parameter(
                name, name, [(key.frame + in_point, format_number(side(key) * 100)) for key in keyframes], (0, 100)
            )
            for name, side in sides
        ]
        return [parts.build_filter(parts.CROP, parameters)]

    def _build_still(self, still: StillItem) -> Element:
        fps = self.timeline.fps
        media = build_element(
            "media", [build_element("video", [build_leaf("duration", 1), self._build_sample(fps, still)])]
        )
        file = self._build_file(still.media, fps, 1, [media])
        opacity = parts.build_constant_parameter("opacity", "Opacity", 0, 100, still.opacity * 100)
        return build_element(
            "clipitem",
            [
                *self._build_head(still, 0, still.end - still.start, file),
                build_leaf("stillframe", True),
                self._build_motion_filter((still.keyframe,), 0, still.width),
                parts.build_filter(parts.OPACITY, [opacity]),
            ],
            id=self._new_id("clipitem"),
        )

    def _build_title(self, title: Title) -> Element:
        """Return a Text generator of Final Cut 7, which Premiere imports as an editable graphic."""
        timeline, style = self.timeline, title.style
        text = build_leaf("value", "")
        text.text = clean_text(title.text).replace("\n", CARRIAGE_RETURN)
        color = [
            build_leaf(name, round(255 * style.color[index]))
            for name, index in (("alpha", 3), ("red", 0), ("green", 1), ("blue", 2))
        ]
        origin = parts.build_point_value(0, (style.middle_px - timeline.height / 2) / timeline.height)
        parameters = [
            parts.build_parameter("str", "Text", text),
            parts.build_parameter("fontname", "Font", build_leaf("value", style.font.postscript)),
            parts.build_constant_parameter("fontsize", "Size", 0, 1000, style.size_px),
            parts.build_constant_parameter("fontstyle", "Style", 1, 4, 1),
            parts.build_constant_parameter("fontalign", "Alignment", 1, 3, 2),
            parts.build_parameter("fontcolor", "Font Color", build_element("value", color)),
            parts.build_parameter("origin", "Origin", origin),
        ]
        length = title.end - title.start
        children = [
            build_leaf("name", title.name),
            build_leaf("duration", length),
            parts.build_rate(timeline.fps),
            build_leaf("start", title.start),
            build_leaf("end", title.end),
            build_leaf("in", 0),
            build_leaf("out", length),
            build_leaf("enabled", True),
            build_leaf("anamorphic", False),
            build_leaf("alphatype", "black"),
            parts.build_effect(parts.TEXT_GENERATOR, parameters),
            *self._build_labels(title.speaker),
        ]
        return build_element("generatoritem", children, id=self._new_id("generatoritem"))

    # Audio

    def _build_voice_tracks(self) -> list[_AudioTrack]:
        """Return one track for each channel of the main files, with the same cuts as the picture."""
        timeline = self.timeline
        files = [timeline.find_video(item.media) for item in timeline.main]
        channel_count = max(file.channels for file in files)
        levels = [parts.build_audio_levels(timeline.voice_gains, 0)] if timeline.voice_gains else []
        kind = parts.choose_track_kind(channel_count)
        is_pair = channel_count == 2
        tracks = []
        for channel, output_channel in enumerate(parts.find_output_channels(channel_count)):
            items, pictures = [], []
            for number, (item, file) in enumerate(zip(timeline.main, files, strict=True)):
                # A mono file plays on both sides of a stereo pair.
                source_channel = 0 if file.channels == 1 and channel < 2 else channel
                if source_channel >= file.channels:
                    continue
                head = self._build_video_head(item, file, self._compute_in_point(item.source_start))
                children = [*head, parts.build_source_track(source_channel), *levels]
                items.append(self._build_audio_clip_item(children, kind))
                pictures.append(number)
            tracks.append(
                _AudioTrack(
                    items,
                    output_channel,
                    kind,
                    group_size=2 if is_pair else 1,
                    group_index=channel if is_pair else 0,
                    is_enabled=LFE_CHANNEL.get(channel_count) != channel,
                    pictures=tuple(pictures),
                )
            )
        return tracks

    def _build_music_and_effects_tracks(self) -> list[_AudioTrack]:
        """Return one track for each channel of the music and the sound effects."""
        tracks = []
        for file, audio_items in self.timeline.audio_tracks:
            kind = parts.choose_track_kind(file.channels)
            for channel, output_channel in enumerate(parts.find_output_channels(file.channels)):
                items = [self._build_audio_item(item, file, channel) for item in audio_items]
                tracks.append(_AudioTrack(items, output_channel, kind, file.channels, channel))
        return tracks

    def _build_audio_item(self, item: AudioItem, file: PackagedAudio, channel: int) -> Element:
        fps = self.timeline.fps
        length = int(file.duration * fps)
        media = build_element("media", [parts.build_file_audio(file.channels)])
        in_point = self._compute_in_point(item.source_start)
        head = self._build_head(item, in_point, length, self._build_file(file.name, fps, length, [media]))
        children = [*head, parts.build_source_track(channel), parts.build_audio_levels(item.gains, in_point)]
        return self._build_audio_clip_item(children, parts.choose_track_kind(file.channels))

    def _build_audio_clip_item(self, children: list[Element], kind: str) -> Element:
        return build_element("clipitem", children, id=self._new_id("clipitem"), premiereChannelType=kind.lower())

    def _link(self, pictures: Sequence[Element], voice_tracks: Sequence[_AudioTrack]) -> None:
        """Link each main picture with its audio, so that they move together. The voice tracks are numbered from 1."""
        for picture, item in enumerate(pictures if voice_tracks else ()):
            members: list[tuple[Element, str, int, int]] = [
                (item, "video", 2 if self.timeline.background else 1, picture)
            ]
            members += self._list_voices(voice_tracks, picture)
            for member, *_ in members:
                for other, media_type, track_number, index in members:
                    member.append(
                        build_element(
                            "link",
                            [
                                build_leaf("linkclipref", other.get("id") or ""),
                                build_leaf("mediatype", media_type),
                                build_leaf("trackindex", track_number),
                                build_leaf("clipindex", index + 1),
                            ],
                        )
                    )

    def _list_voices(self, tracks: Sequence[_AudioTrack], picture: int) -> list[tuple[Element, str, int, int]]:
        """Return the audio items of a main picture: the item, its media type, track number and place on the track."""
        return [
            (track.items[place], "audio", number, place)
            for number, track in enumerate(tracks, 1)
            for place, own_picture in enumerate(track.pictures)
            if own_picture == picture
        ]

    # Markers, labels, identities

    def _build_marker(self, frame: int, name: str, comment: str) -> Element:
        return build_element(
            "marker",
            [build_leaf("name", name), build_leaf("comment", comment), build_leaf("in", frame), build_leaf("out", -1)],
        )

    def _build_labels(self, speaker: str | None) -> list[Element]:
        if not speaker:
            return []
        speakers = self.timeline.speakers
        index = speakers.index(speaker) if speaker in speakers else 0
        return [build_element("labels", [build_leaf("label2", SPEAKER_LABELS[index % len(SPEAKER_LABELS)])])]

    def _new_id(self, kind: str) -> str:
        self.id_count += 1
        return f"{kind}-{self.id_count}"
