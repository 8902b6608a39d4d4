"""Removes the content of a tracked box: fills it with the background that is visible in other frames.

Frames are aligned by homographies of the image outside the boxes, chained from frame to frame. A hole is filled with
the weighted mean of aligned frames in which it is not covered. Pixels that are covered in all frames are inpainted
(Telea 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.region_masks import (
    FEATHER_PX,
    Patch,
    PixelBox,
    Window,
    cut_patch,
    feathered_mask,
    put_patch,
    window_around,
)
from carmic_assets.ai_edits.working_clip import Planes

MAX_KEPT_BYTES = 600_000_000  # memory for source frames
MAX_LAYERS = 3  # number of source frames that are averaged per pixel of the hole
MAX_TRIED = 12  # number of source frames that are tried for one hole
RING_PX = 12  # width of the ring around the hole in which aligned frames are compared with the target frame
MAX_RING_ERROR = 14.0  # in code values; an aligned frame whose ring differs more is not used
NEAR_FRAMES = 4  # a source frame at this distance has half the weight
STILL_PX = 0.35  # a homography that moves each corner by less than this counts as the identity
INPAINT_RADIUS_PX = 4
_GRID_POINTS = 220

Homography = NDArray[np.float64]


class FillReport(msgspec.Struct, frozen=True):
    """The ratio of hole pixels that are covered in all frames, 0..1. They are inpainted."""

    unseen_ratio: float


class _Kept(msgspec.Struct, frozen=True):
    number: int
    planes: Planes


def fill_temporal(
    frames: Callable[[], Iterable[Planes]], boxes: Sequence[PixelBox], report: list[FillReport]
) -> Iterator[Planes]:
    """Yield the frames with their boxes filled, then append one entry to `report`.

    Each call of `frames` starts a new pass over the clip.
    """
    chain = align_frames(frames(), boxes)
    kept = _keep_frames(frames(), len(boxes))
    hole_pixels = unseen_pixels = 0
    for number, planes in enumerate(frames()):
        height, width = planes.y.shape
        window = window_around(boxes[number], width, height, FEATHER_PX + RING_PX)
        if window.is_empty:
            yield planes
            continue
        mask = feathered_mask(boxes[number], window)
        filled, unseen = _fill_one(number, planes, window, mask, boxes, chain, kept)
        hole_pixels += int((mask > 0).sum())
        unseen_pixels += int(unseen.sum())
        yield put_patch(planes, window, filled, mask)
    report.append(FillReport(unseen_pixels / max(1, hole_pixels)))


def fill_spatial(frames: Iterable[Planes], boxes: Sequence[PixelBox]) -> Iterator[Planes]:
    """Yield the frames with their boxes inpainted; each frame is inpainted independently."""
    for planes, box in zip(frames, boxes, strict=True):
        height, width = planes.y.shape
        window = window_around(box, width, height, FEATHER_PX + RING_PX)
        if window.is_empty:
            yield planes
            continue
        mask = feathered_mask(box, window)
        yield put_patch(planes, window, _inpaint(cut_patch(planes, window), mask > 0), mask)


def align_frames(frames: Iterable[Planes], boxes: Sequence[PixelBox]) -> list[Homography]:
    """Return for each frame the homography from frame 0, estimated from points outside the boxes."""
    chain: list[Homography] = []
    previous: NDArray[np.uint8] | None = None
    for number, planes in enumerate(frames):
        size = (planes.u.shape[1], planes.u.shape[0])
        luma = np.asarray(cv2.resize(planes.y, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        if previous is None:
            chain.append(np.eye(3))
        else:
            step = _step(previous, luma, boxes[number - 1], boxes[number])
            chain.append(step @ chain[-1])
        previous = luma
    return chain


def _step(before: NDArray[np.uint8], after: NDArray[np.uint8], old: PixelBox, new: PixelBox) -> Homography:
    """Return the homography in full-size pixels between neighbouring frames; the identity if it is uncertain."""
    mask = np.full(before.shape, 255, np.uint8)
    _cover(mask, old, 0.5, 0)
    points = cv2.goodFeaturesToTrack(before, _GRID_POINTS, 0.01, 8, mask=mask)
    if points is None or len(points) < 12:
        return np.eye(3)
    moved, good, _ = cv2.calcOpticalFlowPyrLK(before, after, points, np.empty(0), winSize=(15, 15), maxLevel=3)
    inside = np.zeros(before.shape, np.uint8)
    _cover(inside, new, 0.5, 255)
    columns = np.clip(moved[:, 0, 0].astype(int), 0, before.shape[1] - 1)
    rows = np.clip(moved[:, 0, 1].astype(int), 0, before.shape[0] - 1)
    kept = (good[:, 0] == 1) & (inside[rows, columns] == 0)
    if kept.sum() < 12:
        return np.eye(3)
    start, end = points[kept, 0], moved[kept, 0]
    if np.median(np.abs(end - start).max(axis=1)) < 0.06:  # most points are still, so the camera is
        return np.eye(3)
    matrix, inliers = cv2.findHomography(start, end, cv2.RANSAC, 1.0)
    if matrix is None or inliers is None or inliers.sum() < 12:
        return np.eye(3)
    double = np.diag([2.0, 2.0, 1.0])
    return np.asarray(double @ matrix @ np.linalg.inv(double), dtype=np.float64)


def _cover(mask: NDArray[np.uint8], box: PixelBox, scale: float, value: int) -> None:
    left, top = max(0, int(box.x * scale) - 3), max(0, int(box.y * scale) - 3)
    right, bottom = max(0, int((box.x + box.w) * scale) + 4), max(0, int((box.y + box.h) * scale) + 4)
    mask[top:bottom, left:right] = value


def _keep_frames(frames: Iterable[Planes], count: int) -> list[_Kept]:
    """Return evenly spaced frames of at most about `MAX_KEPT_BYTES`; all frames of a short clip."""
    kept: list[_Kept] = []
    spacing = 1
    for number, planes in enumerate(frames):
        if number == 0:
            size = planes.y.nbytes + planes.u.nbytes + planes.v.nbytes
            spacing = max(1, -(-count * size // MAX_KEPT_BYTES))
        if number % spacing == 0 or number == count - 1:
            kept.append(_Kept(number, Planes(planes.y.copy(), planes.u.copy(), planes.v.copy())))
    return kept


def _fill_one(
    number: int, planes: Planes, window: Window, mask: NDArray[np.float32], boxes: Sequence[PixelBox],
    chain: Sequence[Homography], kept: Sequence[_Kept],
) -> tuple[Patch, NDArray[np.bool_]]:  # fmt: skip
    """Return the filled window of one frame, and a mask of the hole's pixels that are covered in all frames."""
    target = cut_patch(planes, window)
    hole = mask > 0
    ring = ~hole
    total = np.zeros(target.shape, np.float32)
    weights = np.zeros(hole.shape, np.float32)
    layers = np.zeros(hole.shape, np.uint8)
    for kept_frame in _order_sources(number, window, boxes, chain, kept):
        if (layers[hole] >= MAX_LAYERS).all():
            break
        source, is_seen = _warp(kept_frame, number, window, boxes, chain)
        compared = ring & is_seen
        if compared.sum() < 50:
            continue
        delta = target[compared].astype(np.float32) - source[compared]
        offset = np.clip(np.median(delta, axis=0), -12, 12)
        error = float(np.abs(delta - offset).mean())
        if error > MAX_RING_ERROR:
            continue
        trust = 1.0 / ((1.0 + error) ** 3 * (1.0 + abs(kept_frame.number - number) / NEAR_FRAMES))
        weight = np.where(is_seen & hole & (layers < MAX_LAYERS), trust, 0.0).astype(np.float32)
        total += (source + offset) * weight[..., None]
        weights += weight
        layers += weight > 0
    seen = weights > 0
    result = target.copy()
    result[seen] = np.clip(np.rint(total[seen] / weights[seen][:, None]), 0, 255).astype(np.uint8)
    unseen = hole & ~seen
    if unseen.any():
        result = _inpaint(result, unseen)
    return result, unseen


