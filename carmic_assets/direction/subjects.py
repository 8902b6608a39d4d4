"""Finds who can be shown in each source shot (smoothed tracks) and who should be shown when (attention intervals).

A source shot lies between two hard cuts or middles of dissolves. No state is carried from one to the next.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.direction.order_statistics import median
from carmic_assets.model.scene import Composition, Scene, SceneTrack
from carmic_assets.model.speech import Turn

# A person counts as visible in a gap between detections that is not longer than BRIDGED_GAP_S (a turned head, a hand
# before the mouth), or than BRIDGED_GAP_IN_PLACE_S if the person reappears in the same place.
BRIDGED_GAP_S, BRIDGED_GAP_IN_PLACE_S = 1.5, 8.0
EDGE_HOLD_S = 1.0  # a person also counts as visible this long before the first and after the last detection of the shot
CONTEXT_S = 2.0  # detections this far outside the clip, in the same shot, show who is in its first and last frames
MIN_DETECTIONS = 3  # a subject with fewer detections is a false detection or a jump of the tracker
MIN_FACE_HEIGHT = 0.025  # fraction of the frame's height; smaller faces are passers-by
MIN_RELATIVE_HEIGHT = 0.35  # fraction of the tallest face in the shot; a smaller face must speak to be a subject
LEAD_S = 0.2  # a cut to a new speaker precedes the first word by this time, because editors cut on the breath

# Cost per second of not showing the subject of an attention interval, by kind of interval; see `view_planning`.
SPEECH_WEIGHT = 1.0
LEAD_WEIGHT = 0.3
PAUSE_WEIGHT = 0.1


class Subject(msgspec.Struct, frozen=True):
    """A person in a source shot: arrays of the length of the span's times, in fractions of the frame."""

    track: int
    tracks: tuple[int, ...]  # `track`, and the tracks that fill its gaps
    speaker: str | None
    x0: np.ndarray
    y0: np.ndarray
    x1: np.ndarray
    y1: np.ndarray
    visible: np.ndarray  # bool
    width: float  # median over the shot
    height: float  # median over the shot
    importance: float  # 0..1, from size, visible time and distance from the middle of the frame

    @property
    def name(self) -> str:
        """The speaker, or "track:7" for a person who does not speak."""
        return self.speaker or f"track:{self.track}"


class AttentionInterval(msgspec.Struct, frozen=True):
    """A time range in which one subject should be shown: speech, the lead before it, or the pause after it."""

    start_s: float
    end_s: float
    speaker: str | None  # None before the first turn
    subject: int | None  # index into the span's subjects; None: off screen or unknown
    weight: float  # `SPEECH_WEIGHT`, `LEAD_WEIGHT` or `PAUSE_WEIGHT`


class SourceSpan(msgspec.Struct, frozen=True):
    """One source shot, or the part of it inside the directed interval, on the source clock."""

    start_s: float
    end_s: float
    times: np.ndarray  # one per row of the spatial matrix; extends up to `CONTEXT_S` beyond the directed interval
    subjects: tuple[Subject, ...]  # most important first
    attention: tuple[AttentionInterval, ...]  # contiguous, covering the span
    composition: Composition | None = None  # the pictures that the frame is put together from


def find_source_spans(scene: Scene, start_s: float, end_s: float, grid: FrameGrid) -> tuple[SourceSpan, ...]:
    """Return the source shots between two times, with their subjects and attention intervals."""
    composed = [edge for part in scene.compositions for edge in (part.start_s, part.end_s)]
    boundaries = (*scene.cuts_s, *scene.dissolves_s, *composed)
    edges = [start_s, *grid.snap_inside(boundaries, start_s, end_s), end_s]
    shot_start_s = max((t for t in boundaries if t <= start_s + 1e-6), default=scene.start_s)
    shot_end_s = min((t for t in boundaries if t >= end_s - 1e-6), default=scene.end_s)
    speaker_by_track = {track: speaker for speaker, tracks in scene.people.items() for track in tracks}
    turn_ends = [turn.end_s for turn in scene.turns]
    spans = []
    for a, b in pairwise(edges):
        first_s = max(shot_start_s, a - CONTEXT_S) if a == start_s else a
        last_s = min(shot_end_s, b + CONTEXT_S) if b == end_s else b
        times = first_s + np.arange(max(1, int((last_s - first_s) * scene.fps - 1e-6) + 1)) / scene.fps
        subjects = _find_subjects(scene, speaker_by_track, first_s, last_s, times)
        first = max(0, bisect_left(turn_ends, a) - 1)
        last = next((k for k in range(first, len(turn_ends)) if scene.turns[k].start_s - LEAD_S >= b), len(turn_ends))
        attention = _build_attention(scene.turns[first:last], subjects, scene.people, a, b)
        middle_s = (a + b) / 2
        composition = next((c for c in scene.compositions if c.start_s <= middle_s < c.end_s), None)
        spans.append(SourceSpan(a, b, times, subjects, attention, composition))
    return tuple(spans)


