"""Measures text in ems, in the fonts that libass uses.

HarfBuzz shapes the text here as it does inside libass, so the metrics agree with the rendered video. Each character is
drawn in the first font family that has it, so libass never substitutes a font.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import msgspec
import uharfbuzz as hb

from carmic_assets.captions.font_families import find_family, list_fallback_families
from carmic_assets.captions.fonts import Face, build_face, find_sample_file
from carmic_assets.captions.unicode_text import detect_text_direction, split_graphemes
from carmic_assets.model.edit import MediaFile

# Joiners and variation selectors, for which a font needs no glyph.
_IGNORABLE_CODE_POINTS = {0x200C, 0x200D, 0xFE0E, 0xFE0F, 0x034F}


class GlyphRun(msgspec.Struct, frozen=True):
    """Consecutive characters of one face."""

    face: Face
    text: str


class TextMetrics(msgspec.Struct, frozen=True):
    """Size of a piece of text in ems, from the pen position and the baseline."""

    runs: tuple[GlyphRun, ...]
    advance: float  # distance that the pen moves
    middle: float  # horizontal middle by which libass centres the text
    left: float  # left end of the ink
    right: float  # right end of the ink, at least `advance`
    top: float  # height of the ink above the baseline
    bottom: float  # depth of the ink below the baseline
    missing: str = ""  # characters that no family has; they are omitted


class Typesetter:
    """Measures text in one family at one weight, with fallback families. It caches the metrics of one clip and style.

    Raises:
        ValueError: There is no font family of this name.
    """

    def __init__(
        self,
        family: str,
        weight: int,
        cache: Path,
        custom_fonts: Sequence[MediaFile] = (),
        language: str | None = None,
        script: str | None = None,
    ) -> None:
        self._weight, self._cache, self._custom_fonts = weight, cache, tuple(custom_fonts)
        self._families = [find_family(family, custom_fonts)]
        self._families += [f for f in list_fallback_families(language, script) if f not in self._families]
        self._metrics: dict[str, TextMetrics] = {}
        self._used_faces: dict[str, Face] = {}

    @property
    def used_faces(self) -> list[Face]:
        """Faces of all text measured so far."""
        return list(self._used_faces.values())

    @property
    def missing_characters(self) -> str:
        """Characters that no installed family has, each once."""
        return "".join(dict.fromkeys(c for m in self._metrics.values() for c in m.missing))

    @cached_property
    def main_face(self) -> Face:
        """Face of the requested family."""
        return build_face(self._families[0], self._weight, self._cache, self._custom_fonts)

    @cached_property
    def space_em(self) -> float:
        """Width of a space, in ems."""
        return self.measure("\u00a0").advance or 0.25

    @cached_property
    def cap_height_em(self) -> float:
        """Height of a capital letter in ems, which is the visual height of a line of text."""
        return self.measure("H").top or 0.7

    def descent_em(self, is_upper_case: bool) -> float:
        """Return the usual depth of text below the baseline, in ems: of commas and Q in capitals, else of g and y."""
        return self.measure(",;Q" if is_upper_case else ",;gpqyj").bottom or 0.2

    def measure(self, text: str) -> TextMetrics:
        """Return the metrics of `text` on one line."""
        metrics = self._metrics.get(text)
        if metrics is None:
            metrics = self._metrics[text] = self._measure(text)
        return metrics

    def _measure(self, text: str) -> TextMetrics:
        runs, missing = self._divide_into_runs(text)
        pen, left, right, top, bottom = 0.0, 0.0, 0.0, 0.0, 0.0
        cluster_starts, cluster_ends = [], [0.0]
        # The last run of a right-to-left text is the leftmost one.
        for run in reversed(runs) if detect_text_direction(text) == "R" else runs:
            shaped = _shape(run.face.path, run.text)
            if shaped.ink:
                left, right = min(left, pen + shaped.ink[0]), max(right, pen + shaped.ink[1])
                top, bottom = max(top, shaped.ink[2]), max(bottom, -shaped.ink[3])
            cluster_starts.append(pen + shaped.first_start)
            cluster_ends.append(pen + shaped.last_end)
            pen += shaped.advance
        middle = (min(cluster_starts, default=0.0) + max(cluster_ends)) / 2
        return TextMetrics(tuple(runs), pen, middle, left, max(right, pen), top, bottom, missing)

    def _divide_into_runs(self, text: str) -> tuple[list[GlyphRun], str]:
        """Return the runs of the text, and the characters that no family has."""
        runs: list[GlyphRun] = []
        missing = ""
        for cluster in split_graphemes(text):
            face = self._find_face(cluster)
            if face is None:
                missing += cluster
            elif runs and runs[-1].face == face:
                runs[-1] = GlyphRun(face, runs[-1].text + cluster)
            else:
                runs.append(GlyphRun(face, cluster))
        for run in runs:
            self._used_faces[run.face.family] = run.face
        return runs, missing

    def _find_face(self, cluster: str) -> Face | None:
        code_points = {ord(c) for c in cluster} - _IGNORABLE_CODE_POINTS
        for family in self._families:
            if code_points <= _read_code_points(
                find_sample_file(family, self._weight, self._cache, self._custom_fonts)
            ):
                return build_face(family, self._weight, self._cache, self._custom_fonts)
        return None


@lru_cache(maxsize=64)
def _read_code_points(path: str) -> frozenset[int]:
    """Return the code points that a font file has. Reading them is much cheaper than building a static face."""
    return frozenset(hb.Face(hb.Blob.from_file_path(path)).unicodes)


@lru_cache(maxsize=64)
def _load_font(path: str) -> tuple[hb.Font, int]:
    """Return the font and its units per em."""
    face = hb.Face(hb.Blob.from_file_path(path))
    return hb.Font(face), face.upem


class _ShapedText(msgspec.Struct, frozen=True):
    """Metrics of a run in ems.

    `first_start` and `last_end` are the bounds of the clusters as libass computes them: from the position of each
    cluster's first glyph, including its offset. If that glyph is a mark, as in Arabic, the mark moves the bound.
    """

    advance: float
    ink: tuple[float, float, float, float] | None  # left, right, top, bottom (y upwards); None without ink
    first_start: float
    last_end: float


@lru_cache(maxsize=65536)
def _shape(path: str, text: str) -> _ShapedText:
    font, em = _load_font(path)
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    hb.shape(font, buffer)
    pen, ink = 0, None
    starts: list[int] = []
    ends: list[int] = []
    cluster = None
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        if info.cluster != cluster:
            cluster = info.cluster
            starts.append(pen + position.x_offset)
            ends.append(pen + position.x_offset)
        ends[-1] += position.x_advance
        extents = font.get_glyph_extents(info.codepoint)
        if extents is not None and extents.width:
            x0, y0 = pen + position.x_offset + extents.x_bearing, position.y_offset + extents.y_bearing
            x1, y1 = x0 + extents.width, y0 + extents.height  # the height is negative
            ink = (
                (x0, x1, y0, y1)
                if ink is None
                else (min(ink[0], x0), max(ink[1], x1), max(ink[2], y0), min(ink[3], y1))
            )
        pen += position.x_advance
    ink_em = None if ink is None else (ink[0] / em, ink[1] / em, ink[2] / em, ink[3] / em)
    return _ShapedText(pen / em, ink_em, min(starts, default=0) / em, max(ends, default=0) / em)
