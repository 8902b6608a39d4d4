"""From shots to numbers: what each picture of each output frame is cut from, how large it is drawn, and where.

Pure arithmetic over the edit. The picture that fills the canvas is cut twice: roughly from the source, on even pixels,
a little too large, then exactly from the enlarged picture. So it is right to half a pixel of the output at every frame,
and a still crop is still. Pictures that are laid over the base are cut once, on whole pixels of the source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from carmic_assets.direction.canvas import Rect, region_rects
from carmic_assets.direction.crop_sampling import region_at
from carmic_assets.media.picture_filters import even
from carmic_assets.model.direction import Box, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.media import VideoFacts

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
EARLY_S = 1e-4  # a shot's first frame may be a rounding before its start
FINEST_BLUR = 1.25  # times smaller: less is no blur
GAUSS = 1.0  # narrower, and the small pixels show as a grid; wider, and the picture is drawn smaller for the same blur


class Drawn(msgspec.Struct, frozen=True):
    """One picture for one frame: `crop` of the upright source, drawn `scaled` large, of which `cut` is taken and put at
    `place` on the canvas. A backdrop is drawn `small` first, which blurs it."""

    crop: Rect
    scaled: tuple[int, int]
    cut: Rect
    place: tuple[int, int]
    small: tuple[int, int] | None = None


class Layer(msgspec.Struct, frozen=True):
    """Changes of one layer, by output frame, the first at the plan's first frame. None: nothing is drawn."""

    changes: tuple[tuple[int, Drawn | None], ...]

    def spans(self, end: int) -> list[tuple[int, int]]:
        """Output frames `[a, b)` in which the layer is drawn."""
        result: list[tuple[int, int]] = []
        stops = [frame for frame, _ in self.changes[1:]] + [end]
        for (start, drawn), stop in zip(self.changes, stops, strict=True):
            if drawn is None:
                continue
            if result and result[-1][1] == start:
                result[-1] = (result[-1][0], stop)
            else:
                result.append((start, stop))
        return result


class Plan(msgspec.Struct, frozen=True):
    """`layers[0]` is the base and covers the canvas; the others are laid over it. Output frames `[first, end)`."""

    first: int
    end: int
    layers: tuple[Layer, ...]


def output_frames(edit: Edit) -> list[int]:
    """The clip's frame number for each output frame: consecutive but for removed pauses."""
    grid = edit.rate.fraction
    return [n for keep in edit.keeps for n in range(round(keep.start_s * grid), max(1, round(keep.end_s * grid)))]


def make_plan(edit: Edit, frames: Sequence[int], first: int = 0, end: int | None = None) -> Plan:
    """The plan for output frames `[first, end)`; `frames` is of `output_frames`."""
    end = len(frames) if end is None else end
    video = edit.source.video
    assert video is not None
    size = turned_size(video)
    step = float(1 / edit.rate.fraction)
    histories: list[list[tuple[int, Drawn | None]]] = [[], [], []]
    at, still = -1, None
    for n in range(first, end):
        t = frames[n] * step
        k = max(at, 0)
        while k + 1 < len(edit.shots) and edit.shots[k + 1].start_time <= t + EARLY_S:
            k += 1
        if k != at or still is None:
            at = k
            drawn = _drawn(edit, edit.shots[k], t, size)
            still = drawn if _is_still(edit.shots[k]) else None
        else:
            drawn = still
        for history, each in zip(histories, drawn, strict=True):
            if not history or history[-1][1] != each:
                history.append((n, each))
    used = [h for h in histories if any(each is not None for _, each in h)]
    return Plan(first, end, tuple(Layer(tuple(h)) for h in used))


def turned_size(video: VideoFacts) -> tuple[int, int]:
    """Upright pixels as they are coded: turned, but with the pixel aspect still in it."""
    if video.rotation in (90, 270):
        return video.coded_height, video.coded_width
    return video.coded_width, video.coded_height


def _is_still(shot: LayoutShot) -> bool:
    return all(all(_same(k, r.keyframes[0]) for k in r.keyframes) for r in shot.regions)


def _same(a: msgspec.Struct, b: msgspec.Struct) -> bool:
    return msgspec.structs.astuple(a)[1:] == msgspec.structs.astuple(b)[1:]


