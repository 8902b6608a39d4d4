"""`TemplateConfig`: all settings of a clip that the editor changes, with their defaults and ranges.

An omitted field has its default. A value out of range is rejected. Callers store the raw document beside the parsed
one, so that unknown fields survive. JSON names are camelCase, except at the top level, where they are snake_case.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from carmic_assets.model.direction import Aspect, Box, Keyframe, Layout
from carmic_assets.model.media import AudioTrack

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
# A URL, or the id or object key of a file in the media library. PostgreSQL cannot compare text that contains a NUL.
MediaReference = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[^\x00]*$")]


class _CamelCaseStruct(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the Structs whose JSON names are camelCase."""


class LayoutConfig(_CamelCaseStruct, frozen=True):
    """How the video fills the canvas."""

    layout_type: Layout = "face-track"
    aspect_ratio: Aspect = "9:16"
    # Margin around the video in pixels, at a canvas width of 1080
    padding: Annotated[float, msgspec.Meta(ge=0, le=400)] = 0
    background_blur: Percent = 20
    split_top_speaker: str = "A"
    safe_zone_overlay: bool = False
    ai_speaker_switch: bool = True


class ActiveTrack(_CamelCaseStruct, frozen=True):
    """A music track by URL. It takes precedence over `AudioConfig.music_track`."""

    url: MediaReference
    id: str | None = None
    name: str | None = None


class AudioConfig(_CamelCaseStruct, frozen=True):
    """Voice, music and sound effects; volumes in percent."""

    auto_sfx_enabled: bool = False
    music_track: MediaReference = "none"
    active_track: ActiveTrack | None = None
    music_volume: Percent = 30
    voice_volume: Annotated[float, msgspec.Meta(ge=0, le=200)] = 100
    remove_pauses: bool = False


class ProgressBar(_CamelCaseStruct, frozen=True):
    """A bar along an edge of the canvas that grows with the playing time."""

    enabled: bool = False
    color: str = "#8b5cf6"
    position: Literal["top", "bottom"] = "bottom"


class Watermark(_CamelCaseStruct, frozen=True):
    """An image in the upper right corner of the safe zone, for the whole clip."""

    enabled: bool = False
    image_url: MediaReference = ""
    opacity: Percent = 70


class HookTitle(_CamelCaseStruct, frozen=True):
    """A title card at the top of the safe zone, shown from the start of the clip."""

    enabled: bool = False
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    duration_sec: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 3.0


class Emoji(_CamelCaseStruct, frozen=True):
    """An emoji reaction on the clip clock, from `emoji-fill` or from the client.

    Without `x` and `y` it is placed near the speaker's face when the clip is rendered.
    """

    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    start_time: Seconds
    duration: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.5
    speaker: str | None = None
    x: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None  # centre of the emoji, 0..1 of the canvas
    y: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class ElementsConfig(_CamelCaseStruct, frozen=True):
    """Graphics over the video, other than captions."""

    progress_bar: ProgressBar = ProgressBar()
    watermark: Watermark = Watermark()
    hook_title: HookTitle = HookTitle()
    emojis: tuple[Emoji, ...] = ()


class StyleConfig(_CamelCaseStruct, frozen=True):
    """The caption style fields that a client can set. `captions.caption_styles` replaces those that have their default.

    With `exact` it replaces none: every field is used as written, also one that equals its default.
    """

    exact: bool = False
    caption_font: str = "Inter"
    font_size: Annotated[float, msgspec.Meta(ge=8, le=400)] = 72  # pixels, at a shorter side of 1080
    line_height: Annotated[float, msgspec.Meta(ge=0.5, le=4)] = 1.2
    stroke_thickness: Annotated[float, msgspec.Meta(ge=0, le=40)] = 3
    caption_color: str = "#ffffff"
    highlight_color: str = "#FFD700"
    drop_shadow: bool = True
    shadow_intensity: Percent = 50
    uppercase: bool = True
    caption_position: Literal["top", "middle", "bottom", "custom"] = "bottom"
    y_axis_custom_pct: Percent = 75
    lines_per_screen: Annotated[int, msgspec.Meta(ge=1, le=6)] | Literal["auto"] = 2
    animation_style: Literal["none", "pop", "fade", "slide", "bounce", "karaoke", "typewriter"] = "pop"
    animation_intensity: Percent = 50
    caption_bg: str = "rgba(0,0,0,0)"


class BRoll(_CamelCaseStruct, frozen=True):
    """A cutaway on the clip clock; the voice continues under it.

    `source_duration` limits how much of the cutaway's own video is used; 0 means as much as `duration` needs.
    """

    video_url: MediaReference
    start_time: Seconds
    duration: Annotated[float, msgspec.Meta(gt=0, le=86_400)]
    id: str | None = None
    source_id: str | None = None
    thumbnail_url: str | None = None
    source_start: Seconds = 0
    source_duration: Seconds = 0


class ShotRegion(msgspec.Struct, frozen=True):
    """A panel of a `ShotOverride` and its crop path; the client's counterpart of `direction.Region`."""

    subject: str | None = None
    keyframes: Annotated[tuple[Keyframe, ...], msgspec.Meta(min_length=1)] = ()


class ShotOverride(msgspec.Struct, frozen=True):
    """A shot that the client sets, on the clip clock.

    Without `layout`, `crop` and `regions` it follows the director.
    """

    start_time: float
    end_time: float
    layout: Layout | None = None
    crop: Box | None = None
    regions: tuple[ShotRegion, ...] | None = None


class EditedWord(msgspec.Struct, frozen=True):
    """A word that the user corrected, on the clip clock."""

    word: str
    start: float
    end: float
    confidence: float = 1.0
    speaker: str | None = None


class TranscriptEdit(msgspec.Struct, frozen=True):
    """Words that replace the transcript's in the captions of a clip."""

    words: tuple[EditedWord, ...]


class TemplateConfig(msgspec.Struct, frozen=True):
    """The complete document: every setting of a clip that a client can change."""

    layout: LayoutConfig = LayoutConfig()
    audio: AudioConfig = AudioConfig()
    elements: ElementsConfig = ElementsConfig()
    style: StyleConfig = StyleConfig()
    b_roll: tuple[BRoll, ...] = ()
    caption_style: str = "DEFAULT"
    shots: tuple[ShotOverride, ...] | None = None
    transcript: TranscriptEdit | None = None
    audio_track: AudioTrack = "auto"
