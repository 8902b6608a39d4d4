"""/api/usage, /api/models, /api/voices and /api/upload of the generation API."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from api.access import Access
from api.dependencies import CallerDep, PlatformDep, WorkersDep
from api.envelope import Data
from api.generation_availability import find_missing, list_models
from api.media_uploads import MediaOut
from api.rate_limits import GENERATION_UPLOADS, MANAGEMENT_READS
from api.routes.media import receive_upload
from carmic_assets.generation.endpoints import ENDPOINT_BY_KIND, ENDPOINTS
from carmic_assets.generation.model_catalogue import ENGINES
from carmic_assets.generation.voice_weights import find_weights
from carmic_assets.generation.voices import SPOKEN_LANGUAGES, list_voices
from resources import credits, generation_jobs
from resources.database.engine import now
from resources.field_types import Timestamp

MONTHS = 12
SIZE_FIELDS = ("width", "height", "resolution", "duration", "text", "speed")
READS: dict[str, Any] = {
    "access": Access.EDITOR,
    "rate_limit": MANAGEMENT_READS,
    "sync_to_thread": True,
    "tags": ["Generation: management"],
}
UPLOADS: dict[str, Any] = {
    "access": Access.EDITOR,
    "rate_limit": GENERATION_UPLOADS,
    "idempotent": True,
    "request_max_body_size": None,
    "body": "multipart",
    "error_statuses": (402,),
    "tags": ["Generation: uploads"],
}


class UsageOut(msgspec.Struct, rename="camel"):
    """The balance in credits, the completed jobs of this cycle by type, and the plan. A cycle is a calendar month."""

    credits: Annotated[int, Meta(description="Credits that are left.", examples=[920])]
    used: Annotated[
        dict[str, int],
        Meta(description="Number of completed jobs of this cycle, by type.", examples=[{"images": 3, "voices": 1}]),
    ]
    plan: Annotated[
        str,
        Meta(
            description="Plan of the workspace in lower case: free, standard, professional, business or enterprise.",
            examples=["free"],
        ),
    ]
    cycle_start: Annotated[Timestamp, Meta(description="Start of the calendar month, in UTC.")]
    cycle_end: Annotated[Timestamp, Meta(description="Start of the next calendar month, in UTC.")]


class ModelOut(msgspec.Struct, rename="camel"):
    """A model. `setting` and `missing` say what it still needs; `credits` and `sizes` are by job type."""

    name: Annotated[
        str, Meta(description="Name of the model, for `model` and `fallbackModels`.", examples=["flux-2-dev"])
    ]
    types: Annotated[list[str], Meta(description="Types of the jobs that it can run.", examples=[["image"]])]
    available: Annotated[bool, Meta(description="Whether it can run on this server.")]
    setting: Annotated[
        str | None,
        Meta(
            description="Setting that the operator must set for it; null if none is missing.",
            examples=["CARMIC_FAL_KEY"],
        ),
    ]
    missing: Annotated[
        str | None,
        Meta(
            description="What the operator must do before it can run; null if nothing.",
            examples=[
                "`flux-2-dev` needs an outside service that is not configured. The operator must set CARMIC_FAL_KEY."
            ],
        ),
    ]
    engine: Annotated[
        str | None,
        Meta(
            description="What runs it: `kokoro` on this server, `fal` at the provider; null if nothing does.",
            examples=["fal"],
        ),
    ]
    credits: Annotated[
        dict[str, int], Meta(description="Price of a job in credits, by type.", examples=[{"image": 10}])
    ]
    sizes: Annotated[
        dict[str, dict[str, Any]],
        Meta(
            description="Schemas of size, length and pace by type of job; `seconds` lists the possible lengths.",
            examples=[{"image": {"width": {"type": "integer", "minimum": 256, "maximum": 2048, "default": 1024}}}],
        ),
    ]


class VoiceOut(msgspec.Struct, rename="camel"):
    """A voice for `voiceId`. `language` is a language tag such as en-us."""

    voice_id: Annotated[str, Meta(description="Id of the voice, for `voiceId`.", examples=["af_heart"])]
    name: Annotated[str, Meta(description="Name of the voice, for display.", examples=["Heart"])]
    language: Annotated[
        str, Meta(description="Language of the voice as a language tag in lower case.", examples=["en-us"])
    ]
    gender: Annotated[str, Meta(description="Gender of the voice: female or male.", examples=["female"])]
    model: Annotated[str, Meta(description="Model that speaks with it.", examples=["kokoro"])]
    available: Annotated[bool, Meta(description="Whether it can speak on this server.")]


@get("/usage", **READS)
def get_generation_usage(platform: PlatformDep, caller: CallerDep) -> Data[UsageOut]:
    """Return the balance, the plan, and what was made in this cycle."""
    moment = now()
    cycle_start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = divmod(cycle_start.month, MONTHS)
    cycle_end = cycle_start.replace(year=cycle_start.year + year, month=month + 1)
    with platform.database.write() as connection:
        credits.grant_month(connection, caller.workspace, platform.settings.monthly_credits)
        balance = credits.get_balance(connection, caller.workspace)
        counts = generation_jobs.count_completed(connection, caller.workspace, cycle_start)
    used = {endpoint.used_as: counts.get(endpoint.kind, 0) for endpoint in ENDPOINTS}
    return Data(UsageOut(balance, used, (caller.tier or "FREE").lower(), cycle_start, cycle_end))


@get("/models", **READS)
def list_generation_models(platform: PlatformDep, caller: CallerDep) -> Data[list[ModelOut]]:
    """List every model: whether it can run here, what is missing otherwise, its price and its sizes."""
    models = []
    for model in list_models(platform.settings.models):
        missing = find_missing(platform.settings, model)
        engine = ENGINES[model.engine] if model.engine is not None else None
        models.append(
            ModelOut(
                model.name,
                list(model.kinds),
                missing is None,
                engine.setting if engine is not None and missing is not None else None,
                missing,
                model.engine,
                {kind: ENDPOINT_BY_KIND[kind].credits for kind in model.kinds},
                {kind: _describe_sizes(kind, model.durations) for kind in model.kinds},
            )
        )
    return Data(models)


def _describe_sizes(kind: str, durations: tuple[int, ...]) -> dict[str, Any]:
    """Return the limits of size, length and pace from the schema of the request, without its texts."""
    request = ENDPOINT_BY_KIND[kind].request
    schema = msgspec.json.schema(request)["$defs"][request.__name__]["properties"]
    sizes = {
        name: {key: value for key, value in schema[name].items() if key not in ("description", "examples")}
        for name in SIZE_FIELDS
        if name in schema
    }
    return {**sizes, "seconds": list(durations)} if durations else sizes


@get("/voices", **READS)
def list_generation_voices(platform: PlatformDep, caller: CallerDep) -> Data[list[VoiceOut]]:
    """List the voices that `voiceId` may name."""
    has_weights = find_weights(platform.settings.cache_dir) is not None
    return Data(
        [
            VoiceOut(
                voice.id,
                voice.name,
                voice.language,
                voice.gender,
                "kokoro",
                has_weights and voice.language.partition("-")[0] in SPOKEN_LANGUAGES,
            )
            for voice in list_voices()
        ]
    )


@post("/upload/image", **UPLOADS)
async def upload_generation_image(
    request: Request[Any, Any, Any], platform: PlatformDep, workers: WorkersDep, caller: CallerDep
) -> Data[MediaOut]:
    """Upload an image (`multipart/form-data`, field `file`). Its `id` or `url` is an input of generations."""
    return Data(await receive_upload(request, platform, workers, caller, "image"))


@post("/upload/audio", **UPLOADS)
async def upload_generation_audio(
    request: Request[Any, Any, Any], platform: PlatformDep, workers: WorkersDep, caller: CallerDep
) -> Data[MediaOut]:
    """Upload a sound (`multipart/form-data`, field `file`). Its `id` or `url` is an input of generations."""
    return Data(await receive_upload(request, platform, workers, caller, "audio"))


@post("/upload/video", **UPLOADS)
async def upload_generation_video(
    request: Request[Any, Any, Any], platform: PlatformDep, workers: WorkersDep, caller: CallerDep
) -> Data[MediaOut]:
    """Upload a video (`multipart/form-data`, field `file`). Its `id` or `url` is an input of generations."""
    return Data(await receive_upload(request, platform, workers, caller, "video"))


ROUTES: list[HTTPRouteHandler] = [
    get_generation_usage,
    list_generation_models,
    list_generation_voices,
    upload_generation_image,
    upload_generation_audio,
    upload_generation_video,
]
