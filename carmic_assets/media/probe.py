"""Probes a source file: streams, clocks, frame rate, orientation, colour and hash.

It reads and decodes as little as possible, and rejects files without a decodable stream.

There are two clocks. The container clock is that of the file's timestamps. The source clock, which all facts use,
starts at 0 at the container's start time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import cast

import av
import msgspec
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from carmic_assets.media.containers import check_picture_size, demux_packets, open_media
from carmic_assets.media.demuxers import SOURCE_FORMATS
from carmic_assets.model.errors import CarmicError, CorruptVideoError
from carmic_assets.model.media import AudioFacts, FrameRate, SourceFacts, VideoFacts

STANDARD_RATES = tuple(  # frames per second
    Fraction(n, d)
    for n, d in (
        *((rate * 1000, 1001) for rate in (24, 30, 48, 60, 120)),
        *((rate, 1) for rate in (5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)),
    )
)
MAX_PLAUSIBLE_FPS = 1000  # a header that states more is broken
SAMPLED_PACKETS = 3000  # packets whose times are read at the start, and again at the end of a longer stream
MAX_UNDECODABLE_PACKETS = 400  # a stream with more of them before its first frame counts as undecodable
MAX_AUDIO_TRACKS = 16  # audio streams that are probed
DEFAULT_FRAME_S = 0.04  # frame duration if neither the packets nor the header state one
NO_PICTURE = "The video has no decodable frame. Play it to check that it is complete, or convert it to H.264 MP4."

# Code points of ISO/IEC 23091-2 and ffmpeg's names for them: AVColorSpace, AVColorTransferCharacteristic,
# AVColorPrimaries and AVColorRange.
_MATRICES = {
    1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc", 10: "bt2020c",
}  # fmt: skip
_TRANSFERS = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear",
    13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67",
}  # fmt: skip
_PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    11: "smpte431", 12: "smpte432",
}  # fmt: skip
_RANGES = {1: "tv", 2: "pc"}
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


def probe(path: str | Path) -> SourceFacts:
    """Return all facts of a source video, with its hash.

    The video stream with the default disposition is used; of several, the one with the most pixels. Cover art,
    auxiliary streams and streams without a decodable frame are skipped.

    Raises:
        CorruptVideoError: no video stream decodes.
    """
    facts = read_facts(path)
    if facts.video is None:
        raise CorruptVideoError("The file has no video, only audio. Upload the video itself.")
    return msgspec.structs.replace(facts, sha256=hash_file(path))


def read_facts(
    path: str | Path, formats: tuple[str, ...] = SOURCE_FORMATS, error: type[CarmicError] = CorruptVideoError
) -> SourceFacts:
    """Return the facts of any file of `formats`, without its hash; `video` is None for an audio file.

    Raises:
        CarmicError: of type `error`, where no stream decodes.
    """
    path = Path(path)
    with open_media(path, formats=formats, error=error) as container:
        file = _File(path, formats, error)
        container_start_s = (container.start_time or 0) / 1e6
        video = _choose_video(container, file, container_start_s)
        tracks = _list_audio(container, file, container_start_s)
        if video is not None:
            video_end_s = video.start_s + video.duration_s
            tracks = [(_limit_to_packets(a, video_end_s, file, container_start_s), second) for a, second in tracks]
        audio = _choose_audio(container, tracks)
        ends = [stream.start_s + stream.duration_s for stream in (video, audio) if stream is not None]
        if not ends:
            raise error("The file has no decodable video or audio. Choose another file.")
        return SourceFacts(
            sha256="",
            size_bytes=path.stat().st_size,
            container=container.format.name,
            duration_s=round(max(ends), 6),
            container_start_s=container_start_s,
            video=video,
            audio=audio,
            audio_tracks=tuple(track for track, _ in tracks),
            start_timecode=_read_timecode(container),
        )


class _File(msgspec.Struct, frozen=True):
    """Reopens the file for each read, because after a seek back MPEG program streams lose their first packets."""

    path: Path
    formats: tuple[str, ...]
    error: type[CarmicError]

    def open(self, threads: int = 2) -> AbstractContextManager[InputContainer]:
        return open_media(self.path, formats=self.formats, threads=threads, error=self.error)


def hash_file(path: str | Path) -> str:
    """Return the hex SHA-256 digest of a file; it is read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _choose_video(container: InputContainer, file: _File, container_start_s: float) -> VideoFacts | None:
    auxiliary = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & auxiliary]
    if not streams:
        return None
    streams.sort(
        key=lambda s: (
            bool(s.disposition & Disposition.default),
            s.codec_context.width * s.codec_context.height,
            -s.index,
        ),
        reverse=True,
    )
    for stream in streams:
        frame = _decode_first_frame(file, stream.index)
        if isinstance(frame, VideoFrame):
            check_picture_size(frame.width, frame.height, file.error)
            return _read_video_facts(container, stream, frame, file, container_start_s)
    raise file.error(NO_PICTURE)


