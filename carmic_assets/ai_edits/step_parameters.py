"""Reads the parameters of a step from its clause: strength, factor, place, times, colour."""

from __future__ import annotations

import re

import msgspec

from carmic_assets.ai_edits.clause_words import has_word
from carmic_assets.ai_edits.edit_plan import EditStep
from carmic_assets.ai_edits.operations import BY_NAME

FACE = re.compile(r"\b(?:face|faces|head)\b")
_PLACES = (
    ("top left", r"\b(?:top|upper) left\b"), ("top right", r"\b(?:top|upper) right\b"),
    ("bottom left", r"\b(?:bottom|lower) left\b"), ("bottom right", r"\b(?:bottom|lower) right\b"),
    ("left", r"\bleft\b"), ("right", r"\bright\b(?! now| away)"), ("top", r"\b(?:top|upper)\b"),
    ("bottom", r"\b(?:bottom|lower)\b"), ("centre", r"\bcentre\b"),
)  # fmt: skip


def with_parameters(step: EditStep, text: str) -> EditStep:
    """Return the step with the strength, factor, place, times and colour that its clause names."""
    changes: dict[str, object] = {"strength": _strength(text)}
    allowed = BY_NAME[step.operation].parameters
    factor = read_factor(text)
    if "factor" in allowed and factor is not None and factor > 0:
        changes["factor"] = max(factor, 1 / factor)
    if "place" in allowed:
        for name, form in _PLACES:
            if re.search(form, text):
                changes["place"] = name
                break
        if step.operation == "zoom_in" and FACE.search(text):
            changes["place"] = "face"
    if "gradual" in allowed:
        changes["gradual"] = (
            re.search(r"\b(?:slow|slowly|gradual|gradually|smooth|smoothly|gently|ken burns|over)\b", text) is not None
        )
    seconds = [float(value) for value in re.findall(r"\bsec(\d+(?:\.\d+)?)\b", text)]
    if step.operation == "freeze":
        changes |= _freeze_times(text)
    elif "duration_s" in allowed and seconds:
        changes["duration_s"] = seconds[0]
    if "aspect" in allowed and (aspect := re.search(r"\baspect(\d+)to(\d+)\b", text)):
        changes["aspect"] = f"{aspect[1]}:{aspect[2]}"
    if "colour" in allowed and re.search(r"\bwhite\b", text):
        changes["colour"] = "white"
    return msgspec.structs.replace(step, **changes)


_BARE_NUMBER = re.compile(
    r"(?:(?:at|by|for|like|about|around|maybe|say) )*(?:x|pct|sec)\d+(?:\.\d+)?"
    r"(?: (?:slower|faster|speed|long|please))*"
)


def refine(step: EditStep, text: str) -> EditStep | None:
    """Return the step with the number that a clause of its own adds ("slow motion, 4x"); None if it adds none."""
    if _BARE_NUMBER.fullmatch(text) is None:
        return None
    refined = with_parameters(step, text)
    changes = {name: getattr(refined, name) for name in ("factor", "duration_s", "at_s") if getattr(refined, name)}
    return msgspec.structs.replace(step, **changes) if changes else None


def _freeze_times(text: str) -> dict[str, object]:
    """Return the start and the duration of a freeze: "at 3 seconds", "the last frame for 2 s"."""
    times: dict[str, object] = {}
    if hold := re.search(r"\b(?:for|hold|of|lasting|during)\b(?: \w+){0,3}? sec(\d+(?:\.\d+)?)", text):
        times["duration_s"] = float(hold[1])
    if start := re.search(r"\b(?:at|after|from)\b(?: \w+){0,2}? sec(\d+(?:\.\d+)?)", text):
        times["at_s"] = float(start[1])
    elif re.search(r"\b(?:last|end|final|ending)\b", text):
        times["at_s"] = -0.0
        times["place"] = "end"
    elif re.search(r"\b(?:first|start|beginning|opening)\b", text):
        times["at_s"] = 0.0
    if not hold and not start and (alone := re.search(r"\bsec(\d+(?:\.\d+)?)\b", text)):
        times["duration_s"] = float(alone[1])
    return times


def _strength(text: str) -> float:
    if match := re.search(r"\bpct(\d+(?:\.\d+)?)\b", text):
        return min(2.0, max(0.1, float(match[1]) / 30))
    if re.search(r"\b(?:not too much|do not overdo|not overdo|keep it subtle)\b", text) or has_word(text, "weak"):
        return 0.5
    return 1.5 if has_word(text, "strong") else 1.0


def read_factor(text: str) -> float | None:
    """Return the factor in the text ("x2", "50 %", "half", "double"), or None."""
    if match := re.search(r"\bx(\d+(?:\.\d+)?)\b", text):
        return float(match[1])
    if match := re.search(r"\b(by )?pct(\d+(?:\.\d+)?)\b( \w+)?", text):
        ratio = float(match[2]) / 100
        if match[1] or re.search(r"faster|slower|quicker", match[3] or ""):
            slower = re.search(r"slow|decrease|reduce|lower|quieter", text)
            return max(0.05, 1 - ratio) if slower and ratio < 1 else 1 + ratio
        return ratio or None
    for word, factor in (
        ("half", 0.5),
        ("halve", 0.5),
        ("quarter", 0.25),
        ("twice", 2.0),
        ("double", 2.0),
        ("triple", 3.0),
    ):
        if re.search(rf"\b{word}\b(?! (?:a )?sec)", text):
            return factor
    return None
