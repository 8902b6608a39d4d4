"""Final Cut Pro's and DaVinci Resolve's way in: FCPXML. Only writes a `Timeline` down.

What they make of it: position is percent of the sequence's height, right and up; scale is relative to the picture as
conformed (here always `fit`, so that a proxy and its original look the same); trim is percent of the picture's own
height for all four sides; keyframes stand on the clip's own clock, which begins at its `start`, the file's timecode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from urllib.parse import quote
from xml.etree.ElementTree import Element

from carmic_assets.exports.footage import SOUND_RATE, Footage
from carmic_assets.exports.grid import nominal
from carmic_assets.exports.motion import Key
from carmic_assets.exports.timeline import Bed, Level, Note, Piece, Still, Timeline, Title
from carmic_assets.exports.xml import clean, document, element, number

TITLE = ".../Titles.localized/Bumper:Opener.localized/Basic Title.localized/Basic Title.moti"
BLUR = ".../Effects.localized/Blur.localized/Gaussian.localized/Gaussian.moef"
BLUR_AMOUNT = "9999/986883370/100/986883376/2/100"  # the parameter's key in that template
BLUR_FULL_PX = 100  # canvas pixels of radius that the template's full amount is taken for
TITLE_START = 3600  # seconds: where Final Cut lets its own generators begin
SILENT_DB = -96  # Resolve plays the sound of a picture-only clip unless it is turned down
REC709 = "1-1-1 (Rec. 709)"

# Lanes: above the spine the picture, below it what lies behind, then the sound.
SECOND, BROLL, STILLS, CAPTIONS, HOOK = 1, 2, 3, 4, 5
BACKGROUND, MUSIC = -1, -2


def write(timeline: Timeline, version: str, media: str = "./media") -> str:
    """The text of the `.fcpxml`. Media are named relative to it, in the folder `media`.

    `version`: 1.10 is what every Resolve since 18 reads, 1.11 what Final Cut Pro since 10.7 does.
    """
    return _Writer(timeline, media).document(version)


class _Writer:
    def __init__(self, timeline: Timeline, media: str):
        self.timeline = timeline
        self.media = media
        self.resources: list[Element] = []
        self.ids: dict[str, str] = {}
        self.styles = 0
        self.format = self._format(timeline.fps, timeline.width, timeline.height)

    def document(self, version: str) -> str:
        line = self.timeline
        spine = [self._clip(piece, at) for at, piece in enumerate(line.main)]
        for lane, pieces in ((BACKGROUND, line.background), (SECOND, line.second), (BROLL, line.broll)):
            for piece in pieces:
                self._attach(spine, piece.start, self._video(piece, lane))
        for still in line.stills:
            self._attach(spine, still.start, self._still(still))
        for title in line.captions:
            self._attach(spine, title.start, self._title(title, CAPTIONS))
        for title in line.hook:
            self._attach(spine, title.start, self._title(title, HOOK))
        for bed in line.beds:
            self._attach(spine, bed.start, self._bed(bed))
        for note in line.notes:
            self._mark(spine, note)
        sequence = element(
            "sequence",
            [element("spine", [_ordered(clip) for clip in spine])],
            format=self.format,
            duration=self._time(line.frames),
            tcStart="0s",
            tcFormat="NDF",
            audioLayout="stereo",
            audioRate="48k",
        )
        project = element("project", [sequence], name=line.name)
        library = element("library", [element("event", [project], name="Carmic")])
        resources = element("resources", sorted(self.resources, key=_resource_order))
        return document(element("fcpxml", [resources, library], version=version), "fcpxml")

    # Resources

    def _format(self, rate: Fraction, width: int, height: int) -> str:
        key = f"format {rate} {width}x{height}"
        if key not in self.ids:
            self._add(
                key,
                "format",
                name=_format_name(rate, width, height),
                frameDuration=seconds(1 / rate),
                width=width,
                height=height,
                colorSpace=REC709,
            )
        return self.ids[key]

    def _add(self, key: str, tag: str, children: Sequence[Element] = (), **attributes: str | int | None) -> str:
        self.ids[key] = f"r{len(self.ids) + 1}"
        self.resources.append(element(tag, children, id=self.ids[key], **attributes))
        return self.ids[key]

    def _asset(self, file: Footage) -> str:
        key = f"asset {file.name}"
        if key not in self.ids:
            rate = file.rate.fraction
            sound = 1 if file.channels else None
            self._add(
                key,
                "asset",
                [self._media(file.name)],
                name=file.name,
                start=seconds(_start(file)),
                duration=seconds(file.frames / rate),
                hasVideo=1,
                format=self._format(rate, file.width, file.height),
                videoSources=1,
                hasAudio=sound,
                audioSources=sound,
                audioChannels=file.channels or None,
                audioRate=SOUND_RATE if sound else None,
            )
        return self.ids[key]

    def _media(self, name: str) -> Element:
        return element("media-rep", kind="original-media", src=f"{self.media}/{quote(name)}")

    def _effect(self, name: str, uid: str) -> str:
        return self.ids.get(f"effect {name}") or self._add(f"effect {name}", "effect", name=name, uid=uid)

    # The picture

    def _clip(self, piece: Piece, at: int) -> Element:
        """A clip of the primary storyline: picture and sound."""
        line = self.timeline
        file = line.file(piece.footage)
        clip = self._asset_clip(piece, file, offset=self._time(piece.start))
        if file.channels:
            clip.set("audioRole", _role("dialogue", piece.speaker))
            if line.voice_gain != 1:
                clip.append(_volume([Level(0, line.voice_gain)], []))
        return clip

    def _video(self, piece: Piece, lane: int) -> Element:
        """A connected clip of the picture alone."""
        file = self.timeline.file(piece.footage)
        clip = self._asset_clip(piece, file, lane=lane)
        if file.channels:
            clip.set("srcEnable", "video")
            clip.append(element("adjust-volume", amount=SILENT_DB))
        return clip

    def _asset_clip(self, piece: Piece, file: Footage, **where: str | int) -> Element:
        begin = _start(file) + piece.source
        clip = element(
            "asset-clip",
            (),
            ref=self._asset(file),
            name=file.name,
            start=seconds(begin),
            duration=self._time(piece.end - piece.start),
            format=self._format(file.rate.fraction, file.width, file.height),
            tcFormat="DF" if file.drop else "NDF",
            videoRole=_role("video", piece.speaker),
            **where,
        )
        if piece.note:
            note = element("note")
            note.text = clean(piece.note)
            clip.append(note)
        clip.extend(self._picture(piece.keys, begin, file.width, file.height))
        if piece.blur:
            amount = min(1.0, piece.blur / BLUR_FULL_PX)
            param = element("param", name="Amount", key=BLUR_AMOUNT, value=number(amount))
            clip.append(element("filter-video", [param], ref=self._effect("Gaussian", BLUR), name="Gaussian"))
        return clip

    def _picture(self, keys: Sequence[Key], begin: Fraction, width: int, height: int) -> list[Element]:
        """Crop, conform and transform, in the order that the DTD wants."""
        line = self.timeline
        fit = min(line.width / width, line.height / height)

        def times(values: Callable[[Key], str]) -> list[tuple[str, str]]:
            return [(seconds(begin + key.frame / line.fps), values(key)) for key in keys]

        def position(key: Key) -> str:
            return f"{number(key.x / line.height * 100)} {number(-key.y / line.height * 100)}"

        def scale(key: Key) -> str:
            factor = number(key.width / (width * fit))
            return f"{factor} {factor}"

        made: list[Element] = []
        if any(key.left or key.top or key.right or key.bottom for key in keys):
            sides: dict[str, Callable[[Key], float]] = {
                "left": lambda key: key.left * width / height,
                "top": lambda key: key.top,
                "right": lambda key: key.right * width / height,
                "bottom": lambda key: key.bottom,
            }
            trim = element("trim-rect")
            for name, side in sides.items():
                _put(trim, name, times(partial(_percent, side)))
            made.append(element("adjust-crop", [trim], mode="trim"))
        made.append(element("adjust-conform", type="fit"))
        transform = element("adjust-transform")
        _put(transform, "position", times(position))
        _put(transform, "scale", times(scale))
        made.append(transform)
        return made

    def _still(self, still: Still) -> Element:
        key = f"asset {still.name}"
        if key not in self.ids:
            undefined = self._add(
                f"format {still.name}",
                "format",
                name="FFVideoFormatRateUndefined",
                width=still.width,
                height=still.height,
                colorSpace="1-13-1",
            )
            self._add(
                key,
                "asset",
                [self._media(still.name)],
                name=still.name,
                start="0s",
                duration="0s",
                hasVideo=1,
                format=undefined,
                videoSources=1,
            )
        shown = Key(0, still.x, still.y, still.shown_width, still.shown_width * still.height / still.width)
        video = element(
            "video",
            ref=self.ids[key],
            lane=STILLS,
            name=still.name,
            start=f"{TITLE_START}s",
            duration=self._time(still.end - still.start),
            role="video.Watermark",
        )
        video.extend(self._picture((shown,), Fraction(TITLE_START), still.width, still.height))
        if still.opacity < 1:
            video.append(element("adjust-blend", amount=number(still.opacity)))
        return video

    # Texts

    def _title(self, title: Title, lane: int) -> Element:
        line, style = self.timeline, title.style
        self.styles += 1
        name = f"ts{self.styles}"
        text = element("text-style", ref=name)
        text.text = clean(title.text)
        look = element(
            "text-style",
            font=style.font,
            fontSize=number(style.size, 2),
            fontFace="Bold" if style.bold else "Regular",
            fontColor=_color(style.color),
            bold=1 if style.bold else None,
            strokeColor=_color(style.stroke_color) if style.stroke else None,
            strokeWidth=number(-style.stroke, 2) if style.stroke else None,
            alignment="center",
        )
        up = (line.height / 2 - style.middle) / line.height * 100
        return element(
            "title",
            [
                element("text", [text]),
                element("text-style-def", [look], id=name),
                element("adjust-transform", position=f"0 {number(up)}"),
            ],
            ref=self._effect("Basic Title", TITLE),
            lane=lane,
            name=" ".join(title.text.split())[:80] or title.role,
            start=f"{TITLE_START}s",
            duration=self._time(title.end - title.start),
            role=f"titles.{title.role}",
        )

    # The sound

    def _bed(self, bed: Bed) -> Element:
        line = self.timeline
        sound = line.sound(bed.sound)
        key = f"asset {sound.name}"
        if key not in self.ids:
            self._add(
                key,
                "asset",
                [self._media(sound.name)],
                name=sound.name,
                start="0s",
                duration=seconds(sound.duration),
                hasAudio=1,
                audioSources=1,
                audioChannels=sound.channels,
                audioRate=SOUND_RATE,
            )
        times = [bed.source + level.frame / line.fps for level in bed.levels]
        return element(
            "asset-clip",
            [_volume(bed.levels, times)],
            ref=self.ids[key],
            lane=MUSIC,
            name=sound.name,
            start=seconds(bed.source),
            duration=self._time(bed.end - bed.start),
            audioRole="music.music-1",
        )

    # Where things hang

    def _under(self, spine: Sequence[Element], frame: int) -> tuple[Element, Fraction]:
        """The clip of the spine at a frame, and that frame on the clip's own clock."""
        at = max(i for i, piece in enumerate(self.timeline.main) if piece.start <= frame)
        piece = self.timeline.main[at]
        local = _start(self.timeline.file(piece.footage)) + piece.source
        return spine[at], local + Fraction(frame - piece.start) / self.timeline.fps

    def _attach(self, spine: Sequence[Element], frame: int, child: Element) -> None:
        parent, time = self._under(spine, frame)
        child.set("offset", seconds(time))
        parent.append(child)

    def _mark(self, spine: Sequence[Element], note: Note) -> None:
        parent, time = self._under(spine, note.frame)
        duration = self._time(1)
        parent.append(
            element("marker", start=seconds(time), duration=duration, value=note.name, note=note.comment or None)
        )

    def _time(self, frames: int) -> str:
        return seconds(frames / self.timeline.fps)


