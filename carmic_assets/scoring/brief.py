"""What the user asked for: bounds, kind of video, instructions in their own words. Parsing only; scores nothing."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

import msgspec

from carmic_assets.scoring.lexicon import LETTERS

VIDEO_TYPES = (
    "auto", "podcast", "interview", "tutorial", "lecture", "webinar", "vlog", "gaming", "news", "sports", "other",
)  # fmt: skip


_CLAUSE_ENDS = re.compile(r"[.;,!?\n。；、，！？؛،؟।]|\b(?:but|pero|mais|aber)\b")


class Brief(msgspec.Struct, frozen=True):
    """`threshold` None: a quality line with a floor on the count that grows with length; a number: only clips at or
    above it, but never none. `max_clips` None: as many as the length carries. `span` (source clock) bounds what is
    looked at. `language` None: the transcript's own."""

    max_clips: int | None = None
    min_s: float = 15.0
    max_s: float = 60.0
    threshold: int | None = None
    custom_instructions: str = ""
    video_type: str = "auto"
    language: str | None = None
    span: tuple[float, float] | None = None


class Wish(msgspec.Struct, frozen=True):
    """One thing asked for, or asked to be left out (`sign` -1): named features, and what it should be about."""

    sign: int
    features: tuple[str, ...]
    topic: str  # the words that remain; "" where the features say it all


@lru_cache(maxsize=1)
def _requests() -> tuple[dict[str, str], frozenset[str], re.Pattern[str]]:
    lists = tomllib.loads((Path(__file__).parent / "lists" / "requests.toml").read_text(encoding="utf-8"))
    stems = {stem: feature for feature, found in lists["asks"].items() for stem in found}
    negative = "|".join(re.escape(word) for word in lists["negative"]["words"])
    unspaced = "|".join(lists["negative"]["unspaced"])
    negatives = re.compile(rf"(?<![\w-])(?:{negative})(?![\w-])|{unspaced}")
    return stems, frozenset(lists["boilerplate"]["words"]), negatives


def wishes(instructions: str) -> tuple[Wish, ...]:
    """The clauses of the instructions, each with its direction. Text that asks for nothing gives an empty tuple."""
    stems, boilerplate, negative = _requests()
    found = []
    clauses = re.split(
        r"[.;,!?\n。；、，！？؛،؟।]|\bbut\b|\bpero\b|\bmais\b|\baber\b", instructions[:2000].lower().replace("’", "'")
    )
    for clause in clauses:
        features, topic = [], []
        wanted = negative.sub(" ", clause)
        for word in re.findall(rf"\w[{LETTERS}'&-]*", wanted):
            if word in boilerplate:
                continue
            feature = next((stems[word[:n]] for n in range(len(word), 2, -1) if word[:n] in stems), None)
            if feature:
                features.append(feature)
            else:
                topic.append(word)
        if features or topic:
            sign = 1 if wanted == clause else -1
            found.append(Wish(sign, tuple(dict.fromkeys(features)), " ".join(topic)))
    return tuple(found)
