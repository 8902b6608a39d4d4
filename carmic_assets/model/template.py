"""`TemplateConfig`: all settings of a clip that the editor changes, with their defaults and ranges.

An omitted field has its default. A value out of range is rejected. Callers store the raw document beside the parsed
one, so that unknown fields survive. JSON names are camelCase, except at the top level, where they are snake_case.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from carmic_assets.model.direction import Aspect, Box, Keyframe, Layout, LayoutType
from carmic_assets.model.media import AudioTrack

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
# A URL, or the id or object key of a file in the media library. PostgreSQL cannot compare text that contains a NUL.
MediaReference = Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[^\x00]*$")]


class _CamelCaseStruct(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the Structs whose JSON names are camelCase."""


class LayoutConfig(_CamelCaseStruct, frozen=True):
    """How the video fills the canvas."""

    layout_type: Annotated[
        LayoutType, msgspec.Meta(description="How the video fills the canvas; `auto` picks a layout for each shot.")
    ] = "auto"
    aspect_ratio: Annotated[Aspect, msgspec.Meta(description="Shape of the canvas.")] = "9:16"
    padding: Annotated[
        float,
        msgspec.Meta(ge=0, le=400, description="Margin around the video, in pixels of a 1080 pixels wide frame."),
    ] = 0  # pixels at a canvas width of 1080, around the picture
    background_blur: Annotated[
        Percent, msgspec.Meta(description="Blur of the background around a fitted video, in percent.")
    ] = 20
    split_top_speaker: Annotated[
        str, msgspec.Meta(description="Label of the speaker in the upper panel of a split.")
    ] = "A"
    safe_zone_overlay: Annotated[
        bool, msgspec.Meta(description="Whether the edge of the safe zone is drawn into the video, for editing only.")
    ] = False
    ai_speaker_switch: Annotated[bool, msgspec.Meta(description="Whether the crop changes to whoever speaks.")] = True


class ActiveTrack(_CamelCaseStruct, frozen=True):
    """A music track by URL. It takes precedence over `AudioConfig.music_track`."""

    url: Annotated[
        MediaReference,
        msgspec.Meta(
            description="The music: an http(s) URL, or the `object_key` or URL of the workspace's own media.",
            examples=["workspaces/7b1c/media/theme.mp3"],
        ),
    ]
    id: Annotated[
        str | None,
        msgspec.Meta(description="Id of the track at its provider, kept for the editor.", examples=["track-17"]),
    ] = None
    name: Annotated[
        str | None, msgspec.Meta(description="Name of the track, kept for the editor.", examples=["Theme"])
    ] = None


class AudioConfig(_CamelCaseStruct, frozen=True):
    """Voice, music and sound effects; volumes in percent."""

    auto_sfx_enabled: Annotated[
        bool, msgspec.Meta(description="Whether sound effects are added at cuts and highlights.")
    ] = False
    music_track: Annotated[
        MediaReference, msgspec.Meta(description="`none`, or the id of an audio file of the workspace's media.")
    ] = "none"
    active_track: Annotated[
        ActiveTrack | None,
        msgspec.Meta(description="Music by URL; takes precedence over `musicTrack`. Null for none."),
    ] = None
    music_volume: Annotated[Percent, msgspec.Meta(description="Volume of the music, in percent.")] = 30
    voice_volume: Annotated[float, msgspec.Meta(ge=0, le=200, description="Volume of the voices, in percent.")] = 100
    remove_pauses: Annotated[bool, msgspec.Meta(description="Whether long pauses are cut out.")] = False


class ProgressBar(_CamelCaseStruct, frozen=True):
    """A bar along an edge of the canvas that grows with the playing time."""

    enabled: Annotated[bool, msgspec.Meta(description="Whether the bar is shown.")] = False
    color: Annotated[str, msgspec.Meta(description="Colour of the bar, as in CSS.")] = "#8b5cf6"
    position: Annotated[Literal["top", "bottom"], msgspec.Meta(description="The edge that the bar runs along.")] = (
        "bottom"
    )


class Watermark(_CamelCaseStruct, frozen=True):
    """An image in the upper right corner of the safe zone, for the whole clip."""

    enabled: Annotated[bool, msgspec.Meta(description="Whether the image is shown.")] = False
    image_url: Annotated[
        MediaReference,
        msgspec.Meta(
            description="The image: an http(s) URL, or the `object_key` or URL of the workspace's own media.",
            examples=["workspaces/7b1c/media/logo.png"],
        ),
    ] = ""
    opacity: Annotated[Percent, msgspec.Meta(description="Opacity of the image, in percent.")] = 70


class HookTitle(_CamelCaseStruct, frozen=True):
    """A title card at the top of the safe zone, shown from the start of the clip."""

    enabled: Annotated[bool, msgspec.Meta(description="Whether the title card is shown.")] = False
    text: Annotated[
        str, msgspec.Meta(max_length=500, description="Text of the title card.", examples=["Wait for it"])
    ] = ""
    duration_sec: Annotated[
        float, msgspec.Meta(ge=0.1, le=60, description="How long it is shown, in seconds from the clip's start.")
    ] = 3.0