# The order of children that the DTD demands of clips (1.10 and 1.11 alike; what is not written is left out).
ORDER = (
    *("note", "param", "text", "text-style-def", "adjust-crop", "adjust-conform", "adjust-transform", "adjust-blend"),
    *("adjust-volume", "anchored", "marker", "filter-video"),
)
ANCHORED = ("asset-clip", "video", "title")


def place_of(tag: str) -> int:
    """Where a child of a clip belongs. Raises `ValueError` for one that is never written."""
    return ORDER.index("anchored" if tag in ANCHORED else tag)


def _ordered(clip: Element) -> Element:
    """The clip with its children, and theirs, in the DTD's order; within one kind by time, then by lane."""
    children = sorted((_ordered(child) if child.tag in ANCHORED else child for child in clip), key=_sort_key)
    for child in list(clip):
        clip.remove(child)
    clip.extend(children)
    return clip


def _sort_key(child: Element) -> tuple[int, Fraction, int]:
    when = child.get("offset") if child.tag in ANCHORED else child.get("start")
    return place_of(child.tag), parse_seconds(when) if when else Fraction(0), int(child.get("lane", "0"))


def _resource_order(resource: Element) -> tuple[int, int]:
    return ("format", "effect", "asset").index(resource.tag), int(str(resource.get("id"))[1:])


