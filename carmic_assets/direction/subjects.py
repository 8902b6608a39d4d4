"""Who can be shown in one shot of the source, and who speaks when: cleaned tracks and turns. It chooses nothing.

A shot of the source is a stretch between two hard cuts, or the middles of dissolves; nothing is carried over either.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from carmic_assets.direction.frame_grid import FrameGrid
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Turn

if TYPE_CHECKING:
    import numpy as np

BRIDGE_S = 1.5  # a face lost for less than this is thought to be still there (a turned head, a hand before the mouth)
STAYED_S = 8.0  # ... and for less than this if it comes back where it was
HOLD_S = 1.0  # ... and this long before its first and after its last detection in the shot
CONTEXT_S = 2.0  # what lies so near outside a clip, in the same shot, still tells who is in its first and last moments
CONFIRMED = 3  # detections before somebody counts: single false alarms and jumps of the tracker do not
SMALLEST = 0.025  # height of a face, of the frame's: smaller ones are passers-by
LEAD_S = 0.2  # a cut to a new speaker comes this much before the first word (editors cut on the breath)


class Subject(msgspec.Struct, frozen=True):
    """Somebody in a shot, on the shot's grid of times: arrays of equal length, fractions of the frame."""

    track: int
    tracks: tuple[int, ...]  # this one, and those that fill it in
    speaker: str | None
    x0: np.ndarray
    y0: np.ndarray
    x1: np.ndarray
    y1: np.ndarray
    visible: np.ndarray  # bool
    width: float  # median, of the frame's
    height: float
    importance: float  # 0..1 within the shot: size, time on screen, nearness to the middle

    @property
    def name(self) -> str:
        return self.speaker or f"track:{self.track}"


class Claim(msgspec.Struct, frozen=True):
    """A stretch in which somebody should be seen: speech, the breath before it, or the pause after it."""

    start_s: float
    end_s: float
    speaker: str | None  # None where nobody has spoken yet
    subject: int | None  # index into the shot's subjects; None: not in the picture, or not known who
    weight: float  # 1 while speaking


class SourceSpan(msgspec.Struct, frozen=True):
    """One shot of the source, source clock: what is in it and who speaks."""

    start_s: float
    end_s: float
    times: np.ndarray  # the grid
    subjects: tuple[Subject, ...]  # most important first
    claims: tuple[Claim, ...]


def source_spans(scene: Scene, start_s: float, end_s: float, grid: FrameGrid) -> tuple[SourceSpan, ...]:
    """The shots of the source between two times, with their subjects and claims."""
    import numpy as np

    breaks = (*scene.cuts_s, *scene.dissolves_s)
    edges = [start_s, *_inside(breaks, start_s, end_s, grid), end_s]
    before = max((t for t in breaks if t <= start_s + 1e-6), default=scene.start_s)
    after = min((t for t in breaks if t >= end_s - 1e-6), default=scene.end_s)
    letters = {track: letter for letter, tracks in scene.people.items() for track in tracks}
    ends = [turn.end_s for turn in scene.turns]
    spans = []
    for a, b in pairwise(edges):
        first_s = max(before, a - CONTEXT_S) if a == start_s else a
        last_s = min(after, b + CONTEXT_S) if b == end_s else b
        times = first_s + np.arange(max(1, int((last_s - first_s) * scene.fps - 1e-6) + 1)) / scene.fps
        subjects = _subjects(scene, letters, first_s, last_s, times)
        first = max(0, bisect_left(ends, a) - 1)
        last = next((k for k in range(first, len(scene.turns)) if scene.turns[k].start_s - LEAD_S >= b), len(ends))
        claims = _claims(scene.turns[first:last], subjects, scene.people, a, b)
        spans.append(SourceSpan(a, b, times, subjects, claims))
    return tuple(spans)


