"""Reads a source completely, mostly without decoding, and finds where its timestamps jump or a format changes.

Broadcast recorders, joined files, rotated phones and WebRTC write files whose frame size, channels or clock change in
the middle. The scan decodes one key frame and a few audio packets a second.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from carmic_assets.media.containers import demux_packets, open_media
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import AudioFacts, ChannelRepair, SourceFacts

# Demuxers of streams without an index, in which a recorder may lose a part or restart its clock.
BROADCAST_FORMATS = ("mpegts", "mpeg")
MAX_REVERSAL_S = 0.5  # a stream whose timestamps go back further has restarted its clock
MAX_GAP_S = 10.0  # a broadcast in which no stream has a packet for longer has jumped, as in ffmpeg's demuxer
SAMPLE_INTERVAL_S = 1.0  # between two sampled key frames
SAMPLED_AUDIO_PACKETS = 3  # per interval
DEFAULT_PACKET_S = 0.04  # duration of a packet that states none
MIN_AUDIO_FORMAT_RATIO = 0.02  # a rarer format is a decoder's first guess, as for HE-AAC
DEAD_CHANNEL_RATIO = 1e-3  # a channel with less of the other channel's energy (30 dB below) counts as silent
# Ratio of the energy of the sum to that of the difference, below which the channels have opposite phase
OPPOSITE_PHASE_RATIO = 0.1
LOUD_PERCENTILE = 95  # of the levels of the sampled frames; it is high because speech may be rare
QUIET_DB, TARGET_DB, MAX_GAIN_DB = -40.0, -23.0, 50.0  # speech below QUIET_DB is not detected (measured)
UNSPECIFIED = 2  # colour code for unspecified, ISO/IEC 23091-2


class PictureFormat(msgspec.Struct, frozen=True):
    """The format of coded frames. `matrix` and `range` are codes of ISO/IEC 23091-2; 0 if unknown."""

    width: int
    height: int
    pix_fmt: str
    sar: tuple[int, int]
    matrix: int
    range: int


class ClockSegment(msgspec.Struct):
    """A part of the file with an unbroken clock: its first and last presentation time (container clock)."""

    start_s: float
    end_s: float


class AudioLevels(msgspec.Struct):
    """Sums over the sampled audio of a stream.

    Those of the second channel and of the difference are 0 unless stereo.
    """

    left: float = 0.0  # energies
    right: float = 0.0
    sum: float = 0.0  # energy of left + right
    difference: float = 0.0
    loudness_db: list[float] = []  # level of the mix in each sampled frame, RMS in dBFS

    def add(self, frame: AudioFrame) -> None:
        """Add a decoded frame."""
        samples = _to_float(frame)
        mix = samples.mean(axis=0)
        if len(samples) == 2:
            left, right = samples
            self.left += float(left @ left)
            self.right += float(right @ right)
            self.sum += float((left + right) @ (left + right))
            self.difference += float((left - right) @ (left - right))
            mix = left if self.left > self.right else right  # channels in opposite phase cancel out in the mean
        self.loudness_db.append(10 * math.log10(float(np.mean(mix * mix)) + 1e-12))

    def choose_repair(self) -> ChannelRepair:
        """Return the repair that prevents the voice from being lost when the channels are mixed to mono."""
        if self.right < DEAD_CHANNEL_RATIO * self.left:
            return "left"
        if self.left < DEAD_CHANNEL_RATIO * self.right:
            return "right"
        return "inverted" if self.sum < OPPOSITE_PHASE_RATIO * self.difference else "none"

    def choose_gain_db(self) -> float:
        """Return the gain for speech recognition: 0 except for very quiet audio."""
        if not self.loudness_db:
            return 0.0
        loud_db = float(np.percentile(self.loudness_db, LOUD_PERCENTILE))
        return 0.0 if loud_db > QUIET_DB else round(min(TARGET_DB - loud_db, MAX_GAIN_DB), 1)


class StreamScan(msgspec.Struct, frozen=True):
    """The result of a scan. A regular file has one clock segment and one format in each stream."""

    clock: tuple[ClockSegment, ...]
    pictures: dict[PictureFormat, int]  # sampled key frames by format
    changing_audio: frozenset[int]  # indices of the audio streams whose sample rate or channels change
    levels: dict[int, AudioLevels]  # levels of each audio stream, by its index

    @property
    def is_regular(self) -> bool:
        """Whether every reader of the file sees one clock and one format."""
        return len(self.clock) <= 1 and len(self.pictures) <= 1 and not self.changing_audio


class ClockTracker:
    """Assigns each packet of a file, in file order, to a segment with an unbroken clock."""

    def __init__(self, *, closes_gaps: bool) -> None:
        self.segments: list[ClockSegment] = []
        self._closes_gaps = closes_gaps
        self._segment: dict[int, int] = {}  # of each stream, by its index
        self._last_s: dict[int, float] = {}  # decoding time of each stream's last packet

    def add(self, packet: Packet[Stream]) -> int | None:
        """Return the number of the packet's segment; None for a packet without timestamps."""
        times = [float(t * packet.time_base) for t in (packet.pts, packet.dts) if t is not None]
        if not times:
            return None
        stream, decode_s = packet.stream.index, times[-1]
        end_s = times[0] + (float(packet.duration * packet.time_base) if packet.duration else DEFAULT_PACKET_S)
        if not self.segments:
            self.segments.append(ClockSegment(times[0], end_s))
        newest = self.segments[-1]
        last_s = self._last_s.get(stream)
        number = self._segment.get(stream, len(self.segments) - 1)
        if number < len(self.segments) - 1:
            if last_s is None or abs(decode_s - newest.end_s) < abs(decode_s - last_s):
                number = len(self.segments) - 1
        elif (last_s is not None and decode_s < last_s - MAX_REVERSAL_S) or (
            self._closes_gaps and decode_s > newest.end_s + MAX_GAP_S
        ):
            self.segments.append(ClockSegment(times[0], end_s))
            number = len(self.segments) - 1
        segment = self.segments[number]
        segment.start_s, segment.end_s = min(segment.start_s, times[0]), max(segment.end_s, end_s)
        self._segment[stream], self._last_s[stream] = number, decode_s
        return number


