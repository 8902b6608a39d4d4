"""`TemplateConfig`, the editor's document: section 3.5.1 of the API reference, with defaults and ranges.

A field left out takes its default; out of range is refused; unknown fields are kept by the caller, who stores the raw
document beside the parsed one. Names in JSON are camelCase except the top level, which is as the reference has it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from carmic_assets.model.direction import Aspect, Box, Keyframe, Layout

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
# An address, or the id or object key of the workspace's own media; PostgreSQL looks for no text with a NUL in it.
File = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[^\x00]*$")]


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    pass


class LayoutConfig(_Camel, frozen=True):
    layout_type: Layout = "face-track"
    aspect_ratio: Aspect = "9:16"
    padding: Annotated[float, msgspec.Meta(ge=0, le=400)] = 0  # pixels of a 1080-wide frame, around the picture
    background_blur: Percent = 20
    split_top_speaker: str = "A"
    safe_zone_overlay: bool = False
    ai_speaker_switch: bool = True


class ActiveTrack(_Camel, frozen=True):
    url: File
    id: str | None = None
    name: str | None = None


class AudioConfig(_Camel, frozen=True):
    auto_sfx_enabled: bool = False
    music_track: File = "none"
    active_track: ActiveTrack | None = None
    music_volume: Percent = 30
    voice_volume: Annotated[float, msgspec.Meta(ge=0, le=200)] = 100
    remove_pauses: bool = False


class ProgressBar(_Camel, frozen=True):
    enabled: bool = False
    color: str = "#8b5cf6"
    position: Literal["top", "bottom"] = "bottom"


class Watermark(_Camel, frozen=True):
    enabled: bool = False
    image_url: File = ""
    opacity: Percent = 70


class HookTitle(_Camel, frozen=True):
    enabled: bool = False
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    duration_sec: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 3.0


class Emoji(_Camel, frozen=True):
    """A reaction that `emoji-fill` or the client placed; clip clock."""

    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    start_time: Seconds
    duration: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.5
    speaker: str | None = None
    x: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None  # of the canvas, the picture's middle
    y: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class ElementsConfig(_Camel, frozen=True):
    progress_bar: ProgressBar = ProgressBar()
    watermark: Watermark = Watermark()
    hook_title: HookTitle = HookTitle()
    emojis: tuple[Emoji, ...] = ()


class StyleConfig(_Camel, frozen=True):
    caption_font: str = "Inter"
    font_size: Annotated[float, msgspec.Meta(ge=8, le=400)] = 72  # pixels of a 1080-wide frame
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


class BRoll(_Camel, frozen=True):
    """A cutaway on the clip clock; the talk's sound goes on. `source_duration` 0: as much as `duration` needs."""

    video_url: File
    start_time: Seconds
    duration: Annotated[float, msgspec.Meta(gt=0, le=86_400)]
    id: str | None = None
    source_id: str | None = None
    thumbnail_url: str | None = None
    source_start: Seconds = 0
    source_duration: Seconds = 0


class ShotRegion(msgspec.Struct, frozen=True):
    subject: str | None = None
    keyframes: Annotated[tuple[Keyframe, ...], msgspec.Meta(min_length=1)] = ()


class ShotOverride(msgspec.Struct, frozen=True):
    """The client's own shot (clip clock). With neither `layout`, `crop` nor `regions` it follows the director."""

    start_time: float
    end_time: float
    layout: Layout | None = None
    crop: Box | None = None
    regions: tuple[ShotRegion, ...] | None = None


class EditedWord(msgspec.Struct, frozen=True):
    """A word as the user corrected it, clip clock; the list replaces the transcript's words in the captions."""

    word: str
    start: float
    end: float
    confidence: float = 1.0
    speaker: str | None = None


class TranscriptEdit(msgspec.Struct, frozen=True):
    words: tuple[EditedWord, ...]


class TemplateConfig(msgspec.Struct, frozen=True):
    layout: LayoutConfig = LayoutConfig()
    audio: AudioConfig = AudioConfig()
    elements: ElementsConfig = ElementsConfig()
    style: StyleConfig = StyleConfig()
    b_roll: tuple[BRoll, ...] = ()
    caption_style: str = "DEFAULT"
    shots: tuple[ShotOverride, ...] | None = None
    transcript: TranscriptEdit | None = None
