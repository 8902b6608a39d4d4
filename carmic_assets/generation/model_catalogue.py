"""The models that the generation API names: what each makes, which engine runs it, and what that engine needs.

`CARMIC_MODELS` may name a JSON file with another list of `Model`s, for a provider that renames its endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

EngineName = Literal["kokoro", "fal"]


class Engine(msgspec.Struct, frozen=True):
    """What runs models: on this machine, or a provider. `requirement` completes "The operator must ..."."""

    name: EngineName
    is_hosted: bool
    requirement: str
    setting: str | None = None


ENGINES: dict[EngineName, Engine] = {
    engine.name: engine
    for engine in (
        Engine("kokoro", False, "run `carmic fetch-voices`"),
        Engine("fal", True, "set CARMIC_FAL_KEY", "CARMIC_FAL_KEY"),
    )
}


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model by its public name.

    `kinds` are the job types that it serves. `arguments` maps a field of the request to the provider's argument, with
    an optional conversion: `duration:seconds` sends "5s", `duration:text` sends "5", `size:object` sends width and
    height as an object, `size:aspect` the nearest aspect ratio. `constants` are sent as they are. `tier` is the lowest
    plan where `CARMIC_PLAN_GATES` is on.
    """

    name: str
    kinds: tuple[str, ...]
    engine: EngineName | None
    endpoint: str = ""
    arguments: dict[str, str] = {}
    constants: dict[str, str | int | float | bool] = {}
    durations: tuple[int, ...] = ()  # in seconds, those that the model can make; empty: any
    tier: str = "FREE"


_IMAGE = {"prompt": "prompt", "seed": "seed"}
_VIDEO = {"prompt": "prompt", "duration": "duration:text", "resolution": "resolution"}
_VIDEO_KINDS = ("video", "text2video")

MODELS: tuple[Model, ...] = (
    Model(
        name="flux-2-dev", kinds=("image",), engine="fal", endpoint="fal-ai/flux-2",
        arguments={**_IMAGE, "size": "image_size:object", "steps": "num_inference_steps"},
        constants={"output_format": "png"},
    ),
    Model(
        name="flux-2-pro", kinds=("image",), engine="fal", endpoint="fal-ai/flux-2-pro",
        arguments={**_IMAGE, "size": "image_size:object"}, constants={"output_format": "png"}, tier="STANDARD",
    ),
    Model(
        name="ideogram-v3", kinds=("image",), engine="fal", endpoint="fal-ai/ideogram/v3",
        arguments={**_IMAGE, "size": "image_size:object", "negativePrompt": "negative_prompt"}, tier="STANDARD",
    ),
    Model(
        name="grok-imagine", kinds=("image",), engine="fal", endpoint="xai/grok-imagine-image",
        arguments={"prompt": "prompt", "size": "aspect_ratio:aspect"}, constants={"output_format": "png"},
        tier="STANDARD",
    ),
    Model(
        name="flux-kontext-max", kinds=("image",), engine="fal",
        endpoint="fal-ai/flux-pro/kontext/max/text-to-image",
        arguments={**_IMAGE, "size": "aspect_ratio:aspect"}, constants={"output_format": "png"}, tier="PROFESSIONAL",
    ),
    Model(
        name="wan-2.6", kinds=(*_VIDEO_KINDS, "b-roll"), engine="fal", endpoint="wan/v2.6/text-to-video",
        arguments=_VIDEO, durations=(5, 10, 15),
    ),
    Model(
        name="kling-2.6-pro", kinds=(*_VIDEO_KINDS, "b-roll"), engine="fal",
        endpoint="fal-ai/kling-video/v2.6/pro/text-to-video",
        arguments={"prompt": "prompt", "duration": "duration:text"}, durations=(5, 10), tier="STANDARD",
    ),
    Model(
        name="kling-3.0-pro", kinds=_VIDEO_KINDS, engine="fal", endpoint="fal-ai/kling-video/v3/pro/text-to-video",
        arguments={"prompt": "prompt", "duration": "duration:text"}, durations=tuple(range(3, 16)),
        tier="PROFESSIONAL",
    ),
    Model(
        name="veo-3.1", kinds=_VIDEO_KINDS, engine="fal", endpoint="fal-ai/veo3.1",
        arguments={"prompt": "prompt", "duration": "duration:seconds", "resolution": "resolution"},
        durations=(4, 6, 8), tier="BUSINESS",
    ),
    Model(
        name="veed-fabric", kinds=("avatar",), engine="fal", endpoint="veed/fabric-1.0",
        arguments={"image": "image_url", "audio": "audio_url", "resolution": "resolution"},
    ),
    Model(
        name="creatify-aurora", kinds=("avatar",), engine="fal", endpoint="fal-ai/creatify/aurora",
        arguments={"image": "image_url", "audio": "audio_url", "resolution": "resolution"}, tier="STANDARD",
    ),
    Model(
        name="kling-avatar-v2", kinds=("avatar",), engine="fal", endpoint="fal-ai/kling-video/ai-avatar/v2/pro",
        arguments={"image": "image_url", "audio": "audio_url"}, tier="PROFESSIONAL",
    ),
    Model(
        name="omnihuman-1.5", kinds=("avatar",), engine="fal", endpoint="fal-ai/bytedance/omnihuman/v1.5",
        arguments={"image": "image_url", "audio": "audio_url", "resolution": "resolution"}, tier="BUSINESS",
    ),
    Model(
        name="elevenlabs-v3", kinds=("voice",), engine="fal", endpoint="fal-ai/elevenlabs/tts/eleven-v3",
        arguments={"text": "text", "voiceId": "voice"}, tier="STANDARD",
    ),
    Model(name="kokoro", kinds=("voice",), engine="kokoro"),
    Model(name="fish-audio-s1", kinds=("voice",), engine=None, tier="STANDARD"),
)  # fmt: skip


