"""Parses a prompt into a plan of listed operations, or into a refusal. An uncertain prompt is refused, not guessed.

A prompt is split into clauses. Patterns match operations. Adjectives and nouns of a dimension (brightness, speed)
select an operation by direction ("too dark" means brighter). The remaining words must be a target or fillers.
A clause that asks for anything else makes the parser refuse the prompt.
"""

from __future__ import annotations

import re

import msgspec

from carmic_assets.ai_edits.clause_words import has_word
from carmic_assets.ai_edits.clauses import Clause, read_clause
from carmic_assets.ai_edits.dimensions import Mood, is_opposite
from carmic_assets.ai_edits.edit_plan import EditPlan, EditStep, Refusal
from carmic_assets.ai_edits.operations import BY_NAME
from carmic_assets.ai_edits.prompt_words import NormalisedPrompt, normalise
from carmic_assets.ai_edits.refusals import CLAUSE_END, REGION_VERB, impossible_phrase, refuse
from carmic_assets.ai_edits.step_parameters import refine

MAX_PROMPT_LETTERS = 2000
_ASIDE = re.compile(
    r"\b(?:because|since|so (?:that|i|we|it|you|the|people|viewers|everyone|nobody|no one)|as it|when|whenever|while"
    r"|where|who|which|until|without|for (?:a|an|my|our|the) (?:\w+ )?(?:video|project|intro|client|presentation)"
    r"|to match|in order to|like i said|even though|although|rather than|instead of)\b.*"
)
_UNSPECIFIC = re.compile(
    r"\b(?:reduce|decrease|increase|raise|lower|boost|add|remove|enhance|change|replace)\b"
    r" (?!(?:it|this|that|them)\b)\w+"
)
_PRONOUN = re.compile(r"\b(?:it|that|this|them|those)\b")
_COPULA = re.compile(
    r"\b(?:is|are|was|were|looks?|looking|seems?|came|comes|feels?|in|on|at|behind|near|with|has|have)\b"
)
_KEEP = re.compile(r"(?:but )?(?:keep|leave)\b")  # a remark on the result: "keep it natural"


def parse_prompt(prompt: str) -> EditPlan | Refusal:
    """Return the plan of a prompt, or a refusal. The result depends on the text only, not on the video or the box."""
    if not prompt.strip():
        return refuse("unclear", "`prompt` is empty. Say what to change, for example: make it brighter.", "")
    if len(prompt) > MAX_PROMPT_LETTERS:
        return refuse("unclear", f"`prompt` must have at most {MAX_PROMPT_LETTERS} characters. Shorten it.", "")
    normalised = normalise(prompt)
    text = normalised.text
    if phrase := impossible_phrase(text):
        return refuse("impossible", f"No operation can do this: {phrase!r}. Ask for operations of the list only.", text)
    reading = _Reading(normalised)
    asides: list[str] = []
    for part in (part.strip() for part in CLAUSE_END.split(text)):
        head, aside = _cut_aside(part)
        asides += [aside] if aside else []
        if not head or _KEEP.match(head):
            continue
        refusal = reading.read(head)
        if refusal is not None:
            return refusal
    if reading.pending is not None:
        return reading.pending
    # The only request may be a complaint in an aside: "because it is too dark".
    steps = reading.steps or [s for aside in asides for s in read_clause(aside, normalised, Mood()).steps]
    if not steps:
        return refuse("unclear", "The prompt does not name an operation of the list. Ask for one of them.", text)
    return EditPlan(_without_repeats(steps))


class _Reading:
    """The state between the clauses of one prompt.

    `described` is what the previous clause is about, if it has no step; `pending` is why that clause is refused, unless
    the next one acts on it by a pronoun: "boom mic in frame, get rid of it".
    """

    def __init__(self, prompt: NormalisedPrompt) -> None:
        self.prompt = prompt
        self.steps: list[EditStep] = []
        self.mood = Mood()
        self.described = ""
        self.pending: Refusal | None = None

    def read(self, head: str) -> Refusal | None:
        """Add the steps of a clause. Return a refusal if it asks for what no operation does."""
        if self.described and _PRONOUN.search(head) and (self.pending is not None or REGION_VERB.search(head)):
            head, self.pending = _PRONOUN.sub(self.described, head, count=1), None
        if self.pending is not None:
            return self.pending
        if self.steps and (refined := refine(self.steps[-1], head)) is not None:
            self.steps[-1] = refined
            return None
        clause = read_clause(head, self.prompt, self.mood)
        if self.steps and _repeats(clause, self.steps[-1]):
            return None
        _drop_described_state(clause, self.steps)
        refusal = _add_clause(clause, self.steps, self.prompt.text)
        if refusal is not None and (clause.steps or not _is_description(clause)):
            return refusal
        self.pending = refusal
        self.described = "" if clause.steps else _subject_of(clause)
        self.mood = clause.mood
        return None


