"""Font files for libass, by family name: the shipped families (PyPI packages) and the workspace's own fonts.

libass substitutes another font silently where a family, a weight or a glyph is missing. So each face is built once, in
a cache, as a static instance at one weight: libass reads only the default instance of a variable font, and Montserrat's
is Thin. All faces get the same ascent and descent, so that ASS's font size is the em in pixels and baselines of mixed
families agree. A clip gets a folder with exactly the faces that it names. System fonts are never read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import msgspec
import uharfbuzz as hb
from fontTools.ttLib import TTFont, TTLibError, newTable

from carmic_assets.model.edit import MediaFile

# Part of the file names in the cache; raise it whenever metrics, names or tables of the faces change.
_CACHE_FORMAT = "5"

# Ascent of every face in ems; the rest of one em is its descent, which makes ASS's font size the em size.
ASCENT = 0.8

# Family -> package and path in it. "{}" stands for the style name where each weight is a file of its own.
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

# The order in which families are searched for a character that the caption's font does not have.
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


class Face(msgspec.Struct, frozen=True):
    """One static font file in the cache."""

    family: str
    weight: int
    path: str

    @property
    def name(self) -> str:
        """The name for ASS: the family, with the weight unless it is regular.

        The weight in the name keeps libass from choosing a system font of another weight, and from emboldening.
        """
        return _ass_name(self.family, self.weight)


class _FontSource(msgspec.Struct, frozen=True):
    """The file that a face is built from."""

    family: str
    path: str
    weights: tuple[int, ...]  # empty for a variable font


def list_shipped_families() -> list[str]:
    """List the shipped families whose package is installed, those made for captions first."""
    return [family for family, (package, _) in _SHIPPED.items() if _package_dir(package)]


def find_family(name: str, custom_fonts: Sequence[MediaFile] = ()) -> str:
    """Return the family that `name` means, ignoring case: the workspace's fonts first, then the shipped families.

    Args:
        name: A family name, or the name of one of the workspace's font files.
        custom_fonts: The workspace's font files, newest first; the first match counts.

    Raises:
        ValueError: There is no such font; the message lists the available ones.
    """
    folded_name = name.strip().casefold()
    custom_families = list_custom_families(tuple(custom_fonts))
    for family, _ in custom_families:
        if family.casefold() == folded_name:
            return family
    for file in custom_fonts:
        if folded_name in (file.name.casefold(), Path(file.name).stem.casefold()):
            return _read_family(file.path, file.name)
    for family in list_shipped_families():
        if family.casefold() == folded_name:
            return family
    available = [*dict.fromkeys(family for family, _ in custom_families), *list_shipped_families()]
    raise ValueError(
        f'There is no font "{name[:80]}". Upload it to the media library, or use one of: {", ".join(available)}.'
    )


def list_fallback_families(language: str | None, text_script: str | None = None) -> list[str]:
    """List the families to search, in order, for characters that the chosen font does not have.

    Han characters look different in Chinese, Japanese and Korean. `text_script` ("ja", "ko" or "zh"), which is detected
    from the text itself, selects the family before `language` does.
    """
    families_by_language = {"ja": "Noto Sans JP", "ko": "Noto Sans KR", "zh": "Noto Sans SC", "yue": "Noto Sans TC"}
    tag = (language or "").lower()
    first = families_by_language.get(text_script or "")
    if first is None or (text_script == "zh" and tag in ("zh-tw", "zh-hant", "zh-hk", "yue")):
        is_traditional = tag in ("zh-tw", "zh-hant", "zh-hk")
        first = "Noto Sans TC" if is_traditional else families_by_language.get(tag[:3].rstrip("-"), first)
    first = first or "Noto Sans SC"
    cjk = [first, *(f for f in ("Noto Sans SC", "Noto Sans JP", "Noto Sans TC", "Noto Sans KR") if f != first)]
    return [f for f in (*_FALLBACK_FAMILIES, *cjk, "DejaVu Sans") if _package_dir(_SHIPPED[f][0])]


def build_face(family: str, weight: int, cache: Path, custom_fonts: Sequence[MediaFile] = ()) -> Face:
    """Return the static face of a family nearest to a weight; build it in the cache on first use.

    Building takes about 0.1 s, and 1 s for East Asian families.

    Raises:
        ValueError: There is no such family, or its file is not a usable font.
    """
    source = _select_source(find_family(family, custom_fonts), weight, tuple(custom_fonts))
    if source.weights:
        weight = min(source.weights, key=lambda w: (abs(w - weight), w))
    return _cached_face(source, weight, str(cache))


def find_sample_file(family: str, weight: int, cache: Path, custom_fonts: Sequence[MediaFile] = ()) -> str:
    """Return a file with the characters of a family; for a shipped one the package's own, so that no face is built."""
    if any(name == family for name, _ in list_custom_families(tuple(custom_fonts))):
        return build_face(family, weight, cache, custom_fonts).path
    return _select_source(family, weight, ()).path


