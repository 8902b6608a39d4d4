"""Computes the positions of segments on the timeline in exact seconds and frame numbers. Only results are rounded.

A segment lasts a whole number of frames of its own footage. On a canvas of another rate its boundaries are rounded to
the nearest canvas frame of the running total, so rounding never accumulates.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import msgspec

from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Segment, Segments

_TOLERANCE = Fraction(1, 1000)  # of a frame


class Placement(msgspec.Struct, frozen=True):
    """A segment and its span on the timeline in exact seconds."""

    segment: Segment
    start_s: Fraction
    end_s: Fraction


class FramePosition(msgspec.Struct, frozen=True):
    """A frame of the footage of one segment."""

    segment: Segment
    frame: int
    timeline_s: Fraction  # start of that frame on the timeline


def active(segments: Segments) -> Segments:
    """Return the active segments in order."""
    return tuple(sorted((s for s in segments if s.active), key=lambda s: s.order_index))


def placements(segments: Segments) -> tuple[Placement, ...]:
    """Return each active segment with its span on the timeline, contiguous and in order."""
    result = []
    position_s = Fraction(0)
    for segment in active(segments):
        end_s = position_s + segment.duration_s
        result.append(Placement(segment, position_s, end_s))
        position_s = end_s
    return tuple(result)


def placement_of(segments: Segments, segment_id: str) -> Placement | None:
    """Return the placement of one active segment. Counts frames by rate, which is faster than adding fractions."""
    frames: Counter[FrameRate] = Counter()
    for segment in active(segments):
        if segment.id == segment_id:
            start_s = sum((count / rate.fraction for rate, count in frames.items()), Fraction(0))
            return Placement(segment, start_s, start_s + segment.duration_s)
        frames[segment.rate] += segment.frames
    return None


def duration_s(segments: Segments) -> Fraction:
    """Return the exact length of the timeline in seconds."""
    return sum((s.duration_s for s in segments if s.active), Fraction(0))


def nearest_frame(seconds: float | Fraction, rate: FrameRate) -> int:
    """Return the frame boundary nearest to `seconds`; halves round up."""
    return math.floor(Fraction(seconds) * rate.fraction + Fraction(1, 2))


def frame_shown_at(segments: Segments, seconds: float) -> FramePosition:
    """Return the frame that is visible at `seconds` of the timeline; at its end, the last frame.

    Raises:
        ImpossibleEditError: the timeline is empty, or `seconds` is negative or past its end.
    """
    spans = placements(segments)
    if not spans:
        raise ImpossibleEditError("The timeline has no segments. Upload a video first.")
    time_s = Fraction(seconds)
    end_s = spans[-1].end_s
    # A client's float may lie just past the exact end: half a frame of the last segment is allowed.
    if time_s < 0 or time_s > end_s + Fraction(1, 2) / spans[-1].segment.rate.fraction:
        raise ImpossibleEditError(f"`ts` must be between 0 and {float(end_s):.6g} seconds, the length of the timeline.")
    # A float such as 1/30 is inexact, so a time within a thousandth of a frame before a boundary counts as after it.
    for span in spans:
        if time_s < span.end_s - _TOLERANCE / span.segment.rate.fraction:
            break
    segment = span.segment
    offset = math.floor((time_s - span.start_s) * segment.rate.fraction + _TOLERANCE)
    offset = min(max(offset, 0), segment.frames - 1)
    return FramePosition(segment, segment.in_frame + offset, span.start_s + offset / segment.rate.fraction)


def canvas_frames(segments: Segments, rate: FrameRate) -> tuple[tuple[Segment, int], ...]:
    """Return each active segment with its number of canvas frames; their sum is the timeline's rounded length."""
    boundaries = [math.floor(p.end_s * rate.fraction + Fraction(1, 2)) for p in placements(segments)]
    counts = (end - start for start, end in zip([0, *boundaries], boundaries, strict=False))
    return tuple(zip(active(segments), counts, strict=True))
