"""The director's decisions, which renders and export packages follow: layout shots, regions and crop keyframes."""

from __future__ import annotations

from typing import Literal

import msgspec

Layout = Literal["face-track", "fit", "split"]
Aspect = Literal["9:16", "1:1", "4:5", "16:9"]

# Width and height of the output in pixels, by aspect ratio.
CANVAS_SIZES: dict[str, tuple[int, int]] = {
    "9:16": (1080, 1920),
    "1:1": (1080, 1080),
    "4:5": (1080, 1350),
    "16:9": (1920, 1080),
}


class Box(msgspec.Struct, frozen=True):
    """A rectangle in fractions (0..1) of the upright source frame; `x`, `y` is its top left corner."""

    x: float
    y: float
    w: float
    h: float


FULL_FRAME = Box(0.0, 0.0, 1.0, 1.0)


class Keyframe(msgspec.Struct, frozen=True):
    """The crop box at time `t`. Interpolation is linear; the first and the last keyframe hold beyond their times."""

    t: float
    x: float
    y: float
    w: float
    h: float


class Region(msgspec.Struct, frozen=True):
    """One panel of the canvas and the crop path that fills it.

    A split shot has two regions, the top one first; a face-track shot has one; a fit shot has none.
    """

    subject: str | None  # a speaker's label, or "track:7" for a person without one, or None
    keyframes: tuple[Keyframe, ...]


class LayoutShot(msgspec.Struct, frozen=True):
    """A time range with one layout. The field names are those of the API (`ai_suggested_layout_timeline`)."""

    start_time: float
    end_time: float
    layout: Layout
    speaker: str | None
    reason: str
    regions: tuple[Region, ...]


class CropMetrics(msgspec.Struct, frozen=True):
    """Quality measures of a crop path, sampled at every detection time. `direction.crop_metrics` computes them."""

    subject_in_frame: float  # of the times with a tracked person: the fraction with a person in the crop, 0..1
    # Of the times with a tracked speaker: the fraction with the complete face in the crop, 0..1
    active_speaker_in_frame: float
    reversals_per_s: float  # changes of the moving crop's direction
    travel_px_per_s: float  # path length of the crop's centre, pixels of the upright source
    wall_frames: int  # number of times with a tracked person in the frame and none in the crop


class LayoutTimeline(msgspec.Struct, frozen=True):
    """The artifact of the `layout_timeline` asset: contiguous shots on the source clock for each aspect ratio."""

    director_version: str
    aspects: dict[str, tuple[LayoutShot, ...]]
    metrics: dict[str, CropMetrics]
