"""Words, and who says them when."""

from __future__ import annotations

import msgspec


class Word(msgspec.Struct, frozen=True):
    """One spoken word with its punctuation, no surrounding space."""

    text: str
    start_s: float
    end_s: float
    confidence: float  # 0..1
    speaker: str | None = None  # "A", "B", ... by first appearance


class Transcript(msgspec.Struct, frozen=True):
    """The artifact of `transcript`: words on the source clock, in order, not overlapping.

    `voices` are speech turns told apart by voice alone; the spatial matrix joins them with faces.
    """

    language: str  # ISO 639-1 of the most spoken language
    language_probability: float
    model: str
    duration_s: float
    speech_s: float  # seconds of speech found by the voice detector
    words: tuple[Word, ...]
    voices: tuple[Turn, ...]
    speech: tuple[tuple[float, float], ...]  # spans with speech, source clock
    voice_model: str = ""  # what told the voices apart, or why they were not


class Turn(msgspec.Struct, frozen=True):
    """One stretch of one speaker. `track` is the person on screen whose voice it is; None: off screen or unknown."""

    start_s: float
    end_s: float
    speaker: str
    track: int | None = None
    confidence: float = 1.0


class Speakers(msgspec.Struct, frozen=True):
    """Who speaks when, voice and face joined: written by `spatial_matrix`, source clock, sorted, not overlapping."""

    turns: tuple[Turn, ...]
    tracks: dict[str, tuple[int, ...]]  # speaker -> the tracks that are this person
