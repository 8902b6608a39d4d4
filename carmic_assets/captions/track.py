"""The captions of one clip, put together: ASS, fonts and colour pictures for the renderer, in a folder that it names.

The one door that rendering and the API use; the other modules of this room are its parts.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from carmic_assets.captions import ass
from carmic_assets.captions.animation import reach
from carmic_assets.captions.emoji import picture
from carmic_assets.captions.fonts import fonts_dir
from carmic_assets.captions.lines import EMOJI_EM, Caption, set_captions
from carmic_assets.captions.presets import Style, resolve_style
from carmic_assets.captions.shaping import Setter
from carmic_assets.captions.text import east_asian
from carmic_assets.captions.timing import OutputClock, Token, spoken
from carmic_assets.model.edit import Edit, Span


class Picture(msgspec.Struct, frozen=True):
    """A PNG to lay over the picture: `x`, `y` is its top left corner, canvas pixels; scale it to `size` x `size`.
    Output seconds; it is shown in frames with start_s <= t < end_s."""

    path: str
    x: float
    y: float
    size: float
    start_s: float
    end_s: float


class CaptionTrack(msgspec.Struct, frozen=True):
    """What the renderer needs. `notes` say what could not be shown as asked, in sentences for the user."""

    ass_path: str
    fonts_dir: str
    pictures: tuple[Picture, ...]
    captions: tuple[Caption, ...]
    notes: tuple[str, ...] = ()


def write_ass(edit: Edit, folder: Path, cache: Path) -> CaptionTrack:
    """Write `captions.ass` into `folder` and make fonts and pictures in `cache`, which clips and workspaces may share.

    ValueError (with a sentence for the user) for an unknown font or caption style or a colour that is none.
    """
    style = resolve_style(edit.config)
    clock = OutputClock(edit.keeps or (Span(0.0, edit.duration_s),))
    tokens = spoken(edit.words, edit.keeps, edit.duration_s)
    setter = _setter(edit, style, tokens, cache)
    canvas = (edit.width, edit.height)
    captions = set_captions(tokens, style, setter, canvas, reach(style), None, clock.duration_s)
    size = style.fields.font_size * min(canvas) / 1080
    events = [e for c in captions for e in ass.caption_events(c, style, setter.main, size)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "captions.ass"
    _write(path, ass.document(*canvas, [("Caption", setter.main, size)], events))
    faces = [setter.main, *setter.used.values()]
    return CaptionTrack(str(path), str(fonts_dir(faces, cache)), tuple(_pictures(captions, cache)), tuple(captions))


def _setter(edit: Edit, style: Style, tokens: list[Token], cache: Path) -> Setter:
    script = east_asian("".join(t.text for t in tokens))
    return Setter(style.fields.caption_font, style.preset.weight, cache, edit.fonts, None, script)


def _pictures(captions: list[Caption], cache: Path) -> list[Picture]:
    pictures: list[Picture] = []
    for caption in captions:
        for line in caption.lines:
            for placed in line:
                if placed.measure is None:
                    size = 1.04 * caption.em
                    path = picture(placed.text, size, cache)
                    if path is not None:
                        x = placed.x + (EMOJI_EM * caption.em - size) / 2
                        y = placed.y - 0.88 * caption.em
                        pictures.append(Picture(str(path), x, y, size, caption.start_s, caption.end_s))
    return pictures


def _write(path: Path, text: str) -> None:
    descriptor, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        Path(aside).replace(path)
    finally:
        Path(aside).unlink(missing_ok=True)
