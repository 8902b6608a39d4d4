"""Scenes for the director's tests: people as functions of time, with the noise of a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from carmic_assets.model.media import FrameRate
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Turn

Place = Callable[[float], tuple[float, float] | None]  # centre of the face, fractions; None while it is not detected

ASPECTS = ("9:16", "1:1", "4:5", "16:9")
DETECTIONS_PER_S = 5


def sit_at(x: float, y: float = 0.4) -> Place:
    """Return the place of a person who does not move."""
    return lambda t: (x, y)


def make_turns(*turns: tuple[float, float, str]) -> tuple[Turn, ...]:
    """Return turns from (start, end, speaker); speaker A is track 1, B is 2."""
    return tuple(Turn(start, end, speaker, "ABC".index(speaker) + 1) for start, end, speaker in turns)


def make_scene(
    people: Sequence[Place],
    duration_s: float,
    turns: Sequence[Turn] = (),
    cuts: Sequence[float] = (),
    size: tuple[int, int] = (1920, 1080),
    face: float = 0.2,
    rate: FrameRate | None = None,
    noise: float = 0.003,
    seed: int = 1,
) -> Scene:
    """Build a scene: `people` are tracks 1, 2, ... of speakers A, B, ...; `face` is face height / frame height."""
    random = np.random.default_rng(seed)
    width, height = size
    tracks = []
    for number, place in enumerate(people, 1):
        rows = []
        for t in np.arange(round(duration_s * DETECTIONS_PER_S)) / DETECTIONS_PER_S:
            if (centre := place(float(t))) is not None:
                h = face * (1 + random.normal(0, 6 * noise))
                w = 0.75 * h * height / width
                x, y = (v + random.normal(0, noise) for v in centre)
                rows.append((float(t), x - w / 2, y - h / 2, w, h))
        if rows:
            t, x, y, w, h = (tuple(float(v) for v in column) for column in zip(*rows, strict=True))
            ones = (1.0,) * len(t)
            tracks.append(SceneTrack(number, "face", t, x, y, w, h, ones, ones))
    tracks_by_speaker = {speaker: (number,) for number, speaker in enumerate("ABC"[: len(people)], 1)}
    return Scene(
        width=width,
        height=height,
        rate=rate or FrameRate(25, 1),
        fps=float(DETECTIONS_PER_S),
        start_s=0.0,
        end_s=float(duration_s),
        cuts_s=tuple(cuts),
        tracks=tuple(tracks),
        turns=tuple(turns),
        people=tracks_by_speaker,
    )
