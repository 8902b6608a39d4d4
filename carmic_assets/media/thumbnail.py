"""Writes the JPEG thumbnail of a source: one frame, upright, with square pixels, SDR."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.media import ffmpeg
from carmic_assets.media.video_filters import (
    build_orientation_filters,
    build_output_filters,
    build_scale_filter,
    build_source_filters,
    build_working_format_filters,
    round_to_even,
)
from carmic_assets.model.errors import CorruptVideoError
from carmic_assets.model.media import SourceFacts


def make_thumbnail(
    path: str | Path, facts: SourceFacts, time_s: float, out_path: str | Path, *, width: int = 640
) -> None:
    """Write the frame at `time_s` (source clock, clamped to the video) as JPEG. A failure leaves no partial file.

    `width` is the largest width in pixels; smaller frames are not enlarged.

    Raises:
        CorruptVideoError: the source has no video stream, or no frame decodes at that time.
    """
    video = facts.video
    if video is None:
        raise CorruptVideoError("The file has no video stream, so it has no thumbnail. Upload a video.")
    frame_s = 1 / float(video.rate.fraction)
    time_s = min(max(time_s, video.start_s), video.start_s + max(0.0, video.duration_s - frame_s))
    scale = min(1.0, width / video.width)
    size = round_to_even(video.width * scale), round_to_even(video.height * scale)
    coded_size = (size[1], size[0]) if video.rotation in (90, 270) else size
    chain = (
        *build_source_filters(video),
        build_scale_filter(*coded_size),
        *build_working_format_filters(video),
        *build_orientation_filters(video),
        *build_output_filters(video),
        "scale=out_range=pc",
    )
    out_path = Path(out_path)
    part_path = out_path.with_name(out_path.name + ".part")
    command = ffmpeg.build_command(
        [ffmpeg.Input(str(path), ("-noautorotate", "-ss", f"{time_s:.6f}"))],
        [
            *("-map", "[v]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
            *("-threads", "1", *ffmpeg.BITEXACT_OPTIONS, "-f", "image2", "-update", "1", str(part_path)),
        ],
        graph=f"[0:{video.index}]{','.join(chain)}[v]",
        threads=1,
    )
    try:
        ffmpeg.run(command, timeout_s=60, error=CorruptVideoError)
        if not part_path.exists() or part_path.stat().st_size == 0:
            raise CorruptVideoError(f"The video has no decodable frame at {time_s:.1f} s. Choose another time.")
        part_path.replace(out_path)
    finally:
        part_path.unlink(missing_ok=True)
