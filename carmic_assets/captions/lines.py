"""Captions out of tokens: which words share a screen, for how long, on which lines, and exactly where on the canvas.

Measures with the faces that libass draws with. What does not fit is broken or made smaller, never cut off. Breaks fall
where a reader would pause: at sentence ends, pauses and changes of speaker always, after commas by preference, and not
after a little word that belongs to the next. The line breaker minimises raggedness over the whole caption, as Knuth and
Plass do for paragraphs (Breaking Paragraphs into Lines, 1981), on a handful of words.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.captions.presets import Style
from carmic_assets.captions.safe import SafeZone, text_zone
from carmic_assets.captions.shaping import Measure, Setter
from carmic_assets.captions.text import direction, ends_clause, ends_sentence, graphemes, in_case, leans_forward, spaced
from carmic_assets.captions.timing import Token

PAUSE_S = 0.6  # a silence that ends a caption
BRIDGE_S = 0.5  # a gap between captions shorter than this is held over: no flicker
HOLD_S = 0.35  # how long a caption stays after its last word
LEAST_S = 0.7  # a caption is shown at least this long where the next one allows
MOST_S = 6.0  # and its words span at most this
LEGIBLE_PX = 40.0  # of a 1080-wide frame: a word is cut in two only when it would have to be smaller than this
EMOJI_EM = 1.12  # side of a colour picture in the text


class Placed(msgspec.Struct, frozen=True):
    """A token on the canvas: `x` is the left end of its advance, `y` the baseline, pixels."""

    token: Token
    text: str
    x: float
    y: float
    width: float
    measure: Measure | None  # None for an emoji


class Caption(msgspec.Struct, frozen=True):
    """What is on the screen from `start_s` to `end_s` (output clock). `em` is the font size in pixels; `box` is the text
    with its padding: left, top, right, bottom."""

    start_s: float
    end_s: float
    lines: tuple[tuple[Placed, ...], ...]
    em: float
    box: tuple[float, float, float, float]
    rtl: bool


class Reach(msgspec.Struct, frozen=True):
    """How far an animation carries text beyond its place: a scale about each word's middle, and ems upwards and down."""

    scale: float = 1.0
    up: float = 0.0
    down: float = 0.0


class _Unit(msgspec.Struct):
    """Tokens that stay on one line; ems."""

    tokens: list[Token]
    texts: list[str]
    measures: list[Measure | None]
    width: float
    top: float
    bottom: float
    weight: float  # in words; a letter of an unspaced script counts less
    space: float = 0.0  # before it, unless it begins a line


class _Frame(msgspec.Struct):
    """The measures that all captions of a clip share. Ems unless said otherwise."""

    style: Style
    setter: Setter
    zone: SafeZone  # pixels
    reach: Reach
    em: float  # pixels
    legible: float  # pixels
    stroke: float
    side: float  # around the ink, sideways
    over: float  # above and below
    max_lines: int
    words_per_line: float
    words_per_caption: float
    language: str | None
    canvas_middle: float  # pixels
    height: float  # pixels of the canvas


def set_captions(
    tokens: Sequence[Token],
    style: Style,
    setter: Setter,
    canvas: tuple[int, int],
    reach: Reach,
    language: str | None,
    duration_s: float,
) -> list[Caption]:
    """The captions of a clip, in order, never two at a time. `duration_s` is the end of the output clock."""
    frame = _frame(style, setter, canvas, reach, language)
    captions: list[Caption] = []
    phrases = _phrases(tokens)
    groups: list[list[_Unit]] = []
    units_of_phrases = [_units(phrase, frame) for phrase in phrases]
    frame.em = _steady_em(units_of_phrases, frame)
    for units in units_of_phrases:
        groups += _screens([u for unit in units for u in _cut(unit, frame)], frame)
    for number, group in enumerate(groups):
        start = group[0].tokens[0].start_s
        last = group[-1].tokens[-1].end_s
        nearest = groups[number + 1][0].tokens[0].start_s if number + 1 < len(groups) else duration_s
        end = min(max(last + HOLD_S, start + LEAST_S), duration_s)
        end = nearest if end > nearest or nearest - last < BRIDGE_S else end
        if end - start >= 0.005:
            captions.append(_place(group, start, min(end, max(duration_s, start)), frame))
    return captions


