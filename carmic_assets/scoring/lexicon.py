"""What a language says when it asks, contrasts, admits, sells or greets: word lists by language, and counting them.

A language is one file in `lists/`; a language without a file is judged by its numbers, structure and sound alone.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path

KINDS = (
    "second_person", "first_person", "contrast", "cause", "question", "emotion", "turn", "story_time", "hype", "promo",
    "housekeeping", "filler", "laughter", "applause", "dangling", "number_words", "stop",
)  # fmt: skip
UNSPACED = frozenset({"zh", "ja", "th", "yue", "lo", "my", "km"})
# To `re` the vowel signs of India, Thailand and their neighbours, of Hebrew and of Arabic are no part of a word.
LETTERS = (
    r"\w\u0300-\u036f\u0591-\u05bd\u05bf-\u05c2\u05c4-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u0900-\u0963\u0966-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
)
_WORD = re.compile(rf"[{LETTERS}]+(?:['’\u200c\u200d][{LETTERS}]+)*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Lexicon:
    """The lists of one language, made ready for counting. Immutable once built; get one with `lexicon`."""

    def __init__(self, language: str, lists: dict[str, list[str]]):
        self.language = language
        self.spaced = language not in UNSPACED
        self.phrases: dict[tuple[str, ...], list[str]] = {}
        self.members = {kind: frozenset(lists.get(kind, ())) for kind in (*KINDS, "determiner")}
        for kind in KINDS:
            for phrase in lists.get(kind, ()):
                key = tuple(tokens(phrase)) if self.spaced else (phrase,)
                self.phrases.setdefault(key, []).append(kind)
        self.beginning: dict[str, list[tuple[str, ...]]] = {}  # the phrases by their first word
        for key in self.phrases:
            self.beginning.setdefault(key[0], []).append(key)

    def count(self, text: str, words: list[str]) -> dict[str, int]:
        """How often each kind occurs in a sentence whose tokens are `words`."""
        found: dict[str, int] = {}
        if self.spaced:
            for i, word in enumerate(words):
                for phrase in self.beginning.get(word, ()):
                    if len(phrase) == 1 or tuple(words[i : i + len(phrase)]) == phrase:
                        for kind in self.phrases[phrase]:
                            found[kind] = found.get(kind, 0) + 1
        else:
            for (characters,), kinds in self.phrases.items():
                times = text.count(characters)
                for kind in kinds if times else ():
                    found[kind] = found.get(kind, 0) + times
        return found


@lru_cache(maxsize=32)
def lexicon(language: str) -> Lexicon:
    """The lists for an ISO 639-1 code; empty lists where there is no file for it."""
    file = Path(__file__).parent / "lists" / f"{language}.toml"
    if not re.fullmatch(r"[a-z]{2,3}", language) or not file.is_file():
        return Lexicon(language, {})
    return Lexicon(language, tomllib.loads(file.read_text(encoding="utf-8")))


def tokens(text: str) -> list[str]:
    """Lower-case words; each ideograph or kana counts as one."""
    out: list[str] = []
    for word in _WORD.findall(text.lower().replace("’", "'")):
        if _CJK.search(word):
            out.extend(word)
        else:
            out.append(word)
    return out
