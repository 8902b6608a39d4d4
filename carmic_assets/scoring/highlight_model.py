"""How much each sentence looks like part of a highlight, in log-odds: what is said and how it is built, not how loudly.

A linear model over the sentence's embedding, its marks, and both averaged over two sentences on each side. Its numbers
(`highlight.json`) come from `python -m benchmarks.clip_selection.fit`: passages written for it, of many subjects, where
highlights are claims with a reason, stories with a turn, admissions and answers, and the rest are chronicles,
descriptions, procedures, greetings, sponsors and hype. It holds no words of its own.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.scoring.talk import Talk

if TYPE_CHECKING:
    import numpy as np

DISTASTE = 1.0  # how much the log-odds of being filler, where they are above even, count against a highlight
REACH = 2  # sentences on each side that make the context
BARE = ("number", "asks", "exclaims", "names", "words")  # the marks that need no word list


class Model(msgspec.Struct, frozen=True):
    """Weights for embedding, embedding of the context, marks and marks of the context; empty: not used."""

    bias: float
    vector: tuple[float, ...]
    vector_near: tuple[float, ...]
    marks: dict[str, float]
    marks_near: dict[str, float]


@lru_cache(maxsize=1)
def models() -> dict[str, Model]:
    """`english` uses everything; `listed` is for other languages with a word list; `bare` for those without. The same
    with ` filler` behind it tells hype, sponsors, greetings and banter from everything else."""
    return msgspec.json.decode((Path(__file__).parent / "highlight.json").read_bytes(), type=dict[str, Model])


@lru_cache(maxsize=1)
def substance(talk: Talk) -> np.ndarray:
    """Log-odds of being part of a highlight, per sentence, shape (n,); lowered where filler is likely."""
    import numpy as np

    return applied(models()[_kind(talk)], talk) - DISTASTE * np.logaddexp(0, _filler(talk))


def filler(talk: Talk) -> np.ndarray:
    """Probability per sentence, shape (n,), that it is hype, a sponsor, a greeting, banter or an appeal."""
    import numpy as np

    return 1 / (1 + np.exp(-np.clip(_filler(talk), -30, 30)))


@lru_cache(maxsize=1)
def _filler(talk: Talk) -> np.ndarray:
    return applied(models()[f"{_kind(talk)} filler"], talk)


def _kind(talk: Talk) -> str:
    return "english" if talk.lexicon.language == "en" else "listed" if talk.lexicon.phrases else "bare"


def applied(model: Model, talk: Talk) -> np.ndarray:
    """A model's log-odds per sentence, shape (n,)."""
    import numpy as np

    value = np.full(len(talk), model.bias)
    if not len(talk):
        return value
    if model.vector:
        value += talk.vectors @ np.array(model.vector) + near(talk.vectors @ np.array(model.vector_near))
    for mark in model.marks:
        column = squeezed(mark, talk.mark(mark))
        value += model.marks[mark] * column + model.marks_near[mark] * near(column)
    return value


def squeezed(name: str, counts: np.ndarray) -> np.ndarray:
    """Three of a kind say it all; length counts by its logarithm."""
    import numpy as np

    return np.log1p(counts) if name == "words" else np.minimum(counts, 3)


def near(values: np.ndarray) -> np.ndarray:
    """Mean over the sentence and its neighbours, the ends repeated; shape as given."""
    import numpy as np

    n = len(values)
    rows = np.clip(np.arange(n) + np.arange(-REACH, REACH + 1)[:, None], 0, n - 1)
    return values[rows].mean(0)
