"""Chosen clips and why they were chosen."""

from __future__ import annotations

import msgspec


class BrollSuggestion(msgspec.Struct, frozen=True):
    """A moment (clip clock) where a cutaway would help, and what it should show."""

    keyword: str
    start_time: float
    duration: float


class ScoredClip(msgspec.Struct, frozen=True):
    """A candidate on the source clock. `score` and every value of `breakdown` are 0..100."""

    start_s: float
    end_s: float
    title: str
    score: int
    breakdown: dict[str, int]
    reasoning: str
    hashtags: tuple[str, ...] = ()
    broll: tuple[BrollSuggestion, ...] = ()
    lost_to: str | None = None  # for a runner-up: why it was not chosen


class ScoredClips(msgspec.Struct, frozen=True):
    """The artifact of `scored_clips`: chosen clips best first, the best of the rest, the score curve of the talk."""

    scorer_version: str
    clips: tuple[ScoredClip, ...]
    runners_up: tuple[ScoredClip, ...]
    curve: tuple[tuple[float, float], ...]  # (source clock, 0..100)
