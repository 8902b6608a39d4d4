"""The timeline editor's data: segments of footage in order, and the effects of each segment. Structs only.

A segment's start and end are frame numbers of its own footage (its asset), as a half-open range. An edit of another
segment does not change them. The position of a segment on the timeline is derived from the segments before it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import msgspec

from carmic_assets.model.media import FrameRate

PictureFormat = Literal["jpeg", "png"]
SegmentSource = Literal["original", "generated", "gap"]


class Grade(msgspec.Struct, frozen=True, omit_defaults=True):
    """A colour grade: five numbers in -1..1 and a hue shift in degrees, -180..180.

    With all zeros the frames are unchanged.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    temperature: float = 0.0
    gamma: float = 0.0
    hue_shift: float = 0.0

    @property
    def is_neutral(self) -> bool:
        """Whether the grade leaves every pixel unchanged."""
        return self == Grade()


class Effects(msgspec.Struct, frozen=True, omit_defaults=True):
    """The effects on the frames of a segment in previews, renditions and exports."""

    grade: Grade = Grade()

    @property
    def is_neutral(self) -> bool:
        """Whether the effects leave every pixel unchanged."""
        return self == Effects()


class Segment(msgspec.Struct, frozen=True):
    """A span of footage on the timeline.

    `in_frame` and `out_frame` are half-open on the frame grid of the footage (`rate`); `bound_in` and `bound_out` are
    the range at creation, which a trim cannot leave. `order_index` is dense (0..n-1) over the active segments and
    keeps its last value on inactive ones. `replaced_by` names the segments that replaced an inactive one.
    """

    id: str
    asset_id: str | None  # None: a gap, black and silent
    rate: FrameRate
    in_frame: int
    out_frame: int
    bound_in: int
    bound_out: int
    order_index: int
    source: SegmentSource = "original"
    effects: Effects = Effects()
    variant_id: str | None = None
    active: bool = True
    replaced_by: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Length in frames of the footage."""
        return self.out_frame - self.in_frame

    @property
    def duration_s(self) -> Fraction:
        """Length in seconds, exact."""
        return self.frames / self.rate.fraction

    @property
    def start_s(self) -> Fraction:
        """Start on the footage's clock in seconds, exact."""
        return self.in_frame / self.rate.fraction

    @property
    def end_s(self) -> Fraction:
        """End on the footage's clock in seconds, exact."""
        return self.out_frame / self.rate.fraction


Segments = tuple[Segment, ...]


class Canvas(msgspec.Struct, frozen=True):
    """The frame size and rate of exports: those of the first asset, or those that the client has set."""

    width: int
    height: int
    rate: FrameRate
