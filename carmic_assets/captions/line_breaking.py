"""Breaks phrases into screens and lines, and times the screens (fourth step of the caption pipeline).

A screen is the text that is shown at one time. Widths may have any unit: ems of a font for captions, columns for
subtitle files. A screen never extends over two phrases. Inside a phrase, breaks after commas are preferred, and breaks
after function words are avoided. Screens and lines are chosen by dynamic programming over the phrase, which minimises
the sum of a badness per break (Knuth and Plass, Breaking Paragraphs into Lines, 1981).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.shaping import TextMetrics
from carmic_assets.captions.unicode_text import binds_to_next, ends_clause
from carmic_assets.captions.word_timing import Token

# A screen stays visible over a shorter gap to the next one, to avoid flicker (design rule: shorter than
# phrases.PAUSE_S)
MAX_BRIDGED_GAP_S = 0.5
HOLD_S = 0.35  # a screen stays visible this long after its last word, unless the next one begins (design rule)
# A screen is visible at least this long, unless the next one begins: near the 5/6 s minimum of subtitling guides
MIN_SCREEN_S = 0.7

_EPSILON_WORDS = 1e-6  # tolerance for rounding errors of summed fractions of words


class LineItem(msgspec.Struct):
    """Tokens that stay on one line, with the text that is drawn for each, and their size: a box in Knuth and Plass.

    Heights are in ems above (`top`) and below (`bottom`) the baseline.
    """

    tokens: list[Token]
    texts: list[str]
    metrics: list[TextMetrics | None]  # None for an emoji, and in subtitle files
    width: float
    top: float = 0.0
    bottom: float = 0.0
    word_count: float = 1.0  # less than one for a character of a script without spaces
    space_before: float = 0.0  # dropped at the start of a line


class LineLimits(msgspec.Struct, frozen=True):
    """Limits of a screen; `max_width` is in the unit of the items' widths."""

    max_width: float
    max_lines: int
    max_words_per_line: float
    max_words: float
    max_duration_s: float = 6.0


class Screen(msgspec.Struct, frozen=True):
    """The lines that are shown from `start_s` to `end_s` of the output clock."""

    start_s: float
    end_s: float
    lines: list[list[LineItem]]


def break_screens(phrases: Sequence[Sequence[LineItem]], limits: LineLimits, duration_s: float) -> list[Screen]:
    """Return the screens of the phrases, in order and without overlap.

    An item wider than `limits.max_width` gets a line of its own. `duration_s` is the end of the output clock. A screen
    whose words have no duration may have none either.
    """
    groups = [group for phrase in phrases for group in _group_items(phrase, limits)]
    times = _schedule_screens(groups, duration_s)
    return [
        Screen(start_s, end_s, break_lines(group, limits))
        for group, (start_s, end_s) in zip(groups, times, strict=True)
    ]


def count_lines(items: Sequence[LineItem], limits: LineLimits) -> int:
    """Return the smallest number of lines that hold the items."""
    filler = _GreedyFiller(limits)
    for item in items:
        filler.add(item)
    return filler.line_count


def break_lines(items: Sequence[LineItem], limits: LineLimits) -> list[list[LineItem]]:
    """Return the items on the smallest possible number of lines, with widths as equal as possible."""
    line_count, size = count_lines(items, limits), len(items)
    if line_count <= 1:
        return [list(items)]
    target_width = (sum(item.width + item.space_before for item in items) - items[0].space_before) / line_count
    # best[line][end]: the least badness of `line` lines with items[:end], and the start of the last line.
    best = [[(float("inf"), 0)] * (size + 1) for _ in range(line_count + 1)]
    best[0][0] = (0.0, 0)
    for line in range(1, line_count + 1):
        for end in range(line, size + 1):
            width = words = 0.0
            for start in range(end - 1, line - 2, -1):
                width += items[start].width + (items[start + 1].space_before if start + 1 < end else 0.0)
                words += items[start].word_count
                overfull = width > limits.max_width or words > limits.max_words_per_line + _EPSILON_WORDS
                if end - start > 1 and overfull:
                    break
                badness = best[line - 1][start][0] + ((width - target_width) / target_width) ** 2
                if end < size:
                    badness += _compute_line_end_badness(items[end - 1].texts[-1], items[end])
                elif end - start == 1 and line > 1:
                    badness += 0.1  # a single word on the last line
                if badness < best[line][end][0]:
                    best[line][end] = (badness, start)
    lines: list[list[LineItem]] = []
    end = size
    for line in range(line_count, 0, -1):
        start = best[line][end][1]
        lines.append(list(items[start:end]))
        end = start
    return lines[::-1]


