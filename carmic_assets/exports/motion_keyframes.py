"""The reframe as position and scale: the crop of every frame, said with as few keyframes as a straight line allows.

All four programs interpolate position and scale linearly, while a crop that is linear in time is not linear in scale.
So the crop is sampled at every frame of the sequence and keyframes are set wherever a line would miss it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.direction.canvas import Rect
from carmic_assets.model.direction import Box

TOLERANCE_PX = 0.5  # of the source and of the canvas; the promise is 2


class Key(msgspec.Struct, frozen=True):
    """The whole picture at a frame of its piece: its middle in canvas pixels from the canvas' middle (right and down),
    its shown `width` and `height` in canvas pixels, and what is trimmed off its sides (fractions of the picture)."""

    frame: int
    x: float
    y: float
    width: float
    height: float
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


class Canvas(msgspec.Struct, frozen=True):
    """Sizes that turn fractions into pixels: the sequence's, and the upright source's."""

    width: int
    height: int
    source_width: int
    source_height: int


def place(frame: int, crop: Box, rect: Rect, canvas: Canvas) -> Key:
    """Where the whole picture must lie so that `crop` fills `rect`. Trimmed only where `rect` is not the canvas."""
    scale = (rect.w * rect.h / (crop.w * canvas.source_width * crop.h * canvas.source_height)) ** 0.5
    width, height = canvas.source_width * scale, canvas.source_height * scale
    x = rect.x + rect.w / 2 - canvas.width / 2 - (crop.x + crop.w / 2 - 0.5) * width
    y = rect.y + rect.h / 2 - canvas.height / 2 - (crop.y + crop.h / 2 - 0.5) * height
    if (rect.w, rect.h) == (canvas.width, canvas.height):
        return Key(frame, x, y, width, height)
    return Key(frame, x, y, width, height, crop.x, crop.y, 1 - crop.x - crop.w, 1 - crop.y - crop.h)


def shown(key: Key, rect: Rect, canvas: Canvas) -> Box:
    """The crop that fills `rect` with the picture at `key`: the inverse of `place`."""
    x = (rect.x - canvas.width / 2 - key.x) / key.width + 0.5
    y = (rect.y - canvas.height / 2 - key.y) / key.height + 0.5
    return Box(x, y, rect.w / key.width, rect.h / key.height)


def between(a: Key, b: Key, frame: int) -> Key:
    """The straight line from `a` to `b`."""
    part = (frame - a.frame) / (b.frame - a.frame)
    mix = (getattr(a, name) + (getattr(b, name) - getattr(a, name)) * part for name in Key.__struct_fields__[1:])
    return Key(frame, *mix)


def thin(keys: Sequence[Key], rect: Rect, canvas: Canvas) -> tuple[Key, ...]:
    """Keyframes whose straight lines show in `rect` what `keys` (one a frame, in order) show there, within
    `TOLERANCE_PX`. A picture that stands still keeps one."""
    if all(_near(key, keys[0], rect, canvas) for key in keys):
        return (keys[0],)
    kept = [keys[0]]
    at = 0
    while at < len(keys) - 1:
        reach = 1
        while at + reach < len(keys) and _straight(keys, at, at + reach, rect, canvas):
            reach *= 2
        good, bad = at + max(reach // 2, 1), min(at + reach, len(keys))
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if _straight(keys, at, middle, rect, canvas) else (good, middle)
        kept.append(keys[good])
        at = good
    return tuple(kept)


def _straight(keys: Sequence[Key], first: int, last: int, rect: Rect, canvas: Canvas) -> bool:
    a, b = keys[first], keys[last]
    return all(_near(between(a, b, keys[i].frame), keys[i], rect, canvas) for i in range(first + 1, last))


def _near(a: Key, b: Key, rect: Rect, canvas: Canvas) -> bool:
    """Whether both show the same crop: its edges, and what is trimmed, in pixels of the source and of the canvas."""
    across, down = max(canvas.source_width, b.width), max(canvas.source_height, b.height)
    p, q = shown(a, rect, canvas), shown(b, rect, canvas)
    return (
        max(abs(p.x - q.x), abs(p.x + p.w - q.x - q.w)) * across <= TOLERANCE_PX
        and max(abs(p.y - q.y), abs(p.y + p.h - q.y - q.h)) * down <= TOLERANCE_PX
        and max(abs(a.left - b.left), abs(a.right - b.right)) * across <= TOLERANCE_PX
        and max(abs(a.top - b.top), abs(a.bottom - b.bottom)) * down <= TOLERANCE_PX
    )