class Emoji(_CamelCaseStruct, frozen=True):
    """An emoji reaction on the clip clock, from `emoji-fill` or from the client.

    Without `x` and `y` it is placed near the speaker's face when the clip is rendered.
    """

    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32, description="The emoji.", examples=["🔥"])]
    start_time: Annotated[
        Seconds, msgspec.Meta(description="When it appears, in seconds from the clip's start.", examples=[4.2])
    ]
    duration: Annotated[float, msgspec.Meta(gt=0, le=60, description="How long it is shown, in seconds.")] = 1.5
    speaker: Annotated[
        str | None, msgspec.Meta(description="Label of the speaker beside whom it appears.", examples=["A"])
    ] = None
    x: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)] | None,
        msgspec.Meta(
            description="Horizontal middle, in fractions of the canvas's width; beside the speaker if omitted.",
            examples=[0.7],
        ),
    ] = None  # centre of the emoji, 0..1 of the canvas
    y: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)] | None,
        msgspec.Meta(
            description="Vertical middle, in fractions of the canvas's height; beside the speaker if omitted.",
            examples=[0.3],
        ),
    ] = None


class ElementsConfig(_CamelCaseStruct, frozen=True):
    """Graphics over the video, other than captions."""

    progress_bar: Annotated[ProgressBar, msgspec.Meta(description="A bar that grows with the playing time.")] = (
        ProgressBar()
    )
    watermark: Annotated[Watermark, msgspec.Meta(description="An image in the upper right corner.")] = Watermark()
    hook_title: Annotated[HookTitle, msgspec.Meta(description="A title card at the start.")] = HookTitle()
    emojis: Annotated[tuple[Emoji, ...], msgspec.Meta(description="Emoji reactions.")] = ()


class StyleConfig(_CamelCaseStruct, frozen=True):
    """The caption style fields that a client can set. `captions.caption_styles` replaces those that have their default.

    With `exact` it replaces none: every field is used as written, also one that equals its default.
    """

    exact: Annotated[
        bool, msgspec.Meta(description="Whether every field counts as it is written, also one that equals its default.")
    ] = False
    caption_font: Annotated[
        str, msgspec.Meta(description="Font family: a built-in one, or a font of the workspace's media.")
    ] = "Inter"
    font_size: Annotated[
        float, msgspec.Meta(ge=8, le=400, description="Size of the text, in pixels of a 1080 pixels wide frame.")
    ] = 72  # pixels, at a shorter side of 1080
    line_height: Annotated[
        float, msgspec.Meta(ge=0.5, le=4, description="Distance of lines, in multiples of the font's size.")
    ] = 1.2
    stroke_thickness: Annotated[
        float, msgspec.Meta(ge=0, le=40, description="Thickness of the outline, in pixels of a 1080 pixels wide frame.")
    ] = 3
    caption_color: Annotated[str, msgspec.Meta(description="Colour of the text, as in CSS.")] = "#ffffff"
    highlight_color: Annotated[str, msgspec.Meta(description="Colour of the word that is spoken, as in CSS.")] = (
        "#FFD700"
    )
    drop_shadow: Annotated[bool, msgspec.Meta(description="Whether the text has a shadow.")] = True
    shadow_intensity: Annotated[Percent, msgspec.Meta(description="Strength of the shadow, in percent.")] = 50
    uppercase: Annotated[bool, msgspec.Meta(description="Whether the text is in capitals.")] = True
    caption_position: Annotated[
        Literal["top", "middle", "bottom", "custom"], msgspec.Meta(description="Where captions stand.")
    ] = "bottom"
    y_axis_custom_pct: Annotated[
        Percent,
        msgspec.Meta(
            description="The caption's middle from the top of the frame in percent, for the position `custom`."
        ),
    ] = 75
    lines_per_screen: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=6)] | Literal["auto"],
        msgspec.Meta(description="How many lines a caption has at most, 1 to 6, or `auto`."),
    ] = 2
    animation_style: Annotated[
        Literal["none", "pop", "fade", "slide", "bounce", "karaoke", "typewriter"],
        msgspec.Meta(description="How words appear."),
    ] = "pop"
    animation_intensity: Annotated[Percent, msgspec.Meta(description="Strength of the animation, in percent.")] = 50
    caption_bg: Annotated[str, msgspec.Meta(description="Colour behind the text, as in CSS; transparent for none.")] = (
        "rgba(0,0,0,0)"
    )


