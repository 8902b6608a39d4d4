"""Dimensions, such as brightness or speed: a word and the mood of its clause give the direction of the change."""

from __future__ import annotations

import functools
import re

import msgspec

from carmic_assets.ai_edits.clause_words import has_word
from carmic_assets.ai_edits.edit_plan import EditStep
from carmic_assets.ai_edits.prompt_words import word_lists
from carmic_assets.ai_edits.step_parameters import read_factor, with_parameters


class Mood(msgspec.Struct, frozen=True):
    """The verb and direction of a clause.

    A clause without a verb inherits them ("increase contrast and saturation").
    """

    request: bool = False
    complaint: bool = False
    change: int = 0  # 1 more, -1 less
    too: bool = False


def is_opposite(operation: str, other: str) -> bool:
    """Return whether two operations are the two directions of one dimension, such as brighter and darker."""
    return any({operation, other} == {entry["up"], entry["down"]} for entry in word_lists()["dimensions"].values())


def match_dimensions(rest: str, text: str, mood: Mood, has_steps: bool) -> tuple[str, list[EditStep]]:
    """Return the unmatched rest, and a step for each dimension that `rest` names with a direction."""
    steps: list[EditStep] = []
    hits = dimension_hits(rest)
    if re.search(r"\bzoom\b", text):  # in "slow zoom", "slow" is the speed of the zoom
        hits = [hit for hit in hits if hit.dimension != "speed" or hit.kind != "adjective"]
    for dimension in dict.fromkeys(hit.dimension for hit in hits):
        entry = word_lists()["dimensions"][dimension]
        kinds = sorted((hit for hit in hits if hit.dimension == dimension), key=lambda hit: _KIND_ORDER[hit.kind])
        first = kinds[0]
        adjectives = [hit for hit in hits if hit.dimension == dimension and hit.kind == "adjective"]
        if mood.request and first.kind == "adjective" and len({hit.polarity for hit in adjectives}) > 1:
            first = adjectives[-1]  # "make the dark shot bright": the last word is the request
        if first.kind == "noun" and has_steps and not re.search(rf"{_CHANGES} (?:\w+ )?{first.word}\b", rest):
            continue
        sign = _direction(first, text, mood)
        operation = entry["up"] if sign > 0 else entry["down"] if sign < 0 else ""
        if sign < 0 and not operation and not mood.request:
            operation = entry["up"]  # "shaky as hell" is a complaint: there is no operation that shakes
        if operation:
            steps.append(with_parameters(EditStep(operation), text))
            for hit in kinds:
                rest = re.sub(rf"\b{hit.word}\b", " ", rest, count=1)
    return rest, steps


_CHANGES = r"\b(?:more|less|add|with|some|film|increase|extra|higher|lower|boost|reduce|decrease)"
_KIND_ORDER = {"defect": 0, "verb": 1, "comparative": 2, "adjective": 3, "noun": 4}


def dimension_hits(text: str) -> list[_Hit]:
    """Return the words of dimensions in the text, in order."""
    table = _dimension_words()
    return [hit for word in text.split() for hit in table.get(word, ())]


@functools.cache
def _dimension_words() -> dict[str, list[_Hit]]:
    table: dict[str, list[_Hit]] = {}
    for name, entry in word_lists()["dimensions"].items():
        for key, words in entry.items():
            if key in ("up", "down"):
                continue
            kind = key.split("_")[-1].removesuffix("s")
            polarity = 0 if key == "nouns" else 1 if key.startswith("up") else -1
            for word in words.split():
                table.setdefault(word, []).append(_Hit(name, kind, polarity, word))
    return table


class _Hit(msgspec.Struct, frozen=True):
    """A word of a dimension in a clause; `polarity` is 1, -1, or 0 for a noun."""

    dimension: str
    kind: str
    polarity: int
    word: str


def _direction(hit: _Hit, text: str, mood: Mood) -> int:
    """Return 1 for the dimension's `up` operation, -1 for `down`, 0 if the clause gives no direction."""
    if hit.dimension == "speed" and (sign := _speed_direction(hit, text)):
        return sign
    if hit.kind == "noun":
        return _noun_direction(hit, text, mood)
    before = text[: text.find(hit.word)]
    is_plain = hit.kind in ("defect", "verb") or re.search(r"\bnot\b.*\benough\b", text) is not None
    if is_plain:
        return hit.polarity
    if re.search(r"\b(?:less|not so|not as|not too|decrease|reduce)\b[\w\s]*$", before):
        return -hit.polarity
    if hit.kind == "comparative" or re.search(r"\bmore\b[\w\s]*$", before):
        return hit.polarity
    is_excess = mood.too and (has_word(before, "too") or _is_bare(text))
    is_complaint = not mood.request and (mood.complaint or has_word(text, "fix"))
    is_negated = re.search(r"\bnot\b", before) is not None
    if is_excess or is_complaint:
        return hit.polarity if is_negated and not is_excess else -hit.polarity
    return -hit.polarity if is_negated else hit.polarity


def _speed_direction(hit: _Hit, text: str) -> int:
    """Return the direction of a factor ("half speed", "at 50 % speed", "2x speed"), 0 if there is none."""
    if hit.kind != "noun":
        return 0
    factor = read_factor(text)
    if factor is None or factor == 1:
        return 0
    is_slower = factor < 1 or re.search(r"\b(?:half|halve|decrease|reduce|lower|slower|slow)\b", text)
    return -1 if is_slower else 1


def _noun_direction(hit: _Hit, text: str, mood: Mood) -> int:
    factor = read_factor(text)
    is_too_much = re.search(r"\b(?:too|so) (?:much|many|high|strong|loud|fast)\b", text) is not None
    is_halved = factor is not None and factor < 1 and "pct" not in text
    is_noisy = hit.dimension == "noise" and mood.complaint and mood.change >= 0
    if is_halved or is_noisy:
        return -1
    if hit.word == "grain" and mood.change == 0 and not mood.complaint:
        return 1
    if is_too_much or (mood.too and _is_bare(text)):
        return -1
    if re.search(r"\b(?:too|so) (?:little|low|weak|slow)\b|\bnot enough\b|\b(?:is|are|too) low\b", text):
        return 1
    return mood.change


def detect_mood(text: str, carried: Mood) -> Mood:
    """Return how a clause is worded. A bare clause without a verb takes the mood of the one before it."""
    request, complaint = has_word(text, "request"), has_word(text, "complaint")
    if re.search(
        r"\b(?:can|could|would|should) (?:you |we |it |this )?(?:please )?(?:be|look|get)\b|\bto (?:be|look|feel)\b",
        text,
    ):
        request = True
    change = 1 if has_word(text, "increase") else -1 if has_word(text, "decrease") else 0
    if re.search(r"\b(?:decrease|reduce|lower|less|drop)\b", text):
        change = -1
    too = has_word(text, "too")
    if _is_bare(text) and not (request or complaint or change or too):
        has_object = re.search(r"\w (?:it|them|this|that)(?: (?:up|down|out|more))?$", text)
        return Mood(request=True) if has_object else carried  # "crisp them" asks, whatever was said before
    if _is_bare(text) and carried.too and not (request or change):
        too = True
    return Mood(request, complaint, change, too)


def _is_bare(text: str) -> bool:
    return len(text.split()) <= 3 and not any(has_word(text, name) for name in ("request", "complaint", "constructive"))