def _decode_first_frame(file: _File, index: int) -> VideoFrame | AudioFrame | None:
    """Return the first frame of a stream that decodes, or None. Damaged packets before it are skipped."""
    with file.open(threads=1) as container:
        for number, packet in enumerate(demux_packets(container, container.streams[index])):
            if number > MAX_UNDECODABLE_PACKETS:
                return None
            try:
                for frame in packet.decode():
                    if isinstance(frame, VideoFrame | AudioFrame):
                        return frame
            except av.error.FFmpegError:
                continue
    return None


def _read_video_facts(
    container: InputContainer, stream: VideoStream, frame: VideoFrame, file: _File, container_start_s: float
) -> VideoFacts:
    rotation, mirrored = _read_orientation(frame)
    sar = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    if sar <= 0 or not Fraction(1, 16) <= sar <= 16:
        sar = Fraction(1)
    width, height = compute_display_size(frame.width, frame.height, sar, rotation)
    runs, first_s, end_s = _read_timing(container, stream, file)
    rate, is_variable = estimate_frame_rate(runs, _get_time_base(stream), stream.average_rate, stream.guessed_rate)
    transfer = _TRANSFERS.get(int(frame.color_trc))
    is_full_range = frame.format.name.startswith("yuvj")
    return VideoFacts(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        coded_width=frame.width,
        coded_height=frame.height,
        rotation=rotation,
        mirrored=mirrored,
        sar_num=sar.numerator,
        sar_den=sar.denominator,
        rate=FrameRate(rate.numerator, rate.denominator),
        variable_rate=is_variable,
        pix_fmt=frame.format.name,
        color_range="pc" if is_full_range else _RANGES.get(int(frame.color_range)),
        color_matrix=_MATRICES.get(int(frame.colorspace)),
        color_transfer=transfer,
        color_primaries=_PRIMARIES.get(int(frame.color_primaries)),
        hdr=transfer in HDR_TRANSFERS,
        start_s=round(first_s - container_start_s, 6),
        duration_s=round(max(end_s - first_s, float(1 / rate)), 6),
        interlaced=bool(frame.interlaced_frame),
    )


def compute_display_size(coded_width: int, coded_height: int, sar: Fraction, rotation: int) -> tuple[int, int]:
    """Return the upright width and height in square pixels of a coded frame with a sample aspect ratio.

    One dimension is enlarged and none is reduced, so that no detail is lost.
    """
    width, height = (
        (coded_width * sar, Fraction(coded_height)) if sar >= 1 else (Fraction(coded_width), coded_height / sar)
    )
    size = max(1, round(width)), max(1, round(height))
    return (size[1], size[0]) if rotation in (90, 270) else size


