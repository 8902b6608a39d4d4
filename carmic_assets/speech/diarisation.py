"""Diarises audio without faces: clusters speaker embeddings, then decodes turns labelled "A", "B", ...

`speaker_turns` later combines these turns with faces.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from carmic_assets.model.speech import Turn
from carmic_assets.speech import speaker_embeddings
from carmic_assets.speech.audio_reader import AudioReader
from carmic_assets.speech.voice_activity import Intervals

MAX_VOICES = 6  # maximum number of voices in one video
STEP_S = 0.1  # time step of the Viterbi decoding

# Tuned on generated videos with known turns: benchmarks/speakers.py
_HOP_S = 0.4  # from the start of one embedding window to the next
_MIN_CLUSTERED_S = 0.8  # shorter windows are not clustered
_MAX_CLUSTER_DISTANCE = 0.31  # cosine distance (average linkage) within one voice
_MIN_VOICE_RATIO = 0.04  # smallest fraction of the clustered windows that counts as a voice
# Windows; of longer audio a sample of this number is clustered, because the cost of linkage is quadratic
_MAX_CLUSTERED = 1500
_SIMILARITY_WEIGHT = 20.0  # Viterbi score of one second at cosine similarity 1
_SWITCH_COST = 3.0  # Viterbi score that a change of voice costs


def diarise(reader: AudioReader, speech: Intervals, phrases: Intervals) -> tuple[Turn, ...]:
    """Return speech turns in order, without overlap, inside `speech`, with speakers named by first appearance.

    Takes about 0.015 CPU seconds per second of speech. If the embedding weights are not installed, all speech is one
    voice with confidence 0.

    Args:
        reader: the audio.
        speech: intervals with speech.
        phrases: the same speech, split at short silences. No embedding window crosses such a silence, because another
            speaker may begin after it.
    """
    if not speech:
        return ()
    if not speaker_embeddings.is_installed():
        return tuple(Turn(a, b, "A", confidence=0.0) for a, b in speech)
    windows = _place_windows(_merge_short_phrases(speech, phrases))
    embeddings = speaker_embeddings.embed_windows(reader, windows)
    voices = _cluster_voices(embeddings, np.array([end - start for start, end in windows]))
    similarity = _average_similarity_by_step(windows, embeddings @ voices.T, speech[-1][1])
    return _name_turns(_decode_turns(similarity, speech), similarity)


def _merge_short_phrases(speech: Intervals, phrases: Intervals) -> list[tuple[float, float]]:
    """Return the phrases of each interval of speech; a phrase that is too short is merged with its nearer neighbour."""
    merged: list[tuple[float, float]] = []
    for start, end in speech:
        parts = [(max(a, start), min(b, end)) for a, b in phrases if a < end and b > start] or [(start, end)]
        while len(parts) > 1:
            shortest = min(range(len(parts)), key=lambda i: parts[i][1] - parts[i][0])
            if parts[shortest][1] - parts[shortest][0] >= _MIN_CLUSTERED_S:
                break
            pauses = [(parts[i + 1][0] - parts[i][1], i) for i in (shortest - 1, shortest) if 0 <= i < len(parts) - 1]
            first = min(pauses)[1]
            parts[first : first + 2] = [(parts[first][0], parts[first + 1][1])]
        merged += parts
    return merged


def _place_windows(phrases: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return windows of `WINDOW_S` about every `_HOP_S` that cover each phrase; a shorter phrase is one window."""
    window_s = speaker_embeddings.WINDOW_S
    windows: list[tuple[float, float]] = []
    for start, end in phrases:
        free_s = end - start - window_s
        if free_s <= 0:
            windows.append((start, end))
            continue
        count = max(round(free_s / _HOP_S), 1)
        starts = [start + free_s * i / count for i in range(count + 1)]
        windows += [(window_start, window_start + window_s) for window_start in starts]
    return windows


