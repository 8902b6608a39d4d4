"""Font families by name: the shipped ones (from PyPI packages) and the workspace's own, as files that libass can take.

libass picks another font silently when a family, a weight or a glyph is not there. So every face is made here once, in
a cache: a static instance at one weight (libass reads only the default of a variable font, and Montserrat's is Thin),
with the same ascent and descent for every face, so that ASS's font size is the em in pixels and the baselines of mixed
families agree. A clip gets a folder with exactly the faces that it names. Never reads fonts of the system.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from carmic_assets.model.edit import MediaFile

# Faces with other metrics, names or tables than this version makes must not be found in an old cache.
_FORMAT = "5"

# Every face is given this ascent and the rest of one em as descent, which makes ASS's font size the em size.
ASCENT = 0.8

# family -> package, path below it. "{}" stands for the style's name where each weight is a file of its own.
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
    # Broad and plain: Georgian, Armenian, arrows, mathematics. It comes with matplotlib, which ultralytics needs.
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

# The order in which families are asked for a letter that the caption's own font does not have.
_FALLBACKS = (
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
    """One static font file in the cache. `name` is what ASS calls it: the family, with the weight unless regular. So
    neither a font of the system with another weight nor libass's own emboldening can take its place."""

    family: str
    weight: int
    path: str

    @property
    def name(self) -> str:
        return _name(self.family, self.weight)


class _Source(msgspec.Struct, frozen=True):
    family: str
    path: str
    weights: tuple[int, ...]  # () where `path` is variable


def shipped_families() -> list[str]:
    """Families whose package is installed, the ones for captions first."""
    return [family for family, (package, _) in _SHIPPED.items() if _package_dir(package)]


def find_family(name: str, own: Sequence[MediaFile] = ()) -> str:
    """The family that `name` means, ignoring case: the workspace's `own` files first, then the shipped ones. Of two own
    files the earlier in the list counts: `own` is newest first.

    ValueError with the known names where there is none.
    """
    wanted = name.strip().casefold()
    mine = own_families(tuple(own))
    for family, _ in mine:
        if family.casefold() == wanted:
            return family
    for file in own:
        if wanted in (file.name.casefold(), Path(file.name).stem.casefold()):
            return _family_of(file.path, file.name)
    for family in shipped_families():
        if family.casefold() == wanted:
            return family
    known = [*dict.fromkeys(family for family, _ in mine), *shipped_families()]
    raise ValueError(
        f'There is no font "{name[:80]}". Upload it to the media library, or use one of: {", ".join(known)}.'
    )


def fallback_families(language: str | None, text_script: str | None = None) -> list[str]:
    """Families to ask, in order, for letters the chosen font lacks. `text_script` ("ja", "ko", "zh") is what the text
    itself shows of its East Asian language; Han characters look different in each, so it decides before `language`."""
    east_asian = {"ja": "Noto Sans JP", "ko": "Noto Sans KR", "zh": "Noto Sans SC", "yue": "Noto Sans TC"}
    tag = (language or "").lower()
    first = east_asian.get(text_script or "")
    if first is None or (text_script == "zh" and tag in ("zh-tw", "zh-hant", "zh-hk", "yue")):
        first = "Noto Sans TC" if tag in ("zh-tw", "zh-hant", "zh-hk") else east_asian.get(tag[:3].rstrip("-"), first)
    first = first or "Noto Sans SC"
    cjk = [first, *(f for f in ("Noto Sans SC", "Noto Sans JP", "Noto Sans TC", "Noto Sans KR") if f != first)]
    return [f for f in (*_FALLBACKS, *cjk, "DejaVu Sans") if _package_dir(_SHIPPED[f][0])]


def face(family: str, weight: int, cache: Path, own: Sequence[MediaFile] = ()) -> Face:
    """The static face of `family` nearest to `weight`, made in `cache` on first use (0.1 s; 1 s for East Asian ones).

    ValueError where the family is not there or its file is no usable font.
    """
    source = _source(find_family(family, own), weight, tuple(own))
    if source.weights:
        weight = min(source.weights, key=lambda w: (abs(w - weight), w))
    return _made(source, weight, str(cache))


def sample_file(family: str, weight: int, cache: Path, own: Sequence[MediaFile] = ()) -> str:
    """A file with the letters of `family`: the package's own where there is one, which costs no face to be made."""
    if any(name == family for name, _ in own_families(tuple(own))):
        return face(family, weight, cache, own).path
    return _source(family, weight, ()).path


def fonts_dir(faces: Iterable[Face], cache: Path) -> Path:
    """A folder with exactly these faces, for ffmpeg's `fontsdir`. The same faces give the same folder."""
    chosen = sorted({f.path for f in faces})
    key = hashlib.sha256("\n".join(Path(p).name for p in chosen).encode()).hexdigest()[:16]
    folder = cache / f"set-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in chosen:
        link = folder / Path(path).name
        if not link.exists():
            _place(Path(path), link)
    return folder


def own_families(own: tuple[MediaFile, ...]) -> list[tuple[str, MediaFile]]:
    """Family name and file of each of the workspace's fonts; a file that is no font has none and is left out."""
    found = []
    for file in own:
        with suppress(ValueError):
            found.append((_family_of(file.path, file.name), file))
    return found


def own_names(family: str, weight: int, own: Sequence[MediaFile]) -> tuple[str, str] | None:
    """Style and PostScript name by which a program knows the workspace's own file that `face` takes for `family`; None
    where it takes another, or one that has all weights."""
    from fontTools.ttLib import TTFont

    source = _source(find_family(family, own), weight, tuple(own))
    if not source.weights or source.path not in {file.path for file in own}:
        return None
    with TTFont(source.path, lazy=True, fontNumber=0) as font:
        style, postscript = font["name"].getBestSubFamilyName(), font["name"].getDebugName(6)
    return (style, postscript) if style and postscript else None


