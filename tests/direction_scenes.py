"""Scenes for the director's tests: people as functions of time, with the noise that detectors have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from carmic_assets.model.media import Rate
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Turn

Place = Callable[[float], tuple[float, float] | None]  # middle of the face, fractions; None while nobody sees it

ASPECTS = ("9:16", "1:1", "4:5", "16:9")


def at(x: float, y: float = 0.4) -> Place:
    return lambda t: (x, y)


def said(*turns: tuple[float, float, str]) -> tuple[Turn, ...]:
    return tuple(Turn(a, b, who, "ABC".index(who) + 1) for a, b, who in turns)


def scene_of(
    people: Sequence[Place],
    seconds: float,
    turns: Sequence[Turn] = (),
    cuts: Sequence[float] = (),
    size: tuple[int, int] = (1920, 1080),
    face: float = 0.2,
    rate: Rate | None = None,
    noise: float = 0.003,
    seed: int = 1,
) -> Scene:
    """`people` are tracks 1, 2, ... with letters A, B, ...; `face` is the height of a face, of the frame's."""
    random = np.random.default_rng(seed)
    width, height = size
    tracks = []
    for number, place in enumerate(people, 1):
        rows = []
        for t in np.arange(round(seconds * 5)) / 5:
            if (middle := place(float(t))) is not None:
                tall = face * (1 + random.normal(0, 6 * noise))
                wide = 0.75 * tall * height / width
                x, y = (v + random.normal(0, noise) for v in middle)
                rows.append((float(t), x - wide / 2, y - tall / 2, wide, tall))
        if rows:
            t, x, y, w, h = (tuple(float(v) for v in column) for column in zip(*rows, strict=True))
            ones = (1.0,) * len(t)
            tracks.append(SceneTrack(number, "face", t, x, y, w, h, ones, ones))
    letters = {letter: (number,) for number, letter in enumerate("ABC"[: len(people)], 1)}
    return Scene(
        width, height, rate or Rate(25, 1), 5.0, 0.0, float(seconds), tuple(cuts), tuple(tracks), tuple(turns), letters
    )