def decoration(style: Style) -> tuple[float, float, float]:
    """What surrounds the ink, in ems: the stroke, and the space taken sideways and upwards by stroke, shadow and box."""
    from carmic_assets.captions.colours import parse_colour

    fields, preset = style.fields, style.preset
    stroke = fields.stroke_thickness / fields.font_size
    soft = 0.0
    if fields.drop_shadow and fields.shadow_intensity > 0:
        soft = preset.shadow_drop + 2.5 * preset.shadow_blur
    side = over = stroke + soft
    if parse_colour(fields.caption_bg).a > 0:
        side, over = max(side, preset.box_padding[0] + stroke), max(over, preset.box_padding[1] + stroke)
    return stroke, side, over


def _frame(style: Style, setter: Setter, canvas: tuple[int, int], reach: Reach, language: str | None) -> _Frame:
    width, height = canvas
    scale = min(width, height) / 1080
    stroke, side, over = decoration(style)
    fields, preset = style.fields, style.preset
    em = fields.font_size * scale
    zone = text_zone(width, height)
    # Decoration may take half of the zone at most; beyond that the whole caption gets smaller.
    em = min(em, zone.w / 2 / (2 * side) if side else em, zone.h / 2 / (2 * over + reach.up + reach.down or 1e-9))
    lines = 3 if fields.lines_per_screen == "auto" else int(fields.lines_per_screen)
    own_lines = fields.lines_per_screen == preset.style.lines_per_screen
    return _Frame(
        style=style,
        setter=setter,
        zone=zone,
        reach=reach,
        em=em,
        legible=min(em, LEGIBLE_PX * scale),
        stroke=stroke,
        side=side,
        over=over,
        max_lines=lines,
        words_per_line=preset.words_per_line,
        words_per_caption=preset.words_per_caption if own_lines else preset.words_per_line * lines,
        language=language,
        canvas_middle=width / 2,
        height=height,
    )


def _line_room(frame: _Frame, em: float) -> float:
    """Ems that a line may be wide at this size, with room for the words at its ends to swell."""
    return max(0.5, (frame.zone.w / em - 2 * frame.side) / (1 + (frame.reach.scale - 1) * 0.5))


def _units(phrase: Sequence[Token], frame: _Frame) -> list[_Unit]:
    units: list[_Unit] = []
    before = ""
    for token in phrase:
        text = token.text if token.emoji else in_case(token.text, frame.style.case, frame.language)
        measure = None if token.emoji else frame.setter.measure(text)
        if measure is not None and not measure.runs:
            continue
        width = EMOJI_EM if measure is None else measure.advance
        top, bottom = (0.92, 0.2) if measure is None else (measure.top, measure.bottom)
        if token.glued and units:
            unit = units[-1]
            unit.tokens.append(token)
            unit.texts.append(text)
            unit.measures.append(measure)
            unit.width += width
            unit.top, unit.bottom = max(unit.top, top), max(unit.bottom, bottom)
        else:
            gap = frame.setter.space + frame.stroke * 0.6 if before and (token.first and spaced(before, text)) else 0.0
            weight = 1.0 if token.first and gap else 0.4
            units.append(_Unit([token], [text], [measure], width, top, bottom, weight if before else 1.0, gap))
        before = text
    return units


