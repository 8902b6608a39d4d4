"""Where each word of a caption stands on the canvas, in pixels, so that nothing leaves the safe zone.

Measures with the faces that libass draws with. What does not fit is broken or made smaller, never cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from carmic_assets.captions.caption_styles import Style, shadow_ems
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.emoji import known
from carmic_assets.captions.line_breaking import Limits, Unit, break_lines, line_count, phrases, screens, shown
from carmic_assets.captions.safe_zone import SafeZone, text_zone
from carmic_assets.captions.shaping import Measure, Setter
from carmic_assets.captions.tokens import direction, graphemes, in_case, spaced
from carmic_assets.captions.word_timing import Token

LEGIBLE_PX = 40.0  # of a 1080-wide frame: a word is cut in two only when it would have to be smaller than this
EMOJI_EM = 1.12  # side of a colour picture in the text
MOST_SWELL_EM = 0.22  # a word that swells grows by at most this, half of it on either side: less than a space
_EMOJI_TOP, _EMOJI_BOTTOM = 0.92, 0.2


class Placed(msgspec.Struct, frozen=True):
    """A token on the canvas: `x` is the left end of its advance, `y` the baseline, pixels."""

    token: Token
    text: str
    x: float
    y: float
    width: float
    measure: Measure | None  # None for an emoji


class Caption(msgspec.Struct, frozen=True):
    """What is on the screen from `start_s` to `end_s` (output clock). `em` is the font size in pixels; `box` is the
    text with its padding: left, top, right, bottom."""

    start_s: float
    end_s: float
    lines: tuple[tuple[Placed, ...], ...]
    em: float
    box: tuple[float, float, float, float]
    rtl: bool

    @property
    def text(self) -> str:
        """As it is read, lines parted by a newline."""
        return "\n".join(joined([(p.token, p.text) for p in line]) for line in self.lines)


class Reach(msgspec.Struct, frozen=True):
    """How far an animation carries text beyond its place: a scale about each word's middle, ems upwards and down."""

    scale: float = 1.0
    up: float = 0.0
    down: float = 0.0

    def swell(self, width: float) -> float:
        """Ems that a word of this width grows by in all, sideways; never into its neighbours."""
        return min((self.scale - 1) * width, MOST_SWELL_EM)


class Frame(msgspec.Struct, frozen=True):
    """What all captions of a clip share. Ems unless said otherwise."""

    style: Style
    setter: Setter
    zone: SafeZone  # pixels
    middle: float  # pixels, where lines are centred
    height: float  # pixels of the canvas
    reach: Reach
    em: float  # pixels
    legible: float  # pixels
    stroke: float
    side: float  # around the ink, sideways
    over: float  # above and below
    language: str | None

    @property
    def gap(self) -> float:
        """Ems between words: a space, wider for a stroke and where words swell, for display faces set them close."""
        swelling = 0.08 if self.reach.scale > 1 else 0.0
        return max(self.setter.space, 0.24) + self.stroke * 0.6 + swelling

    def room(self, em: float) -> float:
        """Ems that a line may be wide at this size."""
        wide = self.zone.w / em - 2 * self.side
        return max(0.5, wide - self.reach.swell(wide))

    def limits(self) -> Limits:
        fields, preset = self.style.fields, self.style.preset
        auto = fields.lines_per_screen == "auto"
        lines = 3 if auto else int(fields.lines_per_screen)
        own = fields.lines_per_screen == preset.style.lines_per_screen
        words = preset.words_per_caption if own or auto else preset.words_per_line * lines
        tall = int((self.zone.h / self.em - 2 * self.over - 1.0) / fields.line_height) + 1
        return Limits(self.room(self.em), max(1, min(lines, tall)), preset.words_per_line, words)


def frame(style: Style, setter: Setter, canvas: tuple[int, int], reach: Reach, language: str | None = None) -> Frame:
    """The frame of a clip's captions on a canvas of this width and height."""
    width, height = canvas
    scale = min(width, height) / 1080
    stroke, side, over = decoration(style)
    zone = text_zone(width, height)
    em = style.fields.font_size * scale
    # Decoration and movement may take half of the zone; beyond that everything gets smaller.
    em = min(em, zone.w / 4 / max(side, 1e-9), zone.h / 2 / max(2 * over + reach.up + reach.down, 1e-9))
    legible = min(em, LEGIBLE_PX * scale)
    return Frame(style, setter, zone, width / 2, height, reach, em, legible, stroke, side, over, language)


def decoration(style: Style) -> tuple[float, float, float]:
    """What surrounds the ink, in ems: the stroke, then the space that stroke, shadow and box take sideways and up."""
    fields, preset = style.fields, style.preset
    stroke = fields.stroke_thickness / fields.font_size
    drop, soft, _ = shadow_ems(style)
    side, over = stroke + (0.0 if stroke else 2.5 * soft), stroke + (drop if stroke else 2.5 * soft)
    if parse_colour(fields.caption_bg).a > 0:
        side, over = max(side, preset.box_padding[0] + stroke), max(over, preset.box_padding[1] + stroke)
    return stroke, side, over