class _GreedyFiller:
    """Counts lines by filling each as far as possible, which gives the smallest number."""

    def __init__(self, limits: LineLimits) -> None:
        self._limits = limits
        self.line_count = 0
        self._width = 0.0
        self._words = 0.0

    def add(self, item: LineItem) -> None:
        width = self._width + item.space_before + item.width
        words = self._words + item.word_count
        fits = width <= self._limits.max_width and words <= self._limits.max_words_per_line + _EPSILON_WORDS
        if self.line_count and fits:
            self._width, self._words = width, words
        else:
            self.line_count, self._width, self._words = self.line_count + 1, item.width, item.word_count


def _group_items(items: Sequence[LineItem], limits: LineLimits) -> list[list[LineItem]]:
    """Return the items of each screen of a phrase."""
    count = len(items)
    # best[end]: the least badness of screens with items[:end], and the start of the last screen.
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * count
    for start in range(count):
        words = 0.0
        filler = _GreedyFiller(limits)
        for end in range(start + 1, count + 1):
            item = items[end - 1]
            words += item.word_count
            filler.add(item)
            duration_s = item.tokens[-1].end_s - items[start].tokens[0].start_s
            overfull = (
                words > limits.max_words + _EPSILON_WORDS
                or duration_s > limits.max_duration_s
                or filler.line_count > limits.max_lines
            )
            if end - start > 1 and overfull:
                break
            badness = best[start][0] + _compute_screen_badness(items, start, end, words, limits)
            if badness < best[end][0]:
                best[end] = (badness, start)
    groups: list[list[LineItem]] = []
    end = count
    while end > 0:
        start = best[end][1]
        groups.append(list(items[start:end]))
        end = start
    return groups[::-1]


def _schedule_screens(groups: Sequence[Sequence[LineItem]], duration_s: float) -> list[tuple[float, float]]:
    """Return start and end of each screen. It is held after its last word, up to the next screen or the end."""
    times: list[tuple[float, float]] = []
    for number, group in enumerate(groups):
        start_s, last_word_end_s = group[0].tokens[0].start_s, group[-1].tokens[-1].end_s
        next_start_s = groups[number + 1][0].tokens[0].start_s if number + 1 < len(groups) else duration_s
        end_s = max(last_word_end_s + HOLD_S, start_s + MIN_SCREEN_S)
        if end_s > next_start_s or next_start_s - last_word_end_s < MAX_BRIDGED_GAP_S:
            end_s = next_start_s
        times.append((min(start_s, duration_s), min(end_s, duration_s)))
    return times


def _compute_line_end_badness(text: str, next_item: LineItem) -> float:
    """Return the badness of ending a line after `text`, in units in which two unequal lines differ by 0 to 1.

    The values are design rules without a published source: a line best ends at a clause end and never before the word
    that a function word belongs to.
    """
    if ends_clause(text):
        return -0.12
    if not next_item.tokens[0].starts_word:
        return 0.45  # inside a word of a script without spaces
    if binds_to_next(text):
        return 0.25
    return -0.12 if binds_to_next(next_item.texts[0]) else 0.0


def _compute_screen_badness(items: Sequence[LineItem], start: int, end: int, words: float, limits: LineLimits) -> float:
    """Return the badness of a screen: 1, plus more if it is nearly empty, brief or ends badly, less at a pause.

    The unit is one additional screen. The values are design rules without a published source: a
    clause end or a long pause justifies an early break; ending at a function word costs most.
    """
    badness = 1.0 + (1 - words / limits.max_words) ** 2
    last = items[end - 1]
    if end < len(items):
        gap_s = items[end].tokens[0].start_s - last.tokens[-1].end_s
        badness -= min(0.5, max(0.0, gap_s) * 1.5)
        if ends_clause(last.texts[-1]):
            badness -= 0.6
        elif binds_to_next(last.texts[-1]) or not items[end].tokens[0].starts_word:
            badness += 0.7
    duration_s = last.tokens[-1].end_s - items[start].tokens[0].start_s
    if duration_s < MIN_SCREEN_S and len(items) > end - start:
        badness += 0.8 * (1 - duration_s / MIN_SCREEN_S)
    if end - start == 1 and len(items) > 1 and limits.max_words > 2:
        badness += 0.5
    return badness
