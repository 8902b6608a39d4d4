"""What is costly about a talk, worked out once and stored: its sentences, their embeddings, its sound. Judges nothing.

Re-scoring reads this artifact and the transcript; it needs no model unless the user's instructions name a topic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from carmic_assets.model.speech import Transcript, Word
from carmic_assets.scoring.audio_features import SoundFeatures
from carmic_assets.scoring.lexicon import UNSPACED
from carmic_assets.scoring.sentence_embeddings import WIDTH, embed
from carmic_assets.speech.sentences import sentences

if TYPE_CHECKING:
    import numpy as np

FEATURES_VERSION = "1"


class ScoringFeatures(msgspec.Struct, frozen=True):
    """The stored artifact. `sentences` are (first word, one past the last word) into the transcript's words.
    `embeddings` are rows of 384 int8, one row a sentence; a row scaled to length 1 is the sentence's embedding."""

    version: str
    sentences: tuple[tuple[int, int], ...]
    embeddings: bytes
    sound: SoundFeatures | None = None


def extract_features(
    transcript: Transcript, sound: SoundFeatures | None = None, *, threads: int = 2
) -> ScoringFeatures:
    """Split and embed the talk: about 6 ms of CPU a sentence, so an hour of talk takes 4 to 5 s, once. `threads` is an
    upper bound; one is used."""
    import numpy as np

    spans = sentences(transcript.words)
    vectors = embed([join(transcript.words[a:b], transcript.language) for a, b in spans])
    top = np.abs(vectors).max(axis=1, keepdims=True)
    packed = np.rint(vectors / np.where(top > 0, top, 1) * 127).astype(np.int8)
    return ScoringFeatures(FEATURES_VERSION, spans, packed.tobytes(), sound)


def vectors_of(features: ScoringFeatures) -> np.ndarray:
    """Unit vectors, float32, shape (sentences, 384)."""
    import numpy as np

    rows = np.frombuffer(features.embeddings, np.int8).reshape(-1, WIDTH).astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)


def join(words: tuple[Word, ...], language: str) -> str:
    """The words as a reader would see them."""
    return ("" if language in UNSPACED else " ").join(word.text for word in words)
