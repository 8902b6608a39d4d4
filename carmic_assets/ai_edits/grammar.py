"""Parses a prompt into a plan of listed operations, or into a refusal. An uncertain prompt is refused, not guessed.

A prompt is split into clauses. Patterns match operations. Adjectives and nouns of a dimension (brightness, speed)
select an operation by direction ("too dark" means brighter). The remaining words must be a target or fillers.
A clause that asks for anything else makes the parser refuse the prompt.
"""

from __future__ import annotations

import functools
import re

import msgspec

from carmic_assets.ai_edits.edit_plan import EditPlan, EditStep, Refusal, RefusalKind
from carmic_assets.ai_edits.operations import BY_NAME, OPERATIONS
from carmic_assets.ai_edits.prompt_words import NormalisedPrompt, normalise, word_lists

MAX_PROMPT_LETTERS = 2000
_CLAUSE_END = re.compile(
    r"\s*(?:,|&|\+|\b(?:and then|then|and|also|plus|but|followed by|after that|afterwards|as well as|along with)\b)\s*"
)
_ASIDE = re.compile(
    r"\b(?:because|since|so (?:that|i|we|it|you|the|people|viewers|everyone|nobody|no one)|as it|when|whenever|while"
    r"|where|who|which|until|without|for (?:a|an|my|our|the) (?:\w+ )?(?:video|project|intro|client|presentation)"
    r"|to match|in order to|like i said|even though|although|rather than|instead of)\b.*"
)
_UNSPECIFIC = re.compile(
    r"\b(?:reduce|decrease|increase|raise|lower|boost|add|remove|enhance|change|replace)\b"
    r" (?!(?:it|this|that|them)\b)\w+"
)
_CONSTRUCTIVE = re.compile(r"\b(?:add|insert|put|give|create|place|include|turn|transform|convert|change)\b")
_PREPOSITION = re.compile(r"\b(?:to|on|over|in|at|of|for|around|across|behind|with)\b")
_KEEP = re.compile(r"(?:but )?(?:keep|leave)\b")  # a remark on the result: "keep it natural"
_HIDING = ("pixelate", "blur_faces", "background_blur")
_TARGETED = frozenset({"blur", "pixelate", "remove", "recolour", "zoom_in"})
_GLOBAL_VERBS = re.compile(
    r"\b(?:speedup|slowdown|slow|speed|reverse|rewind|stabilise|steady|freeze|smooth|play|run)\b"
)
_REGION_VERB = re.compile(r"\b(?:blur\w*|pixelat\w*|censor|mosaic|hide|obscure|redact|remove|erase|delete)\b")
_GENERATOR_VERB = re.compile(
    r"\b(?:add|put|insert|give|turn|make|create|generate|style)\b(?! (?:a |the |some )?(?:blur|mosaic))"
)
_FACE = re.compile(r"\b(?:face|faces|head)\b")
_PLACES = (
    ("top left", r"\b(?:top|upper) left\b"), ("top right", r"\b(?:top|upper) right\b"),
    ("bottom left", r"\b(?:bottom|lower) left\b"), ("bottom right", r"\b(?:bottom|lower) right\b"),
    ("left", r"\bleft\b"), ("right", r"\bright\b(?! now| away)"), ("top", r"\b(?:top|upper)\b"),
    ("bottom", r"\b(?:bottom|lower)\b"), ("centre", r"\bcentre\b"),
)  # fmt: skip


class _Mood(msgspec.Struct, frozen=True):
    """The verb and direction of a clause.

    A clause without a verb inherits them ("increase contrast and saturation").
    """

    request: bool = False
    complaint: bool = False
    change: int = 0  # 1 more, -1 less
    too: bool = False


class _Clause(msgspec.Struct):
    text: str
    steps: list[EditStep]
    left: list[str]  # words that are neither part of an operation nor a filler
    mood: _Mood


