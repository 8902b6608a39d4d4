"""One frame of an edit as JPEG, drawn by the render's own graph: previews of captions and templates are real."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from carmic_assets.captions.word_timing import OutputClock
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import REPEATABLE
from carmic_assets.model.edit import Edit
from carmic_assets.model.errors import RenderFailed
from carmic_assets.rendering.crop_plan import make_plan, output_frames
from carmic_assets.rendering.render import draw_captions, picture_graph, source_input

LIMIT_S = 30.0


def render_still(
    edit: Edit,
    t: float,
    out_path: str | Path,
    work_dir: str | Path,
    threads: int = 2,
    *,
    cache: str | Path | None = None,
) -> None:
    """Write the frame that is shown at `t` (clip clock; brought inside the clip) as JPEG of the canvas' size.

    Raises `RenderFailed`; leaves no partial file.
    """
    out_path, work_dir = Path(out_path), Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    aside = out_path.with_name(f".{out_path.name}.part")
    folder = Path(tempfile.mkdtemp(prefix="still-", dir=work_dir))
    try:
        frames = output_frames(edit)
        step = float(1 / edit.rate.fraction)
        n = min(max(int(OutputClock(edit.keeps).at(t) / step + 1e-3), 0), len(frames) - 1)
        track = draw_captions(edit, folder, Path(cache) if cache is not None else folder / "cache")
        plan = make_plan(edit, frames, n, n + 1)
        graph = picture_graph(edit, plan, frames, folder, track, 1)
        shown = graph.chain("shown", ("scale=out_range=pc:flags=bicubic", "format=yuvj444p"))
        line = ffmpeg.command(
            [source_input(edit, frames[n] * step), *graph.inputs],
            [
                *("-map", f"[{shown}]", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3"),
                *("-threads", str(threads), *REPEATABLE, "-f", "image2", "-update", "1", str(aside)),
            ],
            graph=graph.text(),
            threads=threads,
        )
        ffmpeg.run(line, limit_s=LIMIT_S)
        if not aside.exists():
            raise RenderFailed("There is no picture at that time of the clip.")
        aside.replace(out_path)
    finally:
        aside.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
