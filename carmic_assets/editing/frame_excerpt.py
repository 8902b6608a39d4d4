"""Copies the packets that a few frames of a file need into a small file, so that one process decodes all of them.

A strip over two hours of footage shows frames far apart. A process per frame opens the file each time. Here it is
opened once, and only the packets from the keyframe before each frame up to the frame are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import msgspec
from msgspec.structs import replace

from carmic_assets.editing.footage import Footage
from carmic_assets.media.containers import demux_packets, open_media
from carmic_assets.model.errors import RenderError


class Excerpt(msgspec.Struct, frozen=True):
    """A file with some frames of a footage file, and the place of each requested frame in it."""

    footage: Footage
    places: tuple[int, ...]


def write_excerpt(footage: Footage, frames: Sequence[int], out_path: Path) -> Excerpt | None:
    """Write the packets of `frames` (ascending, numbered from the start of the file) to `out_path`.

    Return None if the file stores frames out of order, or lacks one of them: an editing proxy does neither.

    Raises:
        RenderError: the file cannot be read.
    """
    rate = footage.rate
    places: list[int] = []
    count = 0
    with open_media(footage.path, error=RenderError) as source, av.open(str(out_path), "w", format="mp4") as out:
        stream = next(stream for stream in source.streams.video if stream.index == footage.video.index)
        time_base = stream.time_base or Fraction(1)
        start_s = Fraction(footage.facts.container_start_s)
        copy = out.add_stream_from_template(stream)
        for frame in frames:
            source.seek(int((frame / rate.fraction + start_s) / time_base), stream=stream, backward=True)
            for packet in demux_packets(source, stream):
                if not packet.size or packet.pts is None or packet.pts != packet.dts:
                    return None
                number = round((packet.pts * time_base - start_s) * rate.fraction)
                packet.pts = packet.dts = count * rate.den
                packet.duration, packet.time_base, packet.stream = rate.den, Fraction(1, rate.num), copy
                out.mux(packet)
                count += 1
                if number >= frame:
                    break
            if number != frame:
                return None
            places.append(count - 1)
    length_s = float(count / rate.fraction)
    video = replace(footage.video, index=0, start_s=0.0, duration_s=length_s)
    facts = replace(footage.facts, container_start_s=0.0, duration_s=length_s, video=video, audio=None)
    return Excerpt(Footage(str(out_path), facts), tuple(places))
