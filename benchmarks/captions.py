"""What captions cost for 60 s of quick talk, per style: `python -m benchmarks.captions [STYLE ...]`.

First the time to write the ASS (first time in a new cache, then again), then the CPU that ffmpeg's `ass` filter adds to
1080x1920 pictures at 30 frames a second: the least of three runs with it less the least of three without.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from carmic_assets.captions.caption_styles import PRESETS
from carmic_assets.captions.caption_track import CaptionTrack, caption_events, write_ass
from carmic_assets.media.ffmpeg import Input, command, quote, run
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.media import Rate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

TALK = (
    "If you want to grow your business, you need to stop selling to everybody. Pick one person and solve one painful "
    "problem for them. That is how we went from zero to a million dollars in nine months. "
)
PICTURES = Input("testsrc2=s=270x480:r=30:d=60,format=yuv420p,scale=1080:1920:flags=neighbor", format="lavfi")


def main(styles: list[str]) -> None:
    """Print one line for each style."""
    plain = min(cpu_of("null") for _ in range(3))
    sys.stdout.write(f"pictures alone: {plain:.2f} s CPU\n")
    for style in styles or list(PRESETS):
        edit = talk(style)
        with tempfile.TemporaryDirectory() as folder:
            first, track = timed(edit, Path(folder))
            again, track = min((timed(edit, Path(folder)) for _ in range(5)), key=lambda t: t[0])
            started = time.perf_counter()
            caption_events(edit, Path(folder))
            dry = time.perf_counter() - started
            drawn = f"ass=filename={quote(track.ass_path)}:fontsdir={quote(track.fonts_dir)}"
            cost = min(cpu_of(drawn) for _ in range(3)) - plain
        sys.stdout.write(
            f"{style:8} {len(track.captions):3} captions  write {first * 1000:4.0f} ms first, {again * 1000:3.0f} ms "
            f"after  events {dry * 1000:3.0f} ms  drawing {cost:5.2f} s CPU\n"
        )


def talk(style: str) -> Edit:
    """60 s of words at 2.8 a second, with a pause after each sentence."""
    words: list[Word] = []
    t = 0.2
    for text in TALK.split() * 10:
        length = max(0.16, len(text) * 0.055)
        if t + length > 59:
            break
        words.append(Word(text, round(t, 3), round(t + length, 3), 0.9, "A"))
        t += length + (0.35 if text[-1] == "." else 0.03)
    source = SourceFacts("", 0, "mp4", 60.0, 0.0, None, None)
    config = TemplateConfig(caption_style=style)
    span = (Span(0.0, 60.0),)
    return Edit("clip", "Talk", "", source, 0.0, 60.0, Rate(30, 1), 1080, 1920, span, (), tuple(words), config)


def timed(edit: Edit, folder: Path) -> tuple[float, CaptionTrack]:
    started = time.perf_counter()
    track = write_ass(edit, folder / "work", folder / "cache")
    return time.perf_counter() - started, track


def cpu_of(filters: str) -> float:
    line = command([PICTURES], ["-map", "[out]", "-f", "null", "-"], graph=f"[0:v]{filters}[out]", threads=1)
    return run(line, duration_s=60.0).cpu_s


if __name__ == "__main__":
    main(sys.argv[1:])
