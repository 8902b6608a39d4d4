"""Small frames of a timeline's files, which operators see in the Dagster UI."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from carmic_assets.editing.footage import Footage, natural_canvas
from carmic_assets.editing.segment_graph import Shot
from carmic_assets.editing.still_frames import draw_frame
from carmic_assets.model.media import SourceFacts
from carmic_assets.model.timeline import Effects

STRIP_FRAMES = 6
STRIP_WIDTH_PX = 240


def draw_operator_strip(path: str | Path, facts: SourceFacts, folder: Path) -> tuple[Path, ...]:
    """Write evenly spread frames of a video as JPEGs to `folder` and return them in order. Each is a seek of its own.

    Raises:
        RenderError: the file cannot be decoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    footage = Footage(str(path), facts)
    paths = []
    for number in range(STRIP_FRAMES):
        frame = footage.frames * number // STRIP_FRAMES
        start_s = Fraction(frame) / footage.rate.fraction
        paths.append(folder / f"frame-{number}.jpg")
        shot = Shot(footage, start_s, 1, Effects(), natural_canvas(facts))
        draw_frame(shot, paths[-1], "jpeg", STRIP_WIDTH_PX)
    return tuple(paths)
