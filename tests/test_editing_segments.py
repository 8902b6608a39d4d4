"""Edits of a timeline: properties that hold after any sequence of them."""

from __future__ import annotations

from fractions import Fraction
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carmic_assets.editing import history, segment_edits, stored_segments
from carmic_assets.editing.errors import EditConflictError, EditError, ImpossibleEditError
from carmic_assets.editing.timeline_clock import active, canvas_frames, duration_s, frame_shown_at, placements
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Grade, Segment, Segments

RATES = [FrameRate(25, 1), FrameRate(30000, 1001), FrameRate(24, 1), FrameRate(60, 1)]


def segment(segment_id: str, frames: int, rate: FrameRate = RATES[0], first: int = 0) -> Segment:
    return Segment(segment_id, "asset", rate, first, first + frames, first, first + frames, 0)


def timeline(*lengths: int) -> Segments:
    segments: Segments = ()
    for i, frames in enumerate(lengths):
        segments = segment_edits.append(segments, segment(f"s{i}", frames, RATES[i % len(RATES)]))
    return segments


@st.composite
def edits(draw: st.DrawFn) -> tuple[tuple[str, int, float, float], ...]:
    kinds = st.sampled_from(["split", "trim", "delete", "gap", "move", "grade", "accept"])
    fraction = st.floats(0, 1, allow_nan=False)
    return tuple(draw(st.lists(st.tuples(kinds, st.integers(0, 9), fraction, fraction), max_size=12)))


def apply_edits(segments: Segments, operations: tuple[tuple[str, int, float, float], ...]) -> list[Segments]:
    ids = (f"n{i}" for i in count())
    states = [segments]
    for kind, number, a, b in operations:
        order = active(segments)
        if not order:
            break
        target = order[number % len(order)]
        low, high = float(target.start_s), float(target.end_s)
        try:
            if kind == "split":
                segments, _, _ = segment_edits.split(segments, target.id, low + a * (high - low), lambda: next(ids))
            elif kind == "trim":
                start, end = sorted((low + a * (high - low), low + b * (high - low)))
                segments, _ = segment_edits.trim(segments, target.id, start, end)
            elif kind in ("delete", "gap"):
                gap = next(ids) if kind == "gap" else None
                segments = segment_edits.delete(segments, target.id, gap_id=gap)
            elif kind == "move":
                segments = segment_edits.move(segments, target.id, int(a * (len(order) - 1)))
            elif kind == "grade":
                segments, _ = segment_edits.grade(segments, target.id, Grade(brightness=a), lambda: next(ids))
            else:
                total = float(duration_s(segments))
                start, end = sorted((a * total, b * total))
                replacement = segment(next(ids), 10)
                segments, _ = segment_edits.replace_range(segments, start, end, replacement, lambda: next(ids))
        except EditError:
            continue
        states.append(segments)
    return states


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), edits())
def test_any_edits_leave_a_dense_order_spans_inside_their_bounds_and_nothing_lost(
    lengths: list[int], operations: tuple[tuple[str, int, float, float], ...]
) -> None:
    stored_ids: set[str] = set()
    for segments in apply_edits(timeline(*lengths), operations):
        order = active(segments)
        assert [s.order_index for s in order] == list(range(len(order)))
        assert all(s.bound_in <= s.in_frame < s.out_frame <= s.bound_out for s in order)
        assert len({s.id for s in segments}) == len(segments)
        assert stored_ids <= {s.id for s in segments}
        stored_ids = {s.id for s in segments}
        spans = placements(segments)
        assert all(a.end_s == b.start_s for a, b in pairwise(spans))
        for rate in RATES:
            frames = sum(n for _, n in canvas_frames(segments, rate))
            assert abs(frames - duration_s(segments) * rate.fraction) <= Fraction(1, 2)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 500), st.sampled_from(RATES), st.floats(0, 1), st.integers(0, 10**6))
def test_the_halves_of_a_split_show_the_frames_of_the_whole(
    frames: int, rate: FrameRate, fraction: float, first: int
) -> None:
    uncut = segment_edits.append((), segment("s", frames, rate, first))
    cut_s = float(uncut[0].start_s) + fraction * float(uncut[0].duration_s)
    try:
        halves, left, right = segment_edits.split(uncut, "s", cut_s, iter("ab").__next__)
    except ImpossibleEditError:
        return
    assert (left.in_frame, right.out_frame, left.out_frame) == (first, first + frames, right.in_frame)
    for n in {0, left.frames - 1, left.frames, frames - 1}:
        time_s = float(n / rate.fraction)
        assert frame_shown_at(halves, time_s).frame == frame_shown_at(uncut, time_s).frame == first + n