def scan_streams(path: str | Path, facts: SourceFacts) -> StreamScan:
    """Scan the chosen video stream and all audio streams of a source.

    Raises:
        CorruptVideoError: the file cannot be opened, or has no video.
    """
    if facts.video is None:
        raise CorruptVideoError("The file has no video. Upload a video.")
    with open_media(path, threads=1) as container:
        video = container.streams[facts.video.index]
        audio = [stream for stream in container.streams.audio if stream.codec_context is not None]
        clock = ClockTracker(closes_gaps=container.format.name in BROADCAST_FORMATS)
        pictures: Counter[PictureFormat] = Counter()
        formats: defaultdict[int, Counter[tuple[int, str]]] = defaultdict(Counter)
        levels: defaultdict[int, AudioLevels] = defaultdict(AudioLevels)
        if isinstance(video, VideoStream):
            video.codec_context.skip_frame = "NONKEY"
        sampler = _Sampler()
        try:
            for packet in demux_packets(container, video, *audio):
                segment = clock.add(packet)
                if not sampler.selects(packet, segment):
                    continue
                for frame in _decode(packet):
                    if isinstance(frame, VideoFrame):
                        pictures[_read_picture_format(frame, video)] += 1
                    else:
                        formats[packet.stream.index][frame.sample_rate, frame.layout.name] += 1
                        levels[packet.stream.index].add(frame)
        except av.error.FFmpegError:
            pass  # a truncated file: use the part that was read
        return StreamScan(
            clock=tuple(clock.segments),
            pictures=_merge_unspecified(pictures),
            changing_audio=frozenset(index for index, counts in formats.items() if _has_format_change(counts)),
            levels=dict(levels),
        )


def describe_channels(facts: SourceFacts, scan: StreamScan) -> SourceFacts:
    """Return the source's properties with the channel repair and the gain of each audio track."""

    def describe(track: AudioFacts) -> AudioFacts:
        levels = scan.levels.get(track.index)
        if levels is None:
            return track
        return msgspec.structs.replace(track, repair=levels.choose_repair(), gain_db=levels.choose_gain_db())

    return msgspec.structs.replace(
        facts,
        audio=None if facts.audio is None else describe(facts.audio),
        audio_tracks=tuple(describe(track) for track in facts.audio_tracks),
    )


def _to_float(frame: AudioFrame) -> np.ndarray:
    """Return the samples in -1..1: float64, shape (channels, samples)."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    scale = float(2 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float64) / scale - (1.0 if samples.dtype.kind == "u" else 0.0)


class _Sampler:
    """Selects the packets to decode: the first key frame and the first audio packets of each interval."""

    def __init__(self) -> None:
        self._interval: dict[int, tuple[int | None, int]] = {}  # clock segment and second of each stream
        self._count: dict[int, int] = {}

    def selects(self, packet: Packet[Stream], segment: int | None) -> bool:
        """Return whether to decode the packet, which lies in this clock segment."""
        if not packet.size:
            return True  # flushes the decoder
        time = packet.dts if packet.dts is not None else packet.pts
        is_video = isinstance(packet.stream, VideoStream)
        if time is None or (is_video and not packet.is_keyframe):
            return False
        stream, interval = packet.stream.index, (segment, int(float(time * packet.time_base) / SAMPLE_INTERVAL_S))
        if self._interval.get(stream) != interval:
            self._interval[stream], self._count[stream] = interval, 0
        self._count[stream] += 1
        return self._count[stream] <= (1 if is_video else SAMPLED_AUDIO_PACKETS)


def _decode(packet: Packet[Stream]) -> Iterator[VideoFrame | AudioFrame]:
    try:
        for frame in packet.decode():
            if isinstance(frame, VideoFrame | AudioFrame):
                yield frame
    except av.error.FFmpegError:
        return  # a damaged packet


def _read_picture_format(frame: VideoFrame, stream: Stream) -> PictureFormat:
    sar = stream.codec_context.sample_aspect_ratio if isinstance(stream, VideoStream) else None
    sar = sar or Fraction(1)
    matrix, color_range = int(frame.colorspace), int(frame.color_range)
    return PictureFormat(
        frame.width,
        frame.height,
        frame.format.name,
        (sar.numerator, sar.denominator),
        0 if matrix == UNSPECIFIED else matrix,
        color_range,
    )


def _merge_unspecified(pictures: Counter[PictureFormat]) -> dict[PictureFormat, int]:
    """Count a format without colour labels as the labelled one of its size: encoders repeat labels irregularly."""
    merged: Counter[PictureFormat] = Counter()
    for picture, count in sorted(pictures.items(), key=lambda item: -(item[0].matrix > 0) - (item[0].range > 0)):
        twin = next(
            (
                other
                for other in merged
                if msgspec.structs.replace(other, matrix=picture.matrix, range=picture.range) == picture
                and picture.matrix in (0, other.matrix)
                and picture.range in (0, other.range)
            ),
            picture,
        )
        merged[twin] += count
    return dict(merged)


def _has_format_change(counts: Counter[tuple[int, str]]) -> bool:
    return sum(count >= MIN_AUDIO_FORMAT_RATIO * counts.total() for count in counts.values()) > 1
