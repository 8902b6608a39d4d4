"""Finds the borders of cameras' pictures: edges that stay in their place through a window of samples."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import msgspec
import numpy as np

PERSISTENT_RATIO = 0.8  # of the samples of a window: an edge present in as many is persistent
EDGE = 14  # least difference of luma (0..255) over two pixels that is an edge
FAINT_EDGE = 6  # the same for borders, which persist: a dark picture on a dark ground has no stronger ones
FLAT, SHARP = 4, 40  # differences of a plain ground, and of the outlines of letters and windows
MIN_COVERAGE = 0.72  # least part of each border that is a persistent edge
MIN_WEAKEST, MIN_MEAN_COVERAGE = 0.5, 0.8  # of four borders: one may be faint if the others are not
MIN_CORNER_COVERAGE = 0.8  # of the two borders of a picture that lies in a corner of the frame
MIN_COLUMN_COVERAGE = 0.8  # of the one border of a picture that fills a side of the frame
MIN_CIRCLE_COVERAGE = 0.85
MAX_RADIUS = 0.21  # of the frame's height; the outline of a head in close-up is a larger circle
MAX_BORDER_WIDTH = 0.08  # of a rectangle's side: width of a frame around a camera's picture
SIZE_WEIGHT = 0.15  # of the logarithm of a rectangle's area, against the coverage of its borders
CENTRE_WEIGHT = 0.4  # of the distance of the face from the middle, in widths of the rectangle
BORDER_WEIGHT = 0.12  # of each border that is not the frame's own
BORDER_PART = 0.14  # of a border's length, left out at both ends, where corners may be rounded
MIN_FLAT_RATIO, MIN_SHARP_RATIO = 0.45, 0.2  # of a screen: plain ground, and sharp ones among its edges
BLOCK_PX = 8  # the shown content is mapped in blocks of this size

PixelRect = tuple[int, int, int, int]  # left, top, right, bottom


class CameraCandidate(msgspec.Struct, frozen=True):
    """A candidate for a camera: its rectangle, the borders that are not the frame's own, and how clear they are."""

    rect: PixelRect
    borders: int
    clear: float  # part of the borders that is a clear edge, 0..1


