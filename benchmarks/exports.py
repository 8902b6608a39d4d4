"""How long a package of a 60 s clip takes from edit to zip, without re-encoding: `python -m benchmarks.exports`.

The source is two minutes of noise-like 1080p at 30000/1001 frames a second, made once. The reframe moves all the time,
which is more keyframes than a talk has.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from carmic_assets.direction.canvas import crop_shape, region_rects
from carmic_assets.exports.package import TARGETS, package
from carmic_assets.media.ffmpeg import binary
from carmic_assets.media.picture_filters import output_rate
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import clip_bounds

CLIP_S = 60.0


def main() -> None:
    """Print one line for each target."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.mp4"
        line = [binary(), "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30000/1001:d=120"]
        line += ["-f", "lavfi", "-i", "sine=r=48000:d=120", "-ac", "2", "-c:v", "libx264", "-preset", "ultrafast"]
        subprocess.run([*line, "-b:v", "8M", "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)], check=True)
        edit = moving_edit(path)
        for target in TARGETS:
            started, cpu = time.perf_counter(), _cpu()
            report = package(edit, target, Path(folder) / "p.zip", Path(folder) / "w", include_proxy=False)
            wall = time.perf_counter() - started
            print(  # noqa: T201
                f"{target:14} {wall:5.2f} s wall, {_cpu() - cpu:5.2f} s CPU, {report.size / 1e6:6.1f} MB, "
                f"{report.keyframes} keyframes over {report.frames} frames, conformed: {report.conformed or 'nothing'}"
            )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory of this process {peak:.0f} MB")  # noqa: T201


def moving_edit(path: Path) -> Edit:
    """Sixty seconds in twelve shots whose crop pans and zooms."""
    facts = probe(path)
    assert facts.video is not None
    start, end = clip_bounds(facts, 30.0, 30.0 + CLIP_S)
    length, rate = end - start, output_rate(facts.video)
    shape = crop_shape(region_rects("face-track", "9:16")[0], facts.video.width, facts.video.height, 4)
    shots = []
    for n in range(12):
        a, b = length * n / 12, length * (n + 1) / 12
        keys = []
        for i in range(26):
            part = 0.7 + 0.3 * abs(math.sin(n + i / 9))
            w, h = shape.w * part, shape.h * part
            keys.append(
                Keyframe(a + (b - a) * i / 25, (0.5 + 0.5 * math.sin(n + i / 4)) * (1 - w), 0.3 * (1 - h), w, h)
            )
        shots.append(LayoutShot(a, b, "face-track", "A", "", (Region("A", tuple(keys)),)))
    words = tuple(Word("word", i * 0.3, i * 0.3 + 0.25, 1.0, "A") for i in range(190))
    return Edit(
        clip_id="c",
        title="Benchmark",
        source_path=str(path),
        source=facts,
        start_s=start,
        duration_s=length,
        rate=rate,
        width=1080,
        height=1920,
        keeps=(Span(0.0, length),),
        shots=tuple(shots),
        words=words,
        config=TemplateConfig(),
    )


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    sys.exit(main())
