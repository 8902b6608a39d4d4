"""Captions as ASS: explicit positions, one event per word, the canvas as PlayRes.

Layers, from behind: the box, strokes too thick to lie beside their neighbours, the words. Names a family for every run
of letters: libass is left nothing to choose.
Writes text only: the renderer hands it to ffmpeg's `ass` filter together with the folder of fonts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from carmic_assets.captions.animation import Motion, lit, motions, ms, number, word_tags
from carmic_assets.captions.caption_styles import Style, shadow_ems
from carmic_assets.captions.colours import Colour, parse_colour
from carmic_assets.captions.fonts import ASCENT, Face
from carmic_assets.captions.placement import Caption, Placed
from carmic_assets.captions.shaping import Run
from carmic_assets.captions.tokens import direction, graphemes
from carmic_assets.captions.word_timing import hundredths

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

# Encoding sets the direction of text in libass: 1 is left to right, -1 goes by the first letter that has a direction.
_STYLE = (
    "Style: {name},{font},{size},&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,5,0,0,0,"
    "{encoding}"
)

BOX, STROKE, LETTERS = 0, 1, 2

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
        _STYLE.format(name=f"{name}{twin}", font=face.name, size=number(size), encoding=encoding)
        for name, face, size in faces
        for twin, encoding in (("", 1), (" R", -1))
    ]
    lines = [
        f"Dialogue: {e.layer},{timestamp(e.start_s)},{timestamp(e.end_s)},{e.style},,0,0,0,,{e.text}"
        for e in sorted(events, key=lambda e: (e.start_s, e.layer))
        if timestamp(e.end_s) > timestamp(e.start_s)
    ]
    return _HEADER.format(width=width, height=height, styles="\n".join(styles)) + "\n".join(lines) + "\n"


def timestamp(seconds: float) -> str:
    """`H:MM:SS.cc`."""
    minutes, rest = divmod(hundredths(seconds), 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


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
    """What the words of one caption share: sizes, colours, and the tags of what surrounds the letters.

    One event has letters, stroke and shadow in two images, for blending is what libass costs in ffmpeg: 5 ns for each
    pixel of each image. With a stroke, the shadow is the stroke drawn longer downwards, by `shadowIntensity`; without
    one it is a soft dark edge, as opaque as `shadowIntensity` says.
    """

    def __init__(self, style: Style, caption: Caption, main: Face, size: float, name: str):
        fields, preset = style.fields, style.preset
        self.style, self.caption, self.main, self.name = style, caption, main, name
        self.size = "" if abs(caption.em - size) < 0.005 else f"\\fs{number(caption.em)}"
        self.base, self.highlight = parse_colour(fields.caption_color), parse_colour(fields.highlight_color)
        self.typed = fields.animation_style == "typewriter"
        self.sung = fields.animation_style == "karaoke"
        stroke = fields.stroke_thickness / fields.font_size * caption.em
        drop, soft, strength = (v * caption.em for v in shadow_ems(style))
        outline, shade = parse_colour(preset.stroke_colour), parse_colour(preset.shadow_colour)
        # What the letters, the stroke and the shadow are where they are visible: tag number -> alpha.
        self.alphas = {"1": self.base.ass_alpha()}
        self.edge = ""
        if stroke > 0 and drop > 0 and self.base.a == self.highlight.a == 1:
            # libass's shadow is the stroke's whole shape, moved. Made taller and moved by half of that, and the stroke
            # itself left out, it is stroke and shadow in one image.
            self.edge = (
                f"\\xbord{number(stroke)}\\ybord{number(stroke + drop / 2)}\\xshad0\\yshad{number(drop / 2)}"
                f"\\4c{outline.ass()}"
            )
            self.alphas |= {"3": "&HFF&", "4": outline.ass_alpha()}
        elif stroke > 0:
            self.edge = f"\\bord{number(stroke)}\\3c{outline.ass()}"
            self.alphas["3"] = outline.ass_alpha()
            if drop > 0:
                self.edge += f"\\xshad0\\yshad{number(drop)}\\4c{outline.ass()}"
                self.alphas["4"] = outline.ass_alpha()
        elif soft > 0:
            shadow = Colour(shade.r, shade.g, shade.b, strength / caption.em)
            self.edge = f"\\bord{number(soft * 0.5)}\\blur{number(soft)}\\3c{shadow.ass()}"
            self.alphas["3"] = shadow.ass_alpha()
        # A stroke as thick as a space would cover the neighbours: it then lies behind all letters.
        self.behind = stroke > 0.3 * caption.em

    def visible(self, *tags: str) -> str:
        return "".join(f"\\{tag}a{self.alphas[tag]}" for tag in tags or self.alphas)


def _word(placed: Placed, look: _Look) -> list[Event]:
    assert placed.measure is not None
    x = placed.x + placed.measure.middle * look.caption.em
    y = placed.y - _MIDDLE_ABOVE_BASELINE * look.caption.em
    events: list[Event] = []
    for motion in motions(look.style, look.caption, x, y):
        if motion.end_s - motion.start_s < 0.005:
            continue
        swell = word_tags(look.style, look.caption, placed, motion)
        start = f"{motion.position}{look.size}{motion.tags}{swell}"
        if look.behind:
            back = f"{start}{look.edge}\\1c&H000000&"
            events.append(_event(STROKE, motion, look, back, _text(placed, look, motion)))
            events += _letters(placed, look, motion, start)
        else:
            events += _letters(placed, look, motion, start + look.edge)
    return events


def _event(layer: int, motion: Motion, look: _Look, tags: str, text: str) -> Event:
    opacity = "" if look.typed else look.visible()
    return Event(layer, motion.start_s, motion.end_s, look.name, f"{{{opacity}{tags}}}{text}")


def _letters(placed: Placed, look: _Look, motion: Motion, start: str) -> list[Event]:
    on, off = lit(look.caption, placed)
    on, off = on - motion.start_s, off - motion.start_s
    length = motion.end_s - motion.start_s
    if look.sung:
        return _sung(placed, look, motion, start, on, off)
    base, bright = _colour(look.base, look), _colour(look.highlight, look)
    if on <= 0.0005 < off:
        tags = bright + (_switch(off, base) if off < length - 0.001 else "")
    elif 0 < on < length:
        tags = base + _switch(on, bright) + (_switch(off, base) if off < length - 0.001 else "")
    else:
        tags = base
    return [_event(LETTERS, motion, look, start + tags, _text(placed, look, motion))]


def _colour(colour: Colour, look: _Look) -> str:
    # Letters that are being typed have an alpha of their own.
    same = look.typed or look.base.a == look.highlight.a
    return f"\\1c{colour.ass()}" + ("" if same else f"\\1a{colour.ass_alpha()}")


def _switch(at_s: float, tags: str) -> str:
    """A change from one frame to the next: libass still shows the old value at a transform's first millisecond."""
    at = max(1, ms(at_s))
    return f"\\t({at - 1},{at},{tags})"


