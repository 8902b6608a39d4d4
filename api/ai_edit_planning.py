"""Turns the prompt of an AI edit into a plan of listed operations, or into the request to a hosted model."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from api.errors import ApiError, PromptRefusedError, unconfigured
from carmic_assets.ai_edits.edit_plan import HOSTED, EditPlan, EditStep, Refusal
from carmic_assets.ai_edits.grammar import check_box, parse_prompt
from carmic_assets.ai_edits.operations import BY_NAME, TRACKED
from carmic_assets.model.direction import Box
from resources.hosted_models import KEY_SETTINGS, MAX_LENGTH_S, RUNWAY_MAX_PROMPT_LETTERS, Service, open_model
from resources.settings import Settings

# "With Runway: make it snow" and "make it snow using Runway". Elsewhere in a prompt, a runway may be in the picture.
_SERVICE = r"(?:with|using|use|via|through) (fal(?:\.ai)?|runway(?:ml)?)"
_NAMED_SERVICE = re.compile(rf"^\s*{_SERVICE}\s*(?:[:,;]|to\b)\s*|\s*\b{_SERVICE}\s*[.!]*\s*$", re.IGNORECASE)


class EditOrder(msgspec.Struct, frozen=True):
    """What a job carries out. `model` is that of a hosted service, None on this machine."""

    service: Literal["local", "fal", "runway"]
    plan: EditPlan
    max_length_s: float
    tracks_box: bool
    model: str | None = None
    notes: list[str] = []


def plan_edit(
    settings: Settings, prompt: str, service: Literal["local", "fal", "runway"], box: Box | None
) -> EditOrder:
    """Return the order for a prompt. A hosted service is used only if the request or its prompt names it.

    Raises:
        PromptRefusedError: no operation can carry the prompt out, or the box is missing or refused.
        ApiError: 503 if the service is not configured, 422 if it cannot take the request.
    """
    named = _NAMED_SERVICE.search(prompt)
    if service == "local" and named:
        service = "fal" if (named[1] or named[2]).lower().startswith("fal") else "runway"
    if service != "local":
        text = _NAMED_SERVICE.sub("", prompt).strip() if named else prompt.strip()
        return _plan_hosted(settings, text, service, box)
    plan = parse_prompt(prompt)
    if isinstance(plan, Refusal):
        raise _refuse(plan)
    if refusal := check_box(plan, box is not None):
        raise _refuse(refusal)
    follows_box = box is not None and not TRACKED.isdisjoint(plan.operations)
    return EditOrder("local", plan, settings.ai_edit_max_s, follows_box or "blur_faces" in plan.operations)


def _plan_hosted(settings: Settings, prompt: str, service: Service, box: Box | None) -> EditOrder:
    model = open_model(settings, service)
    if model is None:
        raise unconfigured(KEY_SETTINGS[service])
    if not prompt:
        raise ApiError(422, f"`prompt` only names {service}. Say what to change, too.")
    if service == "runway" and len(prompt) > RUNWAY_MAX_PROMPT_LETTERS:
        raise ApiError(
            422, f"`prompt` must have at most {RUNWAY_MAX_PROMPT_LETTERS} characters for runway. Shorten it."
        )
    if service == "fal" and box is None:
        raise ApiError(422, "`bounding_box` is missing: fal edits what is in the box. Draw a box, or use runway.")
    note = "The result is put back into the box, which follows its content." if box else "The whole picture is edited."
    plan = EditPlan((EditStep(HOSTED, text=prompt),))
    return EditOrder(service, plan, MAX_LENGTH_S[service], box is not None, model.model, [note])


def _refuse(refusal: Refusal) -> PromptRefusedError:
    return PromptRefusedError(refusal.sentence, tuple(BY_NAME), refusal.nearest)
