"""Recognises frames made of several pictures: a webcam over a screen, slides beside a face, the gallery of a call.

The pictures of cameras are found from the faces in them: a rectangle (or a circle) around a living face whose border
is an edge in nearly all samples of a window of two seconds. A camera cuts the body at its lower border, which no
picture frame, door or window behind a person does. Works on the luma of the analysis copy and needs no model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise, product

import cv2
import msgspec
import numpy as np

from carmic_assets.model.direction import FULL_FRAME, Box
from carmic_assets.model.scene import Composition
from carmic_assets.vision.detection import Detection
from carmic_assets.vision.persistent_edges import (
    BLOCK_PX,
    MIN_CORNER_COVERAGE,
    CameraCandidate,
    PersistentEdges,
    PixelRect,
)
from carmic_assets.vision.text_bands import TextBandDetector

WINDOW_SAMPLES = 5  # detector runs that are judged together: two seconds
MIN_SAMPLES = 3  # fewer, in a short shot, are not judged
MIN_CAMERA_WIDTH, MAX_EDGE_DISTANCE = 0.1, 0.12  # of the frame: a camera is not tiny, and near some edge of it
MAX_CAMERA_AREA = 0.5  # of the frame
MIN_GALLERY_AREA = 0.4  # of the frame, covered by the tiles of a gallery
GRID_TOLERANCE = 0.05  # of a tile's width, by which a guessed tile may leave the frame
MAX_SIZE_DIFFERENCE = 0.12  # of the tiles of one gallery
# Of a camera over a game or a film, which is no screen: it is small, in a corner, and its borders are clear.
MIN_OUTSIDE_CHANGE = 4.0  # mean change of luma from sample to sample around it
MAX_INSET_AREA, CORNER_DISTANCE, MIN_CLEAR_RATIO = 0.2, 0.08, 0.6
MAX_FACE_RATIO = 0.7  # no other face is taller than this, relative to the one in the camera
MIN_LIVING_CHANGE = 1.0  # mean change of luma of a living face, at 16 x 16 pixels; a poster's is below 0.5
SAME_IOU = 0.75  # two cameras that overlap more are the same one
MIN_CHANGE = 5.0  # mean change of luma where a camera appears or disappears
SAME_FACE_IOU = 0.35  # two faces that overlap more are in the same place
MAX_BRIDGED_S = 5.0  # a camera in which nobody is seen for this long is still there if it comes back
MIN_DURATION_S = 1.5
CUT_TOLERANCE_S = 0.5  # a change this close to a hard cut is at the cut
HISTORY_S = 12.0  # frames kept to find the time of a change


class _Sample(msgspec.Struct, frozen=True):
    t: float
    grey: np.ndarray
    faces: tuple[PixelRect, ...]


class _Window(msgspec.Struct, frozen=True):
    """The verdict on one window: the cameras in it, whether a screen is shown beside them, and where."""

    start_s: float
    end_s: float  # time of the last sample
    faces: tuple[Box, ...]  # living or not
    cameras: tuple[Box, ...]
    has_screen: bool
    content: np.ndarray  # bool, blocks with edges outside the cameras


class CompositionDetector:
    """Collects the samples of a video in order; `finish` returns the compositions, `text_bands` the bands of text."""

    def __init__(self) -> None:
        self._samples: list[_Sample] = []
        self._cut_index = 0  # of the first sample after the newest cut
        self._windows: list[_Window] = []
        self._small: deque[tuple[float, np.ndarray]] = deque()  # recent frames, for the time of a change
        self._changes_s: dict[int, float] = {}  # index of a window -> time at which its composition began
        self.text_bands = TextBandDetector()

    def add_frame(self, t: float, small: np.ndarray) -> None:
        """Add every frame of the analysis copy, downscaled, so that changes are found to the frame."""
        self._small.append((t, small.astype(np.uint8)))
        while self._small[-1][0] - self._small[0][0] > HISTORY_S:
            self._small.popleft()

    def add_sample(self, t: float, grey: np.ndarray, detections: Sequence[Detection]) -> None:
        """Add a frame on which the detector ran."""
        height, width = grey.shape
        faces = tuple(
            (round(d.x * width), round(d.y * height), round((d.x + d.w) * width), round((d.y + d.h) * height))
            for d in detections
            if d.kind != "person"
        )
        self._samples.append(_Sample(t, grey, faces))
        self.text_bands.add_sample(t, grey)
        if len(self._samples) >= WINDOW_SAMPLES:
            self._judge()

    def end_shot(self) -> None:
        """Note that the next sample belongs to another shot. A camera over a screen may stay across it."""
        if len(self._samples) >= MIN_SAMPLES:
            self._judge()
        self._cut_index = len(self._samples)

    def finish(self, end_s: float, cuts_s: Sequence[float]) -> tuple[Composition, ...]:
        """Return the compositions of the video in order of time."""
        return _merge_windows(self._windows, self._changes_s, end_s, cuts_s)

    def _judge(self) -> None:
        samples = self._samples
        window = _judge_window(samples)
        since_cut = samples[self._cut_index :]
        if not window.cameras and len(samples) > len(since_cut) >= MIN_SAMPLES:
            window = _judge_window(since_cut)
        self._windows.append(window)
        self._samples, self._cut_index = [], 0
        if len(self._windows) > 1:
            self._locate_change(len(self._windows) - 1)

    def _locate_change(self, index: int) -> None:
        """Find the frame in which the cameras of window `index` appeared, moved or disappeared.

        A window in which they do so may show none of them, so the two windows before it are searched too.
        """
        previous, window = self._windows[index - 1], self._windows[index]
        before = self._windows[max(0, index - 2)]
        if previous.cameras and _is_same(previous.cameras, window.cameras):
            return
        earlier = previous if previous.cameras else before
        boxes = (*earlier.cameras, *window.cameras)
        frames = [(t, small) for t, small in self._small if earlier.start_s <= t <= window.end_s]
        if not boxes or len(frames) < 2:
            return
        height, width = frames[0][1].shape
        mask = np.zeros((height, width), np.uint8)
        for box in boxes:
            x0, y0, x1, y1 = _to_pixels(box, width, height)
            mask[y0:y1, x0:x1] = 1
        changes = [cv2.mean(cv2.absdiff(a, b), mask)[0] for (_, a), (_, b) in pairwise(frames)]
        if max(changes) < MIN_CHANGE:  # the cameras were there before, only their borders did not show
            return
        change_s = frames[int(np.argmax(changes)) + 1][0]
        self._changes_s[index] = change_s
        if not previous.cameras and not before.cameras:
            self._changes_s[index - 1] = change_s


def _judge_window(samples: Sequence[_Sample]) -> _Window:
    height, width = samples[0].grey.shape
    steady_faces = _find_steady_faces(samples)
    cameras, has_screen, content = _find_cameras(samples, steady_faces)
    faces = tuple(_to_box(face, width, height) for face in steady_faces)
    return _Window(samples[0].t, samples[-1].t, faces, cameras, has_screen, content)


def _find_cameras(samples: Sequence[_Sample], faces: Sequence[PixelRect]) -> tuple[tuple[Box, ...], bool, np.ndarray]:
    """Return the cameras of a window, whether a screen is shown with them, and the blocks of what is shown."""
    height, width = samples[0].grey.shape
    empty = np.zeros((height // BLOCK_PX, width // BLOCK_PX), bool)
    if not faces:
        return (), False, empty
    edges = PersistentEdges([sample.grey for sample in samples])
    frames: list[CameraCandidate | None] = []
    for face in faces:
        others = [other for other in faces if other != face]
        frame = edges.find_rectangle(face, others)
        if frame is None and len(faces) < 3:
            around = np.ones((height, width), np.uint8)
            h = face[3] - face[1]
            around[max(0, face[1] - 2 * h) : face[3] + 2 * h, max(0, face[0] - 2 * h) : face[2] + 2 * h] = 0
            frame = edges.find_circle(face) if edges.is_screen(around) else None
        frames.append(frame)
    gallery = _find_gallery(faces, [frame.rect if frame else None for frame in frames], (width, height))
    if gallery:
        return tuple(_to_box(rect, width, height) for rect in gallery), False, empty
    cameras = [
        (face, frame)
        for face, frame in zip(faces, frames, strict=True)
        if frame is not None and _is_plausible(frame.rect, (width, height)) and _is_living(samples, face)
    ]
    if not cameras:
        return (), False, empty
    mask = np.ones((height, width), np.uint8)
    for _, frame in cameras:
        x0, y0, x1, y1 = frame.rect
        mask[max(0, y0 - BLOCK_PX) : y1 + BLOCK_PX, max(0, x0 - BLOCK_PX) : x1 + BLOCK_PX] = 0
    if edges.is_screen(mask):
        kept = [frame.rect for _, frame in cameras]
    else:  # a game or a film: the borders alone must show that there is a camera
        tallest = max(face[3] - face[1] for face, _ in cameras)
        outside = [f for f in faces if not any(_contains(frame.rect, f) for _, frame in cameras)]
        if any(f[3] - f[1] > MAX_FACE_RATIO * tallest and _is_living(samples, f) for f in outside):
            return (), False, empty
        is_moving = _measure_change(samples, mask) > MIN_OUTSIDE_CHANGE
        kept = [frame.rect for _, frame in cameras if _is_clear_inset(frame, (width, height), is_moving)]
    if not kept:
        return (), False, empty
    return tuple(_to_box(rect, width, height) for rect in kept), True, edges.map_content(mask)


def _is_plausible(rect: PixelRect, size: tuple[int, int]) -> bool:
    """Return whether a rectangle has the size and the place of a camera's picture."""
    width, height = size
    x0, y0, x1, y1 = rect
    distance = min(x0 / width, 1 - x1 / width, y0 / height, 1 - y1 / height)
    is_sized = x1 - x0 >= MIN_CAMERA_WIDTH * width and _area(rect) <= MAX_CAMERA_AREA * width * height
    return is_sized and distance <= MAX_EDGE_DISTANCE


