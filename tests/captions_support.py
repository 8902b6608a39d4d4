"""Edits and rendered frames for the caption tests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import msgspec
import numpy as np
import numpy.typing as npt

from carmic_assets.model.edit import Edit, FaceBox, MediaFile, Span
from carmic_assets.model.media import FrameRate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import ElementsConfig, StyleConfig, TemplateConfig

TALK = (
    "If you want to grow your business, you need to stop selling to everybody. "
    "Pick one person and solve one painful problem for them."
)
_SOURCE = SourceFacts("", 0, "mp4", 600.0, 0.0, None, None)

Frame = npt.NDArray[np.uint8]  # (h, w, 3), RGB
Mask = npt.NDArray[np.bool_]  # (h, w)


def time_words(text: str, start_s: float = 0.2, speaker: str | None = "A") -> tuple[Word, ...]:
    """The words of `text` at the pace of a fast speaker."""
    words, t = [], start_s
    for word in text.split():
        length_s = max(0.16, len(word) * 0.055)
        words.append(Word(word, round(t, 3), round(t + length_s, 3), 0.9, speaker))
        t += length_s + (0.35 if word[-1] in ".?!" else 0.03)
    return tuple(words)


def make_edit(
    text: str | Sequence[Word] = TALK,
    style: dict[str, Any] | None = None,
    preset: str = "DEFAULT",
    canvas: tuple[int, int] = (1080, 1920),
    kept_spans: Sequence[Span] | None = None,
    duration_s: float | None = None,
    elements: ElementsConfig | None = None,
    fonts: Sequence[MediaFile] = (),
    faces: Sequence[FaceBox] = (),
    language: str | None = None,
) -> Edit:
    """An edit without media whose captions have this text and style."""
    words = time_words(text) if isinstance(text, str) else tuple(text)
    duration_s = duration_s or (words[-1].end_s + 0.8 if words else 5.0)
    return Edit(
        clip_id="c",
        title="t",
        source_path="x",
        source=_SOURCE,
        start_s=0.0,
        duration_s=duration_s,
        rate=FrameRate(25, 1),
        width=canvas[0],
        height=canvas[1],
        kept_spans=tuple(kept_spans or (Span(0.0, duration_s),)),
        shots=(),
        words=words,
        config=TemplateConfig(
            style=msgspec.convert(style or {}, StyleConfig),
            caption_style=preset,
            elements=elements or ElementsConfig(),
        ),
        fonts=tuple(fonts),
        faces=tuple(faces),
        language=language,
    )


def render_frames(
    ass_path: str | Path,
    fonts_dir: str | Path,
    times_s: Sequence[float],
    canvas: tuple[int, int],
    shrink: int = 1,
    background: str = "0x808080",
    fps: int = 25,
    repeat: tuple[float, int] = (1e6, 1),
) -> tuple[npt.NDArray[np.uint8], str]:
    """Render a script on a plain background.

    Args:
        ass_path: The script.
        fonts_dir: The folder of its fonts.
        times_s: When to take frames.
        canvas: The script's width and height.
        shrink: Factor by which the frames are smaller than the canvas.
        background: Colour of the background.
        fps: Frame rate.
        repeat: Period in seconds and number of periods: the frames at `times_s` of each period are taken.

    Returns:
        The frames, (n, h, w, 3), and ffmpeg's log.
    """
    period_s, count = repeat
    numbers = sorted({round(t * fps) for t in times_s})
    width, height = canvas[0] // shrink, canvas[1] // shrink
    selection = "+".join(f"eq(mod(n,{round(period_s * fps)}),{n})" for n in numbers)
    length_s = (numbers[-1] / fps + 0.1) if count == 1 else period_s * count
    source = f"color={background}:s={width}x{height}:r={fps}:d={length_s:.3f}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "verbose", "-nostdin"]
    command += ["-f", "lavfi", "-i", f"{source},format=rgb24,select='{selection}',ass={ass_path}:fontsdir={fonts_dir}"]
    command += ["-fps_mode", "passthrough", "-threads", "2", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    result = subprocess.run(command, capture_output=True, check=True, timeout=300)
    log = result.stderr.decode(errors="replace")
    return np.frombuffer(result.stdout, np.uint8).reshape(-1, height, width, 3), log


def ink_mask(frame: Frame, background: tuple[int, int, int] = (128, 128, 128), threshold: int = 10) -> Mask:
    """Where a frame differs from its background."""
    difference = np.abs(frame.astype(np.int16) - np.array(background, np.int16))
    mask: Mask = difference.max(axis=2) > threshold
    return mask


def mask_bounds(mask: Mask) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the true part of a mask; None if there is none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
