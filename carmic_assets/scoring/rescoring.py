"""Matches the stored clips of a video with the clips of a new scoring, and lists the changes.

A clip that was rendered or edited is protected: it keeps its id, bounds and title, and only its ratings may change.
Other clips are replaced by the new ones; a clip keeps its id if it overlaps the new clip by `MATCH_IOU`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips

MATCH_IOU = 0.5  # intersection over union from which a stored clip and a new clip are the same
_MAX_OVERLAP_S = 1.0  # longest time that a new clip may share with a protected clip
_TIME_TOLERANCE_S = 0.0005  # times are stored in milliseconds, so smaller differences are ignored


class StoredClip(msgspec.Struct, frozen=True):
    """A clip in the database. It is protected if it is rendered, queued for rendering, or was edited by a user."""

    id: str
    start_s: float
    end_s: float
    title: str
    score: int
    is_protected: bool


class ChangedClip(msgspec.Struct, frozen=True):
    """The new description of the stored clip `id`.

    For a protected clip, `clip` has the stored bounds and title; its score, breakdown and reasoning are new.
    """

    id: str
    old_score: int
    clip: ScoredClip


class ClipChanges(msgspec.Struct, frozen=True):
    """The changes that bring the stored clips up to date. After they are applied, a second comparison finds none.

    `added` holds new clips, best first. `retired` and `unchanged` hold ids of stored clips; retired clips are hidden
    from the user from then on.
    """

    added: tuple[ScoredClip, ...]
    changed: tuple[ChangedClip, ...]
    retired: tuple[str, ...]
    unchanged: tuple[str, ...]


def reconcile_clips(stored_clips: Sequence[StoredClip], scored_clips: ScoredClips) -> ClipChanges:
    """Return the changes. Clips are matched by time: protected clips first, then the pairs with the highest overlap.

    A new clip that overlaps a protected clip is omitted, so that no passage appears twice.
    """
    described, available = _describe_protected(stored_clips, scored_clips)
    pairs = sorted(
        (-_compute_iou(stored_clip, clip), stored_clip.start_s, stored_clip.id, rank)
        for stored_clip in stored_clips
        if not stored_clip.is_protected
        for rank, clip in enumerate(available)
        if _compute_iou(stored_clip, clip) >= MATCH_IOU
    )
    matched: set[int] = set()
    for _, _, clip_id, rank in pairs:
        if clip_id not in described and rank not in matched:
            described[clip_id] = available[rank]
            matched.add(rank)
    changed: list[ChangedClip] = []
    retired: list[str] = []
    unchanged: list[str] = []
    for stored_clip in stored_clips:
        clip = described.get(stored_clip.id)
        if clip is None:
            (unchanged if stored_clip.is_protected else retired).append(stored_clip.id)
        elif _differs(stored_clip, clip):
            changed.append(ChangedClip(stored_clip.id, stored_clip.score, clip))
        else:
            unchanged.append(stored_clip.id)
    added = tuple(clip for rank, clip in enumerate(available) if rank not in matched)
    return ClipChanges(added, tuple(changed), tuple(retired), tuple(unchanged))


def _describe_protected(
    stored_clips: Sequence[StoredClip], scored_clips: ScoredClips
) -> tuple[dict[str, ScoredClip], list[ScoredClip]]:
    """Return the new descriptions of the protected clips by id, and the new clips that overlap none of them."""
    described: dict[str, ScoredClip] = {}
    available = list(scored_clips.clips)
    protected = (clip for clip in stored_clips if clip.is_protected)
    for stored_clip in sorted(protected, key=lambda clip: (clip.start_s, clip.id)):
        match = _find_best_match(stored_clip, [*available, *scored_clips.runners_up])
        if match is not None:
            described[stored_clip.id] = msgspec.structs.replace(
                match,
                start_s=stored_clip.start_s,
                end_s=stored_clip.end_s,
                title=stored_clip.title,
                rejection_reason=None,
                broll=(),
            )
        available = [clip for clip in available if _compute_intersection_s(stored_clip, clip) <= _MAX_OVERLAP_S]
    return described, available


def _find_best_match(stored: StoredClip, clips: Sequence[ScoredClip]) -> ScoredClip | None:
    best = max(clips, key=lambda clip: _compute_iou(stored, clip), default=None)
    return best if best is not None and _compute_iou(stored, best) >= MATCH_IOU else None


def _compute_intersection_s(stored: StoredClip, clip: ScoredClip) -> float:
    return max(0.0, min(stored.end_s, clip.end_s) - max(stored.start_s, clip.start_s))


def _compute_iou(stored: StoredClip, clip: ScoredClip) -> float:
    """Return the intersection over union of two clips."""
    extent_s = max(stored.end_s, clip.end_s) - min(stored.start_s, clip.start_s)
    return _compute_intersection_s(stored, clip) / extent_s


def _differs(stored: StoredClip, clip: ScoredClip) -> bool:
    start_differs = abs(stored.start_s - clip.start_s) > _TIME_TOLERANCE_S
    end_differs = abs(stored.end_s - clip.end_s) > _TIME_TOLERANCE_S
    return start_differs or end_differs or stored.score != clip.score or stored.title != clip.title
