"""Measures the CPU time of a render, compared with that of the codec: decoding and encoding the same frames.

    python -m benchmarks.render_cost                              # a generated talk of 60 s
    python -m benchmarks.render_cost --source TALK.mp4 --seconds 20
    python -m benchmarks.render_cost --moviepy VENV/bin/python    # and the same job in MoviePy 2
    python -m benchmarks.render_cost --late                       # a clip at the end of a two-hour source

CPU seconds are those of ffmpeg and of this process together, which a busy machine changes little. Each case is measured
`--repeat` times in turn; the lowest value counts.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import msgspec

from benchmarks.harness import create_parser, measure_cpu_s, measure_usage, print_line
from benchmarks.talk_videos import compose_talk
from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import Input
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, MediaFile
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import ClipInputs, assemble_edit, snap_clip_bounds
from carmic_assets.rendering.render import build_encoder_options, render
from carmic_assets.rendering.still import render_still

CASES = ("face-track", "split", "fit", "b-roll", "music")
TEXT = ("so", "this", "is", "what", "we", "talk", "about", "when", "the", "quick", "brown", "fox", "jumps")
CROP_WIDTH = 1080 * 9 / 16 / 1920  # of a 9:16 crop, as a fraction of a 16:9 frame
HALF_CROP_WIDTH = 1080 * 9 / 8 / 1920  # of a 9:8 crop, half of a split
LATE_START_S = 7180.0

MOVIEPY = """
import json, sys
from moviepy import CompositeVideoClip, TextClip, VideoFileClip
job = json.load(sys.stdin)
clip = VideoFileClip(job["source"]).subclipped(job["start"], job["end"])
w = int(clip.h * 9 / 16)
def crop(get, t):
    x = next(x for start, x in reversed(job["path"]) if start <= t + 1e-6)
    return get(t)[:, int(x * clip.w) : int(x * clip.w) + w]
picture = clip.transform(crop).resized((1080, 1920))
words = [
    TextClip(text=text.upper(), font=job["font"], font_size=72, color="white", stroke_color="black", stroke_width=3)
    .with_start(start).with_duration(end - start).with_position(("center", 1400))
    for text, start, end in job["words"]
]
CompositeVideoClip([picture, *words], size=(1080, 1920)).write_videofile(
    job["out"], fps=clip.fps, codec="libx264", preset="veryfast", audio_codec="aac", threads=2, logger=None,
    ffmpeg_params=["-crf", "20"])
