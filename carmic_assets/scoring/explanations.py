"""What a clip is called and why it was chosen, in its own words. Picks and quotes; invents nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from carmic_assets.model.clips import BrollSuggestion
from carmic_assets.scoring.lexicon import LETTERS, tokens
from carmic_assets.scoring.selection import clock
from carmic_assets.scoring.talk import Talk

TITLE_CHARS = 64
_CLAUSE = re.compile(r"[,;:–—]\s|\s-\s|[，、；：]")
_ALPHABETIC = re.compile(rf"(?:(?![\d_])[{LETTERS}])+").fullmatch
_NOT_TOPICS = (
    "stop",
    "story_time",
    "turn",
    "hype",
    "promo",
    "housekeeping",
    "filler",
    "number_words",
    "question",
    "contrast",
    "cause",
)


def titles(talk: Talk, clips: Sequence[tuple[int, int]], worth: list[float]) -> list[str]:
    """One for each clip (first sentence, one past the last), no two alike: each takes its most telling sentence that no
    clip before it took. One whose sentences are all taken says when it is."""
    taken: set[str] = set()
    out = []
    for first, last in clips:
        ranked = _titles(talk, first, last, worth)
        free = (text for text in ranked if text.casefold() not in taken)
        out.append(next(free, f"{ranked[0]} ({clock(talk.start_s[first])})"))
        taken.add(out[-1].casefold())
    return out


def _titles(talk: Talk, first: int, last: int, worth: list[float]) -> list[str]:
    """What the clip could be called, best first: its sentences that fit and lean on nothing, by how telling they are;
    then the heads of the others."""
    whole: list[tuple[float, int, str]] = []
    heads: list[tuple[bool, float, int, str]] = []
    for i in range(first, last):
        text = talk.texts[i].strip()
        fits = 12 <= len(text) <= TITLE_CHARS if talk.lexicon.spaced else 4 <= len(text) <= TITLE_CHARS // 2
        leans = i != first and bool(talk.tokens[i]) and talk.tokens[i][0] in talk.lexicon.members["dangling"]
        if fits and talk.tokens[i] and not leans:
            value = worth[i] + 1.0 * (i == first) + 0.5 * bool(talk.mark("asks")[i]) + 0.3 * (i == last - 1)
            whole.append((-value, i, text))
        else:
            heads.append((leans, -worth[i] - 0.5 * (i == first), i, _cut(text)))
    best = [text for *_, text in sorted(whole)] + [text for *_, text in sorted(heads)]
    return [_plain(text) for text in best]


def _plain(text: str) -> str:
    text = text.strip(' ,;:-–—"“”').rstrip(".。")
    return text[:1].upper() + text[1:]


def _cut(text: str) -> str:
    """The longest head of a sentence that ends at a clause and fits; else the words that fit, with an ellipsis."""
    heads = [text[: m.start()] for m in _CLAUSE.finditer(text) if 16 <= m.start() <= TITLE_CHARS]
    if heads:
        return heads[-1]
    if len(text) <= TITLE_CHARS:
        return text
    head = text[: TITLE_CHARS - 1]
    return (head.rsplit(" ", 1)[0] if " " in head else head).rstrip(",;:") + "…"


def topics(talk: Talk, first: int, last: int, count: int) -> list[str]:
    """Content words of the clip by how much more they belong to it than to the rest of the talk (tf-idf)."""
    if not talk.lexicon.spaced:
        return _chunks(talk, first, last, count)
    skip = frozenset().union(*(talk.lexicon.members[kind] for kind in _NOT_TOPICS))
    here = Counter(word for words in talk.tokens[first:last] for word in words)

    def weight(word: str) -> float:
        return here[word] * (1 + min(len(word), 9) / 9) / talk.sentences_with[word] ** 0.5

    usable = [word for word in here if word not in skip and len(word) > 3 and _ALPHABETIC(word) and word in talk.nouns]
    return sorted(usable, key=lambda word: (-weight(word), word))[:count]


def _chunks(talk: Talk, first: int, last: int, count: int) -> list[str]:
    """The same for a script without spaces: what stands between its commonest characters, two to four long."""
    here: Counter[str] = Counter()
    for i in range(first, last):
        marked = "".join(" " if ch in talk.lexicon.members["stop"] or not ch.isalpha() else ch for ch in talk.texts[i])
        here.update(piece for piece in marked.split() if 2 <= len(piece) <= 4)
    return sorted(here, key=lambda piece: (-here[piece] * len(piece), piece))[:count]


def hashtags(talk: Talk, first: int, last: int) -> tuple[str, ...]:
    """Up to four, without `#` doubled and without spaces."""
    return tuple(f"#{word}" for word in topics(talk, first, last, 4))


def broll(talk: Talk, first: int, last: int, start_s: float) -> tuple[BrollSuggestion, ...]:
    """Up to three cutaways on the clip clock, at the moment the word is said, at least six seconds apart and none in
    the first two seconds, where the speaker's face is what holds the viewer."""
    wanted = topics(talk, first, last, 8)
    end_s = float(talk.end_s[last - 1])
    found: list[BrollSuggestion] = []
    for word in wanted:
        for w in talk.words[talk.spans[first][0] : talk.spans[last - 1][1]]:
            at = w.start_s - start_s
            if (
                (word in tokens(w.text) or (not talk.lexicon.spaced and w.text[:1] == word[0]))
                and at >= 2.0
                and w.start_s + 1.5 <= end_s
            ):
                if all(abs(at - other.start_time) >= 6.0 for other in found):
                    found.append(BrollSuggestion(word, round(at, 2), round(min(3.0, end_s - w.start_s), 2)))
                break
        if len(found) == 3:
            break
    return tuple(sorted(found, key=lambda item: item.start_time))


_BECAUSE = {
    "question_answer": "asks a question and answers it",
    "contrast": "turns an expectation round",
    "number": "makes it concrete with a number",
    "second_person": "speaks to the viewer directly",
    "emotion": "says what it felt like",
    "story": "tells what happened, with a turn",
    "rarity": "says something the rest of the talk does not",
    "laughter": "has people laughing",
    "applause": "draws applause",
    "exchange": "goes back and forth between speakers",
    "energy": "is livelier than the rest",
    "pitch": "varies in tone more than the rest",
    "motion": "moves on screen",
    "hook": "opens on a strong line",
    "wish": "is about what was asked for",
}


def reasoning(talk: Talk, first: int, last: int, worth: list[float], strengths: list[str], length_s: float) -> str:
    """One sentence: what carries the clip, a quotation, and whether it stands alone."""
    quote = _cut(
        talk.texts[max(range(first, last), key=lambda i: (worth[i] + 0.02 * min(len(talk.texts[i]), 60), -i))]
    ).rstrip(".。")
    because = [_BECAUSE[name] for name in strengths if name in _BECAUSE][:2] or ["makes a point that stands on its own"]
    return f"It {' and '.join(because)}: “{quote}”; a complete thought in {round(length_s)} s."
