"""Properties of media files, from the probe and from the decoding pass of the source."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from carmic_assets.model.direction import FULL_FRAME, Box

# Left or right: use this channel for both; inverted: invert the right channel
ChannelRepair = Literal["none", "left", "right", "inverted"]
# Selects audio tracks: the one with speech, the sum of all, or a number from 0 in the order of the file.
AudioTrack = Literal["auto", "mix"] | Annotated[int, msgspec.Meta(ge=0, le=63)]


class FrameRate(msgspec.Struct, frozen=True):
    """An exact frame rate in frames per second, such as 30000/1001."""

    num: int
    den: int

    @property
    def fraction(self) -> Fraction:
        """The rate as a `Fraction`."""
        return Fraction(self.num, self.den)


class VideoFacts(msgspec.Struct, frozen=True):
    """The selected video stream.

    `width` x `height` are upright display pixels, after rotation and with square pixels. Colour properties have
    FFmpeg's names and are None where the file does not state them.
    """

    index: int
    codec: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int  # clockwise rotation in degrees that makes the coded frame upright: 0, 90, 180, 270
    mirrored: bool  # flipped left to right, after the rotation
    sar_num: int  # sample (pixel) aspect ratio
    sar_den: int
    rate: FrameRate  # the standard rate within 0.1 % of a constant rate; the most frequent one of a variable rate
    variable_rate: bool
    pix_fmt: str
    color_range: str | None
    color_matrix: str | None
    color_transfer: str | None
    color_primaries: str | None
    hdr: bool
    start_s: float  # source clock
    duration_s: float
    interlaced: bool = False


class AudioFacts(msgspec.Struct, frozen=True):
    """An audio stream."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    start_s: float  # source clock
    duration_s: float
    language: str = ""  # ISO 639-2; empty if the file does not state it
    repair: ChannelRepair = "none"  # prevents the voice from cancelling out when the channels are mixed to mono
    gain_db: float = 0.0  # amplifies very quiet audio to the level that speech recognition expects


class SourceFacts(msgspec.Struct, frozen=True):
    """The artifact of the `source_video` asset: the probed properties of the source file."""

    sha256: str
    size_bytes: int
    container: str
    duration_s: float
    container_start_s: float  # subtracted from every timestamp to get the source clock
    video: VideoFacts | None
    audio: AudioFacts | None  # the selected stream
    start_timecode: str | None = None  # such as "01:00:00:00", if the file has one
    audio_tracks: tuple[AudioFacts, ...] = ()  # all streams that decode, in the order of the file
    mixes_audio: bool = False  # the audio is the sum of all `audio_tracks`
    notes: tuple[str, ...] = ()  # sentences for the user that state how the source was changed to make it usable


class AnalysisFacts(msgspec.Struct, frozen=True):
    """The artifact of the `analysis_media` asset: results of the one decoding pass over the source.

    The pass writes the analysis copy (small video and mono audio) beside this record. Times are on the source clock.
    """

    fps: float  # of the analysis copy
    width: int
    height: int
    frames: int
    start_s: float  # time of the first frame of the analysis copy
    duration_s: float
    audio_rate: int
    cuts_s: tuple[float, ...]  # hard cuts: time of the first frame of each new shot
    motion: tuple[float, ...] = ()  # for each second of video: the difference between frames, 0..1
    early_s: float = 0.0  # the copy's frame at t shows the source's newest frame at t + early_s
    # Dissolves and fades: time of the first frame that shows more of the new shot than of the old one.
    dissolves_s: tuple[float, ...] = ()
    picture: Box = FULL_FRAME  # the active area of the frame inside the bars (letterbox, pillarbox)

    @property
    def shot_boundaries_s(self) -> tuple[float, ...]:
        """Times of all cuts, dissolves and fades, sorted. Person tracks end at each of them."""
        return tuple(sorted((*self.cuts_s, *self.dissolves_s)))
