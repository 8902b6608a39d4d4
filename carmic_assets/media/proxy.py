"""The proxy that editors and browsers play instead of the source: 720p H.264/AAC, upright, constant rate, SDR.

Its clock is the source's clock. Where the source already is such a file, no copy is made.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from carmic_assets.media import ffmpeg
from carmic_assets.media.picture_filters import declared, even, finished, on_clock, output_rate, scale, turned, working
from carmic_assets.model.errors import CorruptVideo
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.progress import Progress, ignore

SHORT_SIDE = 720
MOST_BITS_PER_S = 6_000_000  # of a file that may stand for its own proxy: more does not stream well


def is_proxy(path: str | Path, facts: SourceFacts) -> bool:
    """Whether the source can be its own proxy: every property that `make_proxy` would give it is there already."""
    video, audio = facts.video, facts.audio
    return (
        video is not None
        and "mp4" in facts.container
        and video.codec == "h264"
        and video.pix_fmt == "yuv420p"
        and not (video.rotation or video.mirrored or video.variable_rate or video.hdr or video.interlaced)
        and video.sar_num == video.sar_den
        and min(video.width, video.height) <= SHORT_SIDE
        and video.rate == output_rate(video)
        and abs(facts.container_start_s) < 0.001
        and video.start_s < 0.001
        and (audio is None or (audio.codec == "aac" and audio.start_s < 0.1))
        and facts.size_bytes * 8 <= MOST_BITS_PER_S * max(facts.duration_s, 1.0)
        and starts_fast(path)
    )


def proxy_facts(facts: SourceFacts) -> SourceFacts:
    """What the picture of the proxy of such a source is, without its file; neither hash nor size."""
    video = facts.video
    if video is None:
        raise CorruptVideo("The file has no picture, so there is nothing to show.")
    part = min(1.0, SHORT_SIDE / min(video.width, video.height))
    width, height = even(video.width * part), even(video.height * part)
    picture = msgspec.structs.replace(
        video,
        index=0,
        codec="h264",
        **{"width": width, "height": height, "coded_width": width, "coded_height": height},
        **{"rotation": 0, "mirrored": False, "sar_num": 1, "sar_den": 1},
        **{"rate": output_rate(video), "variable_rate": False, "pix_fmt": "yuv420p", "hdr": False},
        interlaced=False,
        **{"color_range": "tv", "color_matrix": "bt709", "color_transfer": "bt709", "color_primaries": "bt709"},
        start_s=0.0,
        duration_s=video.start_s + video.duration_s,
    )
    return SourceFacts("", 0, "mp4", facts.duration_s, 0.0, picture, None)


def make_proxy(
    path: str | Path,
    facts: SourceFacts,
    out_path: str | Path,
    progress: Progress = ignore,
    *,
    threads: int = 2,
) -> None:
    """Write the proxy. Raises `CorruptVideo` where the source cannot be decoded; leaves no partial file."""
    video, made = facts.video, proxy_facts(facts).video
    assert video is not None and made is not None
    rate = made.rate
    turn = turned(video)
    size = (made.height, made.width) if video.rotation in (90, 270) else (made.width, made.height)
    chain = (*declared(video), *on_clock(facts, 0.0, rate), scale(*size), *working(video), *turn, *finished(video))
    graph = f"[0:{video.index}]{','.join(chain)}[v]"
    maps = ["-map", "[v]"]
    if facts.audio is not None:
        at = facts.container_start_s
        graph += f";[0:{facts.audio.index}]asetpts=PTS-{at:.6f}/TB,aresample=48000:async=1:first_pts=0[a]"
        maps += ["-map", "[a]", "-c:a", "aac", "-b:a", "128k", "-ac", "2"]
    out_path = Path(out_path)
    part_path = out_path.with_name(out_path.name + ".part")
    line = ffmpeg.command(
        [ffmpeg.Input(str(path), ("-noautorotate", "-copyts"))],
        [
            *maps,
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-maxrate", "4M", "-bufsize", "8M"),
            *("-g", str(round(rate.fraction * 2)), "-pix_fmt", "yuv420p", "-threads", str(threads)),
            *("-fps_mode", "passthrough", "-t", f"{facts.duration_s:.6f}"),
            *ffmpeg.REPEATABLE,
            *("-movflags", "+faststart", "-f", "mp4", str(part_path)),
        ],
        graph=graph,
        threads=threads,
    )
    try:
        ffmpeg.run(line, duration_s=facts.duration_s, progress=progress, error=CorruptVideo)
        part_path.replace(out_path)
    finally:
        part_path.unlink(missing_ok=True)


def starts_fast(path: str | Path) -> bool:
    """Whether an MP4 has its index (`moov`) before its media (`mdat`): ISO/IEC 14496-12, 4.2."""
    with Path(path).open("rb") as file:
        at = 0
        for _ in range(64):
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                return False
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
            if size == 1:
                size = int.from_bytes(head[8:16], "big")
            if size < 8:
                return False
            at += size
    return False
