"""Computes the spans of a clip that remain when its pauses and filler words are cut.

The input is the transcript's words and voice activity; no audio is read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from carmic_assets.model.edit import Span
from carmic_assets.model.media import FrameRate
from carmic_assets.model.speech import Word

MAX_PAUSE_S = 0.6  # longer pauses are cut; the pause at a comma is 0.2-0.4 s in read speech
WORD_LEAD_S = 0.12  # kept before a word: initial consonants begin before the recognised start
WORD_TAIL_S = 0.2  # kept after a word, for the decay of voice and reverberation
MIN_KEPT_SPAN_S = 0.2  # shorter spans without a word are cut too

# Common fillers are not words in any language. Fillers by language are words in other languages: "um" in German and
# Portuguese, "er" in German.
COMMON_FILLERS = frozenset(
    {"uh", "uhh", "uhm", "umm", "hm", "hmm", "mm", "mmm", "ähm", "öhm", "öh", "euh", "ehm", "øh"}
)
FILLERS_BY_LANGUAGE = {
    "en": frozenset({"um", "er", "erm", "eh", "ah"}),
    "de": frozenset({"äh"}),
    "sv": frozenset({"eh", "öö"}),
    "fr": frozenset({"heu", "bah"}),
    "es": frozenset({"eh", "em"}),
    "it": frozenset({"eh"}),
}

Interval = tuple[float, float]  # start and end in seconds


def remove_pauses(
    words: Sequence[Word],
    duration_s: float,
    rate: FrameRate,
    speech: Sequence[Interval] = (),
    language: str | None = None,
) -> tuple[Span, ...]:
    """Return the kept spans of a clip of `duration_s` (clip clock): in order, on the frame grid, at least one.

    A pause has neither a word nor voice activity (`speech`). Pauses at the clip's start and end are cut too. A clip
    without words is kept completely. Where a filler and a word overlap, as after a correction, the word is kept
    completely.
    """
    spoken = _merge_intervals(((w.start_s, w.end_s) for w in words if not is_filler(w, language)), 0.0)
    full_clip = (Span(0.0, duration_s),)
    if not spoken:
        return full_clip
    fillers = _subtract_intervals(
        _merge_intervals(((w.start_s, w.end_s) for w in words if is_filler(w, language)), 0.0), spoken
    )
    voiced = _merge_intervals([*spoken, *speech], MAX_PAUSE_S)
    padded = _merge_intervals(((start - WORD_LEAD_S, end + WORD_TAIL_S) for start, end in voiced), 0.0)
    fps = rate.num / rate.den
    last_frame = round(duration_s * fps)
    kept_spans = []
    for start, end in _subtract_intervals(padded, fillers):
        first, stop = max(0, round(start * fps)), min(last_frame, round(end * fps))
        if stop - first >= MIN_KEPT_SPAN_S * fps or (stop > first and _overlaps_any(spoken, start, end)):
            kept_spans.append(Span(first / fps, stop / fps))
    return tuple(kept_spans) or full_clip


def is_filler(word: Word, language: str | None = None) -> bool:
    """Return whether a word is a filler ("uhm", "äh", "euh"). Punctuation around it is ignored."""
    text = word.text.strip(" .,!?…-–—\"'").lower()
    return text in COMMON_FILLERS or text in FILLERS_BY_LANGUAGE.get(language or "", ())


def _merge_intervals(intervals: Iterable[Interval], max_gap_s: float) -> list[Interval]:
    """Return the intervals in order, merged where the gap between two is at most `max_gap_s`."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if result and start - result[-1][1] <= max_gap_s:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def _subtract_intervals(intervals: Sequence[Interval], removed: Sequence[Interval]) -> list[Interval]:
    """Return the parts of `intervals` outside `removed`. Both arguments come from `_merge_intervals`."""
    remaining: list[Interval] = []
    for start, end in intervals:
        i = bisect_left(removed, start, key=lambda interval: interval[1])
        while i < len(removed) and removed[i][0] < end:
            if removed[i][0] > start:
                remaining.append((start, removed[i][0]))
            start = removed[i][1]
            i += 1
        if end > start:
            remaining.append((start, end))
    return remaining


def _overlaps_any(intervals: Sequence[Interval], start: float, end: float) -> bool:
    """Return whether one of `intervals` (from `_merge_intervals`) overlaps `start`..`end`."""
    i = bisect_left(intervals, end, key=lambda interval: interval[0])
    return i > 0 and intervals[i - 1][1] > start
