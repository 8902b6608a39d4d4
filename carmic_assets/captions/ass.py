"""Captions as ASS: explicit positions, one event per layer of a word, the canvas as PlayRes.

Layers, from behind: the box, the soft shadow, stroke with hard shadow, the letters. A layer of its own for the letters
keeps one word's stroke off its neighbour. Names a family for every run of letters; libass is left nothing to choose.
Writes text only: the renderer hands it to ffmpeg's `ass` filter together with the folder of fonts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from carmic_assets.captions.animation import Motion, lit, motions, ms, number, word_tags
from carmic_assets.captions.colours import Colour, parse_colour
from carmic_assets.captions.fonts import ASCENT, Face
from carmic_assets.captions.placing import Caption, Placed
from carmic_assets.captions.presets import Style
from carmic_assets.captions.shaping import Run
from carmic_assets.captions.text import direction, graphemes

_HEADER = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
LayoutResX: {width}
LayoutResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes
Kerning: yes
YCbCr Matrix: None

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
{styles}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""

# Encoding sets the direction of a line in libass: 1 is left to right, 178 (Arabic) right to left.
_STYLE = (
    "Style: {name},{font},{size},&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,{weight},0,0,0,100,100,0,0,1,0,0,5,0,0,0,"
    "{encoding}"
)

BOX, SHADOW, STROKE, LETTERS = 0, 1, 2, 3

# Where a style's letters stand between the top and the bottom of libass's line box, whose middle `\an5` puts at `\pos`.
_MIDDLE_ABOVE_BASELINE = ASCENT - 0.5


class Event(msgspec.Struct, frozen=True):
    """One `Dialogue` line; output seconds."""

    layer: int
    start_s: float
    end_s: float
    style: str
    text: str


def escape(text: str) -> str:
    """Text as libass shows it literally: a backslash is parted from what follows by U+2060, a brace is escaped."""
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("\n", "\\N")


def document(width: int, height: int, faces: Sequence[tuple[str, Face, float]], events: Iterable[Event]) -> str:
    """The whole script. `faces` are the named styles: name, face and size in pixels; each also gets a right-to-left
    twin, `<name> R`."""
    styles = [
        _STYLE.format(name=f"{name}{twin}", font=face.family, size=number(size), weight=face.weight, encoding=encoding)
        for name, face, size in faces
        for twin, encoding in (("", 1), (" R", 178))
    ]
    lines = [
        f"Dialogue: {e.layer},{timestamp(e.start_s)},{timestamp(e.end_s)},{e.style},,0,0,0,,{e.text}"
        for e in sorted(events, key=lambda e: (e.start_s, e.layer))
        if timestamp(e.end_s) > timestamp(e.start_s)
    ]
    return _HEADER.format(width=width, height=height, styles="\n".join(styles)) + "\n".join(lines) + "\n"


def timestamp(seconds: float) -> str:
    """`H:MM:SS.cc`; hundredths are rounded down, so that an event never begins a frame late."""
    hundredths = int(seconds * 100 + 1e-6)
    minutes, hundredths = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}"


def caption_events(caption: Caption, style: Style, main: Face, size: float, name: str = "Caption") -> list[Event]:
    """The events of one caption. `main` and `size` are what the ASS style `name` says; other runs carry tags."""
    events = _box(caption, style, name)
    look = _Look(style, caption, main, size, f"{name} R" if caption.rtl else name)
    for line in caption.lines:
        for placed in line:
            if placed.measure is not None:
                events += _word(placed, look)
    return events


class _Look:
    """What the words of one caption share: colours, sizes, the tags that begin each."""

    def __init__(self, style: Style, caption: Caption, main: Face, size: float, name: str):
        fields, preset = style.fields, style.preset
        self.style, self.caption, self.main, self.name = style, caption, main, name
        self.size = "" if abs(caption.em - size) < 0.005 else f"\\fs{number(caption.em)}"
        self.stroke = fields.stroke_thickness / fields.font_size * caption.em
        self.base = parse_colour(fields.caption_color)
        self.highlight = parse_colour(fields.highlight_color)
        strength = fields.shadow_intensity / 100 if fields.drop_shadow else 0.0
        shade = parse_colour(preset.shadow_colour)
        self.shadow = Colour(shade.r, shade.g, shade.b, strength)
        self.drop = preset.shadow_drop * caption.em
        self.blur = preset.shadow_blur * caption.em
        self.outline = parse_colour(preset.stroke_colour)
        self.typed = fields.animation_style == "typewriter"
        self.sung = fields.animation_style == "karaoke"


def _word(placed: Placed, look: _Look) -> list[Event]:
    x = placed.x + placed.width / 2
    y = placed.y - _MIDDLE_ABOVE_BASELINE * look.caption.em
    events: list[Event] = []
    for motion in motions(look.style, look.caption, x, y):
        if motion.end_s - motion.start_s < 0.005:
            continue
        swell = word_tags(look.style, look.caption, placed, motion)
        start = f"{motion.position}{look.size}{motion.tags}{swell}"
        soft = look.shadow.a > 0 and look.blur > 0
        hard = look.shadow.a > 0 and look.blur == 0
        if soft:
            dropped = motions(look.style, look.caption, x, y + look.drop)
            position = next(m.position for m in dropped if m.start_s == motion.start_s)
            tags = (
                f"{position}{look.size}{motion.tags}{swell}\\1c{look.shadow.ass()}\\3c{look.shadow.ass()}"
                f"\\bord{number(look.stroke + look.blur * 0.35)}\\blur{number(look.blur)}"
            )
            events.append(_event(SHADOW, motion, look, tags, placed, look.shadow, "13"))
        if look.stroke > 0 or hard:
            tags = f"{start}\\1c{look.outline.ass()}\\3c{look.outline.ass()}\\bord{number(look.stroke)}" + (
                f"\\4c{look.shadow.ass()}\\4a{look.shadow.ass_alpha()}\\xshad0\\yshad{number(look.drop)}"
                if hard
                else ""
            )
            events.append(_event(STROKE, motion, look, tags, placed, look.outline, "13"))
        events += _letters(placed, look, motion, start)
    return events


def _event(layer: int, motion: Motion, look: _Look, tags: str, placed: Placed, colour: Colour, alphas: str) -> Event:
    assert placed.measure is not None
    opacity = "".join(f"\\{a}a{colour.ass_alpha()}" for a in alphas)
    if look.typed:
        text = _typed(placed, look, motion, colour, alphas + ("4" if "\\4a" in tags else ""))
    else:
        tags += opacity
        text = _runs(placed.measure.runs, look)
    return Event(layer, motion.start_s, motion.end_s, look.name, f"{{{tags}}}{text}")


def _letters(placed: Placed, look: _Look, motion: Motion, start: str) -> list[Event]:
    assert placed.measure is not None
    on, off = lit(look.caption, placed)
    on, off = on - motion.start_s, off - motion.start_s
    length = motion.end_s - motion.start_s
    if look.sung:
        return _sung(placed, look, motion, start, on, off)
    base = f"\\1c{look.base.ass()}\\1a{look.base.ass_alpha()}"
    bright = f"\\1c{look.highlight.ass()}\\1a{look.highlight.ass_alpha()}"
    if look.typed:
        base, bright = f"\\1c{look.base.ass()}", f"\\1c{look.highlight.ass()}"
    if on <= 0.0005 < off:
        tags = bright + (_switch(off, base) if off < length - 0.001 else "")
    elif 0 < on < length:
        tags = base + _switch(on, bright) + (_switch(off, base) if off < length - 0.001 else "")
    else:
        tags = base
    text = _typed(placed, look, motion, look.base, "1") if look.typed else _runs(placed.measure.runs, look)
    return [Event(LETTERS, motion.start_s, motion.end_s, look.name, f"{{{start}{tags}}}{text}")]


def _switch(at_s: float, tags: str) -> str:
    """A change from one frame to the next: libass still shows the old value at a transform's first millisecond."""
    at = max(1, ms(at_s))
    return f"\\t({at - 1},{at},{tags})"


