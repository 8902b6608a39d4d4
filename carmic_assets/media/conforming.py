"""Rewrites a source whose timestamps jump or whose formats change into a file with one clock and one format.

All later steps read that file: analysis, proxy, renders, stills and packages share one clock, and ffmpeg
rebuilds no filter graph in the middle of an output. A regular source is not rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from carmic_assets.media import ffmpeg
from carmic_assets.media.containers import demux_packets, open_media
from carmic_assets.media.probe import compute_display_size, probe
from carmic_assets.media.stream_scan import BROADCAST_FORMATS, ClockTracker, PictureFormat, StreamScan
from carmic_assets.media.video_filters import round_to_even
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import SourceFacts, VideoFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress

SHAPE_TOLERANCE = 0.02  # of the aspect ratio: two sizes of one video may be rounded differently
SAME_CLOCK_NOTE = "The timestamps of the file restart {count} times; its parts were joined in the order of the file."
SAME_PICTURE_NOTE = (
    "The video changes its format in the middle ({formats}); all of it was converted to {width}x{height}."
)
SAME_SOUND_NOTE = "The audio changes its channels or sample rate in the middle; it was converted to 48 kHz stereo."


class ConformedSource(msgspec.Struct, frozen=True):
    """A rewritten source: its file and its properties. `notes` in them state what was changed."""

    path: Path
    facts: SourceFacts


def conform(
    path: str | Path,
    facts: SourceFacts,
    scan: StreamScan,
    out_dir: str | Path,
    progress: ProgressCallback = ignore_progress,
    *,
    threads: int = 2,
) -> ConformedSource | None:
    """Write a conformed copy of an irregular source into `out_dir`; return None for a regular one.

    Streams whose format is constant are copied, the others are re-encoded. The facts keep the original's hash. `scan`
    is of the source, by `scan_streams`.

    Raises:
        CorruptVideoError: the source cannot be read or re-encoded.
    """
    path, out_dir = Path(path), Path(out_dir)
    if facts.video is None or scan.is_regular:
        return None
    notes = []
    current, current_facts = path, facts
    if len(scan.clock) > 1:
        current = _join_clock_segments(path, facts.video.index, scan, out_dir)
        current_facts = probe(current)
        notes.append(SAME_CLOCK_NOTE.format(count=len(scan.clock) - 1))
    size = _choose_size(scan.pictures, facts.video.rotation)
    if len(scan.pictures) > 1:
        formats = ", ".join(f"{p.width}x{p.height} {p.pix_fmt}" for p in scan.pictures)
        notes.append(SAME_PICTURE_NOTE.format(formats=formats, width=size[0], height=size[1]))
    if scan.changing_audio:
        notes.append(SAME_SOUND_NOTE)
    if len(scan.pictures) > 1 or scan.changing_audio:
        out_path = out_dir / "conformed.mkv"
        _unify_formats(current, current_facts, scan, out_path, progress=progress, threads=threads)
        if current != path:
            current.unlink()
        current, current_facts = out_path, probe(out_path)
    return ConformedSource(
        current,
        msgspec.structs.replace(
            current_facts, sha256=facts.sha256, start_timecode=facts.start_timecode, notes=tuple(notes)
        ),
    )


def _join_clock_segments(path: Path, video_index: int, scan: StreamScan, out_dir: Path) -> Path:
    """Copy all packets, with times shifted so that each segment starts where the previous one ends.

    Nothing is decoded.
    """
    with open_media(path, threads=1) as container:
        is_broadcast = container.format.name in BROADCAST_FORMATS
        # MPEG streams repeat their parameters within the stream, also where they change; Matroska stores them once.
        out_path = out_dir / ("joined.ts" if is_broadcast else "joined.mkv")
        streams = [container.streams[video_index], *(s for s in container.streams.audio if s.codec_context is not None)]
        with av.open(str(out_path), "w", format="mpegts" if is_broadcast else "matroska") as out:
            copies = {stream.index: out.add_stream_from_template(stream) for stream in streams}
            clock = ClockTracker(closes_gaps=is_broadcast)
            offsets = _compute_segment_offsets(scan)
            last_dts: dict[int, int] = {}
            for packet in _iterate_readable_packets(container, streams):
                number = clock.add(packet)
                if number is None or not packet.size:
                    continue
                stream = packet.stream.index
                shift = round(offsets[min(number, len(offsets) - 1)] / packet.time_base)
                if packet.pts is not None:
                    packet.pts += shift
                if packet.dts is not None:
                    packet.dts = max(packet.dts + shift, last_dts.get(stream, packet.dts + shift - 1) + 1)
                    last_dts[stream] = packet.dts
                packet.stream = copies[stream]
                out.mux(packet)
    return out_path


def _iterate_readable_packets(container: InputContainer, streams: list[Stream]) -> Iterator[Packet[Stream]]:
    """Yield the packets up to the end of the file, or up to where it is truncated."""
    with suppress(av.error.InvalidDataError):
        yield from demux_packets(container, *streams)


def _compute_segment_offsets(scan: StreamScan) -> list[Fraction]:
    """Return the offset of each segment's times, so that it starts where the previous one ends."""
    offsets = [Fraction(0)]
    for before, after in pairwise(scan.clock):
        offsets.append(Fraction(before.end_s) + offsets[-1] - Fraction(after.start_s))
    return offsets


