"""Translates a generation request into the arguments of a hosted model, by the model's row of the catalogue."""

from __future__ import annotations

from typing import Any

from carmic_assets.generation.model_catalogue import Model

ASPECTS = {"16:9": 16 / 9, "4:3": 4 / 3, "3:2": 3 / 2, "1:1": 1.0, "2:3": 2 / 3, "3:4": 3 / 4, "9:16": 9 / 16}
# Fields that change the result. A model that has no argument for one ignores it, and the job's notes say so.
OPTIONAL_FIELDS = ("steps", "seed", "negativePrompt", "duration", "resolution", "voiceId", "speed")
DEFAULTS: dict[str, Any] = {"steps": 4, "speed": 1.0, "resolution": "720p"}
STYLES = {
    "photorealistic": "photorealistic", "illustration": "illustration", "3d": "3D render", "flat": "flat design",
    "professional": "professional", "casual": "casual", "energetic": "energetic", "cinematic": "cinematic",
    "documentary": "documentary", "animation": "animation", "aerial": "aerial shot",
}  # fmt: skip


def build_arguments(model: Model, request: dict[str, Any], files: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the provider's arguments, and a note for each field that could not be used as it is.

    Args:
        model: the row of the catalogue.
        request: the validated body.
        files: {field: URL} of the files that the request names.
    """
    notes: list[str] = []
    fields = {**request, **files, "prompt": _build_prompt(request)}
    if "width" in request:
        fields["size"] = (request["width"], request["height"])
    arguments: dict[str, Any] = dict(model.constants)
    used = set()
    for field, target in model.arguments.items():
        name, _, conversion = target.partition(":")
        value = fields.get(field)
        used.add(field)
        if value is not None:
            arguments[name] = _convert(field, value, conversion, model, notes)
    for field in OPTIONAL_FIELDS:
        value = request.get(field)
        if value is not None and value != DEFAULTS.get(field) and field not in used:
            notes.append(f"{model.name} takes no `{field}`; it was left out.")
    return arguments, notes


def _build_prompt(request: dict[str, Any]) -> str | None:
    prompt: str | None = request.get("prompt") or request.get("script")
    style = request.get("style")
    return f"{prompt}. Style: {STYLES[style]}." if prompt and style else prompt


def _convert(field: str, value: Any, conversion: str, model: Model, notes: list[str]) -> Any:  # noqa: ANN401 - JSON
    if field == "duration":
        seconds = _choose_duration(float(value), model.durations)
        if seconds != value:
            notes.append(f"{model.name} makes {', '.join(map(str, model.durations))} s; `duration` became {seconds} s.")
        return f"{seconds}s" if conversion == "seconds" else str(seconds)
    if conversion == "object":
        return {"width": value[0], "height": value[1]}
    if conversion == "aspect":
        ratio = value[0] / value[1]
        name = min(ASPECTS, key=lambda aspect: abs(ASPECTS[aspect] - ratio))
        notes.append(f"{model.name} takes an aspect ratio in place of a size: {name}.")
        return name
    return value


def _choose_duration(requested_s: float, durations: tuple[int, ...]) -> int:
    """Return the longest duration that does not exceed the request, or else the shortest."""
    if not durations:
        return round(requested_s)
    return max((seconds for seconds in durations if seconds <= requested_s), default=min(durations))
