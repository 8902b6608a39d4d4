"""Computes sequence rates and timecode with whole frames and exact fractions."""

from __future__ import annotations

import math
import re
from fractions import Fraction

# The sequence rates that all four programs support.
SEQUENCE_RATES = tuple(
    Fraction(n, d)
    for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)


def choose_sequence_rate(rate: Fraction) -> Fraction:
    """Return the sequence rate for an output of `rate`.

    For an unsupported rate it is the smallest supported multiple (30 for 15, so that every cut stays on a frame), or,
    without a supported multiple, the next higher supported rate.
    """
    if rate in SEQUENCE_RATES:
        return rate
    multiples = [candidate for candidate in SEQUENCE_RATES if (candidate / rate).denominator == 1]
    if multiples:
        return min(multiples)
    return min((candidate for candidate in SEQUENCE_RATES if candidate >= rate), default=SEQUENCE_RATES[-1])


def compute_nominal_rate(rate: Fraction) -> int:
    """Return how many frames a second of timecode has: 30 for 30000/1001."""
    return math.ceil(rate)


def is_ntsc(rate: Fraction) -> bool:
    """Return whether `rate` is an integer times 1000/1001 (`ntsc` in xmeml)."""
    return rate.denominator != 1 and rate == Fraction(compute_nominal_rate(rate) * 1000, 1001)


def to_fraction(seconds: float) -> Fraction:
    """Return the closest fraction with a denominator of at most a million."""
    return Fraction(seconds).limit_denominator(1_000_000)


def parse_timecode(text: str, rate: Fraction) -> int:
    """Return the frames since 00:00:00:00. A last separator of `;` or `.` marks drop-frame timecode (SMPTE ST 12-1).

    Raises:
        ValueError: `text` is not a timecode.
    """
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", text.strip())
    if match is None:
        raise ValueError(f"not a timecode (hh:mm:ss:ff): {text!r}")
    hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
    count = compute_nominal_rate(rate)
    total = ((hours * 60 + minutes) * 60 + seconds) * count + frames
    if match[4] in ";." and count_dropped_per_minute(rate):
        minute = hours * 60 + minutes
        total -= count_dropped_per_minute(rate) * (minute - minute // 10)
    return total


def format_timecode(frames: int, rate: Fraction, drop_frame: bool = False) -> str:
    """Return the timecode of a frame count. It starts again at zero after 24 hours."""
    count = compute_nominal_rate(rate)
    dropped = count_dropped_per_minute(rate) if drop_frame else 0
    if dropped:
        ten_minutes, rest = divmod(frames, count * 600 - 9 * dropped)
        frames += 9 * dropped * ten_minutes
        if rest >= dropped:
            frames += dropped * ((rest - dropped) // (count * 60 - dropped))
    seconds, frame = divmod(frames % (24 * 3600 * count), count)
    separator = ";" if dropped else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{separator}{frame:02d}"


def count_dropped_per_minute(rate: Fraction) -> int:
    """Return how many frame numbers drop-frame timecode skips per minute: 2 at 29.97, 4 at 59.94, else 0."""
    return compute_nominal_rate(rate) // 15 if is_ntsc(rate) and compute_nominal_rate(rate) % 30 == 0 else 0
