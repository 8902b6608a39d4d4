"""Refusals of prompts: what only a generative model could do, and the operations nearest to a prompt."""

from __future__ import annotations

import functools
import re

from carmic_assets.ai_edits.edit_plan import Refusal, RefusalKind
from carmic_assets.ai_edits.operations import BY_NAME, OPERATIONS
from carmic_assets.ai_edits.prompt_words import word_lists

CLAUSE_END = re.compile(
    r"\s*(?:,|&|\+|\b(?:and then|then|and|also|plus|but|followed by|after that|afterwards|as well as|along with)\b)\s*"
)
REGION_VERB = re.compile(r"\b(?:blur\w*|pixelat\w*|censor|mosaic|hide|obscure|redact|remove|erase|delete)\b")
_GENERATOR_VERB = re.compile(
    r"\b(?:add|put|insert|give|turn|make|create|generate|style)\b(?! (?:a |the |some )?(?:blur|mosaic))"
)


def impossible_phrase(text: str) -> str | None:
    """Return the part of a prompt that only a generative model could carry out, or None."""
    for form in _forms("forms"):
        if match := form.search(text):
            return match.group(0).strip()
    for clause in CLAUSE_END.split(text):
        is_target = REGION_VERB.search(clause) and not _GENERATOR_VERB.search(clause)
        for form in () if is_target else _forms("unless_target"):
            if match := form.search(clause):
                return match.group(0).strip()
    return None


def refuse(kind: RefusalKind, sentence: str, text: str) -> Refusal:
    """Return a refusal with the three operations nearest to `text`."""
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


@functools.cache
def _forms(name: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(form) for form in word_lists()["impossible"][name])