def _read_orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Return `(rotation, mirrored)`: rotate clockwise by `rotation` degrees, then mirror left and right.

    The display matrix maps (p, q) to (a p + c q, b p + d q) in 16.16 fixed point, y downwards (ISO/IEC 14496-12 8.2.2).
    """
    try:
        side_data = cast(Mapping[SideDataType, SideData], frame.side_data)  # PyAV's type stub is wrong here
        display_matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    except ValueError:
        # PyAV raises for side data of a type that it does not know, such as a photo's EXIF or the views of a spatial
        # video. `frame.rotation` (counter-clockwise) still works, but does not say whether to mirror.
        return round(-frame.rotation / 90) % 4 * 90, False
    if display_matrix is None:
        return 0, False
    matrix = bytes(display_matrix)
    a, b, _, c, d = (int.from_bytes(matrix[4 * i : 4 * i + 4], "little", signed=True) for i in range(5))
    determinant = a * d - b * c
    if determinant == 0:  # an all-zero matrix, seen in files with broken headers
        return 0, False
    mirrored = determinant < 0
    angle = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(angle / 90) % 4 * 90, mirrored


def _read_timing(container: InputContainer, stream: VideoStream, file: _File) -> tuple[list[list[float]], float, float]:
    """Return presentation times in contiguous runs, the time of the first frame and the end of the last one.

    All are seconds on the container clock. The times are read from packets at the start and at the end of the stream.
    The end also considers the container's packet index, if there is one (MP4). Frames beyond the end of a truncated
    file do not count. A file that states no duration, such as a browser's recording, is read to its end.
    """
    stated_s = _read_stated_duration(container, stream)
    head = _read_packet_times(file, stream.index, limit=SAMPLED_PACKETS if stated_s else None)
    if not head:
        raise file.error(NO_PICTURE)
    frame_s = _estimate_frame_duration(head, stream)
    runs = [head]
    if len(head) >= SAMPLED_PACKETS and stated_s:
        tail_from_s = head[0] + float(stated_s) - SAMPLED_PACKETS * frame_s / 2
        if tail_from_s > head[-1] and (tail := _read_packet_times(file, stream.index, tail_from_s)):
            runs.append(tail)
    end_s = max(run[-1] for run in runs) + frame_s
    indexed_end_s = _read_indexed_end(stream, file.path)
    if indexed_end_s is not None:
        end_s = max(end_s, indexed_end_s)
        if stated_s:
            end_s = min(end_s, head[0] + float(stated_s))
    return runs, head[0], end_s


def _read_stated_duration(container: InputContainer, stream: Stream) -> Fraction | float:
    """Return the duration in seconds that the stream or else the container states; 0 where neither does."""
    if stream.duration:
        return stream.duration * _get_time_base(stream)
    return (container.duration or 0) / 1e6


def _get_time_base(stream: Stream) -> Fraction:
    """Return the length of one timestamp unit in seconds; without a time base it is 1 microsecond, as in libav."""
    return stream.time_base or Fraction(1, av.time_base)


def _estimate_frame_duration(times: Sequence[float], stream: Stream) -> float:
    if len(times) > 1:
        return (times[-1] - times[0]) / (len(times) - 1) or DEFAULT_FRAME_S
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate and 0 < rate <= MAX_PLAUSIBLE_FPS else DEFAULT_FRAME_S


def _read_packet_times(
    file: _File, index: int, from_s: float | None = None, limit: int | None = SAMPLED_PACKETS
) -> list[float]:
    """Return the sorted presentation times (container clock) of up to `limit` packets from `from_s` on."""
    timestamps: list[int] = []
    with file.open() as container:
        stream = container.streams[index]
        try:
            if from_s is not None:
                container.seek(int(from_s / _get_time_base(stream)), stream=stream, backward=True)
            for pts in _list_presentation_timestamps(container, stream):
                timestamps.append(pts)
                if len(timestamps) == limit:
                    break
        except av.error.FFmpegError:
            pass  # a truncated file: its end is the last packet that could be read
        return [float(pts * _get_time_base(stream)) for pts in sorted(timestamps)]


def _list_presentation_timestamps(container: InputContainer, stream: Stream) -> Iterator[int]:
    for packet in demux_packets(container, stream):
        if packet.pts is not None and packet.size and not packet.is_discard:
            yield packet.pts


def _read_indexed_end(stream: VideoStream, path: Path) -> float | None:
    """Return the end (container clock) of the last indexed packet that lies completely inside the file.

    The result is None for a container without a complete packet index.
    """
    entries = stream.index_entries
    if stream.frames <= 0 or len(entries) < max(stream.frames, 2):
        return None
    size_bytes = path.stat().st_size
    present = [entry.timestamp for entry in entries if entry.pos + entry.size <= size_bytes]
    if not present:
        return None
    count = len(entries) - 1
    step = (entries[count].timestamp - entries[0].timestamp) / count
    start = stream.start_time if stream.start_time is not None else present[0]
    return float((start + present[-1] - present[0] + step) * _get_time_base(stream))


def estimate_frame_rate(
    runs: Sequence[Sequence[float]], tick: Fraction, average: Fraction | None, guessed: Fraction | None
) -> tuple[Fraction, bool]:
    """Return `(rate, is_variable)` from presentation times.

    A rate is constant if the time of every frame deviates by at most a third of a frame duration; more is allowed for
    containers with a millisecond time base. The rate of a variable source is that of its median step, so that moving
    parts keep all their frames.

    Args:
        runs: sorted presentation times in seconds, in contiguous runs.
        tick: time base of the stream.
        average: average rate stated by the container.
        guessed: rate guessed by libav.
    """
    steps = sorted(b - a for run in runs for a, b in pairwise(run) if b > a)
    if not steps:
        stated_rate = next((r for r in (average, guessed) if r and 0 < r <= MAX_PLAUSIBLE_FPS), Fraction(25))
        return snap_frame_rate(Fraction(stated_rate)), False
    tolerance_s = max(float(tick), 1e-3)
    rates = _list_candidate_rates(runs, steps, tolerance_s)
    if average and 0 < average <= MAX_PLAUSIBLE_FPS:
        rates.insert(0, snap_frame_rate(Fraction(average)))
    for rate in rates:
        if all(_has_constant_rate(run, rate, tolerance_s) for run in runs):
            return rate, False
    usual_rate = rates[-1]
    return (usual_rate if usual_rate <= MAX_PLAUSIBLE_FPS else Fraction(30)), True


def _list_candidate_rates(
    runs: Sequence[Sequence[float]], steps: Sequence[float], tolerance_s: float
) -> list[Fraction]:
    """Return the mean rate over the runs, if they are longer than 0 s, then the rate of the steps near the median."""
    median_s = median(steps)
    usual = [step for step in steps if abs(step - median_s) <= max(0.1 * median_s, tolerance_s)]
    rates = [snap_frame_rate(Fraction(len(usual) / sum(usual)).limit_denominator(1001), within_ratio=0.002)]
    total_s, count = sum(run[-1] - run[0] for run in runs), sum(len(run) - 1 for run in runs)
    if total_s > 0:
        rates.insert(0, snap_frame_rate(Fraction(count / total_s).limit_denominator(1001)))
    return rates


def _has_constant_rate(run: Sequence[float], rate: Fraction, tolerance_s: float) -> bool:
    frame_s = float(1 / rate)
    # A third of a frame, or 1.5 units of the time base where timestamps are coarser.
    allowed_s = max(frame_s / 3, tolerance_s * 1.5)
    return all(abs(t - run[0] - i * frame_s) <= allowed_s for i, t in enumerate(run))


def snap_frame_rate(rate: Fraction, within_ratio: float = 0.001) -> Fraction:
    """Return the nearest standard rate within `within_ratio`, else `rate` with a denominator of at most 1001."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    if abs(nearest - rate) <= within_ratio * nearest:
        return nearest
    return rate.limit_denominator(1001)


