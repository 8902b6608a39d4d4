"""Which words share a screen and where its lines break. Knows widths, not what they are widths of: ems of a font for
captions, columns for subtitle files.

Breaks fall where a reader would pause: at sentence ends, pauses and changes of speaker always, after commas by
preference, never after a little word that belongs to the next if it can be helped. Both breakers minimise badness over
the whole phrase by dynamic programming, as Knuth and Plass do (Breaking Paragraphs into Lines, 1981).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.shaping import Measure
from carmic_assets.captions.tokens import ends_clause, ends_sentence, leans_forward
from carmic_assets.captions.word_timing import Token

PAUSE_S = 0.6  # a silence that ends a caption
BRIDGE_S = 0.5  # a gap between captions shorter than this is held over: no flicker
HOLD_S = 0.35  # how long a caption stays after its last word
LEAST_S = 0.7  # a caption is shown at least this long where the next one allows


class Unit(msgspec.Struct):
    """Tokens that stay on one line, with what they are set as (`measures` is None for an emoji, and in files)."""

    tokens: list[Token]
    texts: list[str]
    measures: list[Measure | None]
    width: float
    top: float = 0.0
    bottom: float = 0.0
    weight: float = 1.0  # in words; a letter of an unspaced script counts less
    space: float = 0.0  # before it, unless it begins a line


class Limits(msgspec.Struct, frozen=True):
    """What a screen may hold; `room` in the unit of the widths."""

    room: float
    lines: int
    words_per_line: float
    words: float
    span_s: float = 6.0


def phrases(tokens: Sequence[Token]) -> list[list[Token]]:
    """Stretches that no caption crosses: sentences, and what pauses and changes of speaker part."""
    found: list[list[Token]] = []
    for token in tokens:
        last = found[-1][-1] if found else None
        if last is None or (
            not token.glued
            and (
                token.start_s - last.end_s >= PAUSE_S
                or (token.first and token.speaker != last.speaker)
                or (token.first and ends_sentence(last.text))
            )
        ):
            found.append([token])
        else:
            found[-1].append(token)
    return found


def screens(units: Sequence[Unit], limits: Limits) -> list[list[Unit]]:
    """Split a phrase into screens. A unit that is wider than `room` has a line of its own."""
    count = len(units)
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * count
    for start in range(count):
        base, held = best[start][0], 0.0
        lines = _Filler(limits)
        for end in range(start + 1, count + 1):
            unit = units[end - 1]
            held += unit.weight
            lines.add(unit)
            span = unit.tokens[-1].end_s - units[start].tokens[0].start_s
            full = held > limits.words + 1e-6 or span > limits.span_s or lines.count > limits.lines
            if end - start > 1 and full:
                break
            cost = base + _screen_cost(units, start, end, held, limits)
            if cost < best[end][0]:
                best[end] = (cost, start)
    groups: list[list[Unit]] = []
    end = count
    while end > 0:
        start = best[end][1]
        groups.append(list(units[start:end]))
        end = start
    return groups[::-1]


def line_count(units: Sequence[Unit], limits: Limits) -> int:
    """The least number of lines that hold the units."""
    lines = _Filler(limits)
    for unit in units:
        lines.add(unit)
    return lines.count


def break_lines(units: Sequence[Unit], limits: Limits) -> list[list[Unit]]:
    """The units on as few lines as hold them, as even as can be."""
    count, size = line_count(units, limits), len(units)
    if count <= 1:
        return [list(units)]
    target = (sum(u.width + u.space for u in units) - units[0].space) / count
    best = [[(float("inf"), 0)] * (size + 1) for _ in range(count + 1)]
    best[0][0] = (0.0, 0)
    for line in range(1, count + 1):
        for end in range(line, size + 1):
            width = held = 0.0
            for start in range(end - 1, line - 2, -1):
                width += units[start].width + (units[start + 1].space if start + 1 < end else 0.0)
                held += units[start].weight
                if end - start > 1 and (width > limits.room or held > limits.words_per_line + 1e-6):
                    break
                cost = best[line - 1][start][0] + ((width - target) / target) ** 2
                if end < size:
                    cost += _line_end_cost(units[end - 1].texts[-1], units[end])
                elif end - start == 1 and line > 1:
                    cost += 0.1  # a word left alone at the end
                if cost < best[line][end][0]:
                    best[line][end] = (cost, start)
    lines: list[list[Unit]] = []
    end = size
    for line in range(count, 0, -1):
        start = best[line][end][1]
        lines.append(list(units[start:end]))
        end = start
    return lines[::-1]


def shown(groups: Sequence[Sequence[Unit]], duration_s: float) -> list[tuple[float, float]]:
    """From when to when each group is on the screen: held a little, never into the next, never past the end."""
    times: list[tuple[float, float]] = []
    for number, group in enumerate(groups):
        start, last = group[0].tokens[0].start_s, group[-1].tokens[-1].end_s
        following = groups[number + 1][0].tokens[0].start_s if number + 1 < len(groups) else duration_s
        end = max(last + HOLD_S, start + LEAST_S)
        if end > following or following - last < BRIDGE_S:
            end = following
        times.append((min(start, duration_s), min(end, duration_s)))
    return times


class _Filler:
    """Fills lines greedily, one unit at a time, which needs the fewest."""

    def __init__(self, limits: Limits):
        self._limits, self.count, self._width, self._held = limits, 0, 0.0, 0.0

    def add(self, unit: Unit) -> None:
        wider = self._width + unit.space + unit.width
        held = self._held + unit.weight
        if self.count and wider <= self._limits.room and held <= self._limits.words_per_line + 1e-6:
            self._width, self._held = wider, held
        else:
            self.count, self._width, self._held = self.count + 1, unit.width, unit.weight


def _line_end_cost(text: str, following: Unit) -> float:
    if ends_clause(text):
        return -0.12
    if not following.tokens[0].first:
        return 0.45  # inside a word of a script without spaces
    if leans_forward(text):
        return 0.25
    return -0.12 if leans_forward(following.texts[0]) else 0.0


def _screen_cost(units: Sequence[Unit], start: int, end: int, held: float, limits: Limits) -> float:
    """What is bad about a screen with these units: each costs one; emptiness, haste and a clumsy end cost more."""
    cost = 1.0 + (1 - held / limits.words) ** 2
    last = units[end - 1]
    if end < len(units):
        gap = units[end].tokens[0].start_s - last.tokens[-1].end_s
        cost -= min(0.5, max(0.0, gap) * 1.5)
        if ends_clause(last.texts[-1]):
            cost -= 0.6
        elif leans_forward(last.texts[-1]) or not units[end].tokens[0].first:
            cost += 0.7
    span = last.tokens[-1].end_s - units[start].tokens[0].start_s
    if span < LEAST_S and len(units) > end - start:
        cost += 0.8 * (1 - span / LEAST_S)
    if end - start == 1 and len(units) > 1 and limits.words > 2:
        cost += 0.5
    return cost
