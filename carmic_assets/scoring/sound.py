"""How a talk sounds, in half-second steps. Placeholder header."""

from __future__ import annotations

import msgspec


class SoundFeatures(msgspec.Struct, frozen=True):
    """One byte per step and feature. `energy` is dB above -80 dBFS (0..80); `pitch` is semitones above 50 Hz times 4
    (0: unvoiced); `laughter` and `applause` are likelihoods, 0..255."""

    step_s: float
    energy: bytes
    pitch: bytes
    laughter: bytes
    applause: bytes
