"""What becomes of a video's clips when it is scored again: matching only. Writes nothing, renders nothing.

A clip that somebody has rendered or edited is theirs: it keeps its id and its bounds and only its score may change. The
others give way to the new choice, and keep their id where the new clip is mostly the old one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.model.clips import ScoredClip, ScoredClips

SAME = 0.5  # shared part of the union from which an old and a new clip are one


class StoredClip(msgspec.Struct, frozen=True):
    """A clip as the database has it. `kept` is true once it is rendered, queued, or changed by a person."""

    id: str
    start_s: float
    end_s: float
    title: str
    score: int
    kept: bool


class Changed(msgspec.Struct, frozen=True):
    """The old clip `id` is now described by `clip`. For a kept one `clip` has its own bounds and title, and only score,
    breakdown and reasoning are new."""

    id: str
    old_score: int
    clip: ScoredClip


class Changes(msgspec.Struct, frozen=True):
    """`added` are new clips, best first; `changed` differ from what is stored; `retired` are ids that are offered no
    longer; `same` are ids that need no write. Applied, a second reconciliation finds nothing to do."""

    added: tuple[ScoredClip, ...]
    changed: tuple[Changed, ...]
    retired: tuple[str, ...]
    same: tuple[str, ...]


def reconcile(old: Sequence[StoredClip], new: ScoredClips) -> Changes:
    """Match by time: kept clips first, then the pairs that share most. A new clip that overlaps a kept one which it is
    not is left out, so that nothing is offered twice."""
    free = list(new.clips)
    changed: list[Changed] = []
    retired: list[str] = []
    same: list[str] = []
    described: dict[str, ScoredClip] = {}
    for stored in sorted((clip for clip in old if clip.kept), key=_order):
        found = _nearest(stored, [*free, *new.runners_up])
        if found is not None:
            described[stored.id] = msgspec.structs.replace(
                found, start_s=stored.start_s, end_s=stored.end_s, title=stored.title, lost_to=None, broll=()
            )
        free = [clip for clip in free if not _overlap(stored, clip)]
    pairs = sorted(
        (-_shared(stored, clip), stored.start_s, stored.id, rank)
        for stored in old
        if not stored.kept
        for rank, clip in enumerate(free)
        if _shared(stored, clip) >= SAME
    )
    taken: set[int] = set()
    for _, _, name, rank in pairs:
        if name not in described and rank not in taken:
            described[name] = free[rank]
            taken.add(rank)
    for stored in old:
        clip = described.get(stored.id)
        if clip is None:
            (same if stored.kept else retired).append(stored.id)
        elif _differs(stored, clip):
            changed.append(Changed(stored.id, stored.score, clip))
        else:
            same.append(stored.id)
    added = tuple(clip for rank, clip in enumerate(free) if rank not in taken)
    return Changes(added, tuple(changed), tuple(retired), tuple(same))


def _order(clip: StoredClip) -> tuple[float, str]:
    return clip.start_s, clip.id


def _nearest(stored: StoredClip, clips: Sequence[ScoredClip]) -> ScoredClip | None:
    best = max(clips, key=lambda clip: _shared(stored, clip), default=None)
    return best if best is not None and _shared(stored, best) >= SAME else None


def _shared(stored: StoredClip, clip: ScoredClip) -> float:
    both = min(stored.end_s, clip.end_s) - max(stored.start_s, clip.start_s)
    return max(0.0, both) / (max(stored.end_s, clip.end_s) - min(stored.start_s, clip.start_s))


def _overlap(stored: StoredClip, clip: ScoredClip) -> bool:
    return min(stored.end_s, clip.end_s) - max(stored.start_s, clip.start_s) > 1.0


def _differs(stored: StoredClip, clip: ScoredClip) -> bool:
    moved = abs(stored.start_s - clip.start_s) > 0.0005 or abs(stored.end_s - clip.end_s) > 0.0005
    return moved or stored.score != clip.score or stored.title != clip.title
