"""Final Cut Pro's and DaVinci Resolve's way in: FCPXML. Only writes a `Timeline` down.

What they make of it: position is percent of the sequence's height, right and up; scale is relative to the picture as
conformed (here always `fit`, so that a proxy and its original look the same); trim is percent of the picture's own
height for all four sides; keyframes stand on the clip's own clock, which begins at its `start`, the file's timecode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from urllib.parse import quote
from xml.etree.ElementTree import Element

from carmic_assets.exports import fcpxml_parts as parts
from carmic_assets.exports.motion_keyframes import Key
from carmic_assets.exports.nle_timeline import Bed, Level, Note, Piece, Still, Timeline, Title
from carmic_assets.exports.package_media import SOUND_RATE, Footage
from carmic_assets.exports.xml_text import clean, document, element, number

TITLE = ".../Titles.localized/Bumper:Opener.localized/Basic Title.localized/Basic Title.moti"
BLUR = ".../Effects.localized/Blur.localized/Gaussian.localized/Gaussian.moef"
BLUR_AMOUNT = "9999/986883370/100/986883376/2/100"  # the parameter's key in that template
BLUR_FULL_PX = 100  # canvas pixels of radius that the template's full amount is taken for
TITLE_START = 3600  # seconds: where Final Cut lets its own generators begin
REC709 = "1-1-1 (Rec. 709)"

# Lanes: above the spine the pictures (stills from `STILLS` on, texts over them), below it what lies behind, then the
# sounds from `SOUND` down.
SECOND, BROLL, STILLS = 1, 2, 3
BACKGROUND, SOUND = -1, -2


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
        spine = [self._clip(piece) for piece in line.main]
        for lane, pieces in ((BACKGROUND, line.background), (SECOND, line.second), (BROLL, line.broll)):
            for piece in pieces:
                self._attach(spine, piece.start, self._video(piece, lane))
        for lane, track in enumerate(line.stills, STILLS):
            for still in track:
                self._attach(spine, still.start, self._still(still, lane))
        texts = STILLS + len(line.stills)
        for lane, titles in ((texts, line.captions), (texts + 1, line.hook)):
            for title in titles:
                self._attach(spine, title.start, self._title(title, lane))
        for bed in line.beds:
            lane = SOUND - [sound.name for sound in line.sounds].index(bed.sound)
            self._attach(spine, bed.start, self._bed(bed, lane))
        for note in line.notes:
            self._mark(spine, note)
        sequence = element(
            "sequence",
            [element("spine", [parts.ordered(clip) for clip in spine])],
            format=self.format,
            duration=self._time(line.frames),
            tcStart="0s",
            tcFormat="NDF",
            audioLayout="stereo",
            audioRate="48k",
        )
        project = element("project", [sequence], name=line.name)
        library = element("library", [element("event", [project], name="Carmic")])
        resources = element("resources", sorted(self.resources, key=parts.resource_order))
        return document(element("fcpxml", [resources, library], version=version), "fcpxml")

    # Resources

    def _format(self, rate: Fraction, width: int, height: int) -> str:
        key = f"format {rate} {width}x{height}"
        if key not in self.ids:
            self._add(
                key,
                "format",
                name=parts.format_name(rate, width, height),
                frameDuration=parts.seconds(1 / rate),
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
                start=parts.seconds(parts.start_of(file)),
                duration=parts.seconds(file.frames / rate),
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

    def _clip(self, piece: Piece) -> Element:
        """A clip of the primary storyline: picture and sound."""
        line = self.timeline
        file = line.file(piece.footage)
        clip = self._asset_clip(piece, file, offset=self._time(piece.start))
        if file.channels:
            clip.set("audioRole", parts.role("dialogue", piece.speaker))
            if line.voice_gain != 1:
                clip.append(parts.volume([Level(0, line.voice_gain)], []))
        return clip

    def _video(self, piece: Piece, lane: int) -> Element:
        """A connected clip of the picture alone."""
        file = self.timeline.file(piece.footage)
        clip = self._asset_clip(piece, file, lane=lane)
        if file.channels:
            clip.set("srcEnable", "video")
            clip.append(element("adjust-volume", amount=parts.SILENT_DB))
        return clip

    def _asset_clip(self, piece: Piece, file: Footage, **where: str | int) -> Element:
        begin = parts.start_of(file) + piece.source
        clip = element(
            "asset-clip",
            (),
            ref=self._asset(file),
            name=file.name,
            start=parts.seconds(begin),
            duration=self._time(piece.end - piece.start),
            format=self._format(file.rate.fraction, file.width, file.height),
            tcFormat="DF" if file.drop else "NDF",
            videoRole=parts.role("video", piece.speaker),
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
            return [(parts.seconds(begin + key.frame / line.fps), values(key)) for key in keys]

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
                parts.put(trim, name, times(partial(_percent, side)))
            made.append(element("adjust-crop", [trim], mode="trim"))
        made.append(element("adjust-conform", type="fit"))
        transform = element("adjust-transform")
        parts.put(transform, "position", times(position))
        parts.put(transform, "scale", times(scale))
        made.append(transform)
        return made

    def _still(self, still: Still, lane: int) -> Element:
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
            lane=lane,
            name=still.name,
            start=f"{TITLE_START}s",
            duration=self._time(still.end - still.start),
            role="video.Graphics",
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
            font=style.font.family,
            fontSize=number(style.size, 2),
            fontFace=style.font.style,
            fontColor=parts.color(style.color),
            strokeColor=parts.color(style.stroke_color) if style.stroke else None,
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

    def _bed(self, bed: Bed, lane: int) -> Element:
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
                duration=parts.seconds(sound.duration),
                hasAudio=1,
                audioSources=1,
                audioChannels=sound.channels,
                audioRate=SOUND_RATE,
            )
        times = [bed.source + level.frame / line.fps for level in bed.levels]
        return element(
            "asset-clip",
            [parts.volume(bed.levels, times)],
            ref=self.ids[key],
            lane=lane,
            name=sound.name,
            start=parts.seconds(bed.source),
            duration=self._time(bed.end - bed.start),
            audioRole="music.music-1" if lane == SOUND else "effects.effects-1",
        )

    # Where things hang

    def _under(self, spine: Sequence[Element], frame: int) -> tuple[Element, Fraction]:
        """The clip of the spine at a frame, and that frame on the clip's own clock."""
        at = max(i for i, piece in enumerate(self.timeline.main) if piece.start <= frame)
        piece = self.timeline.main[at]
        local = parts.start_of(self.timeline.file(piece.footage)) + piece.source
        return spine[at], local + Fraction(frame - piece.start) / self.timeline.fps

    def _attach(self, spine: Sequence[Element], frame: int, child: Element) -> None:
        parent, time = self._under(spine, frame)
        child.set("offset", parts.seconds(time))
        parent.append(child)

    def _mark(self, spine: Sequence[Element], note: Note) -> None:
        parent, time = self._under(spine, note.frame)
        duration = self._time(1)
        parent.append(
            element("marker", start=parts.seconds(time), duration=duration, value=note.name, note=note.comment or None)
        )

    def _time(self, frames: int) -> str:
        return parts.seconds(frames / self.timeline.fps)


def _percent(side: Callable[[Key], float], key: Key) -> str:
    return number(side(key) * 100)