def _list_audio(container: InputContainer, file: _File, container_start_s: float) -> list[tuple[AudioFacts, bool]]:
    """Return each audio stream that decodes, in file order, and whether it is secondary (commentary, dub).

    `_choose_audio` has the order of preference.
    """
    secondary = Disposition.comment | Disposition.visual_impaired | Disposition.hearing_impaired | Disposition.dub
    tracks = []
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    for stream in streams[:MAX_AUDIO_TRACKS]:
        frame = _decode_first_frame(file, stream.index)
        if not isinstance(frame, AudioFrame):
            continue
        start_s = container_start_s
        if stream.start_time is not None:
            start_s = float(stream.start_time * _get_time_base(stream))
        audio = AudioFacts(
            index=stream.index,
            codec=stream.codec_context.codec.canonical_name,
            sample_rate=frame.sample_rate,
            channels=frame.layout.nb_channels,
            start_s=round(start_s - container_start_s, 6),
            duration_s=round(_read_audio_duration(container, stream, file, start_s, container_start_s), 6),
            language=stream.metadata.get("language", ""),
        )
        tracks.append((audio, bool(stream.disposition & secondary)))
    return tracks


def _choose_audio(container: InputContainer, tracks: Sequence[tuple[AudioFacts, bool]]) -> AudioFacts | None:
    """Return the preferred audio stream, or None.

    Order: no commentary, description or dub; the default disposition; stereo before mono; the higher sample rate.
    """
    if not tracks:
        return None
    return max(
        tracks,
        key=lambda track: (
            not track[1],
            bool(container.streams[track[0].index].disposition & Disposition.default),
            min(track[0].channels, 2),
            track[0].sample_rate,
            -track[0].index,
        ),
    )[0]


def _read_audio_duration(
    container: InputContainer, stream: AudioStream, file: _File, start_s: float, container_start_s: float
) -> float:
    """Return the stated duration of the stream, or else that of the container, or else one measured on the packets."""
    if stream.duration:
        return float(stream.duration * _get_time_base(stream))
    if container.duration:
        return max(container.duration / 1e6 - (start_s - container_start_s), 0.0)
    return max(_estimate_packets_end(_read_packet_times(file, stream.index, limit=None)) - start_s, 0.0)


def _limit_to_packets(audio: AudioFacts, video_end_s: float, file: _File, container_start_s: float) -> AudioFacts:
    """Return the facts with audio that ends a second or more after the video shortened to its last packet.

    The header of a truncated file states more audio than the file holds.
    """
    if audio.start_s + audio.duration_s < video_end_s + 1.0:
        return audio
    times = _read_packet_times(file, audio.index, container_start_s + max(0.0, video_end_s - 1.0))
    if not times or len(times) >= SAMPLED_PACKETS:
        return audio
    end_s = _estimate_packets_end(times) - container_start_s
    duration_s = min(audio.duration_s, max(0.0, end_s - audio.start_s))
    return msgspec.structs.replace(audio, duration_s=round(duration_s, 6))


def _estimate_packets_end(times: Sequence[float]) -> float:
    """Return the end of the last packet, with the mean packet duration as its length; 0 without packets."""
    return times[-1] + (times[-1] - times[0]) / max(1, len(times) - 1) if times else 0.0


def _read_timecode(container: InputContainer) -> str | None:
    """Return the start timecode that a camera wrote, from the container or any of its streams."""
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        if timecode := metadata.get("timecode"):
            return timecode
    return None