def parse_prompt(prompt: str) -> EditPlan | Refusal:
    """Return the plan of a prompt, or a refusal. The result depends on the text only, not on the video or the box."""
    if not prompt.strip():
        return _refuse("unclear", "`prompt` is empty. Say what to change, for example: make it brighter.", "")
    if len(prompt) > MAX_PROMPT_LETTERS:
        return _refuse("unclear", f"`prompt` must have at most {MAX_PROMPT_LETTERS} characters. Shorten it.", "")
    normalised = normalise(prompt)
    text = normalised.text
    if phrase := _impossible_phrase(text):
        return _refuse(
            "impossible", f"No operation can do this: {phrase!r}. Ask for operations of the list only.", text
        )
    steps: list[EditStep] = []
    mood = _Mood()
    asides: list[str] = []
    for part in (part.strip() for part in _CLAUSE_END.split(text)):
        head, aside = _cut_aside(part)
        asides += [aside] if aside else []
        if not head or _KEEP.match(head):
            continue
        clause = _read_clause(head, normalised, mood)
        if steps and _repeats(clause, steps[-1]):
            continue
        refusal = _add_clause(clause, steps, text)
        if refusal is not None:
            return refusal
        mood = clause.mood
    # The only request may be a complaint in an aside: "because it is too dark".
    steps = steps or [step for aside in asides for step in _read_clause(aside, normalised, _Mood()).steps]
    if not steps:
        return _refuse("unclear", "The prompt does not name an operation of the list. Ask for one of them.", text)
    return EditPlan(_without_repeats(steps))


def check_box(plan: EditPlan, has_box: bool) -> Refusal | None:
    """Return a refusal if the plan needs a bounding box that is missing, or has one that it does not accept."""
    for step in plan.steps:
        use = BY_NAME[step.operation].box
        name = step.operation.replace("_", " ")
        if not has_box and (use == "required" or step.target is not None):
            what = step.target or "the object"
            return _refuse(
                "needs_box",
                f"`bounding_box` is missing: objects are not recognised. Draw a box around {what} for {name}.",
                step.operation,
            )
        if has_box and all(BY_NAME[other.operation].box == "refused" for other in plan.steps):
            return _refuse(
                "not_in_box", f"`bounding_box` must be omitted: {name} changes the full frame.", step.operation
            )
    return None


def _impossible_phrase(text: str) -> str | None:
    """Return the part of a prompt that only a generative model could carry out, or None."""
    for form in _forms("forms"):
        if match := form.search(text):
            return match.group(0).strip()
    for clause in _CLAUSE_END.split(text):
        is_target = _REGION_VERB.search(clause) and not _GENERATOR_VERB.search(clause)
        for form in () if is_target else _forms("unless_target"):
            if match := form.search(clause):
                return match.group(0).strip()
    return None


def _repeats(clause: _Clause, last: EditStep) -> bool:
    """Return whether a clause only repeats the previous step with a pronoun: "there is a hum, get rid of it"."""
    if not re.search(r"\b(?:it|that|this|them)\b", clause.text) or len(clause.steps) != 1:
        return False
    step = clause.steps[0]
    is_removal = step.operation == "remove" and step.target is None
    is_of_sound = step.operation in ("sharpen", "denoise") and BY_NAME[last.operation].family == "sound"
    return is_removal or is_of_sound


def _add_clause(clause: _Clause, steps: list[EditStep], text: str) -> Refusal | None:
    """Add the steps of a clause to `steps`. Return a refusal if the clause asks for anything else."""
    if clause.steps:
        if clause.left:
            phrase = " ".join(clause.left)
            return _refuse("impossible", f"No operation of the list covers {phrase!r}. Omit it.", text)
        steps += clause.steps
        return None
    if not clause.left:
        if _UNSPECIFIC.search(clause.text):
            return _refuse("unclear", f"It is unclear what to change by {clause.text!r}. Name an operation.", text)
        return None
    words = clause.text.split()
    is_noun_phrase = not _has(clause.text, "constructive") and not _has(clause.text, "complaint")
    if steps and steps[-1].target and is_noun_phrase and words[0] in ("the", "his", "her", "their", "my", "that", "a"):
        target = f"{steps[-1].target} and {' '.join(clause.left)}"
        steps[-1] = msgspec.structs.replace(steps[-1], target=target)
        return None
    is_statement = words[0] in _STATEMENT_STARTS and not re.search(r"\b(?:want|need|like|add|make|give)\b", clause.text)
    if is_statement or (clause.mood.complaint and not _has(clause.text, "constructive")):
        return None
    phrase = " ".join(clause.left)
    return _refuse("unclear", f"The prompt asks for {phrase!r}, which no operation of the list does.", text)


_STATEMENT_STARTS = frozenset((
    "i", "we", "it", "this", "that", "there", "my", "the", "our", "these", "those", "he", "she", "they", "you", "sorry",
    "basically", "so", "honestly", "nobody", "as", "if",
))  # fmt: skip