def hard_cuts(scene: Scene, start_s: float, end_s: float, grid: FrameGrid) -> list[float]:
    """The cuts of the source between two times, on the frame grid."""
    return _inside(scene.cuts_s, start_s, end_s, grid)


def _inside(times: Sequence[float], start_s: float, end_s: float, grid: FrameGrid) -> list[float]:
    snapped = {grid.snap(t) for t in times if start_s < t < end_s}
    return sorted(t for t in snapped if start_s + 1e-6 < t < end_s - 1e-6)


def _subjects(
    scene: Scene, letters: dict[int, str], start_s: float, end_s: float, times: np.ndarray
) -> tuple[Subject, ...]:
    needed = min(CONFIRMED, max(1, round(0.6 * len(times))))
    found = []
    for track in scene.tracks:
        i, j = bisect_left(track.t, start_s - 1e-6), bisect_left(track.t, end_s - 1e-6)
        if j - i >= needed:
            found.append(_subject(track, letters.get(track.id), i, j, times))
    if not found:
        return ()
    tallest = max(s.height for s in found)
    speaking = {t.track for t in scene.turns if t.track is not None and t.start_s < end_s and t.end_s > start_s}
    kept = [
        s for s in found if s.height >= SMALLEST and (s.height >= 0.35 * tallest or s.track in speaking or s.speaker)
    ]
    kept = [msgspec.structs.replace(s, importance=s.importance * s.height / tallest) for s in kept]
    return tuple(sorted(_each_once(kept, scene), key=lambda s: (-s.importance, s.track)))


def _subject(track: SceneTrack, speaker: str | None, i: int, j: int, times: np.ndarray) -> Subject:
    import numpy as np

    t = np.asarray(track.t[i:j])
    x, y, w, h = (np.asarray(column[i:j]) for column in (track.x, track.y, track.w, track.h))
    if track.kind == "person":
        x, y, w, h = _head_of_body(x, y, w, h)
    cx, cy, w, h = _steady(x + w / 2), _steady(y + h / 2), _steady(w), _steady(h)
    after = np.searchsorted(t, times, side="left")
    lost, found = np.maximum(after - 1, 0), np.minimum(after, len(t) - 1)
    before_gap = times - t[lost]
    after_gap = t[found] - times
    inside = (after > 0) & (after < len(t))
    edge = np.where(after == 0, after_gap, before_gap) <= HOLD_S
    back = (np.abs(cx[found] - cx[lost]) < w[lost]) & (np.abs(cy[found] - cy[lost]) < h[lost])
    bridged = before_gap + after_gap <= np.where(back, STAYED_S, BRIDGE_S)
    visible = np.where(inside, bridged, edge)
    cx, cy, w, h = (np.interp(times, t, v) for v in (cx, cy, w, h))
    height = middle(h)
    central = 1 - min(1.0, abs(middle(cx) - 0.5) * 2)
    importance = float(visible.mean()) * (0.7 + 0.3 * central)
    return Subject(
        track.id,
        (track.id,),
        speaker,
        cx - w / 2,
        cy - h / 2,
        cx + w / 2,
        cy + h / 2,
        visible,
        middle(w),
        height,
        importance,
    )


