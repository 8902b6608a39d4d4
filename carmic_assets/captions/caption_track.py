"""Runs the caption pipeline for one clip.

Rendering, exports and the API call this module. `write_ass` writes the script, fonts and emoji images for the renderer.
`list_caption_events` returns the same layout as data.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from carmic_assets.captions.animation import find_highlight_interval
from carmic_assets.captions.ass import NamedStyle, build_events, format_script
from carmic_assets.captions.caption_events import CaptionEvent, SpokenWord
from carmic_assets.captions.caption_geometry import compute_geometry
from carmic_assets.captions.caption_styles import CaptionStyle, resolve_style
from carmic_assets.captions.emoji import render_emoji
from carmic_assets.captions.face_avoidance import place_clear_of_faces
from carmic_assets.captions.fonts import build_fonts_dir
from carmic_assets.captions.hook_title import FONT_SIZE_PX, derive_hook_style, place_hook_title
from carmic_assets.captions.line_breaking import break_screens
from carmic_assets.captions.line_measuring import EMOJI_WIDTH_EM, measure_text
from carmic_assets.captions.phrases import split_phrases
from carmic_assets.captions.placement import Caption
from carmic_assets.captions.reactions import OccupiedArea, place_reactions
from carmic_assets.captions.shaping import Typesetter
from carmic_assets.captions.unicode_text import detect_east_asian_language
from carmic_assets.captions.word_timing import OutputClock, tokenize_words
from carmic_assets.model.edit import Edit, Span

_EMOJI_SIDE_EM = 1.04  # side of the image of an emoji in the text
_EMOJI_ABOVE_BASELINE_EM = 0.88  # distance of the image's top edge above the baseline


class EmojiOverlay(msgspec.Struct, frozen=True):
    """A PNG to overlay on the video, scaled to `size` x `size`. `x`, `y` is its top left corner in canvas pixels.

    Times are on the output clock; `word_timing.find_first_frame` converts them to frames.
    """

    path: str
    x: float
    y: float
    size: float
    start_s: float
    end_s: float
    reaction: bool = False  # True for one of `elements.emojis`, False for an emoji in the text


class CaptionTrack(msgspec.Struct, frozen=True):
    """The files and overlays from which the renderer draws the captions of a clip."""

    ass_path: str
    fonts_dir: str
    overlays: tuple[EmojiOverlay, ...]
    captions: tuple[Caption, ...]
    hook: Caption | None = None
    notes: tuple[str, ...] = ()  # sentences for the user that state what could not be shown as configured


class _CaptionLayout(msgspec.Struct, frozen=True):
    """The placed captions of a clip, before the script is written."""

    style: CaptionStyle
    typesetter: Typesetter
    captions: list[Caption]
    hook: Caption | None
    hook_typesetter: Typesetter | None

    @property
    def all_captions(self) -> list[Caption]:
        return [*self.captions, *([self.hook] if self.hook else [])]


def write_ass(edit: Edit, folder: Path, cache: Path) -> CaptionTrack:
    """Write `captions.ass` to `folder`, and the fonts and emoji images that it needs to `cache`.

    Clips and workspaces may share the cache.

    Raises:
        ValueError: A font, a caption style or a colour is not valid; the message is a sentence for the user.
    """
    layout = _lay_out(edit, cache)
    canvas = (edit.width, edit.height)
    scale = min(canvas) / 1080
    caption_style = NamedStyle("Caption", layout.typesetter.main_face, layout.style.fields.font_size * scale)
    styles = [caption_style]
    events = [event for caption in layout.captions for event in build_events(caption, layout.style, caption_style)]
    faces = [layout.typesetter.main_face, *layout.typesetter.used_faces]
    if layout.hook is not None and layout.hook_typesetter is not None:
        hook_style = NamedStyle("Hook", layout.hook_typesetter.main_face, FONT_SIZE_PX * scale)
        styles.append(hook_style)
        events += build_events(layout.hook, derive_hook_style(layout.style), hook_style)
        faces += [layout.hook_typesetter.main_face, *layout.hook_typesetter.used_faces]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "captions.ass"
    _write_text(path, format_script(*canvas, styles, events))
    text_overlays = [overlay for caption in layout.all_captions for overlay in _build_text_overlays(caption, cache)]
    reaction_overlays, notes = _build_reaction_overlays(edit, layout.all_captions, cache)
    if layout.typesetter.missing_characters:
        notes.append(
            f'No installed font has the characters "{layout.typesetter.missing_characters[:40]}", '
            "so they are omitted. Upload a font that has them to the media library and choose it as the caption font."
        )
    return CaptionTrack(
        ass_path=str(path),
        fonts_dir=str(build_fonts_dir(faces, cache)),
        overlays=tuple(sorted([*text_overlays, *reaction_overlays], key=lambda o: (o.start_s, o.x))),
        captions=tuple(layout.captions),
        hook=layout.hook,
        notes=tuple(notes),
    )


def list_caption_events(edit: Edit, cache: Path) -> list[CaptionEvent]:
    """Return the hook title and every caption with its words, for `subtitle-dry-run` and the export packages.

    The layout is that of `write_ass`, but only font faces in the cache are written.

    Raises:
        ValueError: As `write_ass`.
    """
    layout = _lay_out(edit, cache)
    events = [_to_event(caption, "caption") for caption in layout.captions]
    if layout.hook is not None:
        events.insert(0, _to_event(layout.hook, "hook"))
    return events


def _lay_out(edit: Edit, cache: Path) -> _CaptionLayout:
    """Return the layout of the captions and the hook title, by the pipeline up to placement."""
    style = resolve_style(edit.config, edit.templates)
    duration_s = _build_output_clock(edit).duration_s
    canvas = (edit.width, edit.height)
    hook, hook_typesetter = None, None
    title = edit.config.elements.hook_title
    if title.enabled and title.text.strip():
        hook_typesetter = _create_typesetter(edit, style, title.text, cache)
        hook_geometry = compute_geometry(derive_hook_style(style), hook_typesetter, canvas, edit.language)
        hook = place_hook_title(title, hook_geometry, duration_s)
    tokens = tokenize_words(edit.words, edit.kept_spans, edit.duration_s)
    typesetter = _create_typesetter(edit, style, "".join(token.text for token in tokens), cache)
    geometry = compute_geometry(style, typesetter, canvas, edit.language)
    measured = measure_text(split_phrases(tokens), geometry)
    screens = break_screens(measured.phrases, measured.limits, duration_s)
    captions = place_clear_of_faces(screens, measured.geometry, hook, edit, _build_output_clock(edit))
    return _CaptionLayout(style, typesetter, captions, hook, hook_typesetter)


def _build_output_clock(edit: Edit) -> OutputClock:
    return OutputClock(edit.kept_spans or (Span(0.0, edit.duration_s),))


def _create_typesetter(edit: Edit, style: CaptionStyle, text: str, cache: Path) -> Typesetter:
    family = style.fields.caption_font
    script = detect_east_asian_language(text)
    return Typesetter(family, style.preset.weight, cache, edit.fonts, edit.language, script)


def _to_event(caption: Caption, kind: str) -> CaptionEvent:
    placed = sorted((p for line in caption.lines for p in line), key=lambda p: (p.token.word_index, p.token.start_s))
    intervals = [find_highlight_interval(caption, p) for p in placed]
    left, top, right, bottom = (round(v, 1) for v in caption.box)
    return CaptionEvent(
        start_s=round(caption.start_s, 3),
        end_s=round(caption.end_s, 3),
        text=caption.text,
        words=tuple(
            SpokenWord(p.text, round(on_s, 3), round(off_s, 3))
            for p, (on_s, off_s) in zip(placed, intervals, strict=True)
        ),
        speaker=placed[0].token.speaker,
        size=round(caption.font_px, 2),
        middle=round((caption.box[1] + caption.box[3]) / 2, 2),
        box=(left, top, right, bottom),
        kind=kind,
    )


def _build_text_overlays(caption: Caption, cache: Path) -> list[EmojiOverlay]:
    """Return the overlays of the emoji in a caption's text."""
    overlays = []
    size = _EMOJI_SIDE_EM * caption.font_px
    for placed in (p for line in caption.lines for p in line if p.metrics is None):
        path = render_emoji(placed.text, size, cache)
        if path is not None:
            x = placed.x + (EMOJI_WIDTH_EM * caption.font_px - size) / 2
            y = placed.y - _EMOJI_ABOVE_BASELINE_EM * caption.font_px
            overlays.append(EmojiOverlay(str(path), x, y, size, caption.start_s, caption.end_s))
    return overlays


