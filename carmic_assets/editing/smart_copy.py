"""Exports by copying packets: whole groups of pictures of the footage are copied, and only the cuts are encoded.

This works for one H.264 file of a constant rate whose frames the export shows unchanged. A copied piece begins at an
IDR frame (ITU-T H.264, 7.4.1.2.4), which no later frame refers beyond, and ends before another. The frames between a
cut and the next IDR frame are encoded with parameter sets of another id, so that one track holds both. The result is
checked: the frames are counted, the copied packets are compared, and each join is decoded.
"""

from __future__ import annotations

import hashlib
import heapq
import statistics
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from carmic_assets.editing.export_chunks import sound_packets
from carmic_assets.editing.footage import Footage, fit_size, picture_input
from carmic_assets.media import ffmpeg
from carmic_assets.media.containers import demux_packets, open_media
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import FrameRate
from carmic_assets.model.timeline import Canvas, Segments

MAX_GOP_S = 5  # median distance of IDR frames; with a larger one, encoding the cuts costs as much as encoding all
MIN_COPIED_RATIO = 0.6
MAX_JOIN_ERROR = 12.0  # mean difference of an encoded frame from its source, of 255
PIECE_TIME_LIMIT_S = 600.0
_IDR, _SPS, _PPS = 5, 7, 8  # nal_unit_type
_COLOUR_OPTIONS = (
    ("color_primaries", "-color_primaries"),
    ("color_transfer", "-color_trc"),
    ("color_matrix", "-colorspace"),
    ("color_range", "-color_range"),
)


class NotCopyableError(Exception):
    """The export cannot be copied; `reason` completes the sentence "The export was encoded, because ..."."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CopyRange(msgspec.Struct, frozen=True):
    """A half-open range of frames of the footage, which is copied or encoded."""

    first: int
    end: int
    is_copied: bool

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.end - self.first


class CopyPlan(msgspec.Struct, frozen=True):
    """The pieces of an export in order, and the frame numbers of the footage's packets in decoding order."""

    file: Footage
    pieces: tuple[CopyRange, ...]
    numbers: tuple[int, ...]


class CopiedExport(msgspec.Struct, frozen=True):
    """The result of `write_copy`."""

    frames: int
    frames_copied: int


class _TimedPacket(msgspec.Struct, frozen=True):
    """A packet, and the number of its frame within its piece in display order."""

    packet: Any  # av.Packet
    number: int


def plan_copy(segments: Segments, footage: dict[str, Footage], canvas: Canvas) -> CopyPlan:
    """Return the pieces of an export.

    Raises:
        NotCopyableError: the export needs encoding.
    """
    file = _require_unchanged(segments, footage, canvas)
    numbers, keys = _read_frame_numbers(file)
    count = len(numbers)
    if statistics.median(b - a for a, b in pairwise([*keys, count])) > MAX_GOP_S * file.rate.fraction:
        raise NotCopyableError(f"its keyframes are more than {MAX_GOP_S} s apart")
    boundaries = [*keys, count]
    pieces: list[CopyRange] = []
    for segment in segments:
        first, end = segment.in_frame - file.clock_offset, segment.out_frame - file.clock_offset
        if end > count:
            raise NotCopyableError("its picture ends before its sound")
        copy_first = boundaries[bisect_left(boundaries, first)]
        copy_end = boundaries[bisect_right(boundaries, end) - 1]
        if copy_first >= copy_end:
            parts = [CopyRange(first, end, is_copied=False)]
        else:
            parts = [
                CopyRange(first, copy_first, is_copied=False),
                CopyRange(copy_first, copy_end, is_copied=True),
                CopyRange(copy_end, end, is_copied=False),
            ]
        pieces += [part for part in parts if part.frames]
    copied = sum(piece.frames for piece in pieces if piece.is_copied)
    if copied < MIN_COPIED_RATIO * sum(piece.frames for piece in pieces):
        raise NotCopyableError("too few of its frames lie between keyframes")
    return CopyPlan(file, tuple(pieces), tuple(numbers))


def _require_unchanged(segments: Segments, footage: dict[str, Footage], canvas: Canvas) -> Footage:
    """Return the only footage of the segments. Raises NotCopyableError if the export changes its frames."""
    if any(segment.asset_id is None for segment in segments):
        raise NotCopyableError("it has gaps")
    if any(not segment.effects.is_neutral for segment in segments):
        raise NotCopyableError("it has effects")
    if len({segment.asset_id for segment in segments}) != 1:
        raise NotCopyableError("it shows several files")
    file = footage[segments[0].asset_id or ""]
    video = file.video
    checks = (
        (video.codec != "h264", f"its codec is {video.codec}, not h264"),
        (video.pix_fmt != "yuv420p", f"its pixel format is {video.pix_fmt}, not yuv420p"),
        (video.variable_rate, "its frame rate varies"),
        (video.interlaced, "it is interlaced"),
        (video.hdr, "it is HDR"),
        (bool(video.rotation) or video.mirrored, "it is stored rotated"),
        (video.sar_num != video.sar_den, "its pixels are not square"),
        (file.rate != video.rate or file.rate != canvas.rate, "its frame rate is not that of the canvas"),
        (
            (video.coded_width, video.coded_height) != (canvas.width, canvas.height)
            or fit_size(video, canvas) != (canvas.width, canvas.height),
            "its size is not that of the canvas",
        ),
    )
    for applies, reason in checks:
        if applies:
            raise NotCopyableError(reason)
    return file


