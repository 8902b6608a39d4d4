"""Converts crops to the smallest set of position and scale keyframes that reproduces the crop of every frame.

All four programs interpolate position and scale linearly. A crop whose size is linear in time is not linear in scale.
So the crop is sampled at every frame of the sequence, and a keyframe is set where linear interpolation would differ by
more than `TOLERANCE_PX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from carmic_assets.direction.canvas import Rect
from carmic_assets.model.direction import Box

TOLERANCE_PX = 0.5  # in pixels of the source and of the canvas; docs/exports.md guarantees 1


class TransformKeyframe(msgspec.Struct, frozen=True):
    """Position, size and crop of the uncropped image at a frame of its clip item.

    `x`, `y`: offset of the image's centre from the canvas's centre in canvas pixels, positive to the right and down.
    `width`, `height`: size on the canvas in canvas pixels. `left`, `top`, `right`, `bottom`: cropped fractions of the
    image.
    """

    frame: int
    x: float
    y: float
    width: float
    height: float
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


class FrameSizes(msgspec.Struct, frozen=True):
    """The sizes of the sequence and of the upright source, in pixels."""

    width: int
    height: int
    source_width: int
    source_height: int


def is_cropped(keyframes: Iterable[TransformKeyframe]) -> bool:
    """Return whether any of the keyframes crops the image."""
    return any(key.left or key.top or key.right or key.bottom for key in keyframes)


def place_picture(frame: int, crop: Box, rect: Rect, sizes: FrameSizes) -> TransformKeyframe:
    """Return the keyframe with which `crop` fills `rect`. It crops the image unless `rect` is the canvas."""
    scale = (rect.w * rect.h / (crop.w * sizes.source_width * crop.h * sizes.source_height)) ** 0.5
    width, height = sizes.source_width * scale, sizes.source_height * scale
    x = rect.x + rect.w / 2 - sizes.width / 2 - (crop.x + crop.w / 2 - 0.5) * width
    y = rect.y + rect.h / 2 - sizes.height / 2 - (crop.y + crop.h / 2 - 0.5) * height
    if (rect.w, rect.h) == (sizes.width, sizes.height):
        return TransformKeyframe(frame, x, y, width, height)
    return TransformKeyframe(frame, x, y, width, height, crop.x, crop.y, 1 - crop.x - crop.w, 1 - crop.y - crop.h)


def compute_visible_crop(key: TransformKeyframe, rect: Rect, sizes: FrameSizes) -> Box:
    """Return the crop that is visible in `rect` at `key`, the inverse of `place_picture`."""
    x = (rect.x - sizes.width / 2 - key.x) / key.width + 0.5
    y = (rect.y - sizes.height / 2 - key.y) / key.height + 0.5
    return Box(x, y, rect.w / key.width, rect.h / key.height)


def interpolate_keyframes(a: TransformKeyframe, b: TransformKeyframe, frame: int) -> TransformKeyframe:
    """Return the keyframe at `frame` on the straight line from `a` to `b`."""
    fraction = (frame - a.frame) / (b.frame - a.frame)
    fields = TransformKeyframe.__struct_fields__[1:]
    return TransformKeyframe(
        frame, *(getattr(a, name) + (getattr(b, name) - getattr(a, name)) * fraction for name in fields)
    )


def reduce_keyframes(
    keyframes: Sequence[TransformKeyframe], rect: Rect, sizes: FrameSizes
) -> tuple[TransformKeyframe, ...]:
    """Return the keyframes without those that linear interpolation reproduces in `rect` within `TOLERANCE_PX`.

    `keyframes` has one keyframe for each frame, in order. A still crop keeps one keyframe. From each kept keyframe, an
    exponential search followed by a binary search selects the next one: a distant keyframe up to which interpolation
    stays within the tolerance.
    """
    if all(_is_near(key, keyframes[0], rect, sizes) for key in keyframes):
        return (keyframes[0],)
    reduced = [keyframes[0]]
    current = 0
    while current < len(keyframes) - 1:
        step = 1
        while current + step < len(keyframes) and _is_linear(keyframes, current, current + step, rect, sizes):
            step *= 2
        reachable, unreachable = current + max(step // 2, 1), min(current + step, len(keyframes))
        while unreachable - reachable > 1:
            middle = (reachable + unreachable) // 2
            reachable, unreachable = (
                (middle, unreachable) if _is_linear(keyframes, current, middle, rect, sizes) else (reachable, middle)
            )
        reduced.append(keyframes[reachable])
        current = reachable
    return tuple(reduced)


def _is_linear(keyframes: Sequence[TransformKeyframe], first: int, last: int, rect: Rect, sizes: FrameSizes) -> bool:
    a, b = keyframes[first], keyframes[last]
    return all(
        _is_near(interpolate_keyframes(a, b, keyframes[i].frame), keyframes[i], rect, sizes)
        for i in range(first + 1, last)
    )


def _is_near(a: TransformKeyframe, b: TransformKeyframe, rect: Rect, sizes: FrameSizes) -> bool:
    """Return whether the visible crop and the cropped sides of `a` and `b` differ by at most `TOLERANCE_PX`."""
    width_px, height_px = max(sizes.source_width, b.width), max(sizes.source_height, b.height)
    p, q = compute_visible_crop(a, rect, sizes), compute_visible_crop(b, rect, sizes)
    return (
        max(abs(p.x - q.x), abs(p.x + p.w - q.x - q.w)) * width_px <= TOLERANCE_PX
        and max(abs(p.y - q.y), abs(p.y + p.h - q.y - q.h)) * height_px <= TOLERANCE_PX
        and max(abs(a.left - b.left), abs(a.right - b.right)) * width_px <= TOLERANCE_PX
        and max(abs(a.top - b.top), abs(a.bottom - b.bottom)) * height_px <= TOLERANCE_PX
    )
