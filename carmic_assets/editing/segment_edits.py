"""Pure edits of a timeline: each takes all segments (active and inactive) and returns all segments.

Replaced segments are kept as inactive ones that name their successors. `order_index` is renumbered, so that it is dense
over the active segments. New ids come from the caller, so that the same call gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from msgspec.structs import replace

from carmic_assets.editing.errors import EditConflictError, ImpossibleEditError, UnknownSegmentError
from carmic_assets.editing.timeline_clock import active, nearest_frame, placements
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Effects, Grade, Segment, Segments

MAX_ACTIVE = 500  # segments of a timeline
MAX_FOOTAGE_S = 12 * 3600.0
NewId = Callable[[], str]


def find(segments: Segments, segment_id: str) -> Segment:
    """Return the active segment with this id.

    Raises:
        UnknownSegmentError: no segment has the id.
        EditConflictError: the segment is inactive; the sentence names its successors.
    """
    for segment in segments:
        if segment.id == segment_id:
            break
    else:
        raise UnknownSegmentError("There is no such segment.")
    if not segment.active:
        successors = ", ".join(successors_of(segments, segment_id))
        advice = (
            f"Use the segments that replaced it: {successors}."
            if successors
            else "It was deleted or undone; undo or redo restores it."
        )
        raise EditConflictError(f"The segment is no longer active. {advice}")
    return segment


def successors_of(segments: Segments, segment_id: str) -> tuple[str, ...]:
    """Return the ids of the active segments that replaced a segment, directly or through other replacements."""
    by_id = {s.id: s for s in segments}
    result: list[str] = []
    pending = [segment_id]
    seen: set[str] = set()
    while pending:
        current = by_id.get(pending.pop(0))
        if current is None or current.id in seen:
            continue
        seen.add(current.id)
        if current.active:
            result.append(current.id)
        else:
            pending.extend(current.replaced_by)
    return tuple(result)


def append(segments: Segments, segment: Segment) -> Segments:
    """Add a segment at the end of the timeline."""
    return _renumber((*segments, replace(segment, order_index=len(active(segments)))))


def append_spans(
    segments: Segments, footage: Segment, spans_s: Iterable[tuple[float, float]], new_id: NewId
) -> Segments:
    """Append spans of `footage`, a segment of a complete file; bounds and frame grid are those of the file."""
    for start_s, end_s in spans_s:
        first, end = nearest_frame(start_s, footage.rate), nearest_frame(end_s, footage.rate)
        first, end = max(first, footage.in_frame), min(end, footage.out_frame)
        if first < end:
            segments = append(segments, replace(footage, id=new_id(), in_frame=first, out_frame=end))
    return segments


def split(segments: Segments, segment_id: str, split_s: float, new_id: NewId) -> tuple[Segments, Segment, Segment]:
    """Split a segment in two at `split_s` (footage clock, rounded to the nearest frame); also returns left and right.

    Raises:
        ImpossibleEditError: either side would be shorter than one frame.
    """
    segment = find(segments, segment_id)
    frame = nearest_frame(split_s, segment.rate)
    if not segment.in_frame < frame < segment.out_frame:
        raise ImpossibleEditError(
            f"`split_ts` must lie inside the segment, at least one frame from its ends: more than "
            f"{_seconds(segment.in_frame, segment.rate)} and less than {_seconds(segment.out_frame, segment.rate)}."
        )
    left = replace(segment, id=new_id(), out_frame=frame, bound_in=segment.in_frame, bound_out=frame)
    right = replace(segment, id=new_id(), in_frame=frame, bound_in=frame, bound_out=segment.out_frame)
    result = substitute(segments, (segment.id,), (left, right))
    return result, _by_id(result, left.id), _by_id(result, right.id)


def trim(segments: Segments, segment_id: str, start_s: float, end_s: float) -> tuple[Segments, Segment]:
    """Move the ends of a segment within its bounds. The id stays the same, so a trim can be reverted.

    Raises:
        ImpossibleEditError: the span is empty or leaves the bounds.
    """
    segment = find(segments, segment_id)
    first, end = nearest_frame(start_s, segment.rate), nearest_frame(end_s, segment.rate)
    if first >= end:
        raise ImpossibleEditError("`new_end_ts` must be at least one frame after `new_start_ts`.")
    if first < segment.bound_in or end > segment.bound_out:
        raise ImpossibleEditError(
            f"`new_start_ts` and `new_end_ts` must lie within the segment's original bounds, "
            f"{_seconds(segment.bound_in, segment.rate)} to {_seconds(segment.bound_out, segment.rate)}."
        )
    trimmed = replace(segment, in_frame=first, out_frame=end)
    return tuple(trimmed if s.id == segment.id else s for s in segments), trimmed


def delete(segments: Segments, segment_id: str, *, gap_id: str | None = None) -> Segments:
    """Deactivate a segment. Later segments move up; with `gap_id`, a gap of the same length takes its place instead.

    Deleting an inactive segment changes nothing.

    Raises:
        UnknownSegmentError: no segment has the id.
    """
    if not any(s.id == segment_id for s in segments):
        raise UnknownSegmentError("There is no such segment.")
    segment = next(s for s in segments if s.id == segment_id)
    if not segment.active:
        return segments
    gap = () if gap_id is None else (gap_like(segment, gap_id),)
    return substitute(segments, (segment_id,), gap)


def gap_like(segment: Segment, gap_id: str) -> Segment:
    """Return a black, silent segment with the same length and position."""
    return replace(
        segment,
        id=gap_id,
        asset_id=None,
        source="gap",
        effects=Effects(),
        variant_id=None,
        **{"bound_in": segment.in_frame, "bound_out": segment.out_frame},
    )


def move(segments: Segments, segment_id: str, order_index: int) -> Segments:
    """Move a segment to another position in the order.

    Raises:
        ImpossibleEditError: `order_index` is out of range.
    """
    segment = find(segments, segment_id)
    order = [s.id for s in active(segments)]
    if not 0 <= order_index < len(order):
        raise ImpossibleEditError(f"`order_index` must be between 0 and {len(order) - 1}.")
    order.remove(segment.id)
    order.insert(order_index, segment.id)
    places = {each: place for place, each in enumerate(order)}
    return tuple(replace(s, order_index=places[s.id]) if s.active else s for s in segments)


def grade(segments: Segments, segment_id: str, numbers: Grade, new_id: NewId) -> tuple[Segments, Segment]:
    """Set the grade of a segment. A new segment with the same span, bounds and position replaces it."""
    segment = find(segments, segment_id)
    if segment.source == "gap":
        raise ImpossibleEditError("A gap cannot be graded. Choose a segment with footage.")
    graded = replace(segment, id=new_id(), source="generated", effects=replace(segment.effects, grade=numbers))
    result = substitute(segments, (segment.id,), (graded,))
    return result, _by_id(result, graded.id)


def replace_range(
    segments: Segments, start_s: float | Fraction, end_s: float | Fraction, replacement: Segment, new_id: NewId
) -> tuple[Segments, Segment]:
    """Replace a range of timeline time by `replacement`. Segments that extend beyond the range keep their other parts.

    Raises:
        ImpossibleEditError: the range is empty or outside the timeline.
    """
    spans = [p for p in placements(segments) if p.start_s < end_s and p.end_s > start_s]
    if not spans or start_s >= end_s:
        raise ImpossibleEditError("The range must lie inside the timeline and hold at least one frame.")
    first, last = spans[0], spans[-1]
    head_end = first.segment.in_frame + nearest_frame(Fraction(start_s) - first.start_s, first.segment.rate)
    tail_start = last.segment.in_frame + nearest_frame(Fraction(end_s) - last.start_s, last.segment.rate)
    pieces: list[Segment] = []
    if head_end > first.segment.in_frame:
        segment = first.segment
        pieces.append(replace(segment, id=new_id(), out_frame=head_end, bound_in=segment.in_frame, bound_out=head_end))
    pieces.append(replacement)
    if tail_start < last.segment.out_frame:
        segment = last.segment
        pieces.append(
            replace(segment, id=new_id(), in_frame=tail_start, bound_in=tail_start, bound_out=segment.out_frame)
        )
    result = substitute(segments, tuple(p.segment.id for p in spans), pieces)
    return result, _by_id(result, replacement.id)


def substitute(segments: Segments, segment_ids: tuple[str, ...], successors: Iterable[Segment]) -> Segments:
    """Replace neighbouring segments by `successors` and renumber. The replaced segments become inactive.

    Raises:
        ImpossibleEditError: the timeline would hold more than `MAX_ACTIVE` segments.
    """
    order = list(active(segments))
    place = min(i for i, s in enumerate(order) if s.id in segment_ids)
    successors = tuple(successors)
    names = tuple(s.id for s in successors)
    rest = [s for s in order if s.id not in segment_ids]
    order = [*rest[:place], *successors, *rest[place:]]
    if len(order) > MAX_ACTIVE:
        raise ImpossibleEditError(f"A timeline holds at most {MAX_ACTIVE} active segments. Delete or join some first.")
    places = {s.id: i for i, s in enumerate(order)}
    kept = tuple(
        replace(s, active=False, replaced_by=names)
        if s.id in segment_ids
        else replace(s, order_index=places[s.id])
        if s.active
        else s
        for s in segments
    )
    return (*kept, *(replace(s, order_index=places[s.id], active=True, replaced_by=()) for s in successors))


def restore(segments: Segments, snapshot: Segments) -> Segments:
    """Restore the active segments of a revision exactly as in `snapshot`; all others become inactive."""
    saved = {s.id: s for s in snapshot}
    result = [saved.get(s.id, replace(s, active=False)) for s in segments]
    stored_ids = {s.id for s in segments}
    return (*result, *(s for s in snapshot if s.id not in stored_ids))


def _renumber(segments: Segments) -> Segments:
    places = {s.id: i for i, s in enumerate(active(segments))}
    if len(places) > MAX_ACTIVE:
        raise ImpossibleEditError(f"A timeline holds at most {MAX_ACTIVE} active segments. Delete or join some first.")
    return tuple(replace(s, order_index=places[s.id]) if s.active else s for s in segments)


def _by_id(segments: Segments, segment_id: str) -> Segment:
    return next(s for s in segments if s.id == segment_id)


def _seconds(frame: int, rate: FrameRate) -> str:
    return f"{float(frame / rate.fraction):.6g} s"
