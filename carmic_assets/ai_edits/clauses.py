"""Reads one clause of a prompt: patterns, dimensions and a target become steps; other words are left over."""

from __future__ import annotations

import functools
import re

import msgspec

from carmic_assets.ai_edits.clause_words import list_leftover, noun_phrase, word_set
from carmic_assets.ai_edits.dimensions import Mood, detect_mood, dimension_hits, match_dimensions
from carmic_assets.ai_edits.edit_plan import EditStep
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.prompt_words import NormalisedPrompt, word_lists
from carmic_assets.ai_edits.step_parameters import FACE, read_factor, with_parameters

_CONSTRUCTIVE = re.compile(
    r"\b(?:add|insert|put|give|create|place|include|turn|transform|convert|change|slap|throw|stick|chuck|sprinkle)\b"
)
_PREPOSITION = re.compile(r"\b(?:to|on|over|in|at|of|for|around|across|behind|with)\b")
_TITLE_VERB = re.compile(
    r"\b(?:title|titles|captions?|text|words?|write|writing|overlay|says?|saying|heading|headline|label|show|display|put"
    r"|add|type|reads?|print|called|named|supers?|chyron|tag|banner|card|credit)\b"
)
_NOT_TITLE = re.compile(r"\b(?:change|edit|him|her|them|sign)\b")
# "Blur the captions" and "the captions are too small" are about captions that the picture has.
_IS_ABOUT_CAPTIONS = re.compile(
    r"\b(?:blur\w*|pixelat\w*|censor|hide|remove|erase|delete|bigger|larger|smaller|small|size|font|move|style|change"
    r"|typo|wrong|fix|misspell\w*|is|are|translate)\b"
)
_HIDING = ("pixelate", "blur_faces", "background_blur")
_TARGETED = frozenset({"blur", "pixelate", "remove", "recolour", "zoom_in"})


class Clause(msgspec.Struct):
    """A clause that was read: its steps, the words that are left, and how it is worded."""

    text: str
    steps: list[EditStep]
    left: list[str]  # words that are neither part of an operation nor a filler
    mood: Mood


def read_clause(text: str, prompt: NormalisedPrompt, carried: Mood) -> Clause:
    """Return one clause with its steps and the remaining words."""
    mood = detect_mood(text, carried)
    negated = re.search(r"\b(?:do not|never|does not need)\b", text) is not None
    rest, steps = _match_patterns(text, prompt)
    if not any(step.operation in ("title",) for step in steps):
        rest, match = match_dimensions(rest, text, mood, bool(steps))
        steps += match
        if not steps and re.fullmatch(r"(?:x|pct)\d[\d.]*", text.split()[-1]) and not list_leftover(text):
            factor = read_factor(text) or 1.0  # "4x" alone is a speed
            steps = (
                [with_parameters(EditStep("speed_up" if factor > 1 else "slow_motion"), text)] if factor != 1 else []
            )
    left = list_leftover(rest)
    if negated and steps and not re.search(r"\bdo not (?:want|like|need|see)\b", text):
        return Clause(text, steps, [*left, "not"], mood)
    if not steps:
        return Clause(text, steps, left, mood)
    return _assign_target(Clause(text, steps, left, mood), rest)


def _match_patterns(text: str, prompt: NormalisedPrompt) -> tuple[str, list[EditStep]]:
    """Match the patterns in `text`. Return the unmatched rest, and a step for each matched operation."""
    if "qtext" in text and (_TITLE_VERB.search(text) or not list_leftover(text)) and not _NOT_TITLE.search(text):
        index = prompt.text[: prompt.text.find(text)].count("qtext") if text in prompt.text else 0
        step = EditStep("title", text=prompt.quotes[min(index, len(prompt.quotes) - 1)])
        return "", [with_parameters(step, text)]
    placed: list[tuple[int, EditStep]] = []
    rest = text
    colour_step = _recolour(text)
    if colour_step is not None:
        return "", [colour_step]
    for operation, forms in _patterns():
        if operation == "captions" and _IS_ABOUT_CAPTIONS.search(text):
            continue
        matches = [match for form in forms if (match := form.search(rest))]
        for form in forms if matches else ():
            rest = form.sub(" ", rest, count=1)
        if matches and not (operation == "blur" and placed and placed[-1][1].operation in _HIDING):
            style = "pixelate" if re.search(r"pixel|mosaic|censor", text) and operation == "blur_faces" else None
            step = with_parameters(EditStep(operation, style=style), text)
            placed.append((text.find(matches[0].group(0).split()[0]), step))
    removal = re.search(
        r"\b(?:remove|removes|removing|removed|erase|erased|erasing|delete|deleted|clean up|removal of)\b(.*)", rest
    )
    if removal and not placed and (not dimension_hits(removal[1]) or _names_object(removal[1])):
        target = removal[1].split()
        if target and target[-1] in word_set("pieces"):
            return rest, []  # "remove the boring parts" is an edit of segments
        names_object = not set(target) <= word_set("no_object") and "colours" not in target
        if names_object or re.search(r"\b(?:it|this|that|object|thing)\b", removal[1]):
            placed.append((0, EditStep("remove", target=noun_phrase(removal[1], names_object))))
            rest = rest[: removal.start()]
    if any(step.operation == "sepia" for _, step in placed):  # "old-timey brown tone"
        placed = [pair for pair in placed if pair[1].operation != "vintage"]
    return rest, [step for _, step in sorted(placed, key=lambda pair: pair[0])]


