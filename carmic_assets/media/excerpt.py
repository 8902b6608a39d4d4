"""A moment cut out of a long video without decoding it, so that a frame can be drawn of a file that is far away.

Copies packets as they are. Never looks at a picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec

from carmic_assets.media.containers import open_media
from carmic_assets.model.errors import CorruptVideo
from carmic_assets.model.media import SourceFacts


class Excerpt(msgspec.Struct, frozen=True):
    """`begins_s` is where on the source's clock the excerpt's own clock has its 0; `facts` are of its picture alone."""

    begins_s: float
    facts: SourceFacts


def cut_excerpt(source: str | Path | BinaryIO, facts: SourceFacts, at_s: float, out_path: str | Path) -> Excerpt:
    """Write the picture's packets from the key frame before `at_s` (source clock) up to that moment as Matroska.

    Raises `CorruptVideo` where there are none.
    """
    import av

    video = facts.video
    if video is None:
        raise CorruptVideo("The file has no picture.")
    with open_media(source, threads=1) as given, av.open(str(out_path), "w", format="matroska") as out:
        stream = next((s for s in given.streams.video if s.index == video.index), None)
        if stream is None or stream.time_base is None:
            raise CorruptVideo("The file has no picture.")
        copied = out.add_stream_from_template(stream)
        at = round((facts.container_start_s + at_s) / stream.time_base)
        given.seek(at, stream=stream)
        first: tuple[int, int] | None = None
        for packet in given.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            decoded, shown = first = first or (packet.dts, packet.pts)
            late = packet.dts > at  # in the order of decoding nothing that is shown by then comes after it
            packet.dts, packet.pts = packet.dts - decoded, packet.pts - decoded
            packet.stream = copied
            out.mux(packet)
            if late:
                break
        if first is None:
            raise CorruptVideo("There is no picture at that time of the video.")
        begins_s = float(shown * stream.time_base) - facts.container_start_s
        lead_s = float((shown - decoded) * stream.time_base)
    length_s = max(0.0, at_s - begins_s) + 1 / float(video.rate.fraction)  # with the picture of that moment
    picture = msgspec.structs.replace(video, index=0, start_s=0.0, duration_s=length_s)
    return Excerpt(begins_s, SourceFacts("", 0, "matroska", picture.duration_s, lead_s, picture, None))
