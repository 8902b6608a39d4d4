"""Finds font families by name: the installed ones (PyPI packages) and the workspace's own fonts.

The module opens no font file. The names of a workspace's font were read when it was uploaded (`MediaFile.font`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from carmic_assets.model.edit import FontFacts, MediaFile

# Family -> package and path in it. "{}" stands for the style name if each weight is a file of its own.
_SHIPPED: dict[str, tuple[str, str]] = {
    "Inter": ("fontpkg_inter", "files/Inter[opsz,wght].ttf"),
    "Montserrat": ("fontpkg_montserrat", "files/Montserrat[wght].ttf"),
    "Anton": ("fontpkg_anton", "files/Anton-Regular.ttf"),
    "Poppins": ("fontpkg_poppins", "files/Poppins-{}.ttf"),
    "Bebas Neue": ("fontpkg_bebas_neue", "files/BebasNeue-Regular.ttf"),
    "Oswald": ("fontpkg_oswald", "files/Oswald[wght].ttf"),
    "Roboto": ("fontpkg_roboto", "files/Roboto[wdth,wght].ttf"),
    "Noto Sans": ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    "Noto Sans Arabic": ("justmytype_intl_rtl", "fonts/ofl/notosansarabic/NotoSansArabic[wdth,wght].ttf"),
    "Noto Sans Hebrew": ("justmytype_intl_rtl", "fonts/ofl/notosanshebrew/NotoSansHebrew[wdth,wght].ttf"),
    "Noto Sans Devanagari": (
        "justmytype_intl_south_asia",
        "fonts/ofl/notosansdevanagari/NotoSansDevanagari[wdth,wght].ttf",
    ),
    "Noto Sans Bengali": ("justmytype_intl_south_asia", "fonts/ofl/notosansbengali/NotoSansBengali[wdth,wght].ttf"),
    "Noto Sans Tamil": ("justmytype_intl_south_asia", "fonts/ofl/notosanstamil/NotoSansTamil[wdth,wght].ttf"),
    "Noto Sans Telugu": ("justmytype_intl_south_asia", "fonts/ofl/notosanstelugu/NotoSansTelugu[wdth,wght].ttf"),
    "Noto Sans Thai": ("justmytype_intl_sea", "fonts/ofl/notosansthai/NotoSansThai[wdth,wght].ttf"),
    "Noto Sans Lao": ("justmytype_intl_sea", "fonts/ofl/notosanslao/NotoSansLao[wdth,wght].ttf"),
    "Noto Sans Khmer": ("justmytype_intl_sea", "fonts/ofl/notosanskhmer/NotoSansKhmer[wdth,wght].ttf"),
    "Noto Sans Myanmar": ("justmytype_intl_sea", "fonts/ofl/notosansmyanmar/NotoSansMyanmar[wdth,wght].ttf"),
    "Noto Sans JP": ("justmytype_intl_cjk", "fonts/ofl/notosansjp/NotoSansJP[wght].ttf"),
    "Noto Sans KR": ("justmytype_intl_cjk", "fonts/ofl/notosanskr/NotoSansKR[wght].ttf"),
    "Noto Sans SC": ("justmytype_intl_cjk", "fonts/ofl/notosanssc/NotoSansSC[wght].ttf"),
    "Noto Sans TC": ("justmytype_intl_cjk", "fonts/ofl/notosanstc/NotoSansTC[wght].ttf"),
    # For Georgian, Armenian, arrows and mathematics. It comes with matplotlib, a dependency of ultralytics.
    "DejaVu Sans": ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans{}.ttf"),
}

_STYLE_NAMES: dict[str, dict[int, str]] = {
    "Poppins": {
        100: "Thin",
        200: "ExtraLight",
        300: "Light",
        400: "Regular",
        500: "Medium",
        600: "SemiBold",
        700: "Bold",
        800: "ExtraBold",
        900: "Black",
    },
    "DejaVu Sans": {400: "", 700: "-Bold"},
}

# Families in the order in which they are searched for a character that the caption's font does not have.
_FALLBACK_FAMILIES = (
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans Telugu",
    "Noto Sans Thai",
    "Noto Sans Lao",
    "Noto Sans Khmer",
    "Noto Sans Myanmar",
)


class FontSource(msgspec.Struct, frozen=True):
    """The file that a face is built from."""

    family: str
    path: str
    weights: tuple[int, ...]  # empty for a variable font


def list_shipped_families() -> list[str]:
    """Return the shipped families whose package is installed, in the order of `_SHIPPED`."""
    return [family for family, (package, _) in _SHIPPED.items() if package_dir(package)]


def find_family(name: str, custom_fonts: Sequence[MediaFile] = ()) -> str:
    """Return the family called `name`, ignoring case: the workspace's fonts first, then the shipped families.

    Args:
        name: A family name, or the name of one of the workspace's font files.
        custom_fonts: The workspace's font files, newest first; the first match counts.

    Raises:
        ValueError: There is no such font; the message lists the available ones.
    """
    folded_name = name.strip().casefold()
    custom_families = list_custom_families(custom_fonts)
    for font, _ in custom_families:
        if font.family.casefold() == folded_name:
            return font.family
    for font, file in custom_families:
        if folded_name in (file.name.casefold(), Path(file.name).stem.casefold()):
            return font.family
    for family in list_shipped_families():
        if family.casefold() == folded_name:
            return family
    available = [*dict.fromkeys(font.family for font, _ in custom_families), *list_shipped_families()]
    raise ValueError(
        f'There is no font "{name[:80]}". Upload it to the media library, or use one of: {", ".join(available)}.'
    )


def list_fallback_families(language: str | None, text_script: str | None = None) -> list[str]:
    """Return the families to search, in order, for characters that the chosen font does not have.

    Han characters look different in Chinese, Japanese and Korean. `text_script` ("ja", "ko" or "zh"), which is detected
    from the text itself, takes precedence over `language`.
    """
    families_by_language = {"ja": "Noto Sans JP", "ko": "Noto Sans KR", "zh": "Noto Sans SC", "yue": "Noto Sans TC"}
    tag = (language or "").lower()
    first = families_by_language.get(text_script or "")
    if first is None or (text_script == "zh" and tag in ("zh-tw", "zh-hant", "zh-hk", "yue")):
        is_traditional = tag in ("zh-tw", "zh-hant", "zh-hk")
        first = "Noto Sans TC" if is_traditional else families_by_language.get(tag[:3].rstrip("-"), first)
    first = first or "Noto Sans SC"
    cjk = [first, *(f for f in ("Noto Sans SC", "Noto Sans JP", "Noto Sans TC", "Noto Sans KR") if f != first)]
    return [f for f in (*_FALLBACK_FAMILIES, *cjk, "DejaVu Sans") if package_dir(_SHIPPED[f][0])]


def list_custom_families(custom_fonts: Sequence[MediaFile]) -> list[tuple[FontFacts, MediaFile]]:
    """Return the workspace's fonts with their facts, without files that are not fonts."""
    return [(file.font, file) for file in custom_fonts if file.font is not None]


