"""Applies Unicode rules to caption text: case, line break opportunities, emoji, text direction, sentence ends.

The rules depend neither on fonts nor on pixel sizes.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import msgspec
import regex

from carmic_assets.captions.caption_styles import LetterCase

# Scripts without spaces between words. A line may break between most characters of the first group, but not inside
# words of the second.
_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\u3000-\u303F\uFF01-\uFF65\u30FC"
_SOUTH_EAST_ASIAN = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_ENDS_WITH_UNSPACED_SCRIPT = regex.compile(rf"[{_CJK}{_SOUTH_EAST_ASIAN}]\p{{M}}*$")
_STARTS_WITH_UNSPACED_SCRIPT = regex.compile(rf"^[{_CJK}{_SOUTH_EAST_ASIAN}]")
_CJK_CHARACTER = regex.compile(rf"[{_CJK}]")

# Characters that must not start a line and characters that must not end one (kinsoku shori, after JIS X 4051).
_NOT_AT_LINE_START = frozenset(
    "、。，．,.!?！？:;：；)]}）］｝〕〉》」』】〙〗〟’”…‥・ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ％%"
)
_NOT_AT_LINE_END = frozenset("([{（［｛〔〈《「『【〘〖〝‘“￥＄$")

# Control characters, among them direction marks that would reorder a line.
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Cs}\p{Co}\u00AD\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]")
_RTL = regex.compile(r"[\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}]")
_LTR = regex.compile(r"[^\P{L}\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}]")
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\uFE0F|\u20E3|[\U0001F1E6-\U0001F1FF]|[\U0001F3FB-\U0001F3FF]")
_GRAPHEME = regex.compile(r"\X")
_SENTENCE_END = regex.compile(r"[.!?…。！？؟।۔]+[\"'”’»)\]]*$")
_CLAUSE_END = regex.compile(r"[,;:،；，、：–—]+[\"'”’»)\]]*$")
_ABBREVIATION = regex.compile(r"^(?:\p{Lu}|Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|Nr|bzw|ca)\.$")

# Articles, prepositions, conjunctions and pronouns that belong to the word after them.
_FUNCTION_WORDS_TEXT = """
a an the of to in on at by for with from and or but nor so if as is are was were be that this these those my your
his her its our their i you he she we they it's i'm not no very can will would der die das den dem des ein eine
einen und oder zu im am von mit für ich du wir sie ist sind le la les un une de et ou à au aux en el los las y o que
con por para il lo gli di e da os um uma do na em com het een van te
"""
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())


class WordFragment(msgspec.Struct, frozen=True):
    """An unbreakable part of a word: letters, or one emoji."""

    text: str
    is_emoji: bool
    starts_word: bool  # a space precedes it, unless it begins a line
    joins_previous: bool  # no line break may come before it
    time_share: float  # fraction of the word's duration, 0..1


def split_graphemes(text: str) -> list[str]:
    """Split text into extended grapheme clusters: user-perceived characters (UAX 29)."""
    clusters: list[str] = _GRAPHEME.findall(text)
    return clusters


def clean_text(text: str) -> str:
    """Return text in NFC, without control characters and direction marks, and with single spaces."""
    visible = _INVISIBLE.sub(" ", unicodedata.normalize("NFC", text)) if _INVISIBLE.search(text) else text
    return " ".join(unicodedata.normalize("NFC", visible).split())


def apply_case(text: str, case: LetterCase, language: str | None) -> str:
    """Return text in upper or lower case, by the rules of its language.

    Turkish and Azerbaijani keep their dotted i, Greek capitals have no accents, and German ß becomes SS.
    """
    tag = (language or "")[:2].lower()
    if case == "as spoken":
        return text
    if case == "lower":
        if tag in ("tr", "az"):
            text = text.replace("İ", "i").replace("I", "ı")
        return text.lower()
    if tag in ("tr", "az"):
        text = text.replace("i", "İ")
    if tag == "el":
        unaccented = "".join(c for c in unicodedata.normalize("NFD", text) if c not in "\u0301\u0342\u0313\u0314\u0300")
        text = unicodedata.normalize("NFC", unaccented)
    # Georgian has capitals in Unicode, but running text and most fonts do not use them.
    return "".join(c if "\u10d0" <= c <= "\u10ff" else c.upper() for c in text)


def is_emoji(grapheme: str) -> bool:
    """Return whether the cluster has emoji presentation by default (UTS 51)."""
    return bool(_EMOJI.search(grapheme)) and "\ufe0e" not in grapheme


@lru_cache(maxsize=65536)
def split_word(text: str) -> tuple[WordFragment, ...]:
    """Return the fragments of a word, split at spaces, around emoji, and between Chinese and Japanese characters.

    Words of other scripts are not split, whatever their length.
    """
    parts: list[tuple[str, bool, bool, bool]] = []
    for word in text.split():
        starts_word = True
        for chunk, emoji in _split_at_emoji(word):
            for number, part in enumerate([chunk] if emoji else _split_cjk(chunk)):
                joins_previous = not starts_word and number == 0
                parts.append((part, emoji, starts_word, joins_previous))
                starts_word = False
    total = sum(max(1, len(part[0])) for part in parts) or 1
    return tuple(
        WordFragment(part, emoji, starts_word, joins_previous, max(1, len(part)) / total)
        for part, emoji, starts_word, joins_previous in parts
    )


def _split_at_emoji(word: str) -> list[tuple[str, bool]]:
    """Return the parts of the word, and whether each is an emoji."""
    if not _EMOJI.search(word):
        return [(word, False)]
    chunks: list[tuple[str, bool]] = []
    for cluster in split_graphemes(word):
        if is_emoji(cluster):
            chunks.append((cluster, True))
        elif chunks and not chunks[-1][1]:
            chunks[-1] = (chunks[-1][0] + cluster, False)
        else:
            chunks.append((cluster, False))
    return chunks


def _split_cjk(chunk: str) -> list[str]:
    if not _CJK_CHARACTER.search(chunk):
        return [chunk]
    parts: list[str] = []
    for cluster in split_graphemes(chunk):
        joins_previous = bool(parts) and (
            cluster[0] in _NOT_AT_LINE_START
            or parts[-1][-1] in _NOT_AT_LINE_END
            or not (_CJK_CHARACTER.match(cluster) or _CJK_CHARACTER.search(parts[-1][-1]))
        )
        if joins_previous:
            parts[-1] += cluster
        else:
            parts.append(cluster)
    return parts


def needs_space(left: str, right: str) -> bool:
    """Return whether a space belongs between two adjacent words, by their scripts."""
    return not (_ENDS_WITH_UNSPACED_SCRIPT.search(left) and _STARTS_WITH_UNSPACED_SCRIPT.match(right))


def detect_text_direction(text: str) -> str | None:
    """Return `"R"` (right to left) or `"L"` by the first letter with a direction; None if the text has no letter."""
    right, left = _RTL.search(text), _LTR.search(text)
    if right is None:
        return "L" if left else None
    return "R" if left is None or right.start() < left.start() else "L"


def ends_sentence(text: str) -> bool:
    """Return whether the word ends with a full stop, a question mark or the like, and is not an abbreviation."""
    return bool(_SENTENCE_END.search(text)) and not _ABBREVIATION.match(text)


def ends_clause(text: str) -> bool:
    """Return whether the word ends with a comma, colon, semicolon or dash."""
    return bool(_CLAUSE_END.search(text))


def binds_to_next(text: str) -> bool:
    """Return whether the word is a function word such as "the": lines and captions should not end with it."""
    return text.casefold().strip("\"'“”‘’«»(") in _FUNCTION_WORDS


def detect_east_asian_language(text: str) -> str | None:
    """Return `"ja"` for text with kana, `"ko"` with hangul, `"zh"` with Han characters only, else None."""
    if regex.search(r"[\p{Hiragana}\p{Katakana}]", text):
        return "ja"
    if regex.search(r"\p{Hangul}", text):
        return "ko"
    return "zh" if regex.search(r"\p{Han}", text) else None
