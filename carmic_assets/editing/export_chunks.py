"""Exports from chunks: each is encoded once, cached by content, and concatenated by copying packets.

A chunk is at most ten seconds of one segment, cut where the footage's own frame grid passes a multiple of ten seconds.
After an edit of one segment, only its changed chunks are encoded. An unchanged export is only concatenated.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import math
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec

from carmic_assets.editing.footage import Footage
from carmic_assets.editing.segment_graph import Shot, shot_graph, shot_input
from carmic_assets.editing.timeline_clock import canvas_frames
from carmic_assets.media import ffmpeg
from carmic_assets.media.containers import open_media
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS
from carmic_assets.model.errors import RenderError
from carmic_assets.model.media import FrameRate
from carmic_assets.model.progress import ProgressCallback, ignore_progress
from carmic_assets.model.timeline import Canvas, Segment, Segments

CHUNK_S = 10  # maximum length of a chunk
ENCODER_VERSION = 1  # raise it when the bytes that `encode_chunk` writes change
TIME_LIMIT_S = (600.0, 60.0)  # minimum, and limit per second of the chunk; the larger one applies
_SAMPLE_RATE = 48_000
_SAMPLE_BYTES = 4  # 16-bit stereo
_FADE_S = 0.004  # fade at both ends of a segment's audio, which prevents clicks
_SOUND_PREROLL_S = 2.0  # decoded and discarded before a segment's audio, because a decoder's first samples may be wrong
# A WAV header of unknown length (sizes 0xFFFFFFFF), as ffmpeg writes to pipes: it is read to the end of the file.
_WAV_HEADER = struct.pack(
    "<4sI8sIHHIIHH4sI",
    b"RIFF",
    0xFFFFFFFF,
    b"WAVEfmt ",
    16,
    1,
    2,
    _SAMPLE_RATE,
    _SAMPLE_RATE * 4,
    4,
    16,
    b"data",
    0xFFFFFFFF,
)


class Chunk(msgspec.Struct, frozen=True):
    """A chunk of an export: its frames, and the key under which the encoded chunk is cached."""

    key: str
    shot: Shot


def plan_chunks(segments: Segments, footage: Mapping[str, Footage], canvas: Canvas) -> list[Chunk]:
    """Return the chunks of a timeline in order. `footage` maps each asset id to its file."""
    chunks = []
    for segment, count in canvas_frames(segments, canvas.rate):
        file = None if segment.asset_id is None else footage[segment.asset_id]
        start_s = segment.start_s if file is None else file.seconds(segment.in_frame)
        for first, end in _chunk_bounds(start_s, count, canvas.rate):
            shot = Shot(file, start_s + first / canvas.rate.fraction, end - first, segment.effects, canvas)
            chunks.append(Chunk(_chunk_key(shot), shot))
    return chunks


def _chunk_bounds(start_s: Fraction, count: int, rate: FrameRate) -> list[tuple[int, int]]:
    """Return half-open ranges of a segment's canvas frames, cut at multiples of `CHUNK_S` of the footage's clock."""
    end_s = start_s + count / rate.fraction
    grid = range(math.floor(start_s / CHUNK_S) + 1, math.ceil(end_s / CHUNK_S))
    cuts = [math.ceil((n * CHUNK_S - start_s) * rate.fraction) for n in grid]
    bounds = [0, *(c for c in cuts if 0 < c < count), count]
    return [(a, b) for a, b in itertools.pairwise(bounds) if a < b]


def _chunk_key(shot: Shot) -> str:
    source = "black" if shot.footage is None else shot.footage.facts.sha256
    start_s = Fraction(0) if shot.footage is None else shot.start_s
    content = (ENCODER_VERSION, source, str(start_s), shot.count, shot.effects, shot.canvas)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def encode_chunk(chunk: Chunk, out_path: Path, threads: int = 2, progress: ProgressCallback = ignore_progress) -> None:
    """Write one chunk as H.264 High in MP4, with closed GOPs and frame `n` at the time `n / rate`.

    Raises:
        RenderError: the footage cannot be decoded, or the number of frames is not the planned one.
    """
    rate, count = chunk.shot.canvas.rate, chunk.shot.count
    partial = out_path.with_name(f".{out_path.name}.part")
    graph_file = out_path.with_name(f".{out_path.name}.graph")
    try:
        graph_file.write_text(shot_graph(chunk.shot, out_path.parent, "out"))
        seconds = float(count / rate.fraction)
        line = ffmpeg.build_command(
            [shot_input(chunk.shot)],
            [
                *("-map", "[out]", "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20"),
                *("-profile:v", "high", "-pix_fmt", "yuv420p", "-g", str(max(1, round(rate.fraction * 2)))),
                *("-x264-params", "open-gop=0", "-video_track_timescale", str(rate.num)),
                *("-fps_mode", "passthrough", "-frames:v", str(count), "-threads", str(threads)),
                *(*BITEXACT_OPTIONS, "-f", "mp4", str(partial)),
            ],
            graph=graph_file,
            threads=threads,
        )
        timeout_s = max(TIME_LIMIT_S[0], TIME_LIMIT_S[1] * seconds)
        ffmpeg.run(line, duration_s=seconds, progress=progress, timeout_s=timeout_s)
        written_frames = count_frames(partial)
        if written_frames != count:
            raise RenderError(f"A chunk of the export has {written_frames} frames instead of {count}. Try again.")
        partial.replace(out_path)
    finally:
        partial.unlink(missing_ok=True)
        graph_file.unlink(missing_ok=True)


def count_frames(path: Path) -> int:
    """Return the number of video packets in a file that Carmic wrote; each holds one frame."""
    with open_media(path, error=RenderError) as container:
        return sum(1 for packet in container.demux(container.streams.video[0]) if packet.size)


def write_sound(
    segments: Segments, footage: Mapping[str, Footage], canvas: Canvas, out_path: Path, threads: int = 2
) -> None:
    """Write the audio of a timeline as AAC in MP4: 48 kHz stereo, exactly as long as the video.

    Each segment's audio is cut at the sample nearest to its video cut. Footage without audio and gaps are silent.
    """
    with tempfile.TemporaryDirectory(prefix="sound-", dir=out_path.parent) as name:
        scratch = Path(name)
        joined_path = scratch / "joined.wav"
        frames, samples = 0, 0
        with joined_path.open("wb") as file:
            file.write(_WAV_HEADER)
            for segment, count in canvas_frames(segments, canvas.rate):
                frames += count
                length = round(frames * _SAMPLE_RATE / canvas.rate.fraction) - samples
                samples += length
                part = _cut_sound(segment, footage, length, scratch / "part.raw")
                with part.open("rb") as raw:
                    shutil.copyfileobj(raw, file, 1 << 20)
        line = ffmpeg.build_command(
            [ffmpeg.Input(str(joined_path))],
            [*("-c:a", "aac", "-b:a", "192k", "-threads", str(threads)), *BITEXACT_OPTIONS, "-f", "mp4", str(out_path)],
            threads=threads,
        )
        ffmpeg.run(line)


def _cut_sound(segment: Segment, footage: Mapping[str, Footage], length: int, out_path: Path) -> Path:
    """Write `length` samples of a segment's audio as raw 16-bit stereo."""
    file = None if segment.asset_id is None else footage[segment.asset_id]
    if file is None or file.facts.audio is None:
        with out_path.open("wb") as silence:
            silence.truncate(length * _SAMPLE_BYTES)
        return out_path
    start_s = float(file.seconds(segment.in_frame))
    origin_s = file.facts.container_start_s + start_s
    fade = min(round(_FADE_S * _SAMPLE_RATE), length // 2)
    graph = (
        f"[0:{file.facts.audio.index}]atrim=start={origin_s:.6f},asetpts=PTS-{origin_s:.6f}/TB,"
        f"aresample={_SAMPLE_RATE}:async=1:first_pts=0,aformat=sample_fmts=s16:channel_layouts=stereo,"
        f"apad,atrim=end_sample={length},afade=t=in:ss=0:ns={fade},afade=t=out:ss={length - fade}:ns={fade}[out]"
    )
    seek = ("-ss", f"{start_s - _SOUND_PREROLL_S:.6f}", "-noaccurate_seek") if start_s > _SOUND_PREROLL_S else ()
    line = ffmpeg.build_command(
        [ffmpeg.Input(file.path, ("-vn", "-copyts", *seek))],
        ["-map", "[out]", "-c:a", "pcm_s16le", "-f", "s16le", str(out_path)],
        graph=graph,
    )
    ffmpeg.run(line)
    return out_path


def join_chunks(parts: Sequence[Path], sound: Path | None, rate: FrameRate, out_path: Path) -> int:
    """Copy the packets of all chunks, and the audio, into one MP4 with fast start; returns the number of frames.

    The time of a frame is computed from its number, so rounding errors of a chunk's timestamps do not accumulate.
    """
    partial = out_path.with_name(f".{out_path.name}.part")
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    try:
        with ExitStack() as stack:
            out = stack.enter_context(av.open(str(partial), "w", format="mp4", options=options))
            first = stack.enter_context(open_media(parts[0], error=RenderError))
            picture = out.add_stream_from_template(first.streams.video[0])
            streams: list[Iterator[tuple[Fraction, av.Packet[Any]]]] = [_picture_packets(parts, rate, picture)]
            if sound is not None:
                sound_file = stack.enter_context(open_media(sound, error=RenderError))
                streams.append(sound_packets(sound_file, out.add_stream_from_template(sound_file.streams.audio[0])))
            for _, packet in heapq.merge(*streams, key=lambda timed: timed[0]):
                out.mux(packet)
        partial.replace(out_path)
    finally:
        partial.unlink(missing_ok=True)
    return count_frames(out_path)


def _picture_packets(
    parts: Sequence[Path], rate: FrameRate, stream: av.VideoStream
) -> Iterator[tuple[Fraction, av.Packet[av.VideoStream]]]:
    """Yield the packets of all chunks, timed in frames of the export, each with its decoding time in seconds."""
    base = 0
    for path in parts:
        count = 0
        with open_media(path, error=RenderError) as part:
            source = part.streams.video[0]
            for packet in part.demux(source):
                if packet.pts is None or packet.dts is None or source.time_base is None:
                    continue
                frame_time = source.time_base * rate.fraction
                packet.pts = (base + round(packet.pts * frame_time)) * rate.den
                packet.dts = (base + round(packet.dts * frame_time)) * rate.den
                packet.duration = rate.den
                packet.time_base = Fraction(1, rate.num)
                packet.stream = stream
                count += 1
                yield packet.dts * packet.time_base, packet
        base += count


def sound_packets(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[tuple[Fraction, av.Packet[av.AudioStream]]]:
    """Yield the packets of a sound file for `stream`, each with its decoding time in seconds."""
    for packet in container.demux(container.streams.audio[0]):
        if packet.dts is None or packet.time_base is None:
            continue
        time_s = packet.dts * packet.time_base
        packet.stream = stream
        yield time_s, packet
