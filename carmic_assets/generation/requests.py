"""The bodies of `POST /api/generate/*` and `/api/voice-agent/*`: every parameter with its range, in one place.

The API validates with these Structs, and its schema, `GET /api/models` and docs/generation.md are made from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

TEXT_PATTERN = r"^[^\x00]*[^\s\x00][^\x00]*$"
SOURCE_PATTERN = r"^[^\s\x00]+$"
PHONE_PATTERN = r"^\+[1-9][0-9]{6,14}$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$"
# What an error sentence says instead of the regular expression
PATTERN_HINTS = {
    TEXT_PATTERN: "must contain text and no NUL character",
    SOURCE_PATTERN: "must be an https:// address or the id of a media file, without spaces",
    PHONE_PATTERN: "must be a telephone number in E.164, such as +14155550123",
    LANGUAGE_PATTERN: "must be an ISO language code, such as en or pt-br",
}

ImageModel = Literal["grok-imagine", "flux-2-dev", "flux-2-pro", "ideogram-v3", "flux-kontext-max"]
VideoModel = Literal["wan-2.6", "kling-2.6-pro", "kling-3.0-pro", "veo-3.1"]
BRollModel = Literal["wan-2.6", "kling-2.6-pro"]
SpeechModel = Literal["kokoro", "elevenlabs-v3", "fish-audio-s1"]
AvatarModel = Literal["veed-fabric", "creatify-aurora", "kling-avatar-v2", "omnihuman-1.5"]
MusicMood = Annotated[str, Meta(pattern=TEXT_PATTERN, max_length=100)]

Name = Annotated[str, Meta(pattern=TEXT_PATTERN, min_length=1, max_length=100)]
Line = Annotated[str, Meta(pattern=TEXT_PATTERN, min_length=1, max_length=500)]
Paragraph = Annotated[str, Meta(pattern=TEXT_PATTERN, min_length=1, max_length=2000)]
Script = Annotated[str, Meta(pattern=TEXT_PATTERN, min_length=1, max_length=5000)]
LongText = Annotated[str, Meta(pattern=TEXT_PATTERN, min_length=1, max_length=10_000)]
VoiceId = Annotated[str, Meta(pattern=SOURCE_PATTERN, min_length=1, max_length=100, examples=["af_heart"])]
# An https:// URL, a signed URL of this server, or the id of a file of the workspace's media
Source = Annotated[
    str, Meta(pattern=SOURCE_PATTERN, min_length=1, max_length=4096, examples=["https://example.com/a.mp4"])
]
Language = Annotated[str, Meta(pattern=LANGUAGE_PATTERN, max_length=10, examples=["en"])]
Pixels = Annotated[int, Meta(ge=256, le=2048)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
ClipSeconds = Annotated[float, Meta(ge=5, le=180)]
VideoSeconds = Annotated[float, Meta(ge=3, le=60)]
Variations = Annotated[int, Meta(ge=1, le=4)]


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What every generation takes. `dryRun` returns the price and the engine; nothing is started or charged.

    `fallbackModels` are used in their order where the first choice is not available.
    """

    dry_run: Annotated[
        bool,
        Meta(description="Whether to return only the price, the balance, the engine and the model, and start nothing."),
    ] = False
    fallback_models: Annotated[
        list[Name],
        Meta(
            max_length=5,
            description="Models to use, in this order, where the first choice is not available; at most 5.",
            examples=[["flux-2-dev"]],
        ),
    ] = []


class ImageRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """An image from a prompt. Sizes are in pixels."""

    prompt: Annotated[
        Paragraph,
        Meta(description="What the image shows, up to 2,000 characters.", examples=["A city skyline at sunset"]),
    ]
    width: Annotated[Pixels, Meta(description="Width of the image in pixels, 256 to 2048.")] = 1024
    height: Annotated[Pixels, Meta(description="Height of the image in pixels, 256 to 2048.")] = 1024
    steps: Annotated[
        int, Meta(ge=1, le=50, description="Number of sampling steps, 1 to 50; more steps cost more time.")
    ] = 4
    seed: Annotated[
        Seed | None,
        Meta(description="Seed of the random numbers, 0 to 2147483647; a random one without it.", examples=[42]),
    ] = None
    style: Annotated[
        Literal["photorealistic", "illustration", "3d", "flat"] | None,
        Meta(description="Style that is added to the prompt; none without it."),
    ] = None
    model: Annotated[
        ImageModel | None, Meta(description="Model to use; the first available one of the catalogue without it.")
    ] = None
    negative_prompt: Annotated[
        Paragraph | None,
        Meta(description="What the image must not show, up to 2,000 characters.", examples=["text, watermark"]),
    ] = None


class VideoRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """A video from a script. `duration` is the maximum in seconds."""

    script: Annotated[
        Script,
        Meta(
            description="What the video shows, up to 5,000 characters.",
            examples=["A potter shapes a bowl on a wheel. Close-up of the hands."],
        ),
    ]
    avatar_image: Annotated[
        Source | None,
        Meta(
            description="Photo of the presenter; no engine of this version can use it.",
            examples=["https://example.com/ada.jpg"],
        ),
    ] = None
    voice_id: Annotated[
        VoiceId | None, Meta(description="Voice of the presenter; no engine of this version can use it.")
    ] = None
    duration: Annotated[
        VideoSeconds | None,
        Meta(description="Maximum length in seconds, 3 to 60; the model's own length without it.", examples=[5]),
    ] = None
    resolution: Annotated[Literal["720p", "1080p"], Meta(description="Number of lines of the video.")] = "720p"
    style: Annotated[
        Literal["professional", "casual", "energetic"] | None,
        Meta(description="Style that is added to the script; none without it."),
    ] = None
    model: Annotated[
        VideoModel | None, Meta(description="Model to use; the first available one of the catalogue without it.")
    ] = None


class VoiceRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """Speech from a text. `speed` 1.0 is the voice's own pace."""

    text: Annotated[
        LongText,
        Meta(description="What is spoken, up to 10,000 characters.", examples=["Welcome back to the workshop."]),
    ]
    voice_id: Annotated[
        VoiceId | None, Meta(description="Voice from `GET /api/voices`; the default voice of the language without it.")
    ] = None
    speed: Annotated[
        float, Meta(ge=0.5, le=2.0, description="Pace of the speech, 0.5 to 2; 1 is the voice's own pace.")
    ] = 1.0
    language: Annotated[Language, Meta(description="Language of the text, as an ISO language code.")] = "en"
    model: Annotated[
        SpeechModel | None, Meta(description="Model to use; the first available one of the catalogue without it.")
    ] = None


class VoiceCloneRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """A custom voice from a sample of 15 to 30 seconds."""

    name: Annotated[Name, Meta(description="Name of the new voice, up to 100 characters.", examples=["Ada"])]
    sample_audio_url: Annotated[
        Source, Meta(description="Recording of the voice, 15 to 30 seconds.", examples=["https://example.com/ada.wav"])
    ]


class AvatarRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """A talking head from a photo, and either `audio` or `text`."""

    image: Annotated[Source, Meta(description="Photo of the presenter.", examples=["https://example.com/ada.jpg"])]
    resolution: Annotated[Literal["480p", "720p", "1080p"], Meta(description="Number of lines of the video.")]
    model: Annotated[AvatarModel, Meta(description="Model to use.")]
    audio: Annotated[
        Source | None,
        Meta(
            description="Recording that the presenter speaks; send either this or `text`.",
            examples=["https://example.com/ada.wav"],
        ),
    ] = None
    text: Annotated[
        Script | None,
        Meta(
            description="What the presenter says, up to 5,000 characters; no engine of this version can speak it.",
            examples=["Welcome back to the workshop."],
        ),
    ] = None
    voice_id: Annotated[VoiceId | None, Meta(description="Voice that speaks `text`.")] = None


class ClipRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """The best clips of a long video. Durations are in seconds; `viralScoreThreshold` ranges from 1 to 10."""

    source_video_url: Annotated[Source, Meta(description="The long video.", examples=["https://example.com/talk.mp4"])]
    max_clips: Annotated[int, Meta(ge=1, le=20, description="Maximum number of clips, 1 to 20.")] = 5
    min_duration: Annotated[
        ClipSeconds | None,
        Meta(
            description="Minimum length of a clip in seconds, 5 to 180; 15 without it.",
            examples=[15],
        ),
    ] = None
    max_duration: Annotated[
        ClipSeconds | None,
        Meta(
            description="Maximum length of a clip in seconds, 5 to 180; 60 without it.",
            examples=[60],
        ),
    ] = None
    add_captions: Annotated[bool, Meta(description="Whether captions are rendered into the clips.")] = True
    aspect_ratio: Annotated[Literal["9:16", "1:1", "16:9"], Meta(description="Aspect ratio of the clips.")] = "9:16"
    viral_score_threshold: Annotated[
        Annotated[float, Meta(ge=1, le=10)] | None,
        Meta(description="Minimum score of a clip, 1 to 10; no limit without it.", examples=[7]),
    ] = None


class BRollRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """Footage from a description. `duration` is in seconds."""

    prompt: Annotated[
        Paragraph,
        Meta(
            description="What the footage shows, up to 2,000 characters.",
            examples=["Steam rises from a cup of coffee, close-up"],
        ),
    ]
    duration: Annotated[float, Meta(ge=3, le=6, description="Length in seconds, 3 to 6.")] = 5
    resolution: Annotated[Literal["480p", "720p"], Meta(description="Number of lines of the video.")] = "720p"
    model: Annotated[
        BRollModel | None, Meta(description="Model to use; the first available one of the catalogue without it.")
    ] = None


class Text2VideoRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """A video from a text script. `duration` is in seconds."""

    script: Annotated[
        Script,
        Meta(
            description="What the video shows, up to 5,000 characters.",
            examples=["A drone flies over a forest in autumn."],
        ),
    ]
    duration: Annotated[
        VideoSeconds | None,
        Meta(description="Length in seconds, 3 to 60; the model's own length without it.", examples=[5]),
    ] = None
    resolution: Annotated[Literal["720p", "1080p"], Meta(description="Number of lines of the video.")] = "720p"
    style: Annotated[
        Literal["cinematic", "documentary", "animation", "aerial"] | None,
        Meta(description="Style that is added to the script; none without it."),
    ] = None
    model: Annotated[
        VideoModel | None, Meta(description="Model to use; the first available one of the catalogue without it.")
    ] = None


class CommercialRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """A commercial with script, voice-over, pictures and composition. `duration` is in seconds."""

    product: Annotated[
        Paragraph,
        Meta(
            description="The product, up to 2,000 characters.",
            examples=["A steel water bottle that keeps drinks cold for a day"],
        ),
    ]
    platform: Annotated[
        Literal["tiktok", "youtube", "instagram", "tv"], Meta(description="Where the commercial is shown.")
    ]
    duration: Annotated[Literal[15, 30, 60], Meta(description="Length in seconds.")]
    tone: Annotated[
        Literal["professional", "energetic", "casual", "luxury", "funny"],
        Meta(description="Tone of the script and the voice-over."),
    ]
    target_audience: Annotated[
        Line | None, Meta(description="Who the commercial speaks to, up to 500 characters.", examples=["Hikers"])
    ] = None
    spokesperson_image: Annotated[
        Source | None,
        Meta(description="Photo of the person who presents the product.", examples=["https://example.com/ada.jpg"]),
    ] = None
    product_images: Annotated[
        list[Source],
        Meta(
            max_length=10,
            description="Photos of the product, at most 10.",
            examples=[["https://example.com/bottle.jpg"]],
        ),
    ] = []
    voice_id: Annotated[VoiceId | None, Meta(description="Voice of the voice-over.")] = None
    voice_model: Annotated[SpeechModel | None, Meta(description="Model of the voice-over.")] = None
    music_mood: Annotated[
        MusicMood | None, Meta(description="Mood of the music, up to 100 characters.", examples=["upbeat"])
    ] = None
    video_model: Annotated[VideoModel | None, Meta(description="Model of the footage.")] = None


class TranslateRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """A video in another language."""

    video_url: Annotated[Source, Meta(description="The video.", examples=["https://example.com/talk.mp4"])]
    output_language: Annotated[
        Language, Meta(description="Language of the translation, as an ISO language code.", examples=["es"])
    ]
    preserve_original_voice: Annotated[
        bool, Meta(description="Whether the translation is spoken in the voice of the speaker.")
    ] = False


class InstantAdRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """Ads from a web page; `count` variations."""

    website_url: Annotated[
        Source, Meta(description="The web page of the product.", examples=["https://example.com/bottle"])
    ]
    platform: Annotated[
        Literal["tiktok", "youtube", "instagram", "facebook", "linkedin"], Meta(description="Where the ads are shown.")
    ]
    count: Annotated[Variations, Meta(description="Number of ads, 1 to 4.", examples=[2])]
    style: Annotated[Literal["modern", "bold", "minimal", "luxury", "playful"], Meta(description="Style of the ads.")]
    output_format: Annotated[
        Literal["image", "video", "both"], Meta(description="Whether the ads are images, videos or both.")
    ] = "image"
    brand_profile_id: Annotated[
        Name | None, Meta(description="Id of a brand profile, up to 100 characters.", examples=["spring-2026"])
    ] = None


class PhotoshootRequest(GenerationRequest, frozen=True, kw_only=True, rename="camel"):
    """Product photos. `customBackground` describes the background `custom`."""

    product_image: Annotated[
        Source, Meta(description="Photo of the product.", examples=["https://example.com/bottle.jpg"])
    ]
    background: Annotated[
        Literal["studio-white", "lifestyle", "outdoor", "flat-lay", "custom"],
        Meta(description="Background of the photos."),
    ]
    angle: Annotated[
        Literal["front", "hero", "45-degree", "top-down", "lifestyle"], Meta(description="Angle of the camera.")
    ]
    lighting: Annotated[
        Literal["studio", "natural", "dramatic", "soft", "golden-hour"], Meta(description="Light of the scene.")
    ]
    count: Annotated[Variations, Meta(description="Number of photos, 1 to 4.", examples=[4])]
    custom_background: Annotated[
        Line | None,
        Meta(
            description="Description of the background `custom`, up to 500 characters; required with it.",
            examples=["A mossy rock beside a stream"],
        ),
    ] = None
    model: Annotated[
        Name | None, Meta(description="Model to use, up to 100 characters.", examples=["flux-kontext-max"])
    ] = None


class CallRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A call by an agent to a telephone number."""

    agent_id: Annotated[
        Name, Meta(description="Id of the voice agent.", examples=["8f14e45f-ceea-467f-a8b5-2d1f3c0b7a61"])
    ]
    phone_number: Annotated[
        str, Meta(pattern=PHONE_PATTERN, examples=["+14155550123"], description="Telephone number to call, in E.164.")
    ]


class AgentRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A voice agent."""

    name: Annotated[Name, Meta(description="Name of the agent, up to 100 characters.", examples=["Reception"])]
    system_prompt: Annotated[
        LongText,
        Meta(
            description="Instructions for the language model, up to 10,000 characters.",
            examples=["You answer the telephone of a bicycle shop."],
        ),
    ]
    greeting: Annotated[
        Paragraph,
        Meta(
            description="What the agent says first, up to 2,000 characters.",
            examples=["Hello, this is the bicycle shop."],
        ),
    ]
    tts_model: Annotated[SpeechModel, Meta(description="Model that speaks.")]
    llm_model: Annotated[Name, Meta(description="Language model of the conversation.", examples=["gpt-4o-mini"])]
