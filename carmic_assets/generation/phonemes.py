"""Turns text into sentences and their phonemes, in the alphabet of Kokoro.

English comes from misaki's lexicons (hibari-tts), the other languages from eSpeak NG.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from hibari.g2p import G2P
from hibari.tts import Hibari

from carmic_assets.generation.espeak_phonemes import phonemize_texts

MAX_PHONEMES = 400  # in one call of the model, which takes 510 and loses words near that limit
MAX_CHARACTERS = 300  # of a sentence; a longer one is spoken in parts
_LONG_NUMBER = re.compile(r"\d{16,}")
_DANDA = "।"  # ends a sentence in Hindi
_CLAUSE_END = re.compile(r"(?<=[,;:—.!?…])\s+")
_SILENT = re.compile(r"[\s\W\dˈˌːᵊ]+")


class Sentence(msgspec.Struct, frozen=True):
    """A sentence with its phonemes, in parts that the model can speak at once."""

    text: str
    phonemes: tuple[str, ...]


def split_sentences(text: str, language: str) -> list[Sentence]:
    """Return the sentences of a text that can be spoken. Those without a letter or a number are left out."""
    sentences = Hibari.split_sentences(_normalize(text))
    texts = [part for sentence in sentences for part in _split_long(" ".join(sentence.split()), MAX_CHARACTERS)]
    phonemes = phonemize(texts, language)
    return [
        Sentence(sentence, tuple(_split_long(spoken, MAX_PHONEMES)))
        for sentence, spoken in zip(texts, phonemes, strict=True)
        if _SILENT.sub("", spoken)
    ]


def phonemize(texts: Sequence[str], language: str) -> list[str]:
    """Return the phonemes of each text. `language` is en, en-gb, es, fr, hi, it or pt, with or without a region."""
    base = language.lower().partition("-")[0]
    if base == "en":
        convert = _load_english(language.lower() == "en-gb")
        return [str(convert(text)) for text in texts]
    return phonemize_texts(texts, base)


def compare(expected: str, actual: str) -> float:
    """Return the phoneme error rate: edits between the two, per expected phoneme. Stress and pauses do not count."""
    a, b = _SILENT.sub("", expected), _SILENT.sub("", actual)
    return _count_edits(a, b) / max(len(a), 1)


def _count_edits(a: str, b: str) -> int:
    """Return the Levenshtein distance, by Myers' bit-parallel algorithm (Journal of the ACM 46, 1999).

    A column of the matrix is two integers of `len(a)` bits: the rows at which it rises and falls by one.
    """
    if not a:
        return len(b)
    mask, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    positions: dict[str, int] = {}
    for index, letter in enumerate(a):
        positions[letter] = positions.get(letter, 0) | 1 << index
    rises, falls, distance = mask, 0, len(a)
    for letter in b:
        equal = positions.get(letter, 0)
        vertical = equal | falls
        horizontal = ((equal & rises) + rises ^ rises) | equal
        right_rises = falls | ~(horizontal | rises) & mask
        right_falls = rises & horizontal
        distance += bool(right_rises & last) - bool(right_falls & last)
        right_rises = (right_rises << 1 | 1) & mask
        right_falls = right_falls << 1 & mask
        rises = right_falls | ~(vertical | right_rises) & mask
        falls = right_rises & vertical
    return distance


def _normalize(text: str) -> str:
    """Remove invisible characters, and read a number that is too long to be one digit by digit."""
    composed = unicodedata.normalize("NFC", text).replace(_DANDA, ". ")
    visible = "".join(x for x in composed if x.isspace() or unicodedata.category(x) not in ("Cf", "Cc"))
    return _LONG_NUMBER.sub(lambda match: " ".join(match[0]), visible)


def _split_long(text: str, length: int) -> list[str]:
    """Split what is longer than `length` at clauses, or at words where a clause is too long."""
    if len(text) <= length:
        return [text]
    parts: list[str] = []
    for clause in _CLAUSE_END.split(text):
        for unit in [clause] if len(clause) <= length else _split_words(clause, length):
            if parts and len(parts[-1]) + 1 + len(unit) <= length:
                parts[-1] += f" {unit}"
            else:
                parts.append(unit)
    return parts


def _split_words(clause: str, length: int) -> list[str]:
    return [word[start : start + length] for word in clause.split() for start in range(0, len(word), length)]


@lru_cache(maxsize=2)
def _load_english(is_british: bool) -> Any:  # noqa: ANN401 - hibari has no types
    return G2P(british=is_british)
