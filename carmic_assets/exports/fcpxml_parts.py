"""The small parts of an FCPXML: times, roles, volumes, and the order in which a clip's children must stand.

Knows the dialect, not the timeline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from carmic_assets.exports.nle_timeline import Level
from carmic_assets.exports.package_media import Footage
from carmic_assets.exports.timecode import nominal
from carmic_assets.exports.xml_text import clean, element, number

SILENT_DB = -96  # Resolve plays the sound of a picture-only clip unless it is turned down

# The order of children that the DTD demands of clips (1.10 and 1.11 alike; what is not written is left out).
ORDER = (
    *("note", "param", "text", "text-style-def", "adjust-crop", "adjust-conform", "adjust-transform", "adjust-blend"),
    *("adjust-volume", "anchored", "marker", "filter-video"),
)
ANCHORED = ("asset-clip", "video", "title")


def place_of(tag: str) -> int:
    """Where a child of a clip belongs. Raises `ValueError` for one that is never written."""
    return ORDER.index("anchored" if tag in ANCHORED else tag)


def ordered(clip: Element) -> Element:
    """The clip with its children, and theirs, in the DTD's order; within one kind by time, then by lane."""
    children = sorted((ordered(child) if child.tag in ANCHORED else child for child in clip), key=sort_key)
    for child in list(clip):
        clip.remove(child)
    clip.extend(children)
    return clip


def sort_key(child: Element) -> tuple[int, Fraction, int]:
    when = child.get("offset") if child.tag in ANCHORED else child.get("start")
    return place_of(child.tag), parse_seconds(when) if when else Fraction(0), int(child.get("lane", "0"))


def resource_order(resource: Element) -> tuple[int, int]:
    return ("format", "effect", "asset").index(resource.tag), int(str(resource.get("id"))[1:])


def start_of(file: Footage) -> Fraction:
    """The file's first frame on its own clock: its timecode."""
    return file.timecode / file.rate.fraction


def put(parent: Element, name: str, values: Sequence[tuple[str, str]]) -> None:
    """A value as attribute where it stands still, as keyframes where it moves; never both, as Final Cut writes it."""
    if len({value for _, value in values}) == 1:
        parent.set(name, values[0][1])
        return
    frames = [element("keyframe", time=time, value=value, curve="linear") for time, value in values]
    parent.append(element("param", [element("keyframeAnimation", frames)], name=name))


def volume(levels: Sequence[Level], times: Sequence[Fraction]) -> Element:
    """Decibels without their unit: Resolve reads no other form, Final Cut reads both."""
    volume = element("adjust-volume")
    if len(levels) == 1:
        volume.set("amount", decibels(levels[0].gain))
        return volume
    frames = [
        element("keyframe", time=seconds(time), value=decibels(level.gain), curve="linear")
        for level, time in zip(levels, times, strict=True)
    ]
    volume.append(element("param", [element("keyframeAnimation", frames)], name="amount"))
    return volume


def decibels(gain: float) -> str:
    """A factor of loudness in dB, between silence and Final Cut's +12."""
    return number(min(12.0, max(float(SILENT_DB), 20 * math.log10(gain) if gain > 0 else SILENT_DB)), 3)


def role(kind: str, speaker: str | None) -> str:
    return f"{kind}.{clean(f'Speaker {speaker}')}" if speaker else kind


def color(rgba: tuple[float, float, float, float]) -> str:
    return " ".join(number(part, 4) for part in rgba)


def format_name(rate: Fraction, width: int, height: int) -> str | None:
    """Final Cut's name of a format that it knows; one that it does not know goes without."""
    heights = {(1280, 720): 720, (1920, 1080): 1080}
    if (width, height) not in heights or nominal(rate) > 60:
        return None
    written = str(round(float(rate) * 100)) if rate.denominator != 1 else str(rate)
    return f"FFVideoFormat{heights[width, height]}p{written}"


def seconds(value: Fraction) -> str:
    """A rational time: `1001/30000s`, `5s`, `0s`."""
    value = Fraction(value)
    return f"{value.numerator}s" if value.denominator == 1 else f"{value.numerator}/{value.denominator}s"


def parse_seconds(text: str) -> Fraction:
    """The inverse of `seconds`. Raises `ValueError` where it is no time."""
    if not text.endswith("s"):
        raise ValueError(f"not a time: {text!r}")
    return Fraction(text[:-1])