def build_fonts_dir(faces: Iterable[Face], cache: Path) -> Path:
    """Return a folder with exactly these faces, for ffmpeg's `fontsdir`. The same faces give the same folder."""
    paths = sorted({face.path for face in faces})
    key = hashlib.sha256("\n".join(Path(p).name for p in paths).encode()).hexdigest()[:16]
    folder = cache / f"set-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        link = folder / Path(path).name
        if not link.exists():
            _link_or_copy(Path(path), link)
    return folder


def list_custom_families(custom_fonts: tuple[MediaFile, ...]) -> list[tuple[str, MediaFile]]:
    """List family name and file of each of the workspace's fonts, without files that are not fonts."""
    families = []
    for file in custom_fonts:
        with suppress(ValueError):
            families.append((_read_family(file.path, file.name), file))
    return families


def find_custom_font_names(family: str, weight: int, custom_fonts: Sequence[MediaFile]) -> tuple[str, str] | None:
    """Return style name and PostScript name of the workspace's font file that `build_face` uses for a family.

    Editing programs know the font by these names. None if a shipped family or a variable font is used.
    """
    source = _select_source(find_family(family, custom_fonts), weight, tuple(custom_fonts))
    if not source.weights or source.path not in {file.path for file in custom_fonts}:
        return None
    with TTFont(source.path, lazy=True, fontNumber=0) as font:
        style, postscript = font["name"].getBestSubFamilyName(), font["name"].getDebugName(6)
    return (style, postscript) if style and postscript else None


