"""Pause removal: computes the spans of a clip that remain when silences and filler words are cut.

Works on words and voice activity. It never reads audio.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from carmic_assets.model.edit import Span
from carmic_assets.model.media import FrameRate
from carmic_assets.model.speech import Word

MAX_PAUSE_S = 0.6  # a longer pause is cut; a comma is 0.2-0.4 s in read speech
WORD_LEAD_S = 0.12  # kept before a word: consonants begin before the recognised start
WORD_TAIL_S = 0.2  # kept after a word: voice and reverberation decay
MIN_KEPT_S = 0.2

# Fillers in any language, and fillers that are a word in another language ("um" in German and Portuguese, "er" in
# German).
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

    A time is silent where there is no word and, by `speech` (voice activity), no voice. The clip's beginning and end
    are cut like any pause. A clip without words is kept completely. Cutting a filler never cuts a word: where the two
    overlap, as a word and its correction do, the word is kept.
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
        if stop - first >= MIN_KEPT_S * fps or (stop > first and _overlaps_any(spoken, start, end)):
            kept_spans.append(Span(first / fps, stop / fps))
    return tuple(kept_spans) or full_clip


def is_filler(word: Word, language: str | None = None) -> bool:
    """Whether a word is a filler ("uhm", "äh", "euh"); punctuation around it is ignored."""
    bare = word.text.strip(" .,!?…-–—\"'").lower()
    return bare in COMMON_FILLERS or bare in FILLERS_BY_LANGUAGE.get(language or "", ())


def _merge_intervals(intervals: Iterable[Interval], max_gap_s: float) -> list[Interval]:
    """Return the intervals in order, those with gaps of up to `max_gap_s` between them merged."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if result and start - result[-1][1] <= max_gap_s:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def _subtract_intervals(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """Return the parts of `intervals` outside `holes`; both come from `_merge_intervals`."""
    remaining: list[Interval] = []
    for start, end in intervals:
        i = bisect_left(holes, start, key=lambda hole: hole[1])
        while i < len(holes) and holes[i][0] < end:
            if holes[i][0] > start:
                remaining.append((start, holes[i][0]))
            start = holes[i][1]
            i += 1
        if end > start:
            remaining.append((start, end))
    return remaining


def _overlaps_any(intervals: Sequence[Interval], start: float, end: float) -> bool:
    """Whether one of `intervals` (from `_merge_intervals`) overlaps `start`..`end`."""
    i = bisect_left(intervals, end, key=lambda interval: interval[0])
    return i > 0 and intervals[i - 1][1] > start
