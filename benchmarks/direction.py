"""Judge the auto-director by what is true of a talk, not by what was detected in it.

    python -m benchmarks.direction                 # the real chain on two talks, made here
    python -m benchmarks.direction TALK.mp4 ...    # ... on talks made before, TALK.truth.json beside them
    python -m benchmarks.direction --truth TALK.truth.json ...   # the director alone, given true faces and turns

Talks come from `make_talk.py` of a development checkout (`../shared`); without it there is nothing to measure on.
Prints one row for each talk and aspect ratio, and marks what falls short.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from carmic_assets.direction.director import direct, direct_clip
from carmic_assets.direction.measures import measure, shortfalls
from carmic_assets.model.direction import CANVAS
from carmic_assets.model.media import Rate
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Turn
from carmic_assets.model.template import TemplateConfig

SHARED = Path(__file__).resolve().parents[2] / "shared"
SEEDS = (("2", "911"), ("3", "912"))  # people, seed: not those that the constants were tuned on
BROLL = "data/video/tears-of-steel-battle-clip-medium.webm"


def true_scene(path: Path) -> Scene:
    """The scene that a perfect detector would see: true faces, turns and cuts of a `.truth.json`."""
    truth = json.loads(path.read_text())
    width, height = truth["size"]
    names = sorted(truth["faces"])
    tracks = []
    for number, name in enumerate(names, 1):
        rows = truth["faces"][name]
        t = tuple(row["t"] for row in rows)
        x, y, w, h = (tuple(row["box"][i] / (width, height)[i % 2] for row in rows) for i in range(4))
        ones = (1.0,) * len(t)
        tracks.append(SceneTrack(number, "face", t, x, y, w, h, ones, ones))
    turns = tuple(Turn(s["start"], s["end"], s["person"], names.index(s["person"]) + 1) for s in truth["speaking"])
    cuts = tuple(shot["start"] for shot in truth["shots"][1:])
    people = {name: (number,) for number, name in enumerate(names, 1)}
    rate = Rate(truth["fps"], 1)
    return Scene(width, height, rate, 5.0, 0.0, truth["duration"], cuts, tuple(tracks), turns, people, "truth")


def seen_scene(video: Path, folder: Path) -> Scene:
    """The scene that the default offline models see in a video."""
    from carmic_assets.media.analysis import analyse
    from carmic_assets.media.probe import probe
    from carmic_assets.speech.transcription import transcribe
    from carmic_assets.vision.spatial_matrix import build_matrix, scene_of

    facts = probe(video)
    analysis = analyse(video, facts, folder)
    said = transcribe(folder / "audio.flac")
    made = build_matrix(folder / "frames.mp4", folder / "audio.flac", analysis, said)
    return scene_of(made.matrix, made.speakers, facts, analysis)


def report(name: str, seen: Scene, truth: Scene) -> None:
    """One row for each aspect ratio: shots made from what was seen, judged by what is true."""
    for aspect in CANVAS:
        began = time.process_time()
        shots = direct(seen, aspect)
        cost = time.process_time() - began
        metrics = measure(shots, truth)
        layouts = " ".join(f"{sum(s.layout == kind for s in shots)} {kind}" for kind in ("face-track", "split", "fit"))
        moving = sum(len(region.keyframes) > 1 for shot in shots for region in shot.regions)
        figures = " ".join(f"{key}={value:.4g}" for key, value in msgspec.to_builtins(metrics).items())
        short = ", ".join(shortfalls(metrics))
        line = f"{name:10} {aspect:5} {figures} | {layouts}, {moving} moving | {cost * 1000:.0f} ms"
        sys.stdout.write(f"{line}{f' | SHORT: {short}' if short else ''}\n")
    began = time.process_time()
    direct_clip(seen, 0.0, min(60.0, seen.end_s), TemplateConfig())
    sys.stdout.write(f"{name:10} a clip of a minute: {(time.process_time() - began) * 1000:.1f} ms\n")


def made_talks(folder: Path) -> list[Path]:
    """Two talks of a minute, made now."""
    talks = []
    for people, seed in SEEDS:
        out = folder / f"talk{people}_{seed}.mp4"
        command = [sys.executable, str(SHARED / "tools/make_talk.py"), "--clips", str(SHARED / "data/video")]
        command += ["--out", str(out), "--people", people, "--seed", seed, "--seconds", "60", "--size", "1280x720"]
        subprocess.run([*command, "--broll", str(SHARED / BROLL), "--pauses"], check=True, stderr=subprocess.DEVNULL)
        talks.append(out)
    return talks


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--truth"]:
        for path in map(Path, arguments[1:]):
            truth = true_scene(path)
            report(path.name.split(".")[0], truth, truth)
        return
    if not arguments and not SHARED.is_dir():
        sys.stdout.write("Skipped: the recordings beside the checkout (../shared) are not here.\n")
        return
    with tempfile.TemporaryDirectory() as scratch:
        for video in map(Path, arguments) if arguments else made_talks(Path(scratch)):
            folder = Path(scratch) / f"{video.stem}.analysis"
            folder.mkdir()
            report(video.stem, seen_scene(video, folder), true_scene(video.with_suffix(".truth.json")))


if __name__ == "__main__":
    main(sys.argv[1:])
