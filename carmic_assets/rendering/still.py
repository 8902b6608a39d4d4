"""Renders one frame of an edit as JPEG, with the same graph as the MP4, so that previews match it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import BITEXACT_OPTIONS
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderError
from carmic_assets.rendering.crop_plan import build_crop_plan, list_output_frames
from carmic_assets.rendering.render import build_source_input, build_video_graph, write_captions

TIMEOUT_S = 30.0


def render_still(
    edit: Edit,
    t: float,
    out_path: str | Path,
    work_dir: str | Path,
    threads: int = 2,
    *,
    cache: str | Path | None = None,
) -> None:
    """Write the frame at `t` as a JPEG of the canvas's size. `t` is on the clip clock and clamped to the clip.

    Raises:
        RenderError: the frame cannot be rendered. No output file is written.
    """
    out_path, work_dir = Path(out_path), Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    staging_path = out_path.with_name(f".{out_path.name}.part")
    folder = Path(tempfile.mkdtemp(prefix="still-", dir=work_dir))
    try:
        frames = list_output_frames(edit)
        frame_s = float(1 / edit.rate.fraction)
        output_frame = min(max(int(OutputClock(edit.kept_spans).to_output(t) / frame_s + 1e-3), 0), len(frames) - 1)
        track = write_captions(edit, folder, Path(cache) if cache is not None else folder / "cache")
        plan = build_crop_plan(edit, frames, output_frame, output_frame + 1)
        graph = build_video_graph(edit, plan, frames, folder, track, 1)
        label = graph.add_chain("canvas", ("scale=out_range=pc:flags=bicubic", "format=yuvj444p"))
        command = ffmpeg.build_command(
            [build_source_input(edit, frames[output_frame] * frame_s), *graph.inputs],
            [
                *("-map", f"[{label}]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3"),
                *("-threads", str(threads), *BITEXACT_OPTIONS, "-f", "image2", "-update", "1", str(staging_path)),
            ],
            graph=graph.text(),
            threads=threads,
        )
        ffmpeg.run(command, timeout_s=TIMEOUT_S)
        if not staging_path.exists():
            raise RenderError("The clip has no frame at that time. Choose another time.")
        staging_path.replace(out_path)
    finally:
        staging_path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
