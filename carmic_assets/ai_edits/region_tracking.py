"""Tracks the content of a box through a clip: Lucas-Kanade points, checked backward, and a RANSAC similarity.

Tracking runs on half-size colour images. If too few points can be tracked (a plain surface), template matching (sum of
squared differences) locates the box. While the content is not located, the box widens; after `MAX_LOST_S` tracking
fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.errors import LostTargetError
from carmic_assets.ai_edits.region_masks import PixelBox
from carmic_assets.ai_edits.working_clip import Planes
from carmic_assets.vision.detection import Detector
from carmic_assets.vision.tracking import ShotTracker

MAX_LOST_S = 0.8  # tracking fails after this time without the content; until then the box widens
WIDEN_PER_FRAME = 0.04
MIN_POINTS = 8
MAX_POINTS = 120
MAX_BACKWARD_PX = 1.0  # largest forward-backward error of a point, in pixels of the half-size image
MAX_DIFFERENCE = 34.0  # mean difference between box content and reference in code values; above it the content changed
MAX_STILL_DIFFERENCE = 2.0  # the same without the change of mean brightness; below it the content is where it was
PATCH_SIDE_PX = 32
SEARCH_RATIO = 0.6  # distance searched on each side of the box, relative to its size
FACE_GROWTH = 0.35
FACE_HOLD_S = 0.4

Picture = NDArray[np.uint8]


class _Reference(msgspec.Struct):
    """The box content at the last certain detection: an image patch, and points with their positions then and now."""

    box: PixelBox
    patch: NDArray[np.float32]
    points: NDArray[np.float32]
    current: NDArray[np.float32]


def half_picture(planes: Planes) -> Picture:
    """Return a half-size image of Y, U and V for tracking."""
    size = (planes.u.shape[1], planes.u.shape[0])
    return np.dstack([cv2.resize(planes.y, size, interpolation=cv2.INTER_AREA), planes.u, planes.v])


def track_box(frames: Iterable[Planes], box: PixelBox, fps: float) -> list[PixelBox]:
    """Return the box in every frame; `box` is its position in the first frame.

    Raises:
        LostTargetError: the content of the box was not located for `MAX_LOST_S`.
    """
    boxes: list[PixelBox] = []
    previous: Picture | None = None
    reference: _Reference | None = None
    last, lost = _half(box), 0
    for number, planes in enumerate(frames):
        picture = half_picture(planes)
        if previous is None or reference is None:
            reference = _refer(picture, last)
        else:
            located = _follow(reference, previous, picture, last)
            if located is None:
                lost += 1
                if lost > MAX_LOST_S * fps:
                    raise LostTargetError(
                        f"The content of `bounding_box` was lost at {number / fps:.1f} s of the range. "
                        "Choose a shorter range, or draw the box around more of the object."
                    )
                last = last.grow(WIDEN_PER_FRAME)
            else:
                lost, last = 0, located
                if len(reference.current) < MIN_POINTS * 2:
                    reference = _refer(picture, last, reference.patch)
        boxes.append(PixelBox(last.x * 2, last.y * 2, last.w * 2, last.h * 2))
        previous = picture
    return boxes


def _half(box: PixelBox) -> PixelBox:
    return PixelBox(box.x / 2, box.y / 2, box.w / 2, box.h / 2)


def _refer(picture: Picture, box: PixelBox, patch: NDArray[np.float32] | None = None) -> _Reference:
    points = _find_points(picture[..., 0], box)
    return _Reference(box, _patch(picture, box) if patch is None else patch, points, points.copy())


def _find_points(luma: NDArray[np.uint8], box: PixelBox) -> NDArray[np.float32]:
    mask = np.zeros(luma.shape, np.uint8)
    left, top = max(0, int(box.x)), max(0, int(box.y))
    mask[top : max(top, int(np.ceil(box.y + box.h))), left : max(left, int(np.ceil(box.x + box.w)))] = 255
    located = cv2.goodFeaturesToTrack(np.ascontiguousarray(luma), MAX_POINTS, 0.02, 3, mask=mask)
    if located is None:
        return np.zeros((0, 2), np.float32)
    return np.asarray(located.reshape(-1, 2), dtype=np.float32)


def _follow(reference: _Reference, previous: Picture, picture: Picture, last: PixelBox) -> PixelBox | None:
    """Return the box in `picture`, located by points or else by template matching; None if both fail."""
    candidates: list[PixelBox] = []
    moved = _follow_points(reference, previous, picture)
    if moved is not None:
        candidates.append(moved)
        if _difference(reference.patch, picture, moved) < MAX_DIFFERENCE / 2:
            return moved
    if _texture_difference(reference.patch, picture, last) <= MAX_STILL_DIFFERENCE:
        return last  # nothing has moved; a search on a plain surface would find equal places anywhere
    searched = _search(reference.patch, picture, last)
    if searched is not None:
        candidates.append(searched)
    ranked = sorted(candidates, key=lambda candidate: _difference(reference.patch, picture, candidate))
    if not ranked or _difference(reference.patch, picture, ranked[0]) > MAX_DIFFERENCE:
        return None
    if ranked[0] is searched:  # the points follow a different object
        reference.box, reference.points = searched, _find_points(picture[..., 0], searched)
        reference.current = reference.points.copy()
    return ranked[0]


def _follow_points(reference: _Reference, previous: Picture, picture: Picture) -> PixelBox | None:
    if len(reference.current) < MIN_POINTS:
        return None
    before, after = np.ascontiguousarray(previous[..., 0]), np.ascontiguousarray(picture[..., 0])
    forward, good, _ = cv2.calcOpticalFlowPyrLK(
        before, after, reference.current[:, None], np.empty(0), winSize=(15, 15), maxLevel=3
    )
    backward, back_good, _ = cv2.calcOpticalFlowPyrLK(after, before, forward, np.empty(0), winSize=(15, 15), maxLevel=3)
    error = np.abs(backward[:, 0] - reference.current).max(axis=1)
    kept = (good[:, 0] == 1) & (back_good[:, 0] == 1) & (error < MAX_BACKWARD_PX)
    reference.points, reference.current = reference.points[kept], forward[kept, 0]
    if kept.sum() < MIN_POINTS:
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        reference.points, reference.current, method=cv2.RANSAC, ransacReprojThreshold=1.5
    )
    if matrix is None or inliers is None or inliers.sum() < MIN_POINTS:
        return None
    agreed = inliers[:, 0] == 1
    reference.points, reference.current = reference.points[agreed], reference.current[agreed]
    return _move(reference.box, np.asarray(matrix, dtype=np.float64))


def _move(box: PixelBox, matrix: NDArray[np.float64]) -> PixelBox:
    """Return a box after a similarity transform: the centre is moved and the size scaled; rotation is ignored."""
    centre = matrix @ np.array([box.x + box.w / 2, box.y + box.h / 2, 1.0])
    scale = float(np.clip(np.hypot(matrix[0, 0], matrix[1, 0]), 0.2, 5.0))
    width, height = box.w * scale, box.h * scale
    return PixelBox(float(centre[0]) - width / 2, float(centre[1]) - height / 2, width, height)


def _patch(picture: Picture, box: PixelBox) -> NDArray[np.float32]:
    """Return the content of the box as a small square patch. Edge pixels are repeated beyond the frame."""
    scale = PATCH_SIDE_PX / max(box.w, 1.0), PATCH_SIDE_PX / max(box.h, 1.0)
    matrix = np.array([[scale[0], 0, -box.x * scale[0]], [0, scale[1], -box.y * scale[1]]])
    small = cv2.warpAffine(
        picture, matrix, (PATCH_SIDE_PX, PATCH_SIDE_PX), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 0), dtype=np.float32)


def _difference(reference: NDArray[np.float32], picture: Picture, box: PixelBox) -> float:
    """Return the mean difference between box content and reference. A change of mean brightness has weight 1/4."""
    if not _is_mostly_inside(picture, box):
        return float("inf")
    delta = _patch(picture, box) - reference
    shift = delta.mean(axis=(0, 1))
    return float(np.abs(delta - shift).mean() * 2 + np.abs(shift).mean() / 2)


def _texture_difference(reference: NDArray[np.float32], picture: Picture, box: PixelBox) -> float:
    """Return the mean difference between box content and reference, apart from a change of mean brightness."""
    if not _is_mostly_inside(picture, box):
        return float("inf")
    delta = _patch(picture, box) - reference
    return float(np.abs(delta - delta.mean(axis=(0, 1))).mean() * 2)


def _is_mostly_inside(picture: Picture, box: PixelBox) -> bool:
    """Return whether at least a quarter of the box's width and height is inside the frame."""
    height, width = picture.shape[:2]
    inside_x = min(box.x + box.w, width) - max(box.x, 0)
    inside_y = min(box.y + box.h, height) - max(box.y, 0)
    return bool(inside_x >= 0.25 * box.w and inside_y >= 0.25 * box.h)