def _read_clause(text: str, prompt: NormalisedPrompt, carried: _Mood) -> _Clause:
    """Return one clause with its steps and the remaining words."""
    mood = _detect_mood(text, carried)
    negated = re.search(r"\b(?:do not|never|does not need)\b", text) is not None
    rest, steps = _match_patterns(text, prompt)
    if not any(step.operation in ("title",) for step in steps):
        rest, match = _match_dimensions(rest, text, mood, bool(steps))
        steps += match
        if not steps and re.fullmatch(r"(?:x|pct)\d[\d.]*", text.split()[-1]) and not _leftover(text):
            factor = _factor(text) or 1.0  # "4x" alone is a speed
            steps = (
                [_with_parameters(EditStep("speed_up" if factor > 1 else "slow_motion"), text)] if factor != 1 else []
            )
    left = _leftover(rest)
    if negated and steps and not re.search(r"\bdo not (?:want|like|need|see)\b", text):
        return _Clause(text, steps, [*left, "not"], mood)
    if not steps:
        return _Clause(text, steps, left, mood)
    return _assign_target(_Clause(text, steps, left, mood), rest)


def _match_patterns(text: str, prompt: NormalisedPrompt) -> tuple[str, list[EditStep]]:
    """Match the patterns in `text`. Return the unmatched rest, and a step for each matched operation."""
    if "qtext" in text and re.search(
        r"\b(?:title|titles|captions?|text|words?|write|writing|overlay|says?|saying|heading|headline|label|show|display"
        r"|put|add|type|reads?|print|called|named)\b", text
    ) and not re.search(r"\b(?:change|edit|him|her|them|sign)\b", text):  # fmt: skip
        index = prompt.text[: prompt.text.find(text)].count("qtext") if text in prompt.text else 0
        step = EditStep("title", text=prompt.quotes[min(index, len(prompt.quotes) - 1)])
        return "", [_with_parameters(step, text)]
    placed: list[tuple[int, EditStep]] = []
    rest = text
    colour_step = _recolour(text)
    if colour_step is not None:
        return "", [colour_step]
    for operation, forms in _patterns():
        matches = [match for form in forms if (match := form.search(rest))]
        for form in forms if matches else ():
            rest = form.sub(" ", rest, count=1)
        if matches and not (operation == "blur" and placed and placed[-1][1].operation in _HIDING):
            style = "pixelate" if re.search(r"pixel|mosaic|censor", text) and operation == "blur_faces" else None
            step = _with_parameters(EditStep(operation, style=style), text)
            placed.append((text.find(matches[0].group(0).split()[0]), step))
    removal = re.search(
        r"\b(?:remove|removes|removing|removed|erase|erased|erasing|delete|deleted|clean up|removal of)\b(.*)", rest
    )
    if removal and not placed and not _dimension_hits(removal[1]):
        target = removal[1].split()
        names_object = not set(target) <= _word_set("no_object") and "colours" not in target
        if names_object or re.search(r"\b(?:it|this|that|object|thing)\b", removal[1]):
            placed.append((0, EditStep("remove", target=_noun_phrase(removal[1], names_object))))
            rest = rest[: removal.start()]
    return rest, [step for _, step in sorted(placed, key=lambda pair: pair[0])]


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
    if _leftover(target) or re.search(r"\b(?:it|this|that)\b", target):
        if set(_leftover(target)) - set(names.split("|")):
            return EditStep("recolour", colour=match[2], target=_noun_phrase(target))
        return EditStep("recolour", colour=match[2])
    if re.search(r"\b(?:background|walls?|sky|screen)\b", target):
        return EditStep("recolour", colour=match[2], target=_noun_phrase(target))
    return None


