"""Represents a talk as arrays with one row per sentence: texts, times, speakers, embeddings, cue counts, topic shifts.

A cue is something countable in a sentence: phrases of a category of the lexicon, numbers, names, question marks.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise

import numpy as np

from carmic_assets.model.speech import Speakers, Transcript, Word
from carmic_assets.scoring.arrays import Floats, Floats32
from carmic_assets.scoring.lexicon import CATEGORIES, Lexicon, load_lexicon, tokenize
from carmic_assets.scoring.talk_features import ScoringFeatures, decode_embeddings, join_words

_LEXICON_CUES = CATEGORIES[:-2]
CUES = (*_LEXICON_CUES, "number", "asks", "exclaims", "names", "words")
CHARACTERS_PER_WORD = 1.6  # makes the lengths of scripts without spaces comparable
_DIGIT = re.compile(r"\d")
_CAPITALISED_WORD = re.compile(r"(?<=[\w,] )[A-Z]\w+")
_TRIM_TOLERANCE_S = 0.35  # a sentence may exceed the span by this, because aligned words extend to the next pause
_BLOCK_SENTENCES = 3  # number of sentences compared on each side of a gap, as in TextTiling (Hearst 1997)
_PEAK_GAPS = 4  # number of gaps on each side that are searched for the similarity peak
_OUTER_PAUSE_S = 2.0  # pause that is assumed before the first sentence and after the last


@dataclass(frozen=True, eq=False)
class Talk:
    """The sentences of one talk and their properties. n is the number of sentences.

    Talks are compared by identity, so that results can be cached by talk.
    """

    words: tuple[Word, ...]
    word_spans: tuple[tuple[int, int], ...]  # (first word, one past the last word) of each sentence
    texts: list[str]
    tokens: list[list[str]]
    start_s: Floats  # (n,), source clock
    end_s: Floats  # (n,)
    speakers: list[str | None]  # speaker of each sentence
    vectors: Floats32  # (n, 384), unit vectors
    cues: Floats  # (n, len(CUES)), counts
    topic_shift: Floats  # (n + 1,), 0..1, one per gap between sentences and at both ends of the talk
    pause_s: Floats  # (n + 1,), silence in the same gaps
    lexicon: Lexicon

    def __len__(self) -> int:
        return len(self.word_spans)

    @cached_property
    def document_frequency(self) -> Counter[str]:
        """Token -> number of sentences in which it occurs."""
        return Counter(token for tokens in self.tokens for token in set(tokens))

    @cached_property
    def nouns(self) -> frozenset[str]:
        """Tokens that follow a determiner somewhere; all tokens if the language has no list of determiners."""
        determiners = self.lexicon.members["determiner"]
        if not determiners:
            return frozenset(self.document_frequency)
        pairs = (pair for tokens in self.tokens for pair in pairwise(tokens))
        return frozenset(token for previous, token in pairs if previous in determiners)

    @cached_property
    def topic_vectors(self) -> Floats32:
        """Sentence vectors whose cosine is the topic similarity: the result of `remove_common_component`, (n, 384)."""
        return self.remove_common_component(self.vectors)

    def remove_common_component(self, vectors: Floats32) -> Floats32:
        """Return unit vectors without the talk's mean sentence vector (Mu and Viswanath 2018); same shape.

        English vectors are returned unchanged. The model was trained on English and gives similar vectors to unrelated
        sentences of other languages (mean cosine, measured: English 0.2, German 0.4, Japanese 0.6, Hindi 0.7).
        """
        if self.lexicon.language == "en":
            return vectors
        centred = vectors - self.vectors.mean(0)
        unit: Floats32 = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
        return unit

    def count_cue(self, name: str) -> Floats:
        """Return the count of one cue in each sentence, shape (n,)."""
        return self.cues[:, CUES.index(name)]


def build_talk(
    transcript: Transcript,
    features: ScoringFeatures,
    speakers: Speakers | None,
    language: str | None,
    span: tuple[float, float] | None,
) -> Talk:
    """Return the talk of the sentences inside `span` (source clock); None takes all sentences."""
    words, language_code = transcript.words, (language or transcript.language).lower().split("-")[0]
    span_start_s, span_end_s = span or (-1.0, float("inf"))
    rows = [
        i
        for i, (a, b) in enumerate(features.sentences)
        if words[a].start_s >= span_start_s - _TRIM_TOLERANCE_S and words[b - 1].end_s <= span_end_s + _TRIM_TOLERANCE_S
    ]
    word_spans = tuple(features.sentences[i] for i in rows)
    texts = [join_words(words[a:b], language_code) for a, b in word_spans]
    tokens = [tokenize(text) for text in texts]
    start_s = np.array([words[a].start_s for a, _ in word_spans], float)
    end_s = np.array([words[b - 1].end_s for _, b in word_spans], float)
    pauses_s = np.maximum(start_s[1:] - end_s[:-1], 0)
    lexicon = load_lexicon(language_code)
    vectors = decode_embeddings(features)[rows]
    return Talk(
        words=words,
        word_spans=word_spans,
        texts=texts,
        tokens=tokens,
        start_s=start_s,
        end_s=end_s,
        speakers=_assign_speakers(words, word_spans, speakers),
        vectors=vectors,
        cues=_count_cues(texts, tokens, lexicon),
        topic_shift=measure_topic_shift(vectors),
        pause_s=np.concatenate([[_OUTER_PAUSE_S], pauses_s, [_OUTER_PAUSE_S]]) if rows else np.zeros(1),
        lexicon=lexicon,
    )


def _assign_speakers(
    words: tuple[Word, ...], word_spans: tuple[tuple[int, int], ...], speakers: Speakers | None
) -> list[str | None]:
    """Return the speaker whose turns cover most of each sentence.

    If no turn overlaps the sentence, it is the speaker of most of its words.
    """
    turns = speakers.turns if speakers is not None else ()
    assigned: list[str | None] = []
    next_turn = 0  # turns do not overlap and sentences are in order, so one pass covers both
    for a, b in word_spans:
        start_s, end_s = words[a].start_s, words[b - 1].end_s
        while next_turn < len(turns) and turns[next_turn].end_s <= start_s:
            next_turn += 1
        overlap: dict[str, float] = {}
        for turn in islice(turns, next_turn, None):
            if turn.start_s >= end_s:
                break
            shared_s = min(end_s, turn.end_s) - max(start_s, turn.start_s)
            overlap[turn.speaker] = overlap.get(turn.speaker, 0) + shared_s
        if not overlap:
            overlap |= Counter(word.speaker for word in words[a:b] if word.speaker)
        assigned.append(max(sorted(overlap), key=lambda name: overlap[name]) if overlap else None)
    return assigned


def _count_cues(texts: list[str], tokens: list[list[str]], lexicon: Lexicon) -> Floats:
    """Return the counts of `CUES`, shape (n, len(CUES))."""
    rows = []
    for text, words in zip(texts, tokens, strict=True):
        counts = lexicon.count_categories(text.lower(), words)
        number_words = lexicon.members["number_words"]
        rows.append(
            [
                *(counts.get(category, 0) for category in _LEXICON_CUES),
                sum(1 for word in words if _DIGIT.search(word) or word in number_words),
                text.count("?") + text.count("？"),
                text.count("!") + text.count("！"),
                sum(1 for _ in _CAPITALISED_WORD.finditer(text)),
                len(words) / (1 if lexicon.uses_spaces else CHARACTERS_PER_WORD),
            ]
        )
    return np.array(rows, float).reshape(-1, len(CUES))


def measure_topic_shift(vectors: Floats32) -> Floats:
    """Return the topic shift at every gap, 0..1, shape (n + 1,); the ends of the talk count as full shifts.

    This is TextTiling's depth score on embeddings: how far the similarity of the blocks on both sides of a gap drops
    below the highest similarity nearby on either side.
    """
    n = len(vectors)
    if n == 0:
        return np.zeros(1)
    sums = np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), np.cumsum(vectors, 0)])
    gaps = np.arange(1, n)
    left = sums[gaps] - sums[np.maximum(gaps - _BLOCK_SENTENCES, 0)]
    right = sums[np.minimum(gaps + _BLOCK_SENTENCES, n)] - sums[gaps]
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    similarity = (left * right).sum(1) / np.maximum(norms, 1e-6)
    depth = np.zeros(n + 1)
    depth[0] = depth[n] = 1.0
    for gap in range(n - 1):
        left_peak = similarity[max(0, gap - _PEAK_GAPS) : gap + 1].max()
        right_peak = similarity[gap : gap + _PEAK_GAPS + 1].max()
        depth[gap + 1] = min(1.0, float(left_peak + right_peak - 2 * similarity[gap]))
    return depth
