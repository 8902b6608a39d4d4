"""Reads an uploaded font once and converts it to TrueType or OpenType. Captions open only the converted file.

Declared sizes are checked before decompression, and decompression stops at the declared size.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import brotli
from fontTools.misc import sstruct
from fontTools.ttLib import TTFont, TTLibError
from fontTools.ttLib.woff2 import WOFF2DirectoryEntry, woff2DirectoryFormat, woff2DirectorySize

from carmic_assets.model.edit import FontFacts
from carmic_assets.model.errors import RenderError

MAX_FONT_BYTES = 64 * 1024 * 1024  # of all tables, decompressed; the largest installed family has 17 MB
MAX_TABLES = 128  # of one font
MAX_MAPPED_CHARACTERS = 500_000  # a font has at most 65,535 glyphs, and a few tables that map characters to them
REQUIRED_TABLES = ("cmap", "head", "hhea", "hmtx", "maxp", "name", "OS/2")
_INFLATE_STEP_BYTES = 1 << 20  # decompressed at once, between two checks of the size
_WOFF_HEADER = struct.Struct(">4sIIHHIHHIIIII")  # https://www.w3.org/TR/WOFF/#WOFFHeader
_WOFF_ENTRY = struct.Struct(">4sIIII")  # tag, offset, compLength, origLength, origChecksum
_UNREADABLE = (
    TTLibError,
    OSError,
    KeyError,
    ValueError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    EOFError,
    ImportError,
    struct.error,
    zlib.error,
    brotli.error,
)  # fmt: skip - what fontTools raises for damaged files


def convert_font(path: str | Path, name: str, target: str | Path) -> FontFacts:
    """Write the font as one uncompressed TrueType or OpenType file, and return its names.

    The first font of a collection is used. `name` is the name of the uploaded file.

    Raises:
        RenderError: the file is not a usable font, or too large when it is decompressed.
    """
    try:
        data = Path(path).read_bytes()
        _check_declared_sizes(data, name)
        with TTFont(path, lazy=True, fontNumber=0) as font:
            if missing := [tag for tag in REQUIRED_TABLES if tag not in font]:
                raise RenderError(f"{name} has no table {missing[0]}. Upload a TTF or OTF file that has one.")
            _check_character_map(font.reader["cmap"], name)
            font.getBestCmap()
            facts = _read_facts(font, name)
            font.flavor = None
            font.save(target)
    except _UNREADABLE as error:
        raise RenderError(f"{name} cannot be used as a font. Upload a TTF or OTF file.") from error
    return facts


def _read_facts(font: TTFont, name: str) -> FontFacts:
    names = font["name"]
    family = " ".join(str(names.getBestFamilyName() or "").split()) or Path(name).stem
    weight = 0 if "fvar" in font else int(font["OS/2"].usWeightClass)
    return FontFacts(family, weight, str(names.getBestSubFamilyName() or ""), str(names.getDebugName(6) or ""))


def _check_declared_sizes(data: bytes, name: str) -> None:
    """Raise RenderError unless the font's tables have their declared size when decompressed, within the limit."""
    signature = data[:4]
    if signature == b"wOFF":
        _check_woff(data, name)
    elif signature == b"wOF2":
        _check_woff2(data, name)
    elif len(data) > MAX_FONT_BYTES:
        raise _build_size_error(name)


def _check_woff(data: bytes, name: str) -> None:
    table_count = _WOFF_HEADER.unpack_from(data)[3]
    if table_count > MAX_TABLES:
        raise _build_size_error(name)
    entries = [_WOFF_ENTRY.unpack_from(data, _WOFF_HEADER.size + n * _WOFF_ENTRY.size) for n in range(table_count)]
    if sum(length for _, _, _, length, _ in entries) > MAX_FONT_BYTES:
        raise _build_size_error(name)
    for _, offset, compressed_length, length, _ in entries:
        if compressed_length < length:
            inflater = zlib.decompressobj()
            if len(inflater.decompress(data[offset : offset + compressed_length], length + 1)) > length:
                raise _build_size_error(name)


def _check_woff2(data: bytes, name: str) -> None:
    header = sstruct.unpack(woff2DirectoryFormat, data[:woff2DirectorySize])
    if header["numTables"] > MAX_TABLES:
        raise _build_size_error(name)
    rest, inflated_bytes, stream_bytes = data[woff2DirectorySize:], 0, 0
    for _ in range(header["numTables"]):
        entry = WOFF2DirectoryEntry()
        rest = entry.fromString(rest)
        inflated_bytes += entry.origLength
        stream_bytes += entry.length
    if max(inflated_bytes, stream_bytes) > MAX_FONT_BYTES:
        raise _build_size_error(name)
    length = 0
    for block in _inflate_brotli(rest[: header["totalCompressedSize"]]):
        length += len(block)
        if length > stream_bytes:
            raise _build_size_error(name)


def _inflate_brotli(data: bytes) -> Iterator[bytes]:
    inflater = brotli.Decompressor()
    block = inflater.process(data, output_buffer_limit=_INFLATE_STEP_BYTES)
    while block:
        yield block
        block = inflater.process(b"", output_buffer_limit=_INFLATE_STEP_BYTES)


def _check_character_map(table: bytes, name: str) -> None:
    """Raise RenderError if the ranges of the table `cmap` declare more characters than a font can have.

    The parser makes an entry for each character of a range, and four bytes can declare a million.
    https://learn.microsoft.com/typography/opentype/spec/cmap
    """
    count = struct.unpack_from(">H", table, 2)[0]
    offsets = {struct.unpack_from(">I", table, 4 + n * 8 + 4)[0] for n in range(count)}
    character_count = 0
    for offset in offsets:
        character_count += _count_mapped(table, offset)
        if character_count > MAX_MAPPED_CHARACTERS:
            raise RenderError(f"{name} maps more than {MAX_MAPPED_CHARACTERS} characters. Upload another font.")


def _count_mapped(table: bytes, offset: int) -> int:
    """Return how many characters a subtable declares. For formats without ranges it is the length of the table."""
    format_number = struct.unpack_from(">H", table, offset)[0]
    if format_number == 4:
        segments = struct.unpack_from(">H", table, offset + 6)[0] // 2
        ends = struct.unpack_from(f">{segments}H", table, offset + 14)
        starts = struct.unpack_from(f">{segments}H", table, offset + 16 + segments * 2)
        return sum(max(0, end - start + 1) for start, end in zip(starts, ends, strict=True))
    if format_number in (8, 12, 13):
        groups_at = offset + (8208 if format_number == 8 else 12)
        groups = struct.unpack_from(">I", table, groups_at)[0]
        ranges = struct.iter_unpack(">III", table[groups_at + 4 : groups_at + 4 + groups * 12])
        return sum(max(0, end - start + 1) for start, end, _ in ranges)
    return 0


def _build_size_error(name: str) -> RenderError:
    limit_mb = MAX_FONT_BYTES // 1024**2
    return RenderError(f"{name} exceeds {limit_mb} MB, or its declared size, when decompressed. Upload another font.")
