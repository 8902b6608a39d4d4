"""Aligns word times with the audio.

Whisper's cross-attention times have two errors. They have a constant offset (measured: `base` 50 ms early, `tiny.en`
90 ms late), which is estimated from the pauses and removed from all words. They also stretch words into pauses, so word
boundaries near a pause are moved to where the level of the audio shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carmic_assets.model.speech import Word
from carmic_assets.speech.audio_reader import SAMPLE_RATE, AudioReader

FRAME_S = 0.01  # time step of the level
_BLOCK_S = 60.0  # seconds of audio read at once
_LEVEL_WINDOW_S = 6.0  # the quiet and the loud level are measured in windows of this length
_PAUSE_LEVEL_RATIO = 0.3  # a pause is quieter than quiet + ratio * (loud - quiet), levels in dB
_MIN_PAUSE_S = 0.12  # a shorter quiet interval is no pause: plosives contain such closures
_MAX_DISTANCE_S = 0.35  # greatest distance between a word boundary and a pause that belongs to it
_MAX_OFFSET_S = 0.2  # limit of the estimated constant offset, in either direction
_MIN_PAUSES = 6  # with fewer pauses the offset is assumed to be 0


def align_words(words: Sequence[Word], reader: AudioReader, start_s: float, end_s: float) -> list[Word]:
    """Return the words with aligned times; none is dropped or reordered.

    `words` are in time order and lie in `start_s`..`end_s`.
    """
    if not words:
        return []
    pauses = _find_pauses(_measure_level(reader, start_s, end_s), start_s)
    ends = np.array([word.end_s for word in words])
    starts = np.array([word.start_s for word in words])
    offset = _estimate_offset(starts, pauses)
    starts, ends = starts + offset, ends + offset
    for pause_start, pause_end in pauses:
        gap = _find_nearest_gap(starts, ends, pause_start, pause_end)
        if gap is None:
            continue
        max_shift = _MAX_DISTANCE_S + (pause_end - pause_start)
        if gap >= 0 and abs(ends[gap] - pause_start) <= max_shift:
            ends[gap] = max(pause_start, starts[gap])
        if gap + 1 < len(starts) and abs(starts[gap + 1] - pause_end) <= max_shift:
            starts[gap + 1] = min(pause_end, ends[gap + 1])
    return [
        Word(word.text, float(a), float(b), word.confidence) for word, a, b in zip(words, starts, ends, strict=True)
    ]


def _find_nearest_gap(starts: np.ndarray, ends: np.ndarray, pause_start: float, pause_end: float) -> int | None:
    """Return the gap between words that belongs to a pause, or None if it is further than `_MAX_DISTANCE_S` away.

    Gap i lies between the words i and i + 1; -1 is before the first word, and the last one after the last word.
    """
    last = len(starts) - 1
    after = int(np.searchsorted((ends[:-1] + starts[1:]) / 2, (pause_start + pause_end) / 2))
    gaps = [i for i in (after - 1, after) if 0 <= i < last]
    if pause_end <= starts[0] + _MAX_DISTANCE_S:
        gaps.append(-1)
    if pause_start >= ends[-1] - _MAX_DISTANCE_S:
        gaps.append(last)
    distances = [
        (_measure_gap_distance(i, starts, ends, pause_start, pause_end), order) for order, i in enumerate(gaps)
    ]
    distance, order = min(distances, default=(np.inf, 0))
    return gaps[order] if distance <= _MAX_DISTANCE_S else None


def _measure_gap_distance(
    gap: int, starts: np.ndarray, ends: np.ndarray, pause_start: float, pause_end: float
) -> float:
    """Return how far, in seconds, the ends of a gap lie outside the pause; 0 where both lie in it."""
    end_distance = start_distance = 0.0
    if gap >= 0 and not pause_start <= ends[gap] <= pause_end:
        end_distance = abs(ends[gap] - pause_start)
    if gap + 1 < len(starts) and not pause_start <= starts[gap + 1] <= pause_end:
        start_distance = abs(starts[gap + 1] - pause_end)
    return float(max(end_distance, start_distance))


def _estimate_offset(starts: np.ndarray, pauses: Sequence[tuple[float, float]]) -> float:
    """Return the median distance in seconds from a word's start to the end of the pause before it.

    It is 0 with fewer than `_MIN_PAUSES` pauses.
    """
    pause_ends = np.array([end for start, end in pauses if end - start >= 2 * _MIN_PAUSE_S])
    if len(pause_ends) < _MIN_PAUSES:
        return 0.0
    errors = pause_ends - starts[_find_nearest_indices(starts, pause_ends)]
    near = errors[np.abs(errors) <= _MAX_DISTANCE_S]
    return float(np.clip(np.median(near), -_MAX_OFFSET_S, _MAX_OFFSET_S)) if len(near) >= _MIN_PAUSES else 0.0


def _find_nearest_indices(times: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the indices of the entries of `times` (ascending) that are nearest to each of `targets`."""
    after = np.clip(np.searchsorted(times, targets), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(targets - times[before] < times[after] - targets, before, after)


def _measure_level(reader: AudioReader, start_s: float, end_s: float) -> np.ndarray:
    """Return the level of each 10 ms in dB: float32, shape (frames,)."""
    size = round(FRAME_S * SAMPLE_RATE)
    levels = [np.zeros(0, np.float32)]
    for block in reader.blocks(_BLOCK_S, start_s, end_s):
        frames = np.pad(block, (0, -len(block) % size)).reshape(-1, size)
        levels.append((10 * np.log10(np.square(frames).mean(axis=1) + 1e-9)).astype(np.float32))
    return np.concatenate(levels)


def _find_pauses(level: np.ndarray, start_s: float) -> list[tuple[float, float]]:
    """Return the intervals of at least `_MIN_PAUSE_S` that are quiet compared with the seconds around them."""
    if not len(level):
        return []
    size = round(_LEVEL_WINDOW_S / FRAME_S)
    windows = np.pad(level, (0, -len(level) % size), mode="edge").reshape(-1, size)
    quiet_level, loud_level = np.percentile(windows, 10, axis=1), np.percentile(windows, 95, axis=1)
    window_centres = (np.arange(len(windows)) + 0.5) * size
    frames = np.arange(len(level))
    low, high = np.interp(frames, window_centres, quiet_level), np.interp(frames, window_centres, loud_level)
    is_quiet = np.concatenate([[False], level < low + _PAUSE_LEVEL_RATIO * (high - low), [False]])
    changes = np.flatnonzero(is_quiet[1:] != is_quiet[:-1])
    runs = zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)
    return [(start_s + a * FRAME_S, start_s + b * FRAME_S) for a, b in runs if (b - a) * FRAME_S >= _MIN_PAUSE_S]
