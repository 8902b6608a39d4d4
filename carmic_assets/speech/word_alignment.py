"""Word times set right against the sound: words end and begin where a pause does, and a model's constant lead or lag
is taken out of the rest.

Whisper's cross-attention times are off by a constant of its own (measured: base 50 ms early, tiny.en 90 ms late) and
stretch words into pauses; the level of the sound knows better where a pause is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from carmic_assets.model.speech import Word
from carmic_assets.speech.audio_reader import RATE, Sound

if TYPE_CHECKING:
    import numpy as np

FRAME_S = 0.01
_BLOCK_S = 60.0
_AROUND_S = 6.0  # stretch whose quiet and loud levels decide what a pause is
_DEPTH = 0.3  # a pause is below this share of the way from the quiet to the loud level, in dB
_PAUSE_S = 0.12
_REACH_S = 0.35  # a word edge further from a pause than this is not at it
_MOST_SHIFT_S = 0.2
_LEAST_PAUSES = 6  # to learn the model's constant from


def aligned(words: Sequence[Word], sound: Sound, start_s: float, end_s: float) -> list[Word]:
    """The words (in order) of `start_s`..`end_s` with their edges moved; none dropped, none reordered."""
    import numpy as np

    if not words:
        return []
    pauses = _pauses(_level(sound, start_s, end_s), start_s)
    ends = np.array([word.end_s for word in words])
    starts = np.array([word.start_s for word in words])
    shift = _shift(starts, pauses)
    starts, ends = starts + shift, ends + shift
    for before, after in pauses:
        # the gap between two words that lies nearest to the pause: its word ends there and the next begins after it
        gap = int(np.searchsorted((ends[:-1] + starts[1:]) / 2, (before + after) / 2))
        near = [i for i in (gap - 1, gap) if 0 <= i < len(words) - 1]
        near += [-1] if after <= starts[0] + _REACH_S else []
        near += [len(words) - 1] if before >= ends[-1] - _REACH_S else []
        best = min(near, key=lambda i: _away(i, starts, ends, before, after), default=None)
        if best is None or _away(best, starts, ends, before, after) > _REACH_S:
            continue
        if best >= 0 and abs(ends[best] - before) <= _REACH_S + (after - before):
            ends[best] = max(before, starts[best])
        if best + 1 < len(words) and abs(starts[best + 1] - after) <= _REACH_S + (after - before):
            starts[best + 1] = min(after, ends[best + 1])
    return [
        Word(word.text, float(a), float(b), word.confidence) for word, a, b in zip(words, starts, ends, strict=True)
    ]


def _away(gap: int, starts: np.ndarray, ends: np.ndarray, before: float, after: float) -> float:
    """How far the edges of the gap after word `gap` are outside the pause, seconds: 0 where both touch or lie in it."""
    left = abs(ends[gap] - before) if gap >= 0 and not before <= ends[gap] <= after else 0.0
    right = abs(starts[gap + 1] - after) if gap + 1 < len(starts) and not before <= starts[gap + 1] <= after else 0.0
    return float(max(left, right))


def _shift(starts: np.ndarray, pauses: Sequence[tuple[float, float]]) -> float:
    """What to add to all times so that words after a pause begin where it ends, in the median."""
    import numpy as np

    long = np.array([after for before, after in pauses if after - before >= 2 * _PAUSE_S])
    if len(long) < _LEAST_PAUSES:
        return 0.0
    missed = long - starts[_nearest(starts, long)]
    near = missed[np.abs(missed) <= _REACH_S]
    return float(np.clip(np.median(near), -_MOST_SHIFT_S, _MOST_SHIFT_S)) if len(near) >= _LEAST_PAUSES else 0.0


def _nearest(times: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Indices of the entries of `times` (ascending) that are nearest to each of `asked`."""
    import numpy as np

    after = np.clip(np.searchsorted(times, asked), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(asked - times[before] < times[after] - asked, before, after)


def _level(sound: Sound, start_s: float, end_s: float) -> np.ndarray:
    """Level in dB of each 10 ms, read block by block: float32, shape (frames,)."""
    import numpy as np

    size = round(FRAME_S * RATE)
    parts = [np.zeros(0, np.float32)]
    for block in sound.blocks(_BLOCK_S, start_s, end_s):
        frames = np.pad(block, (0, -len(block) % size)).reshape(-1, size)
        parts.append((10 * np.log10(np.square(frames).mean(axis=1) + 1e-9)).astype(np.float32))
    return np.concatenate(parts)


def _pauses(level: np.ndarray, start_s: float) -> list[tuple[float, float]]:
    """Stretches of at least `_PAUSE_S` that are quiet for what is around them."""
    import numpy as np

    if not len(level):
        return []
    step = round(_AROUND_S / FRAME_S)
    tiles = np.pad(level, (0, -len(level) % step), mode="edge").reshape(-1, step)
    low, high = np.percentile(tiles, 10, axis=1), np.percentile(tiles, 95, axis=1)
    middles = (np.arange(len(tiles)) + 0.5) * step
    at = np.arange(len(level))
    low, high = np.interp(at, middles, low), np.interp(at, middles, high)
    quiet = np.concatenate([[False], level < low + _DEPTH * (high - low), [False]])
    changes = np.flatnonzero(quiet[1:] != quiet[:-1])
    runs = zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)
    return [(start_s + a * FRAME_S, start_s + b * FRAME_S) for a, b in runs if (b - a) * FRAME_S >= _PAUSE_S]
