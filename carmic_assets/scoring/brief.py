"""The user's request for clips: length limits, type of video, and custom instructions parsed into clauses."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

import msgspec

from carmic_assets.scoring.lexicon import WORD_CHARACTERS

MAX_INSTRUCTION_CHARS = 2000
_CLAUSE_BOUNDARY = re.compile(r"[.;,!?\n。；、，！？؛،؟।]|\bbut\b|\bpero\b|\bmais\b|\baber\b")


class Brief(msgspec.Struct, frozen=True):
    """What the user asks for. All fields are optional.

    `max_clips` None: the number grows with the length of the talk. `threshold` None: clips at or above the default
    quality threshold, and a minimum count that grows with the length; a number: only clips with at least this score,
    but never fewer than one. `span` is the part of the source (source clock) that clips may come from. `language` None:
    the language of the transcript.
    """

    max_clips: int | None = None
    min_s: float = 15.0
    max_s: float = 60.0
    threshold: int | None = None
    custom_instructions: str = ""
    video_type: str = "auto"
    language: str | None = None
    span: tuple[float, float] | None = None


class InstructionClause(msgspec.Struct, frozen=True):
    """One thing to prefer (`sign` 1) or to leave out (`sign` -1): names of measures, and a topic in free text."""

    sign: int
    features: tuple[str, ...]
    topic: str  # the words that name no measure; "" when all of them do


@lru_cache(maxsize=1)
def _load_request_lists() -> tuple[dict[str, str], frozenset[str], re.Pattern[str]]:
    """Return the measure by word stem, the words that carry no topic, and a pattern of negations."""
    lists = tomllib.loads((Path(__file__).parent / "lists" / "requests.toml").read_text(encoding="utf-8"))
    measure_by_stem = {stem: measure for measure, stems in lists["asks"].items() for stem in stems}
    spaced = "|".join(re.escape(word) for word in lists["negative"]["words"])
    unspaced = "|".join(lists["negative"]["unspaced"])
    negation = re.compile(rf"(?<![\w-])(?:{spaced})(?![\w-])|{unspaced}")
    return measure_by_stem, frozenset(lists["boilerplate"]["words"]), negation


def parse_instructions(instructions: str) -> tuple[InstructionClause, ...]:
    """Split custom instructions into clauses. Text without a measure or a topic gives an empty tuple."""
    measure_by_stem, boilerplate, negation = _load_request_lists()
    clauses = []
    for text in _CLAUSE_BOUNDARY.split(instructions[:MAX_INSTRUCTION_CHARS].lower().replace("’", "'")):
        measures, topic = [], []
        affirmative = negation.sub(" ", text)
        for word in re.findall(rf"\w[{WORD_CHARACTERS}'&-]*", affirmative):
            if word in boilerplate:
                continue
            stems = (word[:length] for length in range(len(word), 2, -1))
            measure = next((measure_by_stem[stem] for stem in stems if stem in measure_by_stem), None)
            if measure:
                measures.append(measure)
            else:
                topic.append(word)
        if measures or topic:
            sign = 1 if affirmative == text else -1
            clauses.append(InstructionClause(sign, tuple(dict.fromkeys(measures)), " ".join(topic)))
    return tuple(clauses)
