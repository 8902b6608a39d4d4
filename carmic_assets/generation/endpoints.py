"""The table of generation endpoints: path, request, price, and the fields that refer to files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from carmic_assets.generation import requests
from carmic_assets.generation.requests import (
    AvatarRequest,
    ClipRequest,
    GenerationRequest,
    InstantAdRequest,
    PhotoshootRequest,
    VideoRequest,
    VoiceRequest,
)
from carmic_assets.generation.voices import find_voice_problem

Kind = Literal[
    "image", "video", "voice", "voice-clone", "avatar", "clip", "b-roll", "text2video", "commercial", "translate",
    "instant-ad", "photoshoot",
]  # fmt: skip
SourceKind = Literal["image", "audio", "video", "page"]
LocalEngine = Literal["pipeline"]
FIRST_AD_CREDITS, NEXT_AD_CREDITS = 500, 250


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One `POST /api/generate/<kind>`.

    `credits` is the price of a request, unless `count_price` computes it. `sources` are the fields that hold a URL or
    the id of a media file. `local_engine` runs the kinds that take no model; an empty one and no model in the catalogue
    mean that this version cannot make it. `used_as` is the name of its count in `/api/usage`.
    """

    kind: Kind
    summary: str
    request: type[GenerationRequest]
    credits: int
    used_as: str
    output_type: str
    count_price: Callable[[GenerationRequest], int] | None = None
    sources: dict[str, SourceKind] = {}
    find_problem: Callable[[GenerationRequest], str | None] | None = None
    local_engine: LocalEngine | None = None
    estimated_minutes: int | None = None

    def price(self, request: GenerationRequest) -> int:
        """Return what the request costs, in credits."""
        return self.count_price(request) if self.count_price is not None else self.credits


def _price_ads(request: GenerationRequest) -> int:
    count = request.count if isinstance(request, InstantAdRequest) else 1
    return FIRST_AD_CREDITS + NEXT_AD_CREDITS * (count - 1)


def _check_avatar(request: GenerationRequest) -> str | None:
    if isinstance(request, AvatarRequest) and (request.audio is None) == (request.text is None):
        return "Send exactly one of `audio` and `text`."
    return None


def _check_clip(request: GenerationRequest) -> str | None:
    if isinstance(request, ClipRequest) and (request.min_duration or 5) > (request.max_duration or 180):
        return "`minDuration` must be at most `maxDuration`."
    return None


def _check_voice(request: GenerationRequest) -> str | None:
    if isinstance(request, VoiceRequest) and request.model == "kokoro":
        return find_voice_problem(request.voice_id, request.language)
    return None


def _check_photoshoot(request: GenerationRequest) -> str | None:
    if isinstance(request, PhotoshootRequest) and request.background == "custom" and not request.custom_background:
        return "`customBackground` is missing: it describes the background `custom`."
    return None


def find_unsupported_field(request: GenerationRequest) -> str | None:
    """Return a sentence if no engine of this version can use a field of the request."""
    if isinstance(request, VideoRequest) and (request.avatar_image or request.voice_id):
        field = "avatarImage" if request.avatar_image else "voiceId"
        return f"No engine of this version can use `{field}` here. Leave it out, or use /api/generate/avatar."
    if isinstance(request, AvatarRequest) and request.text is not None:
        return "No engine of this version can speak `text` here. Send `audio`, which /api/generate/voice can make."
    return None


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        kind="image", summary="Generate an image from a text prompt.", request=requests.ImageRequest, credits=10,
        used_as="images", output_type="image/png",
    ),
    Endpoint(
        kind="video", summary="Generate a video from a script.", request=requests.VideoRequest, credits=250,
        used_as="videos", output_type="video/mp4", sources={"avatarImage": "image"},
    ),
    Endpoint(
        kind="voice", summary="Convert text to speech.", request=requests.VoiceRequest, credits=80, used_as="voices",
        output_type="audio/wav", find_problem=_check_voice, estimated_minutes=1,
    ),
    Endpoint(
        kind="voice-clone", summary="Create a custom voice from an audio sample.", request=requests.VoiceCloneRequest,
        credits=80, used_as="voiceClones", output_type="", sources={"sampleAudioUrl": "audio"},
    ),
    Endpoint(
        kind="avatar", summary="Create a talking-head video from a photo, and a script or audio.",
        request=requests.AvatarRequest, credits=750, used_as="avatars", output_type="video/mp4",
        sources={"image": "image", "audio": "audio"}, find_problem=_check_avatar,
    ),
    Endpoint(
        kind="clip", summary="Extract the best clips from a long video.", request=requests.ClipRequest, credits=30,
        used_as="clips", output_type="video/mp4", sources={"sourceVideoUrl": "video"}, find_problem=_check_clip,
        local_engine="pipeline",
    ),
    Endpoint(
        kind="b-roll", summary="Generate B-roll footage from a description.", request=requests.BRollRequest,
        credits=150, used_as="bRolls", output_type="video/mp4",
    ),
    Endpoint(
        kind="text2video", summary="Generate a video directly from a text script.",
        request=requests.Text2VideoRequest, credits=250, used_as="text2videos", output_type="video/mp4",
    ),
    Endpoint(
        kind="commercial", summary="Generate a commercial with script, voice-over and pictures.",
        request=requests.CommercialRequest, credits=3000, used_as="commercials", output_type="video/mp4",
        sources={"spokespersonImage": "image", "productImages": "image"},
    ),
    Endpoint(
        kind="translate", summary="Translate a video to another language.", request=requests.TranslateRequest,
        credits=1800, used_as="translations", output_type="video/mp4", sources={"videoUrl": "video"},
    ),
    Endpoint(
        kind="instant-ad", summary="Generate ads from a web page.", request=requests.InstantAdRequest,
        credits=FIRST_AD_CREDITS, count_price=_price_ads, used_as="ads", output_type="image/png",
        sources={"websiteUrl": "page"},
    ),
    Endpoint(
        kind="photoshoot", summary="Generate product photos.", request=requests.PhotoshootRequest, credits=30,
        used_as="photoshoots", output_type="image/png", sources={"productImage": "image"},
        find_problem=_check_photoshoot,
    ),
)  # fmt: skip
ENDPOINT_BY_KIND: dict[str, Endpoint] = {endpoint.kind: endpoint for endpoint in ENDPOINTS}
