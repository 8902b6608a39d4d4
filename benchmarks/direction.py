"""Direct talks of known truth and judge the crops by the true faces and turns.

    python -m benchmarks.direction TALK.truth.json ...

The truth files are those of `make_talk.py` (development checkouts only). Prints one row per talk and aspect ratio.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import msgspec

from carmic_assets.direction.director import direct
from carmic_assets.direction.measures import measure
from carmic_assets.model.direction import CANVAS
from carmic_assets.model.media import Rate
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Turn


def true_scene(path: Path) -> Scene:
    """A scene with the true faces, turns and cuts of a talk; faces that leave the frame are clipped to it."""
    truth = json.loads(path.read_text())
    width, height = truth["size"]
    names = sorted(truth["faces"])
    tracks = []
    for k, name in enumerate(names, 1):
        rows = truth["faces"][name]
        t = tuple(row["t"] for row in rows)
        x, y, w, h = (tuple(row["box"][i] / (width, height)[i % 2] for row in rows) for i in range(4))
        ones = (1.0,) * len(t)
        tracks.append(SceneTrack(k, "face", t, x, y, w, h, ones, ones))
    visible = [(s["start"], s["end"], s["visible"]) for s in truth["shots"]]
    turns = tuple(
        Turn(s["start"], s["end"], s["person"], names.index(s["person"]) + 1 if _seen(visible, s) else None)
        for s in truth["speaking"]
    )
    cuts = tuple(s["start"] for s in truth["shots"][1:])
    people = {name: (k,) for k, name in enumerate(names, 1)}
    rate = Rate(truth["fps"], 1)
    return Scene(width, height, rate, 5.0, 0.0, truth["duration"], cuts, tuple(tracks), turns, people, "truth")


def _seen(shots: list[tuple[float, float, list[str]]], said: dict) -> bool:
    middle = (said["start"] + said["end"]) / 2
    return any(a <= middle < b and said["person"] in names for a, b, names in shots)


def main(paths: list[str]) -> None:
    for path in map(Path, paths):
        scene = true_scene(path)
        for aspect in CANVAS:
            began = time.process_time()
            shots = direct(scene, aspect)
            cost = time.process_time() - began
            row = msgspec.to_builtins(measure(shots, scene))
            layouts = {name: sum(s.layout == name for s in shots) for name in ("face-track", "split", "fit")}
            moving = sum(len(r.keyframes) > 1 for s in shots for r in s.regions)
            print(  # noqa: T201
                f"{path.name.split('.')[0]:8} {aspect:5}",
                *(f"{name}={value:.4g}" for name, value in row.items()),
                f"shots={len(shots)} moving={moving} {layouts} cpu={cost * 1000:.0f}ms",
            )


if __name__ == "__main__":
    main(sys.argv[1:])