def _is_clear_inset(frame: CameraCandidate, size: tuple[int, int], is_moving: bool) -> bool:
    """Return whether a rectangle is a camera over a picture that is no screen: small, clear and in a corner."""
    width, height = size
    x0, y0, x1, y1 = frame.rect
    is_in_corner = min(x0, width - x1) <= CORNER_DISTANCE * width and min(y0, height - y1) <= CORNER_DISTANCE * height
    is_small = _area(frame.rect) <= MAX_INSET_AREA * width * height
    needed = {
        4: MIN_CLEAR_RATIO,
        3: MIN_CLEAR_RATIO if is_moving else 2.0,
        2: MIN_CORNER_COVERAGE if is_moving else 2.0,
    }
    return is_in_corner and is_small and frame.clear >= needed.get(frame.borders, 2.0)


def _find_steady_faces(samples: Sequence[_Sample]) -> list[PixelRect]:
    """Return the median box of each face that is in its place in most samples of a window."""
    groups: list[list[PixelRect]] = []
    for sample in samples:
        for face in sample.faces:
            for group in groups:
                last = group[-1]
                if _overlap(last, face) > 0.3:
                    group.append(face)
                    break
            else:
                groups.append([face])
    steady = [g for g in groups if len(g) >= max(2, 0.6 * len(samples))]
    medians = [tuple(int(v) for v in np.median(np.array(group), axis=0)) for group in steady]
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in medians if y1 - y0 >= 8]


