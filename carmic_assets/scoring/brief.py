"""Represents the user's request for clips: length limits, type of video, and custom instructions."""

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
    """The user's request. All fields are optional.

    Attributes:
        max_clips: largest number of clips; None means a number that grows with the length of the talk.
        min_s: length of the shortest clip.
        max_s: length of the longest clip.
        threshold: minimum score of a clip. The best clip is returned even if its score is lower. None means the
            default threshold, which is lowered until a minimum number of clips reaches it; that number grows with the
            length of the talk.
        custom_instructions: free text.
        video_type: one of the API's video types.
        language: ISO 639-1 code; None means the language of the transcript.
        span: part of the source (source clock) that clips may come from; None is all of it.
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
    """One clause of the instructions: measures and a topic that clips should have (`sign` 1) or avoid (`sign` -1)."""

    sign: int
    features: tuple[str, ...]  # names of measures
    topic: str  # the words that do not name a measure; "" if all of them do


@lru_cache(maxsize=1)
def _load_request_lists() -> tuple[dict[str, str], frozenset[str], re.Pattern[str]]:
    """Return a map from word stem to measure, the words that are never a topic, and a pattern of negations."""
    lists = tomllib.loads((Path(__file__).parent / "lists" / "requests.toml").read_text(encoding="utf-8"))
    measure_by_stem = {stem: measure for measure, stems in lists["asks"].items() for stem in stems}
    spaced = "|".join(re.escape(word) for word in lists["negative"]["words"])
    unspaced = "|".join(lists["negative"]["unspaced"])
    negation = re.compile(rf"(?<![\w-])(?:{spaced})(?![\w-])|{unspaced}")
    return measure_by_stem, frozenset(lists["boilerplate"]["words"]), negation


def parse_instructions(instructions: str) -> tuple[InstructionClause, ...]:
    """Return the clauses of custom instructions. A clause without a measure and without a topic is omitted."""
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
