"""Puts a `Timeline` together from an `Edit` and the media that were cut for it. It decides nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from carmic_assets.captions.caption_styles import resolve_style
from carmic_assets.captions.caption_track import CaptionEvent, Picture
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.safe_zone import safe_zone
from carmic_assets.exports.font_names import Typeface
from carmic_assets.exports.music_levels import music_beds
from carmic_assets.exports.nle_timeline import (
    Bed,
    Level,
    Note,
    Still,
    Style,
    Timeline,
    Title,
    appears,
    cutaway_spans,
    cutaways,
    layered,
    output_frame,
    pictures,
    stretches,
)
from carmic_assets.exports.package_media import Footage, Image, Sound
from carmic_assets.exports.timecode import sequence_rate
from carmic_assets.media.picture_filters import even
from carmic_assets.model.edit import Edit
from carmic_assets.model.media import Rate
from carmic_assets.rendering.video_graph import MARK_SHARE


class Media(msgspec.Struct, frozen=True):
    """What was cut for a clip. `broll` and `broll_images` are by the number of the cutaway; `pictures` are reactions,
    each with its place; `font` is the captions'."""

    main: Footage
    broll: dict[int, Footage] = {}
    broll_images: dict[int, Image] = {}
    music: Sound | None = None
    effects: Sound | None = None
    watermark: Image | None = None
    pictures: tuple[tuple[Picture, Image], ...] = ()
    font: Typeface = Typeface("Inter", "Bold", "Inter-Bold")


def timeline(edit: Edit, media: Media, captions: Sequence[CaptionEvent] = ()) -> Timeline:
    """The sequence of a clip. `captions` are of `caption_events`: every caption, and the hook title."""
    rate = sequence_rate(edit.rate.fraction)
    background, front, second = pictures(edit, media.main)
    frames = stretches(edit)[-1].end
    speakers = dict.fromkeys(s for s in (*(w.speaker for w in edit.words), *(p.speaker for p in front)) if s)
    beds = music_beds(edit, media.music, frames, rate) if media.music is not None else ()
    if media.effects is not None:
        beds += (Bed(0, frames, media.effects.name, Fraction(0), (Level(0, 1.0),)),)
    stills = _stills(edit, media, frames)
    style = caption_style(edit, media.font)
    return Timeline(
        name=" ".join(edit.title.split()) or "Clip",
        rate=Rate(rate.numerator, rate.denominator),
        width=edit.width,
        height=edit.height,
        frames=frames,
        footage=(media.main, *{f.name: f for f in media.broll.values()}.values()),
        sounds=tuple(sound for sound in (media.music, media.effects) if sound is not None),
        background=background,
        main=front,
        second=second,
        broll=cutaways(edit, media.broll),
        stills=layered(stills),
        voice_gain=edit.config.audio.voice_volume / 100,
        beds=beds,
        captions=_titles(edit, style, captions, "caption", frames),
        hook=_titles(edit, style, captions, "hook", frames),
        notes=_notes(edit, frames),
        speakers=tuple(sorted(speakers)),
    )


def _titles(edit: Edit, style: Style, events: Sequence[CaptionEvent], kind: str, frames: int) -> tuple[Title, ...]:
    titles: list[Title] = []
    for event in events:
        if event.kind != kind:
            continue
        start = max(appears(edit, event.start_s), titles[-1].end if titles else 0)
        end = min(appears(edit, event.end_s), frames)
        if end <= start or not event.text.strip():
            continue
        look = msgspec.structs.replace(style, size=event.size, middle=event.middle)
        titles.append(Title(start, end, event.text, "Hook" if kind == "hook" else "Captions", event.speaker, look))
    return tuple(titles)


def caption_style(edit: Edit, font: Typeface) -> Style:
    """The look of the clip's captions in canvas pixels."""
    look = resolve_style(edit.config, edit.templates)
    fields = look.fields
    scale = min(edit.width, edit.height) / 1080
    return Style(
        font=font,
        size=fields.font_size * scale,
        color=_color(fields.caption_color),
        stroke=fields.stroke_thickness * scale,
        stroke_color=_color(look.preset.stroke_colour),
        middle=edit.height * 0.75,
    )


def _color(text: str) -> tuple[float, float, float, float]:
    colour = parse_colour(text)
    return (colour.r / 255, colour.g / 255, colour.b / 255, float(colour.a))


def _stills(edit: Edit, media: Media, frames: int) -> list[Still]:
    """Pictures that stand still, bottom first, where the renderer lays them: b-roll images, watermark, emoji."""
    stills = []
    for number, (_, spans) in enumerate(cutaway_spans(edit)):
        image = media.broll_images.get(number)
        if image is not None:
            cover = max(edit.width / image.width, edit.height / image.height)
            stills += [_still(image, a, min(b, frames), 0.0, 0.0, image.width * cover) for a, b in spans]
    if media.watermark is not None:
        image = media.watermark
        part = MARK_SHARE * min(edit.width, edit.height) / max(image.width, image.height)
        w, h = even(image.width * part), even(image.height * part)
        zone = safe_zone(edit.width, edit.height)
        x, y = (round(zone.right - w) & ~1) + w / 2, (round(zone.y) & ~1) + h / 2
        opacity = edit.config.elements.watermark.opacity / 100
        stills.append(_still(image, 0, frames, x - edit.width / 2, y - edit.height / 2, w, opacity))
    for picture, image in media.pictures:
        start, end = (min(frames, appears(edit, t)) for t in (picture.start_s, picture.end_s))
        x, y = picture.x + picture.size / 2 - edit.width / 2, picture.y + picture.size / 2 - edit.height / 2
        stills.append(_still(image, start, end, x, y, picture.size))
    return [still for still in stills if still.end > still.start]


def _still(image: Image, start: int, end: int, x: float, y: float, shown: float, opacity: float = 1.0) -> Still:
    return Still(start, end, image.name, image.path, image.width, image.height, x, y, shown, opacity)


def _notes(edit: Edit, frames: int) -> tuple[Note, ...]:
    """Why the clip was chosen, at its start; then the edit's own markers that are still in it."""
    notes = []
    if edit.score is not None or edit.reasoning:
        notes.append(Note(0, "Carmic" if edit.score is None else f"Score {edit.score}", edit.reasoning))
    for marker in edit.markers:
        at = output_frame(edit, marker.t)
        if at is not None and at < frames:
            notes.append(Note(at, marker.name, marker.comment))
    return tuple(sorted(notes, key=lambda note: note.frame))
