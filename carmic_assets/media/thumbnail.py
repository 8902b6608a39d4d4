"""One picture of a source as JPEG: upright, square pixels, SDR."""

from __future__ import annotations

from pathlib import Path

from carmic_assets.media import ffmpeg
from carmic_assets.media.picture_filters import declared, even, finished, scale, turned, working
from carmic_assets.model.errors import CorruptVideo
from carmic_assets.model.media import SourceFacts


def make_thumbnail(
    path: str | Path, facts: SourceFacts, at_s: float, out_path: str | Path, *, width: int = 640
) -> None:
    """Write the frame at `at_s` (source clock; brought inside the video), `width` pixels wide at most.

    Raises `CorruptVideo` where nothing decodes there; leaves no partial file.
    """
    video = facts.video
    if video is None:
        raise CorruptVideo("The file has no picture, so there is no thumbnail.")
    step = 1 / float(video.rate.fraction)
    at_s = min(max(at_s, video.start_s), video.start_s + max(0.0, video.duration_s - step))
    part = min(1.0, width / video.width)
    size = even(video.width * part), even(video.height * part)
    coded = (size[1], size[0]) if video.rotation in (90, 270) else size
    chain = (*declared(video), scale(*coded), *working(video), *turned(video), *finished(video), "scale=out_range=pc")
    out_path = Path(out_path)
    part_path = out_path.with_name(out_path.name + ".part")
    line = ffmpeg.command(
        [ffmpeg.Input(str(path), ("-noautorotate", "-ss", f"{at_s:.6f}"))],
        [
            *("-map", "[v]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
            *("-threads", "1", *ffmpeg.REPEATABLE, "-f", "image2", "-update", "1", str(part_path)),
        ],
        graph=f"[0:{video.index}]{','.join(chain)}[v]",
        threads=1,
    )
    try:
        ffmpeg.run(line, limit_s=60, error=CorruptVideo)
        if not part_path.exists() or part_path.stat().st_size == 0:
            raise CorruptVideo("There is no picture at that time of the video.")
        part_path.replace(out_path)
    finally:
        part_path.unlink(missing_ok=True)
