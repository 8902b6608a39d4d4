"""Edits and rendered frames for the tests of captions."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import msgspec
import numpy as np

from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.media import Rate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import StyleConfig, TemplateConfig

TALK = (
    "If you want to grow your business, you need to stop selling to everybody. "
    "Pick one person and solve one painful problem for them."
)
_SOURCE = SourceFacts("", 0, "mp4", 600.0, 0.0, None, None)


def spoken(text: str, start_s: float = 0.2, speaker: str | None = "A") -> tuple[Word, ...]:
    """Words of `text` at the pace of a quick talker."""
    words, t = [], start_s
    for word in text.split():
        length = max(0.16, len(word) * 0.055)
        words.append(Word(word, round(t, 3), round(t + length, 3), 0.9, speaker))
        t += length + (0.35 if word[-1] in ".?!" else 0.03)
    return tuple(words)


def edit(
    text: str | Sequence[Word] = TALK,
    style: dict[str, Any] | None = None,
    preset: str = "DEFAULT",
    size: tuple[int, int] = (1080, 1920),
    keeps: Sequence[Span] | None = None,
    duration_s: float | None = None,
    **config: Any,
) -> Edit:
    words = spoken(text) if isinstance(text, str) else tuple(text)
    duration = duration_s or (words[-1].end_s + 0.8 if words else 5.0)
    extra = {k: config.pop(k) for k in ("fonts", "faces", "language", "templates") if k in config}
    template = TemplateConfig(style=msgspec.convert(style or {}, StyleConfig), caption_style=preset, **config)
    return Edit(
        clip_id="c",
        title="t",
        source_path="x",
        source=_SOURCE,
        start_s=0.0,
        duration_s=duration,
        rate=Rate(25, 1),
        width=size[0],
        height=size[1],
        keeps=tuple(keeps or (Span(0.0, duration),)),
        shots=(),
        words=words,
        config=template,
        **extra,
    )


def frames(
    ass_path: str | Path,
    fonts_dir: str | Path,
    times: Sequence[float],
    size: tuple[int, int],
    shrink: int = 1,
    background: str = "0x808080",
    fps: int = 25,
    every: tuple[float, int] = (1e6, 1),
) -> tuple[np.ndarray, str]:
    """The frames shown at `times` on a plain canvas, (n, h, w, 3) uint8, and ffmpeg's log. With `every` (period in
    seconds, count) the same moments of each period."""
    period, count = every
    wanted = sorted({round(t * fps) for t in times})
    width, height = size[0] // shrink, size[1] // shrink
    chosen = "+".join(f"eq(mod(n,{round(period * fps)}),{n})" for n in wanted)
    length = (wanted[-1] / fps + 0.1) if count == 1 else period * count
    source = f"color={background}:s={width}x{height}:r={fps}:d={length:.3f}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "verbose", "-nostdin"]
    command += ["-f", "lavfi", "-i", f"{source},format=rgb24,select='{chosen}',ass={ass_path}:fontsdir={fonts_dir}"]
    command += ["-fps_mode", "passthrough", "-threads", "2", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    log = done.stderr.decode(errors="replace")
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3), log


def inked(frame: np.ndarray, background: tuple[int, int, int] = (128, 128, 128), least: int = 10) -> np.ndarray:
    """Where a frame differs from its background, (h, w) bool."""
    away = np.abs(frame.astype(np.int16) - np.array(background, np.int16))
    return away.max(axis=2) > least


def bounds(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what is set, None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