def _read_frame_numbers(file: Footage) -> tuple[list[int], list[int]]:
    """Return the numbers of all frames in decoding order, and those of the IDR frames. Nothing is decoded.

    Raises:
        NotCopyableError: the frames are not evenly timed from zero on, or the first one is no IDR frame.
    """
    numbers: list[int] = []
    keys: list[int] = []
    with open_media(file.path, error=RenderError) as container:
        stream = container.streams[file.video.index]
        if (stream.codec_context.extradata or b"")[:1] != b"\x01":
            raise NotCopyableError("its packets have no MP4 header")
        for packet in demux_packets(container, stream):
            if not packet.size or packet.pts is None:
                continue
            numbers.append(_frame_number(file, packet))
            if packet.is_keyframe and _IDR in _list_nal_types(bytes(packet)):
                keys.append(numbers[-1])
    if sorted(numbers) != list(range(len(numbers))):
        raise NotCopyableError("its frames are not evenly timed")
    if not keys or keys[0] != 0:
        raise NotCopyableError("its first frame is no IDR frame")
    return numbers, keys


def _frame_number(file: Footage, packet: av.Packet[Any]) -> int:
    time_s = (packet.pts or 0) * (packet.time_base or Fraction(0)) - Fraction(file.facts.container_start_s)
    return round(time_s * file.rate.fraction)


def _list_nal_types(data: bytes) -> list[int]:
    """Return the types of the NAL units of a packet with length prefixes of four bytes."""
    types, position = [], 0
    while position + 5 <= len(data):
        (size,) = struct.unpack_from(">I", data, position)
        types.append(data[position + 4] & 31)
        position += 4 + size
    return types


def write_copy(plan: CopyPlan, sound: Path, out_path: Path, threads: int = 2) -> CopiedExport:
    """Write the pieces and the sound as MP4 with fast start.

    Raises:
        NotCopyableError: the result did not pass a check. No file is left.
        RenderError: the footage cannot be read.
    """
    file, rate = plan.file, plan.file.rate
    partial = out_path.with_name(f".{out_path.name}.part")
    digests: list[bytes] = []
    with ExitStack() as stack:
        stack.callback(partial.unlink, missing_ok=True)
        source = stack.enter_context(open_media(file.path, error=RenderError))
        template = next(stream for stream in source.streams.video if stream.index == file.video.index)
        parameter_sets = AvcConfiguration.parse(template.codec_context.extradata or b"")
        own_id = next(number for number in range(1, 32) if number not in parameter_sets.ids)
        encoded: dict[int, Path] = {}
        for place, piece in enumerate(plan.pieces):
            if not piece.is_copied:
                encoded[place] = out_path.with_name(f".{out_path.name}.{place}.mp4")
                stack.callback(encoded[place].unlink, missing_ok=True)
                _encode_piece(file, piece, own_id, encoded[place], threads)
                parameter_sets = parameter_sets.merge(_read_configuration(encoded[place]))
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        sound_file = stack.enter_context(open_media(sound, error=RenderError))
        with av.open(str(partial), "w", format="mp4", options=options) as out:
            picture = out.add_stream_from_template(template)
            picture.codec_context.extradata = parameter_sets.serialize()
            streams: list[Iterator[tuple[Fraction, av.Packet[Any]]]] = [
                _time_packets(plan, encoded, picture, digests),
                sound_packets(sound_file, out.add_stream_from_template(sound_file.streams.audio[0])),
            ]
            try:
                for _, packet in heapq.merge(*streams, key=lambda timed: timed[0]):
                    out.mux(packet)
            except av.error.FFmpegError as error:
                raise NotCopyableError("its packets cannot be written as MP4") from error
        try:
            _check_packets(partial, rate, digests)
            _check_joins(partial, file, plan.pieces)
        except RenderError as error:
            raise NotCopyableError("the copy does not decode") from error
        partial.replace(out_path)
    return CopiedExport(len(digests), sum(piece.frames for piece in plan.pieces if piece.is_copied))


