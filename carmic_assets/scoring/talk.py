"""The talk as the scorer sees it: arrays with one row per sentence. Descriptive only; no judgement of what is good."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from carmic_assets.model.speech import Speakers, Transcript, Word
from carmic_assets.scoring.lexicon import KINDS, Lexicon, lexicon, tokens
from carmic_assets.scoring.talk_features import ScoringFeatures, join, vectors_of

if TYPE_CHECKING:
    import numpy as np

MARKS = (*KINDS[:-2], "number", "asks", "exclaims", "names", "words")
_NUMBER = re.compile(r"\d")
CHARACTERS_A_WORD = 1.6  # of a script without spaces, so that lengths compare
_OVER_S = 0.35  # a word may reach so far over the end of what was listened to: its times are set to the sound's pauses
_BLOCK = 3  # sentences on each side of a gap that are compared, as in TextTiling (Hearst 1997)


@dataclass(frozen=True, eq=False)
class Talk:
    """One talk is equal to itself only, so that what is worked out of it can be kept by it.

    `marks` are counts, shape (n, len(MARKS)). `shift` and `pause` have n + 1 entries, one per gap between sentences
    with both ends of the talk: topic shift 0..1, and the silence in seconds."""

    words: tuple[Word, ...]
    spans: tuple[tuple[int, int], ...]
    texts: list[str]
    tokens: list[list[str]]
    start_s: np.ndarray
    end_s: np.ndarray
    speaker: list[str | None]
    vectors: np.ndarray
    marks: np.ndarray
    shift: np.ndarray
    pause: np.ndarray
    lexicon: Lexicon

    def __len__(self) -> int:
        return len(self.spans)

    @cached_property
    def sentences_with(self) -> Counter[str]:
        """In how many sentences each token occurs."""
        return Counter(word for words in self.tokens for word in set(words))

    @cached_property
    def nouns(self) -> frozenset[str]:
        """Tokens that stand behind an article or a possessive somewhere; all where the language has no such list."""
        articles = self.lexicon.members["determiner"]
        if not articles:
            return frozenset(self.sentences_with)
        pairs = (pair for words in self.tokens for pair in pairwise(words))
        return frozenset(word for before, word in pairs if before in articles)

    @cached_property
    def apart(self) -> np.ndarray:
        """The sentences' vectors as they are compared with one another: `told_apart`."""
        return self.told_apart(self.vectors)

    def told_apart(self, vectors: np.ndarray) -> np.ndarray:
        """Unit vectors, shape (k, 384) as given, less what all sentences of the talk have in common (Mu and Viswanath
        2018), unless it is in English: the embedding learned English, and unrelated sentences of other languages look
        alike to it (mean cosine, measured: English 0.2, German 0.4, Japanese 0.6, Hindi 0.7)."""
        import numpy as np

        if self.lexicon.language == "en":
            return vectors
        less = vectors - self.vectors.mean(0)
        return less / np.maximum(np.linalg.norm(less, axis=1, keepdims=True), 1e-6)

    def mark(self, name: str) -> np.ndarray:
        return self.marks[:, MARKS.index(name)]


def read_talk(
    transcript: Transcript,
    features: ScoringFeatures,
    speakers: Speakers | None,
    language: str | None,
    span: tuple[float, float] | None,
) -> Talk:
    """The sentences inside `span` (source clock; None: all), described."""
    import numpy as np

    words, code = transcript.words, (language or transcript.language).lower().split("-")[0]
    low, high = span or (-1.0, float("inf"))
    rows = [
        i
        for i, (a, b) in enumerate(features.sentences)
        if words[a].start_s >= low - _OVER_S and words[b - 1].end_s <= high + _OVER_S
    ]
    spans = tuple(features.sentences[i] for i in rows)
    texts = [join(words[a:b], code) for a, b in spans]
    split = [tokens(text) for text in texts]
    start = np.array([words[a].start_s for a, _ in spans], float)
    end = np.array([words[b - 1].end_s for _, b in spans], float)
    lists = lexicon(code)
    vectors = vectors_of(features)[rows]
    return Talk(
        words, spans, texts, split, start, end, _speakers(words, spans, speakers),
        vectors, _marks(texts, split, lists), topic_shift(vectors),
        np.concatenate([[2.0], np.maximum(start[1:] - end[:-1], 0), [2.0]]) if len(rows) else np.zeros(1),
        lists,
    )  # fmt: skip


def _speakers(
    words: tuple[Word, ...], spans: tuple[tuple[int, int], ...], speakers: Speakers | None
) -> list[str | None]:
    """Who says each sentence: whose turns cover most of it, or, where no turn does, who said most of its words."""
    turns = speakers.turns if speakers is not None else ()
    out: list[str | None] = []
    reached = 0  # turns do not overlap and sentences come in order, so that one pass goes over both
    for a, b in spans:
        start, end = words[a].start_s, words[b - 1].end_s
        while reached < len(turns) and turns[reached].end_s <= start:
            reached += 1
        shares: dict[str, float] = {}
        for turn in islice(turns, reached, None):
            if turn.start_s >= end:
                break
            shares[turn.speaker] = shares.get(turn.speaker, 0) + min(end, turn.end_s) - max(start, turn.start_s)
        if not shares:
            shares |= Counter(word.speaker for word in words[a:b] if word.speaker)
        out.append(max(sorted(shares), key=lambda name: shares[name]) if shares else None)
    return out


def _marks(texts: list[str], split: list[list[str]], lists: Lexicon) -> np.ndarray:
    import numpy as np

    rows = []
    for text, words in zip(texts, split, strict=True):
        count = lists.count(text.lower(), words)
        row: list[float] = [count.get(kind, 0) for kind in MARKS[: len(KINDS) - 2]]
        numbers = sum(1 for word in words if _NUMBER.search(word) or word in lists.members["number_words"])
        names = sum(1 for word in re.findall(r"(?<=[\w,] )[A-Z]\w+", text) if word not in ("I",))
        row += [
            numbers,
            text.count("?") + text.count("？"),
            text.count("!") + text.count("！"),
            names,
            len(words) / (1 if lists.spaced else CHARACTERS_A_WORD),
        ]
        rows.append(row)
    return np.array(rows, float).reshape(-1, len(MARKS))


def topic_shift(vectors: np.ndarray) -> np.ndarray:
    """TextTiling's depth score on embeddings: how far the likeness of the blocks on both sides falls below the nearest
    peaks, 0..1, for every gap; the ends of the talk count as full shifts."""
    import numpy as np

    n = len(vectors)
    if n == 0:
        return np.zeros(1)
    sums = np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), np.cumsum(vectors, 0)])
    gaps = np.arange(1, n)
    left = sums[gaps] - sums[np.maximum(gaps - _BLOCK, 0)]
    right = sums[np.minimum(gaps + _BLOCK, n)] - sums[gaps]
    likeness = (left * right).sum(1) / np.maximum(np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1), 1e-6)
    depth = np.zeros(n + 1)
    depth[0] = depth[n] = 1.0
    for g in range(n - 1):
        before = likeness[max(0, g - 4) : g + 1].max()
        after = likeness[g : g + 5].max()
        depth[g + 1] = min(1.0, float(before + after - 2 * likeness[g]))
    return depth
