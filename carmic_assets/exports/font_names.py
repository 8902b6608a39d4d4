"""What a font is called in each program: family and style for Final Cut, PostScript name for Adobe's. Opens no font."""

from __future__ import annotations

from pathlib import Path

import msgspec

from carmic_assets.captions.caption_styles import resolve_style
from carmic_assets.captions.fonts import face, own_names
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderFailed

WEIGHTS = {
    **{100: "Thin", 200: "ExtraLight", 300: "Light", 400: "Regular", 500: "Medium"},
    **{600: "SemiBold", 700: "Bold", 800: "ExtraBold", 900: "Black"},
}


class Typeface(msgspec.Struct, frozen=True):
    """`Montserrat`, `Black`, `Montserrat-Black`."""

    family: str
    style: str
    postscript: str


def caption_typeface(edit: Edit, cache: Path) -> Typeface:
    """The face that the clip's captions are drawn with. Raises `RenderFailed` where there is no such family."""
    try:
        look = resolve_style(edit.config, edit.templates)
        drawn = face(look.fields.caption_font, look.preset.weight, cache, edit.fonts)
        names = own_names(drawn.family, drawn.weight, edit.fonts)
    except ValueError as cause:
        raise RenderFailed(str(cause)) from cause
    if names is not None:
        return Typeface(drawn.family, *names)
    style = WEIGHTS[min(WEIGHTS, key=lambda weight: (abs(weight - drawn.weight), weight))]
    return Typeface(drawn.family, style, f"{drawn.family.replace(' ', '')}-{style}")