def set_captions(
    tokens: Sequence[Token], framed: Frame, duration_s: float, taken: Caption | None = None
) -> list[Caption]:
    """The captions of a clip, in order, never two at a time, while `taken` (a title at the top) is shown below it.

    `duration_s` is the end of the output clock.
    """
    units = [_units(phrase, framed) for phrase in phrases(tokens)]
    framed = msgspec.structs.replace(framed, em=_steady_em(units, framed))
    limits = framed.limits()
    groups = [g for phrase in units for g in screens([c for u in phrase for c in _cut(u, framed)], limits)]
    captions: list[Caption] = []
    for group, (start, end) in zip(groups, shown(groups, duration_s), strict=True):
        if end - start >= 0.005:
            free = _below(framed, taken) if taken and start < taken.end_s and end > taken.start_s else framed
            captions.append(_place(group, start, end, free, limits))
    return captions


def set_title(text_tokens: Sequence[Token], framed: Frame, share: float) -> Caption | None:
    """One caption of everything, as large as its frame's size and `share` of the zone's height allow."""
    units = _units(text_tokens, framed)
    if not units:
        return None
    em, limits = framed.em, Limits(framed.room(framed.em), 99, 99, 999)
    pitch = framed.style.fields.line_height
    while em > 6:
        limits = msgspec.structs.replace(limits, room=framed.room(em))
        tall = (line_count(units, limits) - 1) * pitch + 1 + 2 * framed.over
        if tall * em <= framed.zone.h * share and max(u.width for u in units) <= limits.room:
            break
        em *= 0.96
        if em < framed.legible:
            units = [c for u in units for c in _cut(u, framed)]
    framed = msgspec.structs.replace(framed, em=em)
    return _place(units, text_tokens[0].start_s, text_tokens[-1].end_s, framed, limits)


def joined(words: Sequence[tuple[Token, str]]) -> str:
    """Words in the order they are spoken, with spaces where the script has them."""
    text = ""
    for token, word in sorted(words, key=lambda w: (w[0].word, w[0].start_s)):
        text += f" {word}" if text and token.first and spaced(text, word) else word
    return text


def _below(framed: Frame, taken: Caption) -> Frame:
    zone = framed.zone
    top = min(taken.box[3] + 0.35 * taken.em, zone.bottom - 0.2 * zone.h)
    return msgspec.structs.replace(framed, zone=SafeZone(zone.x, top, zone.w, zone.bottom - top))


def _units(phrase: Sequence[Token], framed: Frame) -> list[Unit]:
    units: list[Unit] = []
    before = ""
    for token in phrase:
        drawn = token.emoji and known(token.text)
        text = token.text if drawn else in_case(token.text, framed.style.case, framed.language)
        measure = None if drawn else framed.setter.measure(text)
        if measure is not None and not measure.runs:
            continue
        piece = _unit(token, text, measure)
        if token.glued and units:
            unit = units[-1]
            unit.tokens.append(token)
            unit.texts.append(text)
            unit.measures.append(measure)
            unit.width += piece.width
            unit.top, unit.bottom = max(unit.top, piece.top), max(unit.bottom, piece.bottom)
        else:
            if before and token.first and spaced(before, text):
                piece.space = framed.gap
            elif before:
                piece.weight = 0.4
            units.append(piece)
        before = text
    return units


def _unit(token: Token, text: str, measure: Measure | None) -> Unit:
    if measure is None:
        return Unit([token], [text], [None], EMOJI_EM, _EMOJI_TOP, _EMOJI_BOTTOM)
    return Unit([token], [text], [measure], measure.advance, measure.top, measure.bottom)