def _match_dimensions(rest: str, text: str, mood: _Mood, has_steps: bool) -> tuple[str, list[EditStep]]:
    """Return the unmatched rest, and a step for each dimension that `rest` names with a direction."""
    steps: list[EditStep] = []
    hits = _dimension_hits(rest)
    if re.search(r"\bzoom\b", text):  # in "slow zoom", "slow" is the speed of the zoom
        hits = [hit for hit in hits if hit.dimension != "speed" or hit.kind != "adjective"]
    for dimension in dict.fromkeys(hit.dimension for hit in hits):
        entry = word_lists()["dimensions"][dimension]
        kinds = sorted((hit for hit in hits if hit.dimension == dimension), key=lambda hit: _KIND_ORDER[hit.kind])
        first = kinds[0]
        if first.kind == "noun" and has_steps and not re.search(rf"{_CHANGES} (?:\w+ )?{first.word}\b", rest):
            continue
        sign = _direction(first, text, mood)
        operation = entry["up"] if sign > 0 else entry["down"] if sign < 0 else ""
        if operation:
            steps.append(_with_parameters(EditStep(operation), text))
            for hit in kinds:
                rest = re.sub(rf"\b{hit.word}\b", " ", rest, count=1)
    return rest, steps


_CHANGES = r"\b(?:more|less|add|with|some|film|increase|extra|higher|lower|boost|reduce|decrease)"
_KIND_ORDER = {"defect": 0, "verb": 1, "comparative": 2, "adjective": 3, "noun": 4}


def _dimension_hits(text: str) -> list[_Hit]:
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


def _direction(hit: _Hit, text: str, mood: _Mood) -> int:
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
    is_excess = mood.too and (_has(before, "too") or _is_bare(text))
    is_complaint = not mood.request and (mood.complaint or _has(text, "fix"))
    is_negated = re.search(r"\bnot\b", before) is not None
    if is_excess or is_complaint:
        return hit.polarity if is_negated and not is_excess else -hit.polarity
    return -hit.polarity if is_negated else hit.polarity


def _speed_direction(hit: _Hit, text: str) -> int:
    """Return the direction of a factor ("half speed", "at 50 % speed", "2x speed"), 0 if there is none."""
    if hit.kind != "noun":
        return 0
    factor = _factor(text)
    if factor is None or factor == 1:
        return 0
    is_slower = factor < 1 or re.search(r"\b(?:half|halve|decrease|reduce|lower|slower|slow)\b", text)
    return -1 if is_slower else 1


def _noun_direction(hit: _Hit, text: str, mood: _Mood) -> int:
    factor = _factor(text)
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


def _detect_mood(text: str, carried: _Mood) -> _Mood:
    request, complaint = _has(text, "request"), _has(text, "complaint")
    if re.search(
        r"\b(?:can|could|would|should) (?:you |we |it |this )?(?:please )?(?:be|look|get)\b|\bto (?:be|look|feel)\b",
        text,
    ):
        request = True
    change = 1 if _has(text, "increase") else -1 if _has(text, "decrease") else 0
    if re.search(r"\b(?:decrease|reduce|lower|less|drop)\b", text):
        change = -1
    too = _has(text, "too")
    if _is_bare(text) and not (request or complaint or change or too):
        return carried
    if _is_bare(text) and carried.too and not (request or change):
        too = True
    return _Mood(request, complaint, change, too)


def _is_bare(text: str) -> bool:
    return len(text.split()) <= 3 and not any(_has(text, name) for name in ("request", "complaint", "constructive"))


def _assign_target(clause: _Clause, rest: str) -> _Clause:
    """Assign the remaining words to a step that can have a target, if the clause's verb allows it."""
    last = clause.steps[-1]
    if not clause.left:
        return clause
    operation = BY_NAME[last.operation]
    is_constructive = _CONSTRUCTIVE.search(clause.text) is not None
    # "Add blur to the logo": only the operation may come before the preposition.
    object_words, *place_words = _PREPOSITION.split(rest, maxsplit=1)
    if is_constructive and (not place_words or _leftover(object_words)):
        return clause
    if last.operation in _TARGETED or operation.family == "grade" or last.operation in ("sharpen", "denoise"):
        if len(clause.left) > 8:
            return clause
        if last.operation == "zoom_in" and _FACE.search(clause.text):
            step = msgspec.structs.replace(last, place="face")
        else:
            step = msgspec.structs.replace(last, target=_noun_phrase(rest))
        return _Clause(clause.text, [*clause.steps[:-1], step], [], clause.mood)
    allowed = operation.family in ("time", "sound") or last.operation in (
        "stabilise",
        "blur_faces",
        "background_blur",
        "deflicker",
    )
    if last.operation == "blur_faces" and not is_constructive:
        return _Clause(clause.text, clause.steps, [], clause.mood)
    if allowed and not is_constructive and not re.search(r"\b(?:make|only|just)\b", clause.text):
        return _Clause(clause.text, clause.steps, [], clause.mood)
    return clause


