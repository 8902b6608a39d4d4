"""Finds the names of a font: family and style for Final Cut and Resolve, the PostScript name for Adobe's programs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from carmic_assets.captions.caption_styles import resolve_style
from carmic_assets.captions.font_families import find_custom_font_names
from carmic_assets.captions.fonts import build_face
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderError

STYLE_BY_WEIGHT = {
    **{100: "Thin", 200: "ExtraLight", 300: "Light", 400: "Regular", 500: "Medium"},
    **{600: "SemiBold", 700: "Bold", 800: "ExtraBold", 900: "Black"},
}


class FontNames(msgspec.Struct, frozen=True):
    """The names of a font, for example `Montserrat`, `Black` and `Montserrat-Black`."""

    family: str
    style: str
    postscript: str


def resolve_caption_font(edit: Edit, cache: Path) -> FontNames:
    """Return the names of the font that the clip's captions use.

    Raises:
        RenderError: there is no such font family.
    """
    try:
        style = resolve_style(edit.config, edit.templates)
        face = build_face(style.fields.caption_font, style.preset.weight, cache, edit.fonts)
        custom_names = find_custom_font_names(face.family, face.weight, edit.fonts)
    except ValueError as error:
        raise RenderError(str(error)) from error
    if custom_names is not None:
        return FontNames(face.family, *custom_names)
    nearest_weight = min(STYLE_BY_WEIGHT, key=lambda weight: (abs(weight - face.weight), weight))
    style_name = STYLE_BY_WEIGHT[nearest_weight]
    return FontNames(face.family, style_name, f"{face.family.replace(' ', '')}-{style_name}")