def _head_of_body(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The head's place in a body's box: at its top, two fifths of its width or a seventh of its height."""
    import numpy as np

    tall = np.minimum(np.maximum(0.45 * w, h / 7), 0.5 * h)
    wide = np.minimum(0.45 * w, tall)
    return x + (w - wide) / 2, y, wide, tall


def _steady(values: np.ndarray) -> np.ndarray:
    """Running median of five (three at the ends): a jump counts only when several detections confirm it."""
    import numpy as np

    n = len(values)
    if n < 3:
        return np.full(n, middle(values))
    half = 2 if n >= 5 else 1
    padded = np.concatenate((values[:1].repeat(half), values, values[-1:].repeat(half)))
    windows = np.stack([padded[k : k + n] for k in range(2 * half + 1)])
    return np.sort(windows, axis=0)[half]


def middle(values: np.ndarray, rank: float = 0.5) -> float:
    """The median, or another rank: a value that occurs. (NumPy's own costs twenty times as much on a few dozen.)"""
    import numpy as np

    return float(np.sort(values)[min(int(rank * len(values)), len(values) - 1)])


def _each_once(subjects: list[Subject], scene: Scene) -> list[Subject]:
    """Each person once: a body (or head) whose face is tracked as well only fills in where the face is lost, and pieces
    of one speaker's track become one."""
    kinds = {track.id: track.kind for track in scene.tracks}
    rank = {"face": 0, "head": 1, "person": 2}
    kept: list[Subject] = []
    for subject in sorted(subjects, key=lambda s: (rank[kinds[s.track]], -s.importance, s.track)):
        for k, other in enumerate(kept):
            pieces = subject.speaker is not None and subject.speaker == other.speaker
            if pieces and not (subject.visible & other.visible).any():
                kept[k] = _filled(other, subject)
                break
            if kinds[other.track] != kinds[subject.track] and not _apart(subject, other):
                kept[k] = _filled(other, subject)
                break
        else:
            kept.append(subject)
    return kept


def _filled(main: Subject, spare: Subject) -> Subject:
    """`main`, and `spare` where it is lost."""
    import numpy as np

    take = spare.visible & ~main.visible
    edges = {name: np.where(take, getattr(spare, name), getattr(main, name)) for name in ("x0", "y0", "x1", "y1")}
    tracks = main.tracks + spare.tracks
    return msgspec.structs.replace(main, tracks=tracks, visible=main.visible | spare.visible, **edges)


def _apart(a: Subject, b: Subject) -> bool:
    """Whether two subjects are in different places while both are visible."""
    import numpy as np

    both = a.visible & b.visible
    if not both.any():
        return True
    dx = np.abs(a.x0 + a.x1 - b.x0 - b.x1)[both] / 2
    dy = np.abs(a.y0 + a.y1 - b.y0 - b.y1)[both] / 2
    wide = np.maximum(a.x1 - a.x0, b.x1 - b.x0)[both]
    tall = np.maximum(a.y1 - a.y0, b.y1 - b.y0)[both]
    return float(np.mean((dx < 0.7 * wide) & (dy < 0.9 * tall))) < 0.5


def _claims(
    turns: Sequence[Turn],
    subjects: tuple[Subject, ...],
    people: dict[str, tuple[int, ...]],
    start_s: float,
    end_s: float,
) -> tuple[Claim, ...]:
    place = {track: k for k, subject in enumerate(subjects) for track in subject.tracks}
    claims: list[Claim] = []

    def add(a: float, b: float, turn: Turn | None, weight: float) -> None:
        a, b = max(a, start_s), min(b, end_s)
        if b - a > 1e-6:
            who = _place_of(turn, place, people) if turn else None
            claims.append(Claim(a, b, turn.speaker if turn else None, who, weight))

    now, last = start_s, None
    for turn in turns:
        begin = max(turn.start_s, now) if last else turn.start_s
        gap = begin - now
        lead = min(LEAD_S, gap / 2) if last else LEAD_S
        if last is not None and last.speaker == turn.speaker:
            lead = 0.0
        add(now, begin - lead, last, 0.1)
        add(begin - lead, begin, turn, 0.3)
        add(begin, turn.end_s, turn, 1.0)
        now, last = max(now, turn.end_s), turn
    add(now, end_s, last, 0.1)
    return tuple(claims)


def _place_of(turn: Turn, place: dict[int, int], people: dict[str, tuple[int, ...]]) -> int | None:
    """Index of the subject who says this turn: by its track, else by any track of the same speaker in this shot."""
    if turn.track in place:
        return place[turn.track]
    known = [place[track] for track in people.get(turn.speaker, ()) if track in place]
    return min(known) if known else None
