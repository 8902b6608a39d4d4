"""A scene: all that the director knows of a video. Small and plain, so that a clip is directed again without its media.

The `layout_timeline` asset stores it beside `LayoutTimeline`; the API reads it to answer and to direct again.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.direction import WHOLE, Box
from carmic_assets.model.media import Rate
from carmic_assets.model.speech import Turn

TrackKind = Literal["face", "head", "person"]


class SceneTrack(msgspec.Struct, frozen=True):
    """One person as detected: columns of equal length, sorted by time. Boxes are fractions of the upright frame.

    `speaking` is 0..1 (lips); `score` is the detector's. `face` boxes run from brow to chin, `head` boxes hold the
    whole head, `person` boxes the whole body as far as it is seen.
    """

    id: int
    kind: TrackKind
    t: tuple[float, ...]  # source clock
    x: tuple[float, ...]
    y: tuple[float, ...]
    w: tuple[float, ...]
    h: tuple[float, ...]
    score: tuple[float, ...] = ()
    speaking: tuple[float, ...] = ()


class Scene(msgspec.Struct, frozen=True):
    """Tracks, turns and cuts of one video on the source clock; `width` x `height` are upright display pixels."""

    width: int
    height: int
    rate: Rate
    fps: float  # of the detections
    start_s: float  # first moment of picture
    end_s: float
    cuts_s: tuple[float, ...]  # time of the first frame of each new shot
    tracks: tuple[SceneTrack, ...]
    turns: tuple[Turn, ...]
    people: dict[str, tuple[int, ...]]  # speaker -> the tracks that are this person
    detector: str = ""
    dissolves_s: tuple[float, ...] = ()  # middle of each dissolve or fade from one shot to another
    picture: Box = WHOLE  # what is between bars


class MatrixBox(msgspec.Struct, frozen=True):
    t: float
    x: float
    y: float
    w: float
    h: float
    score: float
    speaking: float


class MatrixTrack(msgspec.Struct, frozen=True):
    id: int
    kind: TrackKind
    speaker: str | None
    boxes: tuple[MatrixBox, ...]


class SpatialMatrix(msgspec.Struct, frozen=True):
    """`advanced_spatial_matrix` of the API: the tracks on the clip clock."""

    fps: float
    detector: str
    tracks: tuple[MatrixTrack, ...]


class SourceShot(msgspec.Struct, frozen=True):
    """One of `shots` of the API: a stretch between two cuts of the source, clip clock."""

    start_time: float
    end_time: float
    kind: str = "cut"  # what starts it: "start" of the clip, or a hard "cut"
