"""The timeline-independent parts of xmeml: rates, timecodes, and effects with their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal
from xml.etree.ElementTree import Element

import msgspec

from carmic_assets.exports.nle_timeline import GainKeyframe
from carmic_assets.exports.package_media import SOUND_RATE, PackagedVideo
from carmic_assets.exports.timecode import format_timecode, is_ntsc, nominal_rate
from carmic_assets.exports.xml_text import element, format_number, leaf

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


def rate_element(rate: Fraction) -> Element:
    """Return a rate: `30` and `TRUE` for 30000/1001."""
    return element("rate", [leaf("timebase", nominal_rate(rate)), leaf("ntsc", is_ntsc(rate))])


def timecode_element(rate: Fraction, frames: int, drop_frame: bool) -> Element:
    """Return the start timecode of a file or a sequence, `frames` after 00:00:00:00."""
    return element(
        "timecode",
        [
            rate_element(rate),
            leaf("string", format_timecode(frames, rate, drop_frame)),
            leaf("frame", frames),
            leaf("displayformat", "DF" if drop_frame else "NDF"),
        ],
    )


def size_elements(width: int, height: int) -> list[Element]:
    """Return the size of a picture with square pixels and without fields."""
    return [
        leaf("width", width),
        leaf("height", height),
        leaf("anamorphic", False),
        leaf("pixelaspectratio", "square"),
        leaf("fielddominance", "none"),
    ]


def count_sequence_frames(file: PackagedVideo, rate: Fraction) -> int:
    """Return a file's length in frames of a sequence of `rate`."""
    return int(file.frames / file.rate.fraction * rate)


def file_audio(channels: int) -> Element:
    """Return the description of the audio in a `file`."""
    sample = element("samplecharacteristics", [leaf("depth", 16), leaf("samplerate", SOUND_RATE)])
    return element("audio", [sample, leaf("channelcount", channels)])


def source_track(channel: int) -> Element:
    """Return the reference to the channel (from 0) that a clip item plays."""
    return element("sourcetrack", [leaf("mediatype", "audio"), leaf("trackindex", channel + 1)])


def output_channels(channels: int) -> tuple[int | None, ...]:
    """Return the output channel of each channel of a file: 1 left, 2 right, None both."""
    return OUTPUT_CHANNELS.get(channels, tuple(1 + channel % 2 for channel in range(channels)))


def track_kind(channels: int) -> str:
    """Return Premiere's kind of the track that holds a channel of such a file."""
    return "Stereo" if channels == 2 else "Mono"


def audio_levels(gains: Sequence[GainKeyframe], start: int) -> Element:
    """Return the volume of a clip item that begins at frame `start` of its file."""
    values = [(key.frame + start, format_number(min(key.gain, MAX_GAIN))) for key in gains]
    return filter_element(AUDIO_LEVELS, [animated_parameter("level", "Level", values, (0, MAX_GAIN))])


def effect_element(effect: EffectType, parameters: list[Element]) -> Element:
    """Return an effect with its parameters."""
    return element(
        "effect",
        [
            leaf("name", effect.name),
            leaf("effectid", effect.effect_id),
            leaf("effectcategory", effect.category),
            leaf("effecttype", effect.effect_type),
            leaf("mediatype", effect.media_type),
            *parameters,
        ],
    )


def filter_element(effect: EffectType, parameters: list[Element]) -> Element:
    """Return an effect as it is applied to a clip item."""
    return element("filter", [effect_element(effect, parameters)])


def parameter(identity: str, name: str, *children: Element) -> Element:
    """Return a parameter without limits."""
    return element("parameter", [leaf("parameterid", identity), leaf("name", name), *children])


def constant_parameter(identity: str, name: str, low: float, high: float, value: float) -> Element:
    """Return a parameter without keyframes."""
    return animated_parameter(identity, name, [(0, format_number(value))], (low, high))


def animated_parameter(
    identity: str, name: str, values: Sequence[tuple[int, str]], limits: tuple[float, float]
) -> Element:
    """Return a parameter of (frame, value) pairs; a single value has no keyframe."""
    result = parameter(
        identity,
        name,
        leaf("valuemin", format_number(limits[0])),
        leaf("valuemax", format_number(limits[1])),
        leaf("value", values[0][1]),
    )
    if len(values) > 1:
        result.extend(keyframe(frame, leaf("value", value)) for frame, value in values)
    return result


def keyframe(frame: int, value: Element) -> Element:
    """Return a keyframe with linear interpolation."""
    return element("keyframe", [leaf("when", frame), value, element("interpolation", [leaf("name", "linear")])])


def point_value(x: float, y: float) -> Element:
    """Return a value relative to the frame's centre, right and down, as fractions of the frame."""
    return element("value", [leaf("horiz", format_number(x, 8)), leaf("vert", format_number(y, 8))])