def _sung(placed: Placed, look: _Look, motion: Motion, start: str, on: float, off: float) -> list[Event]:
    """The colour runs through the word as it is sung and stays. `\\kf` runs rightwards only, so right-to-left words are
    uncovered by a clip instead."""
    assert placed.measure is not None
    runs = _runs(placed.measure.runs, look)
    bright = f"\\1c{look.highlight.ass()}\\1a{look.highlight.ass_alpha()}"
    base = f"\\1c{look.base.ass()}\\1a{look.base.ass_alpha()}"
    name = look.name
    if direction(placed.text) != "R":
        wait, sweep = max(0, round(on * 100)), max(1, round((off - max(on, 0.0)) * 100))
        tags = f"{start}{bright}\\2c{look.base.ass()}\\2a{look.base.ass_alpha()}\\k{wait}\\kf{sweep}"
        return [Event(LETTERS, motion.start_s, motion.end_s, name, f"{{{tags}}}{runs}")]
    left, right = int(placed.x - look.caption.em), int(placed.x + placed.width + look.caption.em)
    top, bottom = int(placed.y - 2 * look.caption.em), int(placed.y + look.caption.em)
    inked = int(placed.x + placed.width) + 1
    clip = (
        f"\\clip({inked},{top},{right},{bottom})\\t({ms(on)},{max(1, ms(off))},\\clip({left},{top},{right},{bottom}))"
    )
    return [
        Event(LETTERS, motion.start_s, motion.end_s, name, f"{{{start}{base}}}{runs}"),
        Event(LETTERS + 1, motion.start_s, motion.end_s, name, f"{{{start}{bright}{clip}}}{runs}"),
    ]