def _find_gallery(
    faces: Sequence[PixelRect], rects: Sequence[PixelRect | None], size: tuple[int, int]
) -> list[PixelRect]:
    """Return the tiles of a gallery of three or more people, row by row; empty if there is none.

    A tile whose borders were not found takes the size and the rows and columns of the others.
    """
    found_rects = [rect for rect in rects if rect is not None]
    if len(faces) < 3 or len(found_rects) < 2:
        return []
    w, h = (float(np.median([r[k + 2] - r[k] for r in found_rects])) for k in (0, 1))
    tiles: list[PixelRect] = []
    missing: list[PixelRect] = []
    for face, rect in zip(faces, rects, strict=True):
        is_alike = rect is not None and (
            abs(rect[2] - rect[0] - w) <= MAX_SIZE_DIFFERENCE * w
            and abs(rect[3] - rect[1] - h) <= MAX_SIZE_DIFFERENCE * h
        )
        if rect is not None and is_alike:
            if not any(_overlap(rect, tile) > 0.5 for tile in tiles):
                tiles.append(rect)
        else:
            missing.append(face)
    for face in missing:
        if any(_contains(tile, face) for tile in tiles):
            continue
        guess = _guess_tile(face, tiles, (round(w), round(h)), size)
        if guess is None:
            return []
        tiles.append(guess)
    if len(tiles) < 3 or sum(map(_area, tiles)) < MIN_GALLERY_AREA * size[0] * size[1]:
        return []
    return sorted(tiles, key=lambda r: (round((r[1] + r[3]) / h), r[0]))


