"""The captions of one clip, put together: ASS, fonts and colour pictures for the renderer, caption events for the API.

The one door that rendering, exports and the API use; the other modules of this room are its parts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from carmic_assets.captions import ass
from carmic_assets.captions.animation import lit, reach
from carmic_assets.captions.caption_styles import Style, resolve_style
from carmic_assets.captions.emoji import picture
from carmic_assets.captions.fonts import fonts_dir
from carmic_assets.captions.hook_title import SIZE, hook_style, set_hook
from carmic_assets.captions.placement import EMOJI_EM, Caption, frame, set_captions
from carmic_assets.captions.reactions import Blocked, place
from carmic_assets.captions.shaping import Setter
from carmic_assets.captions.tokens import east_asian
from carmic_assets.captions.word_timing import OutputClock, spoken
from carmic_assets.model.edit import Edit, Span


class Picture(msgspec.Struct, frozen=True):
    """A PNG to lay over the picture: `x`, `y` is its top left corner, canvas pixels; scale it to `size` x `size`.
    Output seconds; `timing.first_frame` tells the frames. `reaction`: one of `elements.emojis`, not an emoji of the
    text."""

    path: str
    x: float
    y: float
    size: float
    start_s: float
    end_s: float
    reaction: bool = False


class CaptionTrack(msgspec.Struct, frozen=True):
    """What the renderer needs. `notes` say what could not be shown as asked, in sentences for the user."""

    ass_path: str
    fonts_dir: str
    pictures: tuple[Picture, ...]
    captions: tuple[Caption, ...]
    hook: Caption | None = None
    notes: tuple[str, ...] = ()


class SpokenWord(msgspec.Struct, frozen=True):
    """A word of a caption as it is shown, and when it is highlighted; output seconds."""

    text: str
    start_s: float
    end_s: float


class CaptionEvent(msgspec.Struct, frozen=True):
    """One caption; output seconds, canvas pixels. `text` has its line breaks, `size` is the em, `middle` the vertical
    middle from the top, `box` left, top, right, bottom with padding. `kind` is "caption" or "hook"."""

    start_s: float
    end_s: float
    text: str
    words: tuple[SpokenWord, ...]
    speaker: str | None
    size: float
    middle: float
    box: tuple[float, float, float, float]
    kind: str = "caption"


class _Layout(msgspec.Struct, frozen=True):
    style: Style
    setter: Setter
    captions: list[Caption]
    hook: Caption | None
    hook_setter: Setter | None


def write_ass(edit: Edit, folder: Path, cache: Path) -> CaptionTrack:
    """Write `captions.ass` into `folder`; make fonts and pictures in `cache`, which clips and workspaces may share.

    ValueError (a sentence for the user) for an unknown font or caption style, or a colour that is none.
    """
    layout = _layout(edit, cache)
    canvas = (edit.width, edit.height)
    scale = min(canvas) / 1080
    size = layout.style.fields.font_size * scale
    styles = [("Caption", layout.setter.main, size)]
    events = [e for c in layout.captions for e in ass.caption_events(c, layout.style, layout.setter.main, size)]
    used = [layout.setter.main, *layout.setter.used]
    if layout.hook is not None and layout.hook_setter is not None:
        main = layout.hook_setter.main
        styles.append(("Hook", main, SIZE * scale))
        events += ass.caption_events(layout.hook, hook_style(layout.style), main, SIZE * scale, "Hook")
        used += [main, *layout.hook_setter.used]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "captions.ass"
    _write(path, ass.document(*canvas, styles, events))
    shown = [*layout.captions, *([layout.hook] if layout.hook else [])]
    pictures = [p for caption in shown for p in _in_text(caption, cache)]
    reactions, notes = _reactions(edit, shown, cache)
    if layout.setter.missing:
        notes.append(
            f'No installed font has the letters "{layout.setter.missing[:40]}": they are left out. '
            "Upload a font that has them to the media library and choose it as the caption font."
        )
    return CaptionTrack(
        ass_path=str(path),
        fonts_dir=str(fonts_dir(used, cache)),
        pictures=tuple(sorted([*pictures, *reactions], key=lambda p: (p.start_s, p.x))),
        captions=tuple(layout.captions),
        hook=layout.hook,
        notes=tuple(notes),
    )


def caption_events(edit: Edit, cache: Path) -> list[CaptionEvent]:
    """What `subtitle-dry-run` answers and the editor packages carry: every caption with its words, and the hook title.

    The same layout as `write_ass`, nothing written but faces in `cache`. ValueError as there.
    """
    layout = _layout(edit, cache)
    events = [_event(c, "caption") for c in layout.captions]
    if layout.hook is not None:
        events.insert(0, _event(layout.hook, "hook"))
    return events


def _layout(edit: Edit, cache: Path) -> _Layout:
    style = resolve_style(edit.config, edit.templates)
    duration = _clock(edit).duration_s
    tokens = spoken(edit.words, edit.keeps, edit.duration_s)
    canvas = (edit.width, edit.height)
    hook, hook_setter = None, None
    title = edit.config.elements.hook_title
    if title.enabled and title.text.strip():
        hook_setter = _setter(edit, style, title.text, cache)
        card = hook_style(style)
        hook = set_hook(title, frame(card, hook_setter, canvas, reach(card), edit.language), duration)
    setter = _setter(edit, style, "".join(t.text for t in tokens), cache)
    framed = frame(style, setter, canvas, reach(style), edit.language)
    return _Layout(style, setter, set_captions(tokens, framed, duration, hook), hook, hook_setter)


def _clock(edit: Edit) -> OutputClock:
    return OutputClock(edit.keeps or (Span(0.0, edit.duration_s),))


def _setter(edit: Edit, style: Style, text: str, cache: Path) -> Setter:
    font = style.fields.caption_font
    return Setter(font, style.preset.weight, cache, edit.fonts, edit.language, east_asian(text))


def _event(caption: Caption, kind: str) -> CaptionEvent:
    placed = sorted((p for line in caption.lines for p in line), key=lambda p: (p.token.word, p.token.start_s))
    times = [lit(caption, p) for p in placed]
    return CaptionEvent(
        start_s=round(caption.start_s, 3),
        end_s=round(caption.end_s, 3),
        text=caption.text,
        words=tuple(
            SpokenWord(p.text, round(on, 3), round(off, 3)) for p, (on, off) in zip(placed, times, strict=True)
        ),
        speaker=placed[0].token.speaker,
        size=round(caption.em, 2),
        middle=round((caption.box[1] + caption.box[3]) / 2, 2),
        box=tuple(round(v, 1) for v in caption.box),  # type: ignore[arg-type]
        kind=kind,
    )


def _in_text(caption: Caption, cache: Path) -> list[Picture]:
    pictures = []
    size = 1.04 * caption.em
    for placed in (p for line in caption.lines for p in line if p.measure is None):
        path = picture(placed.text, size, cache)
        if path is not None:
            x, y = placed.x + (EMOJI_EM * caption.em - size) / 2, placed.y - 0.88 * caption.em
            pictures.append(Picture(str(path), x, y, size, caption.start_s, caption.end_s))
    return pictures


def _reactions(edit: Edit, shown: Sequence[Caption], cache: Path) -> tuple[list[Picture], list[str]]:
    emojis = edit.config.elements.emojis
    if not emojis:
        return [], []
    clock = _clock(edit)
    taken = [Blocked(clock.back(c.start_s), clock.back(c.end_s), c.box) for c in shown]
    placed = place(emojis, (edit.width, edit.height), edit.faces, taken)
    pictures, notes = [], []
    for emoji, (left, top, right, _) in placed:
        path = picture(emoji.emoji, right - left, cache)
        start, end = clock.at(emoji.start_time), clock.at(emoji.start_time + emoji.duration)
        if path is None:
            notes.append(f'There is no picture of the emoji "{emoji.emoji}": that reaction is left out.')
        elif end > start:
            pictures.append(Picture(str(path), left, top, right - left, start, end, reaction=True))
    missing = len(emojis) - len(placed)
    if missing:
        notes.append(f"{missing} emoji reactions found no place clear of faces and captions: they are left out.")
    return pictures, notes


def _write(path: Path, text: str) -> None:
    descriptor, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        Path(aside).replace(path)
    finally:
        Path(aside).unlink(missing_ok=True)
