"""Computes the crop plan: the source crop, the scaled size and the canvas position of each layer in every frame.

A layer that fills the canvas (the base) is cropped twice: first from the source, on even pixels and slightly too
large, then exactly from the scaled image. The position error is at most half an output pixel in every frame. A crop
that does not move is rendered without jitter. Layers over the base (overlays) are cropped once, on whole source pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

import msgspec

from carmic_assets.direction.canvas import Rect, place_shot
from carmic_assets.direction.crop_sampling import sample_region
from carmic_assets.media.video_filters import round_to_even
from carmic_assets.model.direction import FULL_FRAME, Box, LayoutShot
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import SourceFacts, VideoFacts

SHOT_START_TOLERANCE_S = 1e-4  # rounding may put a shot's first frame slightly before its start
MIN_BLUR_DOWNSCALE = 1.25  # with a smaller factor the blur is not visible
# param0 of swscale's Gaussian. With a narrower kernel the pixels of the downscaled image are visible as a grid. A wider
# kernel needs a smaller image for the same blur.
GAUSS_PARAM = 1.0


class PictureGeometry(msgspec.Struct, frozen=True):
    """The crops, the size and the position of one layer in one frame.

    `source_crop` of the upright source is scaled to `scaled_size`. `final_crop` of the result is placed at `position`
    on the canvas. A background is first scaled down to `blur_size`; scaling it up again blurs it.
    """

    source_crop: Rect
    scaled_size: tuple[int, int]
    final_crop: Rect
    position: tuple[int, int]
    blur_size: tuple[int, int] | None = None


class PictureLayer(msgspec.Struct, frozen=True):
    """The geometry of one layer over time, as pairs (output frame, geometry from that frame on).

    The first pair is at the plan's first frame. The layer is hidden while its geometry is None.
    """

    changes: tuple[tuple[int, PictureGeometry | None], ...]

    def visible_ranges(self, end: int) -> list[tuple[int, int]]:
        """Return the ranges of output frames, end exclusive, in which the layer is rendered."""
        result: list[tuple[int, int]] = []
        stops = [frame for frame, _ in self.changes[1:]] + [end]
        for (start, geometry), stop in zip(self.changes, stops, strict=True):
            if geometry is None:
                continue
            if result and result[-1][1] == start:
                result[-1] = (result[-1][0], stop)
            else:
                result.append((start, stop))
        return result


class CropPlan(msgspec.Struct, frozen=True):
    """The layers of the output frames `[first, end)`. `layers[0]` is the base and covers the canvas."""

    first: int
    end: int
    layers: tuple[PictureLayer, ...]


def require_video(source: SourceFacts) -> VideoFacts:
    """Return the source's video stream. Raises `RenderError` if it has none."""
    if source.video is None:
        raise RenderError(
            "The source has no video stream, so no clip can be rendered from it. Upload a file with a video stream."
        )
    return source.video


def list_output_frames(edit: Edit) -> list[int]:
    """Return for each output frame its frame number in the clip. The numbers skip removed pauses."""
    fps = edit.rate.fraction
    return [n for span in edit.kept_spans for n in range(round(span.start_s * fps), max(1, round(span.end_s * fps)))]


def build_crop_plan(edit: Edit, frames: Sequence[int], first: int = 0, end: int | None = None) -> CropPlan:
    """Return the plan of the output frames `[first, end)`. `frames` comes from `list_output_frames`."""
    end = len(frames) if end is None else end
    size = compute_upright_coded_size(require_video(edit.source))
    frame_s = float(1 / edit.rate.fraction)
    most_regions = max((len(shot.regions) for shot in edit.shots), default=0)
    layer_changes: list[list[tuple[int, PictureGeometry | None]]] = [[] for _ in range(1 + max(1, most_regions))]
    shot_index, still_geometries = -1, None
    for n in range(first, end):
        t = frames[n] * frame_s
        index = max(shot_index, 0)
        while index + 1 < len(edit.shots) and edit.shots[index + 1].start_time <= t + SHOT_START_TOLERANCE_S:
            index += 1
        if index != shot_index or still_geometries is None:
            shot_index = index
            geometries = _compute_geometries(edit, edit.shots[index], t, size)
            still_geometries = geometries if _is_still(edit.shots[index]) else None
        else:
            geometries = still_geometries
        for changes, geometry in zip_longest(layer_changes, geometries):
            if not changes or changes[-1][1] != geometry:
                changes.append((n, geometry))
    visible_layers = [changes for changes in layer_changes if any(geometry is not None for _, geometry in changes)]
    return CropPlan(first, end, tuple(PictureLayer(tuple(changes)) for changes in visible_layers))


def compute_upright_coded_size(video: VideoFacts) -> tuple[int, int]:
    """Return the coded width and height after rotation; the pixel aspect ratio is not applied."""
    if video.rotation in (90, 270):
        return video.coded_height, video.coded_width
    return video.coded_width, video.coded_height


def _is_still(shot: LayoutShot) -> bool:
    return all(_have_equal_crops(key, region.keyframes[0]) for region in shot.regions for key in region.keyframes)


def _have_equal_crops(a: msgspec.Struct, b: msgspec.Struct) -> bool:
    """Return whether two keyframes differ at most in their time, which is their first field."""
    return msgspec.structs.astuple(a)[1:] == msgspec.structs.astuple(b)[1:]


