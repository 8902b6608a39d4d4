"""Frame rates and timecode as the editing programs count them: whole frames and fractions, never rounded seconds."""

from __future__ import annotations

import math
import re
from fractions import Fraction

# What a sequence may run at in all four programs.
SEQUENCE_RATES = tuple(
    Fraction(n, d)
    for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)


def sequence_rate(rate: Fraction) -> Fraction:
    """The rate of the sequence for an output of `rate`: itself where the programs know it, else the smallest standard
    multiple of it (15 becomes 30, so that every cut stays on a frame), else the nearest standard rate not below it."""
    if rate in SEQUENCE_RATES:
        return rate
    multiples = [each for each in SEQUENCE_RATES if (each / rate).denominator == 1]
    if multiples:
        return min(multiples)
    return min((each for each in SEQUENCE_RATES if each >= rate), default=SEQUENCE_RATES[-1])


def nominal(rate: Fraction) -> int:
    """The whole number that timecode and xmeml count in: 30 for 30000/1001."""
    return math.ceil(rate)


def is_ntsc(rate: Fraction) -> bool:
    """Whether `rate` is a thousandth below a whole number (xmeml's `ntsc`)."""
    return rate.denominator != 1 and rate == Fraction(nominal(rate) * 1000, 1001)


def timecode_frames(text: str, rate: Fraction) -> int:
    """Frames since 00:00:00:00 of a timecode; drop-frame where its last separator is `;` or `.` (SMPTE ST 12-1)."""
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", text.strip())
    if match is None:
        raise ValueError(f"not a timecode: {text!r}")
    hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
    count = nominal(rate)
    total = ((hours * 60 + minutes) * 60 + seconds) * count + frames
    if match[4] in ";." and drops(rate):
        minute = hours * 60 + minutes
        total -= drops(rate) * (minute - minute // 10)
    return total


def timecode_text(frames: int, rate: Fraction, drop: bool = False) -> str:
    """The timecode of a frame count; wraps after 24 hours."""
    count = nominal(rate)
    if drop and drops(rate):
        skipped = drops(rate)
        ten, rest = divmod(frames, count * 600 - 9 * skipped)
        frames += 9 * skipped * ten
        if rest >= skipped:
            frames += skipped * ((rest - skipped) // (count * 60 - skipped))
    seconds, frame = divmod(frames % (24 * 3600 * count), count)
    separator = ";" if drop and drops(rate) else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{separator}{frame:02d}"


def drops(rate: Fraction) -> int:
    """Frame numbers that drop-frame counting skips a minute: 2 at 29.97, 4 at 59.94, else none."""
    return nominal(rate) // 15 if is_ntsc(rate) and nominal(rate) % 30 == 0 else 0
