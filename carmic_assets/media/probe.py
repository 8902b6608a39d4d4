"""What a source file is: streams, clocks, rate, orientation, colour, hash. Refuses what cannot be used.

Reads and decodes no more than it must, and changes nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from carmic_assets.media.containers import SOURCE_FORMATS, open_media, packets, refuse_absurd_size
from carmic_assets.model.errors import CarmicError, CorruptVideo
from carmic_assets.model.media import AudioFacts, Rate, SourceFacts, VideoFacts

STANDARD_RATES = tuple(
    Fraction(n, d)
    for n, d in (
        *((rate * 1000, 1001) for rate in (24, 30, 48, 60, 120)),
        *((rate, 1) for rate in (5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)),
    )
)
MAX_RATE = 1000  # an average above it is a broken header, not a camera
SAMPLED_PACKETS = 3000  # at the start and at the end, where a container carries no index of its packets
TRIED_PACKETS = 400  # until one picture has decoded
NO_PICTURE = (
    "The video has no picture that can be decoded. Play it to see whether it is whole, or convert it to H.264 MP4."
)

# AVColorSpace, AVColorTransferCharacteristic, AVColorPrimaries, AVColorRange by ISO/IEC 23091-2, as ffmpeg names them.
_MATRIX = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc", 10: "bt2020c"}
_TRANSFER = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear",
    13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67",
}  # fmt: skip
_PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    11: "smpte431", 12: "smpte432",
}  # fmt: skip
_RANGE = {1: "tv", 2: "pc"}
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


def probe(path: str | Path) -> SourceFacts:
    """All facts about a source. Raises `CorruptVideo` where there is no picture that decodes.

    The best picture stream is the one with the default disposition and the most pixels; cover art, auxiliary and
    empty tracks are passed over. A stream that cannot be decoded is passed over for the next best.
    """
    facts = facts_of(path)
    if facts.video is None:
        raise CorruptVideo("The file has no picture, only sound. Upload the video itself.")
    return msgspec.structs.replace(facts, sha256=sha256(path))


def facts_of(
    path: str | Path, formats: tuple[str, ...] = SOURCE_FORMATS, error: type[CarmicError] = CorruptVideo
) -> SourceFacts:
    """The same without the hash, for any file of `formats`; `video` is None where it holds sound alone."""
    path = Path(path)
    with open_media(path, formats=formats, error=error) as container:
        reader = _Reader(path, formats, error)
        start = (container.start_time or 0) / 1e6
        video = _choose_video(container, reader, start)
        audio = _choose_audio(container, reader, start)
        if video is not None and audio is not None:
            audio = _as_long_as_there(audio, video.start_s + video.duration_s, reader, start)
        ends = [f.start_s + f.duration_s for f in (video, audio) if f is not None]
        if not ends:
            raise error("The file has neither picture nor sound that can be decoded. Choose another one.")
        return SourceFacts(
            sha256="",
            size_bytes=path.stat().st_size,
            container=container.format.name,
            duration_s=round(max(ends), 6),
            container_start_s=start,
            video=video,
            audio=audio,
            start_timecode=_timecode(container),
        )


class _Reader(msgspec.Struct, frozen=True):
    """How to open the file once more: a fresh start is the only sure way back to its first packet."""

    path: Path
    formats: tuple[str, ...]
    error: type[CarmicError]

    def open(self, threads: int = 2) -> Any:
        return open_media(self.path, formats=self.formats, threads=threads, error=self.error)


def sha256(path: str | Path) -> str:
    """Hex digest of a file, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _choose_video(container: Any, reader: _Reader, start: float) -> VideoFacts | None:
    from av.stream import Disposition

    auxiliary = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    candidates = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & auxiliary]
    if not candidates:
        return None
    candidates.sort(
        key=lambda s: (
            bool(s.disposition & Disposition.default),
            s.codec_context.width * s.codec_context.height,
            -s.index,
        ),
        reverse=True,
    )
    for stream in candidates:
        frame = _first_frame(reader, stream.index)
        if frame is not None:
            refuse_absurd_size(frame.width, frame.height, reader.error)
            return _video_facts(container, stream, frame, reader, start)
    raise reader.error(NO_PICTURE)


def _first_frame(reader: _Reader, index: int) -> Any:
    """The first frame of a stream that decodes, or None. Damaged packets before it are passed over, as players do.

    The file is opened anew: MPEG program streams lose their first packets when they are sought back.
    """
    import av

    with reader.open(threads=1) as container:
        for tried, packet in enumerate(packets(container, container.streams[index])):
            if tried > TRIED_PACKETS:
                return None
            try:
                for frame in packet.decode():
                    return frame
            except av.error.FFmpegError:
                continue
    return None


