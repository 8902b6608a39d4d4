"""Packs speech into windows for Whisper, and maps times in a window back to the source clock.

Longer silences are omitted: Whisper hallucinates words in them, and a silent window costs as much to decode as a full
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from carmic_assets.model.speech import Word
from carmic_assets.speech.voice_activity import Intervals

MAX_WINDOW_S = 29.0  # Whisper's own window is 30 s
_PAD_S = 0.25  # seconds added before and after speech: voice activity detection starts late on soft consonants
_BRIDGED_GAP_S = 0.8  # a shorter gap between two speech intervals stays in the window
_MIN_UNTRANSCRIBED_S = 0.8  # shorter speech without a word is not decoded again
_WORD_MARGIN_S = 0.3  # speech this close to a word counts as transcribed
_WINDOW_BREAK_S = 3.0  # a longer pause ends a window that is more than half full


class AudioInterval(msgspec.Struct, frozen=True):
    """A time range of the source that a window contains."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length of the interval."""
        return self.end_s - self.start_s


class AsrWindow(msgspec.Struct, frozen=True):
    """Intervals in order, whose samples are joined and transcribed as one recording of at most `MAX_WINDOW_S`."""

    intervals: tuple[AudioInterval, ...]

    @property
    def duration_s(self) -> float:
        """Length of all intervals together."""
        return sum(interval.duration_s for interval in self.intervals)

    def to_source_clock(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Map a time range from the window's clock to the source clock.

        The result is clamped to the interval that holds the middle of the range.
        """
        middle_s = (start_s + end_s) / 2
        for index, interval in enumerate(self.intervals):
            if middle_s < interval.duration_s or index == len(self.intervals) - 1:
                first_s, last_s = (
                    min(max(interval.start_s + t, interval.start_s), interval.end_s) for t in (start_s, end_s)
                )
                return first_s, last_s
            start_s, end_s = start_s - interval.duration_s, end_s - interval.duration_s
            middle_s -= interval.duration_s
        raise ValueError("A window has at least one interval.")


def pack_windows(
    speech: Intervals, start_s: float, end_s: float, *, max_window_s: float = MAX_WINDOW_S
) -> tuple[AsrWindow, ...]:
    """Return windows that together contain all `speech` in `start_s`..`end_s`, split at pauses where possible."""
    windows: list[list[AudioInterval]] = []
    window_s = 0.0
    for interval in _split_intervals(_pad_speech(speech, start_s, end_s), speech, max_window_s):
        pause_s = interval.start_s - windows[-1][-1].end_s if windows else 0.0
        is_full = window_s + interval.duration_s > max_window_s
        if not windows or is_full or (window_s > max_window_s / 2 and pause_s > _WINDOW_BREAK_S):
            windows.append([])
            window_s = 0.0
        windows[-1].append(interval)
        window_s += interval.duration_s
    return tuple(AsrWindow(tuple(intervals)) for intervals in windows)


def find_untranscribed_speech(speech: Intervals, windows: Sequence[AsrWindow], words: Sequence[Word]) -> Intervals:
    """Return the parts of `speech` inside the windows that are at least `_MIN_UNTRANSCRIBED_S` long and have no word.

    `words` must be in time order.
    """
    parts: list[tuple[float, float]] = []
    for interval in (interval for window in windows for interval in window.intervals):
        near = [word for word in words if word.start_s < interval.end_s and word.end_s > interval.start_s]
        for speech_start_s, speech_end_s in speech:
            from_s, end_s = max(speech_start_s, interval.start_s), min(speech_end_s, interval.end_s)
            for word in near:
                until_s = word.start_s - _WORD_MARGIN_S
                if until_s - from_s >= _MIN_UNTRANSCRIBED_S and until_s <= end_s:
                    parts.append((from_s, until_s))
                from_s = max(from_s, word.end_s + _WORD_MARGIN_S)
            if end_s - from_s >= _MIN_UNTRANSCRIBED_S:
                parts.append((from_s, end_s))
    return tuple(parts)


def _pad_speech(speech: Intervals, start_s: float, end_s: float) -> list[AudioInterval]:
    """Return the speech with `_PAD_S` around it, joined over short gaps and clamped to `start_s`..`end_s`."""
    padded: list[AudioInterval] = []
    for speech_start_s, speech_end_s in speech:
        first_s, last_s = max(speech_start_s - _PAD_S, start_s), min(speech_end_s + _PAD_S, end_s)
        if padded and first_s - padded[-1].end_s < _BRIDGED_GAP_S - 2 * _PAD_S:
            padded[-1] = AudioInterval(padded[-1].start_s, last_s)
        elif last_s > first_s:
            padded.append(AudioInterval(first_s, last_s))
    return padded


def _split_intervals(
    intervals: Iterable[AudioInterval], speech: Intervals, max_window_s: float
) -> Iterable[AudioInterval]:
    """Yield the intervals; one longer than a window is split at its longest pauses, or else after `max_window_s`."""
    for interval in intervals:
        rest = interval
        while rest.duration_s > max_window_s:
            earliest_s, latest_s = rest.start_s + max_window_s / 3, rest.start_s + max_window_s
            pauses = [
                (after - before, (before + after) / 2)
                for (_, before), (after, _) in pairwise(speech)
                if earliest_s <= (before + after) / 2 <= latest_s
            ]
            split_s = max(pauses)[1] if pauses else latest_s
            yield AudioInterval(rest.start_s, split_s)
            rest = AudioInterval(split_s, rest.end_s)
        yield rest
