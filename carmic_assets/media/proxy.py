"""Encodes the proxy that editors and browsers play instead of the source.

A proxy is H.264/AAC in MP4, at most 720p, upright, SDR, with a constant frame rate. Its clock is the source clock. A
source that already has these properties serves as its own proxy.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import msgspec

from carmic_assets.media import ffmpeg
from carmic_assets.media.output_check import check_output
from carmic_assets.media.proxy_facts import SHORT_SIDE_PX, predict_video_facts, require_picture
from carmic_assets.media.source_audio import build_source_audio
from carmic_assets.media.video_filters import (
    build_constant_rate_filters,
    build_orientation_filters,
    build_output_filters,
    build_scale_filter,
    build_source_filters,
    build_working_format_filters,
    choose_output_rate,
)
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.progress import ProgressCallback, ignore_progress

MIN_DECODED_RATIO = 0.5  # of the frames, as in the analysis: a damaged source may end early
MAX_BITS_PER_S = 6_000_000  # a source with a higher bit rate is too large for streaming and gets a proxy


def is_proxy(path: str | Path, facts: SourceFacts) -> bool:
    """Return whether the source can serve as its own proxy: it has every property that `make_proxy` produces."""
    video, audio = facts.video, facts.audio
    return (
        video is not None
        and "mp4" in facts.container
        and video.codec == "h264"
        and video.pix_fmt == "yuv420p"
        and not (video.rotation or video.mirrored or video.variable_rate or video.hdr or video.interlaced)
        and video.sar_num == video.sar_den
        and min(video.width, video.height) <= SHORT_SIDE_PX
        and video.rate == choose_output_rate(video)
        and abs(facts.container_start_s) < 0.001
        and video.start_s < 0.001
        and (audio is None or (audio.codec == "aac" and audio.start_s < 0.1 and audio.repair == "none"))
        and len(facts.audio_tracks) <= 1  # with several audio tracks, each player would choose its own
        and facts.size_bytes * 8 <= MAX_BITS_PER_S * max(facts.duration_s, 1.0)
        and has_fast_start(path)
    )


class ProxyProfile(msgspec.Struct, frozen=True):
    """The encoding of a kind of proxy: the seconds between its key frames, and options of libx264."""

    key_interval_s: Fraction
    encoder_options: tuple[str, ...]


STREAMING = ProxyProfile(Fraction(2), ("-maxrate", "4M", "-bufsize", "8M"))
# For exact frames at random times: 50 % more bits, and a quarter of the time to seek to a frame (measured).
EDITING = ProxyProfile(Fraction(1, 2), ("-bf", "0", "-tune", "fastdecode"))


def make_proxy(
    path: str | Path,
    facts: SourceFacts,
    out_path: str | Path,
    progress: ProgressCallback = ignore_progress,
    *,
    threads: int = 2,
    profile: ProxyProfile = STREAMING,
) -> None:
    """Write the proxy of the source to `out_path`. A failure leaves no partial file.

    Raises:
        CorruptVideoError: the source has no video stream or cannot be decoded.
    """
    video = require_picture(facts)
    proxy = predict_video_facts(video)
    size = (proxy.height, proxy.width) if video.rotation in (90, 270) else (proxy.width, proxy.height)
    chain = (
        *build_source_filters(video),
        *build_constant_rate_filters(facts, 0.0, proxy.rate),
        build_scale_filter(*size),
        *build_working_format_filters(video),
        *build_orientation_filters(video),
        *build_output_filters(video),
    )
    graph = f"[0:{video.index}]{','.join(chain)}[v]"
    maps = ["-map", "[v]"]
    if facts.audio is not None:
        chains, head = build_source_audio(facts, 0, f"{facts.container_start_s:.6f}")
        graph = ";".join([graph, *chains, f"{head}[a]"])
        maps += ["-map", "[a]", "-c:a", "aac", "-b:a", "128k", "-ac", "2"]
    out_path = Path(out_path)
    part_path = out_path.with_name(out_path.name + ".part")
    command = ffmpeg.build_command(
        [ffmpeg.Input(str(path), ("-noautorotate", "-copyts"))],
        [
            *maps,
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "24", *profile.encoder_options),
            *("-g", str(max(1, round(proxy.rate.fraction * profile.key_interval_s)))),
            *("-pix_fmt", "yuv420p", "-threads", str(threads)),
            *("-fps_mode", "passthrough", "-t", f"{facts.duration_s:.6f}"),
            *ffmpeg.BITEXACT_OPTIONS,
            *("-movflags", "+faststart", "-f", "mp4", str(part_path)),
        ],
        graph=graph,
        threads=threads,
    )
    try:
        ffmpeg.run(command, duration_s=facts.duration_s, progress=progress, error=CorruptVideoError)
        expected_frames = round(facts.duration_s * proxy.rate.fraction)
        check_output(
            part_path,
            CorruptVideoError,
            frames=range(math.floor(MIN_DECODED_RATIO * proxy.duration_s * proxy.rate.fraction), expected_frames + 2),
            duration_s=facts.duration_s,
            has_audio=False,  # damaged audio may end early
        )
        part_path.replace(out_path)
    finally:
        part_path.unlink(missing_ok=True)


def has_fast_start(path: str | Path) -> bool:
    """Return whether an MP4 file has its index box (`moov`) before its media box (`mdat`): ISO/IEC 14496-12, 4.2."""
    with Path(path).open("rb") as file:
        offset = 0
        for _ in range(64):  # top-level boxes; a file with more before `moov` counts as not streamable
            file.seek(offset)
            header = file.read(16)
            if len(header) < 8:
                return False
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
            if size == 1:  # the size follows as 64 bits
                size = int.from_bytes(header[8:16], "big")
            if size < 8:
                return False
            offset += size
    return False