class UnavailableError(Exception):
    """No permitted model can run. The message is for the user and names what the operator must do."""


class PlanError(Exception):
    """The workspace's plan does not include the model. The message is for the user."""


def load_models(path: str) -> tuple[Model, ...]:
    """Return the catalogue: that of the JSON file, or `MODELS` for an empty path.

    Raises:
        ValueError: the file cannot be read, or does not hold a list of models.
    """
    if not path:
        return MODELS
    try:
        return msgspec.json.decode(Path(path).expanduser().read_bytes(), type=tuple[Model, ...])
    except (OSError, msgspec.MsgspecError) as error:
        raise ValueError(f"CARMIC_MODELS must name a JSON list of models. {path}: {error}") from error


def describe_missing(model: Model) -> str | None:
    """Return the sentence that says what the operator must do so that the model can run."""
    if model.engine is None:
        return f"`{model.name}` is not available: this version of Carmic has no engine for it."
    engine = ENGINES[model.engine]
    place = "needs an outside service that is not configured" if engine.is_hosted else "is not installed"
    return f"`{model.name}` {place}. The operator must {engine.requirement}."


def select_model(
    models: tuple[Model, ...],
    kind: str,
    requested: str | None,
    fallbacks: list[str],
    is_available: Callable[[Model], bool],
) -> Model:
    """Return the model that runs a request: the one that it names, else its fallbacks, else the catalogue's order.

    A hosted model comes before a local one where the request names none and both can run.

    Raises:
        UnavailableError: none can run.
    """
    candidates = [model for model in models if kind in model.kinds]
    if requested is not None or fallbacks:
        by_name = {model.name: model for model in candidates}
        names = [name for name in (requested, *fallbacks) if name is not None]
        candidates = [by_name[name] for name in names if name in by_name]
    available = [model for model in candidates if is_available(model)]
    if available:
        return available[0]
    if not candidates:
        raise UnavailableError("No model of that name makes this. `GET /api/models` lists them.")
    raise UnavailableError(describe_missing(candidates[0]) or "")
