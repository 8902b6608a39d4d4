"""Which stretches of a clip are kept when pauses are removed: silences between words and filler words go.

Knows words, voices and times only; it never looks at sound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from carmic_assets.model.edit import Span
from carmic_assets.model.media import Rate
from carmic_assets.model.speech import Word

LONGEST_PAUSE_S = 0.6  # a longer one is cut; a comma is 0.2-0.4 s in read speech
LEAD_S = 0.12  # left before a word: consonants begin before the recognizer says so
TAIL_S = 0.2  # left after a word: voices and rooms ring out
SHORTEST_KEEP_S = 0.2

# Sounds that are a word in no language, and those that are none in the language they stand under ("um" is one in
# German and Portuguese, "er" in German).
FILLERS = frozenset({"uh", "uhh", "uhm", "umm", "hm", "hmm", "mm", "mmm", "ähm", "öhm", "öh", "euh", "ehm", "øh"})
FILLERS_IN = {
    "en": frozenset({"um", "er", "erm", "eh", "ah"}),
    "de": frozenset({"äh"}),
    "sv": frozenset({"eh", "öö"}),
    "fr": frozenset({"heu", "bah"}),
    "es": frozenset({"eh", "em"}),
    "it": frozenset({"eh"}),
}

Stretch = tuple[float, float]


def kept_spans(
    words: Sequence[Word],
    duration_s: float,
    rate: Rate,
    speech: Sequence[Stretch] = (),
    language: str | None = None,
) -> tuple[Span, ...]:
    """What is left of `duration_s` (clip clock), on the frame grid of `rate`, in order, never empty.

    A stretch is silent where there is neither a word nor, by `speech`, a voice. The lead-in and the end of the clip are
    cut like any pause. Without words everything is kept: then nothing is known of pauses. No filler takes a part of a
    word with it: where both stand at one time, as a word and its correction do, the word counts.
    """
    said = _joined(((w.start_s, w.end_s) for w in words if not is_filler(w, language)), 0.0)
    whole = (Span(0.0, duration_s),)
    if not said:
        return whole
    fillers = _without(_joined(((w.start_s, w.end_s) for w in words if is_filler(w, language)), 0.0), said)
    voiced = _joined([*said, *speech], LONGEST_PAUSE_S)
    wide = _joined(((a - LEAD_S, b + TAIL_S) for a, b in voiced), 0.0)
    grid = rate.num / rate.den
    last = round(duration_s * grid)
    kept = []
    for start, end in _without(wide, fillers):
        a, b = max(0, round(start * grid)), min(last, round(end * grid))
        if b - a >= SHORTEST_KEEP_S * grid or (b > a and _meets(said, start, end)):
            kept.append(Span(a / grid, b / grid))
    return tuple(kept) or whole


def is_filler(word: Word, language: str | None = None) -> bool:
    """Whether a word says nothing: "uhm", "äh", "euh" and the like, with whatever punctuation it carries."""
    bare = word.text.strip(" .,!?…-–—\"'").lower()
    return bare in FILLERS or bare in FILLERS_IN.get(language or "", ())


def _joined(stretches: Iterable[Stretch], gap_s: float) -> list[Stretch]:
    """In order, with gaps of up to `gap_s` closed."""
    result: list[Stretch] = []
    for start, end in sorted(stretches):
        if result and start - result[-1][1] <= gap_s:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def _without(stretches: Sequence[Stretch], holes: Sequence[Stretch]) -> list[Stretch]:
    """What is left of `stretches` outside `holes`, both of `_joined`."""
    left: list[Stretch] = []
    for start, end in stretches:
        at = bisect_left(holes, start, key=lambda hole: hole[1])
        while at < len(holes) and holes[at][0] < end:
            if holes[at][0] > start:
                left.append((start, holes[at][0]))
            start = holes[at][1]
            at += 1
        if end > start:
            left.append((start, end))
    return left


def _meets(stretches: Sequence[Stretch], start: float, end: float) -> bool:
    """Whether one of `stretches` (of `_joined`) has a part between `start` and `end`."""
    at = bisect_left(stretches, end, key=lambda stretch: stretch[0])
    return at > 0 and stretches[at - 1][1] > start