def _sung(placed: Placed, look: _Look, motion: Motion, start: str, on: float, off: float) -> list[Event]:
    """The colour runs through the word as it is sung and stays. `\\kf` runs rightwards only, so right-to-left words
    are uncovered by a clip instead."""
    assert placed.measure is not None
    runs = _runs(placed.measure.runs, look)
    bright = f"\\1c{look.highlight.ass()}\\1a{look.highlight.ass_alpha()}"
    base = f"\\1c{look.base.ass()}\\1a{look.base.ass_alpha()}"
    if direction(placed.text) != "R":
        wait, sweep = max(0, round(on * 100)), max(1, round((off - max(on, 0.0)) * 100))
        tags = f"{start}{bright}\\2c{look.base.ass()}\\2a{look.base.ass_alpha()}\\k{wait}\\kf{sweep}"
        return [_event(LETTERS, motion, look, tags, runs)]
    em = look.caption.em
    left, right = int(placed.x - em), int(placed.x + placed.width + em)
    top, bottom = int(placed.y - 2 * em), int(placed.y + em)
    inked = int(placed.x + placed.width) + 1
    clip = (
        f"\\clip({inked},{top},{right},{bottom})\\t({ms(on)},{max(1, ms(off))},\\clip({left},{top},{right},{bottom}))"
    )
    return [
        _event(LETTERS, motion, look, start + base, runs),
        _event(LETTERS + 1, motion, look, f"{start}\\bord0\\shad0\\blur0{bright}{clip}", runs),
    ]


def _text(placed: Placed, look: _Look, motion: Motion) -> str:
    assert placed.measure is not None
    return _typed(placed, look, motion) if look.typed else _runs(placed.measure.runs, look)


def _runs(runs: Sequence[Run], look: _Look) -> str:
    text, current = "", look.main
    for run in runs:
        if run.face != current:
            text += f"{{{_font(run.face)}}}"
            current = run.face
        text += escape(run.text)
    return text


def _font(face: Face) -> str:
    return f"\\fn{face.name}"


def _typed(placed: Placed, look: _Look, motion: Motion) -> str:
    """Letters that appear one after the other while the word is spoken."""
    assert placed.measure is not None
    token = placed.token
    clusters = sum(len(graphemes(run.text)) for run in placed.measure.runs)
    span = min(token.end_s - token.start_s, 0.07 * clusters)
    hidden, shown = "".join(f"\\{tag}a&HFF&" for tag in look.alphas), look.visible()
    text, current, typed = "", look.main, 0
    for run in placed.measure.runs:
        if run.face != current:
            text += f"{{{_font(run.face)}}}"
            current = run.face
        for cluster in graphemes(run.text):
            at = token.start_s + span * typed / clusters - motion.start_s
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