@lru_cache(maxsize=64)
def _package_dir(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _select_source(family: str, weight: int, custom_fonts: tuple[MediaFile, ...]) -> _FontSource:
    """Return the file of a family for a weight. `family` is a result of `find_family`."""
    files = [file for name, file in list_custom_families(custom_fonts) if name == family]
    if files:
        path_by_weight = {_read_weight(file.path): file.path for file in reversed(files)}
        nearest = min(path_by_weight, key=lambda w: (abs((w or weight) - weight), w or 0))
        return _FontSource(family, path_by_weight[nearest], (nearest,) if nearest else ())
    package, pattern = _SHIPPED[family]
    root = _package_dir(package)
    if root is None:
        raise ValueError(f'The font "{family}" is not installed. Install the package {package}.')
    style_names = _STYLE_NAMES.get(family)
    if style_names:
        nearest = min(style_names, key=lambda w: (abs(w - weight), w))
        return _FontSource(family, str(root / pattern.format(style_names[nearest])), (nearest,))
    return _FontSource(family, str(root / pattern), () if "[" in pattern else (400,))


@lru_cache(maxsize=256)
def _read_family(path: str, name: str) -> str:
    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            family = font["name"].getBestFamilyName()
            font.getBestCmap()
    except (TTLibError, OSError, KeyError, ValueError, AssertionError, ImportError) as error:
        raise ValueError(f'"{name}" cannot be used as a font. Upload a TTF or OTF file.') from error
    return " ".join(str(family or "").split()) or Path(name).stem


@lru_cache(maxsize=256)
def _read_weight(path: str) -> int:
    """Weight class of a static font, 0 for a variable one."""
    with TTFont(path, lazy=True, fontNumber=0) as font:
        return 0 if "fvar" in font else int(font["OS/2"].usWeightClass) if "OS/2" in font else 400


@lru_cache(maxsize=512)
def _cached_face(source: _FontSource, weight: int, cache: str) -> Face:
    path = Path(source.path)
    key = hashlib.sha256(f"{_CACHE_FORMAT}|{source.family}|{path.name}|{path.stat().st_size}|{weight}".encode())
    if _package_dir("fontpkg_inter") not in path.parents:
        with path.open("rb") as font_file:  # different uploads can have the same name and size
            key.update(font_file.read(1 << 20))
    target = Path(cache) / f"{_ascii_name(source.family)}-{weight}-{key.hexdigest()[:12]}.ttf"
    if not target.exists():
        _build(source, weight, target)
    return Face(source.family, weight, str(target))


def _build(source: _FontSource, weight: int, target: Path) -> None:
    """Write the static face, with the metrics and names that libass is to see."""
    font = TTFont(source.path, fontNumber=0) if source.weights else _instantiate(source, weight)
    font.flavor = None
    em = font["head"].unitsPerEm
    if "OS/2" not in font:
        raise ValueError(f'The font "{source.family}" has no OS/2 table. Upload a TTF or OTF file that has one.')
    os2 = font["OS/2"]
    os2.usWinAscent, os2.usWinDescent = round(ASCENT * em), em - round(ASCENT * em)
    os2.usWeightClass = 400  # regular, neither bold nor italic: the weight is in the name
    os2.fsSelection = (os2.fsSelection & ~0b100001) | 0b1000000
    font["head"].macStyle = 0
    table = font["name"] = newTable("name")
    table.names = []
    name = _ass_name(source.family, weight)
    for name_id, text in ((1, name), (2, "Regular"), (4, name), (6, f"{_ascii_name(source.family)}-{weight}")):
        table.setName(text, name_id, 3, 1, 0x409)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, staging_path = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as staging_file:
            font.save(staging_file)
        Path(staging_path).replace(target)
    finally:
        Path(staging_path).unlink(missing_ok=True)
        font.close()


def _instantiate(source: _FontSource, weight: int) -> TTFont:
    """Return a variable font at one weight, all other axes at their default."""
    face = hb.Face(hb.Blob(_read_as_sfnt(source.path)))
    subset = hb.SubsetInput()
    subset.keep_everything()
    subset.pin_all_axes_to_default(face)
    ranges = {info.tag: (info.min_value, info.max_value) for info in face.axis_infos}
    for axis, value in (("wght", weight), ("opsz", 32)):
        if axis in ranges:
            low, high = ranges[axis]
            subset.pin_axis_location(face, axis, float(min(max(value, low), high)))
    return TTFont(BytesIO(hb.subset(face, subset).blob.data), lazy=True)


def _read_as_sfnt(path: str) -> bytes:
    """Return the file as TrueType or OpenType, because HarfBuzz does not read WOFF."""
    data = Path(path).read_bytes()
    if data[:4] not in (b"wOFF", b"wOF2"):
        return data
    sfnt = BytesIO()
    with TTFont(BytesIO(data)) as font:
        font.flavor = None
        font.save(sfnt)
    return sfnt.getvalue()


def _ass_name(family: str, weight: int) -> str:
    # In ASS a comma ends a field of a style, a brace or a backslash begins tags, and an @ means vertical text.
    name = "".join(c for c in family if c.isalnum() or c in " -_.") or "Own"
    return name if weight == 400 else f"{name} {weight}"


def _ascii_name(family: str) -> str:
    return "".join(c for c in family if c.isascii() and c.isalnum()) or "Own"


def _link_or_copy(path: Path, link: Path) -> None:
    """Create a hard link, or a copy where the filesystem has none. Another process may do the same at the same time."""
    staging_path = link.with_name(f"{link.name}.{os.getpid()}.part")
    try:
        try:
            staging_path.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, staging_path)
        staging_path.replace(link)
    finally:
        staging_path.unlink(missing_ok=True)
