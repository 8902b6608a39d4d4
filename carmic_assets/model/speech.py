"""Transcribed words and speaker turns."""

from __future__ import annotations

import msgspec


class Word(msgspec.Struct, frozen=True):
    """One spoken word with its punctuation, without surrounding spaces."""

    text: str
    start_s: float
    end_s: float
    confidence: float  # 0..1
    speaker: str | None = None  # "A", "B", ... in order of first appearance


class Turn(msgspec.Struct, frozen=True):
    """A time range in which one speaker talks."""

    start_s: float
    end_s: float
    speaker: str
    track: int | None = None  # id of the speaker's `SceneTrack`; None: off screen or unknown
    confidence: float = 1.0


class Transcript(msgspec.Struct, frozen=True):
    """The artifact of the `transcript` asset: words on the source clock, in order, without overlap."""

    language: str  # ISO 639-1 code of the most spoken language
    language_probability: float
    model: str
    duration_s: float
    speech_s: float  # total length of `speech`
    words: tuple[Word, ...]
    voices: tuple[Turn, ...]  # turns of the audio-only diarisation; `spatial_matrix` joins them with faces
    speech: tuple[tuple[float, float], ...]  # intervals with voice activity, source clock
    voice_model: str = ""  # name of the speaker embedding model, or the reason why there was no diarisation


class Speakers(msgspec.Struct, frozen=True):
    """An artifact of the `spatial_matrix` asset: turns from voices and faces, source clock, sorted, without overlap."""

    turns: tuple[Turn, ...]
    tracks: dict[str, tuple[int, ...]]  # speaker -> ids of the tracks that show this person
