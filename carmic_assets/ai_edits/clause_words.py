"""Which words of a clause are meaningful: fillers are ignored, the rest names an operation or a target."""

from __future__ import annotations

import functools
import re

from carmic_assets.ai_edits.prompt_words import word_lists


def list_leftover(text: str) -> list[str]:
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


def noun_phrase(text: str, is_object: bool = True) -> str | None:
    """Return the target as the prompt names it, without surrounding verbs and polite words, or None."""
    words = text.split()
    keep = list_leftover(text) or [word for word in words if word not in word_set("no_object")]
    if not keep or not is_object:
        return None
    first, last = words.index(keep[0]), len(words) - 1 - words[::-1].index(keep[-1])
    phrase = " ".join(words[first : last + 1])
    return f"the {phrase}"


def has_word(text: str, name: str) -> bool:
    """Return whether a word of the text is in the named list of `words.toml`."""
    return not word_set(name).isdisjoint(text.split())


@functools.cache
def word_set(name: str) -> frozenset[str]:
    """Return the words of the named list of `words.toml`."""
    return frozenset(word_lists()["words"][name].split())
