"""Which models can run on this server, for which plans, and what the operator must do for the others."""

from __future__ import annotations

from functools import lru_cache

from api.access import Caller
from api.errors import ApiError
from carmic_assets.generation.endpoints import Endpoint, find_unsupported_field
from carmic_assets.generation.model_catalogue import (
    Model,
    UnavailableError,
    describe_missing,
    load_models,
    select_model,
)
from carmic_assets.generation.requests import GenerationRequest, VoiceRequest
from carmic_assets.generation.voice_weights import find_weights
from carmic_assets.generation.voices import find_voice_problem
from resources import cache
from resources.generation_jobs import BREAKER_KEY
from resources.platform import Platform
from resources.settings import TIERS, Settings

VOICE_CLONE_TIER = "STANDARD"
API_TIER = "ENTERPRISE"
RETRY_LATER = {"Retry-After": "600"}


@lru_cache(maxsize=1)
def list_models(path: str) -> tuple[Model, ...]:
    """Return the catalogue of the setting CARMIC_MODELS, read once."""
    return load_models(path)


def is_available(settings: Settings, model: Model) -> bool:
    """Tell whether the model's engine is configured and its weights are installed."""
    if model.engine == "fal":
        return bool(settings.fal_key)
    return model.engine == "kokoro" and find_weights(settings.cache_dir) is not None


def find_missing(settings: Settings, model: Model) -> str | None:
    """Return the sentence that says what the operator must do, or None if the model can run."""
    return None if is_available(settings, model) else describe_missing(model)


def check_plan(platform: Platform, caller: Caller, endpoint: Endpoint, request: GenerationRequest) -> None:
    """Check the caller's plan where `CARMIC_PLAN_GATES` is on.

    Raises:
        ApiError: 403, naming the plan that is needed.
    """
    if platform.settings.plan_gates == "off":
        return
    requested = getattr(request, "model", None)
    model = next((m for m in list_models(platform.settings.models) if m.name == requested), None)
    needed = [
        (API_TIER if caller.key_id else "FREE", "The API"),
        (VOICE_CLONE_TIER if endpoint.kind == "voice-clone" else "FREE", "Voice cloning"),
        (model.tier if model else "FREE", f"The model {requested}"),
    ]
    for tier, feature in needed:
        if TIERS.index(caller.tier or "FREE") < TIERS.index(tier):
            raise ApiError(403, f"{feature} is available from the plan {tier}; this workspace has {caller.tier}.")


def choose_engine(platform: Platform, endpoint: Endpoint, request: GenerationRequest) -> tuple[str, str | None]:
    """Return the engine that runs the request, and the name of its model.

    Raises:
        ApiError: 400 if the model cannot speak what is asked, 503 if nothing that may run it is available.
    """
    settings = platform.settings
    if endpoint.local_engine is not None:
        return endpoint.local_engine, None
    models = list_models(settings.models)
    requested = getattr(request, "model", None)
    if not any(endpoint.kind in model.kinds for model in models):
        raise ApiError(503, f"`{endpoint.kind}` is not available: this version of Carmic has no engine for it.")
    try:
        model = select_model(
            models, endpoint.kind, requested, request.fallback_models, lambda m: is_available(settings, m)
        )
    except UnavailableError as error:
        raise ApiError(503, str(error)) from error
    if model.engine == "kokoro" and isinstance(request, VoiceRequest):
        problem = find_voice_problem(request.voice_id, request.language)
        if problem is not None:
            raise ApiError(400, problem)
    _check_breaker(platform, model)
    unsupported = find_unsupported_field(request)
    if unsupported is not None:
        raise ApiError(503, unsupported)
    return model.engine or "", model.name


def _check_breaker(platform: Platform, model: Model) -> None:
    """Raise ApiError 503 while the engine's provider refuses this server's account."""
    with platform.database.read() as connection:
        is_open = cache.get(connection, f"{BREAKER_KEY}{model.engine}") is not None
    if is_open:
        raise ApiError(503, f"The provider of `{model.name}` refuses this server's account. Try later.", RETRY_LATER)
