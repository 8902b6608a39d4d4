"""What a font is called in each program: family and style for Final Cut, PostScript name for Adobe's. Reads fonts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from carmic_assets.captions.fonts import find_family, source_file
from carmic_assets.model.edit import MediaFile
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


def typeface(family: str, weight: int, own: Sequence[MediaFile] = ()) -> Typeface:
    """The installed face of `family` nearest to `weight`. Raises `RenderFailed` where there is no such family."""
    try:
        return _read(find_family(family, own), source_file(family, weight, own), weight)
    except ValueError as cause:
        raise RenderFailed(str(cause)) from cause


@lru_cache(maxsize=64)
def _read(family: str, path: str, weight: int) -> Typeface:
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True, fontNumber=0) as font:
        names = font["name"]
        axis = next((a for a in font["fvar"].axes if a.axisTag == "wght"), None) if "fvar" in font else None
        if axis is None:
            style = names.getDebugName(17) or names.getDebugName(2) or "Regular"
            return Typeface(family, style, names.getDebugName(6) or _postscript(family, style))
        nearest = min(WEIGHTS, key=lambda w: (abs(w - min(max(weight, axis.minValue), axis.maxValue)), w))
        return Typeface(family, WEIGHTS[nearest], _postscript(family, WEIGHTS[nearest]))


def _postscript(family: str, style: str) -> str:
    return f"{family.replace(' ', '')}-{style.replace(' ', '')}"