def _runs(runs: Sequence[Run], look: _Look) -> str:
    text, current = "", look.main
    for run in runs:
        if run.face != current:
            text += f"{{{_font(run.face)}}}"
            current = run.face
        text += escape(run.text)
    return text


def _font(face: Face) -> str:
    return f"\\fn{face.family}\\b{face.weight}"


def _typed(placed: Placed, look: _Look, motion: Motion, colour: Colour, alphas: str) -> str:
    """Letters that appear one after the other while the word is spoken."""
    assert placed.measure is not None
    token = placed.token
    clusters = sum(len(graphemes(run.text)) for run in placed.measure.runs)
    span = min(token.end_s - token.start_s, 0.07 * clusters)
    text, current, typed = "", look.main, 0
    for run in placed.measure.runs:
        if run.face != current:
            text += f"{{{_font(run.face)}}}"
            current = run.face
        for cluster in graphemes(run.text):
            at = token.start_s + span * typed / clusters - motion.start_s
            shown = "".join(f"\\{a}a{(look.shadow if a == '4' else colour).ass_alpha()}" for a in alphas)
            hidden = "".join(f"\\{a}a&HFF&" for a in alphas)
            text += f"{{{shown if at <= 0.0005 else hidden + _switch(at, shown)}}}{escape(cluster)}"
            typed += 1
    return text


def _box(caption: Caption, style: Style, name: str) -> list[Event]:
    colour = parse_colour(style.fields.caption_bg)
    if colour.a == 0:
        return []
    left, top, right, bottom = caption.box
    radius = min(style.preset.box_radius * caption.em, (bottom - top) / 2, (right - left) / 2)
    shape = rounded(right - left, bottom - top, radius)
    events = []
    for motion in motions(style, caption, (left + right) / 2, (top + bottom) / 2):
        if motion.end_s - motion.start_s >= 0.005:
            tags = f"{motion.position}{motion.tags}\\1c{colour.ass()}\\1a{colour.ass_alpha()}\\p1"
            events.append(Event(BOX, motion.start_s, motion.end_s, name, f"{{{tags}}}{shape}"))
    return events


def rounded(width: float, height: float, radius: float) -> str:
    """A rectangle with round corners as an ASS drawing, its corner at 0, 0. 0.5523 makes a Bézier curve a quarter
    circle to 0.03 % (Riškus, Approximation of a cubic Bézier curve by circular arcs, 2006)."""
    w, h, r = width, height, radius
    k = r * (1 - 0.5523)

    def p(*values: float) -> str:
        return " ".join(number(v) for v in values)

    return (
        f"m {p(r, 0)} l {p(w - r, 0)} b {p(w - k, 0, w, k, w, r)} l {p(w, h - r)} b {p(w, h - k, w - k, h, w - r, h)} "
        f"l {p(r, h)} b {p(k, h, 0, h - k, 0, h - r)} l {p(0, r)} b {p(0, k, k, 0, r, 0)}"
    )
