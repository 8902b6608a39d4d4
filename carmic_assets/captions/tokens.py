"""Words as spoken become tokens that can be set: case, emoji apart from letters, unspaced scripts cut where a line may
break, reading direction. Knows Unicode, knows nothing of fonts or pixels.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import msgspec
import regex

from carmic_assets.captions.caption_styles import Case

# Scripts that put no space between words; a line may break between most of their letters.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\u3000-\u303F\uFF01-\uFF65\u30FC"
_SOUTH_EAST = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_ENDS_UNSPACED = regex.compile(rf"[{_UNSPACED}{_SOUTH_EAST}]\p{{M}}*$")
_STARTS_UNSPACED = regex.compile(rf"^[{_UNSPACED}{_SOUTH_EAST}]")
_HAS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")

# Marks that may not begin a line and marks that may not end one (JIS X 4051, the common part).
_NOT_FIRST = frozenset(
    "、。，．,.!?！？:;：；)]}）］｝〕〉》」』】〙〗〟’”…‥・ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ％%"
)
_NOT_LAST = frozenset("([{（［｛〔〈《「『【〘〖〝‘“￥＄$")

# Characters that a viewer never sees and that would turn a line's direction around, and other controls.
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Cs}\p{Co}\u00AD\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]")
_RTL = regex.compile(r"[\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}]")
_LTR = regex.compile(r"[^\P{L}\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}]")
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\uFE0F|\u20E3|[\U0001F1E6-\U0001F1FF]|[\U0001F3FB-\U0001F3FF]")
_GRAPHEME = regex.compile(r"\X")
_SENTENCE_END = regex.compile(r"[.!?…。！？؟।۔]+[\"'”’»)\]]*$")
_CLAUSE_END = regex.compile(r"[,;:،；，、：–—]+[\"'”’»)\]]*$")
_ABBREVIATION = regex.compile(r"^(?:\p{Lu}|Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|Nr|bzw|ca)\.$")


class Piece(msgspec.Struct, frozen=True):
    """Part of a word that is set in one go: letters, or one emoji. `share` is its part of the word's time, 0..1."""

    text: str
    emoji: bool
    space: bool  # a space before it, unless it begins a line
    glued: bool  # may not be parted from the piece before it
    share: float


def graphemes(text: str) -> list[str]:
    """What a reader counts as letters (UAX 29 extended grapheme clusters)."""
    return _GRAPHEME.findall(text)


def clean(text: str) -> str:
    """NFC, with every control and invisible direction mark removed and every kind of space made a plain one."""
    kept = _INVISIBLE.sub(" ", unicodedata.normalize("NFC", text)) if _INVISIBLE.search(text) else text
    return " ".join(unicodedata.normalize("NFC", kept).split())


def in_case(text: str, case: Case, language: str | None) -> str:
    """Upper or lower case as the language has it: Turkish dotted i, Greek capitals without accents, German SS."""
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
        bare = "".join(c for c in unicodedata.normalize("NFD", text) if c not in "\u0301\u0342\u0313\u0314\u0300")
        text = unicodedata.normalize("NFC", bare)
    # Georgian has capitals in Unicode, but neither fonts nor readers use them in running text.
    return "".join(c if "\u10d0" <= c <= "\u10ff" else c.upper() for c in text)


def is_emoji(grapheme: str) -> bool:
    """Whether the cluster is shown as a colour picture by default (UTS 51)."""
    return bool(_EMOJI.search(grapheme)) and "\ufe0e" not in grapheme


@lru_cache(maxsize=65536)
def pieces(text: str) -> tuple[Piece, ...]:
    """The word, cut: at its own spaces, around emoji, and between letters of unspaced scripts.

    A word of a spaced script stays whole, however long; the line breaker decides whether it must be cut.
    """
    cut: list[tuple[str, bool, bool, bool]] = []
    for number, word in enumerate(text.split()):
        first = True
        for chunk, emoji in _chunks(word):
            for part_number, part in enumerate([chunk] if emoji else _parts(chunk)):
                glued = not first and part_number == 0
                cut.append((part, emoji, first and (number > 0 or True), glued))
                first = False
    total = sum(max(1, len(c[0])) for c in cut) or 1
    return tuple(Piece(t, e, s, g, max(1, len(t)) / total) for t, e, s, g in cut)


def _chunks(word: str) -> list[tuple[str, bool]]:
    if not _EMOJI.search(word):
        return [(word, False)]
    chunks: list[tuple[str, bool]] = []
    for cluster in graphemes(word):
        if is_emoji(cluster):
            chunks.append((cluster, True))
        elif chunks and not chunks[-1][1]:
            chunks[-1] = (chunks[-1][0] + cluster, False)
        else:
            chunks.append((cluster, False))
    return chunks


def _parts(chunk: str) -> list[str]:
    if not _HAS_UNSPACED.search(chunk):
        return [chunk]
    parts: list[str] = []
    for cluster in graphemes(chunk):
        joins = parts and (
            cluster[0] in _NOT_FIRST
            or parts[-1][-1] in _NOT_LAST
            or not (_HAS_UNSPACED.match(cluster) or _HAS_UNSPACED.search(parts[-1][-1]))
        )
        if joins:
            parts[-1] += cluster
        else:
            parts.append(cluster)
    return parts


def spaced(left: str, right: str) -> bool:
    """Whether a space stands between two words."""
    return not (_ENDS_UNSPACED.search(left) and _STARTS_UNSPACED.match(right))


def direction(text: str) -> str | None:
    """`"R"` or `"L"` by the first letter with a direction, None where there is none (digits, marks)."""
    right, left = _RTL.search(text), _LTR.search(text)
    if right is None:
        return "L" if left else None
    return "R" if left is None or right.start() < left.start() else "L"


def ends_sentence(text: str) -> bool:
    return bool(_SENTENCE_END.search(text)) and not _ABBREVIATION.match(text)


def ends_clause(text: str) -> bool:
    return bool(_CLAUSE_END.search(text))


def east_asian(text: str) -> str | None:
    """`"ja"` where there is kana, `"ko"` where hangul, `"zh"` where only Han, else None."""
    if regex.search(r"[\p{Hiragana}\p{Katakana}]", text):
        return "ja"
    if regex.search(r"\p{Hangul}", text):
        return "ko"
    return "zh" if regex.search(r"\p{Han}", text) else None


# Little words that belong to what follows: a line or a caption should not end on one.
_LITTLE_WORDS = """
a an the of to in on at by for with from and or but nor so if as is are was were be that this these those my your
his her its our their i you he she we they it's i'm not no very can will would der die das den dem des ein eine
einen und oder zu im am von mit für ich du wir sie ist sind le la les un une de et ou à au aux en el los las y o que
con por para il lo gli di e da os um uma do na em com het een van te
"""
_LEANS_FORWARD = frozenset(_LITTLE_WORDS.split())


def leans_forward(text: str) -> bool:
    return text.casefold().strip("\"'“”‘’«»(") in _LEANS_FORWARD