def _compute_geometries(edit: Edit, shot: LayoutShot, t: float, size: tuple[int, int]) -> tuple[PictureGeometry, ...]:
    """Return the base of a shot at `t`, and its overlays."""
    layout = edit.config.layout
    canvas = Rect(0, 0, edit.width, edit.height)
    video = require_video(edit.source)
    rects = place_shot(shot, layout.aspect_ratio, layout.padding, video.width, video.height)
    if shot.layout == "fit":
        crops: tuple[Box, ...] = (FULL_FRAME,)
        rects = (fit_source(edit, rects[0]),)
    else:
        crops = tuple(sample_region(region, t) for region in shot.regions)
    if rects == (canvas,):
        return (_place_base(crops[0], canvas, size, not _is_still(shot)),)
    overlays = tuple(_place_overlay(crop, rect, size) for crop, rect in zip(crops, rects, strict=True))
    shows_background = sum(rect.w * rect.h for rect in rects) < canvas.w * canvas.h
    base = (
        _place_background(crops[0], canvas, size, layout.background_blur)
        if shows_background
        else _build_hidden_base(canvas)
    )
    return base, *overlays


def fit_source(edit: Edit, bounds: Rect) -> Rect:
    """Return the largest centred rectangle inside `bounds` with the aspect ratio of the source."""
    video = require_video(edit.source)
    scale = min(bounds.w / video.width, bounds.h / video.height)
    w, h = min(bounds.w, round_to_even(video.width * scale)), min(bounds.h, round_to_even(video.height * scale))
    return Rect(bounds.x + (bounds.w - w) // 4 * 2, bounds.y + (bounds.h - h) // 4 * 2, w, h)


def _place_base(crop: Box, canvas: Rect, size: tuple[int, int], is_moving: bool) -> PictureGeometry:
    """Return the geometry in which `crop` fills the canvas, exact to half an output pixel."""
    x, crop_w, scaled_w, final_x = _fit_axis(crop.x, crop.w, size[0], canvas.w, is_moving)
    y, crop_h, scaled_h, final_y = _fit_axis(crop.y, crop.h, size[1], canvas.h, is_moving)
    return PictureGeometry(
        Rect(x, y, crop_w, crop_h), (scaled_w, scaled_h), Rect(final_x, final_y, canvas.w, canvas.h), (0, 0)
    )


def _place_overlay(crop: Box, rect: Rect, size: tuple[int, int]) -> PictureGeometry:
    """Return the geometry in which `crop` fills `rect`, exact to half a source pixel."""
    w, h = (min(max(2, round(part * pixels)), pixels) for part, pixels in zip((crop.w, crop.h), size, strict=True))
    x, y = (
        min(max(0, round(start * pixels)), pixels - length)
        for start, pixels, length in zip((crop.x, crop.y), size, (w, h), strict=True)
    )
    return PictureGeometry(Rect(x, y, w, h), (rect.w, rect.h), Rect(0, 0, rect.w, rect.h), (rect.x, rect.y))


def _build_hidden_base(canvas: Rect) -> PictureGeometry:
    """Return the base that is cheapest to render, for a canvas that overlays cover completely."""
    return PictureGeometry(Rect(0, 0, 16, 16), (canvas.w, canvas.h), canvas, (0, 0))


def _fit_axis(start: float, length: float, pixels: int, output: int, is_moving: bool) -> tuple[int, int, int, int]:
    """Fit one axis of a crop (`start` and `length` as fractions of `pixels`) to `output` canvas pixels.

    Returns the start and length of the source crop (even source pixels), its scaled length, and the start of the final
    crop in scaled pixels.
    """
    limit = max(2, pixels & ~1)
    length = min(max(round(length * pixels, 3), 2.0), limit)
    start = min(max(round(start * pixels, 3), 0.0), limit - length)
    if is_moving:  # the size stays constant, so that ffmpeg does not configure the scaler again in every frame
        source_length = min(limit, 2 * math.ceil(length / 2) + 2)
        source_start = min(2 * math.floor(start / 2), limit - source_length)
    else:
        source_start = 2 * math.floor(start / 2)
        source_length = min(limit, 2 * math.ceil((start + length) / 2)) - source_start
    scaled = max(output, math.ceil(source_length * output / length - 1e-6))
    final_start = round((start - source_start) * scaled / source_length)
    return source_start, source_length, scaled, min(max(final_start, 0), scaled - output)


def _place_background(crop: Box, canvas: Rect, size: tuple[int, int], blur: float) -> PictureGeometry:
    """Return the geometry of the blurred background: the largest canvas-shaped part of the source around `crop`.

    Coded pixels are treated as square, because the pixel aspect ratio is not visible in a blurred image.
    """
    scale = min(size[0] / canvas.w, size[1] / canvas.h)
    w, h = min(round_to_even(canvas.w * scale), size[0] & ~1), min(round_to_even(canvas.h * scale), size[1] & ~1)
    x = min(max(2 * round(((crop.x + crop.w / 2) * size[0] - w / 2) / 2), 0), (size[0] & ~1) - w)
    y = min(max(2 * round(((crop.y + crop.h / 2) * size[1] - h / 2) / 2), 0), (size[1] & ~1) - h)
    factor = compute_blur_downscale(blur)
    small = (round_to_even(canvas.w / factor), round_to_even(canvas.h / factor))
    blur_size = small if factor > MIN_BLUR_DOWNSCALE else None
    return PictureGeometry(Rect(x, y, w, h), (canvas.w, canvas.h), canvas, (0, 0), blur_size)


def compute_blur_downscale(blur: float) -> float:
    """Return the factor by which a background is scaled down, so that scaling it up again blurs it by `blur`.

    `blur` (0..100) is a standard deviation in pixels of a 1080-wide canvas, as in CSS. Measured in pixels of the
    downscaled image, scaling up with swscale's Gaussian 2^(-GAUSS_PARAM x^2) has a standard deviation of 0.85, and
    scaling down has one of 0.33.
    """
    # The standard deviations of both scalings add in quadrature; see the docstring.
    return max(1.0, blur / math.hypot(math.sqrt(0.5 / math.log(2) / GAUSS_PARAM), 0.33))
