"""Where to look: shots, regions and keyframes. The renderer and every package follow exactly this."""

from __future__ import annotations

from typing import Literal

import msgspec

Layout = Literal["face-track", "fit", "split"]
Aspect = Literal["9:16", "1:1", "4:5", "16:9"]

CANVAS: dict[str, tuple[int, int]] = {
    "9:16": (1080, 1920),
    "1:1": (1080, 1080),
    "4:5": (1080, 1350),
    "16:9": (1920, 1080),
}


class Box(msgspec.Struct, frozen=True):
    """Fractions (0..1) of the upright source frame; `x`, `y` is the top left corner."""

    x: float
    y: float
    w: float
    h: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


class Keyframe(msgspec.Struct, frozen=True):
    """The crop at time `t`; linear between keyframes, held before the first and after the last."""

    t: float
    x: float
    y: float
    w: float
    h: float


class Region(msgspec.Struct, frozen=True):
    """One picture on the canvas and the crop that fills it. A split has two, top first; face-track one; fit none."""

    subject: str | None  # speaker letter, else "track:7", else None
    keyframes: tuple[Keyframe, ...]


class LayoutShot(msgspec.Struct, frozen=True):
    """A stretch with one layout. Field names are the API's (`ai_suggested_layout_timeline`)."""

    start_time: float
    end_time: float
    layout: Layout
    speaker: str | None
    reason: str
    regions: tuple[Region, ...]


class CropMetrics(msgspec.Struct, frozen=True):
    """What a viewer would notice. Shares are 0..1 of frames in question; travel in pixels of the upright source."""

    subject_in_frame: float
    active_speaker_in_frame: float
    reversals_per_s: float
    travel_px_per_s: float
    wall_frames: int


class LayoutTimeline(msgspec.Struct, frozen=True):
    """The artifact of `layout_timeline`: for each aspect ratio, contiguous shots on the source clock."""

    director_version: str
    aspects: dict[str, tuple[LayoutShot, ...]]
    metrics: dict[str, CropMetrics]
