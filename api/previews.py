"""Draws a template's preview image in a child process: a font that crashes the renderer ends only the child.

The child is `python -m api.previews PNG CACHE`; it reads the config and the workspace's fonts from standard input.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from api.errors import RETRY_SOON, ApiError
from carmic_assets.captions.caption_track import write_ass
from carmic_assets.media import ffmpeg
from carmic_assets.model.direction import CANVAS_SIZES
from carmic_assets.model.edit import Edit, MediaFile, Span
from carmic_assets.model.media import FrameRate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

TIMEOUT_S = 60
WIDTH_PX = 360
SAMPLE_WORDS = ["This", "is", "how", "your", "captions", "look"]
SAMPLE_DURATION_S = 3.0
PREVIEW_TIME_S = 1.0


def draw_preview(config: TemplateConfig, fonts: Sequence[MediaFile], path: Path, cache: Path) -> None:
    """Write the preview of `config` as PNG. `fonts` are the workspace's own.

    Raises:
        ApiError: 422 if the template cannot be drawn, 503 if drawing takes too long.
    """
    command = [sys.executable, "-m", "api.previews", str(path), str(cache)]
    job = msgspec.json.encode((config, fonts))
    try:
        child = subprocess.run(command, input=job, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ApiError(503, f"Drawing the preview took more than {TIMEOUT_S} s. Try again.", RETRY_SOON) from error
    if child.returncode != 0:
        reason = child.stdout.decode(errors="replace").strip()
        raise ApiError(422, reason[:500] or "This template cannot be drawn. Check its font and colours.")


def build_sample_edit(config: TemplateConfig, fonts: Sequence[MediaFile] = ()) -> Edit:
    """Build a three-second edit without a source video, for drawing captions alone."""
    width, height = CANVAS_SIZES[config.layout.aspect_ratio]
    return Edit(
        clip_id="preview",
        title="",
        source_path="",
        source=SourceFacts("", 0, "", SAMPLE_DURATION_S, 0.0, None, None),
        start_s=0.0,
        duration_s=SAMPLE_DURATION_S,
        rate=FrameRate(25, 1),
        width=width,
        height=height,
        kept_spans=(Span(0.0, SAMPLE_DURATION_S),),
        shots=(),
        words=tuple(Word(word, n * 0.4, n * 0.4 + 0.38, 1.0) for n, word in enumerate(SAMPLE_WORDS)),
        config=config,
        fonts=tuple(fonts),
    )


def _main(path: Path, cache: Path) -> None:
    config, fonts = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[TemplateConfig, tuple[MediaFile, ...]])
    edit = build_sample_edit(config, fonts)
    width, height = edit.width, edit.height
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        try:
            track = write_ass(edit, Path(folder), cache)
        except ValueError as error:
            sys.stdout.write(str(error))
            raise SystemExit(1) from error
        background = (
            f"gradients=s={width}x{height}:c0=0x24345c:c1=0x7a4a6a:x0=0:y0=0:x1={width}:y1={height}:r=25:d=2:seed=1"
        )
        captions = f"ass=filename={ffmpeg.quote(track.ass_path)}:fontsdir={ffmpeg.quote(track.fonts_dir)}"
        command = ffmpeg.build_command(
            [ffmpeg.Input(background, format="lavfi")],
            ["-map", "[out]", "-ss", str(PREVIEW_TIME_S), "-frames:v", "1", "-f", "image2", "-c:v", "png", str(path)],
            graph=f"[0:v]{captions},scale={WIDTH_PX}:-2[out]",
            threads=1,
        )
        ffmpeg.run(command, timeout_s=TIMEOUT_S)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
