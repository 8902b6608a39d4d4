"""Ranges of a timeline that an AI edit was made of: found again after other edits, and replaced by a variant.

A range is kept as spans: the parts of its segments, each with the id of its segment. Edits elsewhere move a range, and
the spans follow. An edit that changes what a span shows, or that cuts it, is a conflict.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from carmic_assets.editing.errors import EditConflictError, ImpossibleEditError
from carmic_assets.editing.segment_edits import NewId, replace_range, substitute
from carmic_assets.editing.timeline_clock import Placement, active, nearest_frame, placements
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Segment, Segments

_ADVICE = "Generate the edit again."


class GeneratedFootage(msgspec.Struct, frozen=True):
    """The footage of a variant. `first_frame` is the number of its first frame on the clock of what it replaces."""

    asset_id: str
    variant_id: str
    rate: FrameRate
    first_frame: int
    frames: int


def list_spans(segments: Segments, start_s: float, end_s: float) -> Segments:
    """Return the parts of the active segments between two timeline times, which are rounded to frame boundaries.

    Raises:
        ImpossibleEditError: the range is outside the timeline, or has no frame.
    """
    places = placements(segments)
    if not places:
        raise ImpossibleEditError("The timeline has no segments. Upload a video first.")
    length_s, half_frame_s = places[-1].end_s, Fraction(1, 2) / places[-1].segment.rate.fraction
    if not 0 <= start_s < end_s or end_s > length_s + half_frame_s:
        raise ImpossibleEditError(
            f"`start_ts` and `end_ts` must be ascending times of the timeline, from 0 to {float(length_s):.6g} seconds."
        )
    spans = []
    for place in places:
        first, end = _frames_between(place, Fraction(start_s), Fraction(end_s))
        if first < end:
            spans.append(replace(place.segment, in_frame=first, out_frame=end))
    if not spans:
        raise ImpossibleEditError("The range from `start_ts` to `end_ts` has no frame. Make it at least a frame long.")
    return tuple(spans)


def accept(segments: Segments, spans: Segments, footage: GeneratedFootage, new_id: NewId) -> tuple[Segments, Segment]:
    """Replace the range of `spans`, wherever it is now, by a new segment that shows `footage`.

    The new segment continues the clock of the footage that it replaces. Segments that extend beyond the range keep
    their other parts.

    Raises:
        EditConflictError: the range was changed by another edit, or deleted.
    """
    start_s, end_s = _locate(segments, spans)
    end = footage.first_frame + footage.frames
    variant = Segment(
        new_id(), footage.asset_id, footage.rate, footage.first_frame, end, footage.first_frame, end, 0, "generated",
        variant_id=footage.variant_id,
    )  # fmt: skip
    return replace_range(segments, start_s, end_s, variant, new_id)


def swap(
    segments: Segments, siblings: Collection[str], footage: GeneratedFootage, new_id: NewId
) -> tuple[Segments, Segment] | None:
    """Show `footage` in place of another variant of the same job: every active segment of `siblings` is replaced.

    Later trims, splits and grades of those segments stay. Return the segments and the first new one, or None if no
    active segment shows a sibling.
    """
    replaced = [s for s in active(segments) if s.variant_id in siblings and s.variant_id != footage.variant_id]
    successors = [
        replace(s, id=new_id(), asset_id=footage.asset_id, variant_id=footage.variant_id) for s in replaced
    ]  # fmt: skip
    for old, new in zip(replaced, successors, strict=True):
        segments = substitute(segments, (old.id,), (new,))
    return (segments, next(s for s in segments if s.id == successors[0].id)) if successors else None


def shown_as(segments: Segments, variant_id: str) -> Segment | None:
    """Return the first active segment that shows the variant."""
    return next((segment for segment in active(segments) if segment.variant_id == variant_id), None)


def _frames_between(place: Placement, start_s: Fraction, end_s: Fraction) -> tuple[int, int]:
    segment = place.segment
    first, end = (segment.in_frame + nearest_frame(time_s - place.start_s, segment.rate) for time_s in (start_s, end_s))
    return max(first, segment.in_frame), min(end, segment.out_frame)


def _locate(segments: Segments, spans: Segments) -> tuple[Fraction, Fraction]:
    """Return where the range is on the timeline now: its exact start and end."""
    places = {place.segment.id: place for place in placements(segments)}
    current = [places[_find_holder(segments, span).id] for span in spans]
    for (span, place), (next_span, next_place) in pairwise(zip(spans, current, strict=True)):
        is_joined = span.out_frame == place.segment.out_frame and next_span.in_frame == next_place.segment.in_frame
        if not is_joined or next_place.segment.order_index != place.segment.order_index + 1:
            raise EditConflictError(f"Segments of this variant's range no longer follow one another. {_ADVICE}")
    first, last = current[0], current[-1]
    start_s = first.start_s + (spans[0].in_frame - first.segment.in_frame) / first.segment.rate.fraction
    end_s = last.start_s + (spans[-1].out_frame - last.segment.in_frame) / last.segment.rate.fraction
    return start_s, end_s


def _find_holder(segments: Segments, span: Segment) -> Segment:
    """Return the active segment that shows all frames of `span` as they were."""
    family = _list_family(segments, span.id)
    same_footage = [s for s in family if (s.asset_id, s.rate) == (span.asset_id, span.rate)]
    unchanged = [s for s in same_footage if s.effects == span.effects]
    holders = [s for s in unchanged if s.in_frame <= span.in_frame and span.out_frame <= s.out_frame]
    if holders:
        return holders[0]
    overlapping = [s for s in same_footage if s.in_frame < span.out_frame and span.in_frame < s.out_frame]
    if any(s.effects != span.effects for s in overlapping):
        reason = "was graded"
    elif overlapping:
        reason = "was cut or trimmed"
    else:
        reason = "was deleted or replaced"
    raise EditConflictError(f"The range of this variant {reason} after the edit was generated. {_ADVICE}")


def _list_family(segments: Segments, segment_id: str) -> list[Segment]:
    """Return the active segments that replaced a segment or that it replaced, directly or indirectly, in order."""
    neighbours: dict[str, set[str]] = {segment.id: set() for segment in segments}
    for segment in segments:
        for successor in segment.replaced_by:
            neighbours[segment.id].add(successor)
            neighbours.setdefault(successor, set()).add(segment.id)
    pending, seen = [segment_id], {segment_id}
    while pending:
        for other in neighbours.get(pending.pop(), ()):
            if other not in seen:
                seen.add(other)
                pending.append(other)
    return [segment for segment in active(segments) if segment.id in seen]
