"""Builds the `Timeline` of an `Edit` from the edit and its packaged media."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import msgspec

from carmic_assets.captions.caption_events import CaptionEvent
from carmic_assets.captions.caption_styles import resolve_style
from carmic_assets.captions.caption_track import EmojiOverlay
from carmic_assets.captions.colours import parse_colour
from carmic_assets.captions.safe_zone import compute_safe_zone
from carmic_assets.exports.font_names import FontNames
from carmic_assets.exports.music_levels import build_music_items
from carmic_assets.exports.nle_timeline import (
    RGBA,
    AudioItem,
    GainKeyframe,
    SequenceMarker,
    StillItem,
    Timeline,
    Title,
    TitleStyle,
    assign_still_tracks,
    build_broll_track,
    build_picture_tracks,
    compute_visible_cutaway_ranges,
    find_first_sequence_frame,
    find_sequence_frame,
    split_segments,
)
from carmic_assets.exports.package_media import PackagedAudio, PackagedImage, PackagedVideo
from carmic_assets.exports.timecode import choose_sequence_rate
from carmic_assets.media.video_filters import round_to_even
from carmic_assets.model.edit import Edit
from carmic_assets.model.media import FrameRate
from carmic_assets.rendering.video_graph import WATERMARK_RATIO

DEFAULT_TITLE_Y_RATIO = 0.75  # of the canvas's height, from the top; each caption event has its own position


class PackagedMedia(msgspec.Struct, frozen=True):
    """The packaged media of a clip. `broll` and `broll_images` are keyed by the cutaway's index."""

    main: PackagedVideo
    broll: dict[int, PackagedVideo] = {}
    broll_images: dict[int, PackagedImage] = {}
    music: PackagedAudio | None = None
    effects: PackagedAudio | None = None
    watermark: PackagedImage | None = None
    reactions: tuple[tuple[EmojiOverlay, PackagedImage], ...] = ()
    caption_font: FontNames = FontNames("Inter", "Bold", "Inter-Bold")


def build_timeline(edit: Edit, media: PackagedMedia, captions: Sequence[CaptionEvent] = ()) -> Timeline:
    """Return the timeline of a clip. `captions` are its captions and hook title, from `list_caption_events`."""
    rate = choose_sequence_rate(edit.rate.fraction)
    background, main, second, third, fourth = build_picture_tracks(edit, media.main)
    frames = split_segments(edit)[-1].sequence_end
    speakers = [*(word.speaker for word in edit.words), *(item.speaker for item in main)]
    audio_items = build_music_items(edit, media.music, frames, rate) if media.music is not None else ()
    if media.effects is not None:
        audio_items += (AudioItem(0, frames, media.effects.name, Fraction(0), (GainKeyframe(0, 1.0),)),)
    style = build_title_style(edit, media.caption_font)
    return Timeline(
        name=" ".join(edit.title.split()) or "Clip",
        rate=FrameRate(rate.numerator, rate.denominator),
        width=edit.width,
        height=edit.height,
        frames=frames,
        videos=(media.main, *{file.name: file for file in media.broll.values()}.values()),
        audio_files=tuple(file for file in (media.music, media.effects) if file is not None),
        background=background,
        main=main,
        second=second,
        third=third,
        fourth=fourth,
        broll=build_broll_track(edit, media.broll),
        stills=assign_still_tracks(_build_stills(edit, media, frames)),
        voice_gain=edit.config.audio.voice_volume / 100,
        audio_items=audio_items,
        captions=_build_titles(edit, style, captions, "caption", frames),
        hook=_build_titles(edit, style, captions, "hook", frames),
        markers=_build_markers(edit, frames),
        speakers=tuple(sorted({speaker for speaker in speakers if speaker})),
    )