def find_custom_font_names(family: str, weight: int, custom_fonts: Sequence[MediaFile]) -> tuple[str, str] | None:
    """Return style name and PostScript name of the workspace's font file that `build_face` uses for a family.

    Editing programs use these names. The result is None if a shipped family or a variable font is used.
    """
    source = select_source(find_family(family, custom_fonts), weight, custom_fonts)
    fonts = [font for font, file in list_custom_families(custom_fonts) if file.path == source.path]
    if not source.weights or not fonts or not (fonts[0].style and fonts[0].postscript):
        return None
    return fonts[0].style, fonts[0].postscript


def select_source(family: str, weight: int, custom_fonts: Sequence[MediaFile] = ()) -> FontSource:
    """Return the file of a family for a weight. `family` is a result of `find_family`.

    Raises:
        ValueError: The package of a shipped family is not installed.
    """
    own = [(font, file) for font, file in list_custom_families(custom_fonts) if font.family == family]
    if own:
        path_by_weight = {font.weight: file.path for font, file in reversed(own)}
        nearest = min(path_by_weight, key=lambda w: (abs((w or weight) - weight), w or 0))
        return FontSource(family, path_by_weight[nearest], (nearest,) if nearest else ())
    package, pattern = _SHIPPED[family]
    root = package_dir(package)
    if root is None:
        raise ValueError(f'The font "{family}" is not installed. Install the package {package}.')
    style_names = _STYLE_NAMES.get(family)
    if style_names:
        nearest = min(style_names, key=lambda w: (abs(w - weight), w))
        return FontSource(family, str(root / pattern.format(style_names[nearest])), (nearest,))
    return FontSource(family, str(root / pattern), () if "[" in pattern else (400,))


@lru_cache(maxsize=64)
def package_dir(package: str) -> Path | None:
    """Return the folder of an installed package, or None."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None
