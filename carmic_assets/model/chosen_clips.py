"""Clips that the scorer selected, with the reasons for its choice."""

from __future__ import annotations

import msgspec


class BrollSuggestion(msgspec.Struct, frozen=True):
    """A suggested cutaway: its time in seconds from the start of the clip (clip clock), and a keyword."""

    keyword: str
    start_time: float
    duration: float


class ScoredClip(msgspec.Struct, frozen=True):
    """A clip candidate, in seconds of the source (source clock).

    `score` is 0..100; `breakdown` has the sub-scores by name, 0..100 each.
    """

    start_s: float
    end_s: float
    title: str
    score: int
    breakdown: dict[str, int]
    reasoning: str
    hashtags: tuple[str, ...] = ()
    broll: tuple[BrollSuggestion, ...] = ()
    # The reason, as a sentence, why the clip was not selected; None for selected clips.
    rejection_reason: str | None = msgspec.field(default=None, name="lost_to")


class ScoredClips(msgspec.Struct, frozen=True):
    """The artifact of the `scored_clips` asset."""

    scorer_version: str
    clips: tuple[ScoredClip, ...]  # the selected clips, best first
    runners_up: tuple[ScoredClip, ...]  # the highest-scored candidates that were not selected
    curve: tuple[tuple[float, float], ...]  # score over time: (source clock, 0..100)