def _build_titles(
    edit: Edit, style: TitleStyle, events: Sequence[CaptionEvent], kind: str, frames: int
) -> tuple[Title, ...]:
    titles: list[Title] = []
    for event in events:
        if event.kind != kind:
            continue
        start = max(find_first_sequence_frame(edit, event.start_s), titles[-1].end if titles else 0)
        end = min(find_first_sequence_frame(edit, event.end_s), frames)
        if end <= start or not event.text.strip():
            continue
        event_style = msgspec.structs.replace(style, size_px=event.size, middle_px=event.middle)
        role: Literal["Captions", "Hook"] = "Hook" if kind == "hook" else "Captions"
        titles.append(Title(start, end, event.text, role, event.speaker, event_style))
    return tuple(titles)


def build_title_style(edit: Edit, font: FontNames) -> TitleStyle:
    """Return the style of the clip's titles, with sizes in canvas pixels."""
    style = resolve_style(edit.config, edit.templates)
    scale = min(edit.width, edit.height) / 1080
    return TitleStyle(
        font=font,
        size_px=style.fields.font_size * scale,
        color=_parse_rgba(style.fields.caption_color),
        stroke_px=style.fields.stroke_thickness * scale,
        stroke_color=_parse_rgba(style.preset.stroke_colour),
        middle_px=edit.height * DEFAULT_TITLE_Y_RATIO,
    )


def _parse_rgba(text: str) -> RGBA:
    colour = parse_colour(text)
    return (colour.r / 255, colour.g / 255, colour.b / 255, float(colour.a))


def _build_stills(edit: Edit, media: PackagedMedia, frames: int) -> list[StillItem]:
    """Return the images from the bottom up, placed as in the render: b-roll images, watermark, emoji reactions."""
    stills = []
    for number, (_, ranges) in enumerate(compute_visible_cutaway_ranges(edit)):
        image = media.broll_images.get(number)
        if image is not None:
            scale = max(edit.width / image.width, edit.height / image.height)
            stills += [_place_still(image, (a, min(b, frames)), (0.0, 0.0), image.width * scale) for a, b in ranges]
    if media.watermark is not None:
        stills.append(_place_watermark(edit, media.watermark, frames))
    for emoji, image in media.reactions:
        start, end = (min(frames, find_first_sequence_frame(edit, t)) for t in (emoji.start_s, emoji.end_s))
        x, y = emoji.x + emoji.size / 2 - edit.width / 2, emoji.y + emoji.size / 2 - edit.height / 2
        stills.append(_place_still(image, (start, end), (x, y), emoji.size))
    return [still for still in stills if still.end > still.start]


def _place_watermark(edit: Edit, image: PackagedImage, frames: int) -> StillItem:
    scale = WATERMARK_RATIO * min(edit.width, edit.height) / max(image.width, image.height)
    w, h = round_to_even(image.width * scale), round_to_even(image.height * scale)
    zone = compute_safe_zone(edit.width, edit.height)
    x, y = (round(zone.right - w) & ~1) + w / 2, (round(zone.y) & ~1) + h / 2
    opacity = edit.config.elements.watermark.opacity / 100
    return _place_still(image, (0, frames), (x - edit.width / 2, y - edit.height / 2), w, opacity)


def _place_still(
    image: PackagedImage,
    frame_range: tuple[int, int],
    centre: tuple[float, float],
    shown_width: float,
    opacity: float = 1.0,
) -> StillItem:
    return StillItem(*frame_range, image.name, image.path, image.width, image.height, *centre, shown_width, opacity)


def _build_markers(edit: Edit, frames: int) -> tuple[SequenceMarker, ...]:
    """Return a marker with the clip's score and reasoning, and the edit's markers outside removed pauses."""
    markers = []
    if edit.score is not None or edit.reasoning:
        name = "Carmic" if edit.score is None else f"Score {edit.score}"
        markers.append(SequenceMarker(0, name, edit.reasoning))
    for marker in edit.markers:
        frame = find_sequence_frame(edit, marker.t)
        if frame is not None and frame < frames:
            markers.append(SequenceMarker(frame, marker.name, marker.comment))
    return tuple(sorted(markers, key=lambda marker: marker.frame))
