"""Reframes a clip to another aspect ratio: the crop follows the box or the faces, along the director's calm path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from carmic_assets.ai_edits.errors import AiEditError
from carmic_assets.ai_edits.region_masks import PixelBox, to_pixels
from carmic_assets.ai_edits.region_tracking import smooth_boxes, track_box, track_faces
from carmic_assets.ai_edits.working_clip import Planes, WorkingClip, read_frames, write_frames
from carmic_assets.direction.crop_path import AxisTarget, plan_axis_path
from carmic_assets.model.direction import Box
from carmic_assets.vision.centerface import CenterFace

MAX_CUT_DIFFERENCE = 32.0  # mean change of luma at 160 x 90; a larger one is a cut, where the crop may jump
_SAME_SHAPE_RATIO = 0.99


def reframe(clip: WorkingClip, ratio: float, box: Box | None, path: Path) -> WorkingClip:
    """Crop a clip to `ratio` (width / height): the largest crop, moved along one axis to keep its subject inside.

    The subject is what is in the box, else the largest face, else the middle of the frame.

    Raises:
        AiEditError: the clip has this ratio already.
        LostTargetError: the content of the box is lost.
    """
    width = min(clip.width, round(clip.height * ratio / 2) * 2)
    height = min(clip.height, round(clip.width / ratio / 2) * 2)
    if width >= clip.width * _SAME_SHAPE_RATIO and height >= clip.height * _SAME_SHAPE_RATIO:
        raise AiEditError("The picture has this aspect ratio already. Ask for another one.")
    is_horizontal = width < clip.width
    size = (width / clip.width) if is_horizontal else (height / clip.height)
    positions = _plan_positions(clip, _find_subject(clip, box, is_horizontal), size)

    def frames() -> Iterator[Planes]:
        for planes, position in zip(read_frames(clip.path), positions, strict=True):
            left, top = (position, 0.5) if is_horizontal else (0.5, position)
            yield _crop(planes, left, top, width, height)

    return write_frames(msgspec.structs.replace(clip, width=width, height=height), frames(), path)


def _find_subject(clip: WorkingClip, box: Box | None, is_horizontal: bool) -> NDArray[np.float64]:
    """Return the subject's centre in each frame along the axis, 0..1; NaN where there is none."""
    fps = float(clip.rate.fraction)
    frames: list[list[PixelBox]]
    if box is not None:
        pixels = to_pixels(box, clip.width, clip.height)
        frames = [[each] for each in smooth_boxes(track_box(read_frames(clip.path), pixels, fps))]
    else:
        frames = track_faces(read_frames(clip.path), CenterFace(), fps)
    largest = [max(boxes, key=lambda b: b.w * b.h) if boxes else None for boxes in frames]
    if is_horizontal:
        centres = [np.nan if b is None else (b.x + b.w / 2) / clip.width for b in largest]
    else:
        centres = [np.nan if b is None else (b.y + b.h / 2) / clip.height for b in largest]
    return np.asarray(centres, dtype=np.float64)


def _plan_positions(clip: WorkingClip, centres: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Return the centre of the crop in each frame; each shot has its own path."""
    positions = np.full(clip.count, 0.5)
    times = np.arange(clip.count) / float(clip.rate.fraction)
    starts = _find_cuts(clip)
    for first, end in zip([0, *starts], [*starts, clip.count], strict=True):
        shot = centres[first:end]
        seen = np.flatnonzero(~np.isnan(shot))
        if not len(seen):
            continue
        ideal = np.clip(np.interp(np.arange(len(shot)), seen, shot[seen]), size / 2, 1 - size / 2)
        low, high = np.full(len(shot), size / 2), np.full(len(shot), 1 - size / 2)
        path = plan_axis_path(AxisTarget(times[first:end], ideal, low, high, size))
        at_s, values = [k.t for k in path], [k.position for k in path]
        positions[first:end] = np.interp(times[first:end], at_s, values)
    return positions


def _find_cuts(clip: WorkingClip) -> list[int]:
    cuts, previous = [], None
    for number, planes in enumerate(read_frames(clip.path)):
        small = cv2.resize(planes.y, (160, 90), interpolation=cv2.INTER_AREA).astype(np.float32)
        if previous is not None and float(np.abs(small - previous).mean()) > MAX_CUT_DIFFERENCE:
            cuts.append(number)
        previous = small
    return cuts


def _crop(planes: Planes, x: float, y: float, width: int, height: int) -> Planes:
    """Cut an even window around a centre in 0..1 of the frame, moved inside the frame."""
    full_height, full_width = planes.y.shape
    left = min(max(0, round((x * full_width - width / 2) / 2) * 2), full_width - width)
    top = min(max(0, round((y * full_height - height / 2) / 2) * 2), full_height - height)
    half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
    return Planes(
        np.ascontiguousarray(planes.y[top : top + height, left : left + width]),
        np.ascontiguousarray(planes.u[half]),
        np.ascontiguousarray(planes.v[half]),
    )
