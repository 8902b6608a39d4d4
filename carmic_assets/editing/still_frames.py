"""Renders preview frames with the segment's own filter chain: one exact frame, or a strip of several in one pass."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from carmic_assets.editing import colour_grade
from carmic_assets.editing.errors import ImpossibleEditError
from carmic_assets.editing.frame_excerpt import Excerpt, write_excerpt
from carmic_assets.editing.segment_graph import Shot, shot_graph, shot_input
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS, Input
from carmic_assets.media.video_filters import build_scale_filter
from carmic_assets.model.timeline import Grade, PictureFormat

TIME_LIMIT_S = 60.0  # for one ffmpeg process
JPEG_QUALITY = "3"
SPARSE_STEP_S = 1  # frames of a strip that are further apart are read from an excerpt
# The labels of canvas frames, which the file of an ungraded frame does not keep.
UNGRADED_LABELS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def draw_frame(
    shot: Shot,
    out_path: Path,
    picture_format: PictureFormat = "jpeg",
    width: int | None = None,
    ungraded_path: Path | None = None,
) -> None:
    """Write the first frame of `shot` as one image; None as `width` means the canvas's width. Leaves no partial file.

    PNG is lossless, so it can be compared with a frame of an export. `ungraded_path` keeps the frame without its grade:
    it is written there if it does not exist, and read from there otherwise. The next grade of the same frame then
    decodes no footage.

    Raises:
        ImpossibleEditError: the footage has no frame at that time.
        RenderError: ffmpeg cannot read the footage.
    """
    after = _picture_filters(shot, picture_format, width)
    with tempfile.TemporaryDirectory(prefix="frame-") as name:
        folder = Path(name)
        partial = folder / "picture"
        output = [*_encoder(picture_format), "-frames:v", "1", "-update", "1", str(partial)]
        if ungraded_path is None:
            _run(shot_input(shot), shot_graph(replace(shot, count=1), folder, "out", after), output)
        else:
            if not ungraded_path.exists():
                _write_ungraded(shot, ungraded_path, folder)
            chain = (UNGRADED_LABELS, *colour_grade.filters(shot.effects.grade, folder), *after)
            _run(Input(str(ungraded_path)), f"[0:v]{','.join(chain)}[out]", output)
        if not partial.exists():
            raise ImpossibleEditError("The footage has no frame at that time. Choose another time.")
        shutil.move(partial, out_path)


def _write_ungraded(shot: Shot, out_path: Path, folder: Path) -> None:
    """Write the first frame of `shot` without its grade, losslessly."""
    ungraded = replace(shot, count=1, effects=replace(shot.effects, grade=Grade()))
    partial = folder / "ungraded.mkv"
    encoder = ("-c:v", "ffv1", *BITEXACT_OPTIONS, "-frames:v", "1", "-f", "matroska")
    _run(shot_input(ungraded), shot_graph(ungraded, folder, "out"), [*encoder, str(partial)])
    if not partial.exists():
        raise ImpossibleEditError("The footage has no frame at that time. Choose another time.")
    shutil.move(partial, out_path)


def draw_strip(shot: Shot, offsets: Sequence[int], folder: Path, width: int) -> list[Path]:
    """Write the canvas frames `offsets` (ascending, counted from the start of `shot`) as JPEGs in one decode.

    Where they are far apart, only the packets that they need are read. Returns their paths in order.
    """
    after = _picture_filters(shot, "jpeg", width)
    excerpt = _write_excerpt(shot, offsets, folder)
    if excerpt is not None:
        shot, offsets = replace(shot, footage=excerpt.footage, start_s=Fraction(0)), excerpt.places
    graph_file = folder / "graph.txt"
    graph_file.write_text(shot_graph(replace(shot, count=offsets[-1] + 1), folder, "out", after, offsets))
    pattern = folder / "strip-%04d.jpg"
    _run(shot_input(shot), graph_file, [*_encoder("jpeg"), "-fps_mode", "passthrough", str(pattern)])
    return sorted(folder.glob("strip-*.jpg"))


def _write_excerpt(shot: Shot, offsets: Sequence[int], folder: Path) -> Excerpt | None:
    """Return an excerpt with the frames of a strip, or None if decoding all that lies between is as cheap."""
    footage, rate = shot.footage, shot.canvas.rate
    is_sparse = any(b - a > SPARSE_STEP_S * rate.fraction for a, b in pairwise(offsets))
    if footage is None or footage.rate != rate or not is_sparse:
        return None
    first = round(shot.start_s * rate.fraction)
    return write_excerpt(footage, [first + offset for offset in offsets], folder / "excerpt.mp4")


def _run(source: Input, graph: str | Path, output: list[str]) -> None:
    line = ffmpeg.build_command([source], ["-map", "[out]", *output], graph=graph, threads=1)
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