def _find_subjects(
    scene: Scene, speaker_by_track: dict[int, str], start_s: float, end_s: float, times: np.ndarray
) -> tuple[Subject, ...]:
    # In a shot of a few frames, detections in 60 % of them are enough.
    min_detections = min(MIN_DETECTIONS, max(1, round(0.6 * len(times))))
    candidates = []
    for track in scene.tracks:
        i, j = bisect_left(track.t, start_s - 1e-6), bisect_left(track.t, end_s - 1e-6)
        if j - i >= min_detections:
            candidates.append(_build_subject(track, speaker_by_track.get(track.id), i, j, times))
    if not candidates:
        return ()
    tallest = max(s.height for s in candidates)
    speaking_tracks = {t.track for t in scene.turns if t.track is not None and t.start_s < end_s and t.end_s > start_s}
    subjects = [
        msgspec.structs.replace(s, importance=s.importance * s.height / tallest)
        for s in candidates
        if s.height >= MIN_FACE_HEIGHT
        and (s.height >= MIN_RELATIVE_HEIGHT * tallest or s.track in speaking_tracks or s.speaker)
    ]
    return tuple(sorted(_merge_same_person(subjects, scene), key=lambda s: (-s.importance, s.track)))


def _build_subject(track: SceneTrack, speaker: str | None, i: int, j: int, times: np.ndarray) -> Subject:
    """Return the subject of the detections `[i, j)` of a track, smoothed and interpolated at `times`."""
    t = np.asarray(track.t[i:j])
    x, y, w, h = (np.asarray(column[i:j]) for column in (track.x, track.y, track.w, track.h))
    if track.kind == "person":
        x, y, w, h = _estimate_head(x, y, w, h)
    centre_x, centre_y = _filter_jumps(x + w / 2), _filter_jumps(y + h / 2)
    w, h = _filter_jumps(w), _filter_jumps(h)
    visible = _find_visible(t, centre_x, centre_y, w, h, times)
    centre_x, centre_y, w, h = (np.interp(times, t, v) for v in (centre_x, centre_y, w, h))
    centrality = 1 - min(1.0, abs(median(centre_x) - 0.5) * 2)
    return Subject(
        track=track.id,
        tracks=(track.id,),
        speaker=speaker,
        x0=centre_x - w / 2,
        y0=centre_y - h / 2,
        x1=centre_x + w / 2,
        y1=centre_y + h / 2,
        visible=visible,
        width=median(w),
        height=median(h),
        # Up to 30 % of the importance depends on the distance from the middle of the frame.
        importance=float(visible.mean()) * (0.7 + 0.3 * centrality),
    )


