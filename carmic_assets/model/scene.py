"""The scene: the director's input for a video, small enough to direct a clip again without its media.

The `layout_timeline` asset stores the `Scene` beside the `LayoutTimeline`. The API reads it to answer requests and to
direct clips whose bounds or shots a user changed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

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


class MatrixBox(msgspec.Struct, frozen=True):
    """One detection of a track at time `t` of the clip clock."""

    t: float
    x: float
    y: float
    w: float
    h: float
    score: float
    speaking: float


class MatrixTrack(msgspec.Struct, frozen=True):
    """A `SceneTrack` as the API returns it: one object per detection."""

    id: int
    kind: TrackKind
    speaker: str | None
    boxes: tuple[MatrixBox, ...]


class SpatialMatrix(msgspec.Struct, frozen=True):
    """The API's `advanced_spatial_matrix`: the tracks of a clip on the clip clock."""

    fps: float
    detector: str
    tracks: tuple[MatrixTrack, ...]


class SourceShot(msgspec.Struct, frozen=True):
    """An element of the API's `shots`: the range between two cuts of the source, on the clip clock."""

    start_time: float
    end_time: float
    kind: str = "cut"  # how the shot begins: "start" (of the clip) or "cut"