def _build_reaction_overlays(
    edit: Edit, captions: Sequence[Caption], cache: Path
) -> tuple[list[EmojiOverlay], list[str]]:
    """Return the overlays of the configured emoji reactions, and notes on the omitted ones."""
    emojis = edit.config.elements.emojis
    if not emojis:
        return [], []
    clock = _build_output_clock(edit)
    caption_areas = [OccupiedArea(clock.to_clip(c.start_s), clock.to_clip(c.end_s), c.box) for c in captions]
    placed = place_reactions(emojis, (edit.width, edit.height), edit.faces, caption_areas)
    overlays, notes = [], []
    for emoji, (left, top, right, _) in placed:
        path = render_emoji(emoji.emoji, right - left, cache)
        start_s, end_s = clock.to_output(emoji.start_time), clock.to_output(emoji.start_time + emoji.duration)
        if path is None:
            notes.append(f'There is no image of the emoji "{emoji.emoji}", so this reaction is omitted.')
        elif end_s > start_s:
            overlays.append(EmojiOverlay(str(path), left, top, right - left, start_s, end_s, reaction=True))
    unplaced = len(emojis) - len(placed)
    if unplaced:
        notes.append(f"{unplaced} emoji reactions are omitted: there is no free place outside faces and captions.")
    return overlays, notes


def _write_text(path: Path, text: str) -> None:
    """Write a file atomically: through a staging file in the same folder."""
    descriptor, staging_path = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as staging_file:
            staging_file.write(text)
        Path(staging_path).replace(path)
    finally:
        Path(staging_path).unlink(missing_ok=True)