def _choose_size(pictures: dict[PictureFormat, int], rotation: int) -> tuple[int, int]:
    """Return the upright width and height: the largest size that has the aspect ratio of the longest part."""
    seconds: dict[tuple[int, int], int] = {}
    for picture, count in pictures.items():
        size = compute_display_size(picture.width, picture.height, Fraction(*picture.sar), rotation)
        seconds[size] = seconds.get(size, 0) + count

    def have_same_shape(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return abs(a[0] * b[1] / (a[1] * b[0]) - 1) <= SHAPE_TOLERANCE

    longest = max(seconds, key=lambda a: (sum(n for b, n in seconds.items() if have_same_shape(a, b)), a[0] * a[1]))
    width, height = max(
        (size for size in seconds if have_same_shape(size, longest)), key=lambda size: size[0] * size[1]
    )
    return round_to_even(width), round_to_even(height)


def _unify_formats(
    path: Path, facts: SourceFacts, scan: StreamScan, out_path: Path, *, progress: ProgressCallback, threads: int
) -> None:
    """Re-encode the streams whose format changes and copy the others, as Matroska.

    ffmpeg rebuilds the filters at each change. None of these filters counts frames or samples, so that nothing is lost.
    """
    video = facts.video
    if video is None:
        raise CorruptVideoError("The file has no video. Upload a video.")
    options = ["-map", f"0:{video.index}"]
    if len(scan.pictures) > 1:
        options += _build_picture_options(scan, video, threads)
    else:
        options += ["-c:v", "copy"]
    for number, index in enumerate(_list_audio_indices(path)):
        options += ["-map", f"0:{index}"]
        if scan.changing_audio:
            chain = "aresample=48000,aformat=sample_fmts=s16:channel_layouts=stereo"
            options += [f"-filter:a:{number}", chain, f"-c:a:{number}", "flac"]
        else:
            options += [f"-c:a:{number}", "copy"]
    command = ffmpeg.build_command(
        [ffmpeg.Input(str(path))],
        [*options, *ffmpeg.BITEXACT_OPTIONS, "-f", "matroska", str(out_path)],
        threads=threads,
    )
    ffmpeg.run(command, duration_s=facts.duration_s, progress=progress, error=CorruptVideoError)


def _build_picture_options(scan: StreamScan, video: VideoFacts, threads: int) -> list[str]:
    """Return the options that fit every frame into one size; ffmpeg rotates each upright by its own display matrix."""
    width, height = _choose_size(scan.pictures, video.rotation)
    pix_fmt = "yuv420p10le" if all("10" in picture.pix_fmt for picture in scan.pictures) else "yuv420p"
    hdr_labels = ("bt2020nc", "bt2020", video.color_transfer or "bt709")
    matrix, primaries, transfer = hdr_labels if video.hdr else ("bt709", "bt709", "bt709")
    chain = (
        f"scale=w='trunc(min({width},{height}*dar)/2)*2':h='trunc(min({height},{width}/dar)/2)*2':eval=frame"
        f":flags=bicubic+accurate_rnd:out_color_matrix={matrix}:out_range=tv,setsar=1,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:eval=frame,format={pix_fmt}"
    )
    return [
        *("-vf", chain, "-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-threads", str(threads)),
        # Frame threads make x264's rate control depend on timing; slice threads do not.
        *("-x264-params", "sliced-threads=1", "-colorspace", matrix, "-color_range", "tv"),
        *("-color_primaries", primaries, "-color_trc", transfer),
        *("-fps_mode", "passthrough", "-enc_time_base:v", "demux"),
    ]


def _list_audio_indices(path: Path) -> list[int]:
    with open_media(path, threads=1) as container:
        return [stream.index for stream in container.streams.audio if stream.codec_context is not None]
