"""How wide and how tall a piece of text is, in ems, in the very faces that libass will draw it with.

HarfBuzz shapes here as it does inside libass, so the figures are those of the picture. Picks, letter by letter, the
first family that has the letter: nothing is left to libass to substitute.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from carmic_assets.captions.fonts import Face, face, fallback_families, find_family, sample_file
from carmic_assets.captions.tokens import direction, graphemes
from carmic_assets.model.edit import MediaFile


class Run(msgspec.Struct, frozen=True):
    """Letters of one face."""

    face: Face
    text: str


class Measure(msgspec.Struct, frozen=True):
    """In ems. `advance` is what the pen moves; `left`..`bottom` bound the ink, from the pen and from the baseline
    (`top` and `bottom` grow upwards and downwards). `middle` is what libass takes for the middle of the text when it
    centres it. `missing` are letters that no family has; they are left out."""

    runs: tuple[Run, ...]
    advance: float
    middle: float
    left: float
    right: float
    top: float
    bottom: float
    missing: str = ""


class Setter:
    """Sets text in one family at one weight, with fallbacks; keeps what it measured. One per style of a clip."""

    def __init__(
        self,
        family: str,
        weight: int,
        cache: Path,
        own: Sequence[MediaFile] = (),
        language: str | None = None,
        script: str | None = None,
    ):
        self._weight, self._cache, self._own = weight, cache, tuple(own)
        self._families = [find_family(family, own)]
        self._families += [f for f in fallback_families(language, script) if f not in self._families]
        self._measured: dict[str, Measure] = {}
        self._used: dict[str, Face] = {}

    @property
    def used(self) -> list[Face]:
        """The faces of everything measured so far."""
        return list(self._used.values())

    @cached_property
    def main(self) -> Face:
        return face(self._families[0], self._weight, self._cache, self._own)

    @cached_property
    def space(self) -> float:
        return self.measure("\u00a0").advance or 0.25

    @cached_property
    def cap_height(self) -> float:
        """Height of a capital letter: what looks like the height of a line of text."""
        return self.measure("H").top or 0.7

    def descent(self, capitals: bool) -> float:
        """How far text usually goes below the baseline: commas and Q among capitals, g and y otherwise."""
        return self.measure(",;Q" if capitals else ",;gpqyj").bottom or 0.2

    @property
    def missing(self) -> str:
        """Letters that no installed family has, each once."""
        return "".join(dict.fromkeys(c for m in self._measured.values() for c in m.missing))

    def measure(self, text: str) -> Measure:
        known = self._measured.get(text)
        if known is None:
            known = self._measured[text] = self._measure(text)
        return known

    def _measure(self, text: str) -> Measure:
        runs, missing = self._runs(text)
        pen, left, right, top, bottom = 0.0, 0.0, 0.0, 0.0, 0.0
        first, last = [], [0.0]
        # Runs of right-to-left text follow one another leftwards; only the sum and the extremes matter here.
        for run in reversed(runs) if direction(text) == "R" else runs:
            shaped = _shape(run.face.path, run.text)
            if shaped.ink:
                left, right = min(left, pen + shaped.ink[0]), max(right, pen + shaped.ink[1])
                top, bottom = max(top, shaped.ink[2]), max(bottom, -shaped.ink[3])
            first.append(pen + shaped.first)
            last.append(pen + shaped.last)
            pen += shaped.advance
        middle = (min(first, default=0.0) + max(last)) / 2
        return Measure(tuple(runs), pen, middle, left, max(right, pen), top, bottom, missing)

    def _runs(self, text: str) -> tuple[list[Run], str]:
        runs: list[Run] = []
        missing = ""
        for cluster in graphemes(text):
            found = self._face_for(cluster)
            if found is None:
                missing += cluster
            elif runs and runs[-1].face == found:
                runs[-1] = Run(found, runs[-1].text + cluster)
            else:
                runs.append(Run(found, cluster))
        for run in runs:
            self._used[run.face.family] = run.face
        return runs, missing

    def _face_for(self, cluster: str) -> Face | None:
        wanted = {ord(c) for c in cluster} - _IGNORABLE
        for family in self._families:
            if wanted <= _coverage(sample_file(family, self._weight, self._cache, self._own)):
                return face(family, self._weight, self._cache, self._own)
        return None


_IGNORABLE = {0x200C, 0x200D, 0xFE0E, 0xFE0F, 0x034F}


@lru_cache(maxsize=64)
def _coverage(path: str) -> frozenset[int]:
    """The code points of a font file, before a face is made of it: asking is cheap, making is not."""
    import uharfbuzz as hb

    return frozenset(hb.Face(hb.Blob.from_file_path(path)).unicodes)


@lru_cache(maxsize=64)
def _font(path: str) -> tuple[Any, int]:
    import uharfbuzz as hb

    loaded = hb.Face(hb.Blob.from_file_path(path))
    return hb.Font(loaded), loaded.upem


class _Shaped(msgspec.Struct, frozen=True):
    """Ems. `ink` is left, right, top, bottom (y upwards), None where nothing is inked. `first` and `last` bound the
    clusters as libass bounds them: from where each one's first glyph is drawn, offset included. A mark that comes
    first in its cluster, as in Arabic, moves that bound."""

    advance: float
    ink: tuple[float, float, float, float] | None
    first: float
    last: float


@lru_cache(maxsize=65536)
def _shape(path: str, text: str) -> _Shaped:
    import uharfbuzz as hb

    font, em = _font(path)
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    hb.shape(font, buffer)
    pen, box = 0, None
    starts: list[int] = []
    ends: list[int] = []
    cluster = None
    for info, at in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        if info.cluster != cluster:
            cluster = info.cluster
            starts.append(pen + at.x_offset)
            ends.append(pen + at.x_offset)
        ends[-1] += at.x_advance
        ink = font.get_glyph_extents(info.codepoint)
        if ink is not None and ink.width:
            x0, y0 = pen + at.x_offset + ink.x_bearing, at.y_offset + ink.y_bearing
            x1, y1 = x0 + ink.width, y0 + ink.height
            box = (
                (x0, x1, y0, y1)
                if box is None
                else (min(box[0], x0), max(box[1], x1), max(box[2], y0), min(box[3], y1))
            )
        pen += at.x_advance
    scaled = None if box is None else (box[0] / em, box[1] / em, box[2] / em, box[3] / em)
    return _Shaped(pen / em, scaled, min(starts, default=0) / em, max(ends, default=0) / em)