def _guess_tile(
    face: PixelRect, tiles: Sequence[PixelRect], tile_size: tuple[int, int], size: tuple[int, int]
) -> PixelRect | None:
    """Return the place in the grid of `tiles` that holds a face and none of the tiles."""
    w, h = tile_size
    columns = [*(tile[0] for tile in tiles), (size[0] - w) // 2]
    columns += [x for tile in tiles for x in (tile[0] - w, tile[2])]  # beside a tile
    rows = [*(tile[1] for tile in tiles), *(y for tile in tiles for y in (tile[1] - h, tile[3]))]
    for x, y in product(columns, rows):
        guess = (x, y, x + w, y + h)
        is_inside = min(x, y) >= -GRID_TOLERANCE * w and max(x + w - size[0], y + h - size[1]) <= GRID_TOLERANCE * w
        if is_inside and _contains(guess, face) and not any(_overlap(guess, tile) > 0.02 for tile in tiles):
            return guess
    return None


def _is_living(samples: Sequence[_Sample], face: PixelRect) -> bool:
    """Return whether a face moves, as that of a person does and that of a poster does not."""
    x0, y0, x1, y1 = (max(0, v) for v in face)
    patches = [cv2.resize(s.grey[y0:y1, x0:x1], (16, 16), interpolation=cv2.INTER_AREA) for s in samples]
    changes = [float(cv2.absdiff(a, b).mean()) for a, b in pairwise(patches)]
    return float(np.mean(changes)) >= MIN_LIVING_CHANGE


def _measure_change(samples: Sequence[_Sample], mask: np.ndarray) -> float:
    """Return the median change of luma inside `mask` from sample to sample."""
    changes = [cv2.mean(cv2.absdiff(a.grey, b.grey), mask)[0] for a, b in pairwise(samples)]
    return float(np.median(changes))


def _merge_windows(
    windows: Sequence[_Window], changes_s: dict[int, float], end_s: float, cuts_s: Sequence[float]
) -> tuple[Composition, ...]:
    """Return the compositions of consecutive windows with the same cameras."""
    runs: list[list[int]] = []  # indices of consecutive windows with the same cameras
    for index, window in enumerate(windows):
        if not window.cameras:
            continue
        last = windows[runs[-1][-1]] if runs else window
        if runs and _continues(last, window):
            between = windows[runs[-1][-1] + 1 : index]
            is_short = window.start_s - last.end_s <= MAX_BRIDGED_S
            if all(_shows_faces(w, last) or (is_short and not w.faces) for w in between):
                runs[-1].append(index)
                continue
        runs.append([index])
    compositions: list[Composition] = []
    for run in runs:
        first, following = run[0], run[-1] + 1
        # A window whose borders do not show, but with the same faces in the same places, belongs to the composition.
        while first > 0 and not windows[first - 1].cameras and _shows_faces(windows[first - 1], windows[run[0]]):
            first -= 1
        while (
            following < len(windows)
            and not windows[following].cameras
            and _shows_faces(windows[following], windows[run[-1]])
        ):
            following += 1
        begin_s = changes_s.get(first, windows[first].start_s) if first else windows[0].start_s
        stop_s = end_s if following == len(windows) else changes_s.get(following, windows[following].start_s)
        begin_s, stop_s = (_snap_to_cut(t, cuts_s) for t in (begin_s, stop_s))
        if compositions:
            begin_s = max(begin_s, compositions[-1].end_s)
        if stop_s - begin_s < MIN_DURATION_S:
            continue
        cameras = tuple(_average([windows[k].cameras[n] for k in run]) for n in range(len(windows[run[0]].cameras)))
        screen = None
        if any(windows[k].has_screen for k in run):
            screen = _find_screen(np.logical_or.reduce([windows[k].content for k in run]), cameras)
        compositions.append(Composition(round(begin_s, 4), round(stop_s, 4), cameras, screen))
    return tuple(compositions)


def _snap_to_cut(t: float, cuts_s: Sequence[float]) -> float:
    nearest = min(cuts_s, key=lambda cut: abs(cut - t), default=t)
    return nearest if abs(nearest - t) <= CUT_TOLERANCE_S else t


def _is_same(a: Sequence[Box], b: Sequence[Box]) -> bool:
    """Return whether two windows have the same cameras in the same places."""
    return len(a) == len(b) and all(_overlap_boxes(p, q) >= SAME_IOU for p, q in zip(a, b, strict=True))


def _average(boxes: Sequence[Box]) -> Box:
    x, y, w, h = (round(float(np.median([getattr(box, name) for box in boxes])), 5) for name in "xywh")
    return Box(x, y, w, h)


def _find_screen(content: np.ndarray, cameras: Sequence[Box]) -> Box:
    """Return the box of what is shown: all of the frame, or the side of it on which no camera lies."""
    rows, columns = content.shape
    for axis, count in ((0, columns), (1, rows)):
        start = min((camera.x, camera.y)[axis] for camera in cameras)
        stop = max((camera.x + camera.w, camera.y + camera.h)[axis] for camera in cameras)
        first, last = round(start * count), round(stop * count)
        # The outermost blocks may hold the border of what is shown beside the camera.
        inner = slice(first + 2 if first else 0, last - 2 if last < count else count)
        if (content[:, inner] if axis == 0 else content[inner]).any():
            continue
        sides = [(0, max(0, first)), (min(count, last), count)]
        low, high = max(sides, key=lambda side: side[1] - side[0])
        part = content[:, low:high] if axis == 0 else content[low:high]
        if part.sum() < 0.9 * content.sum() or not part.any():
            continue
        ys, xs = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        x0, x1 = (low if axis == 0 else 0) + xs[0] - 1, (low if axis == 0 else 0) + xs[-1] + 2
        y0, y1 = (low if axis == 1 else 0) + ys[0] - 1, (low if axis == 1 else 0) + ys[-1] + 2
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(columns, x1), min(rows, y1)
        return Box(*(round(float(v), 5) for v in (x0 / columns, y0 / rows, (x1 - x0) / columns, (y1 - y0) / rows)))
    return FULL_FRAME


def _continues(last: _Window, window: _Window) -> bool:
    """Return whether a window has the cameras of an earlier one, even if some border shows in only one of them."""
    if len(last.cameras) != len(window.cameras) or last.has_screen != window.has_screen:
        return False
    return _shows_faces(window, last) or _is_same(last.cameras, window.cameras)


def _shows_faces(window: _Window, reference: _Window) -> bool:
    """Return whether a window shows the faces in the cameras of another one, in the same places and sizes."""
    faces = [face for face in reference.faces if any(_overlap_boxes(face, camera) > 0 for camera in reference.cameras)]
    return all(any(_overlap_boxes(face, other) >= SAME_FACE_IOU for other in window.faces) for face in faces)


def _area(rect: PixelRect) -> float:
    return float(max(0, rect[2] - rect[0]) * max(0, rect[3] - rect[1]))


def _contains(rect: PixelRect, face: PixelRect) -> bool:
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return rect[0] <= x <= rect[2] and rect[1] <= y <= rect[3]


def _overlap(a: PixelRect, b: PixelRect) -> float:
    """Return the intersection over union of two rectangles."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(0, w) * max(0, h))
    return shared / max(1.0, _area(a) + _area(b) - shared)


def _overlap_boxes(a: Box, b: Box) -> float:
    w, h = min(a.x + a.w, b.x + b.w) - max(a.x, b.x), min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(0.0, w) * max(0.0, h)
    return shared / (a.w * a.h + b.w * b.h - shared)


def _to_box(rect: PixelRect, width: int, height: int) -> Box:
    x0, y0, x1, y1 = max(0, rect[0]), max(0, rect[1]), min(width, rect[2]), min(height, rect[3])
    return Box(x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height)


def _to_pixels(box: Box, width: int, height: int) -> PixelRect:
    return (
        int(box.x * width),
        int(box.y * height),
        int(np.ceil((box.x + box.w) * width)),
        int(np.ceil((box.y + box.h) * height)),
    )
