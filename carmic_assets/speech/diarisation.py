"""Who speaks when, by voice alone: voice prints along the speech, clustered, smoothed into turns "A", "B", ...

Knows nothing of faces or words; `speakers` joins the turns with faces.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

from carmic_assets.model.speech import Turn
from carmic_assets.speech import speaker_embeddings
from carmic_assets.speech.audio_reader import Sound
from carmic_assets.speech.voice_activity import Spans

if TYPE_CHECKING:
    import numpy as np

MOST = 6  # voices told apart in one video
STEP_S = 0.1  # of the decoding

# Measured on talks with known turns: benchmarks/speakers.py
_HOP_S = 0.4  # between voice prints
_LEAST_S = 0.8  # of speech that a print must hold to help to find the voices
_APART = 0.31  # cosine distance between clusters that are different voices (average linkage)
_LEAST_SHARE = 0.04  # of the speech that a voice must have to count as one
_MOST_PRINTS = 1500  # that are clustered; the rest of a long talk is assigned to the clusters
_SWITCH = 3.0  # cost of a change of voice, in ...
_SURE = 20.0  # ... similarity-seconds


def turns(sound: Sound, speech: Spans, phrases: Spans) -> tuple[Turn, ...]:
    """Speech turns in order, not overlapping, inside `speech`, with speakers named by first appearance.

    `phrases` are the same speech cut at short silences: no voice print reaches over one, as another may speak after it.
    Where the weights of the voice prints are not installed, all speech is one voice with confidence 0: who calls says
    so. About 0.015 CPU seconds for a second of speech.
    """
    import numpy as np

    if not speech:
        return ()
    if not speaker_embeddings.available():
        return tuple(Turn(a, b, "A", confidence=0.0) for a, b in speech)
    stretches = _stretches(_pieces(speech, phrases))
    prints = speaker_embeddings.prints(sound, stretches)
    centres = _centres(prints, np.array([b - a for a, b in stretches]))
    likeness = _along(stretches, prints @ centres.T, speech[-1][1])
    return _named(_decoded(likeness, speech), likeness)


def _pieces(speech: Spans, phrases: Spans) -> list[tuple[float, float]]:
    """The phrases of each span of speech; one too short for a print is joined to the nearer neighbour in its span."""
    found: list[tuple[float, float]] = []
    for start, end in speech:
        parts = [(max(a, start), min(b, end)) for a, b in phrases if a < end and b > start] or [(start, end)]
        while len(parts) > 1:
            short = min(range(len(parts)), key=lambda i: parts[i][1] - parts[i][0])
            if parts[short][1] - parts[short][0] >= _LEAST_S:
                break
            pauses = [(parts[i + 1][0] - parts[i][1], i) for i in (short - 1, short) if 0 <= i < len(parts) - 1]
            first = min(pauses)[1]
            parts[first : first + 2] = [(parts[first][0], parts[first + 1][1])]
        found += parts
    return found


def _stretches(speech: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Windows of `LENGTH_S` every `_HOP_S` that tile each span; a shorter span is one window."""
    found: list[tuple[float, float]] = []
    for start, end in speech:
        free = end - start - speaker_embeddings.LENGTH_S
        count = max(round(free / _HOP_S), 1) if free > 0 else 0
        if not count:
            found.append((start, end))
        found += (
            (start + free * i / count, start + free * i / count + speaker_embeddings.LENGTH_S)
            for i in range(count + 1)
            if count
        )
    return found


def _centres(prints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Unit vectors of the voices: shape (voices, 256), 1 to `MOST`; agglomerative clustering, average linkage."""
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage

    long = prints[lengths >= _LEAST_S] if (lengths >= _LEAST_S).sum() >= 2 else prints
    some = long[np.unique(np.linspace(0, len(long) - 1, _MOST_PRINTS).round().astype(int))]
    if len(some) < 2:
        return _unit(some.mean(axis=0, keepdims=True))
    labels = fcluster(linkage(some, "average", metric="cosine"), _APART, "distance")
    names, counts = np.unique(labels, return_counts=True)
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i] >= max(2, _LEAST_SHARE * len(some))]
    kept = order[:MOST] or [int(np.argmax(counts))]
    return _unit(np.stack([some[labels == names[i]].mean(axis=0) for i in kept]))


def _along(stretches: Sequence[tuple[float, float]], likeness: np.ndarray, end_s: float) -> np.ndarray:
    """Mean likeness of the windows over each tenth of a second: shape (steps, voices); nan where there is no speech."""
    import numpy as np

    steps = int(end_s / STEP_S) + 1
    total, count = np.zeros((steps, likeness.shape[1])), np.zeros((steps, 1))
    for (start, end), row in zip(stretches, likeness, strict=True):
        first = int(start / STEP_S)
        last = max(int(end / STEP_S), first + 1)
        total[first:last] += row
        count[first:last] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def _decoded(likeness: np.ndarray, speech: Spans) -> list[tuple[float, float, int]]:
    """(start, end, voice) by the most likely path with a cost for each change (Viterbi), cut at the ends of speech."""
    import numpy as np

    score = np.nan_to_num(likeness - np.nanmax(likeness, axis=1, keepdims=True, initial=0)) * _SURE * STEP_S
    path = best_path(score, _SWITCH)
    found = []
    for start, end in speech:
        first, last = int(start / STEP_S), max(int(end / STEP_S), int(start / STEP_S) + 1)
        changes = [i for i in range(first + 1, last) if path[i] != path[i - 1]]
        edges = [start, *(i * STEP_S for i in changes), end]
        found += [(a, b, int(path[i])) for a, b, i in zip(edges, edges[1:], [first, *changes], strict=False) if b > a]
    return found


def best_path(score: np.ndarray, switch: float | np.ndarray) -> np.ndarray:
    """The states (shape (steps,)) with the highest total of `score` (steps, states) less `switch` for each change.

    `switch` is one cost, or one for each step (paid where the state differs from that of the step before).
    """
    import numpy as np

    steps, states = score.shape
    costs = np.broadcast_to(np.asarray(switch, float), (steps,))
    back = np.zeros((steps, states), int)
    stay = np.arange(states)
    best = score[0].copy() if steps else np.zeros(states)
    for step in range(1, steps):
        leader = int(best.argmax())
        back[step] = np.where(best >= best[leader] - costs[step], stay, leader)
        best = np.maximum(best, best[leader] - costs[step]) + score[step]
    path = np.zeros(steps, int)
    if steps:
        path[-1] = int(best.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = back[step, path[step]]
    return path


def _named(found: Sequence[tuple[float, float, int]], likeness: np.ndarray) -> tuple[Turn, ...]:
    """Turns with letters by first appearance; confidence 0..1 from the lead over the next likely voice."""
    import numpy as np

    letters: dict[int, str] = {}
    named: list[Turn] = []
    for start, end, voice in found:
        letter = letters.setdefault(voice, string.ascii_uppercase[len(letters)])
        mean = np.nanmean(likeness[int(start / STEP_S) : max(int(end / STEP_S), int(start / STEP_S) + 1)], axis=0)
        others = np.delete(mean, voice)
        lead = float(mean[voice] - others.max()) if others.size else 1.0
        confidence = round(float(np.clip(0.5 + lead / 0.2, 0.0, 1.0)), 3)
        named.append(Turn(round(start, 3), round(end, 3), letter, confidence=confidence))
    return tuple(named)


def _unit(vectors: np.ndarray) -> np.ndarray:
    import numpy as np

    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
