"""What a source file is, as probed: read by everything, changed by nothing."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from carmic_assets.model.direction import WHOLE, Box


class Rate(msgspec.Struct, frozen=True):
    """A frame rate as a ratio: 30000/1001, never 29.97."""

    num: int
    den: int

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.num, self.den)


class VideoFacts(msgspec.Struct, frozen=True):
    """The picture stream that is used. `width` x `height` are upright display pixels: rotated, pixel aspect undone."""

    index: int
    codec: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int  # degrees clockwise that bring the coded picture upright: 0, 90, 180, 270
    mirrored: bool
    sar_num: int
    sar_den: int
    rate: Rate  # constant: to the nearest standard one within 0.1 %; variable: the usual one
    variable_rate: bool
    pix_fmt: str
    color_range: str | None  # as ffmpeg names them; None where the file does not say
    color_matrix: str | None
    color_transfer: str | None
    color_primaries: str | None
    hdr: bool
    start_s: float  # on the source clock
    duration_s: float
    interlaced: bool = False  # two moments in each picture, in every other line


class AudioFacts(msgspec.Struct, frozen=True):
    """The sound stream that is used."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    start_s: float  # on the source clock
    duration_s: float


class SourceFacts(msgspec.Struct, frozen=True):
    """The artifact of `source_video`. Raises nothing by itself: the probe refuses what cannot be used."""

    sha256: str
    size_bytes: int
    container: str
    duration_s: float
    container_start_s: float  # subtracted from every timestamp to get the source clock
    video: VideoFacts | None
    audio: AudioFacts | None
    start_timecode: str | None = None  # "01:00:00:00" where the file carries one


class AnalysisFacts(msgspec.Struct, frozen=True):
    """The artifact of `analysis_media`: what the one decode of the source wrote beside itself.

    `cuts_s` are the hard cuts on the source clock: each is the time of the first frame of the new shot. `dissolves_s`
    are the middles of dissolves and fades: the first frame that is more of the new shot than of the old one.
    """

    fps: float
    width: int
    height: int
    frames: int
    start_s: float  # source clock of the first analysis frame
    duration_s: float
    audio_rate: int
    cuts_s: tuple[float, ...]
    motion: tuple[float, ...] = ()  # 0..1 per second of video, how much the picture changes
    early_s: float = 0.0  # the copy's frame at t shows the newest frame of the source at t + early_s
    dissolves_s: tuple[float, ...] = ()
    picture: Box = WHOLE  # what is between bars (letterbox, pillarbox)

    @property
    def breaks_s(self) -> tuple[float, ...]:
        """Where one shot ends and the next begins, be it by a cut or a dissolve: people are followed up to there."""
        return tuple(sorted((*self.cuts_s, *self.dissolves_s)))
