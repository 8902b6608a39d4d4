"""Finds burnt-in captions and lower thirds: rows near the lower edge that hold sharp text in most samples.

The words may change; their rows stay. Crops leave such a band out, and captions keep clear of it.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import msgspec
import numpy as np

from carmic_assets.model.direction import Box
from carmic_assets.model.scene import TextBand

SEARCH_FROM = 0.62  # fraction of the frame's height, from the top: bands are searched below
BLOCK_PX = 8
SHARP = 56  # difference of luma (0..255) over two pixels at the outline of a letter
MIN_SHARP_PX = 5  # of the 64 pixels of a block that holds text
MIN_ROW_RATIO = 0.12  # of the frame's width: least part of a row that holds text
CHUNK_S = 20.0  # bands are judged over chunks of this length
MIN_PRESENT_RATIO = 0.6  # of the samples of a chunk in which a row holds text
MAX_ABOVE_RATIO = 0.25  # the same for the rows above a band: text on clothes or a shelf has no empty row above it
MAX_BAND_RATIO = 0.2  # of the frame's height


class _Sample(msgspec.Struct, frozen=True):
    t: float
    rows: np.ndarray  # bool, by row of blocks from `SEARCH_FROM` down
    left: float  # extent of all text, 0..1
    right: float


class TextBandDetector:
    """Collects the samples of a video in order; `finish` returns the bands."""

    def __init__(self) -> None:
        self._samples: list[_Sample] = []
        self._height_px = 1

    def add_sample(self, t: float, grey: np.ndarray) -> None:
        """Add a frame of the analysis copy."""
        height, width = grey.shape
        self._height_px = height
        part = grey[_first_row(height) * BLOCK_PX :]
        rows, columns = part.shape[0] // BLOCK_PX, width // BLOCK_PX
        sharp = np.zeros(part.shape, np.uint8)
        sharp[:, 1:-1] = cv2.absdiff(part[:, 2:], part[:, :-2]) >= SHARP
        blocks = sharp[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX).sum((1, 3))
        is_text = blocks >= MIN_SHARP_PX
        is_row = is_text.sum(1) >= MIN_ROW_RATIO * columns
        used = np.flatnonzero(is_text[is_row].any(0)) if is_row.any() else np.array([0, columns - 1])
        self._samples.append(_Sample(t, is_row, int(used[0]) / columns, int(used[-1] + 1) / columns))

    def finish(self, end_s: float) -> tuple[TextBand, ...]:
        """Return the bands in order of time; those of neighbouring chunks in the same rows are one band."""
        if not self._samples:
            return ()
        start_s = self._samples[0].t
        bands: list[TextBand] = []
        count = max(1, round((end_s - start_s) / CHUNK_S))
        edges = np.linspace(start_s, end_s, count + 1)
        for a, b in pairwise(edges.tolist()):
            box = self._find_band([sample for sample in self._samples if a <= sample.t < b])
            if box is None:
                continue
            if bands and abs(bands[-1].end_s - a) < 1e-6 and _is_alike(bands[-1].box, box):
                bands[-1] = TextBand(bands[-1].start_s, b, _join(bands[-1].box, box))
            else:
                bands.append(TextBand(a, b, box))
        return tuple(bands)

    def _find_band(self, samples: list[_Sample]) -> Box | None:
        if len(samples) < 3:
            return None
        present = np.mean([sample.rows for sample in samples], axis=0)
        rows = np.flatnonzero(present >= MIN_PRESENT_RATIO)
        if not len(rows):
            return None
        first, last = int(rows[0]), int(rows[-1])
        above = present[max(0, first - 3) : max(0, first - 1)]
        height = (last - first + 1) * BLOCK_PX / self._height_px
        if first < 3 or height > MAX_BAND_RATIO or above.max() > MAX_ABOVE_RATIO:
            return None
        top = (_first_row(self._height_px) + first - 2) * BLOCK_PX / self._height_px
        bottom = min(1.0, (_first_row(self._height_px) + last + 3) * BLOCK_PX / self._height_px)
        left, right = min(sample.left for sample in samples), max(sample.right for sample in samples)
        return Box(round(left, 5), round(top, 5), round(right - left, 5), round(bottom - top, 5))


def _first_row(height: int) -> int:
    return int(SEARCH_FROM * height) // BLOCK_PX


def _is_alike(a: Box, b: Box) -> bool:
    return abs(a.y - b.y) < 0.06 and abs(a.y + a.h - b.y - b.h) < 0.06


def _join(a: Box, b: Box) -> Box:
    x, y = min(a.x, b.x), min(a.y, b.y)
    right, bottom = max(a.x + a.w, b.x + b.w), max(a.y + a.h, b.y + b.h)
    return Box(x, y, round(right - x, 5), round(bottom - y, 5))