def _drawn(
    edit: Edit, shot: LayoutShot, t: float, size: tuple[int, int]
) -> tuple[Drawn | None, Drawn | None, Drawn | None]:
    """Base and overlays of a shot at `t`."""
    layout = edit.config.layout
    canvas = Rect(0, 0, edit.width, edit.height)
    rects = region_rects(shot.layout, layout.aspect_ratio, layout.padding)
    if shot.layout == "fit":
        boxes: tuple[Box, ...] = (WHOLE,)
        rects = (fitted(edit, rects[0]),)
    else:
        boxes = tuple(region_at(region, t) for region in shot.regions)
    if rects == (canvas,):
        return _base(boxes[0], canvas, size, not _is_still(shot)), None, None
    over = [_over(box, rect, size) for box, rect in zip(boxes, rects, strict=True)]
    free = sum(rect.w * rect.h for rect in rects) < canvas.w * canvas.h
    base = _backdrop(boxes[0], canvas, size, layout.background_blur) if free else _hidden(canvas)
    return base, over[0], over[1] if len(over) > 1 else None


def fitted(edit: Edit, room: Rect) -> Rect:
    """The whole source inside `room`, as large as it goes, in its middle."""
    video = edit.source.video
    assert video is not None
    scale = min(room.w / video.width, room.h / video.height)
    w, h = min(room.w, even(video.width * scale)), min(room.h, even(video.height * scale))
    return Rect(room.x + (room.w - w) // 4 * 2, room.y + (room.h - h) // 4 * 2, w, h)


def _base(box: Box, canvas: Rect, size: tuple[int, int], moving: bool) -> Drawn:
    """`box` drawn so that it fills the canvas, right to half a pixel."""
    x, cw, sw, ox = _axis(box.x, box.w, size[0], canvas.w, moving)
    y, ch, sh, oy = _axis(box.y, box.h, size[1], canvas.h, moving)
    return Drawn(Rect(x, y, cw, ch), (sw, sh), Rect(ox, oy, canvas.w, canvas.h), (0, 0))


def _over(box: Box, rect: Rect, size: tuple[int, int]) -> Drawn:
    """`box` drawn so that it fills `rect`, right to half a pixel of the source."""
    w, h = (min(max(2, round(part * pixels)), pixels) for part, pixels in zip((box.w, box.h), size, strict=True))
    x, y = (
        min(max(0, round(at * pixels)), pixels - length)
        for at, pixels, length in zip((box.x, box.y), size, (w, h), strict=True)
    )
    return Drawn(Rect(x, y, w, h), (rect.w, rect.h), Rect(0, 0, rect.w, rect.h), (rect.x, rect.y))


def _hidden(canvas: Rect) -> Drawn:
    """A base that other pictures cover: as cheap as it gets."""
    return Drawn(Rect(0, 0, 16, 16), (canvas.w, canvas.h), canvas, (0, 0))


def _axis(start: float, length: float, pixels: int, out: int, moving: bool) -> tuple[int, int, int, int]:
    """One axis: the rough crop (start and length, even source pixels), its drawn length, where the exact cut begins."""
    room = max(2, pixels & ~1)
    length = min(max(round(length * pixels, 3), 2.0), room)
    start = min(max(round(start * pixels, 3), 0.0), room - length)
    if moving:  # of one size wherever it is, so that nothing is set up anew while it moves
        rough = min(room, 2 * math.ceil(length / 2) + 2)
        at = min(2 * math.floor(start / 2), room - rough)
    else:
        at = 2 * math.floor(start / 2)
        rough = min(room, 2 * math.ceil((start + length) / 2)) - at
    drawn = max(out, math.ceil(rough * out / length - 1e-6))
    cut = round((start - at) * drawn / rough)
    return at, rough, drawn, min(max(cut, 0), drawn - out)


def _backdrop(box: Box, canvas: Rect, size: tuple[int, int], blur: float) -> Drawn:
    """The largest part of the source with the canvas' proportion around the middle of `box`, to be blurred.

    The proportion is taken of coded pixels: what a pixel aspect stretches in a blur nobody sees.
    """
    part = min(size[0] / canvas.w, size[1] / canvas.h)
    w, h = min(even(canvas.w * part), size[0] & ~1), min(even(canvas.h * part), size[1] & ~1)
    x = min(max(2 * round(((box.x + box.w / 2) * size[0] - w / 2) / 2), 0), (size[0] & ~1) - w)
    y = min(max(2 * round(((box.y + box.h / 2) * size[1] - h / 2) / 2), 0), (size[1] & ~1) - h)
    shrink = shrinkage(blur)
    small = (even(canvas.w / shrink), even(canvas.h / shrink)) if shrink > FINEST_BLUR else None
    return Drawn(Rect(x, y, w, h), (canvas.w, canvas.h), canvas, (0, 0), small)


def shrinkage(blur: float) -> float:
    """How many times smaller a backdrop is drawn on its way. `blur` 0..100 is the standard deviation of the blur in
    pixels of a 1080 canvas, as in CSS: enlarging with swscale's Gaussian, 2^(-GAUSS x^2), makes one of 0.85 small
    pixels, and shrinking adds a third of one."""
    return max(1.0, blur / math.hypot(math.sqrt(0.5 / math.log(2) / GAUSS), 0.33))
