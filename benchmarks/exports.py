"""Measures the time and CPU of exporting a 60 s clip to each target, from the edit to the zip file.

    python -m benchmarks.exports

The source is two minutes of a 1080p test pattern at 30000/1001 frames per second. Nothing is re-encoded. The crop moves
all the time, which gives more keyframes than a real video.
"""

from __future__ import annotations

import math
import subprocess
import tempfile
from pathlib import Path

from benchmarks.harness import measure_peak_memory_mib, measure_usage, print_line
from carmic_assets.direction.canvas import fit_crop_shape, place_regions
from carmic_assets.exports.package import TARGETS, PackageOptions, write_package
from carmic_assets.media.ffmpeg import locate_binary
from carmic_assets.media.probe import probe
from carmic_assets.media.video_filters import choose_output_rate
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, Span
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import snap_clip_bounds

CLIP_START_S, CLIP_S = 30.0, 60.0
SHOTS, KEYFRAMES_PER_SHOT = 12, 26


def main() -> None:
    """Print one line per target."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        edit = build_moving_edit(render_source(folder / "source.mp4"))
        options = PackageOptions(include_proxy=False)
        for target in TARGETS:
            with measure_usage() as usage:
                report = write_package(edit, target, folder / "package.zip", folder / "work", options)
            print_line(
                f"{target:14} {usage.wall_s:5.2f} s wall, {usage.cpu_s:5.2f} s CPU, {report.size / 1e6:6.1f} MB, "
                f"{report.keyframes} keyframes over {report.frames} frames, conformed: {report.conformed or 'nothing'}"
            )
        print_line(f"peak memory of this process {measure_peak_memory_mib():.0f} MiB")


def render_source(path: Path) -> Path:
    """Render the test pattern with a sine tone."""
    command = [locate_binary(), "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30000/1001:d=120"]
    command += ["-f", "lavfi", "-i", "sine=r=48000:d=120", "-ac", "2", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-b:v", "8M", "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    return path


def build_moving_edit(path: Path) -> Edit:
    """Return an edit of 60 s in twelve shots whose crop pans and zooms."""
    facts = probe(path)
    assert facts.video is not None
    start_s, end_s = snap_clip_bounds(facts, CLIP_START_S, CLIP_START_S + CLIP_S)
    duration_s = end_s - start_s
    shape = fit_crop_shape(place_regions("face-track", "9:16")[0], facts.video.width, facts.video.height, 4)
    shots = []
    for n in range(SHOTS):
        shot_start_s, shot_end_s = duration_s * n / SHOTS, duration_s * (n + 1) / SHOTS
        keyframes = []
        for i in range(KEYFRAMES_PER_SHOT):
            time_s = shot_start_s + (shot_end_s - shot_start_s) * i / (KEYFRAMES_PER_SHOT - 1)
            scale = 0.7 + 0.3 * abs(math.sin(n + i / 9))
            w, h = shape.w * scale, shape.h * scale
            keyframes.append(Keyframe(time_s, (0.5 + 0.5 * math.sin(n + i / 4)) * (1 - w), 0.3 * (1 - h), w, h))
        shots.append(LayoutShot(shot_start_s, shot_end_s, "face-track", "A", "", (Region("A", tuple(keyframes)),)))
    return Edit(
        clip_id="c",
        title="Benchmark",
        source_path=str(path),
        source=facts,
        start_s=start_s,
        duration_s=duration_s,
        rate=choose_output_rate(facts.video),
        width=1080,
        height=1920,
        kept_spans=(Span(0.0, duration_s),),
        shots=tuple(shots),
        words=tuple(Word("word", i * 0.3, i * 0.3 + 0.25, 1.0, "A") for i in range(190)),
        config=TemplateConfig(),
    )


if __name__ == "__main__":
    main()
