"""Where one thought ends and the next begins, in log-odds for every gap between two sentences. Cuts nothing.

A logistic model over what both sides of a gap have in common (cosines of their embeddings, shared words), how the
sentences next to it are built (leaning on what came before, asking), and what they say. Its numbers (`boundary.json`)
come from `python -m benchmarks.clip_selection.fit`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.scoring.highlight import squeezed
from carmic_assets.scoring.talk import MARKS, Talk, topic_shift

if TYPE_CHECKING:
    import numpy as np

BLOCKS = (1, 2, 3, 5)  # sentences on each side of a gap that are compared
BEFORE = 6  # sentences before a gap whose words count as known


class Model(msgspec.Struct, frozen=True):
    """`clues` are weights by name; `last` and `first` are for the embeddings of the sentences on both sides of the gap,
    and count in English only, the language of the embeddings."""

    bias: float
    clues: dict[str, float]
    last: tuple[float, ...]
    first: tuple[float, ...]


@lru_cache(maxsize=1)
def model() -> Model:
    return msgspec.json.decode((Path(__file__).parent / "boundary.json").read_bytes(), type=Model)


def boundaries(talk: Talk) -> np.ndarray:
    """Log-odds that a new thought begins, shape (n + 1,), for the gap before each sentence and the one after the last.
    Both ends of the talk are as certain as anything inside it."""
    import numpy as np

    n = len(talk)
    out = np.zeros(n + 1)
    if n > 1:
        fitted = model()
        inside = np.full(n - 1, fitted.bias)
        for name, column in clues(talk).items():
            inside += fitted.clues[name] * column
        if talk.lexicon.language == "en":
            inside += talk.vectors[:-1] @ np.array(fitted.last) + talk.vectors[1:] @ np.array(fitted.first)
        out[1:n] = inside
        out[0] = out[n] = max(2.0, float(inside.max()))
    return out


def clues(talk: Talk) -> dict[str, np.ndarray]:
    """Named columns, shape (n - 1,), one row per gap inside the talk."""
    import numpy as np

    n = len(talk)
    gaps = np.arange(1, n)
    sums = np.concatenate([np.zeros((1, talk.vectors.shape[1]), np.float32), np.cumsum(talk.vectors, 0)])
    found = {"depth": topic_shift(talk.vectors)[1:n], "fresh": fresh(talk)}
    for size in BLOCKS:
        left = sums[gaps] - sums[np.maximum(gaps - size, 0)]
        right = sums[np.minimum(gaps + size, n)] - sums[gaps]
        scale = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        found[f"alike {size}"] = (left * right).sum(1) / np.maximum(scale, 1e-6)
    found["speaker"] = np.array([float(a != b) for a, b in zip(talk.speaker, talk.speaker[1:], strict=False)])
    for mark in MARKS:
        column = squeezed(mark, talk.mark(mark))
        found[f"{mark} before"], found[f"{mark} after"] = column[:-1], column[1:]
    leans = np.array([bool(words) and words[0] in talk.lexicon.members["dangling"] for words in talk.tokens], float)
    found["leans"] = leans[1:]
    return found


def fresh(talk: Talk) -> np.ndarray:
    """Share of the content words of the two sentences after each gap that none of the sentences before it has, shape
    (n - 1,); stems of five letters, so that inflection does not count."""
    import numpy as np

    stop = talk.lexicon.members["stop"]
    stems = [{word[:5] for word in words if word not in stop} for words in talk.tokens]
    out = np.zeros(len(talk) - 1)
    for gap in range(1, len(talk)):
        known = set().union(*stems[max(0, gap - BEFORE) : gap])
        ahead = set().union(*stems[gap : gap + 2])
        out[gap - 1] = len(ahead - known) / len(ahead) if ahead else 0.0
    return out