"""


def compose_source(folder: Path, seconds: int) -> Path:
    """Return a 1080p talk of two people with hard cuts."""
    return compose_talk(folder / "talk.mp4", seed=7, seconds=seconds)


def build_words(seconds: float) -> list[Word]:
    """Return evenly spaced words, 2.8 per second."""
    return [Word(TEXT[n % len(TEXT)], n * 0.36, n * 0.36 + 0.33, 0.9, "A") for n in range(int((seconds - 0.5) / 0.36))]


def build_shots(case: str, seconds: float) -> list[LayoutShot]:
    """Return shots of four seconds; in face-track, the crop of every third shot moves."""
    layout: Literal["face-track", "split", "fit"] = (
        "split" if case == "split" else "fit" if case == "fit" else "face-track"
    )
    shots = []
    for n, start_s in enumerate(range(0, int(seconds + 3.99), 4)):
        end_s = min(start_s + 4.0, seconds)
        regions: tuple[Region, ...] = ()
        if layout == "split":
            regions = tuple(
                Region(speaker, (Keyframe(start_s, x, 0.1, HALF_CROP_WIDTH * 0.7, 0.7),))
                for speaker, x in (("A", 0.02), ("B", 0.5))
            )
        elif layout == "face-track":
            x = (0.08, 0.55, 0.3)[n % 3]
            first, last = Keyframe(start_s, x, 0, CROP_WIDTH, 1), Keyframe(end_s, x + 0.08, 0, CROP_WIDTH, 1)
            regions = (Region("A", (first, last) if n % 3 == 2 else (first,)),)
        shots.append(LayoutShot(start_s, end_s, layout, "A", "", regions))
    return shots


def build_edit(source: Path, case: str, seconds: float, folder: Path, start_s: float = 0.0) -> Edit:
    """Return the edit of one of `CASES`."""
    facts = probe(source)
    start_s, end_s = snap_clip_bounds(facts, start_s, start_s + seconds)
    config: dict[str, object] = {"layout": {"layoutType": "fit" if case == "fit" else "face-track"}}
    media = {}
    if case == "b-roll":
        media["b"] = MediaFile(str(source), "b", facts.duration_s, 1920, 1080, True, True)
        starts_s = range(3, int(seconds) - 4, 12)
        config["b_roll"] = [{"videoUrl": "b", "startTime": t, "duration": 4.0} for t in starts_s]
    if case == "music":
        track = folder / "music.mp3"
        noise = Input("anoisesrc=d=30:c=brown:a=0.4:seed=1", (), "lavfi")
        ffmpeg.run(ffmpeg.build_command([noise], ["-b:a", "192k", str(track)]))
        media["m"] = MediaFile(str(track), "m", 30.0, None, None, False, True)
        config["audio"] = {"musicTrack": "m"}
    return assemble_edit(
        ClipInputs(
            clip_id="c",
            title="t",
            source_path=str(source),
            source=facts,
            start_s=start_s,
            end_s=end_s,
            config=msgspec.convert(config, TemplateConfig),
            words=build_words(end_s - start_s),
            shots=build_shots(case, end_s - start_s),
            media=media,
        )
    )


def measure_decode_s(path: Path, seconds: float) -> float:
    """Return the CPU seconds that decoding the video stream takes."""
    command = ffmpeg.build_command([Input(str(path), ("-t", str(seconds)))], ["-map", "0:v:0", "-f", "null", "-"])
    return measure_cpu_s(lambda: ffmpeg.run(command))


def measure_encode_s(edit: Edit, folder: Path) -> float:
    """Return the CPU seconds that encoding the rendered frames takes.

    The frames are rendered losslessly first; the cost of decoding that file is subtracted.
    """
    lossless, encoded = folder / "lossless.mp4", folder / "encoded.mp4"
    lossless_options = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-threads", "2"]
    with patch("carmic_assets.rendering.render.build_encoder_options", lambda *_: lossless_options):
        render(edit, lossless, folder / "work", cache=folder / "cache")
    options = ["-map", "0:v:0", *build_encoder_options("libx264", edit, 2), "-an", "-f", "mp4", str(encoded)]
    command = ffmpeg.build_command([Input(str(lossless))], options)
    return measure_cpu_s(lambda: ffmpeg.run(command)) - measure_decode_s(lossless, edit.duration_s)


def measure_moviepy_s(python: str, source: Path, edit: Edit, out: Path) -> float:
    """Return the CPU seconds of the same crop and words in MoviePy."""
    job = msgspec.json.encode(
        {
            "source": str(source),
            "start": edit.start_s,
            "end": edit.start_s + edit.duration_s,
            "out": str(out),
            "path": [(shot.start_time, shot.regions[0].keyframes[0].x) for shot in edit.shots],
            "words": [(word.text, word.start_s, word.end_s) for word in edit.words],
            "font": str(min((out.parent / "cache").rglob("*.ttf"))),
        }
    )
    return measure_cpu_s(lambda: subprocess.run([python, "-c", MOVIEPY], input=job, check=True))


def compare_cases(source: Path, seconds: float, folder: Path, repeat: int) -> float:
    """Print the cost of each case and of a still; return the CPU seconds of the face-track case."""
    work, cache = folder / "work", folder / "cache"
    edits = {case: build_edit(source, case, seconds, folder) for case in CASES}
    costs_s: dict[str, list[float]] = {}
    max_rss_bytes = 0
    for _ in range(repeat):
        for case, edit in edits.items():
            with measure_usage() as usage:
                report = render(edit, folder / f"{case}.mp4", work, cache=cache)
            costs_s.setdefault(case, []).append(usage.cpu_s)
            max_rss_bytes = max(max_rss_bytes, report.max_rss_bytes)
        costs_s.setdefault("decode only", []).append(measure_decode_s(source, seconds))
        costs_s.setdefault("encode only", []).append(measure_encode_s(edits["face-track"], folder))
    lowest_s = {case: min(values) for case, values in costs_s.items()}
    codec_s, face_track_s = lowest_s["decode only"] + lowest_s["encode only"], lowest_s["face-track"]
    for case, cpu_s in lowest_s.items():
        ratios = f"{cpu_s / codec_s:5.2f} x codec   {cpu_s / face_track_s:5.2f} x face-track"
        print_line(f"{case:12} {cpu_s:7.2f} s CPU   {ratios}")
    print_line(f"memory       {max_rss_bytes / 2**20:7.0f} MiB peak RSS")
    with measure_usage() as usage:
        render_still(edits["face-track"], seconds / 2, folder / "still.jpg", work, cache=cache)
    print_line(f"still        {usage.wall_s:7.2f} s")
    return face_track_s


def measure_late_clip(folder: Path, source: Path) -> None:
    """Print the cost of two seconds near the start and near the end of a two-hour source (the minute 120 times)."""
    small, long = folder / "small.mp4", folder / "long.mp4"
    options = ["-vf", "scale=640:360", "-crf", "30", "-g", "100", str(small)]
    ffmpeg.run(ffmpeg.build_command([Input(str(source))], options))
    looped = Input(str(small), ("-stream_loop", "119"))
    ffmpeg.run(ffmpeg.build_command([looped], ["-c", "copy", "-f", "mp4", str(long)]))
    for start_s in (10.0, LATE_START_S):
        edit = build_edit(long, "face-track", 2.0, folder, start_s)
        with measure_usage() as usage:
            render(edit, folder / "out.mp4", folder / "work", cache=folder / "cache")
        print_line(f"2 s at {start_s:6.0f} s: {usage.wall_s:5.2f} s, {usage.cpu_s:5.2f} s CPU")


def main() -> None:
    """Measure the cases, or a late clip."""
    parser = create_parser("render_cost", __doc__)
    parser.add_argument("--source", type=Path, help="a 1080p video; by default a talk is generated")
    parser.add_argument("--seconds", type=int, default=60, help="length of the clip")
    parser.add_argument("--repeat", type=int, default=2, help="how often each case is measured")
    parser.add_argument("--moviepy", metavar="PYTHON", help="a Python that has MoviePy 2")
    parser.add_argument("--late", action="store_true", help="measure a clip at the end of a two-hour source instead")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = arguments.source or compose_source(folder, arguments.seconds)
        if arguments.late:
            measure_late_clip(folder, source)
            return
        face_track_s = compare_cases(source, arguments.seconds, folder, arguments.repeat)
        if arguments.moviepy:
            edit = build_edit(source, "face-track", arguments.seconds, folder)
            moviepy_s = measure_moviepy_s(arguments.moviepy, source, edit, folder / "moviepy.mp4")
            print_line(f"MoviePy 2    {moviepy_s:7.2f} s CPU   {moviepy_s / face_track_s:5.2f} x face-track")


if __name__ == "__main__":
    main()
