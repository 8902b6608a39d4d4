"""Draws a template's preview picture, in a process of its own: `python -m api.previews PNG CACHE` with the config
and the workspace's own fonts on standard input. A font that breaks what draws it breaks that process alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from api.errors import SOON, ApiError
from carmic_assets.model.direction import CANVAS
from carmic_assets.model.edit import Edit, MediaFile, Span
from carmic_assets.model.media import Rate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

TIME_LIMIT_S = 60
WIDTH = 360
WORDS = ["This", "is", "how", "your", "captions", "look"]
AT_S = 1.0


def draw(config: TemplateConfig, fonts: Sequence[MediaFile], path: Path, cache: Path) -> None:
    """Write the preview of `config` as PNG; `fonts` are the workspace's own. Raises ApiError 422 where it cannot be
    drawn."""
    command = [sys.executable, "-m", "api.previews", str(path), str(cache)]
    told = msgspec.json.encode((config, fonts))
    try:
        done = subprocess.run(command, input=told, capture_output=True, timeout=TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ApiError(503, "Drawing the preview took too long. Try again.", SOON) from error
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip()
        raise ApiError(422, said[:500] or "This template cannot be drawn. Check its font and colours.")


def sample(config: TemplateConfig, fonts: Sequence[MediaFile] = ()) -> Edit:
    """Three seconds of a clip of nobody, who says what captions are for."""
    width, height = CANVAS[config.layout.aspect_ratio]
    return Edit(
        clip_id="preview",
        title="",
        source_path="",
        source=SourceFacts("", 0, "", 3.0, 0.0, None, None),
        start_s=0.0,
        duration_s=3.0,
        rate=Rate(25, 1),
        width=width,
        height=height,
        keeps=(Span(0.0, 3.0),),
        shots=(),
        words=tuple(Word(word, n * 0.4, n * 0.4 + 0.38, 1.0) for n, word in enumerate(WORDS)),
        config=config,
        fonts=tuple(fonts),
    )


def _main(path: Path, cache: Path) -> None:
    from carmic_assets.captions.caption_track import write_ass
    from carmic_assets.media import ffmpeg

    config, fonts = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[TemplateConfig, tuple[MediaFile, ...]])
    edit = sample(config, fonts)
    width, height = edit.width, edit.height
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        try:
            track = write_ass(edit, Path(folder), cache)
        except ValueError as error:
            sys.stdout.write(str(error))
            raise SystemExit(1) from error
        ground = (
            f"gradients=s={width}x{height}:c0=0x24345c:c1=0x7a4a6a:x0=0:y0=0:x1={width}:y1={height}:r=25:d=2:seed=1"
        )
        words = f"ass=filename={ffmpeg.quote(track.ass_path)}:fontsdir={ffmpeg.quote(track.fonts_dir)}"
        line = ffmpeg.command(
            [ffmpeg.Input(ground, format="lavfi")],
            ["-map", "[shown]", "-ss", str(AT_S), "-frames:v", "1", "-f", "image2", "-c:v", "png", str(path)],
            graph=f"[0:v]{words},scale={WIDTH}:-2[shown]",
            threads=1,
        )
        ffmpeg.run(line, limit_s=TIME_LIMIT_S)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
