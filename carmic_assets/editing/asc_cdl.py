"""Expresses a colour grade as an ASC CDL (Color Decision List), which EDL and OpenTimelineIO carry.

A CDL computes `clamp(value * slope + offset) ** power` for each channel, then scales the chroma around the BT.709 luma
by `saturation`. Without a hue shift, this is the formula of `colour_grade`, so the grade is exact.
"""

from __future__ import annotations

import msgspec

from carmic_assets.editing.colour_grade import MIDDLE_GREY, channel_gains
from carmic_assets.model.timeline import Grade

RGB = tuple[float, float, float]


class ColorDecision(msgspec.Struct, frozen=True):
    """Slope, offset and power of R', G', B', and the saturation (ASC CDL 1.2)."""

    slope: RGB
    offset: RGB
    power: RGB
    saturation: float


def to_color_decision(grade: Grade) -> ColorDecision | None:
    """Return the grade as a CDL, or None for a grade that turns the hue: a CDL cannot hold it."""
    if grade.hue_shift != 0:
        return None
    gain: float = 2.0**grade.contrast
    red, green, blue = (round(float(channel) * gain, 6) for channel in channel_gains(grade.temperature))
    offset = round(MIDDLE_GREY + (grade.brightness / 2 - MIDDLE_GREY) * gain, 6)
    power = round(2.0**-grade.gamma, 6)
    return ColorDecision((red, green, blue), (offset,) * 3, (power,) * 3, round(1 + grade.saturation, 6))
