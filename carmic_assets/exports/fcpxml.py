"""Writes a `Timeline` as FCPXML, the format for Final Cut Pro and DaVinci Resolve.

Both programs read it by these rules. A position is percent of the sequence's height, positive to the right and up. A
scale multiplies the conformed size; the conform is always `fit`, so that a proxy and its original look the same. A trim
is percent of the image's own height, for all four sides. Keyframe times are on the clip's own clock, which starts at
the clip's `start`, a timecode of its file.
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
    build_media_url,
)
from carmic_assets.exports.package_media import SOUND_RATE, PackagedVideo
from carmic_assets.exports.xml_text import build_element, clean_text, format_number, serialize_document

TITLE_EFFECT = ".../Titles.localized/Bumper:Opener.localized/Basic Title.localized/Basic Title.moti"
BLUR_EFFECT = ".../Effects.localized/Blur.localized/Gaussian.localized/Gaussian.moef"
BLUR_AMOUNT_KEY = "9999/986883370/100/986883376/2/100"  # the parameter "Amount" of Final Cut's Gaussian effect
BLUR_FULL_PX = 100  # the radius in canvas pixels that corresponds to an amount of 1
GENERATOR_START_S = 3600  # start of the clocks of generators, titles and stills in Final Cut
REC709 = "1-1-1 (Rec. 709)"

# Lanes relative to the spine (the primary storyline). Above it: the second to fourth image, b-roll, stills, then
# titles. Below it: the background, then the audio files from `AUDIO_LANE` down.
SECOND_LANE = 1
BACKGROUND_LANE, AUDIO_LANE = -1, -2


def serialize(timeline: Timeline, version: str, media_folder: str = "./media") -> str:
    """Return the text of the `.fcpxml`. `media_folder` is the folder of the media, relative to the `.fcpxml`.

    Resolve reads `version` 1.10 since Resolve 18; Final Cut Pro reads 1.11 since 10.7.
    """
    return _Writer(timeline, media_folder).build_document(version)


class _Writer:
    def __init__(self, timeline: Timeline, media_folder: str) -> None:
        self.timeline = timeline
        self.media_folder = media_folder
        self.resources: list[Element] = []
        self.resource_ids: dict[str, str] = {}
        self.style_count = 0
        self.sequence_format = self._add_format(timeline.fps, timeline.width, timeline.height)

    def build_document(self, version: str) -> str:
        timeline = self.timeline
        spine = [self._build_spine_clip(item) for item in timeline.main]
        # Without a third picture the lanes stay as they are, whether or not a clip has a second one.
        panels = [timeline.second, *(track for track in timeline.panels[1:] if track)]
        broll_lane = SECOND_LANE + len(panels)
        still_lane = broll_lane + 1
        for lane, items in (
            (BACKGROUND_LANE, timeline.background),
            *enumerate(panels, SECOND_LANE),
            (broll_lane, timeline.broll),
        ):
            for item in items:
                self._connect(spine, item.start, self._build_connected_video(item, lane))
        for lane, track in enumerate(timeline.stills, still_lane):
            for still in track:
                self._connect(spine, still.start, self._build_still(still, lane))
        title_lane = still_lane + len(timeline.stills)
        for lane, titles in ((title_lane, timeline.captions), (title_lane + 1, timeline.hook)):
            for title in titles:
                self._connect(spine, title.start, self._build_title(title, lane))
        lanes = {file.name: AUDIO_LANE - number for number, file in enumerate(timeline.audio_files)}
        for audio_item in timeline.audio_items:
            self._connect(spine, audio_item.start, self._build_audio(audio_item, lanes[audio_item.media]))
        for marker in timeline.markers:
            self._add_marker(spine, marker)
        sequence = build_element(
            "sequence",
            [build_element("spine", self._fill_gaps([parts.sort_children(clip) for clip in spine]))],
            format=self.sequence_format,
            duration=self._format_duration(timeline.frames),
            tcStart="0s",
            tcFormat="NDF",
            audioLayout="stereo",
            audioRate="48k",
        )
        project = build_element("project", [sequence], name=timeline.name)
        library = build_element("library", [build_element("event", [project], name="Carmic")])
        resources = build_element("resources", sorted(self.resources, key=parts.rank_resource))
        return serialize_document(build_element("fcpxml", [resources, library], version=version), "fcpxml")

    # Resources

    def _add_resource(
        self, key: str, tag: str, children: Sequence[Element] = (), **attributes: str | int | None
    ) -> str:
        """Return the id of the resource `key`. It is added by the first call."""
        if key not in self.resource_ids:
            self.resource_ids[key] = f"r{len(self.resource_ids) + 1}"
            self.resources.append(build_element(tag, children, id=self.resource_ids[key], **attributes))
        return self.resource_ids[key]

    def _add_format(self, rate: Fraction, width: int, height: int) -> str:
        return self._add_resource(
            f"format {rate} {width}x{height}",
            "format",
            name=parts.find_format_name(rate, width, height),
            frameDuration=parts.format_seconds(1 / rate),
            width=width,
            height=height,
            colorSpace=REC709,
        )

    def _add_asset(self, name: str, duration: Fraction, start: Fraction, **attributes: str | int | None) -> str:
        media = build_element("media-rep", kind="original-media", src=build_media_url(self.media_folder, name))
        return self._add_resource(
            f"asset {name}",
            "asset",
            [media],
            name=name,
            start=parts.format_seconds(start),
            duration=parts.format_seconds(duration),
            **attributes,
        )

    def _add_video_asset(self, file: PackagedVideo) -> str:
        has_audio = 1 if file.channels else None
        return self._add_asset(
            file.name,
            file.frames / file.rate.fraction,
            parts.compute_media_start_s(file),
            hasVideo=1,
            format=self._add_format(file.rate.fraction, file.width, file.height),
            videoSources=1,
            hasAudio=has_audio,
            audioSources=has_audio,
            audioChannels=file.channels or None,
            audioRate=SOUND_RATE if has_audio else None,
        )

    def _add_effect(self, name: str, uid: str) -> str:
        return self._add_resource(f"effect {name}", "effect", name=name, uid=uid)

    # Video and images

    def _build_spine_clip(self, item: ClipItem) -> Element:
        """Return a clip of the spine, with its audio."""
        file = self.timeline.find_video(item.media)
        clip = self._build_asset_clip(item, file, offset=self._format_duration(item.start))
        if file.channels:
            clip.set("audioRole", parts.build_speaker_role("dialogue", item.speaker))
            if self.timeline.voice_gains:
                clip.append(parts.build_volume(self.timeline.voice_gains, []))
        return clip

    def _fill_gaps(self, spine: Sequence[Element]) -> list[Element]:
        """Return the clips of the spine with a gap element where the main track has no item."""
        filled: list[Element] = []
        position = 0
        for item, clip in zip(self.timeline.main, spine, strict=True):
            if item.start > position:
                filled.append(self._build_gap(position, item.start))
            filled.append(clip)
            position = item.end
        if self.timeline.frames > position:
            filled.append(self._build_gap(position, self.timeline.frames))
        return filled

    def _build_gap(self, start: int, end: int) -> Element:
        return build_element(
            "gap",
            name="Gap",
            offset=self._format_duration(start),
            start=f"{GENERATOR_START_S}s",
            duration=self._format_duration(end - start),
        )

    def _build_connected_video(self, item: ClipItem, lane: int) -> Element:
        """Return a clip that is connected to the spine, without its audio."""
        file = self.timeline.find_video(item.media)
        clip = self._build_asset_clip(item, file, lane=lane)
        if file.channels:
            clip.set("srcEnable", "video")
            clip.append(build_element("adjust-volume", amount=parts.SILENCE_DB))
        return clip

    def _build_asset_clip(self, item: ClipItem, file: PackagedVideo, **position: str | int) -> Element:
        start = parts.compute_media_start_s(file) + item.source_start
        clip = build_element(
            "asset-clip",
            (),
            ref=self._add_video_asset(file),
            name=file.name,
            start=parts.format_seconds(start),
            duration=self._format_duration(item.end - item.start),
            format=self._add_format(file.rate.fraction, file.width, file.height),
            tcFormat="DF" if file.drop_frame else "NDF",
            videoRole=parts.build_speaker_role("video", item.speaker),
            **position,
        )
        if item.note:
            note = build_element("note")
            note.text = clean_text(item.note)
            clip.append(note)
        clip.extend(self._build_adjustments(item.keyframes, start, file))
        if item.blur_px:
            amount = format_number(min(1.0, item.blur_px / BLUR_FULL_PX))
            param = build_element("param", name="Amount", key=BLUR_AMOUNT_KEY, value=amount)
            effect = self._add_effect("Gaussian", BLUR_EFFECT)
            clip.append(build_element("filter-video", [param], ref=effect, name="Gaussian"))
        return clip

    def _build_adjustments(
        self, keyframes: Sequence[TransformKeyframe], start: Fraction, picture: PackagedVideo | StillItem
    ) -> list[Element]:
        """Return the crop, conform and transform elements, in the order of the DTD."""
        timeline, width, height = self.timeline, picture.width, picture.height
        conform_scale = min(timeline.width / width, timeline.height / height)
        times = [parts.format_seconds(start + key.frame / timeline.fps) for key in keyframes]

        def position(key: TransformKeyframe) -> str:
            return f"{format_number(key.x / timeline.height * 100)} {format_number(-key.y / timeline.height * 100)}"

        def scale(key: TransformKeyframe) -> str:
            factor = format_number(key.width / (width * conform_scale))
            return f"{factor} {factor}"

        def add(parent: Element, name: str, value: Callable[[TransformKeyframe], str]) -> None:
            parts.set_or_animate(parent, name, [(time, value(key)) for time, key in zip(times, keyframes, strict=True)])

        adjustments: list[Element] = []
        if is_cropped(keyframes):
            trim = build_element("trim-rect")
            add(trim, "left", lambda key: format_number(key.left * width / height * 100))
            add(trim, "top", lambda key: format_number(key.top * 100))
            add(trim, "right", lambda key: format_number(key.right * width / height * 100))
            add(trim, "bottom", lambda key: format_number(key.bottom * 100))
            adjustments.append(build_element("adjust-crop", [trim], mode="trim"))
        adjustments.append(build_element("adjust-conform", type="fit"))
        transform = build_element("adjust-transform")
        add(transform, "position", position)
        add(transform, "scale", scale)
        adjustments.append(transform)
        return adjustments

    def _build_still(self, still: StillItem, lane: int) -> Element:
        still_format = self._add_resource(
            f"format {still.media}",
            "format",
            name="FFVideoFormatRateUndefined",
            width=still.width,
            height=still.height,
            colorSpace="1-13-1",
        )
        asset = self._add_asset(still.media, Fraction(0), Fraction(0), hasVideo=1, format=still_format, videoSources=1)
        video = build_element(
            "video",
            ref=asset,
            lane=lane,
            name=still.media,
            start=f"{GENERATOR_START_S}s",
            duration=self._format_duration(still.end - still.start),
            role="video.Graphics",
        )
        video.extend(self._build_adjustments((still.keyframe,), Fraction(GENERATOR_START_S), still))
        if still.opacity < 1:
            video.append(build_element("adjust-blend", amount=format_number(still.opacity)))
        return video

    # Titles

    def _build_title(self, title: Title, lane: int) -> Element:
        timeline, style = self.timeline, title.style
        self.style_count += 1
        style_id = f"ts{self.style_count}"
        text = build_element("text-style", ref=style_id)
        text.text = clean_text(title.text)
        style_definition = build_element(
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
        return build_element(
            "title",
            [
                build_element("text", [text]),
                build_element("text-style-def", [style_definition], id=style_id),
                build_element("adjust-transform", position=f"0 {y}"),
            ],
            ref=self._add_effect("Basic Title", TITLE_EFFECT),
            lane=lane,
            name=title.name,
            start=f"{GENERATOR_START_S}s",
            duration=self._format_duration(title.end - title.start),
            role=f"titles.{title.role}",
        )

    # Audio

    def _build_audio(self, item: AudioItem, lane: int) -> Element:
        file = self.timeline.find_audio(item.media)
        asset = self._add_asset(
            file.name,
            file.duration,
            Fraction(0),
            hasAudio=1,
            audioSources=1,
            audioChannels=file.channels,
            audioRate=SOUND_RATE,
        )
        times = [item.source_start + key.frame / self.timeline.fps for key in item.gains]
        return build_element(
            "asset-clip",
            [parts.build_volume(item.gains, times)],
            ref=asset,
            lane=lane,
            name=file.name,
            start=parts.format_seconds(item.source_start),
            duration=self._format_duration(item.end - item.start),
            audioRole="music.music-1" if lane == AUDIO_LANE else "effects.effects-1",
        )

    # Positions

    def _locate(self, spine: Sequence[Element], frame: int) -> tuple[Element, Fraction]:
        """Return the spine clip at a frame of the sequence, and the frame's time on that clip's clock."""
        index = max(i for i, item in enumerate(self.timeline.main) if item.start <= frame)
        item = self.timeline.main[index]
        start = parts.compute_media_start_s(self.timeline.find_video(item.media)) + item.source_start
        return spine[index], start + Fraction(frame - item.start) / self.timeline.fps

    def _connect(self, spine: Sequence[Element], frame: int, child: Element) -> None:
        parent, time = self._locate(spine, frame)
        child.set("offset", parts.format_seconds(time))
        parent.append(child)

    def _add_marker(self, spine: Sequence[Element], marker: SequenceMarker) -> None:
        parent, time = self._locate(spine, marker.frame)
        parent.append(
            build_element(
                "marker",
                start=parts.format_seconds(time),
                duration=self._format_duration(1),
                value=marker.name,
                note=marker.comment or None,
            )
        )

    def _format_duration(self, frames: int) -> str:
        return parts.format_seconds(frames / self.timeline.fps)
