"""Divides tokens into phrases (second step of the caption pipeline). A caption never extends over two phrases."""

from __future__ import annotations

from collections.abc import Sequence

from carmic_assets.captions.unicode_text import ends_sentence
from carmic_assets.captions.word_timing import Token

PAUSE_S = 0.6  # a silence of this length ends a phrase


def split_phrases(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens, divided at sentence ends, pauses and changes of speaker."""
    phrases: list[list[Token]] = []
    for token in tokens:
        if phrases and not _begins_phrase(token, phrases[-1][-1]):
            phrases[-1].append(token)
        else:
            phrases.append([token])
    return phrases


def _begins_phrase(token: Token, previous: Token) -> bool:
    if token.joins_previous:
        return False
    if token.start_s - previous.end_s >= PAUSE_S:
        return True
    return token.starts_word and (token.speaker != previous.speaker or ends_sentence(previous.text))
