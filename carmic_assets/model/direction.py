"""The director's decisions, which renders and export packages follow: layout shots, regions and crop keyframes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Layout = Literal["face-track", "fit", "split", "screen", "three", "four"]
LayoutType = Literal["face-track", "fit", "split", "screen", "three", "four", "auto"]  # what a client may choose
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

    x: Annotated[float, Meta(description="Left edge, in fractions of the frame's width.", examples=[0.34])]
    y: Annotated[float, Meta(description="Top edge, in fractions of the frame's height.", examples=[0.0])]
    w: Annotated[float, Meta(description="Width, in fractions of the frame's width.", examples=[0.3164])]
    h: Annotated[float, Meta(description="Height, in fractions of the frame's height.", examples=[1.0])]


FULL_FRAME = Box(0.0, 0.0, 1.0, 1.0)


class Keyframe(msgspec.Struct, frozen=True):
    """The crop box at time `t`. Interpolation is linear; the first and the last keyframe hold beyond their times."""

    t: Annotated[float, Meta(description="Time in seconds from the clip's start.", examples=[3.2])]
    x: Annotated[float, Meta(description="Left edge of the crop, in fractions of the frame's width.", examples=[0.34])]
    y: Annotated[float, Meta(description="Top edge of the crop, in fractions of the frame's height.", examples=[0.0])]
    w: Annotated[float, Meta(description="Width of the crop, in fractions of the frame's width.", examples=[0.3164])]
    h: Annotated[float, Meta(description="Height of the crop, in fractions of the frame's height.", examples=[1.0])]


class Region(msgspec.Struct, frozen=True):
    """One panel of the canvas and the crop path that fills it.

    Regions are ordered from top to bottom, then from left to right. A face-track shot has one region, a split or a
    screen shot two, three and four as many as they are called; a fit shot has none.
    """

    subject: Annotated[
        str | None,
        Meta(description="Label of the person that the panel follows; null if it follows nobody.", examples=["A"]),
    ]  # a speaker's label, or "track:7" for a person without one, or None
    keyframes: Annotated[tuple[Keyframe, ...], Meta(description="The crop path, linear between its keyframes.")]


class LayoutShot(msgspec.Struct, frozen=True):
    """A time range with one layout. The field names are those of the API (`ai_suggested_layout_timeline`)."""

    start_time: Annotated[
        float, Meta(description="Where the shot starts, in seconds from the clip's start.", examples=[0.0])
    ]
    end_time: Annotated[
        float, Meta(description="Where the shot ends, in seconds from the clip's start.", examples=[6.4])
    ]
    layout: Annotated[Layout, Meta(description="How the video fills the canvas in this shot.")]
    speaker: Annotated[
        str | None, Meta(description="Label of the person who speaks; null if nobody does.", examples=["A"])
    ]
    reason: Annotated[str, Meta(description="Why the director chose this layout.", examples=["one face, speaking"])]
    regions: Annotated[tuple[Region, ...], Meta(description="The panels of the canvas, top first.")]


class CropMetrics(msgspec.Struct, frozen=True):
    """Quality measures of a crop path, sampled at every detection time. `direction.crop_metrics` computes them."""

    subject_in_frame: Annotated[
        float,
        Meta(description="Share of the sampled times at which the subject is in the crop, 0 to 1.", examples=[0.99]),
    ]  # of the times with a tracked person: share with one in the crop, 0..1
    active_speaker_in_frame: Annotated[
        float,
        Meta(
            description="Share of the sampled times at which the person who speaks is in the crop, 0 to 1.",
            examples=[0.97],
        ),
    ]  # of the times with a tracked speaker: share with the whole face in the crop, 0..1
    reversals_per_s: Annotated[
        float, Meta(description="How often the crop changes its direction, per second.", examples=[0.02])
    ]  # changes of the moving crop's direction
    travel_px_per_s: Annotated[
        float, Meta(description="How far the crop moves, in pixels of the source per second.", examples=[14.5])
    ]  # path length of the crop's centre, pixels of the upright source
    wall_frames: Annotated[
        int, Meta(description="Sampled times at which somebody is on screen and nobody is in the crop.", examples=[0])
    ]  # times with a tracked person and none in the crop


class LayoutTimeline(msgspec.Struct, frozen=True):
    """The artifact of the `layout_timeline` asset: contiguous shots on the source clock for each aspect ratio."""

    director_version: str
    aspects: dict[str, tuple[LayoutShot, ...]]
    metrics: dict[str, CropMetrics]
