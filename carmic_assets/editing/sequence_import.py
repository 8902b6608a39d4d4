"""Turns an imported sequence into segments of a timeline: its clips are matched with the timeline's own footage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.segment_edits import MAX_ACTIVE, MAX_FOOTAGE_S, NewId
from carmic_assets.editing.timeline_clock import active, nearest_frame
from carmic_assets.model.imported_sequence import ImportedClip, ImportedSequence
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Segment, Segments

TOLERANCE_FRAMES = 1  # by which a clip may exceed its file: programs round to the frames of their sequence
MAX_NAMES = 5  # in a message


class ImportTarget(msgspec.Struct, frozen=True):
    """A ready asset of the timeline: its id, the name of its file, and the segment that shows all of it."""

    asset_id: str
    file_name: str
    full: Segment


def import_sequence(
    segments: Segments, sequence: ImportedSequence, targets: Sequence[ImportTarget], rate: FrameRate, new_id: NewId
) -> Segments:
    """Replace the active segments by the clips of a sequence. Gaps are on the grid of `rate`, that of the canvas.

    Raises:
        ImpossibleEditError: a file is not in the project, a clip lies outside its file, or there are too many clips.
    """
    if len(sequence.clips) > MAX_ACTIVE:
        raise ImpossibleEditError(
            f"A timeline holds at most {MAX_ACTIVE} active segments; the sequence has {len(sequence.clips)} clips."
        )
    length_s = sum(clip.duration_s for clip in sequence.clips)
    if length_s > MAX_FOOTAGE_S:
        raise ImpossibleEditError(
            f"The sequence is {length_s / 3600:.3g} hours long; at most {MAX_FOOTAGE_S / 3600:.0f} hours are allowed. "
            "Split it."
        )
    matched = [(clip, None if clip.media is None else _find_target(clip, targets)) for clip in sequence.clips]
    missing = list(dict.fromkeys(clip.media for clip, target in matched if target is None and clip.media is not None))
    if missing:
        more = f" and {len(missing) - MAX_NAMES} more" if len(missing) > MAX_NAMES else ""
        listed = ", ".join(missing[:MAX_NAMES]) + more
        raise ImpossibleEditError(f"The project has no footage named {listed}. Upload it, then import the sequence.")
    successors: list[Segment] = []
    for clip, target in matched:
        segment = _build_gap(clip, rate, new_id) if target is None else _build_segment(clip, target, new_id)
        if segment.frames > 0:
            successors.append(replace(segment, order_index=len(successors)))
    names = tuple(segment.id for segment in successors)
    replaced = {segment.id for segment in active(segments)}
    kept = tuple(replace(s, active=False, replaced_by=names) if s.id in replaced else s for s in segments)
    return (*kept, *successors)


def _find_target(clip: ImportedClip, targets: Sequence[ImportTarget]) -> ImportTarget | None:
    """Return the asset of a clip: the one that Carmic's export named, else the first one with the file's name."""
    by_id = next((target for target in targets if target.asset_id == clip.asset_id), None)
    return by_id or next((target for target in targets if target.file_name == clip.media), None)


def _build_segment(clip: ImportedClip, target: ImportTarget, new_id: NewId) -> Segment:
    full = target.full
    first = full.in_frame + nearest_frame(clip.start_s, full.rate)
    end = full.in_frame + nearest_frame(Fraction(clip.start_s) + Fraction(clip.duration_s), full.rate)
    if first < full.in_frame - TOLERANCE_FRAMES or end > full.out_frame + TOLERANCE_FRAMES:
        raise ImpossibleEditError(
            f"The clip {clip.name!r} shows {clip.start_s:.6g} to {clip.start_s + clip.duration_s:.6g} s of "
            f"{target.file_name}, which is {float(full.duration_s):.6g} s long. Export the sequence again."
        )
    return replace(
        full,
        id=new_id(),
        in_frame=max(first, full.in_frame),
        out_frame=min(end, full.out_frame),
        effects=clip.effects,
        source="original" if clip.effects.is_neutral else "generated",
    )


def _build_gap(clip: ImportedClip, rate: FrameRate, new_id: NewId) -> Segment:
    frames = math.floor(Fraction(clip.duration_s) * rate.fraction + Fraction(1, 2))
    return Segment(new_id(), None, rate, 0, frames, 0, frames, 0, source="gap")
