"""Builds the xmeml elements that do not depend on a timeline: rates, timecodes, and effects with their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal
from xml.etree.ElementTree import Element

import msgspec

from carmic_assets.exports.nle_timeline import GainKeyframe
from carmic_assets.exports.package_media import SOUND_RATE, PackagedVideo
from carmic_assets.exports.timecode import compute_nominal_rate, format_timecode, is_ntsc
from carmic_assets.exports.xml_text import build_element, build_leaf, format_number

MAX_GAIN = 3.98107  # xmeml's limit, +12 dB
# The output channel of each channel of a file in a stereo sequence: 1 left, 2 right, None both.
OUTPUT_CHANNELS: dict[int, tuple[int | None, ...]] = {
    1: (None,),
    2: (1, 2),
    6: (1, 2, None, None, 1, 2),
    8: (1, 2, None, None, 1, 2, 1, 2),
}


class EffectType(msgspec.Struct, frozen=True):
    """The identity of an effect in Final Cut Pro 7."""

    name: str
    effect_id: str
    category: str
    effect_type: str
    media_type: Literal["video", "audio"] = "video"


BASIC_MOTION = EffectType("Basic Motion", "basic", "motion", "motion")
CROP = EffectType("Crop", "crop", "motion", "motion")
OPACITY = EffectType("Opacity", "opacity", "motion", "motion")
GAUSSIAN_BLUR = EffectType("Gaussian Blur", "Gaussian Blur", "Blur", "filter")
TEXT_GENERATOR = EffectType("Text", "Text", "Text", "generator")
AUDIO_LEVELS = EffectType("Audio Levels", "audiolevels", "audiolevels", "audiolevels", "audio")


def build_rate(rate: Fraction) -> Element:
    """Return the element of a rate: `timebase` 30 and `ntsc` TRUE for 30000/1001."""
    return build_element(
        "rate", [build_leaf("timebase", compute_nominal_rate(rate)), build_leaf("ntsc", is_ntsc(rate))]
    )


def build_timecode(rate: Fraction, frames: int, drop_frame: bool) -> Element:
    """Return the element of a start timecode, `frames` after 00:00:00:00."""
    return build_element(
        "timecode",
        [
            build_rate(rate),
            build_leaf("string", format_timecode(frames, rate, drop_frame)),
            build_leaf("frame", frames),
            build_leaf("displayformat", "DF" if drop_frame else "NDF"),
        ],
    )


def build_size(width: int, height: int) -> list[Element]:
    """Return the elements of a frame size, with square pixels and progressive frames."""
    return [
        build_leaf("width", width),
        build_leaf("height", height),
        build_leaf("anamorphic", False),
        build_leaf("pixelaspectratio", "square"),
        build_leaf("fielddominance", "none"),
    ]


def count_sequence_frames(file: PackagedVideo, rate: Fraction) -> int:
    """Return a file's length in frames at a sequence's `rate`."""
    return int(file.frames / file.rate.fraction * rate)


def build_file_audio(channels: int) -> Element:
    """Return the element that describes the audio of a file."""
    sample = build_element("samplecharacteristics", [build_leaf("depth", 16), build_leaf("samplerate", SOUND_RATE)])
    return build_element("audio", [sample, build_leaf("channelcount", channels)])


def build_source_track(channel: int) -> Element:
    """Return the element that selects the channel (from 0) of a clip item's file."""
    return build_element("sourcetrack", [build_leaf("mediatype", "audio"), build_leaf("trackindex", channel + 1)])


def find_output_channels(channels: int) -> tuple[int | None, ...]:
    """Return the output channel of each channel of a file: 1 left, 2 right, None both."""
    return OUTPUT_CHANNELS.get(channels, tuple(1 + channel % 2 for channel in range(channels)))


def choose_track_kind(channels: int) -> str:
    """Return Premiere's type of the track for a channel of a file with `channels` channels."""
    return "Stereo" if channels == 2 else "Mono"


def build_audio_levels(gains: Sequence[GainKeyframe], start: int) -> Element:
    """Return the volume filter of a clip item that starts at frame `start` of its file."""
    values = [(key.frame + start, format_number(min(key.gain, MAX_GAIN))) for key in gains]
    return build_filter(AUDIO_LEVELS, [build_animated_parameter("level", "Level", values, (0, MAX_GAIN))])


def build_effect(effect: EffectType, parameters: list[Element]) -> Element:
    """Return the element of an effect with its parameters."""
    return build_element(
        "effect",
        [
            build_leaf("name", effect.name),
            build_leaf("effectid", effect.effect_id),
            build_leaf("effectcategory", effect.category),
            build_leaf("effecttype", effect.effect_type),
            build_leaf("mediatype", effect.media_type),
            *parameters,
        ],
    )


def build_filter(effect: EffectType, parameters: list[Element]) -> Element:
    """Return the element that applies an effect to a clip item."""
    return build_element("filter", [build_effect(effect, parameters)])


def build_parameter(identity: str, name: str, *children: Element) -> Element:
    """Return the element of a parameter without limits."""
    return build_element("parameter", [build_leaf("parameterid", identity), build_leaf("name", name), *children])


def build_constant_parameter(identity: str, name: str, low: float, high: float, value: float) -> Element:
    """Return the element of a parameter with a constant value."""
    return build_animated_parameter(identity, name, [(0, format_number(value))], (low, high))


def build_animated_parameter(
    identity: str, name: str, values: Sequence[tuple[int, str]], limits: tuple[float, float]
) -> Element:
    """Return the element of a parameter with (frame, value) pairs. A single pair gives a constant value."""
    result = build_parameter(
        identity,
        name,
        build_leaf("valuemin", format_number(limits[0])),
        build_leaf("valuemax", format_number(limits[1])),
        build_leaf("value", values[0][1]),
    )
    if len(values) > 1:
        result.extend(build_keyframe(frame, build_leaf("value", value)) for frame, value in values)
    return result


def build_keyframe(frame: int, value: Element) -> Element:
    """Return the element of a keyframe with linear interpolation."""
    return build_element(
        "keyframe", [build_leaf("when", frame), value, build_element("interpolation", [build_leaf("name", "linear")])]
    )


def build_point_value(x: float, y: float) -> Element:
    """Return a value that is an offset from the frame's centre, right and down, in fractions of the frame."""
    return build_element("value", [build_leaf("horiz", format_number(x, 8)), build_leaf("vert", format_number(y, 8))])
