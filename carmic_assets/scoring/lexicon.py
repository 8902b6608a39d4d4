"""Loads word lists by language and counts their phrases: those that ask, contrast, admit, sell or greet.

Each language has one file in `lists/`. A language without a file has an empty lexicon: its sentences are rated by
numbers, structure and audio alone.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

CATEGORIES = (
    "second_person", "first_person", "contrast", "cause", "question", "emotion", "turn", "story_time", "hype", "promo",
    "housekeeping", "filler", "laughter", "applause", "dangling", "number_words", "stop",
)  # fmt: skip
UNCOUNTED_CATEGORIES = ("determiner", "subordinator", "preposition")
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "yue", "lo", "my", "km"})
# `\w` matches no combining vowel signs, so those of Indic, South-East Asian, Hebrew and Arabic scripts are added.
WORD_CHARACTERS = (
    r"\w\u0300-\u036f\u0591-\u05bd\u05bf-\u05c2\u05c4-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u0900-\u0963\u0966-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
)
_WORD = re.compile(rf"[{WORD_CHARACTERS}]+(?:['’\u200c\u200d][{WORD_CHARACTERS}]+)*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Lexicon:
    """The word lists of one language, indexed for counting. Immutable: `load_lexicon` returns a shared instance."""

    def __init__(self, language: str, lists: dict[str, list[str]]) -> None:
        self.language = language
        self.uses_spaces = language not in UNSPACED_LANGUAGES
        self.categories_by_phrase: dict[tuple[str, ...], list[str]] = {}
        self.members = {
            category: frozenset(lists.get(category, ())) for category in (*CATEGORIES, *UNCOUNTED_CATEGORIES)
        }
        for category in CATEGORIES:
            for phrase in lists.get(category, ()):
                key = tuple(tokenize(phrase)) if self.uses_spaces else (phrase,)
                self.categories_by_phrase.setdefault(key, []).append(category)
        self.phrases_by_first_word: dict[str, list[tuple[str, ...]]] = {}
        for key in self.categories_by_phrase:
            self.phrases_by_first_word.setdefault(key[0], []).append(key)

    def count_categories(self, text: str, tokens: list[str]) -> dict[str, int]:
        """Return how often each category occurs in a sentence. `tokens` are the tokens of `text`."""
        return self._count_in_tokens(tokens) if self.uses_spaces else self._count_in_text(text)

    def _count_in_tokens(self, tokens: list[str]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for i, token in enumerate(tokens):
            for phrase in self.phrases_by_first_word.get(token, ()):
                if len(phrase) == 1 or tuple(tokens[i : i + len(phrase)]) == phrase:
                    for category in self.categories_by_phrase[phrase]:
                        counts[category] = counts.get(category, 0) + 1
        return counts

    def _count_in_text(self, text: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for (phrase,), categories in self.categories_by_phrase.items():
            occurrences = text.count(phrase)
            for category in categories if occurrences else ():
                counts[category] = counts.get(category, 0) + occurrences
        return counts


@lru_cache(maxsize=32)
def load_lexicon(language: str) -> Lexicon:
    """Return the lexicon for an ISO 639-1 code. It is empty if the language has no file."""
    file = Path(__file__).parent / "lists" / f"{language}.toml"
    if not re.fullmatch(r"[a-z]{2,3}", language) or not file.is_file():
        return Lexicon(language, {})
    return Lexicon(language, tomllib.loads(file.read_text(encoding="utf-8")))


def tokenize(text: str) -> list[str]:
    """Return the lower-case words of a text. Each ideograph and each kana is a token of its own."""
    tokens: list[str] = []
    for word in _WORD.findall(text.lower().replace("’", "'")):
        if _CJK.search(word):
            tokens.extend(word)
        else:
            tokens.append(word)
    return tokens
