"""The timeline-independent parts of FCPXML: times, roles, volumes, and the order of a clip's children."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from carmic_assets.exports.nle_timeline import RGBA, GainKeyframe
from carmic_assets.exports.package_media import PackagedVideo
from carmic_assets.exports.timecode import nominal_rate
from carmic_assets.exports.xml_text import clean_text, element, format_number

SILENCE_DB = -96  # Resolve plays the audio of a video-only clip unless its volume is this low
MAX_VOLUME_DB = 12.0  # Final Cut's limit

# The order that the DTD demands of a clip's children (1.10 and 1.11 alike), limited to the tags that are written.
CHILD_ORDER = (
    *("note", "param", "text", "text-style-def", "adjust-crop", "adjust-conform", "adjust-transform", "adjust-blend"),
    *("adjust-volume", "anchored", "marker", "filter-video"),
)
ANCHORED_TAGS = ("asset-clip", "video", "title")


def child_rank(tag: str) -> int:
    """Return the position of a child among a clip's children. Raises `ValueError` for a tag that is never written."""
    return CHILD_ORDER.index("anchored" if tag in ANCHORED_TAGS else tag)


def sort_children(clip: Element) -> Element:
    """Sort the children of a clip, and theirs, in the DTD's order; equal tags by time, then by lane."""
    children = sorted((sort_children(child) if child.tag in ANCHORED_TAGS else child for child in clip), key=_sort_key)
    for child in list(clip):
        clip.remove(child)
    clip.extend(children)
    return clip


def _sort_key(child: Element) -> tuple[int, Fraction, int]:
    time = child.get("offset") if child.tag in ANCHORED_TAGS else child.get("start")
    return child_rank(child.tag), parse_seconds(time) if time else Fraction(0), int(child.get("lane", "0"))


def resource_rank(resource: Element) -> tuple[int, int]:
    """Return the sort key of a resource: formats, effects, assets, each in the order of their ids."""
    return ("format", "effect", "asset").index(resource.tag), int(str(resource.get("id"))[1:])


def media_start(file: PackagedVideo) -> Fraction:
    """Return the start timecode of a file in seconds."""
    return file.timecode / file.rate.fraction


def set_or_animate(parent: Element, name: str, values: Sequence[tuple[str, str]]) -> None:
    """Add a value of (time, value) pairs: an attribute where it is constant, keyframes where it changes.

    Final Cut never writes both for one value.
    """
    if len({value for _, value in values}) == 1:
        parent.set(name, values[0][1])
        return
    parent.append(_animated_parameter(name, values))


def _animated_parameter(name: str, values: Sequence[tuple[str, str]]) -> Element:
    keyframes = [element("keyframe", time=time, value=value, curve="linear") for time, value in values]
    return element("param", [element("keyframeAnimation", keyframes)], name=name)


def adjust_volume(gains: Sequence[GainKeyframe], times: Sequence[Fraction]) -> Element:
    """Return a volume, with a time for each of several keyframes.

    Decibels are written without their unit: Resolve reads only that form, Final Cut reads both.
    """
    volume = element("adjust-volume")
    if len(gains) == 1:
        volume.set("amount", format_decibels(gains[0].gain))
        return volume
    values = [(format_seconds(time), format_decibels(key.gain)) for key, time in zip(gains, times, strict=True)]
    volume.append(_animated_parameter("amount", values))
    return volume


def format_decibels(gain: float) -> str:
    """Return a linear gain in dB, limited to `SILENCE_DB`..`MAX_VOLUME_DB`."""
    decibels = 20 * math.log10(gain) if gain > 0 else SILENCE_DB
    return format_number(min(MAX_VOLUME_DB, max(float(SILENCE_DB), decibels)), 3)


def speaker_role(kind: str, speaker: str | None) -> str:
    """Return a role with a subrole for the speaker, if there is one: `dialogue.Speaker A`."""
    return f"{kind}.{clean_text(f'Speaker {speaker}')}" if speaker else kind


def format_color(rgba: RGBA) -> str:
    """Return a colour as four fractions."""
    return " ".join(format_number(part, 4) for part in rgba)


def format_name(rate: Fraction, width: int, height: int) -> str | None:
    """Return Final Cut's name of a standard format; None for a size or rate without one."""
    heights = {(1280, 720): 720, (1920, 1080): 1080}
    if (width, height) not in heights or nominal_rate(rate) > 60:
        return None
    rate_text = str(round(float(rate) * 100)) if rate.denominator != 1 else str(rate)
    return f"FFVideoFormat{heights[width, height]}p{rate_text}"


def format_seconds(value: Fraction) -> str:
    """Return a rational time: `1001/30000s`, `5s`, `0s`."""
    value = Fraction(value)
    return f"{value.numerator}s" if value.denominator == 1 else f"{value.numerator}/{value.denominator}s"


def parse_seconds(text: str) -> Fraction:
    """Parse a rational time. Raises `ValueError` or `ZeroDivisionError` where `text` is not a time."""
    if not text.endswith("s"):
        raise ValueError(f"not a time: {text!r}")
    return Fraction(text[:-1])