def test_a_trim_can_be_taken_back_and_never_leaves_its_bounds() -> None:
    segments, trimmed = segment_edits.trim(timeline(100), "s0", 1.0, 2.0)
    assert (trimmed.in_frame, trimmed.out_frame, trimmed.id) == (25, 50, "s0")
    segments, _restored = segment_edits.trim(segments, "s0", 0.0, 4.0)
    assert segments == timeline(100)
    for start, end, words in ((0.0, 4.1, "bounds"), (2.0, 2.0, "after"), (3.0, 1.0, "after")):
        with pytest.raises(ImpossibleEditError, match=words):
            segment_edits.trim(segments, "s0", start, end)


def test_an_inactive_segment_names_its_successors_through_nested_splits() -> None:
    ids = iter("abcd")
    segments, left, _ = segment_edits.split(timeline(100), "s0", 2.0, lambda: next(ids))
    segments, _, _ = segment_edits.split(segments, left.id, 1.0, lambda: next(ids))
    with pytest.raises(EditConflictError, match=r"b, c, d"):
        segment_edits.split(segments, "s0", 1.0, lambda: next(ids))


def test_grading_again_replaces_the_numbers_and_zero_gives_the_source_back() -> None:
    ids = iter("abc")
    segments, first = segment_edits.grade(timeline(50), "s0", Grade(brightness=0.5), lambda: next(ids))
    segments, second = segment_edits.grade(segments, first.id, Grade(contrast=0.2), lambda: next(ids))
    assert second.effects.grade == Grade(contrast=0.2)
    _, neutral = segment_edits.grade(segments, second.id, Grade(), lambda: next(ids))
    assert neutral.effects.is_neutral


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(5, 200), min_size=1, max_size=4), edits(), st.data())
def test_undo_and_redo_give_equal_timelines(
    lengths: list[int], operations: tuple[tuple[str, int, float, float], ...], data: st.DataObject
) -> None:
    states = apply_edits(timeline(*lengths), operations)
    contents = dict(enumerate(states))
    steps = {0: history.first()}
    for n in range(1, len(states)):
        steps[n] = history.change(steps[n - 1])
    current = steps[len(states) - 1]
    position = len(states) - 1  # the edit whose result is shown
    for is_undo in data.draw(st.lists(st.booleans(), max_size=20)):
        target = position - 1 if is_undo else position + 1
        if not 0 <= target < len(states):
            with pytest.raises(EditConflictError):
                (history.undo if is_undo else history.redo)(steps, current)
            continue
        jump = (history.undo if is_undo else history.redo)(steps, current)
        current, position = jump.step, target
        steps[current.revision] = current
        contents[current.revision] = contents[jump.content_of]
        assert contents[current.revision] == states[position]


def test_restoring_a_snapshot_keeps_every_segment() -> None:
    before = timeline(100, 50)
    ids = iter("ab")
    after, _, _ = segment_edits.split(before, "s0", 2.0, lambda: next(ids))
    restored = segment_edits.restore(after, active(before))
    assert active(restored) == active(before)
    assert {s.id for s in restored} == {"s0", "s1", "a", "b"}


@given(st.lists(st.integers(5, 200), min_size=1, max_size=6), edits())
@settings(max_examples=60, deadline=None)
def test_a_stored_difference_gives_the_edited_timeline(lengths: list[int], operations: object) -> None:
    states = apply_edits(timeline(*lengths), operations)  # type: ignore[arg-type]
    states.append(segment_edits.restore(states[-1], active(states[0])))
    for before, after in pairwise(states):
        difference = stored_segments.compare(before, after)
        rows = {row["id"]: row for row in stored_segments.to_rows(before)}
        if difference.shift is not None:  # as `timelines.record_change` applies it
            first, last, delta = difference.shift
            for row in rows.values():
                if row["active"] and first <= row["order_index"] <= last:
                    row["order_index"] += delta
        rows |= {row["id"]: row for row in (*difference.changed, *difference.new)}
        assert sorted(stored_segments.from_rows(rows.values()), key=lambda s: s.id) == sorted(after, key=lambda s: s.id)