def _phrases(tokens: Sequence[Token]) -> list[list[Token]]:
    """Stretches that no caption crosses: sentences, and what pauses and changes of speaker part."""
    phrases: list[list[Token]] = []
    for token in tokens:
        last = phrases[-1][-1] if phrases else None
        if last is None or (
            not token.glued
            and (
                token.start_s - last.end_s >= PAUSE_S
                or (token.speaker != last.speaker and token.first)
                or (ends_sentence(last.text) and token.first)
            )
        ):
            phrases.append([token])
        else:
            phrases[-1].append(token)
    return phrases


def _steady_em(phrases: Sequence[Sequence[_Unit]], frame: _Frame) -> float:
    """One size for the whole clip: the one asked for, or what nine words of ten allow, rather than a size per word."""
    widths = sorted(u.width for units in phrases for u in units if u.weight >= 1)
    em = frame.em
    if widths:
        common = min(widths[min(len(widths) - 1, len(widths) * 9 // 10)], 12.0)
        while em > frame.legible and common > _line_room(frame, em):
            em *= 0.98
    return max(em, frame.legible)


def _cut(unit: _Unit, frame: _Frame) -> list[_Unit]:
    """The unit, or its pieces where it could only fit smaller than is legible."""
    em = min(frame.legible, frame.em)
    room = _line_room(frame, em)
    if unit.width <= room:
        return [unit]
    cut: list[_Unit] = []
    for token, text, measure in zip(unit.tokens, unit.texts, unit.measures, strict=True):
        if measure is None or measure.advance <= room:
            parts = [(text, measure)]
        else:
            parts = [(p, frame.setter.measure(p)) for p in _halves(text, room, frame)]
        total = sum(len(t) for t, _ in parts) or 1
        at = token.start_s
        for part, part_measure in parts:
            until = at + (token.end_s - token.start_s) * len(part) / total
            piece = msgspec.structs.replace(token, start_s=at, end_s=until)
            width = EMOJI_EM if part_measure is None else part_measure.advance
            top, bottom = (0.92, 0.2) if part_measure is None else (part_measure.top, part_measure.bottom)
            cut.append(_Unit([piece], [part], [part_measure], width, top, bottom, 1.0, 0.0 if cut else unit.space))
            at = until
    return cut


def _halves(text: str, room: float, frame: _Frame) -> list[str]:
    clusters = graphemes(text)
    count = 2
    while True:
        size = -(-len(clusters) // count)
        parts = ["".join(clusters[i : i + size]) for i in range(0, len(clusters), size)]
        if size == 1 or all(frame.setter.measure(p).advance <= room for p in parts):
            return parts
        count += max(1, count // 3)


def _line_count(units: Sequence[_Unit], room: float, words: float) -> int:
    """Lines that a greedy breaker needs, which is the least number there is."""
    lines, width, held = 1, 0.0, 0.0
    for unit in units:
        wider = width + (unit.space if width else 0.0) + unit.width
        if width and (wider > room or held + unit.weight > words + 1e-6):
            lines, width, held = lines + 1, unit.width, unit.weight
        else:
            width, held = wider, held + unit.weight
    return lines


def _screens(units: list[_Unit], frame: _Frame) -> list[list[_Unit]]:
    """Split a phrase into captions by dynamic programming over where each begins."""
    if not units:
        return []
    room = _line_room(frame, frame.em)
    fit_lines = max(1, int((frame.zone.h / frame.em - 2 * frame.over - 1) / frame.style.fields.line_height) + 1)
    lines = min(frame.max_lines, fit_lines)
    count = len(units)
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * count
    for start in range(count):
        base = best[start][0]
        held = 0.0
        for end in range(start + 1, count + 1):
            held += units[end - 1].weight
            group = units[start:end]
            span = group[-1].tokens[-1].end_s - group[0].tokens[0].start_s
            if end - start > 1 and (
                held > frame.words_per_caption + 1e-6
                or span > MOST_S
                or _line_count(group, room, frame.words_per_line) > lines
            ):
                break
            cost = base + _screen_cost(units, start, end, held, frame)
            if cost < best[end][0]:
                best[end] = (cost, start)
    groups: list[list[_Unit]] = []
    end = count
    while end > 0:
        start = best[end][1]
        groups.append(units[start:end])
        end = start
    return groups[::-1]


def _screen_cost(units: Sequence[_Unit], start: int, end: int, held: float, frame: _Frame) -> float:
    """What is bad about a caption of these units: each costs one, emptiness and a clumsy end cost more."""
    cost = 1.0 + (1 - held / frame.words_per_caption) ** 2
    last = units[end - 1]
    if end < len(units):
        text, gap = last.texts[-1], units[end].tokens[0].start_s - last.tokens[-1].end_s
        if ends_clause(text):
            cost -= 0.6
        elif leans_forward(text):
            cost += 0.7
        cost -= min(0.5, max(0.0, gap) * 1.5)
    shown = last.tokens[-1].end_s - units[start].tokens[0].start_s
    if shown < LEAST_S and len(units) > end - start:
        cost += 0.8 * (1 - shown / LEAST_S)
    if end - start == 1 and len(units) > 1 and frame.words_per_caption > 2:
        cost += 0.5
    return cost


def _break(units: list[_Unit], room: float, frame: _Frame) -> list[list[_Unit]]:
    """The caption's lines: as few as fit, as even as can be, a little word never left at an end."""
    count = _line_count(units, room, frame.words_per_line)
    if count == 1:
        return [units]
    total = sum(u.width + u.space for u in units) - units[0].space
    target = total / count
    size = len(units)
    best = [[(float("inf"), 0)] * (size + 1) for _ in range(count + 1)]
    best[0][0] = (0.0, 0)
    for line in range(1, count + 1):
        for end in range(line, size + 1):
            width = held = 0.0
            for start in range(end - 1, line - 2, -1):
                width += units[start].width + (units[start + 1].space if start + 1 < end else 0.0)
                held += units[start].weight
                if end - start > 1 and (width > room or held > frame.words_per_line + 1e-6):
                    break
                cost = best[line - 1][start][0] + ((width - target) / target) ** 2
                if end < size:
                    if leans_forward(units[end - 1].texts[-1]):
                        cost += 0.25
                    if ends_clause(units[end - 1].texts[-1]):
                        cost -= 0.08
                if cost < best[line][end][0]:
                    best[line][end] = (cost, start)
    if best[count][size][0] == float("inf"):
        return _greedy(units, room, frame.words_per_line)
    lines: list[list[_Unit]] = []
    end = size
    for line in range(count, 0, -1):
        start = best[line][end][1]
        lines.append(units[start:end])
        end = start
    return lines[::-1]


def _greedy(units: list[_Unit], room: float, words: float) -> list[list[_Unit]]:
    lines: list[list[_Unit]] = [[]]
    for unit in units:
        if lines[-1] and _line_count([*lines[-1], unit], room, words) > 1:
            lines.append([])
        lines[-1].append(unit)
    return lines


def _place(units: list[_Unit], start: float, end: float, frame: _Frame) -> Caption:
    lines = _break(units, _line_room(frame, frame.em), frame)
    widths = [sum(u.width + (u.space if i else 0.0) for i, u in enumerate(line)) for line in lines]
    tops = [max(u.top for u in line) for line in lines]
    bottoms = [max(u.bottom for u in line) for line in lines]
    cap = frame.setter.cap_height
    descent = 0.0 if frame.style.case == "upper" else 0.21
    # The line height asked for, opened only where one line's ink would touch the next.
    pitches = [
        max(frame.style.fields.line_height, bottoms[i] + tops[i + 1] + 2 * frame.stroke + 0.03)
        for i in range(len(lines) - 1)
    ]
    swell = (frame.reach.scale - 1) / 2
    top = max(cap, *tops, tops[0]) if len(lines) == 1 else max(cap, tops[0])
    bottom = max(descent, bottoms[-1])
    block = top + sum(pitches) + bottom
    tall = block + 2 * frame.over + frame.reach.up + frame.reach.down + 2 * swell
    wide = max(widths) + 2 * frame.side + 2 * swell * max(u.width for line in lines for u in line)
    em = min(frame.em, frame.zone.w / wide, frame.zone.h / tall)

    first_baseline = _first_baseline(frame, em, cap, descent, sum(pitches))
    lead, tail = frame.over + frame.reach.up + swell, frame.over + frame.reach.down + swell
    lowest = frame.zone.bottom - (tail + bottom + sum(pitches)) * em
    highest = frame.zone.y + (lead + top) * em
    first_baseline = max(highest, min(first_baseline, lowest))

    rtl = next((d for u in units for t in u.texts if (d := direction(t))), "L") == "R"
    placed: list[tuple[Placed, ...]] = []
    baseline = first_baseline
    for i, line in enumerate(lines):
        placed.append(_place_line(line, widths[i] * em, baseline, em, rtl, frame))
        baseline += pitches[i] * em if i < len(pitches) else 0.0
    half = max(widths) * em / 2 + frame.side * em
    box_top = first_baseline - (max(cap, tops[0]) if tops[0] > 0.95 else cap) * em - frame.over * em
    box_bottom = baseline + max(0.0 if descent == 0 else 0.16, bottoms[-1] if bottoms[-1] > 0.3 else 0.0) * em
    middle = frame.canvas_middle
    box = (middle - half, box_top, middle + half, box_bottom + frame.over * em)
    return Caption(start, end, tuple(placed), em, box, rtl)


def _first_baseline(frame: _Frame, em: float, cap: float, descent: float, pitches: float) -> float:
    fields = frame.style.fields
    if fields.caption_position == "top":
        return frame.zone.y + (frame.over + frame.reach.up + max(cap, 0.75)) * em
    if fields.caption_position == "bottom":
        return frame.zone.bottom - (frame.over + frame.reach.down + descent + pitches) * em
    middle = frame.height * (0.5 if fields.caption_position == "middle" else fields.y_axis_custom_pct / 100)
    return middle + (cap - pitches) / 2 * em


def _place_line(
    line: Sequence[_Unit], width: float, baseline: float, em: float, rtl: bool, frame: _Frame
) -> tuple[Placed, ...]:
    x = frame.canvas_middle - width / 2
    placed: list[Placed] = []
    for number, (unit, gap) in enumerate(_visual_order(line, rtl)):
        x += gap * em if number else 0.0
        run_rtl = direction("".join(unit.texts)) == "R"
        inner = list(zip(unit.tokens, unit.texts, unit.measures, strict=True))
        for token, text, measure in reversed(inner) if run_rtl else inner:
            advance = (EMOJI_EM if measure is None else measure.advance) * em
            placed.append(Placed(token, text, x, baseline, advance, measure))
            x += advance
    return tuple(placed)


def _visual_order(line: Sequence[_Unit], rtl: bool) -> list[tuple[_Unit, float]]:
    """Units from left to right with the gap before each: words against the line's direction keep their own order
    (rule L2 of UAX 9, for whole words)."""
    base = "R" if rtl else "L"
    runs: list[tuple[str, list[_Unit]]] = []
    for unit in line:
        way = direction("".join(unit.texts)) or (base if not runs or rtl else runs[-1][0])
        if runs and runs[-1][0] == way:
            runs[-1][1].append(unit)
        else:
            runs.append((way, [unit]))
    if rtl:
        runs.reverse()
    ordered = [u for way, units in runs for u in (reversed(units) if way == "R" else units)]
    if not rtl and all(way == "L" for way, _ in runs):
        return [(u, u.space) for u in ordered]
    gap = max((u.space for u in line[1:]), default=0.0)
    return [(u, gap if u.space or line.index(u) == 0 else 0.0) for u in ordered]
