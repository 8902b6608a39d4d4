"""Formats values in ASS syntax: numbers, times, literal text and drawings."""

from __future__ import annotations

from carmic_assets.captions.word_timing import to_centiseconds


def to_ms(seconds: float) -> int:
    """Return milliseconds, the time unit of override tags; negative times become 0."""
    return max(0, round(seconds * 1000))


def format_number(value: float) -> str:
    """Return the number with at most two decimals and without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def format_timestamp(seconds: float) -> str:
    """Return the time as `H:MM:SS.cc`, the format of event times."""
    minutes, rest = divmod(to_centiseconds(seconds), 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


def escape_text(text: str) -> str:
    """Return text that libass shows literally: U+2060 follows each backslash, and braces are escaped."""
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("\n", "\\N")


def draw_rounded_rectangle(width: float, height: float, radius: float) -> str:
    """Return an ASS drawing of a rectangle with round corners and its top left corner at 0, 0.

    The constant 0.5523 makes a Bézier curve approximate a quarter circle to 0.03 % (Riškus, Approximation of a cubic
    Bézier curve by circular arcs, 2006).
    """
    w, h, r = width, height, radius
    k = r * (1 - 0.5523)

    def points(*values: float) -> str:
        return " ".join(format_number(v) for v in values)

    return (
        f"m {points(r, 0)} l {points(w - r, 0)} b {points(w - k, 0, w, k, w, r)} l {points(w, h - r)} "
        f"b {points(w, h - k, w - k, h, w - r, h)} l {points(r, h)} b {points(k, h, 0, h - k, 0, h - r)} "
        f"l {points(0, r)} b {points(0, k, k, 0, r, 0)}"
    )