def _percent(side: Callable[[Key], float], key: Key) -> str:
    return number(side(key) * 100)


def _start(file: Footage) -> Fraction:
    """The file's first frame on its own clock: its timecode."""
    return file.timecode / file.rate.fraction


def _put(parent: Element, name: str, values: Sequence[tuple[str, str]]) -> None:
    """A value as attribute where it stands still, as keyframes where it moves; never both, as Final Cut writes it."""
    if len({value for _, value in values}) == 1:
        parent.set(name, values[0][1])
        return
    frames = [element("keyframe", time=time, value=value, curve="linear") for time, value in values]
    parent.append(element("param", [element("keyframeAnimation", frames)], name=name))


def _volume(levels: Sequence[Level], times: Sequence[Fraction]) -> Element:
    """Decibels without their unit: Resolve reads no other form, Final Cut reads both."""
    volume = element("adjust-volume")
    if len(levels) == 1:
        volume.set("amount", decibels(levels[0].gain))
        return volume
    frames = [
        element("keyframe", time=seconds(time), value=decibels(level.gain), curve="linear")
        for level, time in zip(levels, times, strict=True)
    ]
    volume.append(element("param", [element("keyframeAnimation", frames)], name="amount"))
    return volume


def decibels(gain: float) -> str:
    """A factor of loudness in dB, between silence and Final Cut's +12."""
    return number(min(12.0, max(float(SILENT_DB), 20 * math.log10(gain) if gain > 0 else SILENT_DB)), 3)


def _role(kind: str, speaker: str | None) -> str:
    return f"{kind}.{clean(f'Speaker {speaker}')}" if speaker else kind


def _color(rgba: tuple[float, float, float, float]) -> str:
    return " ".join(number(part, 4) for part in rgba)


def _format_name(rate: Fraction, width: int, height: int) -> str | None:
    """Final Cut's name of a format that it knows; one that it does not know goes without."""
    heights = {(1280, 720): 720, (1920, 1080): 1080}
    if (width, height) not in heights or nominal(rate) > 60:
        return None
    written = str(round(float(rate) * 100)) if rate.denominator != 1 else str(rate)
    return f"FFVideoFormat{heights[width, height]}p{written}"


def seconds(value: Fraction) -> str:
    """A rational time: `1001/30000s`, `5s`, `0s`."""
    value = Fraction(value)
    return f"{value.numerator}s" if value.denominator == 1 else f"{value.numerator}/{value.denominator}s"


def parse_seconds(text: str) -> Fraction:
    """The inverse of `seconds`. Raises `ValueError` where it is no time."""
    if not text.endswith("s"):
        raise ValueError(f"not a time: {text!r}")
    return Fraction(text[:-1])
