"""Copies a short excerpt of a long video, so that one frame of a remote file can be rendered without downloading it.

Packets are copied without decoding.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import av
import msgspec
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from carmic_assets.media.containers import open_media
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import SourceFacts

NO_PICTURE = "The file has no video stream. Upload a video."


class Excerpt(msgspec.Struct, frozen=True):
    """An excerpt: its start on the source clock, and the facts of its file, whose own clock starts at 0."""

    start_s: float
    facts: SourceFacts


def cut_excerpt(source: str | Path | BinaryIO, facts: SourceFacts, time_s: float, out_path: str | Path) -> Excerpt:
    """Write the video packets from the key frame at or before `time_s` (source clock) up to that time as Matroska.

    Raises:
        CorruptVideoError: the source has no video stream, or no packet at `time_s`.
    """
    video = facts.video
    if video is None:
        raise CorruptVideoError(NO_PICTURE)
    with open_media(source, threads=1) as container, av.open(str(out_path), "w", format="matroska") as out:
        stream = next((s for s in container.streams.video if s.index == video.index), None)
        if stream is None or stream.time_base is None:
            raise CorruptVideoError(NO_PICTURE)
        until = round((facts.container_start_s + time_s) / stream.time_base)
        first = _copy_packets(container, stream, out, until)
        if first is None:
            raise CorruptVideoError(f"The video has no frame at {time_s:.1f} s. Choose another time.")
        first_dts, first_pts = first
        start_s = float(first_pts * stream.time_base) - facts.container_start_s
        reorder_delay_s = float((first_pts - first_dts) * stream.time_base)
    duration_s = max(0.0, time_s - start_s) + 1 / float(video.rate.fraction)  # includes the frame at `time_s`
    excerpt_video = msgspec.structs.replace(video, index=0, start_s=0.0, duration_s=duration_s)
    return Excerpt(start_s, SourceFacts("", 0, "matroska", duration_s, reorder_delay_s, excerpt_video, None))


def _copy_packets(
    container: InputContainer, stream: VideoStream, out: OutputContainer, until: int
) -> tuple[int, int] | None:
    """Copy the packets from the key frame at or before the timestamp `until` up to it; the first DTS becomes 0.

    Returns the original DTS and PTS of the first packet, or None if there is no packet.
    """
    out_stream = out.add_stream_from_template(stream)
    container.seek(until, stream=stream)
    first: tuple[int, int] | None = None
    for packet in container.demux(stream):
        if packet.dts is None or packet.pts is None:
            continue
        if first is None:
            first = packet.dts, packet.pts
        # A packet's PTS is never before its DTS, so the packets after this one are presented after `until`.
        is_last = packet.dts > until
        packet.dts, packet.pts = packet.dts - first[0], packet.pts - first[0]
        packet.stream = out_stream
        out.mux(packet)
        if is_last:
            break
    return first
