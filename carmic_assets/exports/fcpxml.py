"""Writes a `Timeline` as FCPXML, the format for Final Cut Pro and DaVinci Resolve.

Their reading of it: position is percent of the sequence's height, right and up. Scale multiplies the conformed size
(always `fit` here, so that a proxy and its original look the same). Trim is percent of the picture's own height for
all four sides. Keyframe times are on the clip's own clock, which begins at its `start`, the file's timecode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from carmic_assets.exports import fcpxml_parts as parts
from carmic_assets.exports.motion_keyframes import TransformKeyframe, is_cropped
from carmic_assets.exports.nle_timeline import (
    AudioItem,
    ClipItem,
    SequenceMarker,
    StillItem,
    Timeline,
    Title,
    media_url,
)
from carmic_assets.exports.package_media import SOUND_RATE, PackagedVideo
from carmic_assets.exports.xml_text import clean_text, element, format_number, serialize_document

TITLE_EFFECT = ".../Titles.localized/Bumper:Opener.localized/Basic Title.localized/Basic Title.moti"
BLUR_EFFECT = ".../Effects.localized/Blur.localized/Gaussian.localized/Gaussian.moef"
BLUR_AMOUNT_KEY = "9999/986883370/100/986883376/2/100"  # the parameter in the Gaussian template
BLUR_FULL_PX = 100  # canvas pixels of radius that correspond to the template's full amount
GENERATOR_START_S = 3600  # Final Cut starts the clocks of its own generators here
REC709 = "1-1-1 (Rec. 709)"

# Lanes. Above the spine are the pictures, then stills from `STILL_LANE` up, then texts. Below it are the background and
# the audio files from `AUDIO_LANE` down.
SECOND_LANE, BROLL_LANE, STILL_LANE = 1, 2, 3
BACKGROUND_LANE, AUDIO_LANE = -1, -2


def serialize(timeline: Timeline, version: str, media_folder: str = "./media") -> str:
    """Return the text of the `.fcpxml`, which names media relative to itself in `media_folder`.

    Every Resolve since 18 reads `version` 1.10; Final Cut Pro reads 1.11 since 10.7.
    """
    return _Writer(timeline, media_folder).document(version)


class _Writer:
    def __init__(self, timeline: Timeline, media_folder: str) -> None:
        self.timeline = timeline
        self.media_folder = media_folder
        self.resources: list[Element] = []
        self.ids: dict[str, str] = {}
        self.style_count = 0
        self.format = self._format(timeline.fps, timeline.width, timeline.height)

    def document(self, version: str) -> str:
        timeline = self.timeline
        spine = [self._spine_clip(item) for item in timeline.main]
        for lane, items in (
            (BACKGROUND_LANE, timeline.background),
            (SECOND_LANE, timeline.second),
            (BROLL_LANE, timeline.broll),
        ):
            for item in items:
                self._connect(spine, item.start, self._connected_video(item, lane))
        for lane, track in enumerate(timeline.stills, STILL_LANE):
            for still in track:
                self._connect(spine, still.start, self._still(still, lane))
        title_lane = STILL_LANE + len(timeline.stills)
        for lane, titles in ((title_lane, timeline.captions), (title_lane + 1, timeline.hook)):
            for title in titles:
                self._connect(spine, title.start, self._title(title, lane))
        lanes = {file.name: AUDIO_LANE - number for number, file in enumerate(timeline.audio_files)}
        for audio_item in timeline.audio_items:
            self._connect(spine, audio_item.start, self._audio(audio_item, lanes[audio_item.media]))
        for marker in timeline.markers:
            self._add_marker(spine, marker)
        sequence = element(
            "sequence",
            [element("spine", [parts.sort_children(clip) for clip in spine])],
            format=self.format,
            duration=self._duration(timeline.frames),
            tcStart="0s",
            tcFormat="NDF",
            audioLayout="stereo",
            audioRate="48k",
        )
        project = element("project", [sequence], name=timeline.name)
        library = element("library", [element("event", [project], name="Carmic")])
        resources = element("resources", sorted(self.resources, key=parts.resource_rank))
        return serialize_document(element("fcpxml", [resources, library], version=version), "fcpxml")

    # Resources

    def _resource(self, key: str, tag: str, children: Sequence[Element] = (), **attributes: str | int | None) -> str:
        """Return the id of a resource; it is added the first time."""
        if key not in self.ids:
            self.ids[key] = f"r{len(self.ids) + 1}"
            self.resources.append(element(tag, children, id=self.ids[key], **attributes))
        return self.ids[key]

    def _format(self, rate: Fraction, width: int, height: int) -> str:
        return self._resource(
            f"format {rate} {width}x{height}",
            "format",
            name=parts.format_name(rate, width, height),
            frameDuration=parts.format_seconds(1 / rate),
            width=width,
            height=height,
            colorSpace=REC709,
        )

    def _asset(self, name: str, duration: Fraction, start: Fraction, **attributes: str | int | None) -> str:
        media = element("media-rep", kind="original-media", src=media_url(self.media_folder, name))
        return self._resource(
            f"asset {name}",
            "asset",
            [media],
            name=name,
            start=parts.format_seconds(start),
            duration=parts.format_seconds(duration),
            **attributes,
        )

    def _video_asset(self, file: PackagedVideo) -> str:
        has_audio = 1 if file.channels else None
        return self._asset(
            file.name,
            file.frames / file.rate.fraction,
            parts.media_start(file),
            hasVideo=1,
            format=self._format(file.rate.fraction, file.width, file.height),
            videoSources=1,
            hasAudio=has_audio,
            audioSources=has_audio,
            audioChannels=file.channels or None,
            audioRate=SOUND_RATE if has_audio else None,
        )

    def _effect(self, name: str, uid: str) -> str:
        return self._resource(f"effect {name}", "effect", name=name, uid=uid)

    # Pictures

    def _spine_clip(self, item: ClipItem) -> Element:
        """Return a clip of the primary storyline, with its audio."""
        file = self.timeline.find_video(item.media)
        clip = self._asset_clip(item, file, offset=self._duration(item.start))
        if file.channels:
            clip.set("audioRole", parts.speaker_role("dialogue", item.speaker))
            if self.timeline.voice_gains:
                clip.append(parts.adjust_volume(self.timeline.voice_gains, []))
        return clip

    def _connected_video(self, item: ClipItem, lane: int) -> Element:
        """Return a connected clip without its audio."""
        file = self.timeline.find_video(item.media)
        clip = self._asset_clip(item, file, lane=lane)
        if file.channels:
            clip.set("srcEnable", "video")
            clip.append(element("adjust-volume", amount=parts.SILENCE_DB))
        return clip

    def _asset_clip(self, item: ClipItem, file: PackagedVideo, **position: str | int) -> Element:
        start = parts.media_start(file) + item.source_start
        clip = element(
            "asset-clip",
            (),
            ref=self._video_asset(file),
            name=file.name,
            start=parts.format_seconds(start),
            duration=self._duration(item.end - item.start),
            format=self._format(file.rate.fraction, file.width, file.height),
            tcFormat="DF" if file.drop_frame else "NDF",
            videoRole=parts.speaker_role("video", item.speaker),
            **position,
        )
        if item.note:
            note = element("note")
            note.text = clean_text(item.note)
            clip.append(note)
        clip.extend(self._adjustments(item.keyframes, start, file))
        if item.blur_px:
            amount = format_number(min(1.0, item.blur_px / BLUR_FULL_PX))
            param = element("param", name="Amount", key=BLUR_AMOUNT_KEY, value=amount)
            effect = self._effect("Gaussian", BLUR_EFFECT)
            clip.append(element("filter-video", [param], ref=effect, name="Gaussian"))
        return clip

    def _adjustments(
        self, keyframes: Sequence[TransformKeyframe], start: Fraction, picture: PackagedVideo | StillItem
    ) -> list[Element]:
        """Return crop, conform and transform, in the DTD's order."""
        timeline, width, height = self.timeline, picture.width, picture.height
        conformed_scale = min(timeline.width / width, timeline.height / height)
        times = [parts.format_seconds(start + key.frame / timeline.fps) for key in keyframes]

        def position(key: TransformKeyframe) -> str:
            return f"{format_number(key.x / timeline.height * 100)} {format_number(-key.y / timeline.height * 100)}"

        def scale(key: TransformKeyframe) -> str:
            factor = format_number(key.width / (width * conformed_scale))
            return f"{factor} {factor}"

        def add(parent: Element, name: str, value: Callable[[TransformKeyframe], str]) -> None:
            parts.set_or_animate(parent, name, [(time, value(key)) for time, key in zip(times, keyframes, strict=True)])

        adjustments: list[Element] = []
        if is_cropped(keyframes):
            trim = element("trim-rect")
            add(trim, "left", lambda key: format_number(key.left * width / height * 100))
            add(trim, "top", lambda key: format_number(key.top * 100))
            add(trim, "right", lambda key: format_number(key.right * width / height * 100))
            add(trim, "bottom", lambda key: format_number(key.bottom * 100))
            adjustments.append(element("adjust-crop", [trim], mode="trim"))
        adjustments.append(element("adjust-conform", type="fit"))
        transform = element("adjust-transform")
        add(transform, "position", position)
        add(transform, "scale", scale)
        adjustments.append(transform)
        return adjustments

    def _still(self, still: StillItem, lane: int) -> Element:
        still_format = self._resource(
            f"format {still.media}",
            "format",
            name="FFVideoFormatRateUndefined",
            width=still.width,
            height=still.height,
            colorSpace="1-13-1",
        )
        asset = self._asset(still.media, Fraction(0), Fraction(0), hasVideo=1, format=still_format, videoSources=1)
        video = element(
            "video",
            ref=asset,
            lane=lane,
            name=still.media,
            start=f"{GENERATOR_START_S}s",
            duration=self._duration(still.end - still.start),
            role="video.Graphics",
        )
        video.extend(self._adjustments((still.keyframe,), Fraction(GENERATOR_START_S), still))
        if still.opacity < 1:
            video.append(element("adjust-blend", amount=format_number(still.opacity)))
        return video

    # Texts

    def _title(self, title: Title, lane: int) -> Element:
        timeline, style = self.timeline, title.style
        self.style_count += 1
        style_id = f"ts{self.style_count}"
        text = element("text-style", ref=style_id)
        text.text = clean_text(title.text)
        style_definition = element(
            "text-style",
            font=style.font.family,
            fontSize=format_number(style.size_px, 2),
            fontFace=style.font.style,
            fontColor=parts.format_color(style.color),
            strokeColor=parts.format_color(style.stroke_color) if style.stroke_px else None,
            strokeWidth=format_number(-style.stroke_px, 2) if style.stroke_px else None,
            alignment="center",
        )
        y = format_number((timeline.height / 2 - style.middle_px) / timeline.height * 100)
        return element(
            "title",
            [
                element("text", [text]),
                element("text-style-def", [style_definition], id=style_id),
                element("adjust-transform", position=f"0 {y}"),
            ],
            ref=self._effect("Basic Title", TITLE_EFFECT),
            lane=lane,
            name=title.name,
            start=f"{GENERATOR_START_S}s",
            duration=self._duration(title.end - title.start),
            role=f"titles.{title.role}",
        )

    # Audio

    def _audio(self, item: AudioItem, lane: int) -> Element:
        file = self.timeline.find_audio(item.media)
        asset = self._asset(
            file.name,
            file.duration,
            Fraction(0),
            hasAudio=1,
            audioSources=1,
            audioChannels=file.channels,
            audioRate=SOUND_RATE,
        )
        times = [item.source_start + key.frame / self.timeline.fps for key in item.gains]
        return element(
            "asset-clip",
            [parts.adjust_volume(item.gains, times)],
            ref=asset,
            lane=lane,
            name=file.name,
            start=parts.format_seconds(item.source_start),
            duration=self._duration(item.end - item.start),
            audioRole="music.music-1" if lane == AUDIO_LANE else "effects.effects-1",
        )

    # Positions

    def _locate(self, spine: Sequence[Element], frame: int) -> tuple[Element, Fraction]:
        """Return the spine clip at a frame of the sequence, and that frame's time on the clip's own clock."""
        index = max(i for i, item in enumerate(self.timeline.main) if item.start <= frame)
        item = self.timeline.main[index]
        start = parts.media_start(self.timeline.find_video(item.media)) + item.source_start
        return spine[index], start + Fraction(frame - item.start) / self.timeline.fps

    def _connect(self, spine: Sequence[Element], frame: int, child: Element) -> None:
        parent, time = self._locate(spine, frame)
        child.set("offset", parts.format_seconds(time))
        parent.append(child)

    def _add_marker(self, spine: Sequence[Element], marker: SequenceMarker) -> None:
        parent, time = self._locate(spine, marker.frame)
        parent.append(
            element(
                "marker",
                start=parts.format_seconds(time),
                duration=self._duration(1),
                value=marker.name,
                note=marker.comment or None,
            )
        )

    def _duration(self, frames: int) -> str:
        return parts.format_seconds(frames / self.timeline.fps)
