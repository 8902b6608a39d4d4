"""The small parts of an xmeml: rates, timecodes, effects with their parameters. Knows the dialect, not the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from carmic_assets.exports.nle_timeline import Level
from carmic_assets.exports.package_media import SOUND_RATE, Footage
from carmic_assets.exports.timecode import is_ntsc, nominal, timecode_text
from carmic_assets.exports.xml_text import element, leaf, number

LOUDEST = 3.98107  # xmeml's limit, +12 dB
# Where the channels of a file are heard in a stereo sequence: left, right, or in the middle (both).
SPEAKERS: dict[int, tuple[int | None, ...]] = {
    1: (None,),
    2: (1, 2),
    6: (1, 2, None, None, 1, 2),
    8: (1, 2, None, None, 1, 2, 1, 2),
}


def rate_of(rate: Fraction) -> Element:
    """`30` and `TRUE` for 30000/1001."""
    return element("rate", [leaf("timebase", nominal(rate)), leaf("ntsc", is_ntsc(rate))])


def timecode_of(rate: Fraction, frames: int, drop: bool) -> Element:
    """Where a file or sequence starts to count: `frames` after 00:00:00:00."""
    return element(
        "timecode",
        [
            rate_of(rate),
            leaf("string", timecode_text(frames, rate, drop)),
            leaf("frame", frames),
            leaf("displayformat", "DF" if drop else "NDF"),
        ],
    )


def size(width: int, height: int) -> list[Element]:
    """Of a picture: square pixels, no fields."""
    return [
        leaf("width", width),
        leaf("height", height),
        leaf("anamorphic", False),
        leaf("pixelaspectratio", "square"),
        leaf("fielddominance", "none"),
    ]


def frames(file: Footage, rate: Fraction) -> int:
    """A file's length in frames of the sequence."""
    return int(file.frames / file.rate.fraction * rate)


def file_audio(channels: int) -> Element:
    """The sound inside a `file`."""
    sample = element("samplecharacteristics", [leaf("depth", 16), leaf("samplerate", SOUND_RATE)])
    return element("audio", [sample, leaf("channelcount", channels)])


def source_track(channel: int) -> Element:
    """Which channel (from 0) of its file a clip item plays."""
    return element("sourcetrack", [leaf("mediatype", "audio"), leaf("trackindex", channel + 1)])


def sides(channels: int) -> tuple[int | None, ...]:
    """For each channel of a file: heard left (1), right (2) or in the middle (None)."""
    return SPEAKERS.get(channels, tuple(1 + channel % 2 for channel in range(channels)))


def kind_of(channels: int) -> str:
    """Premiere's name of the track."""
    return "Stereo" if channels == 2 else "Mono"


def audio_levels(levels: Sequence[Level], start: int) -> Element:
    """Audio Levels: linear gain; frames count from the start of the file, where the clip's first is `start`."""
    values = [(level.frame + start, number(min(level.gain, LOUDEST))) for level in levels]
    return filter_(
        "Audio Levels",
        "audiolevels",
        "audiolevels",
        "audiolevels",
        [animated("level", "Level", values, (0, LOUDEST))],
        "audio",
    )


def effect_of(name: str, effect: str, kind: str, category: str, params: list[Element], media: str = "video") -> Element:
    """An effect with its parameters."""
    head = [leaf("name", name), leaf("effectid", effect), leaf("effectcategory", category), leaf("effecttype", kind)]
    return element("effect", [*head, leaf("mediatype", media), *params])


def filter_(name: str, effect: str, kind: str, category: str, params: list[Element], media: str = "video") -> Element:
    """An effect on a clip."""
    return element("filter", [effect_of(name, effect, kind, category, params, media)])


def scalar(identity: str, name: str, low: float, high: float, value: float) -> Element:
    """A parameter that stands still."""
    return animated(identity, name, [(0, number(value))], (low, high))


def animated(identity: str, name: str, values: Sequence[tuple[int, str]], limits: tuple[float, float]) -> Element:
    """A parameter; keyframes only where there is more than one value."""
    made = element(
        "parameter",
        [
            leaf("parameterid", identity),
            leaf("name", name),
            leaf("valuemin", number(limits[0])),
            leaf("valuemax", number(limits[1])),
            leaf("value", values[0][1]),
        ],
    )
    if len(values) > 1:
        made.extend(element("keyframe", [leaf("when", when), leaf("value", value), linear()]) for when, value in values)
    return made


def linear() -> Element:
    """How a keyframe goes on to the next."""
    return element("interpolation", [leaf("name", "linear")])


def point(x: float, y: float) -> Element:
    """A value in parts of the frame from its middle, right and down."""
    return element("value", [leaf("horiz", number(x, 8)), leaf("vert", number(y, 8))])
