"""Derives titles, reasons, hashtags and b-roll suggestions from the words of the clip itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from carmic_assets.model.chosen_clips import BrollSuggestion
from carmic_assets.scoring.lexicon import WORD_CHARACTERS, Lexicon, tokenize
from carmic_assets.scoring.selection import format_clock
from carmic_assets.scoring.talk import Talk

MAX_TITLE_CHARS = 64  # longer titles are shortened
_PUNCTUATION = ' .,;:!?…-–—"“”„()'
_CLAUSE_BOUNDARY = re.compile(r"[,;:–—]\s|\s-\s|[，、；：]")
_is_alphabetic = re.compile(rf"(?:(?![\d_])[{WORD_CHARACTERS}])+").fullmatch
_CATEGORIES_WITHOUT_TOPICS = (
    "stop", "story_time", "turn", "hype", "promo", "housekeeping", "filler", "number_words", "question", "contrast",
    "cause",
)  # fmt: skip
_MAX_HASHTAGS = 4  # hashtags per clip
_TITLE_TOPICS = 3  # number of topics in the title of a clip without a self-contained sentence
_MAX_BROLL = 3  # suggestions per clip
_BROLL_KEYWORDS = 8  # number of topics that are considered for b-roll
_BROLL_S = 3.0  # length of a suggestion
_MIN_BROLL_S = 1.5  # a suggestion starts at least this long before the end of the clip
_BROLL_DISTANCE_S = 6.0  # shortest time between the starts of two suggestions
_FACE_S = 2.0  # earliest start of b-roll in a clip, so that the viewer first sees the speaker's face


def choose_titles(talk: Talk, clips: Sequence[tuple[int, int]], substance: list[float]) -> list[str]:
    """Return a different title for each clip, which is given as (first sentence, one past the last).

    A clip gets its best title that no earlier clip has. If earlier clips use all of them, the clip gets its best title
    with its start time appended.
    """
    used: set[str] = set()
    titles = []
    for first, stop in clips:
        titles_by_rank = _rank_titles(talk, first, stop, substance)
        unused = (text for text in titles_by_rank if text.casefold() not in used)
        titles.append(next(unused, f"{titles_by_rank[0]} ({format_clock(talk.start_s[first])})"))
        used.add(titles[-1].casefold())
    return titles


def _rank_titles(talk: Talk, first: int, stop: int, substance: list[float]) -> list[str]:
    """Return possible titles, best first.

    Self-contained sentences that are short enough come first, in order of substance. The self-contained beginnings of
    other sentences follow, then the clip's topics, then the remaining beginnings.
    """
    full: list[tuple[float, int, str]] = []
    shortened: list[tuple[bool, float, int, str]] = []
    topics = [
        _restore_capitals(talk, first, stop, topic) for topic in _extract_topics(talk, first, stop, _TITLE_TOPICS)
    ]
    max_chars, min_chars = (MAX_TITLE_CHARS, 12) if talk.lexicon.uses_spaces else (MAX_TITLE_CHARS // 2, 4)
    for i in range(first, stop):
        text, tokens = talk.texts[i].strip(), talk.tokens[i]
        depends = _needs_context(tokens, text, talk.lexicon)
        if min_chars <= len(text) <= max_chars and tokens and not depends:
            # Bonuses in log-odds: the clip's first sentence, a question and the last sentence make better titles.
            value = substance[i] + 1.0 * (i == first) + 0.5 * bool(talk.count_cue("asks")[i]) + 0.3 * (i == stop - 1)
            full.append((-value, i, text))
        else:
            beginning = _shorten(text)
            depends = depends or _needs_context(tokens, beginning, talk.lexicon)
            shortened.append((depends, -substance[i] - 0.5 * (i == first), i, beginning))
    titles_by_rank = [text for *_, text in sorted(full)]
    titles_by_rank += [text for depends, *_, text in sorted(shortened) if not depends]
    titles_by_rank += [", ".join(topics)] if len(topics) > 1 else []
    titles_by_rank += [text for depends, *_, text in sorted(shortened) if depends]
    return [_format_title(text) for text in titles_by_rank]


def _restore_capitals(talk: Talk, first: int, stop: int, topic: str) -> str:
    """Return a topic with the capitals that it has in the clip, so that names are capitalised."""
    words = talk.words[talk.word_spans[first][0] : talk.word_spans[stop - 1][1]]
    forms = (word.text.strip(_PUNCTUATION) for word in words)
    return next((form for form in forms if form.casefold() == topic), topic)


def _needs_context(tokens: list[str], text: str, lexicon: Lexicon) -> bool:
    """Return whether a text cannot be understood alone: it continues another sentence or lacks its main clause."""
    if not tokens:
        return True
    second = tokens[1] if len(tokens) > 1 else ""
    subordinators, prepositions = lexicon.members["subordinator"], lexicon.members["preposition"]
    if tokens[0] in lexicon.members["dangling"] or (tokens[0] in prepositions and second in subordinators):
        return True
    opens_subordinate_clause = tokens[0] in subordinators or (tokens[0] in prepositions and second.endswith("ing"))
    is_question = text.endswith(("?", "？"))
    return opens_subordinate_clause and not is_question and not _CLAUSE_BOUNDARY.search(text)


def _format_title(text: str) -> str:
    """Return the text without outer punctuation and with a capital first letter."""
    text = text.strip(' ,;:-–—"“”').rstrip(".。")
    return text[:1].upper() + text[1:]


def _shorten(text: str) -> str:
    """Return the longest beginning within `MAX_TITLE_CHARS` that ends at a clause, or at a word with an ellipsis."""
    beginnings = [text[: m.start()] for m in _CLAUSE_BOUNDARY.finditer(text) if 16 <= m.start() <= MAX_TITLE_CHARS]
    if beginnings:
        return beginnings[-1]
    if len(text) <= MAX_TITLE_CHARS:
        return text
    beginning = text[: MAX_TITLE_CHARS - 1]
    return (beginning.rsplit(" ", 1)[0] if " " in beginning else beginning).rstrip(",;:") + "…"


def _extract_topics(talk: Talk, first: int, stop: int, count: int) -> list[str]:
    """Return the nouns that are most specific to the clip (tf-idf), best first."""
    if not talk.lexicon.uses_spaces:
        return _extract_unspaced_topics(talk, first, stop, count)
    excluded = frozenset().union(*(talk.lexicon.members[category] for category in _CATEGORIES_WITHOUT_TOPICS))
    frequency = Counter(token for tokens in talk.tokens[first:stop] for token in tokens)

    def weight(word: str) -> float:
        return float(frequency[word] * (1 + min(len(word), 9) / 9) / talk.document_frequency[word] ** 0.5)

    topics = [
        word
        for word in frequency
        if word not in excluded and len(word) > 3 and _is_alphabetic(word) and word in talk.nouns
    ]
    return sorted(topics, key=lambda word: (-weight(word), word))[:count]


def _extract_unspaced_topics(talk: Talk, first: int, stop: int, count: int) -> list[str]:
    """Return topics of a script without spaces: sequences of two to four characters between function characters."""
    frequency: Counter[str] = Counter()
    function_characters = talk.lexicon.members["stop"]
    for text in talk.texts[first:stop]:
        separated = "".join(" " if ch in function_characters or not ch.isalpha() else ch for ch in text)
        frequency.update(sequence for sequence in separated.split() if 2 <= len(sequence) <= 4)
    return sorted(frequency, key=lambda sequence: (-frequency[sequence] * len(sequence), sequence))[:count]


def choose_hashtags(talk: Talk, first: int, stop: int) -> tuple[str, ...]:
    """Return up to four hashtags, each with one leading `#` and without spaces."""
    return tuple(f"#{word}" for word in _extract_topics(talk, first, stop, _MAX_HASHTAGS))


def suggest_broll(talk: Talk, first: int, stop: int, start_s: float) -> tuple[BrollSuggestion, ...]:
    """Return up to three b-roll suggestions in time order, each at the time at which its keyword is spoken.

    Their times count from the clip's start, which is `start_s` on the source clock. They are at least six seconds
    apart, and none is in the first two seconds.
    """
    suggestions: list[BrollSuggestion] = []
    for keyword in _extract_topics(talk, first, stop, _BROLL_KEYWORDS):
        word_start_s = _find_broll_word(talk, first, stop, start_s, keyword)
        if word_start_s is None:
            continue
        offset_s = word_start_s - start_s
        if all(abs(offset_s - other.start_time) >= _BROLL_DISTANCE_S for other in suggestions):
            length_s = min(_BROLL_S, float(talk.end_s[stop - 1]) - word_start_s)
            suggestions.append(BrollSuggestion(keyword, round(offset_s, 2), round(length_s, 2)))
        if len(suggestions) == _MAX_BROLL:
            break
    return tuple(sorted(suggestions, key=lambda suggestion: suggestion.start_time))


def _find_broll_word(talk: Talk, first: int, stop: int, start_s: float, keyword: str) -> float | None:
    """Return the first time (source clock) at which the keyword is spoken and b-roll may start, or None."""
    end_s = float(talk.end_s[stop - 1])
    for word in talk.words[talk.word_spans[first][0] : talk.word_spans[stop - 1][1]]:
        is_keyword = keyword in tokenize(word.text) or (not talk.lexicon.uses_spaces and word.text[:1] == keyword[0])
        if is_keyword and word.start_s - start_s >= _FACE_S and word.start_s + _MIN_BROLL_S <= end_s:
            return word.start_s
    return None


_REASONS = {  # by measure
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


def explain_clip(
    talk: Talk, first: int, stop: int, substance: list[float], strengths: list[str], length_s: float
) -> str:
    """Return one sentence: up to two strengths of the clip, a quotation, and its length.

    `strengths` are names of measures, strongest first.
    """
    quoted = max(range(first, stop), key=lambda i: (substance[i] + 0.02 * min(len(talk.texts[i]), 60), -i))
    quotation = _shorten(talk.texts[quoted]).rstrip(".。")
    reasons = [_REASONS[name] for name in strengths if name in _REASONS][:2] or ["makes a point that stands on its own"]
    return f"It {' and '.join(reasons)}: “{quotation}”; a complete thought in {round(length_s)} s."
