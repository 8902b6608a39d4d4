"""Ranges that variants are made of: found again wherever other edits have moved them, or refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carmic_assets.editing import range_spans, segment_edits, stored_segments
from carmic_assets.editing.errors import EditConflictError, ImpossibleEditError
from carmic_assets.editing.range_spans import GeneratedFootage
from carmic_assets.editing.timeline_clock import active, duration_s, frame_shown_at
from carmic_assets.model.timeline import Segments
from test_editing_segments import apply_edits, edits, timeline


def variant_of(spans: Segments, name: str = "v") -> GeneratedFootage:
    frames = sum(span.frames for span in spans)
    return GeneratedFootage(f"file-{name}", name, spans[0].rate, spans[0].in_frame, frames)


def frames_of(segments: Segments) -> list[tuple[str | None, int]]:
    return [(s.asset_id, n) for s in active(segments) for n in range(s.in_frame, s.out_frame)]


@settings(max_examples=150, deadline=None)
@given(st.floats(0, 3.9), st.floats(0.05, 4), edits())
def test_accepting_replaces_the_frames_of_the_range_and_no_other(start_s: float, length_s: float, later: tuple) -> None:
    before = timeline(100)
    spans = range_spans.list_spans(before, start_s, min(4.0, start_s + length_s))
    chosen = {("asset", n) for span in spans for n in range(span.in_frame, span.out_frame)}
    ids = (f"a{i}" for i in count())
    # Accepted footage of `apply_edits` has the frame numbers of the original, which could not be told apart here.
    for segments in apply_edits(before, tuple(edit for edit in later if edit[0] != "accept")):
        frames = frames_of(segments)
        try:
            after, accepted = range_spans.accept(segments, spans, variant_of(spans), lambda: next(ids))
        except EditConflictError as conflict:
            assert "Generate the edit again." in conflict.sentence
            continue
        except ImpossibleEditError:
            continue  # the timeline is full
        replaced = [frame for frame in frames if frame in chosen]
        assert len(replaced) == accepted.frames == len(chosen)
        expected = [("file-v", n) if (asset, n) in chosen else (asset, n) for asset, n in frames]
        assert frames_of(after) == expected
        assert [s.order_index for s in active(after)] == list(range(len(active(after))))
        assert duration_s(after) == duration_s(segments)


def test_a_range_across_cuts_ends_between_frames_of_each_segment() -> None:
    segments = timeline(50, 60, 48)  # 2 s at 25, 2.002 s at 29.97, 2 s at 24 frames a second
    spans = range_spans.list_spans(segments, 1.99, 4.5)
    assert [(span.id, span.in_frame, span.out_frame) for span in spans] == [("s1", 0, 60), ("s2", 0, 12)]
    footage = GeneratedFootage("file", "v", spans[0].rate, 0, 75)
    ids = (f"n{i}" for i in count())
    after, accepted = range_spans.accept(segments, spans, footage, lambda: next(ids))
    assert accepted.order_index == 1 and accepted.source == "generated"
    assert [(s.asset_id, s.in_frame, s.out_frame) for s in active(after)] == [
        ("asset", 0, 50), ("file", 0, 75), ("asset", 12, 48),
    ]  # fmt: skip
    assert frame_shown_at(after, 2.0).segment.id == accepted.id
    moved = segment_edits.move(segments, "s2", 0)
    with pytest.raises(EditConflictError, match="no longer follow one another"):
        range_spans.accept(moved, spans, footage, lambda: next(ids))


def test_a_sibling_keeps_later_cuts_and_an_undone_split_is_followed() -> None:
    segments = timeline(100)
    ids = (f"n{i}" for i in count())
    spans = range_spans.list_spans(segments, 1.0, 2.0)
    accepted, first = range_spans.accept(segments, spans, variant_of(spans), lambda: next(ids))
    cut, left, right = segment_edits.split(accepted, first.id, 1.4, lambda: next(ids))
    trimmed, _ = segment_edits.trim(cut, right.id, 1.6, 2.0)
    assert range_spans.shown_as(trimmed, "v") is not None
    swap = range_spans.swap(trimmed, {"v", "w"}, variant_of(spans, "w"), lambda: next(ids))
    assert swap is not None
    assert [(s.asset_id, s.in_frame, s.out_frame) for s in active(swap[0])] == [
        ("asset", 0, 25), ("file-w", 25, 35), ("file-w", 40, 50), ("asset", 50, 100),
    ]  # fmt: skip
    assert swap[1].variant_id == "w" and range_spans.swap(swap[0], {"v", "w"}, variant_of(spans, "w"), str) is None
    assert left.replaced_by == ()
    halves, _, after_cut = segment_edits.split(segments, "s0", 2.0, lambda: next(ids))
    later = range_spans.list_spans(halves, 2.4, 3.0)
    assert later[0].id == after_cut.id
    undone = stored_segments.restore_content(halves, [("s0", 0, 100)])
    _, accepted_again = range_spans.accept(undone, later, variant_of(later), lambda: next(ids))
    assert accepted_again.start_s == Fraction(12, 5)


@pytest.mark.parametrize(("start_s", "end_s"), [(2, 2), (3, 1), (-1, 2), (3, 5), (1.001, 1.002)])
def test_a_range_without_frames_or_outside_is_refused(start_s: float, end_s: float) -> None:
    with pytest.raises(ImpossibleEditError, match="start_ts"):
        range_spans.list_spans(timeline(100), start_s, end_s)