class PersistentEdges:
    """The edges of a window that stay in their place, and the search for borders along them.

    `greys` are the lumas of its samples, uint8, shape (height, width), oldest first.
    """

    def __init__(self, greys: Sequence[np.ndarray]) -> None:
        height, width = greys[0].shape
        self._size = (width, height)
        # Number of samples with an edge at a pixel: vertical and horizontal, faint and clear ones.
        counts = np.zeros((2, 2, height, width), np.uint8)
        for grey in greys:
            for number, least in enumerate((FAINT_EDGE, EDGE)):
                counts[0, number, :, 1:-1] += cv2.absdiff(grey[:, 2:], grey[:, :-2]) >= least
                counts[1, number, 1:-1] += cv2.absdiff(grey[2:], grey[:-2]) >= least
        self._newest = greys[-1]
        is_edge = counts >= int(np.ceil(PERSISTENT_RATIO * len(greys) - 1e-6))
        self._lines_x, self._clear_x = (_accumulate(is_edge[0, n]) for n in (0, 1))  # [y, x]
        self._lines_y, self._clear_y = (_accumulate(is_edge[1, n].T) for n in (0, 1))  # [x, y]
        self._any = is_edge[0, 0] | is_edge[1, 0]

    def find_rectangle(self, face: PixelRect, others: Sequence[PixelRect]) -> CameraCandidate | None:
        """Return the rectangle around a face with the best borders.

        It holds none of the `others`. Of two rectangles with equal borders the larger one is better: shelves and lamps
        in a camera's picture make rectangles too.
        """
        width, height = self._size
        x0, y0, x1, y1 = face
        w, h = x1 - x0, y1 - y0
        lefts = self._list_lines(self._lines_x, range(max(1, x0 - 6 * w), x0 + 1), (y0, y1))
        rights = self._list_lines(self._lines_x, range(x1, min(width - 1, x1 + 6 * w)), (y0, y1))
        tops = self._list_lines(self._lines_y, range(max(1, y0 - 3 * h), y0 + 1), (x0, x1))
        bottoms = self._list_lines(self._lines_y, range(y1 - h // 6, min(height - 1, y1 + 4 * h)), (x0, x1))
        lefts += [0] if x0 <= 6 * w else []
        rights += [width] if width - x1 <= 6 * w else []
        tops += [0] if y0 <= 3 * h else []
        bottoms += [height] if height - y1 <= 4 * h else []
        if not (lefts and rights and tops and bottoms):
            return None
        left, right, top, bottom = (
            grid.ravel() for grid in np.meshgrid(lefts, rights, tops, bottoms, indexing="ij", copy=False)
        )
        rect_w, rect_h = right - left, bottom - top
        fits = (rect_w >= 1.3 * w) & (rect_w <= 10 * w) & (rect_h >= 1.4 * h) & (rect_h <= 6 * h)
        fits &= (rect_w >= 0.4 * rect_h) & (rect_w <= 2.6 * rect_h)
        for other in others:
            x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
            fits &= (x < left) | (x > right) | (y < top) | (y > bottom)
        left, right, top, bottom = left[fits], right[fits], top[fits], bottom[fits]
        if not len(left):
            return None
        lowest, mean, clear, count = self._measure_borders(left, right, top, bottom)
        limits = np.array([2.0, MIN_COLUMN_COVERAGE, MIN_CORNER_COVERAGE, MIN_COVERAGE, MIN_COVERAGE])
        size = SIZE_WEIGHT * np.log((right - left) * (bottom - top))
        centre = np.abs((x0 + x1) / 2 - (left + right) / 2) / (right - left)
        is_closed = (lowest >= limits[count]) | ((count == 4) & (lowest >= MIN_WEAKEST) & (mean >= MIN_MEAN_COVERAGE))
        score = np.where(
            is_closed,
            (lowest + clear) / 2 + size + BORDER_WEIGHT * count - CENTRE_WEIGHT * centre,
            -np.inf,
        )
        best = int(np.argmax(score))
        if score[best] == -np.inf:
            return None
        # Of borders close together (a frame around the picture, the gap to the next tile) the inner ones count.
        near = score >= score[best] - 0.04
        for edge, length in ((left, right - left), (right, right - left), (top, bottom - top), (bottom, bottom - top)):
            near &= np.abs(edge - edge[best]) <= MAX_BORDER_WIDTH * length[best]
        best = int(np.argmin(np.where(near, (right - left) * (bottom - top), np.inf)))
        rect = (int(left[best]), int(top[best]), int(right[best]), int(bottom[best]))
        return CameraCandidate(rect, int(count[best]), float(clear[best]))

    def find_circle(self, face: PixelRect) -> CameraCandidate | None:
        """Return the square inside the circle around a face whose circumference is an edge.

        It has no borders of the frame, so that only a screen around it makes it a camera.
        """
        width, height = self._size
        x0, y0, x1, y1 = face
        h = y1 - y0
        radii = np.arange(max(10, round(0.75 * h)), min(round(2.6 * h), int(MAX_RADIUS * height)))
        if not len(radii):
            return None
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        step = max(2, h // 8)
        centres = np.array(
            [
                (x, y)
                for x in range((x0 + x1) // 2 - h // 2, (x0 + x1) // 2 + h // 2 + 1, step)
                for y in range((y0 + y1) // 2 - 2 * h // 3, (y0 + y1) // 2 + 2 * h // 3, step)
            ]
        )
        grown = cv2.dilate(self._any.astype(np.uint8), np.ones((step | 1, step | 1), np.uint8))
        xs = (centres[:, None, None, 0] + radii[None, :, None] * np.cos(angles)).round().astype(int)
        ys = (centres[:, None, None, 1] + radii[None, :, None] * np.sin(angles)).round().astype(int)
        is_inside = (xs >= 0) & (xs < width) & (ys >= 0) & (ys < height)
        hits = grown[np.clip(ys, 0, height - 1), np.clip(xs, 0, width - 1)].astype(bool) & is_inside
        # A circle among many edges (text) is no border: circles of other sizes must have fewer of them.
        coverage = hits.mean(axis=2)
        k, r = np.unravel_index(int(np.argmax(coverage)), coverage.shape)
        contrast = coverage[k, r] - np.median(coverage[k])
        if coverage[k, r] < MIN_CIRCLE_COVERAGE or contrast < 0.3:
            return None
        (x, y), half = centres[k], int(radii[r] * 0.72)
        return CameraCandidate((int(x) - half, int(y) - half, int(x) + half, int(y) + half), 0, 0.0)

    def is_screen(self, mask: np.ndarray) -> bool:
        """Return whether the picture inside `mask` looks like a screen: plain ground and sharp outlines."""
        horizontal = cv2.absdiff(self._newest[:, 2:], self._newest[:, :-2])
        inside = mask[:, 1:-1].astype(bool)
        values = horizontal[inside]
        if not values.size:
            return False
        edges = values >= EDGE
        count = int(edges.sum())
        if count < 0.002 * values.size:
            return float((values <= FLAT).mean()) > 0.97  # a blank page or a plain ground
        flat_ratio = float((values <= FLAT).mean())
        return flat_ratio >= MIN_FLAT_RATIO and float((values >= SHARP).sum()) / count >= MIN_SHARP_RATIO

    def map_content(self, mask: np.ndarray) -> np.ndarray:
        """Return the blocks inside `mask` that hold an edge."""
        edges = np.zeros_like(mask)
        edges[:, 1:-1] |= cv2.absdiff(self._newest[:, 2:], self._newest[:, :-2]) >= EDGE
        edges[1:-1] |= cv2.absdiff(self._newest[2:], self._newest[:-2]) >= EDGE
        height, width = mask.shape
        rows, columns = height // BLOCK_PX, width // BLOCK_PX
        blocks = (edges & mask)[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX)
        content: np.ndarray = blocks.sum((1, 3)) >= 2
        return content

    def _list_lines(self, lines: np.ndarray, positions: range, across: tuple[int, int]) -> list[int]:
        """Return the positions of lines that pass beside the face, the longest of neighbouring ones."""
        if not len(positions):
            return []
        low, high = across
        low, high = max(0, low), min(lines.shape[0] - 1, high)
        coverage = (lines[high, positions.start : positions.stop] - lines[low, positions.start : positions.stop]) / max(
            1, high - low
        )
        strong = [int(k) for k in np.flatnonzero(coverage >= 0.4)]
        peaks: list[int] = []
        for k in strong:
            if peaks and k - peaks[-1] <= 2:
                if coverage[k] > coverage[peaks[-1]]:
                    peaks[-1] = k
            else:
                peaks.append(k)
        return [positions.start + k for k in sorted(peaks, key=lambda k: -coverage[k])[:7]]

    def _measure_borders(
        self, left: np.ndarray, right: np.ndarray, top: np.ndarray, bottom: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Measure the borders of many rectangles that are not the frame's own.

        Returns the least and the mean part that is a persistent edge, the mean part that is a clear one, and their
        number.
        """
        width, height = self._size
        dx, dy = (BORDER_PART * (right - left)).astype(int), (BORDER_PART * (bottom - top)).astype(int)
        lowest, mean, clear = np.ones(len(left)), np.zeros(len(left)), np.zeros(len(left))
        count = np.zeros(len(left), int)
        for faint_lines, clear_lines, position, low, high, last in (
            (self._lines_x, self._clear_x, left, top + dy, bottom - dy, width),
            (self._lines_x, self._clear_x, right, top + dy, bottom - dy, width),
            (self._lines_y, self._clear_y, top, left + dx, right - dx, height),
            (self._lines_y, self._clear_y, bottom, left + dx, right - dx, height),
        ):
            is_inside = (position > 0) & (position < last)
            index = np.clip(position, 0, last - 1)
            length = np.maximum(1, high - low)
            faint = (faint_lines[high, index] - faint_lines[low, index]) / length
            lowest = np.where(is_inside, np.minimum(lowest, faint), lowest)
            mean += np.where(is_inside, faint, 0.0)
            clear += np.where(is_inside, (clear_lines[high, index] - clear_lines[low, index]) / length, 0.0)
            count += is_inside
        divisor = np.maximum(count, 1)
        return lowest, mean / divisor, clear / divisor, count


def _accumulate(edges: np.ndarray) -> np.ndarray:
    """Return the number of edges above each pixel of its column; an edge counts in the neighbouring columns too."""
    grown = cv2.dilate(edges.astype(np.uint8), np.ones((1, 3), np.uint8))
    total = np.zeros((edges.shape[0] + 1, edges.shape[1]), np.int32)
    np.cumsum(grown, axis=0, out=total[1:], dtype=np.int32)
    return total
