r"""Formats captions as an ASS script with explicit positions, one event per word (last step of the caption pipeline).

PlayRes is the canvas. The layers, from back to front, are the box, strokes that are so thick that they would cover
neighbouring letters, and the letters. Every run of letters names its font, so libass substitutes none. The renderer
passes the script to ffmpeg's `ass` filter together with the folder of fonts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from carmic_assets.captions.animation import Motion, build_caption_motions, find_highlight_interval, swell_tags
from carmic_assets.captions.ass_syntax import (
    draw_rounded_rectangle,
    escape_text,
    format_number,
    format_timestamp,
    to_ms,
)
from carmic_assets.captions.caption_styles import CaptionStyle, compute_shadow
from carmic_assets.captions.colours import Colour, parse_colour
from carmic_assets.captions.fonts import ASCENT, Face
from carmic_assets.captions.placement import MIN_DURATION_S, Caption, PlacedToken
from carmic_assets.captions.shaping import GlyphRun, TextMetrics
from carmic_assets.captions.unicode_text import detect_text_direction, split_graphemes

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

# Encoding sets the base direction in libass: 1 is left to right, -1 follows the first letter that has a direction.
_STYLE = (
    "Style: {name},{font},{size},&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,5,0,0,0,"
    "{encoding}"
)

BOX_LAYER, STROKE_LAYER, LETTERS_LAYER = 0, 1, 2

# `\an5` puts the middle of libass's line box at `\pos`. This is the distance of that middle above the baseline, in ems.
_MIDDLE_ABOVE_BASELINE_EM = ASCENT - 0.5
_TYPING_S_PER_LETTER = 0.07  # longest time from one letter of a typewriter caption to the next
_FIRST_FRAME_S = 0.0005  # a change up to this time after the start of an event is made at its start


class NamedStyle(msgspec.Struct, frozen=True):
    """A style of the script: its face and size apply to events without font and size tags."""

    name: str
    face: Face
    size_px: float


class Event(msgspec.Struct, frozen=True):
    """One `Dialogue` line; times on the output clock."""

    layer: int
    start_s: float
    end_s: float
    style_name: str
    text: str


def format_script(width: int, height: int, styles: Sequence[NamedStyle], events: Iterable[Event]) -> str:
    """Return the complete script. Each style gets a variant for right-to-left text, named `<name> R`."""
    style_lines = [
        _STYLE.format(
            name=f"{style.name}{suffix}",
            font=style.face.name,
            size=format_number(style.size_px),
            encoding=encoding,
        )
        for style in styles
        for suffix, encoding in (("", 1), (" R", -1))
    ]
    event_lines = [
        f"Dialogue: {e.layer},{format_timestamp(e.start_s)},{format_timestamp(e.end_s)},{e.style_name},,0,0,0,,{e.text}"
        for e in sorted(events, key=lambda e: (e.start_s, e.layer))
        if format_timestamp(e.end_s) > format_timestamp(e.start_s)
    ]
    header = _HEADER.format(width=width, height=height, styles="\n".join(style_lines))
    return header + "\n".join(event_lines) + "\n"


def build_events(caption: Caption, style: CaptionStyle, named_style: NamedStyle) -> list[Event]:
    """Return the events of one caption. Text that differs from `named_style` in font or size carries tags."""
    events = _build_box_events(caption, style, named_style)
    tags = _CaptionTags(caption, style, named_style)
    for line in caption.lines:
        for placed in line:
            if placed.metrics is not None:
                events += _build_word_events(placed, placed.metrics, tags)
    return events


class _CaptionTags:
    """Tags that the words of one caption share: size, colours, stroke and shadow.

    ffmpeg blends each image of libass at about 5 ns per pixel, so letters, stroke and shadow of an event are drawn with
    two images, not three. With a stroke, the shadow is the stroke extended downwards; `shadowIntensity` sets how far.
    Without a stroke, it is a soft dark edge with `shadowIntensity` as its opacity.
    """

    def __init__(self, caption: Caption, style: CaptionStyle, named_style: NamedStyle) -> None:
        fields, preset = style.fields, style.preset
        self.style, self.caption = style, caption
        self.main_face = named_style.face
        self.style_name = f"{named_style.name} R" if caption.is_rtl else named_style.name
        has_style_size = abs(caption.font_px - named_style.size_px) < 0.005
        self.size_tag = "" if has_style_size else f"\\fs{format_number(caption.font_px)}"
        self.base, self.highlight = parse_colour(fields.caption_color), parse_colour(fields.highlight_color)
        self.is_typewriter = fields.animation_style == "typewriter"
        self.is_karaoke = fields.animation_style == "karaoke"
        stroke_px = fields.stroke_thickness / fields.font_size * caption.font_px
        shadow = compute_shadow(style)
        drop_px, blur_px = shadow.drop_em * caption.font_px, shadow.blur_em * caption.font_px
        outline = parse_colour(preset.stroke_colour)
        # Alpha tags when visible, by the number of the ASS colour: letters (1), stroke (3) and shadow (4).
        self._alphas = {"1": self.base.to_ass_alpha()}
        self.edge_tags = ""
        if stroke_px > 0 and drop_px > 0 and self.base.a == self.highlight.a == 1:
            # libass draws the shadow as a shifted copy of the stroke. A stroke that is taller by the drop, shifted by
            # half of it and itself invisible, shows stroke and shadow in one image.
            self.edge_tags = (
                f"\\xbord{format_number(stroke_px)}\\ybord{format_number(stroke_px + drop_px / 2)}"
                f"\\xshad0\\yshad{format_number(drop_px / 2)}\\4c{outline.to_ass()}"
            )
            self._alphas |= {"3": "&HFF&", "4": outline.to_ass_alpha()}
        elif stroke_px > 0:
            self.edge_tags = f"\\bord{format_number(stroke_px)}\\3c{outline.to_ass()}"
            self._alphas["3"] = outline.to_ass_alpha()
            if drop_px > 0:
                self.edge_tags += f"\\xshad0\\yshad{format_number(drop_px)}\\4c{outline.to_ass()}"
                self._alphas["4"] = outline.to_ass_alpha()
        elif blur_px > 0:
            colour = parse_colour(preset.shadow_colour)
            soft_edge = Colour(colour.r, colour.g, colour.b, shadow.opacity)
            self.edge_tags = (
                f"\\bord{format_number(blur_px * 0.5)}\\blur{format_number(blur_px)}\\3c{soft_edge.to_ass()}"
            )
            self._alphas["3"] = soft_edge.to_ass_alpha()
        # A stroke about as thick as a space would cover the neighbouring letters, so it is drawn behind all letters.
        self.stroke_is_behind = stroke_px > 0.3 * caption.font_px

    def visible(self) -> str:
        """Return the tags that show letters, stroke and shadow."""
        return "".join(f"\\{number}a{alpha}" for number, alpha in self._alphas.items())

    def hidden(self) -> str:
        """Return the tags that hide letters, stroke and shadow."""
        return "".join(f"\\{number}a&HFF&" for number in self._alphas)

    def colour(self, colour: Colour) -> str:
        """Return the tags for the colour of the letters."""
        # The letters of a typewriter caption have alpha tags of their own.
        shares_alpha = self.is_typewriter or self.base.a == self.highlight.a
        return f"\\1c{colour.to_ass()}" + ("" if shares_alpha else f"\\1a{colour.to_ass_alpha()}")


def _build_word_events(placed: PlacedToken, metrics: TextMetrics, tags: _CaptionTags) -> list[Event]:
    x = placed.x + metrics.middle * tags.caption.font_px
    y = placed.y - _MIDDLE_ABOVE_BASELINE_EM * tags.caption.font_px
    events: list[Event] = []
    for motion in build_caption_motions(tags.style, tags.caption, x, y):
        if motion.end_s - motion.start_s < MIN_DURATION_S:
            continue
        swell = swell_tags(tags.style, tags.caption, placed, motion)
        start_tags = f"{motion.position_tag}{tags.size_tag}{motion.tags}{swell}"
        if tags.stroke_is_behind:
            stroke_tags = f"{start_tags}{tags.edge_tags}\\1c&H000000&"
            events.append(
                _build_event(STROKE_LAYER, motion, tags, stroke_tags, _format_text(placed, metrics, tags, motion))
            )
            events += _build_letter_events(placed, metrics, tags, motion, start_tags)
        else:
            events += _build_letter_events(placed, metrics, tags, motion, start_tags + tags.edge_tags)
    return events


def _build_event(layer: int, motion: Motion, tags: _CaptionTags, own_tags: str, text: str) -> Event:
    alpha_tags = "" if tags.is_typewriter else tags.visible()
    return Event(layer, motion.start_s, motion.end_s, tags.style_name, f"{{{alpha_tags}{own_tags}}}{text}")


def _build_letter_events(
    placed: PlacedToken, metrics: TextMetrics, tags: _CaptionTags, motion: Motion, start_tags: str
) -> list[Event]:
    on_s, off_s = find_highlight_interval(tags.caption, placed)
    on_s, off_s = on_s - motion.start_s, off_s - motion.start_s
    duration_s = motion.end_s - motion.start_s
    if tags.is_karaoke:
        return _build_karaoke_events(placed, metrics, tags, motion, start_tags)
    base, highlight = tags.colour(tags.base), tags.colour(tags.highlight)
    switch_off = _format_switch(off_s, base) if off_s < duration_s - 0.001 else ""
    if on_s <= _FIRST_FRAME_S < off_s:
        colour_tags = highlight + switch_off
    elif 0 < on_s < duration_s:
        colour_tags = base + _format_switch(on_s, highlight) + switch_off
    else:
        colour_tags = base
    text = _format_text(placed, metrics, tags, motion)
    return [_build_event(LETTERS_LAYER, motion, tags, start_tags + colour_tags, text)]


def _format_switch(time_s: float, tags: str) -> str:
    r"""Return a `\t` transform that applies `tags` at `time_s` without a transition.

    libass still shows the old value at the first millisecond of a transform, so it begins one millisecond earlier.
    """
    time_ms = max(1, to_ms(time_s))
    return f"\\t({time_ms - 1},{time_ms},{tags})"


def _build_karaoke_events(
    placed: PlacedToken, metrics: TextMetrics, tags: _CaptionTags, motion: Motion, start_tags: str
) -> list[Event]:
    r"""Return events in which the highlight colour fills the word while it is spoken, and stays.

    `\kf` fills from left to right only. A right-to-left word is drawn twice, and a growing `\clip` uncovers the
    highlighted copy.
    """
    on_s, off_s = find_highlight_interval(tags.caption, placed)
    on_s, off_s = on_s - motion.start_s, off_s - motion.start_s
    text = _format_runs(metrics.runs, tags)
    highlight = f"\\1c{tags.highlight.to_ass()}\\1a{tags.highlight.to_ass_alpha()}"
    if detect_text_direction(placed.text) != "R":
        wait_cs, sweep_cs = max(0, round(on_s * 100)), max(1, round((off_s - max(on_s, 0.0)) * 100))
        base = f"\\2c{tags.base.to_ass()}\\2a{tags.base.to_ass_alpha()}"
        karaoke_tags = f"{start_tags}{highlight}{base}\\k{wait_cs}\\kf{sweep_cs}"
        return [_build_event(LETTERS_LAYER, motion, tags, karaoke_tags, text)]
    base = f"\\1c{tags.base.to_ass()}\\1a{tags.base.to_ass_alpha()}"
    em = tags.caption.font_px
    left, right = int(placed.x - em), int(placed.x + placed.width + em)
    top, bottom = int(placed.y - 2 * em), int(placed.y + em)
    word_right = int(placed.x + placed.width) + 1
    clip_tags = (
        f"\\clip({word_right},{top},{right},{bottom})"
        f"\\t({to_ms(on_s)},{max(1, to_ms(off_s))},\\clip({left},{top},{right},{bottom}))"
    )
    return [
        _build_event(LETTERS_LAYER, motion, tags, start_tags + base, text),
        _build_event(LETTERS_LAYER + 1, motion, tags, f"{start_tags}\\bord0\\shad0\\blur0{highlight}{clip_tags}", text),
    ]


def _format_text(placed: PlacedToken, metrics: TextMetrics, tags: _CaptionTags, motion: Motion) -> str:
    if tags.is_typewriter:
        return _format_typed_runs(placed, metrics, tags, motion)
    return _format_runs(metrics.runs, tags)


def _format_runs(runs: Sequence[GlyphRun], tags: _CaptionTags) -> str:
    text, face = "", tags.main_face
    for run in runs:
        if run.face != face:
            text += _format_font_tag(run.face)
            face = run.face
        text += escape_text(run.text)
    return text


def _format_typed_runs(placed: PlacedToken, metrics: TextMetrics, tags: _CaptionTags, motion: Motion) -> str:
    """Return the text with tags by which its letters appear one after the other while the word is spoken."""
    token = placed.token
    letters = sum(len(split_graphemes(run.text)) for run in metrics.runs)
    typing_s = min(token.end_s - token.start_s, _TYPING_S_PER_LETTER * letters)
    hidden, visible = tags.hidden(), tags.visible()
    text, face, typed_letters = "", tags.main_face, 0
    for run in metrics.runs:
        if run.face != face:
            text += _format_font_tag(run.face)
            face = run.face
        for cluster in split_graphemes(run.text):
            appears_s = token.start_s + typing_s * typed_letters / letters - motion.start_s
            alpha_tags = visible if appears_s <= _FIRST_FRAME_S else hidden + _format_switch(appears_s, visible)
            text += f"{{{alpha_tags}}}{escape_text(cluster)}"
            typed_letters += 1
    return text


def _format_font_tag(face: Face) -> str:
    return f"{{\\fn{face.name}}}"


def _build_box_events(caption: Caption, style: CaptionStyle, named_style: NamedStyle) -> list[Event]:
    colour = parse_colour(style.fields.caption_bg)
    if colour.a == 0:
        return []
    left, top, right, bottom = caption.box
    width, height = right - left, bottom - top
    drawing = draw_rounded_rectangle(
        width, height, min(style.preset.box_radius * caption.font_px, height / 2, width / 2)
    )
    events = []
    for motion in build_caption_motions(style, caption, (left + right) / 2, (top + bottom) / 2):
        if motion.end_s - motion.start_s >= MIN_DURATION_S:
            colour_tags = f"\\1c{colour.to_ass()}\\1a{colour.to_ass_alpha()}"
            text = f"{{{motion.position_tag}{motion.tags}{colour_tags}\\p1}}{drawing}"
            events.append(Event(BOX_LAYER, motion.start_s, motion.end_s, named_style.name, text))
    return events
