"""Measures the cost of captions for 60 s of fast speech, per style: `python -m benchmarks.captions [STYLE ...]`.

Prints the time to write the ASS file (with an empty cache, then with a filled one) and to list the caption events, and
the CPU that ffmpeg's `ass` filter adds to 1080x1920 frames at 30 frames per second: the lowest of three runs with the
filter less the lowest of three without.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.harness import measure_usage, print_line
from carmic_assets.captions.caption_styles import STYLE_PRESETS
from carmic_assets.captions.caption_track import CaptionTrack, list_caption_events, write_ass
from carmic_assets.media.ffmpeg import Input, build_command, quote, run
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.media import FrameRate, SourceFacts
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig

TALK = (
    "If you want to grow your business, you need to stop selling to everybody. Pick one person and solve one painful "
    "problem for them. That is how we went from zero to a million dollars in nine months. "
)
DURATION_S = 60.0
FRAMES = Input("testsrc2=s=270x480:r=30:d=60,format=yuv420p,scale=1080:1920:flags=neighbor", format="lavfi")
FILTER_RUNS, WRITE_RUNS = 3, 5


def main(styles: list[str]) -> None:
    """Print one line per style."""
    frames_cpu_s = min(measure_filter_cpu_s("null") for _ in range(FILTER_RUNS))
    print_line(f"frames without captions: {frames_cpu_s:.2f} s CPU")
    for style in styles or list(STYLE_PRESETS):
        edit = build_edit(style)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            first_s, track = time_write(edit, folder)
            cached_s = min(time_write(edit, folder)[0] for _ in range(WRITE_RUNS))
            with measure_usage() as usage:
                list_caption_events(edit, folder)
            ass_filter = f"ass=filename={quote(track.ass_path)}:fontsdir={quote(track.fonts_dir)}"
            filter_cpu_s = min(measure_filter_cpu_s(ass_filter) for _ in range(FILTER_RUNS)) - frames_cpu_s
        print_line(
            f"{style:8} {len(track.captions):3} captions  write {first_s * 1000:4.0f} ms first, "
            f"{cached_s * 1000:3.0f} ms cached  events {usage.wall_s * 1000:3.0f} ms  filter {filter_cpu_s:5.2f} s CPU"
        )


def build_edit(style: str) -> Edit:
    """Return an edit of 60 s with 2.8 words per second and a pause after each sentence."""
    words: list[Word] = []
    clock_s = 0.2
    for text in TALK.split() * 10:
        length_s = max(0.16, len(text) * 0.055)
        if clock_s + length_s > DURATION_S - 1:
            break
        words.append(Word(text, round(clock_s, 3), round(clock_s + length_s, 3), 0.9, "A"))
        clock_s += length_s + (0.35 if text[-1] == "." else 0.03)
    return Edit(
        clip_id="clip",
        title="Talk",
        source_path="",
        source=SourceFacts("", 0, "mp4", DURATION_S, 0.0, None, None),
        start_s=0.0,
        duration_s=DURATION_S,
        rate=FrameRate(30, 1),
        width=1080,
        height=1920,
        kept_spans=(Span(0.0, DURATION_S),),
        shots=(),
        words=tuple(words),
        config=TemplateConfig(caption_style=style),
    )


def time_write(edit: Edit, folder: Path) -> tuple[float, CaptionTrack]:
    """Write the ASS file; return the seconds it took, and the track."""
    with measure_usage() as usage:
        track = write_ass(edit, folder / "work", folder / "cache")
    return usage.wall_s, track


def measure_filter_cpu_s(filters: str) -> float:
    """Return the CPU seconds of ffmpeg for the test frames through a filter chain."""
    command = build_command([FRAMES], ["-map", "[out]", "-f", "null", "-"], graph=f"[0:v]{filters}[out]", threads=1)
    return run(command, duration_s=DURATION_S).cpu_s


if __name__ == "__main__":
    main(sys.argv[1:])