def _cluster_voices(embeddings: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Return the unit vectors of 1 to `MAX_VOICES` voices, shape (voices, 256), by agglomerative clustering."""
    is_long = durations >= _MIN_CLUSTERED_S
    usable = embeddings[is_long] if is_long.sum() >= 2 else embeddings
    sampled = usable[np.unique(np.linspace(0, len(usable) - 1, _MAX_CLUSTERED).round().astype(int))]
    if len(sampled) < 2:
        return _normalise(sampled.mean(axis=0, keepdims=True))
    labels = fcluster(linkage(sampled, "average", metric="cosine"), _MAX_CLUSTER_DISTANCE, "distance")
    clusters, counts = np.unique(labels, return_counts=True)
    min_count = max(2, _MIN_VOICE_RATIO * len(sampled))
    by_size = [i for i in np.argsort(-counts, kind="stable") if counts[i] >= min_count]
    selected_clusters = by_size[:MAX_VOICES] or [int(np.argmax(counts))]
    return _normalise(np.stack([sampled[labels == clusters[i]].mean(axis=0) for i in selected_clusters]))


def _average_similarity_by_step(
    windows: Sequence[tuple[float, float]], similarity: np.ndarray, end_s: float
) -> np.ndarray:
    """Return the mean similarity of the windows over each step: shape (steps, voices), nan where no window lies."""
    steps = int(end_s / STEP_S) + 1
    total, count = np.zeros((steps, similarity.shape[1])), np.zeros((steps, 1))
    for (start, end), row in zip(windows, similarity, strict=True):
        first, last = _step_range(start, end)
        total[first:last] += row
        count[first:last] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def _step_range(start_s: float, end_s: float) -> tuple[int, int]:
    """Return the first step and one past the last; the range holds at least one step."""
    first = int(start_s / STEP_S)
    return first, max(int(end_s / STEP_S), first + 1)


def _decode_turns(similarity: np.ndarray, speech: Intervals) -> list[tuple[float, float, int]]:
    """Return (start, end, voice) of the most likely path through the voices, split at the ends of speech."""
    score = np.nan_to_num(similarity - np.nanmax(similarity, axis=1, keepdims=True, initial=0))
    path = decode_viterbi(score * _SIMILARITY_WEIGHT * STEP_S, _SWITCH_COST)
    turns: list[tuple[float, float, int]] = []
    for start, end in speech:
        first, last = _step_range(start, end)
        changes = [i for i in range(first + 1, last) if path[i] != path[i - 1]]
        edges = [start, *(i * STEP_S for i in changes), end]
        turns += [(a, b, int(path[i])) for a, b, i in zip(edges, edges[1:], [first, *changes], strict=False) if b > a]
    return turns


def decode_viterbi(score: np.ndarray, switch_cost: float | np.ndarray) -> np.ndarray:
    """Return the path with the highest total score, less the costs of its state changes, as the state of each step.

    Args:
        score: shape (steps, states).
        switch_cost: cost of a change of state; one value, or one for each step (paid on entering the step).

    Returns:
        int, shape (steps,).
    """
    steps, states = score.shape
    costs = np.broadcast_to(np.asarray(switch_cost, float), (steps,))
    previous = np.zeros((steps, states), int)
    same = np.arange(states)
    best = score[0].copy() if steps else np.zeros(states)
    for step in range(1, steps):
        leader = int(best.argmax())
        previous[step] = np.where(best >= best[leader] - costs[step], same, leader)
        best = np.maximum(best, best[leader] - costs[step]) + score[step]
    path = np.zeros(steps, int)
    if steps:
        path[-1] = int(best.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = previous[step, path[step]]
    return path


def _name_turns(turns: Sequence[tuple[float, float, int]], similarity: np.ndarray) -> tuple[Turn, ...]:
    """Return turns with labels by first appearance.

    The confidence (0..1) grows with the lead in similarity over the second-best voice: 0.5 at no lead, 1 at 0.1.
    """
    labels: dict[int, str] = {}
    named: list[Turn] = []
    for start, end, voice in turns:
        label = labels.setdefault(voice, string.ascii_uppercase[len(labels)])
        first, last = _step_range(start, end)
        mean_similarity = np.nanmean(similarity[first:last], axis=0)
        others = np.delete(mean_similarity, voice)
        lead = float(mean_similarity[voice] - others.max()) if others.size else 1.0
        # See the docstring: a lead of 0.1 in similarity gives full confidence.
        confidence = round(float(np.clip(0.5 + lead / 0.2, 0.0, 1.0)), 3)
        named.append(Turn(round(start, 3), round(end, 3), label, confidence=confidence))
    return tuple(named)


def _normalise(vectors: np.ndarray) -> np.ndarray:
    unit_vectors: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit_vectors