class BRoll(_CamelCaseStruct, frozen=True):
    """A cutaway on the clip clock; the voice continues under it.

    `source_duration` limits how much of the cutaway's own video is used; 0 means as much as `duration` needs.
    """

    video_url: Annotated[
        MediaReference,
        msgspec.Meta(
            description="Video or image: an http(s) URL, or the `object_key` or URL of the workspace's own media.",
            examples=["workspaces/7b1c/media/skyline.mp4"],
        ),
    ]
    start_time: Annotated[
        Seconds, msgspec.Meta(description="When the cutaway begins, in seconds from the clip's start.", examples=[4.2])
    ]
    duration: Annotated[
        float, msgspec.Meta(gt=0, le=86_400, description="How long the cutaway lasts, in seconds.", examples=[3.0])
    ]
    id: Annotated[
        str | None, msgspec.Meta(description="Id of the cutaway, kept for the editor.", examples=["cutaway-1"])
    ] = None
    source_id: Annotated[
        str | None,
        msgspec.Meta(description="Id of the item at its provider, kept for the editor.", examples=["3571264"]),
    ] = None
    thumbnail_url: Annotated[
        str | None,
        msgspec.Meta(
            description="URL of a thumbnail, kept for the editor.",
            examples=["https://images.pexels.com/videos/3571264/thumb.jpeg"],
        ),
    ] = None
    source_start: Annotated[Seconds, msgspec.Meta(description="Where the cutaway's own video starts, in seconds.")] = 0
    source_duration: Annotated[
        Seconds,
        msgspec.Meta(
            description="How much of the cutaway's own video is used, in seconds; 0 for as much as is needed."
        ),
    ] = 0


class ShotRegion(msgspec.Struct, frozen=True):
    """A panel of a `ShotOverride` and its crop path; the client's counterpart of `direction.Region`."""

    subject: Annotated[
        str | None, msgspec.Meta(description="Label of the person that the panel follows.", examples=["A"])
    ] = None
    keyframes: Annotated[
        tuple[Keyframe, ...],
        msgspec.Meta(min_length=1, description="The crop path of the panel, linear between its keyframes."),
    ] = ()


class ShotOverride(msgspec.Struct, frozen=True):
    """A shot that the client sets, on the clip clock.

    Without `layout`, `crop` and `regions` it follows the director.
    """

    start_time: Annotated[
        float, msgspec.Meta(description="Where the shot starts, in seconds from the clip's start.", examples=[0.0])
    ]
    end_time: Annotated[
        float, msgspec.Meta(description="Where the shot ends, in seconds from the clip's start.", examples=[6.4])
    ]
    layout: Annotated[Layout | None, msgspec.Meta(description="Layout of the shot; the director's if omitted.")] = None
    crop: Annotated[Box | None, msgspec.Meta(description="A crop that stands still for the whole shot.")] = None
    regions: Annotated[
        tuple[ShotRegion, ...] | None,
        msgspec.Meta(description="The panels of the canvas and their crop paths, top first."),
    ] = None


class EditedWord(msgspec.Struct, frozen=True):
    """A word that the user corrected, on the clip clock."""

    word: Annotated[str, msgspec.Meta(description="The word as it is to be shown.", examples=["faster"])]
    start: Annotated[
        float, msgspec.Meta(description="When the word begins, in seconds from the clip's start.", examples=[3.42])
    ]
    end: Annotated[
        float, msgspec.Meta(description="When the word ends, in seconds from the clip's start.", examples=[3.81])
    ]
    confidence: Annotated[float, msgspec.Meta(description="Kept as it was sent, 0 to 1.")] = 1.0
    speaker: Annotated[str | None, msgspec.Meta(description="Label of the speaker.", examples=["A"])] = None


class TranscriptEdit(msgspec.Struct, frozen=True):
    """Words that replace the transcript's in the captions of a clip."""

    words: Annotated[tuple[EditedWord, ...], msgspec.Meta(description="All words of the clip, in order.")]


class TemplateConfig(msgspec.Struct, frozen=True):
    """The complete document: every setting of a clip that a client can change."""

    layout: Annotated[LayoutConfig, msgspec.Meta(description="How the video fills the canvas.")] = LayoutConfig()
    audio: Annotated[AudioConfig, msgspec.Meta(description="Voice, music and sound effects.")] = AudioConfig()
    elements: Annotated[ElementsConfig, msgspec.Meta(description="Graphics over the picture, other than captions.")] = (
        ElementsConfig()
    )
    style: Annotated[StyleConfig, msgspec.Meta(description="The look of the captions.")] = StyleConfig()
    b_roll: Annotated[tuple[BRoll, ...], msgspec.Meta(description="Cutaways.")] = ()
    caption_style: Annotated[
        str, msgspec.Meta(description="Name of a built-in caption style, or of a template of the workspace.")
    ] = "DEFAULT"
    shots: Annotated[
        tuple[ShotOverride, ...] | None,
        msgspec.Meta(description="Shots whose layout the client sets; null follows the director everywhere."),
    ] = None
    transcript: Annotated[
        TranscriptEdit | None, msgspec.Meta(description="Corrected words; null shows them as they were recognised.")
    ] = None
    audio_track: Annotated[
        AudioTrack, msgspec.Meta(description="The audio track to use: `auto`, `mix`, or a number from 0.")
    ] = "auto"
