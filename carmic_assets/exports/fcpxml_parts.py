"""Builds the parts of FCPXML that do not depend on a timeline: times, roles, volumes, and the order of children."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from carmic_assets.exports.nle_timeline import RGBA, GainKeyframe
from carmic_assets.exports.package_media import PackagedVideo
from carmic_assets.exports.timecode import compute_nominal_rate
from carmic_assets.exports.xml_text import build_element, clean_text, format_number

SILENCE_DB = -96  # Resolve plays the audio of video-only clips too, so they get this volume
MAX_VOLUME_DB = 12.0  # Final Cut's limit

# The order of a clip's children in the DTDs of 1.10 and 1.11, for the tags that the writer uses.
CHILD_ORDER = (
    *("note", "param", "text", "text-style-def", "adjust-crop", "adjust-conform", "adjust-transform", "adjust-blend"),
    *("adjust-volume", "anchored", "marker", "filter-video"),
)
ANCHORED_TAGS = ("asset-clip", "video", "title")


def rank_child(tag: str) -> int:
    """Return the rank of a tag among a clip's children. Raises `ValueError` for a tag that the writer does not use."""
    return CHILD_ORDER.index("anchored" if tag in ANCHORED_TAGS else tag)


def sort_children(clip: Element) -> Element:
    """Sort the children of a clip recursively in the DTD's order, equal tags by time and lane. Returns the clip."""
    children = sorted(
        (sort_children(child) if child.tag in ANCHORED_TAGS else child for child in clip), key=_build_sort_key
    )
    for child in list(clip):
        clip.remove(child)
    clip.extend(children)
    return clip


def _build_sort_key(child: Element) -> tuple[int, Fraction, int]:
    time = child.get("offset") if child.tag in ANCHORED_TAGS else child.get("start")
    return rank_child(child.tag), parse_seconds(time) if time else Fraction(0), int(child.get("lane", "0"))


def rank_resource(resource: Element) -> tuple[int, int]:
    """Return the sort key of a resource. Formats come first, then effects, then assets; each by id."""
    return ("format", "effect", "asset").index(resource.tag), int(str(resource.get("id"))[1:])


def compute_media_start_s(file: PackagedVideo) -> Fraction:
    """Return the start timecode of a file, in seconds."""
    return file.timecode / file.rate.fraction


def set_or_animate(parent: Element, name: str, values: Sequence[tuple[str, str]]) -> None:
    """Set the value `name` of `parent` from (time, value) pairs: as an attribute if constant, else as keyframes.

    It is never both, as in the exports of Final Cut.
    """
    if len({value for _, value in values}) == 1:
        parent.set(name, values[0][1])
        return
    parent.append(_build_animated_parameter(name, values))


def _build_animated_parameter(name: str, values: Sequence[tuple[str, str]]) -> Element:
    keyframes = [build_element("keyframe", time=time, value=value, curve="linear") for time, value in values]
    return build_element("param", [build_element("keyframeAnimation", keyframes)], name=name)


def build_volume(gains: Sequence[GainKeyframe], times: Sequence[Fraction]) -> Element:
    """Return the volume of a clip. A single gain needs no time; several are keyframes at `times`.

    Decibels are written without a unit, because Resolve does not read them otherwise. Final Cut reads both forms.
    """
    volume = build_element("adjust-volume")
    if len(gains) == 1:
        volume.set("amount", format_decibels(gains[0].gain))
        return volume
    values = [(format_seconds(time), format_decibels(key.gain)) for key, time in zip(gains, times, strict=True)]
    volume.append(_build_animated_parameter("amount", values))
    return volume


def format_decibels(gain: float) -> str:
    """Return a linear gain in dB, limited to `SILENCE_DB`..`MAX_VOLUME_DB`."""
    decibels = 20 * math.log10(gain) if gain > 0 else SILENCE_DB
    return format_number(min(MAX_VOLUME_DB, max(float(SILENCE_DB), decibels)), 3)


def build_speaker_role(kind: str, speaker: str | None) -> str:
    """Return the role `kind`, with a subrole if there is a speaker: `dialogue.Speaker A`."""
    return f"{kind}.{clean_text(f'Speaker {speaker}')}" if speaker else kind


def format_color(rgba: RGBA) -> str:
    """Return a colour as four fractions, separated by spaces."""
    return " ".join(format_number(part, 4) for part in rgba)


def find_format_name(rate: Fraction, width: int, height: int) -> str | None:
    """Return Final Cut's name of a standard video format; None if the size or rate is not standard."""
    heights = {(1280, 720): 720, (1920, 1080): 1080}
    if (width, height) not in heights or compute_nominal_rate(rate) > 60:
        return None
    rate_text = str(round(float(rate) * 100)) if rate.denominator != 1 else str(rate)
    return f"FFVideoFormat{heights[width, height]}p{rate_text}"


def format_seconds(value: Fraction) -> str:
    """Return a time as FCPXML writes it: `1001/30000s`, `5s`, `0s`."""
    value = Fraction(value)
    return f"{value.numerator}s" if value.denominator == 1 else f"{value.numerator}/{value.denominator}s"


def parse_seconds(text: str) -> Fraction:
    """Return the seconds of an FCPXML time. Raises `ValueError` or `ZeroDivisionError` if `text` is not a time."""
    if not text.endswith("s"):
        raise ValueError(f"not a time (such as 5s or 1001/30000s): {text!r}")
    return Fraction(text[:-1])
