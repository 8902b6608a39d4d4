"""What a render costs beside the codec alone: CPU of decode + encode of the same frames against that of the render.

    python -m benchmarks.render                              # a talk made here (../shared), 60 s
    python -m benchmarks.render --source TALK.mp4 --seconds 20
    python -m benchmarks.render --moviepy VENV/bin/python    # ... and the same job in MoviePy 2, if that Python has it
    python -m benchmarks.render --late                       # starting a clip at the end of a two-hour source

CPU seconds of ffmpeg and of this process together, so that a busy machine does not matter much. Each kind is measured
`--repeat` times in turn and the least is taken.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import msgspec

from carmic_assets.media import ffmpeg
from carmic_assets.media.ffmpeg import Input
from carmic_assets.media.probe import probe
from carmic_assets.model.direction import Keyframe, LayoutShot, Region
from carmic_assets.model.edit import Edit, MediaFile
from carmic_assets.model.speech import Word
from carmic_assets.model.template import TemplateConfig
from carmic_assets.rendering.edit_assembly import assemble, clip_bounds
from carmic_assets.rendering.render import RenderReport, encoder_options, render
from carmic_assets.rendering.still import render_still

SHARED = Path(__file__).resolve().parents[2] / "shared"
TEXT = ("so", "this", "is", "what", "we", "talk", "about", "when", "the", "quick", "brown", "fox", "jumps")
WIDTH = 1080 * 9 / 16 / 1920  # of a 9:16 crop in a 16:9 frame

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


def talk(folder: Path, seconds: int) -> Path:
    """A talk of two persons in 1080p with hard cuts, made once."""
    path = folder / "talk.mp4"
    maker, clips = SHARED / "tools/make_talk.py", SHARED / "data/video"
    if maker.exists():
        told = [sys.executable, str(maker), "--clips", str(clips), "--out", str(path), "--seconds", str(seconds)]
        subprocess.run([*told, "--seed", "7"], check=True, capture_output=True)
    else:
        moving = Input(f"testsrc2=s=1920x1080:r=25:d={seconds}", (), "lavfi")
        voice = Input(f"anoisesrc=d={seconds}:c=pink:a=0.2:seed=1", (), "lavfi")
        ffmpeg.run(ffmpeg.command([moving, voice], ["-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)]))
    return path


def words(seconds: float) -> list[Word]:
    return [Word(TEXT[n % len(TEXT)], n * 0.36, n * 0.36 + 0.33, 0.9, "A") for n in range(int((seconds - 0.5) / 0.36))]


def shots(kind: str, seconds: float) -> list[LayoutShot]:
    """A shot every four seconds; every third one of a face-track moves."""
    half = 1080 * 9 / 8 / 1920
    found = []
    for n, start in enumerate(range(0, int(seconds + 3.99), 4)):
        end = min(start + 4.0, seconds)
        x = (0.08, 0.55, 0.3)[n % 3]
        still, later = Keyframe(start, x, 0, WIDTH, 1), Keyframe(end, x + 0.08, 0, WIDTH, 1)
        regions: tuple[Region, ...] = (Region("A", (still, later) if n % 3 == 2 else (still,)),)
        if kind == "split":
            regions = tuple(
                Region(s, (Keyframe(start, at, 0.1, half * 0.7, 0.7),)) for s, at in (("A", 0.02), ("B", 0.5))
            )
        layout = kind if kind in ("split", "fit") else "face-track"
        found.append(LayoutShot(start, end, layout, "A", "", () if kind == "fit" else regions))  # type: ignore[arg-type]
    return found


def edit_of(source: Path, kind: str, seconds: float, folder: Path, start: float = 0.0) -> Edit:
    facts = probe(source)
    start, end = clip_bounds(facts, start, start + seconds)
    config: dict[str, object] = {"layout": {"layoutType": "fit" if kind == "fit" else "face-track"}}
    media = {}
    if kind == "b-roll":
        media["b"] = MediaFile(str(source), "b", facts.duration_s, 1920, 1080, True, True)
        every = [{"videoUrl": "b", "startTime": t, "duration": 4.0} for t in range(3, int(seconds) - 4, 12)]
        config["b_roll"] = every
    if kind == "music":
        track = folder / "music.mp3"
        ffmpeg.run(
            ffmpeg.command([Input("anoisesrc=d=30:c=brown:a=0.4:seed=1", (), "lavfi")], ["-b:a", "192k", str(track)])
        )
        media["m"] = MediaFile(str(track), "m", 30.0, None, None, False, True)
        config["audio"] = {"musicTrack": "m"}
    return assemble(
        clip_id="c",
        title="t",
        source_path=str(source),
        source=facts,
        start_s=start,
        end_s=end,
        config=msgspec.convert(config, TemplateConfig),
        words=words(end - start),
        shots=shots(kind, end - start),
        media=media,
    )


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of `work`, in this process and in the children that it waited for."""

    def spent() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(used.ru_utime + used.ru_stime for used in both)

    before = spent()
    work()
    return spent() - before