def _with_parameters(step: EditStep, text: str) -> EditStep:
    """Return the step with the strength, factor, place, times and colour that its clause names."""
    changes: dict[str, object] = {"strength": _strength(text)}
    allowed = BY_NAME[step.operation].parameters
    factor = _factor(text)
    if "factor" in allowed and factor is not None and factor > 0:
        changes["factor"] = max(factor, 1 / factor)
    if "place" in allowed:
        for name, form in _PLACES:
            if re.search(form, text):
                changes["place"] = name
                break
        if step.operation == "zoom_in" and _FACE.search(text):
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
    if "colour" in allowed and re.search(r"\bwhite\b", text):
        changes["colour"] = "white"
    return msgspec.structs.replace(step, **changes)


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
    if re.search(r"\b(?:not too much|do not overdo|not overdo|keep it subtle)\b", text) or _has(text, "weak"):
        return 0.5
    return 1.5 if _has(text, "strong") else 1.0


def _factor(text: str) -> float | None:
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


def _leftover(text: str) -> list[str]:
    """Return the words that are not fillers, numbers or names of the full frame."""
    return [
        word for word in text.split()
        if word not in _ignored_words() and not re.fullmatch(r"(?:x|pct|sec)?\d+(?:\.\d+)?|qtext|\d+k", word)
    ]  # fmt: skip


@functools.cache
def _ignored_words() -> frozenset[str]:
    words = word_lists()["words"]
    names = ("whole", "fillers", "too", "weak", "strong", "fix", "complaint", "increase", "decrease")
    return frozenset(word for name in names for word in words[name].split())


def _noun_phrase(text: str, is_object: bool = True) -> str | None:
    """Return the target as the prompt names it, without surrounding verbs and polite words, or None."""
    words = text.split()
    keep = _leftover(text) or [word for word in words if word not in _word_set("no_object")]
    if not keep or not is_object:
        return None
    first, last = words.index(keep[0]), len(words) - 1 - words[::-1].index(keep[-1])
    phrase = " ".join(words[first : last + 1])
    return f"the {phrase}"


def _cut_aside(text: str) -> tuple[str, str]:
    match = _ASIDE.search(text)
    if match is None:
        return text, ""
    return text[: match.start()].strip(), match.group(0)


def _without_repeats(steps: list[EditStep]) -> tuple[EditStep, ...]:
    """Return each operation once, at its first place. A mention with another target or text is a separate step."""
    kept: list[EditStep] = []
    for step in steps:
        same = next((i for i, other in enumerate(kept) if other.operation == step.operation), None)
        if (
            same is None
            or step.text != kept[same].text
            or (step.target and kept[same].target not in (None, step.target))
        ):
            kept.append(step)
        elif kept[same].target is None:
            kept[same] = msgspec.structs.replace(kept[same], target=step.target)
    return tuple(kept)


def _has(text: str, name: str) -> bool:
    return not _word_set(name).isdisjoint(text.split())


@functools.cache
def _word_set(name: str) -> frozenset[str]:
    return frozenset(word_lists()["words"][name].split())


@functools.cache
def _forms(name: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(form) for form in word_lists()["impossible"][name])


@functools.cache
def _patterns() -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        (entry["operation"], tuple(re.compile(form) for form in entry["forms"])) for entry in word_lists()["patterns"]
    )


def _refuse(kind: RefusalKind, sentence: str, text: str) -> Refusal:
    return Refusal(kind, sentence, nearest_operations(text))


def nearest_operations(text: str) -> tuple[str, str, str]:
    """Return the three operations whose name, description and examples share most words with `text`, best first."""
    words = {word.rstrip("s") for word in text.split() if len(word) > 2} - {"the", "and", "make", "add", "with", "for"}

    def count_shared_words(name: str) -> int:
        operation = BY_NAME[name]
        own = f"{name.replace('_', ' ')} {operation.does} {' '.join(operation.examples)}".lower()
        own_words = {word.strip(".,").rstrip("s") for word in own.split()}
        return 2 * len(words & set(name.rstrip("s").split("_"))) + len(words & own_words)

    ranked = sorted((operation.name for operation in OPERATIONS), key=lambda name: -count_shared_words(name))
    return ranked[0], ranked[1], ranked[2]