def _video_facts(container: Any, stream: Any, frame: Any, reader: _Reader, start: float) -> VideoFacts:
    rotation, mirrored = _orientation(frame)
    sar = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    if sar <= 0 or not Fraction(1, 16) <= sar <= 16:
        sar = Fraction(1)
    width, height = display_size(frame.width, frame.height, sar, rotation)
    times, first, end = _times(container, stream, reader)
    rate, variable = frame_rate(times, stream.time_base, stream.average_rate, stream.guessed_rate)
    matrix, transfer, primaries = (
        _MATRIX.get(int(frame.colorspace)),
        _TRANSFER.get(int(frame.color_trc)),
        _PRIMARIES.get(int(frame.color_primaries)),
    )
    full = frame.format.name.startswith("yuvj")
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
        rate=Rate(rate.numerator, rate.denominator),
        variable_rate=variable,
        pix_fmt=frame.format.name,
        color_range="pc" if full else _RANGE.get(int(frame.color_range)),
        color_matrix=matrix,
        color_transfer=transfer,
        color_primaries=primaries,
        hdr=transfer in HDR_TRANSFERS,
        start_s=round(first - start, 6),
        duration_s=round(max(end - first, float(1 / rate)), 6),
        interlaced=bool(frame.interlaced_frame),
    )


def display_size(coded_width: int, coded_height: int, sar: Fraction, rotation: int) -> tuple[int, int]:
    """Upright display pixels of a coded picture. Pixel aspect is undone by stretching the short side, never by
    throwing pixels away."""
    width, height = (
        (coded_width * sar, Fraction(coded_height)) if sar >= 1 else (Fraction(coded_width), coded_height / sar)
    )
    size = max(1, round(width)), max(1, round(height))
    return (size[1], size[0]) if rotation in (90, 270) else size


def _orientation(frame: Any) -> tuple[int, bool]:
    """`(rotation, mirrored)`: turn clockwise by `rotation`, then flip left and right where `mirrored`.

    The display matrix maps (p, q) to (a p + c q, b p + d q) in 16.16 fixed point, y downwards (ISO/IEC 14496-12 8.2.2).
    """
    from av.sidedata.sidedata import Type

    try:
        side = frame.side_data.get(Type.DISPLAYMATRIX)
    except ValueError:
        # PyAV refuses frames with more beside them than it has names for, such as a photo's EXIF or the views of a
        # spatial video. How they are turned it tells, counter-clockwise; whether they are mirrored it does not.
        return round(-frame.rotation / 90) % 4 * 90, False
    if side is None:
        return 0, False
    raw = bytes(side)
    a, b, _, c, d = (int.from_bytes(raw[4 * i : 4 * i + 4], "little", signed=True) for i in range(5))
    determinant = a * d - b * c
    if determinant == 0:  # a matrix of zeros, seen in files with broken headers
        return 0, False
    mirrored = determinant < 0
    angle = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(angle / 90) % 4 * 90, mirrored


def _times(container: Any, stream: Any, reader: _Reader) -> tuple[list[list[float]], float, float]:
    """Presentation times (container clock) in unbroken runs, the first picture's time and the last one's end.

    From the container's own index where it has one (MP4); else from packets at the start and at the end. What lies
    beyond the end of a file that was cut short does not count. A file that does not say how long it is (what browsers
    record) is read to its end.
    """
    stated = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / 1e6
    head = _packet_times(reader, stream.index, most=SAMPLED_PACKETS if stated else None)
    if not head:
        raise reader.error(NO_PICTURE)
    step = _step(head, stream)
    tail_from = None
    if len(head) >= SAMPLED_PACKETS and stated:
        tail_from = head[0] + float(stated) - SAMPLED_PACKETS * step / 2
    runs = [head]
    if tail_from is not None and tail_from > head[-1]:
        tail = _packet_times(reader, stream.index, tail_from)
        if tail:
            runs.append(tail)
    end = max(run[-1] for run in runs) + step
    whole = _readable_end(stream, reader.path)
    if whole is not None:
        end = min(max(end, whole), head[0] + float(stated)) if stated else max(end, whole)
    return runs, head[0], end


def _step(times: Sequence[float], stream: Any) -> float:
    if len(times) > 1:
        return (times[-1] - times[0]) / (len(times) - 1) or 0.04
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate and 0 < rate <= MAX_RATE else 0.04


def _packet_times(
    reader: _Reader, index: int, from_s: float | None = None, most: int | None = SAMPLED_PACKETS
) -> list[float]:
    """Sorted presentation times of up to `most` packets from `from_s` on."""
    import av

    ticks: list[int] = []
    with reader.open() as container:
        stream: Any = container.streams[index]
        try:
            if from_s is not None:
                container.seek(int(from_s / stream.time_base), stream=stream, backward=True)
            for packet in packets(container, stream):
                if packet.pts is not None and packet.size and not packet.is_discard:
                    ticks.append(packet.pts)
                if len(ticks) == most:
                    break
        except av.error.FFmpegError:
            pass  # cut short: what was read so far is what there is
        return [float(t * stream.time_base) for t in sorted(ticks)]