def _order_sources(
    number: int, window: Window, boxes: Sequence[PixelBox], chain: Sequence[Homography], kept: Sequence[_Kept]
) -> list[_Kept]:
    """Return the source frames to try for a hole.

    The nearest frames whose box does not overlap the hole come first, then those with partial overlap, least first.
    """
    hole = boxes[number]

    def hidden_ratio(candidate: _Kept) -> float:
        moved = _move_box(boxes[candidate.number], chain[number] @ np.linalg.inv(chain[candidate.number]))
        w = min(hole.x + hole.w, moved.x + moved.w) - max(hole.x, moved.x)
        h = min(hole.y + hole.h, moved.y + moved.h) - max(hole.y, moved.y)
        return max(0.0, w) * max(0.0, h) / max(1.0, hole.w * hole.h)

    near = sorted((k for k in kept if k.number != number), key=lambda k: abs(k.number - number))
    ratios = {k.number: hidden_ratio(k) for k in near}
    clear = [k for k in near if ratios[k.number] <= 0.02][: MAX_LAYERS + 1]
    partly = sorted((k for k in near if 0.02 < ratios[k.number] < 0.95), key=lambda k: ratios[k.number])
    return [*clear, *partly[: MAX_TRIED - len(clear)]]


def _move_box(box: PixelBox, matrix: Homography) -> PixelBox:
    corners = np.array(
        [[box.x, box.y], [box.x + box.w, box.y], [box.x, box.y + box.h], [box.x + box.w, box.y + box.h]],
        dtype=np.float64,
    )
    moved = cv2.perspectiveTransform(corners[None], matrix)[0]
    low, high = moved.min(axis=0), moved.max(axis=0)
    return PixelBox(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _warp(
    source: _Kept, number: int, window: Window, boxes: Sequence[PixelBox], chain: Sequence[Homography]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return another frame warped to the window of frame `number`, and a mask of its visible background pixels."""
    height, width = source.planes.y.shape
    matrix = chain[number] @ np.linalg.inv(chain[source.number])
    corners = np.array([[window.left, window.top], [window.right, window.bottom]], dtype=np.float64)
    moved = cv2.perspectiveTransform(corners[None], matrix)[0]
    if np.abs(moved - corners).max() < STILL_PX:
        other = boxes[source.number]
        covered = feathered_mask(other, window) > 0
        return cut_patch(source.planes, window).astype(np.float32), ~covered
    back = np.linalg.inv(matrix)
    origin = _move_box(PixelBox(window.left, window.top, window.right - window.left, window.bottom - window.top), back)
    area = window_around(origin, width, height, 4)
    size = (window.right - window.left, window.bottom - window.top)
    if area.is_empty or area.right - area.left < 4 or area.bottom - area.top < 4:
        return np.zeros((size[1], size[0], 3), np.float32), np.zeros((size[1], size[0]), np.bool_)
    to_window = np.array([[1, 0, -window.left], [0, 1, -window.top], [0, 0, 1.0]])
    from_area = np.array([[1, 0, area.left], [0, 1, area.top], [0, 0, 1.0]])
    local = to_window @ matrix @ from_area
    patch = cut_patch(source.planes, area)
    visible = (feathered_mask(boxes[source.number], area) == 0).astype(np.uint8) * 255
    warped = cv2.warpPerspective(patch, local, size, flags=cv2.INTER_CUBIC)
    seen = cv2.warpPerspective(visible, local, size, flags=cv2.INTER_LINEAR)
    return np.asarray(warped, dtype=np.float32), np.asarray(seen == 255, dtype=np.bool_)


def _inpaint(patch: Patch, hole: NDArray[np.bool_]) -> Patch:
    filled = cv2.inpaint(patch, hole.astype(np.uint8) * 255, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
    return np.asarray(filled, dtype=np.uint8)