@lru_cache(maxsize=64)
def _package_dir(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _source(family: str, weight: int, own: tuple[MediaFile, ...]) -> _Source:
    files = [file for name, file in own_families(own) if name == family]
    if files:
        by_weight = {_own_weight(f.path): f.path for f in reversed(files)}
        best = min(by_weight, key=lambda w: (abs((w or weight) - weight), w or 0))
        return _Source(family, by_weight[best], (best,) if best else ())
    package, pattern = _SHIPPED[family]
    root = _package_dir(package)
    assert root is not None, "find_family names installed families only"
    names = _STYLE_NAMES.get(family)
    if names:
        best = min(names, key=lambda w: (abs(w - weight), w))
        return _Source(family, str(root / pattern.format(names[best])), (best,))
    return _Source(family, str(root / pattern), () if "[" in pattern else (400,))


@lru_cache(maxsize=256)
def _family_of(path: str, name: str) -> str:
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            family = font["name"].getBestFamilyName()
            font.getBestCmap()
    except (TTLibError, OSError, KeyError, ValueError, AssertionError, ImportError) as wrong:
        raise ValueError(f'"{name}" cannot be used as a font. Upload a TTF or OTF file.') from wrong
    return " ".join(str(family or "").split()) or Path(name).stem


@lru_cache(maxsize=256)
def _own_weight(path: str) -> int:
    """Weight class of a static file, 0 for a variable one."""
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True, fontNumber=0) as font:
        return 0 if "fvar" in font else int(font["OS/2"].usWeightClass) if "OS/2" in font else 400


@lru_cache(maxsize=512)
def _made(source: _Source, weight: int, cache: str) -> Face:
    path = Path(source.path)
    stat = path.stat()
    key = hashlib.sha256(f"{_FORMAT}|{source.family}|{path.name}|{stat.st_size}|{weight}".encode())
    if _package_dir("fontpkg_inter") not in path.parents:
        with path.open("rb") as opened:  # names and sizes of uploads repeat
            key.update(opened.read(1 << 20))
    plain = "".join(c for c in source.family if c.isascii() and c.isalnum()) or "Own"
    made = Path(cache) / f"{plain}-{weight}-{key.hexdigest()[:12]}.ttf"
    if not made.exists():
        _make(source, weight, made)
    return Face(source.family, weight, str(made))


def _make(source: _Source, weight: int, target: Path) -> None:
    from io import BytesIO

    import uharfbuzz as hb
    from fontTools.ttLib import TTFont, newTable

    if source.weights:
        font = TTFont(source.path, fontNumber=0)
    else:
        face_ = hb.Face(hb.Blob(_plain(source.path)))
        wanted = hb.SubsetInput()
        wanted.keep_everything()
        wanted.pin_all_axes_to_default(face_)
        for axis, value in (("wght", weight), ("opsz", 32)):
            low_high = _axis_range(face_, axis)
            if low_high:
                wanted.pin_axis_location(face_, axis, float(min(max(value, low_high[0]), low_high[1])))
        font = TTFont(BytesIO(hb.subset(face_, wanted).blob.data), lazy=True)
    font.flavor = None
    em = font["head"].unitsPerEm
    if "OS/2" not in font:
        raise ValueError(f'The font "{source.family}" has no OS/2 table. Upload a TTF or OTF file that has one.')
    os2 = font["OS/2"]
    os2.usWinAscent, os2.usWinDescent = round(ASCENT * em), em - round(ASCENT * em)
    os2.usWeightClass = 400  # and neither bold nor italic: the name says the weight
    os2.fsSelection = (os2.fsSelection & ~0b100001) | 0b1000000
    font["head"].macStyle = 0
    table = font["name"] = newTable("name")
    table.names = []
    post = "".join(c for c in source.family if c.isascii() and c.isalnum()) or "Own"
    name = _name(source.family, weight)
    for number, text in ((1, name), (2, "Regular"), (4, name), (6, f"{post}-{weight}")):
        table.setName(text, number, 3, 1, 0x409)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as out:
            font.save(out)
        Path(aside).replace(target)
    finally:
        Path(aside).unlink(missing_ok=True)
        font.close()


def _plain(path: str) -> bytes:
    """The file as TrueType or OpenType: HarfBuzz reads no WOFF."""
    from io import BytesIO

    from fontTools.ttLib import TTFont

    data = Path(path).read_bytes()
    if data[:4] not in (b"wOFF", b"wOF2"):
        return data
    out = BytesIO()
    with TTFont(BytesIO(data)) as font:
        font.flavor = None
        font.save(out)
    return out.getvalue()


def _name(family: str, weight: int) -> str:
    # A comma ends a field of an ASS style, a brace or a backslash its tags, and an @ means vertical text.
    plain = "".join(c for c in family if c.isalnum() or c in " -_.") or "Own"
    return plain if weight == 400 else f"{plain} {weight}"


def _axis_range(face_: object, axis: str) -> tuple[float, float] | None:
    for info in face_.axis_infos:  # type: ignore[attr-defined]
        if info.tag == axis:
            return info.min_value, info.max_value
    return None


def _place(path: Path, link: Path) -> None:
    """Hard-link where the filesystem can, copy where it cannot; another process may have done it meanwhile."""
    import shutil

    aside = link.with_name(f"{link.name}.{os.getpid()}.part")
    try:
        try:
            aside.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, aside)
        aside.replace(link)
    finally:
        aside.unlink(missing_ok=True)