def decode(path: Path, seconds: float) -> float:
    line = ffmpeg.command([Input(str(path), ("-t", str(seconds)))], ["-map", "0:v:0", "-f", "null", "-"])
    return cpu(lambda: ffmpeg.run(line))


def encode(edit: Edit, folder: Path) -> float:
    """Encoding alone of the very frames of `edit`: kept without loss, and what reading them costs is taken off."""
    exact, out = folder / "exact.mp4", folder / "again.mp4"
    lossless = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-threads", "2"]
    with patch("carmic_assets.rendering.render.encoder_options", lambda *_: lossless):
        render(edit, exact, folder / "work", cache=folder / "cache")
    options = ["-map", "0:v:0", *encoder_options("libx264", edit, 2), "-an", "-f", "mp4", str(out)]
    both = cpu(lambda: ffmpeg.run(ffmpeg.command([Input(str(exact))], options)))
    return both - decode(exact, edit.duration_s)


def moviepy(python: str, source: Path, edit: Edit, out: Path) -> float:
    job = {
        **{"source": str(source), "start": edit.start_s, "end": edit.start_s + edit.duration_s, "out": str(out)},
        "path": [(s.start_time, s.regions[0].keyframes[0].x) for s in edit.shots],
        "words": [(w.text, w.start_s, w.end_s) for w in edit.words],
        "font": str(next(iter(sorted((out.parent / "cache").rglob("*.ttf"))))),
    }
    told = msgspec.json.encode(job)
    return cpu(lambda: subprocess.run([python, "-c", MOVIEPY], input=told, check=True))


def compare(source: Path, seconds: float, folder: Path, repeat: int, python: str | None) -> None:
    work, cache = folder / "work", folder / "cache"
    out = folder / "out.mp4"
    kinds = ("face-track", "split", "fit", "b-roll", "music")
    edits = {kind: edit_of(source, kind, seconds, folder) for kind in kinds}
    costs: dict[str, list[float]] = {}
    memory = 0
    for _ in range(repeat):
        for kind in kinds:
            path = out if kind == "face-track" else folder / f"{kind}.mp4"
            reports: list[RenderReport] = []
            spent = cpu(lambda: reports.append(render(edits[kind], path, work, cache=cache)))  # noqa: B023
            costs.setdefault(kind, []).append(spent)
            memory = max(memory, reports[0].max_rss_bytes)
        costs.setdefault("decode only", []).append(decode(source, seconds))
        costs.setdefault("encode only", []).append(encode(edits["face-track"], folder))
    least = {kind: min(values) for kind, values in costs.items()}
    codec = least["decode only"] + least["encode only"]
    for kind, seconds_cpu in least.items():
        share = f"{seconds_cpu / codec:5.2f} x codec   {seconds_cpu / least['face-track']:5.2f} x face-track"
        print(f"{kind:12} {seconds_cpu:7.2f} s CPU   {share}")  # noqa: T201
    print(f"memory       {memory / 2**20:7.0f} MiB at most")  # noqa: T201
    started = time.monotonic()
    render_still(edits["face-track"], seconds / 2, folder / "still.jpg", work, cache=cache)
    print(f"still        {time.monotonic() - started:7.2f} s")  # noqa: T201
    if python is not None:
        whole = moviepy(python, source, edits["face-track"], folder / "moviepy.mp4")
        print(f"MoviePy 2    {whole:7.2f} s CPU   {whole / least['face-track']:5.2f} x face-track")  # noqa: T201


def late(folder: Path, short: Path) -> None:
    """Two seconds from the start and from the end of a source of two hours: a minute, 120 times."""
    small, long = folder / "small.mp4", folder / "long.mp4"
    ffmpeg.run(ffmpeg.command([Input(str(short))], ["-vf", "scale=640:360", "-crf", "30", "-g", "100", str(small)]))
    again = Input(str(small), ("-stream_loop", "119"))
    ffmpeg.run(ffmpeg.command([again], ["-c", "copy", "-f", "mp4", str(long)]))
    for at in (10.0, 7180.0):
        edit = edit_of(long, "face-track", 2.0, folder, at)
        started = time.monotonic()
        spent = cpu(lambda: render(edit, folder / "out.mp4", folder / "work", cache=folder / "cache"))  # noqa: B023
        print(f"2 s at {at:6.0f} s: {time.monotonic() - started:5.2f} s, {spent:5.2f} s CPU")  # noqa: T201


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--source", type=Path)
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("--repeat", type=int, default=2)
    asked.add_argument("--moviepy", metavar="PYTHON")
    asked.add_argument("--late", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = given.source or talk(folder, given.seconds)
        if given.late:
            late(folder, source)
            return
        compare(source, given.seconds, folder, given.repeat, given.moviepy)


if __name__ == "__main__":
    main()