def _readable_end(stream: Any, path: Path) -> float | None:
    """Where the last packet that lies wholly inside the file ends; None where the container has no full index."""
    if stream.frames <= 0 or len(stream.index_entries) < stream.frames:
        return None
    size = path.stat().st_size
    last = first = None
    for entry in stream.index_entries:
        if entry.pos + entry.size <= size:
            first = entry.timestamp if first is None else first
            last = entry.timestamp
    if last is None or first is None or len(stream.index_entries) < 2:
        return None
    count = len(stream.index_entries) - 1
    step = (stream.index_entries[count].timestamp - stream.index_entries[0].timestamp) / count
    begin = stream.start_time if stream.start_time is not None else first
    return float((begin + last - first + step) * stream.time_base)


def frame_rate(
    runs: Sequence[Sequence[float]], tick: Fraction, average: Fraction | None, guessed: Fraction | None
) -> tuple[Fraction, bool]:
    """`(rate, variable)` from presentation times.

    Constant means: some one rate puts every picture within a third of a frame of its place (a container's millisecond
    ticks are let pass). The rate of a variable source is its usual one, so that nothing that moves is thinned out.
    """
    steps = sorted(b - a for run in runs for a, b in pairwise(run) if b > a)
    if not steps:
        stated = next((r for r in (average, guessed) if r and 0 < r <= MAX_RATE), Fraction(25))
        return snap(Fraction(stated)), False
    slack = max(float(tick), 1e-3)
    usual = median(steps)
    near = [s for s in steps if abs(s - usual) <= max(0.1 * usual, slack)]
    candidates = [snap(Fraction(len(near) / sum(near)).limit_denominator(1001), within=0.002)]
    span, count = sum(run[-1] - run[0] for run in runs), sum(len(run) - 1 for run in runs)
    if span > 0:
        candidates.insert(0, snap(Fraction(count / span).limit_denominator(1001)))
    if average and 0 < average <= MAX_RATE:
        candidates.insert(0, snap(Fraction(average)))
    for rate in candidates:
        if all(_on_grid(run, rate, slack) for run in runs):
            return rate, False
    rate = candidates[-1]
    return (rate if rate <= MAX_RATE else Fraction(30)), True


def _on_grid(run: Sequence[float], rate: Fraction, slack: float) -> bool:
    step = float(1 / rate)
    allowed = max(step / 3, slack * 1.5)
    return all(abs(t - run[0] - i * step) <= allowed for i, t in enumerate(run))


def snap(rate: Fraction, within: float = 0.001) -> Fraction:
    """The nearest standard rate where it is within a share of it, else `rate` itself with a small denominator."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    if abs(nearest - rate) <= within * nearest:
        return nearest
    return rate.limit_denominator(1001)


def _choose_audio(container: Any, reader: _Reader, start: float) -> AudioFacts | None:
    """The default track, else the first with the most channels and the highest rate, that decodes; None without one."""
    from av.stream import Disposition

    beside = Disposition.comment | Disposition.visual_impaired | Disposition.hearing_impaired | Disposition.dub
    tracks = [s for s in container.streams.audio if s.codec_context is not None]
    tracks.sort(
        key=lambda s: (
            not s.disposition & beside,
            bool(s.disposition & Disposition.default),
            min(s.codec_context.channels, 2),
            s.codec_context.sample_rate,
            -s.index,
        ),
        reverse=True,
    )
    for stream in tracks:
        frame = _first_frame(reader, stream.index)
        if frame is None:
            continue
        first = float(stream.start_time * stream.time_base) if stream.start_time is not None else start
        length = float(stream.duration * stream.time_base) if stream.duration else None
        if length is None and container.duration:
            length = max(container.duration / 1e6 - (first - start), 0.0)
        elif length is None:
            length = max(_end_of(_packet_times(reader, stream.index, most=None)) - first, 0.0)
        return AudioFacts(
            index=stream.index,
            codec=stream.codec_context.codec.canonical_name,
            sample_rate=frame.sample_rate,
            channels=frame.layout.nb_channels,
            start_s=round(first - start, 6),
            duration_s=round(length, 6),
        )
    return None


def _as_long_as_there(audio: AudioFacts, picture_end: float, reader: _Reader, start: float) -> AudioFacts:
    """The sound as long as its packets reach, where it claims to outlast the picture: a file that was cut short."""
    if audio.start_s + audio.duration_s < picture_end + 1.0:
        return audio
    times = _packet_times(reader, audio.index, start + max(0.0, picture_end - 1.0))
    if not times or len(times) >= SAMPLED_PACKETS:
        return audio
    end = _end_of(times) - start
    return msgspec.structs.replace(audio, duration_s=round(min(audio.duration_s, max(0.0, end - audio.start_s)), 6))


def _end_of(times: Sequence[float]) -> float:
    """Where the last of some packets ends, if it is as long as they are on average."""
    return times[-1] + (times[-1] - times[0]) / max(1, len(times) - 1) if times else 0.0


def _timecode(container: Any) -> str | None:
    """The start timecode that a camera wrote, from the container or any of its tracks."""
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        if metadata.get("timecode"):
            return metadata["timecode"]
    return None
