"""Predicts for each sentence, in log-odds, whether it is part of a highlight, from words alone.

The model is linear in the embedding of the sentence, its cues, and both averaged over the neighbouring sentences. The
weights are in `highlight.json`; `python -m benchmarks.clip_selection.fit` writes them. The training data are passages
on many subjects that were written for this purpose. Highlights are claims with a reason, stories with a turn,
admissions and answers. Filler is hype, sponsor messages, greetings and banter. All others are chronicles, descriptions
and procedures.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np

from carmic_assets.scoring.arrays import Floats, Floats32
from carmic_assets.scoring.talk import Talk

MODEL_PATH = Path(__file__).parent / "highlight.json"
FILLER_PENALTY = 1.0  # factor of the soft-plus of the filler log-odds, which is subtracted from the highlight log-odds
CONTEXT_SENTENCES = 2  # neighbouring sentences on each side
LANGUAGE_FREE_CUES = ("number", "asks", "exclaims", "names", "words")  # these cues need no word list
MAX_CUE_COUNT = 3  # further occurrences in one sentence add nothing


class HighlightModel(msgspec.Struct, frozen=True):
    """Weights of the embedding, the mean embedding of the context, the cues and the mean cues of the context.

    Vectors are empty if the model does not use the embedding.
    """

    bias: float
    vector: tuple[float, ...]
    vector_near: tuple[float, ...]
    cues: dict[str, float] = msgspec.field(name="marks")
    cues_near: dict[str, float] = msgspec.field(name="marks_near")


@lru_cache(maxsize=1)
def load_models() -> dict[str, HighlightModel]:
    """Return the models by name.

    `english` uses embeddings and all cues; `listed`, for other languages with a word list, uses all cues; `bare`, for
    languages without one, uses `LANGUAGE_FREE_CUES`. The models named with the suffix ` filler` predict filler.
    """
    return msgspec.json.decode(MODEL_PATH.read_bytes(), type=dict[str, HighlightModel])


@lru_cache(maxsize=1)
def predict_substance(talk: Talk) -> Floats:
    """Return the log-odds that each sentence is part of a highlight, shape (n,), lowered where filler is likely."""
    highlight = apply_model(load_models()[_choose_model_name(talk)], talk)
    penalty: Floats = FILLER_PENALTY * np.logaddexp(0, _predict_filler_log_odds(talk))
    return highlight - penalty


def predict_filler(talk: Talk) -> Floats:
    """Return the probability that each sentence is filler, shape (n,)."""
    return sigmoid(_predict_filler_log_odds(talk))


@lru_cache(maxsize=1)
def _predict_filler_log_odds(talk: Talk) -> Floats:
    return apply_model(load_models()[f"{_choose_model_name(talk)} filler"], talk)


def _choose_model_name(talk: Talk) -> str:
    if talk.lexicon.language == "en":
        return "english"
    return "listed" if talk.lexicon.categories_by_phrase else "bare"


def apply_model(model: HighlightModel, talk: Talk) -> Floats:
    """Return the log-odds of each sentence under a model, shape (n,)."""
    log_odds: Floats = np.full(len(talk), model.bias)
    if not len(talk):
        return log_odds
    if model.vector:
        log_odds += talk.vectors @ np.array(model.vector) + context_mean(talk.vectors @ np.array(model.vector_near))
    for cue in model.cues:
        column = transform_counts(cue, talk.count_cue(cue))
        log_odds += model.cues[cue] * column + model.cues_near[cue] * context_mean(column)
    return log_odds


def transform_counts(cue: str, counts: Floats) -> Floats:
    """Return the model input for the counts of a cue: `words` by its logarithm, others up to `MAX_CUE_COUNT`."""
    transformed: Floats = np.log1p(counts) if cue == "words" else np.minimum(counts, MAX_CUE_COUNT)
    return transformed


def context_mean(values: Floats | Floats32) -> Floats:
    """Return the mean of each row and its `CONTEXT_SENTENCES` neighbours on each side; same shape.

    The first and the last row are repeated beyond the ends.
    """
    n = len(values)
    rows = np.clip(np.arange(n) + np.arange(-CONTEXT_SENTENCES, CONTEXT_SENTENCES + 1)[:, None], 0, n - 1)
    mean: Floats = values[rows].mean(0)
    return mean


def sigmoid(log_odds: Floats) -> Floats:
    """Convert log-odds to probabilities, 0..1."""
    probability: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return probability
