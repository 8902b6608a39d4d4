"""Font files for libass, built from the files of `font_families`.

libass substitutes another font without an error if a family, a weight or a glyph is missing. So each face is built
once, in a cache, as a static instance at one weight: libass reads only the default instance of a variable font, and
Montserrat's is Thin. All faces have the same ascent and descent, so that ASS's font size is the em in pixels and
baselines of mixed families agree. A clip gets a folder with exactly the faces that it names. System fonts are never
read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import msgspec
import uharfbuzz as hb
from fontTools.ttLib import TTFont, newTable

from carmic_assets.captions.font_families import (
    FontSource,
    find_family,
    list_custom_families,
    package_dir,
    select_source,
)
from carmic_assets.model.edit import MediaFile

# Part of the file names in the cache; raise it whenever metrics, names or tables of the faces change.
_CACHE_FORMAT = "5"

# Ascent of every face in ems; the rest of one em is its descent, which makes ASS's font size the em size.
ASCENT = 0.8


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
        return _build_ass_name(self.family, self.weight)


def build_face(family: str, weight: int, cache: Path, custom_fonts: Sequence[MediaFile] = ()) -> Face:
    """Return the static face of a family nearest to a weight; build it in the cache on first use.

    Building takes about 0.1 s, and 1 s for East Asian families.

    Raises:
        ValueError: There is no such family, or its file is not a usable font.
    """
    source = select_source(find_family(family, custom_fonts), weight, custom_fonts)
    if source.weights:
        weight = min(source.weights, key=lambda w: (abs(w - weight), w))
    return _get_or_build_face(source, weight, str(cache))


def find_sample_file(family: str, weight: int, cache: Path, custom_fonts: Sequence[MediaFile] = ()) -> str:
    """Return a file with the characters of a family; for a shipped one the package's own, so that no face is built."""
    if any(font.family == family for font, _ in list_custom_families(custom_fonts)):
        return build_face(family, weight, cache, custom_fonts).path
    return select_source(family, weight).path


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


@lru_cache(maxsize=512)
def _get_or_build_face(source: FontSource, weight: int, cache: str) -> Face:
    path = Path(source.path)
    key = hashlib.sha256(f"{_CACHE_FORMAT}|{source.family}|{path.name}|{path.stat().st_size}|{weight}".encode())
    if package_dir("fontpkg_inter") not in path.parents:
        with path.open("rb") as font_file:  # different uploads can have the same name and size
            key.update(font_file.read(1 << 20))
    target = Path(cache) / f"{_encode_ascii_name(source.family)}-{weight}-{key.hexdigest()[:12]}.ttf"
    if not target.exists():
        _build(source, weight, target)
    return Face(source.family, weight, str(target))


def _build(source: FontSource, weight: int, target: Path) -> None:
    """Write the static face, with the metrics and names that libass reads."""
    font = TTFont(source.path, fontNumber=0) if source.weights else _instantiate(source, weight)
    font.flavor = None
    em = font["head"].unitsPerEm
    os2 = font["OS/2"]
    os2.usWinAscent, os2.usWinDescent = round(ASCENT * em), em - round(ASCENT * em)
    os2.usWeightClass = 400  # regular, neither bold nor italic: the weight is in the name
    os2.fsSelection = (os2.fsSelection & ~0b100001) | 0b1000000
    font["head"].macStyle = 0
    table = font["name"] = newTable("name")
    table.names = []
    name = _build_ass_name(source.family, weight)
    for name_id, text in ((1, name), (2, "Regular"), (4, name), (6, f"{_encode_ascii_name(source.family)}-{weight}")):
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


def _instantiate(source: FontSource, weight: int) -> TTFont:
    """Return a variable font at one weight, all other axes at their default."""
    face = hb.Face(hb.Blob(Path(source.path).read_bytes()))
    subset = hb.SubsetInput()
    subset.keep_everything()
    subset.pin_all_axes_to_default(face)
    ranges = {info.tag: (info.min_value, info.max_value) for info in face.axis_infos}
    for axis, value in (("wght", weight), ("opsz", 32)):
        if axis in ranges:
            low, high = ranges[axis]
            subset.pin_axis_location(face, axis, float(min(max(value, low), high)))
    return TTFont(BytesIO(hb.subset(face, subset).blob.data), lazy=True)


def _build_ass_name(family: str, weight: int) -> str:
    # In ASS a comma ends a field of a style, a brace or a backslash begins tags, and an @ means vertical text.
    name = "".join(c for c in family if c.isalnum() or c in " -_.") or "Own"
    return name if weight == 400 else f"{name} {weight}"


def _encode_ascii_name(family: str) -> str:
    return "".join(c for c in family if c.isascii() and c.isalnum()) or "Own"


def _link_or_copy(path: Path, link: Path) -> None:
    """Create a hard link, or a copy if the file system has no hard links.

    Another process may do so at the same time.
    """
    staging_path = link.with_name(f"{link.name}.{os.getpid()}.part")
    try:
        try:
            staging_path.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, staging_path)
        staging_path.replace(link)
    finally:
        staging_path.unlink(missing_ok=True)