def _names_object(text: str) -> bool:
    """Return whether the noun is an object that a dimension's word only describes: "the light stand"."""
    words = list_leftover(_PREPOSITION.split(text, maxsplit=1)[0])
    return bool(words) and not dimension_hits(words[-1]) and text.split()[-1] == words[-1]


def _recolour(text: str) -> EditStep | None:
    """Match a verb, a target and its new colour, such as "make the car red". Return the step or None."""
    names = "|".join(word_lists()["words"]["colours"].split())
    verbs = (
        r"(?:make|turn|change|paint|colour|recolour|dye|tint|convert|switch|turning|making|shade|want|like|need|into)"
    )
    between = r"(?:(?:in)?to |with |as )?(?:be |have )?(?:a |an |the )?(?:bright |dark |light |deep |more |nice |new )*"
    after = r"(?: (?:one|colour|instead(?: of \w+)?|please|version|coloured|shade|tone|tint))*$"
    match = re.search(rf"\b{verbs}\b (.+?) ?\b{between}({names}){after}", text)
    if match is None:
        match = re.search(
            rf"^(?:can |could |should |let )?(.+?) (?:should )?be (?:bright |dark |light )?({names})$", text
        )
    if match is None:
        return None
    target = re.sub(r"\b(?:the |its |of )?colours? (?:of )?", "", match[1]).strip()
    target = re.sub(r"\s*\b(?:from \w+|in|to|into|with|a)$", "", target).strip()
    if list_leftover(target) or re.search(r"\b(?:it|this|that)\b", target):
        if set(list_leftover(target)) - set(names.split("|")):
            return EditStep("recolour", colour=match[2], target=noun_phrase(target))
        return EditStep("recolour", colour=match[2])
    if re.search(r"\b(?:background|walls?|sky|screen)\b", target):
        return EditStep("recolour", colour=match[2], target=noun_phrase(target))
    return None


def _assign_target(clause: Clause, rest: str) -> Clause:
    """Assign the remaining words to a step that can have a target, if the clause's verb allows it."""
    last = clause.steps[-1]
    if not clause.left:
        return clause
    operation = BY_NAME[last.operation]
    is_constructive = _CONSTRUCTIVE.search(clause.text) is not None
    # "Add blur to the logo": only the operation may come before the preposition.
    object_words, *place_words = _PREPOSITION.split(rest, maxsplit=1)
    if is_constructive and (not place_words or list_leftover(object_words)):
        return clause
    if last.operation in _TARGETED or operation.family == "grade" or last.operation in ("sharpen", "denoise"):
        if len(clause.left) > 8:
            return clause
        if last.operation == "zoom_in" and FACE.search(clause.text):
            step = msgspec.structs.replace(last, place="face")
        else:
            step = msgspec.structs.replace(last, target=noun_phrase(rest))
        return Clause(clause.text, [*clause.steps[:-1], step], [], clause.mood)
    allowed = operation.family in ("time", "sound") or last.operation in (
        "stabilise",
        "blur_faces",
        "background_blur",
        "deflicker",
        "reframe",
    )
    if last.operation == "blur_faces" and not is_constructive:
        return Clause(clause.text, clause.steps, [], clause.mood)
    if allowed and not is_constructive and not re.search(r"\b(?:make|only|just)\b", clause.text):
        return Clause(clause.text, clause.steps, [], clause.mood)
    return clause


@functools.cache
def _patterns() -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        (entry["operation"], tuple(re.compile(form) for form in entry["forms"])) for entry in word_lists()["patterns"]
    )
