"""Extracts the expensive features of a talk once, for storage: its sentences, their embeddings, and audio features.

Re-scoring reads this artifact and the transcript. It needs the embedding model only if the user's instructions name a
topic.
"""

from __future__ import annotations

import msgspec
import numpy as np

from carmic_assets.model.speech import Transcript, Word
from carmic_assets.scoring.arrays import Floats32
from carmic_assets.scoring.audio_features import AudioFeatures
from carmic_assets.scoring.lexicon import UNSPACED_LANGUAGES
from carmic_assets.scoring.sentence_embeddings import EMBEDDING_DIM, embed_sentences
from carmic_assets.speech.sentences import split_sentences

FEATURES_VERSION = "1"  # changes whenever the same transcript gives other features


class ScoringFeatures(msgspec.Struct, frozen=True):
    """The stored artifact.

    `sentences` holds (first word, one past the last word), as indices into the words of the transcript. `embeddings`
    holds one row of 384 int8 values per sentence; a row scaled to length 1 is the embedding of the sentence.
    """

    version: str
    sentences: tuple[tuple[int, int], ...]
    embeddings: bytes
    sound: AudioFeatures | None = None


def extract_features(transcript: Transcript, audio: AudioFeatures | None = None) -> ScoringFeatures:
    """Return the features. Embedding takes about 6 ms of CPU time per sentence, 4 to 5 s for an hour of talk."""
    spans = split_sentences(transcript.words)
    vectors = embed_sentences([join_words(transcript.words[a:b], transcript.language) for a, b in spans])
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    quantised_vectors = np.rint(vectors / np.where(largest > 0, largest, 1) * 127).astype(np.int8)
    return ScoringFeatures(FEATURES_VERSION, spans, quantised_vectors.tobytes(), audio)


def decode_embeddings(features: ScoringFeatures) -> Floats32:
    """Return the unit vectors of the sentences, shape (sentences, 384)."""
    rows = np.frombuffer(features.embeddings, np.int8).reshape(-1, EMBEDDING_DIM).astype(np.float32)
    unit: Floats32 = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)
    return unit


def join_words(words: tuple[Word, ...], language: str) -> str:
    """Return the words as one text, with spaces unless the language is written without them."""
    return ("" if language in UNSPACED_LANGUAGES else " ").join(word.text for word in words)