def _search(reference: NDArray[np.float32], picture: Picture, last: PixelBox) -> PixelBox | None:
    """Return the position near the last box that matches the reference best."""
    width, height = max(4, round(last.w)), max(4, round(last.h))
    reach_x, reach_y = round(width * SEARCH_RATIO) + 6, round(height * SEARCH_RATIO) + 6
    left, top = max(0, round(last.x) - reach_x), max(0, round(last.y) - reach_y)
    area = picture[top : round(last.y) + height + reach_y, left : round(last.x) + width + reach_x]
    if area.shape[0] < height or area.shape[1] < width:
        return None
    template = cv2.resize(reference, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    scores = cv2.matchTemplate(np.ascontiguousarray(area), template, cv2.TM_SQDIFF)
    _, _, (x, y), _ = cv2.minMaxLoc(scores)
    return PixelBox(float(left + x), float(top + y), last.w, last.h)


def to_rgb(planes: Planes) -> Picture:
    """Return an RGB image for detectors. OpenCV uses BT.601 coefficients, which is exact enough for detection."""
    height, width = planes.y.shape
    flat = np.concatenate([planes.y.reshape(-1), planes.u.reshape(-1), planes.v.reshape(-1)])
    picture = cv2.cvtColor(flat.reshape(height * 3 // 2, width), cv2.COLOR_YUV2RGB_I420)
    return np.asarray(picture, dtype=np.uint8)


def track_faces(frames: Iterable[Planes], detector: Detector, fps: float) -> list[list[PixelBox]]:
    """Return the enlarged boxes of all faces in each frame.

    A box is interpolated over gaps in its track, and held for `FACE_HOLD_S` before and after the track.
    """
    tracker, sizes = ShotTracker(0), []
    for number, planes in enumerate(frames):
        picture = to_rgb(planes)
        tracker.step(number / fps, detector.detect(picture), picture)
        sizes.append((planes.y.shape[1], planes.y.shape[0]))
    covered: list[list[PixelBox]] = [[] for _ in sizes]
    hold = round(FACE_HOLD_S * fps)
    for tracklet in tracker.tracklets:
        numbers = [round(t * fps) for t in tracklet.times]
        for frame in range(max(0, numbers[0] - hold), min(len(sizes), numbers[-1] + hold + 1)):
            x, y, w, h = (float(np.interp(frame, numbers, [b[i] for b in tracklet.boxes])) for i in range(4))
            width, height = sizes[frame]
            covered[frame].append(PixelBox(x * width, y * height, w * width, h * height).grow(FACE_GROWTH))
    return covered


def smooth_boxes(boxes: Sequence[PixelBox], radius: int = 2) -> list[PixelBox]:
    """Return the boxes averaged over neighbouring frames, which removes jitter."""
    values = np.array([[b.x, b.y, b.w, b.h] for b in boxes])
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    kernel = np.ones(2 * radius + 1) / (2 * radius + 1)
    smooth = np.stack([np.convolve(padded[:, i], kernel, mode="valid") for i in range(4)], axis=1)
    return [PixelBox(*(float(v) for v in row)) for row in smooth]