def _read_configuration(path: Path) -> AvcConfiguration:
    with open_media(path, error=RenderError) as container:
        return AvcConfiguration.parse(container.streams.video[0].codec_context.extradata or b"")


def _copy_packets(file: Footage, piece: CopyRange) -> Iterator[_TimedPacket]:
    """Yield the packets of a copied piece in decoding order."""
    with open_media(file.path, error=RenderError) as container:
        stream = container.streams[file.video.index]
        time_s = piece.first / file.rate.fraction + Fraction(file.facts.container_start_s)
        container.seek(int(time_s / (stream.time_base or Fraction(1))), stream=stream, backward=True)
        taken = 0
        for packet in demux_packets(container, stream):
            if not packet.size or packet.pts is None:
                continue
            number = _frame_number(file, packet)
            if taken == 0 and number != piece.first:
                continue
            yield _TimedPacket(packet, number - piece.first)
            taken += 1
            if taken == piece.frames:
                return


def _read_piece(path: Path, rate: FrameRate) -> Iterator[_TimedPacket]:
    with open_media(path, error=RenderError) as container:
        for packet in demux_packets(container, container.streams.video[0]):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                yield _TimedPacket(packet, round(packet.pts * packet.time_base * rate.fraction))


def _encode_piece(file: Footage, piece: CopyRange, parameter_set_id: int, path: Path, threads: int) -> None:
    """Encode the frames of a piece unchanged: same size, same colours, parameter sets of their own id."""
    video, rate = file.video, file.rate
    start_s = Fraction(piece.first) / rate.fraction
    origin_s = file.facts.container_start_s + float(start_s)
    chain = (
        f"setpts=PTS-{origin_s:.6f}/TB",
        f"fps={rate.num}/{rate.den}:start_time=0:round=near",
        f"trim=end_frame={piece.frames}",
    )
    colours = [
        option
        for field, name in _COLOUR_OPTIONS
        if getattr(video, field) is not None
        for option in (name, getattr(video, field))
    ]
    line = ffmpeg.build_command(
        [picture_input(file, start_s)],
        [
            *("-map", "[out]", "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", *colours),
            *("-profile:v", "high", "-pix_fmt", "yuv420p", "-g", str(max(1, round(rate.fraction * 2)))),
            *("-x264-params", f"open-gop=0:sps-id={parameter_set_id}", "-video_track_timescale", str(rate.num)),
            *("-fps_mode", "passthrough", "-threads", str(threads), *BITEXACT_OPTIONS, "-f", "mp4", str(path)),
        ],
        graph=f"[0:{video.index}]{','.join(chain)}[out]",
        threads=threads,
    )
    ffmpeg.run(line, timeout_s=PIECE_TIME_LIMIT_S)


def _time_packets(
    plan: CopyPlan, encoded: Mapping[int, Path], stream: av.VideoStream, digests: list[bytes]
) -> Iterator[tuple[Fraction, av.Packet[Any]]]:
    """Yield the packets of all pieces with their decoding times in seconds, timed in frames of the export.

    Packets are decoded early enough for the piece that reorders its frames the most. `digests` receives theirs.

    Raises:
        NotCopyableError: the packets of a copied piece are not exactly its frames.
    """
    rate = plan.file.rate
    delay = max(_reordering_delay(plan, place, encoded) for place in range(len(plan.pieces)))
    base = 0
    for place, piece in enumerate(plan.pieces):
        timed_packets = _read_piece(encoded[place], rate) if place in encoded else _copy_packets(plan.file, piece)
        numbers = []
        for index, timed in enumerate(timed_packets):
            numbers.append(timed.number)
            packet = timed.packet
            digests.append(_digest(packet))
            packet.pts = (base + timed.number) * rate.den
            packet.dts = (base + index - delay) * rate.den
            packet.duration = rate.den
            packet.time_base = Fraction(1, rate.num)
            packet.stream = stream
            yield packet.dts * packet.time_base, packet
        if sorted(numbers) != list(range(piece.frames)):
            raise NotCopyableError("its packets are not in closed groups")
        base += piece.frames


def _reordering_delay(plan: CopyPlan, place: int, encoded: Mapping[int, Path]) -> int:
    """Return by how many frames the packets of a piece must be decoded ahead."""
    piece = plan.pieces[place]
    if place in encoded:
        numbers = [timed.number for timed in _read_piece(encoded[place], plan.file.rate)]
    else:
        start = plan.numbers.index(piece.first)
        numbers = [number - piece.first for number in plan.numbers[start : start + piece.frames]]
    return max(index - number for index, number in enumerate(numbers))


def _digest(packet: av.Packet[Any]) -> bytes:
    return hashlib.md5(bytes(packet), usedforsecurity=False).digest()