def _find_visible(
    t: np.ndarray, centre_x: np.ndarray, centre_y: np.ndarray, w: np.ndarray, h: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """Return whether a person who was detected at the times `t` counts as visible at each of `times`."""
    following = np.searchsorted(t, times, side="left")
    before, after = np.maximum(following - 1, 0), np.minimum(following, len(t) - 1)
    since_s = times - t[before]
    until_s = t[after] - times
    is_between = (following > 0) & (following < len(t))
    is_held = np.where(following == 0, until_s, since_s) <= EDGE_HOLD_S
    is_in_place = (np.abs(centre_x[after] - centre_x[before]) < w[before]) & (
        np.abs(centre_y[after] - centre_y[before]) < h[before]
    )
    is_bridged = since_s + until_s <= np.where(is_in_place, BRIDGED_GAP_IN_PLACE_S, BRIDGED_GAP_S)
    visible: np.ndarray = np.where(is_between, is_bridged, is_held)
    return visible


def _estimate_head(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the estimated head box at the top of a body's box: x, y, width and height."""
    # The head is a seventh of the body's height, at least 0.45 of its width (a cut-off body), at most half its height.
    head_h = np.minimum(np.maximum(0.45 * w, h / 7), 0.5 * h)
    head_w = np.minimum(0.45 * w, head_h)
    return x + (w - head_w) / 2, y, head_w, head_h


def _filter_jumps(values: np.ndarray) -> np.ndarray:
    """Return the running median of five values (three if there are fewer), which removes isolated jumps."""
    n = len(values)
    if n < 3:
        return np.full(n, median(values))
    half = 2 if n >= 5 else 1
    padded = np.concatenate((values[:1].repeat(half), values, values[-1:].repeat(half)))
    windows = np.stack([padded[k : k + n] for k in range(2 * half + 1)])
    medians: np.ndarray = np.sort(windows, axis=0)[half]
    return medians


def _merge_same_person(subjects: list[Subject], scene: Scene) -> list[Subject]:
    """Return the subjects with the tracks of one person merged.

    A body or head whose face is tracked too fills the gaps of the face. Tracks of one speaker that are never visible
    together become one subject.
    """
    kinds = {track.id: track.kind for track in scene.tracks}
    rank = {"face": 0, "head": 1, "person": 2}
    merged: list[Subject] = []
    for subject in sorted(subjects, key=lambda s: (rank[kinds[s.track]], -s.importance, s.track)):
        for k, other in enumerate(merged):
            is_same_speaker = subject.speaker is not None and subject.speaker == other.speaker
            is_other_kind = kinds[other.track] != kinds[subject.track]
            if (is_same_speaker and not (subject.visible & other.visible).any()) or (
                is_other_kind and _are_in_same_place(subject, other)
            ):
                merged[k] = _fill_gaps(other, subject)
                break
        else:
            merged.append(subject)
    return merged


def _fill_gaps(main: Subject, filler: Subject) -> Subject:
    """Return `main`, with the boxes of `filler` at the times at which only `filler` is visible."""
    use_filler = filler.visible & ~main.visible
    edges = {
        name: np.where(use_filler, getattr(filler, name), getattr(main, name)) for name in ("x0", "y0", "x1", "y1")
    }
    tracks = main.tracks + filler.tracks
    return msgspec.structs.replace(main, tracks=tracks, visible=main.visible | filler.visible, **edges)


def _are_in_same_place(a: Subject, b: Subject) -> bool:
    """Return whether two subjects overlap for at least half of the time in which both are visible."""
    both = a.visible & b.visible
    if not both.any():
        return False
    dx = np.abs(a.x0 + a.x1 - b.x0 - b.x1)[both] / 2
    dy = np.abs(a.y0 + a.y1 - b.y0 - b.y1)[both] / 2
    wider = np.maximum(a.x1 - a.x0, b.x1 - b.x0)[both]
    taller = np.maximum(a.y1 - a.y0, b.y1 - b.y0)[both]
    # Centres closer than 0.7 of the width and 0.9 of the height count as overlapping.
    return float(np.mean((dx < 0.7 * wider) & (dy < 0.9 * taller))) >= 0.5


def _build_attention(
    turns: Sequence[Turn],
    subjects: tuple[Subject, ...],
    people: dict[str, tuple[int, ...]],
    start_s: float,
    end_s: float,
) -> tuple[AttentionInterval, ...]:
    """Return the span's partition into speech, leads and pauses."""
    subject_by_track = {track: k for k, subject in enumerate(subjects) for track in subject.tracks}
    attention: list[AttentionInterval] = []

    def add(a: float, b: float, turn: Turn | None, weight: float) -> None:
        a, b = max(a, start_s), min(b, end_s)
        if b - a > 1e-6:
            subject = _find_speaking_subject(turn, subject_by_track, people) if turn else None
            attention.append(AttentionInterval(a, b, turn.speaker if turn else None, subject, weight))

    position_s = start_s
    previous: Turn | None = None
    for turn in turns:
        turn_start_s = turn.start_s if previous is None else max(turn.start_s, position_s)
        if previous is None:
            lead_s = LEAD_S
        elif previous.speaker == turn.speaker:
            lead_s = 0.0
        else:
            lead_s = min(LEAD_S, (turn_start_s - position_s) / 2)
        add(position_s, turn_start_s - lead_s, previous, PAUSE_WEIGHT)
        add(turn_start_s - lead_s, turn_start_s, turn, LEAD_WEIGHT)
        add(turn_start_s, turn.end_s, turn, SPEECH_WEIGHT)
        position_s, previous = max(position_s, turn.end_s), turn
    add(position_s, end_s, previous, PAUSE_WEIGHT)
    return tuple(attention)


def _find_speaking_subject(
    turn: Turn, subject_by_track: dict[int, int], people: dict[str, tuple[int, ...]]
) -> int | None:
    """Return the index of the subject who speaks: by the turn's track, or else by another track of the speaker."""
    if turn.track in subject_by_track:
        return subject_by_track[turn.track]
    return min(
        (subject_by_track[track] for track in people.get(turn.speaker, ()) if track in subject_by_track), default=None
    )