def check_box(plan: EditPlan, has_box: bool) -> Refusal | None:
    """Return a refusal if the plan needs a bounding box that is missing, or has one that it does not accept."""
    for step in plan.steps:
        use = BY_NAME[step.operation].box
        name = step.operation.replace("_", " ")
        if not has_box and (use == "required" or step.target is not None):
            what = step.target or "the object"
            return refuse(
                "needs_box",
                f"`bounding_box` is missing: objects are not recognised. Draw a box around {what} for {name}.",
                step.operation,
            )
        if has_box and all(BY_NAME[other.operation].box == "refused" for other in plan.steps):
            return refuse(
                "not_in_box", f"`bounding_box` must be omitted: {name} changes the full frame.", step.operation
            )
    return None


def _is_description(clause: Clause) -> bool:
    """Return whether a clause may describe what the next one acts on: "boom mic in frame, get rid of it"."""
    names = ("constructive", "increase", "decrease", "fix")
    return not any(has_word(clause.text, name) for name in names) and REGION_VERB.search(clause.text) is None


def _subject_of(clause: Clause) -> str:
    """Return what a clause without steps is about: the words before its verb or preposition."""
    subject = _COPULA.split(clause.text.removeprefix("there is "), maxsplit=1)[0]
    words = [word for word in subject.split() if word not in ("a", "an", "the", "some", "that", "this")]
    return f"the {' '.join(words)}" if words and not _PRONOUN.fullmatch(words[0]) else ""


def _drop_described_state(clause: Clause, steps: list[EditStep]) -> None:
    """Remove the last step if it read a description of the state that the clause corrects: "soft shot, sharpen"."""
    if steps and steps[-1].target is None and any(is_opposite(steps[-1].operation, s.operation) for s in clause.steps):
        steps.pop()


def _repeats(clause: Clause, last: EditStep) -> bool:
    """Return whether a clause only repeats the previous step with a pronoun: "there is a hum, get rid of it"."""
    if not re.search(r"\b(?:it|that|this|them)\b", clause.text) or len(clause.steps) != 1:
        return False
    step = clause.steps[0]
    is_removal = step.operation == "remove" and step.target is None
    is_of_sound = step.operation in ("sharpen", "denoise") and BY_NAME[last.operation].family == "sound"
    return is_removal or is_of_sound


def _add_clause(clause: Clause, steps: list[EditStep], text: str) -> Refusal | None:
    """Add the steps of a clause to `steps`. Return a refusal if the clause asks for anything else."""
    if clause.steps:
        if clause.left:
            phrase = " ".join(clause.left)
            return refuse("impossible", f"No operation of the list covers {phrase!r}. Omit it.", text)
        steps += clause.steps
        return None
    if not clause.left:
        if _UNSPECIFIC.search(clause.text):
            return refuse("unclear", f"It is unclear what to change by {clause.text!r}. Name an operation.", text)
        return None
    words = clause.text.split()
    is_noun_phrase = not has_word(clause.text, "constructive") and not has_word(clause.text, "complaint")
    if steps and steps[-1].target and is_noun_phrase and words[0] in ("the", "his", "her", "their", "my", "that", "a"):
        target = f"{steps[-1].target} and {' '.join(clause.left)}"
        steps[-1] = msgspec.structs.replace(steps[-1], target=target)
        return None
    is_statement = words[0] in _STATEMENT_STARTS and not re.search(r"\b(?:want|need|like|add|make|give)\b", clause.text)
    if is_statement or (clause.mood.complaint and not has_word(clause.text, "constructive")):
        return None
    phrase = " ".join(clause.left)
    return refuse("unclear", f"The prompt asks for {phrase!r}, which no operation of the list does.", text)


_STATEMENT_STARTS = frozenset((
    "i", "we", "it", "this", "that", "there", "my", "the", "our", "these", "those", "he", "she", "they", "you", "sorry",
    "basically", "so", "honestly", "nobody", "as", "if",
))  # fmt: skip


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
