"""Puts a `Timeline` together from an `Edit` and the media that were cut for it. It decides nothing itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

import msgspec

from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.presets import resolve_style
from carmic_assets.captions.track import CaptionEvent
from carmic_assets.exports.footage import Footage, Sound
from carmic_assets.exports.grid import sequence_rate
from carmic_assets.exports.timeline import (
    Bed,
    Level,
    Note,
    Still,
    Style,
    Timeline,
    Title,
    cutaways,
    exact,
    output_frame,
    pictures,
    stretches,
)
from carmic_assets.model.edit import Edit
from carmic_assets.model.media import Rate

WATERMARK_WIDTH = 0.16  # of the canvas' width
WATERMARK_EDGE = 0.04
DUCKED = 0.35  # what is left of the music's level while somebody speaks
DUCK_GAP_S = 0.8  # shorter silences do not bring the music back
DUCK_RAMP_S = 0.25


def timeline(
    edit: Edit,
    main: Footage,
    *,
    broll: Mapping[int, Footage] | None = None,
    music: Sound | None = None,
    captions: Sequence[CaptionEvent] = (),
) -> Timeline:
    """The sequence of a clip. `broll` is by the number of the cutaway, `music` covers what of it is heard, `captions`
    are of `caption_events`: every caption, and the hook title."""
    rate = sequence_rate(edit.rate.fraction)
    broll = broll or {}
    background, front, second = pictures(edit, main)
    frames = stretches(edit)[-1].end
    speakers = dict.fromkeys(s for s in (*(w.speaker for w in edit.words), *(p.speaker for p in front)) if s)
    return Timeline(
        name=edit.title.strip() or "Clip",
        rate=Rate(rate.numerator, rate.denominator),
        width=edit.width,
        height=edit.height,
        frames=frames,
        footage=(main, *{f.name: f for f in broll.values()}.values()),
        sounds=(music,) if music else (),
        background=background,
        main=front,
        second=second,
        broll=cutaways(edit, broll),
        voice_gain=edit.config.audio.voice_volume / 100,
        beds=_beds(edit, music, frames, rate),
        captions=_titles(edit, captions, "caption", frames, rate),
        hook=_titles(edit, captions, "hook", frames, rate),
        stills=_stills(edit, frames),
        notes=_notes(edit, frames),
        speakers=tuple(sorted(speakers)),
    )


def _titles(edit: Edit, events: Sequence[CaptionEvent], kind: str, frames: int, rate: Fraction) -> tuple[Title, ...]:
    style = caption_style(edit)
    titles: list[Title] = []
    for event in events:
        if event.kind != kind:
            continue
        start = max(round(exact(event.start_s) * rate), titles[-1].end if titles else 0)
        end = min(round(exact(event.end_s) * rate), frames)
        if end <= start or not event.text.strip():
            continue
        look = msgspec.structs.replace(style, size=event.size, middle=event.middle)
        titles.append(Title(start, end, event.text, "Hook" if kind == "hook" else "Captions", event.speaker, look))
    return tuple(titles)


def caption_style(edit: Edit) -> Style:
    """The look of the clip's captions in canvas pixels."""
    look = resolve_style(edit.config, edit.templates)
    fields = look.fields
    scale = min(edit.width, edit.height) / 1080
    return Style(
        font=fields.caption_font,
        size=fields.font_size * scale,
        bold=look.preset.weight >= 600,
        color=_color(fields.caption_color),
        stroke=fields.stroke_thickness * scale,
        stroke_color=_color(look.preset.stroke_colour),
        middle=edit.height * 0.75,
    )


def _color(text: str) -> tuple[float, float, float, float]:
    colour = parse_colour(text)
    return (colour.r / 255, colour.g / 255, colour.b / 255, float(colour.a))


def _stills(edit: Edit, frames: int) -> tuple[Still, ...]:
    mark = edit.watermark
    if mark is None or not edit.config.elements.watermark.enabled:
        return ()
    width, height = mark.width or 512, mark.height or 512
    shown = WATERMARK_WIDTH * edit.width
    edge = WATERMARK_EDGE * edit.width
    return (
        Still(
            start=0,
            end=frames,
            name=mark.name,
            path=mark.path,
            width=width,
            height=height,
            x=edit.width / 2 - edge - shown / 2,
            y=-edit.height / 2 + edge + shown * height / width / 2,
            shown_width=shown,
            opacity=edit.config.elements.watermark.opacity / 100,
        ),
    )


def _notes(edit: Edit, frames: int) -> tuple[Note, ...]:
    """Why the clip was chosen, at its start; then the edit's own markers that are still in it."""
    notes = []
    if edit.score is not None or edit.reasoning:
        name = "Carmic" if edit.score is None else f"Score {edit.score}"
        notes.append(Note(0, name, edit.reasoning))
    for marker in edit.markers:
        at = output_frame(edit, marker.t)
        if at is not None and at < frames:
            notes.append(Note(at, marker.name, marker.comment))
    return tuple(sorted(notes, key=lambda note: note.frame))


def _beds(edit: Edit, music: Sound | None, frames: int, rate: Fraction) -> tuple[Bed, ...]:
    """The music from the start, again from its beginning when it is over; lower while somebody speaks."""
    if music is None or music.duration <= 0:
        return ()
    length = max(1, math.floor(music.duration * rate))
    levels = music_levels(edit, frames, rate)
    beds = []
    for start in range(0, frames, length):
        end = min(start + length, frames)
        own = [Level(level.frame - start, level.gain) for level in levels if start < level.frame < end - 1]
        first, last = gain_at(levels, start), gain_at(levels, end - 1)
        own = [Level(0, first), *own, Level(end - 1 - start, last)]
        if all(level.gain == first for level in own):
            own = own[:1]
        beds.append(Bed(start, end, music.name, Fraction(0), tuple(own)))
    return tuple(beds)


def music_levels(edit: Edit, frames: int, rate: Fraction) -> tuple[Level, ...]:
    """The level of the music: down while words are spoken, up in silences that last."""
    full = edit.config.audio.music_volume / 100
    spoken: list[list[int]] = []
    gap, ramp = round(DUCK_GAP_S * rate), max(1, round(DUCK_RAMP_S * rate))
    for word in edit.words:
        a, b = output_frame(edit, word.start_s), output_frame(edit, word.end_s)
        if a is None or b is None:
            continue
        if spoken and a - spoken[-1][1] <= gap:
            spoken[-1][1] = max(spoken[-1][1], b)
        else:
            spoken.append([a, b])
    levels = [Level(0, full)]
    for a, b in spoken:
        down, up = max(0, a - ramp), min(frames, b + ramp)
        for frame, gain in ((down, full), (a, full * DUCKED), (b, full * DUCKED), (up, full)):
            if frame > levels[-1].frame:
                levels.append(Level(frame, gain))
            else:
                levels[-1] = Level(levels[-1].frame, min(levels[-1].gain, gain))
    return tuple(levels)


def gain_at(levels: Sequence[Level], frame: int) -> float:
    """Linear between levels, held before the first and after the last."""
    if frame <= levels[0].frame:
        return levels[0].gain
    for a, b in pairwise(levels):
        if frame <= b.frame:
            return a.gain + (b.gain - a.gain) * (frame - a.frame) / (b.frame - a.frame)
    return levels[-1].gain