def _check_packets(path: Path, rate: FrameRate, digests: Sequence[bytes]) -> None:
    """Check that the file has exactly these packets, one frame apart."""
    with open_media(path, error=RenderError) as container:
        stream = container.streams.video[0]
        packets = [p for p in demux_packets(container, stream) if p.size and p.pts is not None]
        numbers = sorted(round((p.pts or 0) * (p.time_base or Fraction(0)) * rate.fraction) for p in packets)
        if [_digest(packet) for packet in packets] != list(digests):
            raise NotCopyableError("its packets changed when they were copied")
    if numbers != list(range(len(digests))):
        raise NotCopyableError("its copied frames are not evenly timed")


def _check_joins(path: Path, file: Footage, pieces: Sequence[CopyRange]) -> None:
    """Decode the export around each join: the frames on both sides must be those of the footage.

    A copied frame must be equal to the footage's, an encoded one similar.
    """
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + piece.frames)
    for place, piece in enumerate(pieces):
        for frame in {piece.first, piece.end - 1}:
            exported = _decode_luma(path, 0, file.rate, starts[place] + frame - piece.first)
            original_start_s = Fraction(file.facts.container_start_s)
            original = _decode_luma(Path(file.path), file.video.index, file.rate, frame, original_start_s)
            error = None if exported is None or original is None else np.abs(exported - original).mean()
            if error is None or error > (0 if piece.is_copied else MAX_JOIN_ERROR):
                raise NotCopyableError("the frames at a cut do not decode as those of the footage")


def _decode_luma(
    path: Path, index: int, rate: FrameRate, number: int, origin_s: Fraction = Fraction(0)
) -> NDArray[np.int16] | None:
    """Return the luma of a frame, or None if the file has no such frame."""
    with open_media(path, error=RenderError) as container:
        stream = next(stream for stream in container.streams.video if stream.index == index)
        time_base = stream.time_base or Fraction(1)
        container.seek(int((number / rate.fraction + origin_s) / time_base), stream=stream, backward=True)
        for frame in container.decode(stream):
            current = round(((frame.pts or 0) * time_base - origin_s) * rate.fraction)
            if current >= number:
                return frame.to_ndarray()[: frame.height].astype(np.int16) if current == number else None
    return None


class AvcConfiguration(msgspec.Struct, frozen=True):
    """An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1): parameter sets, and the fields around them."""

    profile: bytes  # profile, compatibility and level
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    extension: bytes

    @classmethod
    def parse(cls, data: bytes) -> AvcConfiguration:
        """Read a record whose packets have length prefixes of four bytes. Raises NotCopyableError for any other."""
        try:
            if data[0] != 1 or data[4] & 3 != 3:
                raise NotCopyableError("its packets have length prefixes of another size than four bytes")
            position, count = 6, data[5] & 31
            sps, position = _read_units(data, position, count)
            pps, position = _read_units(data, position + 1, data[position])
        except (IndexError, struct.error) as error:
            raise NotCopyableError("its MP4 header cannot be read") from error
        return cls(data[1:4], sps, pps, data[position:])

    @property
    def ids(self) -> set[int]:
        """The ids of the parameter sets, which are all below 32 in the sets that x264 and most encoders write."""
        return {_read_first_golomb(unit[4:]) for unit in self.sps} | {_read_first_golomb(unit[1:]) for unit in self.pps}

    def merge(self, other: AvcConfiguration) -> AvcConfiguration:
        """Return a record with the parameter sets of both. Its level is the higher one."""
        level = max(self.profile[2:], other.profile[2:])
        profile = max(self.profile[:1], other.profile[:1]) + self.profile[1:2] + level
        return replace(
            self,
            profile=profile,
            sps=tuple(dict.fromkeys((*self.sps, *other.sps))),
            pps=tuple(dict.fromkeys((*self.pps, *other.pps))),
            extension=self.extension or other.extension,
        )

    def serialize(self) -> bytes:
        """Return the record as bytes."""
        units = b"".join(struct.pack(">H", len(unit)) + unit for unit in self.sps)
        pictures = b"".join(struct.pack(">H", len(unit)) + unit for unit in self.pps)
        head = b"\x01" + self.profile + b"\xff" + bytes([0xE0 | len(self.sps)])
        return head + units + bytes([len(self.pps)]) + pictures + self.extension


def _read_units(data: bytes, position: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        (size,) = struct.unpack_from(">H", data, position)
        units.append(data[position + 2 : position + 2 + size])
        position += 2 + size
    return tuple(units), position


def _read_first_golomb(data: bytes) -> int:
    """Return the first unsigned Exp-Golomb number of a bit string (ITU-T H.264, 9.1)."""
    bits = "".join(f"{byte:08b}" for byte in data[:5])
    zeros = bits.find("1")
    if zeros < 0:
        raise NotCopyableError("its MP4 header cannot be read")
    return int(bits[zeros : 2 * zeros + 1], 2) - 1
