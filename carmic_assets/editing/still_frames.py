"""Renders preview frames with the segment's own filter chain: one exact frame, or a strip of several in one pass."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.segment_graph import Shot, shot_graph, shot_input
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS
from carmic_assets.media.video_filters import build_scale_filter
from carmic_assets.model.timeline import PictureFormat

TIME_LIMIT_S = 60.0  # for one ffmpeg process
JPEG_QUALITY = "3"


def draw_frame(shot: Shot, out_path: Path, picture_format: PictureFormat = "jpeg", width: int | None = None) -> None:
    """Write the first frame of `shot` as one image; None as `width` means the canvas's width.

    A failure leaves no partial file.

    PNG is lossless, so it can be compared with a frame of an export.

    Raises:
        ImpossibleEditError: the footage has no frame at that time.
        RenderError: ffmpeg cannot read the footage.
    """
    with tempfile.TemporaryDirectory(prefix="frame-") as name:
        folder = Path(name)
        graph = shot_graph(replace(shot, count=1), folder, "out", _picture_filters(shot, picture_format, width))
        partial = folder / "picture"
        _run(shot, graph, [*_encoder(picture_format), "-frames:v", "1", "-update", "1", str(partial)])
        if not partial.exists():
            raise ImpossibleEditError("The footage has no frame at that time. Choose another time.")
        shutil.move(partial, out_path)


def draw_strip(shot: Shot, offsets: Sequence[int], folder: Path, width: int) -> list[Path]:
    """Write the canvas frames `offsets` (ascending, counted from the start of `shot`) as JPEGs in one decode.

    Returns their paths in order.
    """
    last = offsets[-1] + 1
    frame_condition = "+".join(f"eq(n,{n})" for n in offsets)
    after = (f"select='{frame_condition}'", *_picture_filters(shot, "jpeg", width))
    graph_file = folder / "graph.txt"
    graph_file.write_text(shot_graph(replace(shot, count=last), folder, "out", after))
    pattern = folder / "strip-%04d.jpg"
    _run(shot, graph_file, [*_encoder("jpeg"), "-fps_mode", "passthrough", str(pattern)])
    return sorted(folder.glob("strip-*.jpg"))


def _run(shot: Shot, graph: str | Path, output: list[str]) -> None:
    line = ffmpeg.build_command([shot_input(shot)], ["-map", "[out]", *output], graph=graph, threads=1)
    ffmpeg.run(line, timeout_s=TIME_LIMIT_S)


def _encoder(picture_format: PictureFormat) -> tuple[str, ...]:
    if picture_format == "png":
        return ("-c:v", "png", *BITEXACT_OPTIONS, "-f", "image2")
    return ("-c:v", "mjpeg", "-q:v", JPEG_QUALITY, *BITEXACT_OPTIONS, "-f", "image2")


def _picture_filters(shot: Shot, picture_format: PictureFormat, width: int | None) -> tuple[str, ...]:
    canvas = shot.canvas
    resized = (
        ()
        if width is None
        else (build_scale_filter(width, max(2, 2 * round(width * canvas.height / canvas.width / 2))),)
    )
    if picture_format == "png":
        return (*resized, "scale=in_color_matrix=bt709:in_range=tv:flags=bicubic+accurate_rnd", "format=rgb24")
    return (*resized, "scale=out_range=pc:flags=bicubic", "format=yuvj444p")