def _steady_em(units: Sequence[Sequence[Unit]], framed: Frame) -> float:
    """One size for the whole clip: the one asked for, or what nine words of ten allow, rather than a size per word."""
    widths = sorted(u.width for phrase in units for u in phrase if u.weight >= 1)
    em = framed.em
    if widths:
        common = min(widths[(len(widths) - 1) * 9 // 10], 12.0)
        while em > framed.legible and common > framed.room(em):
            em *= 0.98
    return max(em, framed.legible)


def _cut(unit: Unit, framed: Frame) -> list[Unit]:
    """The unit, or its pieces where it could only fit smaller than is legible."""
    room = framed.room(min(framed.legible, framed.em))
    if unit.width <= room:
        return [unit]
    cut: list[Unit] = []
    for token, text, measure in zip(unit.tokens, unit.texts, unit.measures, strict=True):
        parts = [text] if measure is None or measure.advance <= room else _parts(text, room, framed)
        total = sum(len(p) for p in parts) or 1
        at = token.start_s
        for part in parts:
            until = at + (token.end_s - token.start_s) * len(part) / total
            timed = msgspec.structs.replace(token, start_s=at, end_s=until, first=token.first and part is parts[0])
            cut.append(_unit(timed, part, None if measure is None else framed.setter.measure(part)))
            at = until
    cut[0].space = unit.space
    return cut


def _parts(text: str, room: float, framed: Frame) -> list[str]:
    clusters = graphemes(text)
    count = 2
    while True:
        size = -(-len(clusters) // count)
        parts = ["".join(clusters[i : i + size]) for i in range(0, len(clusters), size)]
        if size == 1 or all(framed.setter.measure(p).advance <= room for p in parts):
            return parts
        count += max(1, count // 3)


def _place(units: Sequence[Unit], start: float, end: float, framed: Frame, limits: Limits) -> Caption:
    lines = break_lines(units, limits)
    widths = [sum(u.width + (u.space if i else 0.0) for i, u in enumerate(line)) for line in lines]
    tops = [max(u.top for u in line) for line in lines]
    bottoms = [max(u.bottom for u in line) for line in lines]
    cap, low = framed.setter.cap_height, framed.setter.descent(framed.style.case == "upper")
    # The line height asked for, opened only where one line's ink would touch the next.
    pitches = [
        max(framed.style.fields.line_height, below + above + 2 * framed.stroke + 0.03)
        for below, above in zip(bottoms, tops[1:], strict=False)
    ]
    swell = (framed.reach.scale - 1) / 2
    top, bottom = max(cap, tops[0]), max(low, bottoms[-1])
    lead, tail = framed.over + framed.reach.up + swell, framed.over + framed.reach.down + swell
    wide = max(widths) + 2 * framed.side + framed.reach.swell(max(u.width for line in lines for u in line))
    em = min(framed.em, framed.zone.w / wide, framed.zone.h / (lead + top + sum(pitches) + bottom + tail))

    first = _first_baseline(framed, em, (lead, tail), cap, low, sum(pitches))
    first = min(first, framed.zone.bottom - (tail + bottom + sum(pitches)) * em)
    first = max(first, framed.zone.y + (lead + top) * em)
    baselines = [first + sum(pitches[:i]) * em for i in range(len(lines))]

    rtl = next((d for u in units for t in u.texts if (d := direction(t))), "L") == "R"
    placed = tuple(
        _place_line(line, width * em, y, em, rtl, framed)
        for line, width, y in zip(lines, widths, baselines, strict=True)
    )
    half = (max(widths) / 2 + framed.side) * em
    box = (
        framed.middle - half,
        first - (max(cap, tops[0] if tops[0] > cap + 0.15 else cap) + framed.over) * em,
        framed.middle + half,
        baselines[-1] + (max(0.7 * low, bottoms[-1] if bottoms[-1] > low + 0.1 else 0.0) + framed.over) * em,
    )
    return Caption(start, end, placed, em, box, rtl)


def _first_baseline(
    framed: Frame, em: float, ends: tuple[float, float], cap: float, low: float, pitches: float
) -> float:
    fields = framed.style.fields
    if fields.caption_position == "top":
        return framed.zone.y + (ends[0] + cap) * em
    if fields.caption_position == "bottom":
        return framed.zone.bottom - (ends[1] + low + pitches) * em
    middle = framed.height * (0.5 if fields.caption_position == "middle" else fields.y_axis_custom_pct / 100)
    return middle + (cap - pitches) / 2 * em


def _place_line(
    line: Sequence[Unit], width: float, baseline: float, em: float, rtl: bool, framed: Frame
) -> tuple[Placed, ...]:
    x = framed.middle - width / 2
    placed: list[Placed] = []
    for number, (unit, gap) in enumerate(_visual_order(line, rtl)):
        x += gap * em if number else 0.0
        inner = list(zip(unit.tokens, unit.texts, unit.measures, strict=True))
        for token, text, measure in reversed(inner) if direction("".join(unit.texts)) == "R" else inner:
            advance = (EMOJI_EM if measure is None else measure.advance) * em
            placed.append(Placed(token, text, x, baseline, advance, measure))
            x += advance
    return tuple(placed)


def _visual_order(line: Sequence[Unit], rtl: bool) -> list[tuple[Unit, float]]:
    """Units from left to right with the gap before each: words against the line's direction keep their own order
    (rule L2 of UAX 9, for whole words)."""
    runs: list[tuple[str, list[Unit]]] = []
    for unit in line:
        # Digits go with the word before them (rule W7), marks with the line.
        text = "".join(unit.texts)
        neutral = runs[-1][0] if runs and any(c.isdigit() for c in text) else "R" if rtl else "L"
        way = direction(text) or neutral
        if runs and runs[-1][0] == way:
            runs[-1][1].append(unit)
        else:
            runs.append((way, [unit]))
    if all(way == "L" for way, _ in runs) and not rtl:
        return [(u, u.space) for u in line]
    ordered = [u for way, run in (reversed(runs) if rtl else runs) for u in (reversed(run) if way == "R" else run)]
    # Gaps stand between words that follow one another in the text, whichever is left.
    place = {id(u): i for i, u in enumerate(line)}
    gaps = [line[max(place[id(a)], place[id(b)])].space for a, b in pairwise(ordered)]
    return list(zip(ordered, [0.0, *gaps], strict=True))
