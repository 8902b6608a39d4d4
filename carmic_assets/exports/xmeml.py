"""Premiere Pro's way in: xmeml version 4 (Final Cut Pro 7 XML). Only writes a `Timeline` down.

What Premiere makes of it: Basic Motion's scale is percent of the picture's own size; `center` is the offset from the
middle in parts of the sequence's frame, right and down; `in`, `out` and a keyframe's `when` count frames of the
sequence's rate from the first frame of the file; values between keyframes are linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from urllib.parse import quote
from xml.etree.ElementTree import Element

import msgspec

from carmic_assets.exports import xmeml_parts as parts
from carmic_assets.exports.motion_keyframes import Key
from carmic_assets.exports.nle_timeline import Bed, Level, Piece, Still, Timeline, Title
from carmic_assets.exports.package_media import SOUND_RATE, Footage, Sound
from carmic_assets.exports.xml_text import CARRIAGE, clean, document, element, leaf, number

LABELS = ("Iris", "Caribbean", "Lavender", "Cerulean", "Forest", "Rose", "Mango")
LOW_FREQUENCY = {6: 3, 8: 3}  # this channel is not heard in stereo (ITU-R BS.775)


class _Track(msgspec.Struct):
    """Clip items of one track, in order."""

    items: list[Element]
    channel: int | None = None
    kind: str = "Mono"
    of: int = 1
    index: int = 0
    enabled: bool = True


def write(timeline: Timeline, media: str = "media") -> str:
    """The text of the `.xml`. Media are named relative to it, in the folder `media`."""
    return _Writer(timeline, media).document()


class _Writer:
    def __init__(self, timeline: Timeline, media: str):
        self.timeline = timeline
        self.media = media
        self.defined: set[str] = set()
        self.count = 0

    def document(self) -> str:
        line = self.timeline
        video = [
            [self._picture(piece) for piece in line.background],
            [self._picture(piece) for piece in line.main],
            [self._picture(piece) for piece in line.second],
            [self._picture(piece) for piece in line.broll],
            *([self._still(still) for still in track] for track in line.stills),
            [self._title(title) for title in line.captions],
            [self._title(title) for title in line.hook],
        ]
        tracks = [items for items in video if items]
        audio = self._voice() + self._sounds()
        self._link(tracks[1 if line.background else 0], audio)
        sequence = element(
            "sequence",
            [
                leaf("name", line.name),
                leaf("duration", line.frames),
                parts.rate_of(line.fps),
                parts.timecode_of(line.fps, 0, False),
                element("media", [self._video(tracks), self._audio(audio)]),
                *(self._marker(note.frame, note.name, note.comment) for note in line.notes),
            ],
            id="sequence-1",
        )
        project = element("project", [leaf("name", line.name), element("children", [sequence])])
        return document(element("xmeml", [project], version=4), "xmeml")

    def _video(self, tracks: Sequence[Sequence[Element]]) -> Element:
        line = self.timeline
        sample = element("samplecharacteristics", [*parts.size(line.width, line.height), parts.rate_of(line.fps)])
        made = [element("track", [*items, leaf("enabled", True), leaf("locked", False)]) for items in tracks]
        return element("video", [element("format", [sample]), *made])

    def _audio(self, tracks: Sequence[_Track]) -> Element:
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
            inside = [*track.items, leaf("enabled", track.enabled), leaf("locked", False)]
            if track.channel is not None:
                inside.append(leaf("outputchannelindex", track.channel))
            children.append(
                element(
                    "track",
                    inside,
                    premiereTrackType=track.kind,
                    currentExplodedTrackIndex=track.index,
                    totalExplodedTrackCount=track.of,
                )
            )
        return element("audio", children)

    def _picture(self, piece: Piece) -> Element:
        line = self.timeline
        file = line.file(piece.footage)
        start = self._in(piece.source)
        filters = [self._motion(piece.keys, start, file.width), *self._crop(piece.keys, start)]
        if piece.blur:
            filters.append(
                parts.filter_(
                    "Gaussian Blur",
                    "Gaussian Blur",
                    "filter",
                    "Blur",
                    [parts.scalar("radius", "Radius", 0, 100, piece.blur)],
                )
            )
        head = self._head(file.name, piece.start, piece.end, start, parts.frames(file, line.fps), self._file(file))
        labels = [element("labels", [leaf("label2", self._label(piece.speaker))])] if piece.speaker else []
        comment = [element("comments", [leaf("mastercomment1", piece.note)])] if piece.note else []
        return element("clipitem", [*head, *filters, *labels, *comment], id=self._id("clipitem"))

    def _in(self, source: Fraction) -> int:
        """Frames of the sequence's rate from the start of a file; Premiere counts so whatever the file's rate is."""
        return round(source * self.timeline.fps)

    def _head(self, name: str, start: int, end: int, begin: int, length: int, file: Element) -> list[Element]:
        return [
            leaf("name", name),
            leaf("enabled", True),
            leaf("duration", length),
            parts.rate_of(self.timeline.fps),
            leaf("start", start),
            leaf("end", end),
            leaf("in", begin),
            leaf("out", begin + end - start),
            file,
        ]

    def _motion(self, keys: Sequence[Key], start: int, width: int) -> Element:
        line = self.timeline
        scale = parts.animated(
            "scale", "Scale", [(key.frame + start, number(key.width / width * 100)) for key in keys], (0, 10000)
        )
        points = [(key.frame + start, key.x / line.width, key.y / line.height) for key in keys]
        center = element(
            "parameter", [leaf("parameterid", "center"), leaf("name", "Center"), parts.point(*points[0][1:])]
        )
        if len(points) > 1:
            center.extend(
                element("keyframe", [leaf("when", when), parts.point(x, y), parts.linear()]) for when, x, y in points
            )
        return parts.filter_(
            "Basic Motion",
            "basic",
            "motion",
            "motion",
            [scale, parts.scalar("rotation", "Rotation", -8640, 8640, 0), center],
        )

    def _crop(self, keys: Sequence[Key], start: int) -> list[Element]:
        if not any(key.left or key.top or key.right or key.bottom for key in keys):
            return []
        sides: list[tuple[str, Callable[[Key], float]]] = [
            ("left", lambda key: key.left),
            ("right", lambda key: key.right),
            ("top", lambda key: key.top),
            ("bottom", lambda key: key.bottom),
        ]
        params = [
            parts.animated(name, name, [(key.frame + start, number(side(key) * 100)) for key in keys], (0, 100))
            for name, side in sides
        ]
        return [parts.filter_("Crop", "crop", "motion", "motion", params)]

    def _file(self, file: Footage) -> Element:
        """Defined in full the first time, named after that: a file defined twice comes in twice."""
        if file.name in self.defined:
            return element("file", id=f"file-{file.name}")
        self.defined.add(file.name)
        rate = file.rate.fraction
        sample = element("samplecharacteristics", [parts.rate_of(rate), *parts.size(file.width, file.height)])
        media = [element("video", [leaf("duration", file.frames), sample])]
        if file.channels:
            media.append(parts.file_audio(file.channels))
        return element(
            "file",
            [
                leaf("name", file.name),
                leaf("pathurl", self._url(file.name)),
                parts.rate_of(rate),
                leaf("duration", file.frames),
                parts.timecode_of(rate, file.timecode, file.drop),
                element("media", media),
            ],
            id=f"file-{file.name}",
        )

    def _url(self, name: str) -> str:
        return f"{self.media}/{quote(name)}"

    def _still(self, still: Still) -> Element:
        line = self.timeline
        length = still.end - still.start
        if still.name in self.defined:
            file = element("file", id=f"file-{still.name}")
        else:
            self.defined.add(still.name)
            sample = element("samplecharacteristics", [parts.rate_of(line.fps), *parts.size(still.width, still.height)])
            file = element(
                "file",
                [
                    leaf("name", still.name),
                    leaf("pathurl", self._url(still.name)),
                    parts.rate_of(line.fps),
                    leaf("duration", 1),
                    element("media", [element("video", [leaf("duration", 1), sample])]),
                ],
                id=f"file-{still.name}",
            )
        key = Key(0, still.x, still.y, still.shown_width, still.shown_width * still.height / still.width)
        opacity = parts.filter_(
            "Opacity", "opacity", "motion", "motion", [parts.scalar("opacity", "Opacity", 0, 100, still.opacity * 100)]
        )
        head = self._head(still.name, still.start, still.end, 0, length, file)
        motion = self._motion((key,), 0, still.width)
        return element("clipitem", [*head, leaf("stillframe", True), motion, opacity], id=self._id("clipitem"))

    def _title(self, title: Title) -> Element:
        """Final Cut 7's Text generator, which Premiere turns into an editable graphic."""
        line, style = self.timeline, title.style
        text = leaf("value", "")
        text.text = clean(title.text).replace("\n", CARRIAGE)
        color = [
            leaf(name, round(255 * style.color[at]))
            for name, at in (("alpha", 3), ("red", 0), ("green", 1), ("blue", 2))
        ]
        params = [
            element("parameter", [leaf("parameterid", "str"), leaf("name", "Text"), text]),
            element(
                "parameter",
                [leaf("parameterid", "fontname"), leaf("name", "Font"), leaf("value", style.font.postscript)],
            ),
            parts.scalar("fontsize", "Size", 0, 1000, style.size),
            parts.scalar("fontstyle", "Style", 1, 4, 1),
            parts.scalar("fontalign", "Alignment", 1, 3, 2),
            element(
                "parameter", [leaf("parameterid", "fontcolor"), leaf("name", "Font Color"), element("value", color)]
            ),
            element(
                "parameter",
                [
                    leaf("parameterid", "origin"),
                    leaf("name", "Origin"),
                    parts.point(0, (style.middle - line.height / 2) / line.height),
                ],
            ),
        ]
        effect = parts.effect_of("Text", "Text", "generator", "Text", params)
        length = title.end - title.start
        children = [
            leaf("name", " ".join(title.text.split())[:80] or title.role),
            leaf("duration", length),
            parts.rate_of(line.fps),
            leaf("start", title.start),
            leaf("end", title.end),
            leaf("in", 0),
            leaf("out", length),
            leaf("enabled", True),
            leaf("anamorphic", False),
            leaf("alphatype", "black"),
            effect,
        ]
        if title.speaker:
            children.append(element("labels", [leaf("label2", self._label(title.speaker))]))
        return element("generatoritem", children, id=self._id("generatoritem"))

    def _voice(self) -> list[_Track]:
        """One track for each channel of the source, cut where the picture is."""
        line = self.timeline
        file = line.file(line.main[0].footage)
        levels = [] if line.voice_gain == 1 else [parts.audio_levels([Level(0, line.voice_gain)], 0)]
        tracks = []
        for channel, side in enumerate(parts.sides(file.channels)):
            items = []
            for piece in line.main:
                start = self._in(piece.source)
                head = self._head(
                    file.name, piece.start, piece.end, start, parts.frames(file, line.fps), self._file(file)
                )
                items.append(
                    element(
                        "clipitem",
                        [*head, parts.source_track(channel), *levels],
                        id=self._id("clipitem"),
                        premiereChannelType=parts.kind_of(file.channels).lower(),
                    )
                )
            paired = file.channels == 2
            silent = LOW_FREQUENCY.get(file.channels) == channel
            tracks.append(
                _Track(
                    items, side, parts.kind_of(file.channels), 2 if paired else 1, channel if paired else 0, not silent
                )
            )
        return tracks

    def _sounds(self) -> list[_Track]:
        """One track for each channel of the music and of the effects."""
        tracks = []
        for sound in self.timeline.sounds:
            beds = [bed for bed in self.timeline.beds if bed.sound == sound.name]
            kind, of = parts.kind_of(sound.channels), sound.channels
            for channel, side in enumerate(parts.sides(sound.channels)):
                items = [self._bed(bed, sound, channel) for bed in beds]
                tracks.append(_Track(items, side, kind, of, channel))
        return tracks

    def _bed(self, bed: Bed, sound: Sound, channel: int) -> Element:
        line = self.timeline
        length = int(sound.duration * line.fps)
        if sound.name in self.defined:
            file = element("file", id=f"file-{sound.name}")
        else:
            self.defined.add(sound.name)
            file = element(
                "file",
                [
                    leaf("name", sound.name),
                    leaf("pathurl", self._url(sound.name)),
                    parts.rate_of(line.fps),
                    leaf("duration", length),
                    element("media", [parts.file_audio(sound.channels)]),
                ],
                id=f"file-{sound.name}",
            )
        start = self._in(bed.source)
        head = self._head(sound.name, bed.start, bed.end, start, length, file)
        return element(
            "clipitem",
            [*head, parts.source_track(channel), parts.audio_levels(bed.levels, start)],
            id=self._id("clipitem"),
            premiereChannelType=parts.kind_of(sound.channels).lower(),
        )

    def _link(self, picture: Sequence[Element], audio: Sequence[_Track]) -> None:
        """The main picture and its sound move together."""
        voice = [track for track in audio if len(track.items) == len(picture) and self._is_voice(track)]
        for at, item in enumerate(picture if voice else ()):
            members = [(item, "video", 2 if self.timeline.background else 1)]
            members += [(track.items[at], "audio", audio.index(track) + 1) for track in voice]
            for member, _, _ in members:
                for other, kind, track in members:
                    member.append(
                        element(
                            "link",
                            [
                                leaf("linkclipref", other.get("id") or ""),
                                leaf("mediatype", kind),
                                leaf("trackindex", track),
                                leaf("clipindex", at + 1),
                            ],
                        )
                    )

    def _is_voice(self, track: _Track) -> bool:
        return track.items[0].findtext("name") == self.timeline.main[0].footage

    def _marker(self, frame: int, name: str, comment: str) -> Element:
        return element("marker", [leaf("name", name), leaf("comment", comment), leaf("in", frame), leaf("out", -1)])

    def _label(self, speaker: str) -> str:
        known = self.timeline.speakers
        return LABELS[(known.index(speaker) if speaker in known else 0) % len(LABELS)]

    def _id(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"
